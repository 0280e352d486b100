"""Claims: what a worker asks for, what it gets, and that nobody gets it twice."""

import re
import threading
from datetime import datetime

import pytest

from llmq_env.conf import mounts
from llmq_env.tasks import listed
from llmq_env.wait import until
from llmq_env.workers import Worker, add_task, leave_to_workers, task

TOKEN = re.compile(r"lease_[0-9a-hj-km-np-tv-z]{26}")
S3_MEMBERS = {"id", "task_type", "status", "priority", "kb_id", "payload", "progress",
              "retry_count", "max_retries", "worker_id", "created_at", "updated_at",
              "started_at", "estimated_completion", "queue_position"}


class TestTasks:
    CONF = "LLMQTaskConcurrency 1000\n" + mounts(few="LLMQClaimLimit 2\nLLMQMaxLease 10s",
                                                 other="LLMQTenant other")

    @pytest.fixture(autouse=True)
    def nothing_is_left(self, api):
        """Neither what waits nor what is leased: it would come back when its lease has ended."""
        yield
        for status in ("queued", "processing"):
            for task_id in listed(api, f"?status={status}&page_size=100"):
                assert api.delete(f"/tasks/{task_id}").status == 200

    def test_task_is_the_workers_with_all_it_needs(self, api):
        made = add_task(api, priority="high", payload={"file": "docs/a.pdf", "é": [1]})
        got = Worker(api, "worker_001").get()
        assert S3_MEMBERS <= set(got)
        assert got["id"] == made["id"] and got["kind"] == "task"
        assert got["payload"] == {"file": "docs/a.pdf", "é": [1]}
        assert TOKEN.fullmatch(got["lease_token"])
        assert (got["attempt"], got["deliveries"]) == (1, 1)
        assert got["lease_expires_at"] > got["started_at"]
        shown = task(api, made["id"])
        assert shown["status"] == "processing" and shown["worker_id"] == "worker_001"
        assert "lease_token" not in shown

    def test_nothing_ready_is_an_empty_list(self, api):
        assert Worker(api).ask().json == {"tasks": []}
        assert api.post("/workers/w/claim").json == {"tasks": []}
        assert api.post("/workers/w/claim", {}).json == {"tasks": []}

    def test_limit_is_one_unless_said(self, api):
        for _ in range(5):
            add_task(api)
        worker = Worker(api)
        assert len(worker.claim()) == 1
        got = worker.claim(limit=3)
        assert len(got) == 3
        assert len({job["lease_token"] for job in got}) == 3
        assert len(worker.claim(limit=100)) == 1

    def test_only_the_types_that_were_asked_for(self, api):
        ids = {name: add_task(api, name)["id"]
               for name in ("document_processing", "vector_storage", "embedding_generation")}
        got = Worker(api).claim(task_types=["vector_storage", "embedding_generation"], limit=9)
        assert {job["id"] for job in got} == {ids["vector_storage"],
                                              ids["embedding_generation"]}
        assert Worker(api).claim(task_types=["vector_storage"]) == []
        assert [job["id"] for job in Worker(api).claim(limit=9)] == [ids["document_processing"]]

    def test_urgent_ones_first(self, api):
        ids = {level: add_task(api, priority=level)["id"]
               for level in ("low", "normal", "high", "critical")}
        got = Worker(api).claim(limit=2)
        assert [job["id"] for job in got] == [ids["critical"], ids["high"]]

    def test_paused_level_is_not_given(self, api):
        made = add_task(api, priority="low")
        assert api.post("/admin/queues/low/pause").status == 200
        try:
            assert Worker(api).claim() == []
        finally:
            assert api.post("/admin/queues/low/resume").status == 200
        assert Worker(api).get()["id"] == made["id"]

    def test_nobody_gets_what_another_has(self, api, server):
        ids = {add_task(api)["id"] for _ in range(60)}
        got, failures = [], []

        def work():
            worker = Worker(server.new_api())
            for _ in range(10):
                try:
                    got.extend(worker.claim(limit=2))
                except Exception as problem:  # noqa: BLE001
                    failures.append(problem)

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures
        assert len(got) == 60 and {job["id"] for job in got} == ids
        worker = Worker(api)
        for job in got:
            worker.must("complete", job)

    def test_lease_is_as_long_as_asked_for(self, api):
        add_task(api)
        add_task(api, timeout=20)
        long, short = Worker(api).claim(limit=2, lease=120)

        def seconds(job):
            times = [datetime.fromisoformat(job[key].replace("Z", "+00:00"))
                     for key in ("started_at", "lease_expires_at")]
            return (times[1] - times[0]).total_seconds()

        assert 119 <= seconds(long) <= 121
        assert 19 <= seconds(short) <= 21  # no longer than its time-out

    @pytest.mark.parametrize("body, field", [
        ({"task_types": []}, "task_types"), ({"task_types": ["nothing"]}, "task_types"),
        ({"task_types": "document_processing"}, "task_types"), ({"task_types": [1]}, "task_types"),
        ({"task_types": ["document_processing", None]}, "task_types"),
        ({"kinds": []}, "kinds"), ({"kinds": ["run"]}, "kinds"), ({"kinds": "task"}, "kinds"),
        ({"limit": 0}, "limit"), ({"limit": 101}, "limit"), ({"limit": -1}, "limit"),
        ({"limit": "5"}, "limit"), ({"limit": 1.5}, "limit"),
        ({"wait": -1}, "wait"), ({"wait": 61}, "wait"), ({"wait": "1"}, "wait"),
        ({"lease": 0}, "lease"), ({"lease": 3601}, "lease"), ({"lease": [1]}, "lease"),
        ([], None), ("text", None)])
    def test_bad_claims_get_nothing(self, api, body, field):
        made = add_task(api)
        answer = api.post("/workers/w/claim", body if body != "text" else '"text"',
                          headers={"Content-Type": "application/json"})
        answer.denies(400, "INVALID_REQUEST", field)
        assert task(api, made["id"])["status"] == "queued"

    @pytest.mark.parametrize("name", ["a%20b", "%C3%A9", "x" * 129, "a%2Bb"])
    def test_names_of_workers(self, api, name):
        api.post(f"/workers/{name}/claim", {}).denies(400, "INVALID_REQUEST", "worker_id")

    def test_broken_json_and_methods(self, api):
        api.post("/workers/w/claim", "{", headers={"Content-Type": "application/json"}).denies(
            400, "INVALID_REQUEST")
        answer = api.get("/workers/w/claim")
        assert answer.denies(405, "METHOD_NOT_ALLOWED").headers["allow"] == "POST, OPTIONS"
        api.post("/workers/w/claim", "x", headers={"Content-Type": "text/plain"}).denies(
            415, "UNSUPPORTED_MEDIA_TYPE", "Content-Type")

    def test_limits_of_a_location(self, server, api):
        few = server.new_api("/few")
        few.post("/workers/w/claim", {"limit": 3}).denies(400, "INVALID_REQUEST", "limit")
        few.post("/workers/w/claim", {"lease": 11}).denies(400, "INVALID_REQUEST", "lease")
        assert few.post("/workers/w/claim", {"limit": 2, "lease": 10}).status == 200

    def test_tenants_are_apart(self, server, api):
        made = add_task(api)
        other = server.new_api("/other")
        assert Worker(other).claim(limit=100) == []
        got = Worker(api).get()
        for call in ("heartbeat", "complete", "fail", "release"):
            Worker(other).say(call, got).denies(404, "TASK_NOT_FOUND", task_id=made["id"])
        assert task(api, made["id"])["status"] == "processing"


