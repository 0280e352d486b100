"""Leases: heartbeat, complete, fail, release, and what is refused."""

import pytest

from llmq_env.tasks import lasting
from llmq_env.workers import Worker, add_task, leave_to_workers, task, until_task

QUICK = "LLMQRetryDelay 100ms 200ms\n"
CALLS = ("heartbeat", "complete", "fail", "release")


class TestCalls:
    CONF = QUICK

    @pytest.fixture
    def worker(self, api):
        return Worker(api)

    @pytest.fixture
    def job(self, api, worker):
        made = add_task(api)
        got = worker.claim(limit=100)
        yield next(job for job in got if job["id"] == made["id"])
        for left in got:
            worker.say("complete", left)

    def test_heartbeat_extends_from_now(self, worker, job):
        before = job["lease_expires_at"]
        assert worker.must("heartbeat", job, extend=200)["lease_expires_at"] > before
        assert worker.must("heartbeat", job, extend=20)["lease_expires_at"] < before
        answer = worker.must("heartbeat", job)
        assert answer["task_id"] == job["id"] and answer["status"] == "processing"
        assert "cancel" not in answer

    def test_heartbeat_never_goes_beyond_the_time_out(self, api, worker):
        add_task(api, timeout=300)
        got = worker.get(lease=600)
        first = got["lease_expires_at"]
        assert worker.must("heartbeat", got, extend=3600)["lease_expires_at"] == first
        worker.must("complete", got)

    @pytest.mark.parametrize("result", [{"pages": 3, "é": None}, [1, 2], "text", 7, True])
    def test_result_is_kept_as_it_was_given(self, api, worker, job, result):
        answer = worker.must("complete", job, result=result)
        assert answer["status"] == "completed" and answer["task_id"] == job["id"]
        shown = task(api, job["id"])
        assert shown["status"] == "completed" and shown["result"] == result
        assert shown["progress"] == 100 and shown["worker_id"] == worker.name
        assert shown["completed_at"] and shown["error_message"] == ""

    def test_without_a_result(self, api, worker, job):
        worker.must("complete", job)
        assert task(api, job["id"])["result"] is None

    def test_failure_is_tried_again_after_a_while(self, api, worker, job):
        answer = worker.must("fail", job, error="no disk")
        assert answer["status"] == "retrying" and answer["retry_count"] == 1
        shown = task(api, job["id"])
        assert shown["error_message"] == "no disk" and shown["retry_count"] == 1
        again = worker.get()
        assert (again["attempt"], again["deliveries"]) == (2, 2)
        assert again["lease_token"] != job["lease_token"]
        worker.must("complete", again, result={"ok": 1})
        assert task(api, job["id"])["error_message"] == ""

    def test_retry_after_is_the_least(self, api, worker, job):
        worker.must("fail", job, retry_after=600)
        assert task(api, job["id"])["status"] == "retrying"
        assert worker.claim() == []
        assert api.delete(f"/tasks/{job['id']}").status == 200

    def test_no_retry_helps(self, api, worker, job):
        answer = worker.must("fail", job, error={"message": "bad file", "code": 7},
                             retryable=False)
        assert answer["status"] == "failed"
        shown = task(api, job["id"])
        assert shown["status"] == "failed" and shown["error_message"] == "bad file"
        dead = api.get("/admin/dead-letter?kind=task").data["items"]
        assert job["id"] in [item["id"] for item in dead]

    def test_retries_are_used_up(self, api, worker):
        made = add_task(api, max_retries=1)
        worker.must("fail", worker.get())
        assert worker.must("fail", worker.get())["status"] == "failed"
        assert task(api, made["id"])["retry_count"] == 1

    def test_release_takes_its_delivery_back(self, api, worker, job):
        for _ in range(8):  # more often than a worker may die of it
            answer = worker.must("release", job)
            assert answer["status"] == "queued"
            shown = task(api, job["id"])
            assert shown["status"] == "queued" and shown["worker_id"] == ""
            job = worker.get()
            assert (job["attempt"], job["deliveries"]) == (1, 1)
        worker.must("complete", job)

    @pytest.mark.parametrize("call", CALLS)
    def test_wrong_token_changes_nothing(self, api, worker, job, call):
        before = lasting(task(api, job["id"]))
        for token in ("lease_" + "0" * 26, "x", "own_x", "' OR 1=1 --", "é" * 50):
            worker.say(call, job, lease_token=token).denies(
                409, "STALE_LEASE", task_id=job["id"])
        assert lasting(task(api, job["id"])) == before

    @pytest.mark.parametrize("call", CALLS)
    def test_token_of_the_lease_before_is_stale(self, api, worker, job, call):
        worker.must("release", job)
        again = worker.get()
        worker.say(call, job).denies(409, "STALE_LEASE")
        assert task(api, job["id"])["status"] == "processing"
        worker.must("complete", again)

    @pytest.mark.parametrize("call", CALLS)
    def test_what_has_ended_is_finished(self, api, worker, job, call):
        worker.must("complete", job, result={"first": True})
        answer = worker.say(call, job, **({"result": 2} if call == "complete" else {}))
        answer.denies(409, "TASK_FINISHED", task_id=job["id"])
        assert "cancel" not in answer.json
        assert task(api, job["id"])["result"] == {"first": True}

    @pytest.mark.parametrize("call", CALLS)
    def test_canceled_task_is_told_to_its_worker(self, api, worker, job, call):
        assert api.delete(f"/tasks/{job['id']}").status == 200
        answer = worker.say(call, job)
        assert answer.status == 409 and answer.json["cancel"] is True
        assert task(api, job["id"])["status"] == "canceled"

    @pytest.mark.parametrize("call", CALLS)
    def test_what_there_is_not(self, worker, job, call):
        for job_id in ("0", "msg_01ARZ3NDEKTSV4RRFFQ69G5FAV", "x" * 200, "a%20b", "%C3%A9"):
            answer = worker.say(call, {**job, "id": job_id})
            answer.denies(404, "TASK_NOT_FOUND")
        worker.say(call, {**job, "kind": "message"}).denies(404, "MESSAGE_NOT_FOUND")

    @pytest.mark.parametrize("call", CALLS)
    def test_token_is_needed(self, api, job, call):
        path = f"/tasks/{job['id']}/{call}"
        for body in ({}, {"lease_token": ""}, {"lease_token": None}, None):
            api.post(path, body).denies(400, "INVALID_REQUEST", "lease_token")
        api.post(path, {"lease_token": 5}).denies(400, "INVALID_REQUEST", "lease_token")
        api.post(path, []).denies(400, "INVALID_REQUEST")
        assert api.get(path).status == 405
        assert task(api, job["id"])["status"] == "processing"

    @pytest.mark.parametrize("call, body, field", [
        ("heartbeat", {"extend": 0}, "extend"), ("heartbeat", {"extend": -5}, "extend"),
        ("heartbeat", {"extend": 3601}, "extend"), ("heartbeat", {"extend": "60"}, "extend"),
        ("fail", {"error": 5}, "error"), ("fail", {"error": ["x"]}, "error"),
        ("fail", {"retryable": "no"}, "retryable"), ("fail", {"retryable": 0}, "retryable"),
        ("fail", {"retry_after": -1}, "retry_after"),
        ("fail", {"retry_after": 86401}, "retry_after"),
        ("fail", {"retry_after": "soon"}, "retry_after")])
    def test_bad_members(self, api, worker, job, call, body, field):
        worker.say(call, job, **body).denies(400, "INVALID_REQUEST", field)
        assert task(api, job["id"])["status"] == "processing"


