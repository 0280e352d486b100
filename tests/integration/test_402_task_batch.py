"""POST /tasks/batch: all or nothing."""

import threading

import pytest

from llmq_env.tasks import BODY, SHAPE, fetch, total
from llmq_env.wait import until

OFF = "LLMQDispatcher Off\n"


def items(kb, n):
    return [{**BODY, "kb_id": kb, "payload": {"n": i}} for i in range(n)]


class TestBatch:
    CONF = OFF + """
        <Location /small>
          SetHandler llmq-queue
          Require all granted
          LLMQTaskMaxBatch 2
        </Location>
    """

    @pytest.mark.mpm
    @pytest.mark.parametrize("n", [1, 2, 37, 100])
    def test_all_are_taken_in_order(self, api, n):
        kb = f"kb_many_{n}"
        answer = api.post("/tasks/batch", items(kb, n))
        assert answer.status == 201, answer
        got = answer.json
        assert set(got) == {"tasks", "count"} and got["count"] == n == len(got["tasks"])
        assert [t["payload"]["n"] for t in got["tasks"]] == list(range(n))
        assert len({t["id"] for t in got["tasks"]}) == n
        first = got["tasks"][0]["queue_position"]
        assert [t["queue_position"] for t in got["tasks"]] == list(range(first, first + n))
        assert all(SHAPE <= set(t) for t in got["tasks"])
        assert total(api, f"&kb_id={kb}") == n
        for task in (got["tasks"][0], got["tasks"][n // 2], got["tasks"][-1]):
            assert fetch(api, task["id"])["queue_position"] == task["queue_position"]

    def test_each_item_has_its_own_fields(self, api):
        body = [{"task_type": "document_processing", "kb_id": "kb_1", "payload": {"a": 1},
                 "priority": "high", "max_retries": 0, "timeout": 5},
                {"task_type": "embedding_generation", "kb_id": "kb_2", "payload": {"b": 2}}]
        one, two = api.post("/tasks/batch", body).json["tasks"]
        assert (one["priority"], one["max_retries"], one["timeout"]) == ("high", 0, 5)
        assert (two["priority"], two["max_retries"], two["timeout"]) == ("normal", 3, 300)
        assert (two["task_type"], two["kb_id"], two["payload"]) == (
            "embedding_generation", "kb_2", {"b": 2})

    @pytest.mark.parametrize("bad, field", [
        ({"task_type": "nope"}, "task_type"), ({"kb_id": ""}, "kb_id"), ({"payload": 3}, "payload"),
        ({"priority": "urgent"}, "priority"), ({"timeout": 0}, "timeout"),
        ({"schedule_for": "soon"}, "schedule_for")])
    @pytest.mark.parametrize("index", [0, 4, 9])
    def test_one_bad_item_refuses_all(self, api, bad, field, index):
        before = total(api)
        body = items("kb_bad", 10)
        body[index] = {**body[index], **bad}
        api.post("/tasks/batch", body).denies(400, "INVALID_REQUEST", field, index=index)
        assert total(api) == before

    @pytest.mark.parametrize("item", [None, 1, "x", [], [BODY]])
    def test_item_that_is_no_object(self, api, item):
        api.post("/tasks/batch", [BODY, item]).denies(400, "INVALID_REQUEST", None, index=1)

    @pytest.mark.parametrize("body", [[], {}, {"tasks": [BODY]}, "text", 7, BODY])
    def test_body_that_is_no_list(self, api, body):
        answer = api.post("/tasks/batch", body if body != "text" else '"text"',
                          headers={"Content-Type": "application/json"})
        answer.denies(400, "INVALID_REQUEST")
        assert "index" not in answer.json["details"]

    def test_too_many(self, server, api):
        before = total(api)
        api.post("/tasks/batch", items("kb_101", 101)).denies(400, "INVALID_REQUEST")
        small = server.new_api(base="/small")
        small.post("/tasks/batch", items("kb_3", 3)).denies(400, "INVALID_REQUEST")
        assert total(api) == before
        assert small.post("/tasks/batch", items("kb_3", 2)).json["count"] == 2

    def test_row_that_the_database_refuses(self, server, api):
        """All or nothing in the store, too, while the tasks of others go on."""
        server.query("CREATE UNIQUE INDEX no_poison ON llmq_jobs (user_id) "
                     "WHERE user_id = 'kb_poison'")
        server.log.expect("LLMQ0402", "LLMQ0403", "LLMQ0404", "LLMQ0406", "LLMQ0407")
        assert api.post("/tasks/batch", items("kb_poison", 1)).status == 201
        before = total(api)
        stop, fine = threading.Event(), []

        def others():
            mine = server.new_api()
            while not stop.is_set():
                fine.append(mine.post("/tasks/batch", items("kb_fine", 3)).status)

        threads = [threading.Thread(target=others) for _ in range(3)]
        for thread in threads:
            thread.start()
        until(lambda: len(fine) > 5, "others")
        body = items("kb_mixed", 9) + items("kb_poison", 1)
        answers = [api.post("/tasks/batch", body) for _ in range(5)]
        stop.set()
        for thread in threads:
            thread.join()
        for answer in answers:
            answer.denies(400, "INVALID_REQUEST")
        assert set(fine) == {201}
        assert (total(api, "&kb_id=kb_mixed"), total(api, "&kb_id=kb_poison")) == (0, 1)
        assert total(api) == before + 3 * len(fine)

    def test_replay(self, api):
        headers = {"Idempotency-Key": "batch-1"}
        first = api.post("/tasks/batch", items("kb_replay", 5), headers=headers)
        again = api.post("/tasks/batch", items("kb_replay", 5), headers=headers)
        assert first.status == again.status == 201 and first.body == again.body
        assert again.headers["idempotent-replayed"] == "true"
        assert len({t["id"] for t in first.json["tasks"]}) == 5
        assert total(api, "&kb_id=kb_replay") == 5