class TestMessages:
    @pytest.fixture(autouse=True)
    def left_to_workers(self, api):
        leave_to_workers(api)

    def test_message_comes_with_what_was_said(self, api):
        worker = Worker(api, kind="message")
        first = api.send("What is it?", conversation_id="conv_talk")
        second = api.send("And why?", conversation_id="conv_talk")
        got = worker.get()
        assert got["id"] == first["id"] and got["kind"] == "message"
        assert got["content"] == "What is it?" and got["status"] == "processing"
        assert got["messages"] == [{"role": "user", "content": "What is it?"}]
        assert worker.claim(limit=9) == []  # one at a time in a conversation
        worker.must("complete", got, result="A queue.")
        assert api.message(first["id"])["result"]["content"] == "A queue."
        got = worker.get()
        assert got["id"] == second["id"]
        assert got["messages"] == [{"role": "user", "content": "What is it?"},
                                   {"role": "assistant", "content": "A queue."},
                                   {"role": "user", "content": "And why?"}]
        worker.must("complete", got, result={"content": "So.", "model": "m"})
        assert api.message(second["id"])["result"] == {"content": "So.", "model": "m"}

    def test_both_kinds_in_one_claim(self, api):
        made = api.send("hello")
        task_id = add_task(api)["id"]
        worker = Worker(api)
        got = {}

        def both():
            got.update((job["id"], job) for job in
                       worker.claim(kinds=["task", "message"], limit=5))
            return len(got) == 2

        until(both, "a task and a message")
        assert got[made["id"]]["kind"] == "message" and got[task_id]["kind"] == "task"
        for job in got.values():
            worker.must("complete", job, result={"content": "done"})

    def test_status_is_the_workers_to_tell(self, api):
        made = api.send("mine")
        got = Worker(api, "w1", "message").get()
        for status in ("processing", "completed", "pending", "failed"):
            api.set_status(made["id"], status, metadata={"processor_id": "w2"}).refuses(
                409, field="processor_id")
        assert api.message(made["id"])["status"] == "processing"
        done = api.set_status(made["id"], "completed", metadata={"processor_id": "w1"})
        assert done.status == 200
        Worker(api, "w1", "message").say("heartbeat", got).denies(409, "TASK_FINISHED")

    def test_deleted_message_is_told_to_its_worker(self, api):
        made = api.send("never mind")
        worker = Worker(api, kind="message")
        got = worker.get()
        assert api.delete(f"/messages/{made['id']}").status == 200
        answer = worker.say("heartbeat", got)
        assert answer.denies(409, "TASK_FINISHED", message_id=made["id"]).json["cancel"] is True
        worker.say("heartbeat", got, lease_token="lease_x").denies(404, "MESSAGE_NOT_FOUND")

    @pytest.mark.parametrize("result", [1, [], True, ["text"]])
    def test_result_of_a_message_is_text_or_an_object(self, api, result):
        made = api.send("hello")
        worker = Worker(api, kind="message")
        got = worker.get()
        worker.say("complete", got, result=result).denies(400, "INVALID_REQUEST", "result")
        assert api.message(made["id"])["status"] == "processing"
        worker.must("complete", got)


class TestDirectives:
    @pytest.mark.parametrize("line", [
        "LLMQLease 0", "LLMQLease soon", "LLMQLease 8d", "LLMQMaxLease 0", "LLMQMaxLease -1",
        "LLMQMaxDeliveries 0", "LLMQMaxDeliveries many", "LLMQMaxDeliveries 1001",
        "LLMQClaimLimit 0", "LLMQClaimLimit 1001", "LLMQClaimLimit 1.5"])
    def test_bad_values(self, idle, line):
        idle.refusal(line, line.split()[0], 1)