class TestEnds:
    CONF = QUICK + "LLMQMaxDeliveries 3\n"
    EXPECT = ("LLMQ0741",)

    def test_silence_gives_it_to_another(self, api):
        made = add_task(api)
        slow, quick = Worker(api), Worker(api)
        first = slow.claim(lease=1)[0]
        second = quick.get()
        assert second["id"] == made["id"] == first["id"]
        assert (second["attempt"], second["deliveries"]) == (1, 2)
        slow.say("complete", first, result="late").denies(409, "STALE_LEASE")
        quick.must("complete", second, result="in time")
        assert task(api, made["id"])["result"] == "in time"

    def test_heartbeats_keep_it(self, api):
        ids = {add_task(api)["id"] for _ in range(2)}
        worker, other = Worker(api), Worker(api)
        kept, silent = worker.claim(limit=2, lease=5)
        assert {kept["id"], silent["id"]} == ids
        for extend in (30, 60):
            worker.must("heartbeat", kept, extend=extend)
        # The same lease without a heartbeat has been ended by then.
        again = other.get()
        assert (again["id"], again["deliveries"]) == (silent["id"], 2)
        assert other.claim() == []
        assert task(api, kept["id"])["deliveries"] == 1
        worker.must("complete", kept)
        other.must("complete", again)

    def test_what_workers_die_of_is_given_up(self, api):
        made = add_task(api)
        worker = Worker(api)
        for n in (1, 2, 3):
            job = worker.get(lease=1)
            assert job["deliveries"] == n
        shown = until_task(api, made["id"], "failed")
        assert shown["retry_count"] == 0 and "3" in shown["error_message"]
        assert made["id"] in [item["id"] for item in
                              api.get("/admin/dead-letter?kind=task").data["items"]]
        assert api.post(f"/admin/dead-letter/requeue/{made['id']}").status == 200
        again = worker.get()
        assert again["deliveries"] == 1
        worker.must("complete", again)

    def test_time_out_is_a_failure(self, api):
        # The second try must not be over before the first one has been refused.
        made = add_task(api, timeout=3, max_retries=1)
        worker = Worker(api)
        first = worker.get(lease=60)
        second = worker.get(lease=60)
        assert (second["attempt"], second["deliveries"]) == (2, 2)
        worker.say("complete", first).denies(409, "STALE_LEASE")
        shown = until_task(api, made["id"], "failed")
        assert shown["retry_count"] == 1 and "time" in shown["error_message"]
        worker.say("complete", second).denies(409, "TASK_FINISHED")

    def test_message_goes_to_another_worker_or_a_backend(self, api):
        leave_to_workers(api)
        made = api.send("hello")
        worker = Worker(api, kind="message")
        first = worker.get(lease=1)
        second = worker.get()
        assert second["id"] == first["id"] == made["id"] and second["deliveries"] == 2
        worker.must("release", second)
        assert api.post("/admin/backends/echo/enable").status == 200
        api.until_status(made["id"], "completed")
        worker.say("complete", second).denies(409, "TASK_FINISHED")
