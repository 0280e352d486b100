"""Calls of a task's owner while workers have it: places, turns, estimates, cancel, retry."""

import threading
from datetime import datetime, timedelta

from llmq_env.tasks import BODY, create, fetch, listed
from llmq_env.wait import until
from llmq_env.workers import Worker, until_task


def span(task, begin, end):
    return (datetime.fromisoformat(task[end].replace("Z", "+00:00"))
            - datetime.fromisoformat(task[begin].replace("Z", "+00:00")))


class TestOne:
    """One at once, so that a slot that is not given back stops everything."""

    CONF = "LLMQTaskConcurrency 1\nLLMQRetryDelay 100ms 200ms\n"

    def test_cancel_gives_the_slot_back(self, api):
        first, second = create(api), create(api)
        worker = Worker(api)
        job = worker.get()
        assert job["id"] == first["id"]
        assert fetch(api, second["id"])["queue_position"] == 1
        assert worker.claim() == []
        assert api.delete(f"/tasks/{first['id']}").status == 200
        assert fetch(api, first["id"])["status"] == "canceled"
        other = Worker(api).get()
        assert other["id"] == second["id"]
        refused = worker.say("complete", job, result={"late": True})
        refused.denies(409, "TASK_FINISHED", task_id=first["id"])
        assert refused.json["cancel"] is True
        assert fetch(api, first["id"])["result"] is None
        worker.must("complete", other)

    def test_cancel_of_what_falls_silent(self, api):
        task = create(api)
        Worker(api).get()
        assert api.delete(f"/tasks/{task['id']}").status == 200
        again = create(api)
        worker = Worker(api)
        job = worker.get()
        assert job["id"] == again["id"]
        worker.must("complete", job)

    def test_retry_by_hand_is_done_again(self, api):
        task = create(api, max_retries=0)
        worker = Worker(api)
        worker.must("fail", worker.get(), error="no disk")
        failed = until_task(api, task["id"], "failed")
        assert failed["error_message"] == "no disk"
        again = api.post(f"/tasks/{task['id']}/retry").json
        assert (again["status"], again["queue_position"]) == ("queued", 1)
        assert again["error_message"] == ""
        job = worker.get()
        assert (job["id"], job["attempt"], job["deliveries"]) == (task["id"], 2, 2)
        worker.must("complete", job, result={"ok": 1})
        done = fetch(api, task["id"])
        assert (done["status"], done["result"], done["retry_count"]) == ("completed", {"ok": 1}, 1)
        api.post(f"/tasks/{task['id']}/retry").denies(409, "TASK_NOT_RETRYABLE")
        api.delete(f"/tasks/{task['id']}").denies(409, "TASK_NOT_CANCELABLE")

    def test_back_off_is_shown_as_retrying(self, api):
        task = create(api)
        worker = Worker(api)
        worker.must("fail", worker.get(), error="busy", retry_after=30)
        shown = until_task(api, task["id"], "retrying")
        assert (shown["queue_position"], shown["retry_count"]) == (0, 1)
        assert span(shown, "updated_at", "estimated_completion") > timedelta(seconds=25)
        assert listed(api, "?status=retrying") == [task["id"]]
        assert api.delete(f"/tasks/{task['id']}").status == 200

    def test_many_cancel_while_workers_complete(self, server, api):
        """Each task ends once: either canceled or completed, and both sides know which."""
        tasks = [create(api, kb_id="kb_race")["id"] for _ in range(30)]
        completed, stop = [], threading.Event()

        def work():
            worker = Worker(server.new_api())
            while not stop.is_set():
                for job in worker.claim():
                    if worker.say("complete", job).status == 200:
                        completed.append(job["id"])

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        canceled = [i for i in tasks[::-1] if api.delete(f"/tasks/{i}").status == 200]
        until(lambda: len(completed) + len(canceled) >= len(tasks), "all to end")
        stop.set()
        for thread in threads:
            thread.join()
        assert sorted(completed + canceled) == sorted(tasks)
        for state, ids in (("canceled", canceled), ("completed", completed)):
            assert set(listed(api, f"?kb_id=kb_race&status={state}&page_size=100")) == set(ids)


class TestTurns:
    CONF = """
        LLMQTaskConcurrency 100
        <Location /teams>
          SetHandler llmq-queue
          Require all granted
          LLMQFairnessKey "%{llmq_meta:team}"
        </Location>
    """

    def order(self, api, made):
        worker = Worker(api)
        jobs = worker.claim(limit=100)
        for job in jobs:
            worker.must("complete", job)
        names = {task["id"]: name for name, task in made.items()}
        return [names[job["id"]] for job in jobs]

    def test_knowledge_bases_take_turns(self, api):
        made = {name: create(api, kb_id="kb_" + name[0]) for name in ("a1", "a2", "a3", "b1", "b2")}
        assert self.order(api, made) == ["a1", "b1", "a2", "b2", "a3"]

    def test_or_what_the_expression_says(self, server):
        api = server.new_api(base="/teams")
        made = {name: create(api, kb_id=name, payload={"team": name[0]})
                for name in ("a1", "a2", "a3", "b1", "b2")}
        assert self.order(api, made) == ["a1", "b1", "a2", "b2", "a3"]

    def test_urgent_ones_first(self, api):
        made = {word: create(api, priority=word) for word in ("low", "normal", "high", "critical")}
        assert self.order(api, made) == ["critical", "high", "normal", "low"]


class TestEstimates:
    CONF = "LLMQTaskConcurrency 50\n"

    def test_mean_of_the_type_is_used(self, api):
        worker = Worker(api)
        first = create(api, timeout=3000)
        assert span(first, "created_at", "estimated_completion") > timedelta(minutes=49)
        worker.must("complete", worker.get())
        task = create(api, timeout=3000)
        assert span(task, "created_at", "estimated_completion") < timedelta(minutes=5)
        other = create(api, task_type="vector_storage", timeout=3000)
        assert span(other, "created_at", "estimated_completion") > timedelta(minutes=49)
        got = worker.claim(limit=2)
        assert {job["id"] for job in got} == {task["id"], other["id"]}
        shown = fetch(api, task["id"])
        assert shown["status"] == "processing" and shown["queue_position"] == 0
        assert span(shown, "started_at", "estimated_completion") < timedelta(minutes=5)
        for job in got:
            worker.must("complete", job)
        done = fetch(api, task["id"])
        assert done["estimated_completion"] == done["completed_at"]


class TestWaitForWorker:
    CONF = "LLMQMaxWait 10min\n"

    def test_answer_comes_with_the_result(self, server, api):
        got = []
        thread = threading.Thread(target=lambda: got.append(
            server.new_api().post("/tasks?wait=600", BODY)))
        thread.start()
        worker = Worker(api)
        worker.must("complete", worker.get(), result={"pages": 7})
        thread.join()
        assert got[0].status == 201
        assert (got[0].json["status"], got[0].json["result"]) == ("completed", {"pages": 7})
        assert got[0].json["worker_id"] == worker.name
