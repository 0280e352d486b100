"""GET /tasks: every filter, every order, pages, and what is refused."""

import json
from datetime import datetime, timedelta, timezone
from urllib.parse import quote

import pytest

from llmq_env.tasks import SHAPE, create, fetch, listed, total

OFF = "LLMQDispatcher Off\n"
ROWS = [  # type, kb, priority, status, progress
    ("document_processing", "kb_a", "low", 0, 0),
    ("embedding_generation", "kb_a", "high", 1, 40),
    ("document_processing", "kb_b", "critical", 2, 100),
    ("vector_storage", "kb_b", "normal", 3, 10),
    ("document_processing", "kb_a", "normal", 5, 20),
    ("vector_storage", "知识 1&2", "high", 4, 0),
]


@pytest.fixture(scope="class")
def ids(server):
    """The tasks of ROWS, seconds apart, and those that were changed last much more: in that order
    they are the other way round, however long it takes to make them."""
    api = server.new_api()
    made = []
    for i, (kind, kb, priority, status, progress) in enumerate(ROWS):
        task = create(api, task_type=kind, kb_id=kb, priority=priority)
        made.append(task["id"])
        server.query(f"UPDATE llmq_jobs SET created_at = created_at - {len(ROWS) - i} * 1000000, "
                     f"updated_at = updated_at - {i} * 100000000, status = {status}, "
                     f"progress = {progress} WHERE id = '{task['id']}'")
    api.send("no task")
    api.close()
    return made


def named(ids, *numbers):
    return [ids[n] for n in numbers]


