"""S3's statistics: of tasks, of the system, of what waits."""

from datetime import datetime, timedelta, timezone

import pytest

from llmq_env.conf import mounts
from llmq_env.shape import differences
from llmq_env.tasks import create
from llmq_env.workers import Worker

STATES = ("queued", "processing", "completed", "failed", "canceled", "retrying")
TASKS = {"total_tasks": 1, "queued_tasks": 1, "processing_tasks": 1, "completed_tasks": 1,
         "failed_tasks": 1, "avg_process_time": 1.0, "success_rate": 1.0,
         "status_breakdown": {s: 1 for s in STATES}, "type_breakdown": {}}
WORKER = {"id": "w", "status": "busy", "current_task_id": "", "tasks_processed": 1,
          "tasks_succeeded": 1, "tasks_failed": 1, "last_heartbeat": "2025-07-28T14:20:00Z",
          "started_at": "2025-07-28T10:00:00Z", "average_task_time": 1.0}
SYSTEM = {"total_workers": 1, "active_workers": 1, "idle_workers": 1, "busy_workers": 1,
          "queue_size": 1, "processing_rate": 1.0, "workers": [WORKER], "task_stats": TASKS}


def get(api, path, status=200):
    answer = api.get(path, check=False)
    assert answer.status == status, answer
    assert answer.headers["content-type"].startswith("application/json")
    return answer.json


def refused(api, path, field):
    got = get(api, path, 400)
    assert set(got) >= {"error", "message", "code", "details"}, got
    assert got["code"] == "INVALID_REQUEST" and got["details"]["field"] == field


@pytest.mark.mpm
class TestEmpty:
    def test_tasks(self, api):
        got = get(api, "/stats/tasks")
        assert not differences(TASKS, got)
        assert set(got["status_breakdown"]) == set(STATES)
        assert got["type_breakdown"] == {} and got["total_tasks"] == 0
        assert got["success_rate"] == 0 and got["avg_process_time"] == 0

    def test_system(self, api):
        got = get(api, "/stats/system")
        assert not differences(SYSTEM, got)
        assert got["workers"] == [] and got["total_workers"] == 0 and got["queue_size"] == 0
        assert got["task_stats"] == get(api, "/stats/tasks")

    def test_queue(self, api):
        assert get(api, "/queues/info") == {"queue_size": 0, "queue_key": "task_queue"}
        for level in ("low", "normal", "high", "critical"):
            got = get(api, f"/queues/info?priority={level}&task_type=document_processing")
            assert got == {"queue_size": 0, "queue_key": f"task_queue:{level}"}

    def test_bad_parameters(self, api):
        refused(api, "/queues/info?priority=realtime", "priority")
        refused(api, "/queues/info?priority=HIGH", "priority")
        refused(api, "/queues/info?task_type=unheard_of", "task_type")
        for path in ("/queues/info", "/stats/tasks"):
            assert get(api, path + "?kb_id=%ff", 400)["code"] == "INVALID_REQUEST"

    def test_only_get(self, api):
        for path in ("/queues/info", "/stats/tasks", "/stats/system"):
            answer = api.post(path, {}, check=False)
            assert answer.status == 405 and "GET" in answer.headers["allow"]
            assert answer.json["code"] == "METHOD_NOT_ALLOWED"


def size(api, query=""):
    return get(api, f"/queues/info{query}")["queue_size"]


class TestCounts:
    """Without anybody who works."""

    CONF = "LLMQDispatcher Off\n" + mounts(other="LLMQTenant other")

    def test_each_task_counts_at_once(self, api):
        tomorrow = (datetime.now(timezone.utc) + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
        create(api, priority="critical")
        create(api, priority="high", task_type="health_check")
        create(api, kb_id="kb_2")
        create(api, kb_id="kb_2", schedule_for=tomorrow)
        canceled = create(api)["id"]
        assert api.delete(f"/tasks/{canceled}").status == 200
        got = get(api, "/stats/tasks")
        assert got["status_breakdown"] == {"queued": 4, "processing": 0, "completed": 0,
                                           "failed": 0, "canceled": 1, "retrying": 0}
        assert got["total_tasks"] == 5 == sum(got["status_breakdown"].values())
        assert got["queued_tasks"] == 4 and got["canceled_tasks"] == 1
        assert got["type_breakdown"] == {"document_processing": 4, "health_check": 1}
        assert got["success_rate"] == 0

    def test_kb_id_narrows(self, api):
        assert get(api, "/stats/tasks?kb_id=kb_2")["total_tasks"] == 2
        assert get(api, "/stats/tasks?kb_id=kb_1")["type_breakdown"] == {
            "document_processing": 2, "health_check": 1}
        assert get(api, "/stats/tasks?kb_id=%25")["total_tasks"] == 0
        assert get(api, "/stats/tasks?kb_id=")["total_tasks"] == 5

    def test_queue_sizes(self, api):
        assert size(api) == 4
        assert size(api, "?task_type=document_processing") == 3
        assert size(api, "?priority=critical") == 1
        assert size(api, "?priority=normal&task_type=document_processing") == 2
        assert size(api, "?priority=normal&task_type=health_check") == 0
        assert get(api, "/stats/system")["queue_size"] == 4

    def test_tenants_are_apart(self, api, server):
        other = server.new_api("/other")
        assert get(other, "/stats/tasks")["total_tasks"] == 0
        assert size(other) == 0
        create(other)
        assert get(other, "/stats/system")["task_stats"]["total_tasks"] == 1
        assert size(other) == 1 and size(api) == 4

    def test_a_restart_changes_nothing(self, api, server):
        before = get(api, "/stats/tasks")
        server.restart()
        api.close()
        assert get(api, "/stats/tasks") == before


class TestWork:
    def test_states_and_times_follow_the_work(self, api):
        worker = Worker(api)
        tasks = [create(api, max_retries=1)["id"] for _ in range(5)]
        jobs = {job["id"]: job for job in worker.claim(limit=5)}
        assert set(jobs) == set(tasks)
        assert get(api, "/stats/tasks")["status_breakdown"]["processing"] == 5
        worker.must("complete", jobs[tasks[0]], result={"pages": 1})
        worker.must("complete", jobs[tasks[1]])
        worker.must("fail", jobs[tasks[2]], error="no", retryable=False)
        worker.must("fail", jobs[tasks[3]], error="no", retry_after=600)
        got = get(api, "/stats/tasks")
        assert got["status_breakdown"] == {"queued": 0, "processing": 1, "completed": 2,
                                           "failed": 1, "canceled": 0, "retrying": 1}
        assert got["queued_tasks"] == 1 and got["total_tasks"] == 5
        assert got["success_rate"] == 40
        assert 0 < got["avg_process_time"] < 60
        system = get(api, "/stats/system")
        assert system["processing_rate"] == 0.6  # three ends in five minutes
        assert system["queue_size"] == 1 == size(api)
        assert system["workers"][0]["current_task_id"] == tasks[4]
        assert not differences(SYSTEM, system)
        worker.must("release", jobs[tasks[4]])
        assert get(api, "/stats/tasks")["status_breakdown"]["queued"] == 1
