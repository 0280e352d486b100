"""S3, tasks: create, read, cancel, retry; every field and everything that can be wrong with
one. A worker is not needed here; what only a worker can bring about is written into the
database."""

import concurrent.futures
import itertools
import json
import re
import threading
from datetime import datetime, timedelta, timezone

import pytest

from llmq_env.conf import mounts
from llmq_env.tasks import BODY, SHAPE, create, fetch, listed, total
from llmq_env.wait import until

UUID7 = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
TYPES = ["document_processing", "batch_processing", "knowledge_indexing", "embedding_generation",
         "vector_storage", "health_check"]
OFF = "LLMQDispatcher Off\n"
serial = itertools.count(1)


def moment(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def ahead(**span):
    return (datetime.now(timezone.utc) + timedelta(**span)).strftime("%Y-%m-%dT%H:%M:%SZ")


def end(server, task_id, status=3, **columns):
    """As a worker that has failed would leave it."""
    more = "".join(f", {name} = {value}" for name, value in columns.items())
    server.query(f"UPDATE llmq_jobs SET status = {status}, attempt = attempt + 1{more} "
                 f"WHERE id = '{task_id}'")


@pytest.fixture
def kb():
    return f"kb_{next(serial)}"


@pytest.mark.mpm
class TestCreate:
    CONF = OFF + mounts(other="LLMQTenant other") + "LLMQTaskType own\n"

    def test_answer_has_all_members_of_the_sample(self, api, kb):
        sent = {"task_type": "document_processing", "kb_id": kb, "priority": "high",
                "payload": {"file_path": "uploads/document.pdf", "chunk_size": 1000},
                "max_retries": 3, "timeout": 300, "schedule_for": ahead(minutes=10)}
        answer = api.post("/tasks", sent)
        assert answer.status == 201, answer
        task = answer.json
        assert SHAPE <= set(task)
        assert UUID7.fullmatch(task["id"])
        assert answer.headers["location"] == f"/api/v1/tasks/{task['id']}"
        for name, value in sent.items():
            assert task[name] == value
        assert (task["status"], task["progress"], task["retry_count"]) == ("queued", 0, 0)
        assert task["scheduled_for"] == sent["schedule_for"]
        assert task["error_message"] == task["worker_id"] == task["progress_message"] == ""
        assert task["result"] is task["started_at"] is task["completed_at"] is None
        assert task["queue_position"] == 0  # not ready yet

    def test_get_shows_what_was_created(self, api, kb):
        task = create(api, kb_id=kb)
        got = fetch(api, task["id"])
        assert set(got) == set(task)
        for name in SHAPE - {"estimated_completion"}:
            assert got[name] == task[name], name

    @pytest.mark.parametrize("name", TYPES + ["own"])
    def test_each_type(self, api, name):
        assert create(api, task_type=name)["task_type"] == name

    @pytest.mark.parametrize("word", ["low", "normal", "high", "critical"])
    def test_each_priority(self, api, word):
        task = create(api, priority=word)
        assert fetch(api, task["id"])["priority"] == word

    def test_optional_fields_have_defaults(self, api):
        for fields in ({}, {"priority": None, "max_retries": None, "timeout": None,
                            "schedule_for": None, "unknown": 1}):
            task = create(api, **fields)
            assert (task["priority"], task["max_retries"], task["timeout"]) == ("normal", 3, 300)
            assert task["schedule_for"] is task["scheduled_for"] is None

    def test_no_retries_is_not_the_default(self, api):
        assert create(api, max_retries=0)["max_retries"] == 0

    @pytest.mark.parametrize("payload", [
        {}, {"a": None, "b": [1, {"c": "ä\u2028\u0001\"\\/"}]}, {"n": 12345678901234567890123},
        {"deep": [[[[[[[[1]]]]]]]]}, {"x": "y" * 50000}])
    def test_payload_comes_back_unchanged(self, api, payload):
        task = create(api, payload=payload)
        assert task["payload"] == fetch(api, task["id"])["payload"] == payload

    def test_payload_keeps_its_numbers(self, api):
        text = '{"f":1.50,"e":1e3,"big":123456789012345678901234567890}'
        answer = api.post("/tasks", json.dumps(BODY)[:-1] + f', "payload": {text}}}',
                          headers={"Content-Type": "application/json"})
        got = json.loads(api.get(f"/tasks/{answer.json['id']}").body, parse_float=str)
        assert got["payload"] == json.loads(text, parse_float=str)

    def test_kb_id_is_free_text(self, api):
        for kb in ("知识库 1", "a/b?c=d&e", "x" * 128, "'; DROP TABLE llmq_jobs; --"):
            task = create(api, kb_id=kb)
            assert fetch(api, task["id"])["kb_id"] == kb

    def test_past_moment_is_now(self, api):
        task = create(api, schedule_for="2001-01-01T00:00:00Z")
        assert task["scheduled_for"] == "2001-01-01T00:00:00Z"
        assert task["queue_position"] > 0

    def test_moment_with_an_offset_is_echoed_twice(self, api):
        when = datetime.now(timezone(timedelta(hours=8))) + timedelta(hours=1)
        when = when.replace(microsecond=0)
        task = create(api, schedule_for=when.isoformat())
        assert task["schedule_for"] == when.isoformat()
        assert moment(task["scheduled_for"]) == when and task["scheduled_for"].endswith("Z")

    def test_another_tenant_does_not_see_it(self, server, api):
        task = create(api)
        other = server.new_api(base="/other")
        other.get(f"/tasks/{task['id']}").denies(404, "TASK_NOT_FOUND")
        other.delete(f"/tasks/{task['id']}").denies(404, "TASK_NOT_FOUND")
        other.post(f"/tasks/{task['id']}/retry").denies(404, "TASK_NOT_FOUND")
        assert listed(other) == []


BAD = [
    ({"task_type": None}, "task_type"), ({"task_type": 7}, "task_type"),
    ({"task_type": "nope"}, "task_type"), ({"task_type": "url_download_processing"}, "task_type"),
    ({"task_type": "Health_Check"}, "task_type"), ({"task_type": ["health_check"]}, "task_type"),
    ({"kb_id": None}, "kb_id"), ({"kb_id": ""}, "kb_id"), ({"kb_id": "  "}, "kb_id"),
    ({"kb_id": 5}, "kb_id"), ({"kb_id": "x" * 129}, "kb_id"), ({"kb_id": "a\tb"}, "kb_id"),
    ({"priority": "realtime"}, "priority"), ({"priority": "urgent"}, "priority"),
    ({"priority": 1}, "priority"), ({"priority": ""}, "priority"), ({"priority": True}, "priority"),
    ({"payload": None}, "payload"), ({"payload": []}, "payload"), ({"payload": "x"}, "payload"),
    ({"payload": 1}, "payload"),
    ({"max_retries": -1}, "max_retries"), ({"max_retries": 1.5}, "max_retries"),
    ({"max_retries": "3"}, "max_retries"), ({"max_retries": 10 ** 30}, "max_retries"),
    ({"max_retries": [3]}, "max_retries"),
    ({"timeout": 0}, "timeout"), ({"timeout": -300}, "timeout"), ({"timeout": "300"}, "timeout"),
    ({"timeout": 10 ** 30}, "timeout"), ({"timeout": {}}, "timeout"),
    ({"schedule_for": "soon"}, "schedule_for"), ({"schedule_for": 1753713000}, "schedule_for"),
    ({"schedule_for": "2025-13-01T00:00:00Z"}, "schedule_for"),
    ({"schedule_for": ""}, "schedule_for"),
    ({"schedule_for": "9999-12-31T23:59:59Z"}, "schedule_for"),
]


class TestBadInput:
    CONF = OFF + "LimitRequestBody 100000\nLLMQTaskMaxPayload 60000\n"

    @pytest.mark.parametrize("fields, field", BAD)
    def test_field_is_refused_and_named(self, api, fields, field):
        before = total(api)
        answer = api.post("/tasks", {**BODY, **fields}).denies(400, "INVALID_REQUEST", field)
        assert answer.json["details"]["reason"]
        assert total(api) == before

    @pytest.mark.parametrize("field", ["task_type", "kb_id", "payload"])
    def test_missing_field_is_refused(self, api, field):
        body = {name: value for name, value in BODY.items() if name != field}
        api.post("/tasks", body).denies(400, "INVALID_REQUEST", field)

    @pytest.mark.parametrize("text", [
        "", "{", "[]", "null", "7", '"x"', "{}}", '{"a":1,}', '{"a":NaN}', b'{"a":"\xff"}',
        '{"task_type":"health_check","kb_id":"\\u0000","payload":{}}', "{'a':1}"])
    def test_body_that_is_no_task(self, api, text):
        for path in ("/tasks", "/tasks/batch"):
            answer = api.post(path, text, headers={"Content-Type": "application/json"})
            answer.denies(400, "INVALID_REQUEST", answer.json["details"].get("field"))
        assert total(api) == 0

    def test_other_content_types(self, api):
        for kind in ("text/plain", "application/x-www-form-urlencoded"):
            answer = api.post("/tasks", json.dumps(BODY), headers={"Content-Type": kind})
            answer.denies(415, "UNSUPPORTED_MEDIA_TYPE", answer.json["details"].get("field"))

    def test_huge_payload(self, api):
        answer = api.post("/tasks", {**BODY, "payload": {"x": "y" * 60001}})
        answer.denies(413, "PAYLOAD_TOO_LARGE", "payload")

    def test_huge_body(self, server, api):
        server.log.expect("AH01587")
        answer = api.post("/tasks", {**BODY, "payload": {"x": "y" * 100001}})
        answer.denies(413, "PAYLOAD_TOO_LARGE", answer.json["details"].get("field"))

    @pytest.mark.parametrize("task_id", ["nope", "msg_1", "x" * 200, "%00", "a%2Fb", "%ff",
                                         "00000000-0000-7000-8000-000000000000"])
    def test_unknown_id(self, api, task_id):
        api.get(f"/tasks/{task_id}").denies(404, "TASK_NOT_FOUND")
        api.delete(f"/tasks/{task_id}").denies(404, "TASK_NOT_FOUND")
        if task_id not in ("%00", "a%2Fb"):
            answer = api.post(f"/tasks/{task_id}/retry").denies(404, "TASK_NOT_FOUND")
            assert answer.json["message"] == "Task with specified ID does not exist"

    def test_message_is_no_task(self, api):
        api.get(f"/tasks/{api.send()['id']}").denies(404, "TASK_NOT_FOUND")
        task = create(api)
        api.get(f"/messages/{task['id']}").refuses(404, 1004)
        api.delete(f"/messages/{task['id']}").refuses(404, 1004)
        api.set_status(task["id"], "completed").refuses(404, 1004, "message_id")
        api.delete(f"/tasks/{task['id']}")

    @pytest.mark.parametrize("path, methods", [
        ("/tasks", {"GET", "POST"}), ("/tasks/x", {"GET", "DELETE"}), ("/tasks/x/retry", {"POST"})])
    def test_wrong_method(self, api, path, methods):
        answer = api.call("PATCH", path).denies(405, "METHOD_NOT_ALLOWED")
        allowed = {m.strip() for m in answer.headers["allow"].split(",")}
        assert methods <= allowed


class TestCancel:
    CONF = OFF

    def test_queued_task_is_canceled_once(self, api):
        task = create(api)
        answer = api.delete(f"/tasks/{task['id']}")
        assert answer.status == 200
        assert answer.json == {"message": "Task canceled successfully", "task_id": task["id"]}
        got = fetch(api, task["id"])
        assert (got["status"], got["queue_position"]) == ("canceled", 0)
        assert got["completed_at"]
        again = api.delete(f"/tasks/{task['id']}")
        again.denies(409, "TASK_NOT_CANCELABLE", task_id=task["id"])
        assert "canceled" in again.json["message"]

    def test_place_is_free_again(self, api, kb):
        first = create(api, kb_id=kb, priority="low")
        second = create(api, kb_id=kb, priority="low")
        assert second["queue_position"] == first["queue_position"] + 1
        api.delete(f"/tasks/{first['id']}")
        assert fetch(api, second["id"])["queue_position"] == first["queue_position"]

    def test_far_moment_is_taken(self, api):
        task = create(api, schedule_for="2099-12-31T23:59:59Z")
        assert task["status"] == "queued" and task["queue_position"] == 0
        assert task["schedule_for"] == task["scheduled_for"] == "2099-12-31T23:59:59Z"
        assert api.delete(f"/tasks/{task['id']}").status == 200

    def test_scheduled_task_is_canceled(self, api):
        task = create(api, schedule_for=ahead(hours=1))
        assert api.delete(f"/tasks/{task['id']}").status == 200

    def test_processing_task_is_canceled_at_once(self, server, api):
        task = create(api)
        end(server, task["id"], status=1, owner="'worker_1'", lease_token="'t'",
            lease_until=9000000000000000)
        assert fetch(api, task["id"])["status"] == "processing"
        assert api.delete(f"/tasks/{task['id']}").status == 200
        assert fetch(api, task["id"])["status"] == "canceled"
        assert fetch(api, task["id"])["worker_id"] == "worker_1"

    @pytest.mark.parametrize("status", [2, 3, 4])
    def test_ended_task_is_not(self, server, api, status):
        task = create(api)
        end(server, task["id"], status=status)
        api.delete(f"/tasks/{task['id']}").denies(409, "TASK_NOT_CANCELABLE", task_id=task["id"])

    def test_only_one_of_many_cancels(self, server, api):
        task = create(api)

        def cancel(_):
            return server.new_api().delete(f"/tasks/{task['id']}").status

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = sorted(pool.map(cancel, range(8)))
        assert answers == [200] + [409] * 7


class TestRetry:
    CONF = OFF

    @pytest.mark.parametrize("status", [3, 4])
    def test_failed_task_is_queued_again(self, server, api, status):
        task = create(api, max_retries=2)
        end(server, task["id"], status, retry_count=2, dead_letter=1, finished_at=5, progress=70,
            note="'half'", error="'{\"type\":\"worker\",\"message\":\"no disk\"}'", owner="'w'",
            deliveries=9)
        failed = fetch(api, task["id"])
        assert (failed["status"], failed["error_message"]) == ("failed", "no disk")
        api.delete(f"/tasks/{task['id']}").denies(409, "TASK_NOT_CANCELABLE")
        answer = api.post(f"/tasks/{task['id']}/retry")
        assert answer.status == 200, answer
        got = answer.json
        assert set(got) == set(task)
        assert (got["status"], got["retry_count"], got["max_retries"]) == ("queued", 3, 3)
        assert (got["progress"], got["progress_message"], got["worker_id"]) == (0, "", "")
        assert got["error_message"] == "" and got["completed_at"] is None
        assert got["queue_position"] >= 1
        assert fetch(api, task["id"])["queue_position"] == got["queue_position"]
        api.post(f"/tasks/{task['id']}/retry").denies(409, "TASK_NOT_RETRYABLE")

    @pytest.mark.parametrize("status, word", [(0, "queued"), (1, "processing"), (2, "completed"),
                                              (5, "canceled")])
    def test_other_states_are_not(self, server, api, status, word):
        task = create(api)
        end(server, task["id"], status)
        answer = api.post(f"/tasks/{task['id']}/retry")
        answer.denies(409, "TASK_NOT_RETRYABLE", task_id=task["id"])
        assert word in answer.json["message"]

    def test_only_one_of_many_retries(self, server, api):
        task = create(api)
        end(server, task["id"])

        def retry(_):
            return server.new_api().post(f"/tasks/{task['id']}/retry").status

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = sorted(pool.map(retry, range(8)))
        assert answers == [200] + [409] * 7
        assert fetch(api, task["id"])["retry_count"] == 1


class TestPlaces:
    """queue_position and estimated_completion, from an empty queue on."""

    CONF = OFF

    def test_position_counts_the_ready_of_the_priority(self, api, kb):
        ids = []
        for place in (1, 2, 3):
            task = create(api, priority="high", task_type=TYPES[place], kb_id=f"{kb}_{place}")
            ids.append(task["id"])
            assert task["queue_position"] == place
        assert create(api, priority="critical")["queue_position"] == 1
        assert create(api, priority="high", schedule_for=ahead(hours=1))["queue_position"] == 0
        assert [fetch(api, i)["queue_position"] for i in ids] == [1, 2, 3]
        assert {t["id"]: t["queue_position"] for t in api.get("/tasks?priority=high").json["tasks"]
                if t["id"] in ids} == dict(zip(ids, (1, 2, 3)))
        api.delete(f"/tasks/{ids[0]}")
        assert [fetch(api, i)["queue_position"] for i in ids] == [0, 1, 2]

    def test_estimate_of_a_type_that_nobody_has_done_is_its_timeout(self, api):
        task = create(api, timeout=300, priority="low")
        begin = moment(task["estimated_completion"]) - timedelta(seconds=300)
        assert moment(task["created_at"]) - timedelta(seconds=1) <= begin
        assert begin <= datetime.now(timezone.utc) + timedelta(seconds=1)

    def test_estimate_begins_when_the_task_may(self, api):
        task = create(api, timeout=60, schedule_for=ahead(hours=1))
        span = moment(task["estimated_completion"]) - moment(task["scheduled_for"])
        assert timedelta(seconds=59) <= span <= timedelta(seconds=61)

    def test_retrying_is_shown_in_back_off_only(self, server, api):
        task = create(api)
        server.query(f"UPDATE llmq_jobs SET retry_count = 1, run_at = 9000000000000000 "
                     f"WHERE id = '{task['id']}'")
        got = fetch(api, task["id"])
        assert (got["status"], got["queue_position"]) == ("retrying", 0)
        assert listed(api, "?status=retrying") == [task["id"]]
        assert task["id"] not in listed(api, "?status=queued")
        server.query(f"UPDATE llmq_jobs SET run_at = 5 WHERE id = '{task['id']}'")
        assert fetch(api, task["id"])["status"] == "queued"


class TestFull:
    CONF = OFF + "LLMQTaskQueueSize low 3\nLLMQRetryAfter 7s\nLLMQTaskType narrow\n"

    def test_full_queue_refuses_and_stores_nothing(self, api):
        tasks = [create(api, priority="low") for _ in range(3)]
        answer = api.post("/tasks", {**BODY, "priority": "low"}).denies(503, "QUEUE_FULL")
        assert answer.headers["retry-after"] == "7"
        batch = [{**BODY, "priority": "high"}] * 2 + [{**BODY, "priority": "low"}]
        api.post("/tasks/batch", batch).denies(503, "QUEUE_FULL", index=2)
        assert total(api) == 3
        assert create(api, priority="high")["queue_position"] == 1
        api.delete(f"/tasks/{tasks[0]['id']}")
        create(api, priority="low")


class TestGate:
    CONF = OFF + """
        <Location /shut>
          SetHandler llmq-queue
          Require all granted
          LLMQMaintenance On
        </Location>
        <Location /slow>
          SetHandler llmq-queue
          Require all granted
          LLMQRateLimit 2/min
        </Location>
    """

    def test_maintenance(self, server, api):
        shut = server.new_api(base="/shut")
        for path, body in (("/tasks", BODY), ("/tasks/batch", [BODY])):
            answer = shut.post(path, body).denies(503, "SERVICE_UNAVAILABLE")
            assert answer.headers["retry-after"]
        assert shut.get("/tasks").status == 200

    def test_rate(self, server):
        slow = server.new_api(base="/slow")
        assert slow.post("/tasks", BODY).headers["ratelimit-limit"]
        answers = [slow.post("/tasks", BODY) for _ in range(5)]
        refused = [a for a in answers if a.status == 429]
        assert refused
        refused[0].denies(429, "RATE_LIMITED")
        assert int(refused[0].headers["retry-after"]) > 0
        assert refused[0].headers["ratelimit-remaining"] == "0"


class TestTurns:
    """Who takes turns with whom: the kb_id, or what LLMQFairnessKey says."""

    CONF = OFF + """
        LLMQFairnessWeight kb_heavy 5
        <Location /teams>
          SetHandler llmq-queue
          Require all granted
          LLMQFairnessKey "%{llmq_meta:team}%{LLMQ_TASK_TYPE}%{LLMQ_PRIORITY}"
        </Location>
    """

    def keys(self, server, tasks):
        rows = [server.query(f"SELECT fair_key, weight FROM llmq_jobs WHERE id = '{t['id']}'")[0]
                for t in tasks]
        return [tuple(str(value) for value in row) for row in rows]

    def test_kb_id_is_the_default(self, server, api):
        plain, heavy = self.keys(server, [create(api), create(api, kb_id="kb_heavy")])
        assert plain == ("0", "1") and heavy == ("0", "5")

    def test_expression_sees_the_task(self, server):
        api = server.new_api(base="/teams")
        made = [create(api, kb_id="kb_1", payload={"team": "a"}),
                create(api, kb_id="kb_2", payload={"team": "a"}),
                create(api, kb_id="kb_1", payload={"team": "b"}),
                create(api, kb_id="kb_1", payload={"team": "a"}, task_type="health_check"),
                create(api, kb_id="kb_1", payload={"team": "a"}, priority="critical")]
        keys = [key for key, _ in self.keys(server, made)]
        assert keys[0] == keys[1] != "0"
        assert len(set(keys)) == 4


class TestWait:
    CONF = OFF + "LLMQMaxWait 10min\n"

    def test_time_out_names_the_task(self, api):
        answer = api.post("/tasks?wait=0.2", BODY)
        answer.denies(408, "WAIT_TIMEOUT")
        assert fetch(api, answer.json["details"]["task_id"])["status"] == "queued"

    @pytest.mark.parametrize("word", ["x", "-1", "1s", "1e3"])
    def test_bad_wait_stores_nothing(self, api, word):
        before = total(api)
        api.post(f"/tasks?wait={word}", BODY).denies(400, "INVALID_REQUEST", "wait")
        assert total(api) == before

    def test_answer_is_the_task_as_it_ended(self, server, api, kb):
        got = []
        thread = threading.Thread(target=lambda: got.append(
            server.new_api().post("/tasks?wait=600", {**BODY, "kb_id": kb})))
        thread.start()
        task_id = until(lambda: listed(api, f"?kb_id={kb}"), "the task")[0]
        server.query("UPDATE llmq_jobs SET status = 2, attempt = attempt + 1, progress = 100, "
                     f"result = '{{\"pages\":3}}', finished_at = 5 WHERE id = '{task_id}'")
        thread.join()
        assert got[0].status == 201, got
        assert (got[0].json["status"], got[0].json["result"]) == ("completed", {"pages": 3})

    def test_canceled_while_it_waits(self, server, api, kb):
        got = []
        thread = threading.Thread(target=lambda: got.append(
            server.new_api().post("/tasks?wait=600", {**BODY, "kb_id": kb})))
        thread.start()
        task_id = until(lambda: listed(api, f"?kb_id={kb}"), "the task")[0]
        assert api.delete(f"/tasks/{task_id}").status == 200
        thread.join()
        assert (got[0].status, got[0].json["status"]) == (201, "canceled")


class TestIdempotency:
    CONF = OFF

    def test_create_is_replayed(self, api, kb):
        headers = {"Idempotency-Key": kb}
        first = api.post("/tasks", {**BODY, "kb_id": kb}, headers=headers)
        again = api.post("/tasks", {**BODY, "kb_id": kb}, headers=headers)
        assert first.status == again.status == 201 and first.body == again.body
        assert again.headers["idempotent-replayed"] == "true"
        assert again.headers["location"] == first.headers["location"]
        assert UUID7.fullmatch(first.json["id"])
        assert total(api, f"&kb_id={kb}") == 1

    def test_other_body_is_refused(self, api, kb):
        headers = {"Idempotency-Key": kb}
        api.post("/tasks", {**BODY, "kb_id": kb}, headers=headers)
        answer = api.post("/tasks", {**BODY, "kb_id": kb, "timeout": 5}, headers=headers)
        answer.denies(422, "IDEMPOTENCY_KEY_REUSED", "Idempotency-Key")

    def test_retry_is_replayed(self, server, api, kb):
        task = create(api, kb_id=kb)
        end(server, task["id"])
        headers = {"Idempotency-Key": kb}
        first = api.post(f"/tasks/{task['id']}/retry", headers=headers)
        again = api.post(f"/tasks/{task['id']}/retry", headers=headers)
        assert first.status == again.status == 200 and first.body == again.body
        assert fetch(api, task["id"])["retry_count"] == 1

    def test_refusal_is_not_replayed(self, api, kb):
        headers = {"Idempotency-Key": kb}
        api.post("/tasks", {**BODY, "kb_id": ""}, headers=headers).denies(
            400, "INVALID_REQUEST", "kb_id")
        assert api.post("/tasks", {**BODY, "kb_id": kb}, headers=headers).status == 201


class TestRestart:
    """What was accepted is there again after the queue was built anew."""

    CONF = "LLMQTaskQueueSize normal 100\n"

    def test_tasks_outlive_the_server(self, server, api):
        tasks = [create(api) for _ in range(5)]
        api.delete(f"/tasks/{tasks[0]['id']}")
        api.close()
        server.restart()
        until(lambda: fetch(api, tasks[4]["id"])["queue_position"] == 4, "the walk over the store")
        assert [fetch(api, t["id"])["status"] for t in tasks] == ["canceled"] + ["queued"] * 4
