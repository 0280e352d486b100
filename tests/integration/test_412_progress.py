"""PUT /tasks/{id}/progress: all that a worker knows who knows only S3."""

from datetime import datetime, timedelta, timezone

import pytest

from llmq_env.workers import Worker, add_task, task, until_task

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
JSON = {"Content-Type": "application/json"}


def report(api, task_id, **body):
    headers = body.pop("headers", None)
    return api.put(f"/tasks/{task_id}/progress", body, headers=headers)


class TestProgress:
    CONF = "LLMQRetryDelay 100ms 200ms\n"

    def test_first_report_claims_and_100_completes(self, api):
        made = add_task(api)
        answer = report(api, made["id"], progress=75, message="Processing embeddings...")
        assert answer.status == 200
        assert set(answer.json) == {"message", "task_id", "progress"}
        assert answer.json["task_id"] == made["id"] and answer.json["progress"] == 75
        shown = task(api, made["id"])
        assert shown["status"] == "processing" and shown["progress"] == 75
        assert shown["progress_message"] == "Processing embeddings..."
        assert shown["error_message"] == "" and shown["started_at"]
        assert Worker(api).claim() == []
        assert report(api, made["id"], progress=100, result={"chunks": 12}).status == 200
        shown = task(api, made["id"])
        assert shown["status"] == "completed" and shown["result"] == {"chunks": 12}
        assert shown["progress"] == 100 and shown["completed_at"]

    def test_one_report_may_be_all(self, api):
        made = add_task(api)
        assert report(api, made["id"], progress=100).status == 200
        assert task(api, made["id"])["status"] == "completed"

    def test_form_bodies(self, api):
        made = add_task(api)
        path = f"/tasks/{made['id']}/progress"
        answer = api.put(path, "progress=40&message=half+way%21&worker_id=w7", headers=FORM)
        assert answer.status == 200 and answer.json["progress"] == 40
        shown = task(api, made["id"])
        assert shown["progress_message"] == "half way!" and shown["worker_id"] == "w7"
        answer = api.put(path, "progress=100&worker_id=w7&result=%7B%22a%22%3A1%7D", headers=FORM)
        assert answer.status == 200
        assert task(api, made["id"])["result"] == {"a": 1}

    def test_whose_it_is(self, api):
        made = add_task(api)
        assert report(api, made["id"], progress=1, headers={"X-Worker-ID": "w1"}).status == 200
        assert task(api, made["id"])["worker_id"] == "w1"
        assert report(api, made["id"], progress=2, worker_id="w1").status == 200
        for other in ({"worker_id": "w2"}, {"headers": {"X-Worker-ID": "w2"}}, {}):
            report(api, made["id"], progress=3, **other).denies(409, "STALE_LEASE")
        assert task(api, made["id"])["progress"] == 2
        assert report(api, made["id"], progress=100, worker_id="w1").status == 200

    def test_anothers_lease(self, api):
        made = add_task(api)
        worker = Worker(api, "w1")
        job = worker.get()
        report(api, made["id"], progress=5).denies(409, "STALE_LEASE")
        report(api, made["id"], progress=5, worker_id="w2").denies(409, "STALE_LEASE")
        assert report(api, made["id"], progress=5, worker_id="w1").status == 200
        assert report(api, made["id"], progress=6,
                      lease_token=job["lease_token"]).status == 200
        assert task(api, made["id"])["progress"] == 6
        worker.must("complete", job)

    def test_progress_may_go_back(self, api):
        made = add_task(api)
        for n in (80, 20, 20):
            assert report(api, made["id"], progress=n).status == 200
            assert task(api, made["id"])["progress"] == n
        report(api, made["id"], progress=100)

    def test_finished_task_is_left_alone(self, api):
        made = add_task(api)
        report(api, made["id"], progress=100, result="done")
        report(api, made["id"], progress=50, message="again").denies(
            409, "TASK_FINISHED", task_id=made["id"])
        report(api, made["id"], progress=100, result="other").denies(409, "TASK_FINISHED")
        shown = task(api, made["id"])
        assert shown["progress"] == 100 and shown["result"] == "done"

    def test_canceled_task_says_so(self, api):
        made = add_task(api)
        report(api, made["id"], progress=10)
        assert api.delete(f"/tasks/{made['id']}").status == 200
        answer = report(api, made["id"], progress=20)
        assert answer.status == 409 and answer.json["cancel"] is True
        assert task(api, made["id"])["status"] == "canceled"

    def test_what_waits_for_its_moment_may_be_begun(self, api):
        soon = datetime.now(timezone.utc) + timedelta(hours=2)
        made = add_task(api, schedule_for=soon.strftime("%Y-%m-%dT%H:%M:%SZ"))
        assert Worker(api).claim() == []
        assert report(api, made["id"], progress=10).status == 200
        report(api, made["id"], progress=100)

    def test_silence_is_a_time_out(self, api):
        made = add_task(api, timeout=3, max_retries=0)
        assert report(api, made["id"], progress=10).status == 200
        shown = until_task(api, made["id"], "failed")
        assert "time" in shown["error_message"]
        report(api, made["id"], progress=20).denies(409, "TASK_FINISHED")

    @pytest.mark.parametrize("body", [
        {}, {"progress": None}, {"progress": -1}, {"progress": 101}, {"progress": "50"},
        {"progress": 50.5}, {"progress": [50]}, {"progress": True}, {"progress": 1e99}])
    def test_bad_progress(self, api, body):
        made = add_task(api)
        answer = api.put(f"/tasks/{made['id']}/progress", body)
        answer.denies(400, "INVALID_REQUEST", "progress")
        assert task(api, made["id"])["status"] == "queued"
        report(api, made["id"], progress=100)

    @pytest.mark.parametrize("form", ["", "progress=", "progress=x", "progress=-1",
                                      "progress=101", "progress=1.5", "message=hello",
                                      "progress=+5"])
    def test_bad_forms(self, api, form):
        made = add_task(api)
        answer = api.put(f"/tasks/{made['id']}/progress", form, headers=FORM)
        answer.denies(400, "INVALID_REQUEST", "progress")
        assert task(api, made["id"])["status"] == "queued"
        report(api, made["id"], progress=100)

    @pytest.mark.parametrize("body, field", [
        ('{"progress":1,"message":5}', "message"), ('{"progress":1,"worker_id":5}', "worker_id"),
        ('{"progress":1,"worker_id":"a b"}', "worker_id"), ('{"progress":1,', None),
        ('[1]', None), ('{"progress":1,"message":"\\ud800"}', None), ("", "progress")])
    def test_bad_bodies(self, api, body, field):
        made = add_task(api)
        api.put(f"/tasks/{made['id']}/progress", body, headers=JSON).denies(
            400, "INVALID_REQUEST", field)
        api.put(f"/tasks/{made['id']}/progress", "progress=%zz", headers=FORM).denies(
            400, "INVALID_REQUEST")
        assert task(api, made["id"])["status"] == "queued"
        report(api, made["id"], progress=100)

    def test_what_there_is_not(self, api):
        for task_id in ("0", "x" * 200, "a%20b", "msg_01ARZ3NDEKTSV4RRFFQ69G5FAV"):
            report(api, task_id, progress=5).denies(404, "TASK_NOT_FOUND")
        assert api.post("/tasks/0/progress", {"progress": 5}).status == 405