class TestList:
    CONF = OFF

    def test_shape(self, api, ids):
        got = api.get("/tasks")
        assert got.status == 200
        assert set(got.json) == {"tasks", "pagination", "total"}
        assert got.json["pagination"] == {"page": 1, "page_size": 20, "total": 6, "total_pages": 1}
        assert got.json["total"] == 6
        for task in got.json["tasks"]:
            assert SHAPE <= set(task)
            assert {k: v for k, v in task.items() if k != "estimated_completion"} == {
                k: v for k, v in fetch(api, task["id"]).items() if k != "estimated_completion"}

    def test_newest_first(self, api, ids):
        assert listed(api) == ids[::-1]

    @pytest.mark.parametrize("query, wanted", [
        ("kb_id=kb_a", (4, 1, 0)), ("kb_id=kb_b", (3, 2)), ("kb_id=nobody", ()),
        ("kb_id=" + quote("知识 1&2"), (5,)), ("kb_id=kb_a%27%20OR%201=1", ()),
        ("task_type=document_processing", (4, 2, 0)), ("task_type=health_check", ()),
        ("priority=low", (0,)), ("priority=high", (5, 1)), ("priority=critical", (2,)),
        ("status=queued", (0,)), ("status=processing", (1,)), ("status=completed", (2,)),
        ("status=failed", (5, 3)), ("status=canceled", (4,)), ("status=retrying", ()),
        ("kb_id=kb_a&status=queued", (0,)), ("kb_id=kb_a&task_type=document_processing", (4, 0)),
        ("kb_id=kb_b&priority=critical&status=completed&task_type=document_processing", (2,)),
        ("kb_id=kb_a&priority=critical", ()), ("kb_id=", (5, 4, 3, 2, 1, 0)),
        ("kb_id=kb_b&sort_by=created_at&sort_order=asc", (2, 3)),
    ])
    def test_filter(self, api, ids, query, wanted):
        got = api.get("/tasks?" + query)
        assert [t["id"] for t in got.json["tasks"]] == named(ids, *wanted)
        assert got.json["total"] == got.json["pagination"]["total"] == len(wanted)

    @pytest.mark.parametrize("field, up", [
        ("created_at", (0, 1, 2, 3, 4, 5)), ("updated_at", (5, 4, 3, 2, 1, 0)),
        ("priority", (2, 1, 5, 3, 4, 0)), ("status", (0, 1, 2, 3, 5, 4)),
        ("progress", (0, 5, 3, 4, 1, 2))])
    def test_order(self, api, ids, field, up):
        assert listed(api, f"?sort_by={field}&sort_order=asc") == named(ids, *up)
        assert listed(api, f"?sort_by={field}&sort_order=desc") == named(ids, *up)[::-1]
        assert listed(api, f"?sort_by={field}") == named(ids, *up)[::-1]

    def test_created_after(self, api, ids):
        third = fetch(api, ids[3])["created_at"]
        assert listed(api, f"?created_after={quote(third)}") == named(ids, 5, 4, 3)
        assert listed(api, "?created_after=1h") == ids[::-1]
        assert listed(api, "?created_after=1ms") == []
        later = (datetime.now(timezone.utc) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        assert listed(api, f"?created_after={later}") == []

    def test_pages(self, api, ids):
        assert listed(api, "?page_size=4") == named(ids, 5, 4, 3, 2)
        assert listed(api, "?page_size=4&page=2") == named(ids, 1, 0)
        got = api.get("/tasks?page=7&page_size=4").json
        assert got["tasks"] == []
        assert got["pagination"] == {"page": 7, "page_size": 4, "total": 6, "total_pages": 2}
        assert api.get("/tasks?page_size=1000").json["pagination"]["page_size"] == 100

    @pytest.mark.parametrize("query, field", [
        ("status=pending", "status"), ("status=QUEUED", "status"),
        ("priority=realtime", "priority"), ("priority=1", "priority"),
        ("task_type=nope", "task_type"), ("sort_by=payload", "sort_by"),
        ("sort_by=created_at;drop", "sort_by"), ("sort_by=CREATED_AT", "sort_by"),
        ("sort_order=down", "sort_order"), ("page=0", "page"), ("page=x", "page"),
        ("page=-1", "page"), ("page_size=0", "page_size"), ("page_size=1.5", "page_size"),
        ("created_after=yesterday", "created_after"), ("created_after=-1h", "created_after")])
    def test_bad_parameter(self, api, ids, query, field):
        api.get("/tasks?" + query).denies(400, "INVALID_REQUEST", field)

    @pytest.mark.parametrize("query", ["kb_id=%ff", "kb_id=%00", "kb_id=%zz"])
    def test_bytes_that_are_no_text(self, api, ids, query):
        answer = api.get("/tasks?" + query)
        answer.denies(400, "INVALID_REQUEST", answer.json["details"].get("field"))


class TestMany:
    """A list among many tasks of others, and the plan that keeps it short."""

    CONF = OFF

    def fill(self, server, n):
        row = json.dumps({"a": 1})
        series = (f"FROM generate_series(1, {n}) AS s(i)" if server.store == "pgsql" else
                  f"FROM (WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s "
                  f"WHERE i < {n}) SELECT i FROM s) AS s")
        server.query(
            "INSERT INTO llmq_jobs (id, tenant, node, user_id, kind, level, status, created_at, "
            "updated_at, payload, metadata, type) SELECT 'filler-' || i, 'default', 'nobody', "
            f"'kb_' || (i % 500), 2, 3, 2, i, i, '{row}', '{{}}', 'health_check' {series}")

    def test_list_of_one_kb_reads_only_its_own(self, server, api):
        self.fill(server, 20000)
        assert total(api, "&kb_id=kb_7") == 40
        sql = ("SELECT id FROM llmq_jobs WHERE tenant = 'default' AND kind = 2 "
               "AND removed_at IS NULL AND user_id = 'kb_7' ORDER BY created_at DESC LIMIT 20")
        if server.store == "pgsql":
            server.query("ANALYZE llmq_jobs")
            plan = str(server.query("EXPLAIN " + sql))
        else:
            plan = str(server.query("EXPLAIN QUERY PLAN " + sql))
        assert "llmq_jobs_kb" in plan
        create(api, kb_id="kb_7")
        assert len(listed(api, "?kb_id=kb_7&page_size=100")) == 41
