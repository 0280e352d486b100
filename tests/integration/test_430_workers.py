"""The registry of workers: who is known, how long, and what is counted of each."""

import itertools

import pytest

from llmq_env.conf import mounts
from llmq_env.errorlog import KILLED
from llmq_env.tasks import create
from llmq_env.wait import until
from llmq_env.workers import Worker, until_task


def system(api):
    answer = api.get("/stats/system")
    assert answer.status == 200, answer
    return answer.json


def shown(api, name):
    """A worker as it is listed; None if it is not."""
    return next((w for w in system(api)["workers"] if w["id"] == name), None)


def counts(api, name):
    got = shown(api, name)
    return (got["tasks_processed"], got["tasks_succeeded"], got["tasks_failed"])


def totals(api):
    got = system(api)
    assert got["active_workers"] == got["idle_workers"] + got["busy_workers"]
    assert got["total_workers"] == got["active_workers"] + got["stopped_workers"] \
        == len(got["workers"])
    return got["idle_workers"], got["busy_workers"], got["stopped_workers"]


def stored(server, name):
    rows = server.query("SELECT sum(succeeded), sum(failed) FROM llmq_workers"
                        f" WHERE worker = '{name}'")
    return tuple(int(n or 0) for n in rows[0])


class TestLife:
    CONF = mounts(other="LLMQTenant other")

    def test_known_from_the_first_claim(self, api):
        assert shown(api, "first") is None
        assert Worker(api, "first").claim() == []
        got = shown(api, "first")
        assert (got["status"], got["current_task_id"], got["current_tasks"]) == ("idle", "", 0)
        assert got["tasks_processed"] == 0 and got["average_task_time"] == 0
        assert got["started_at"] == got["last_heartbeat"]

    def test_busy_with_what_it_holds(self, api):
        worker = Worker(api, "busy")
        ids = [create(api)["id"] for _ in range(2)]
        jobs = worker.claim(limit=2)
        assert sorted(job["id"] for job in jobs) == sorted(ids)
        got = shown(api, "busy")
        assert (got["status"], got["current_tasks"]) == ("busy", 2)
        assert got["current_task_id"] in ids
        assert totals(api)[1] == 1
        worker.must("complete", jobs[0], result={})
        got = shown(api, "busy")
        assert (got["status"], got["current_task_id"]) == ("busy", jobs[1]["id"])
        worker.must("complete", jobs[1])
        assert shown(api, "busy")["status"] == "idle"
        assert counts(api, "busy") == (2, 2, 0)
        assert shown(api, "busy")["average_task_time"] > 0

    def test_ends_count_by_how(self, api):
        worker = Worker(api, "ends")
        task = create(api, max_retries=5)["id"]
        worker.must("release", worker.get())
        assert counts(api, "ends") == (0, 0, 0)
        worker.must("fail", worker.get(), error="no", retry_after=0)
        assert counts(api, "ends") == (1, 0, 1)
        worker.must("fail", worker.get(), error="no", retryable=False)
        until_task(api, task, "failed")
        assert counts(api, "ends") == (2, 0, 2)
        create(api)
        job = worker.get()
        assert api.delete(f"/tasks/{job['id']}").status == 200
        assert worker.say("heartbeat", job).status == 409
        assert counts(api, "ends") == (2, 0, 2)
        assert shown(api, "ends")["status"] == "idle"

    def test_an_expired_lease_is_a_failure_of_its_worker(self, api):
        worker = Worker(api, "lost")
        task = create(api)["id"]
        assert worker.get(lease=0.5)["id"] == task
        until(lambda: counts(api, "lost") == (1, 0, 1), "the lease to have ended")
        assert shown(api, "lost")["current_task_id"] == ""
        other = Worker(api, "next")
        other.must("complete", other.get())
        assert counts(api, "next") == (1, 1, 0)

    def test_a_client_that_knows_only_s3_is_a_worker(self, api):
        task = create(api)["id"]
        for progress, status in ((10, "busy"), (50, "busy"), (100, "idle")):
            answer = api.put(f"/tasks/{task}/progress",
                             {"progress": progress, "worker_id": "plain"})
            assert answer.status == 200, answer
            assert shown(api, "plain")["status"] == status
        assert counts(api, "plain") == (1, 1, 0)

    def test_nobody_without_a_name(self, api):
        before = system(api)["total_workers"]
        task = create(api)["id"]
        assert api.put(f"/tasks/{task}/progress", {"progress": 100}).status == 200
        assert system(api)["total_workers"] == before

    def test_tenants_are_apart(self, api, server):
        other = server.new_api("/other")
        Worker(other, "first").claim()
        Worker(other, "theirs").claim()
        assert [w["id"] for w in system(other)["workers"]] == ["first", "theirs"]
        assert shown(api, "theirs") is None


class TestSilence:
    CONF = "LLMQWorkerTimeout 1s\nLLMQWorkerRetention 6s\n"

    def test_silent_is_stopped_and_then_forgotten(self, api):
        worker = Worker(api, "quiet")
        assert worker.claim() == []

        def stopped():
            got = system(api)
            if not got["workers"]:
                worker.claim()  # this test was away for long
            elif got["workers"][0]["status"] == "stopped":
                assert (got["total_workers"], got["stopped_workers"]) == (1, 1)
                return got["workers"][0]
            return None

        started = until(stopped, "it to count as stopped")["started_at"]
        until(lambda: worker.claim() == [] and totals(api) == (1, 0, 0), "it to be idle again")
        assert until(stopped, "it to count as stopped again")["started_at"] >= started
        until(lambda: shown(api, "quiet") is None, "it to be forgotten")


class TestKeeping:
    EXPECT = (*KILLED, "AH00045")

    def work(self, api, n):
        worker = Worker(api, "steady")
        for _ in range(n):
            create(api)
            worker.must("complete", worker.get())

    def test_a_restart_loses_no_count(self, api, server):
        self.work(api, 3)
        server.restart()
        api.close()
        assert counts(api, "steady") == (3, 3, 0)
        self.work(api, 2)
        assert counts(api, "steady") == (5, 5, 0)

    def test_a_graceful_restart_loses_none(self, api, server):
        server.graceful()
        api.close()
        assert counts(api, "steady") == (5, 5, 0)
        self.work(api, 1)
        assert counts(api, "steady") == (6, 6, 0)

    def test_killed_dispatchers_count_nothing_twice(self, api, server):
        for _ in range(3):
            self.work(api, 2)
            server.until_dispatcher(other_than=server.kill_dispatcher())
        assert counts(api, "steady") == (12, 12, 0)
        until(lambda: stored(server, "steady") == (12, 0), "the sums to be stored")

    def test_other_nodes_add_up(self, api, server):
        """What another node has stored of the same worker, and of one of its own."""
        now = "CAST(1000000 AS bigint) * 4000000000"
        for name in ("steady", "elsewhere"):
            server.query("INSERT INTO llmq_workers (tenant, worker, node, started_at, seen_at, "
                         f"succeeded, failed, busy_usec) VALUES ('default', '{name}', 'n2', 5, "
                         f"{now}, 10, 1, 0)")
        assert counts(api, "steady") == (23, 22, 1)
        assert counts(api, "elsewhere") == (11, 10, 1)
        assert shown(api, "elsewhere")["status"] == "idle"


class TestFull:
    CONF = "LLMQMaxWorkers 16\nLLMQWorkerTimeout 5s\n"
    EXPECT = ("LLMQ0750",)

    def test_a_full_table_counts_no_more_and_works_on(self, api, server):
        names = (f"late{n}" for n in itertools.count())

        def all_work():
            for i in range(16):
                Worker(api, f"w{i}").claim()
            late = Worker(api, next(names))
            return late if late.claim() == [] and shown(api, late.name) is None else None

        worker = until(all_work, "a table that is full of living workers")
        until(lambda: server.log.count("LLMQ0750"), "the log to tell")
        create(api)
        worker.must("complete", worker.get())
        known = system(api)["total_workers"]
        until(lambda: server.query("SELECT count(*) FROM llmq_workers") == [(known,)], "their rows")
        # Once others have stopped, there is room.
        until(lambda: worker.claim() == [] and shown(api, worker.name), "the late one to be known")
        # The store remembers whose place it has.
        assert system(api)["total_workers"] == known + 1


class TestDirectives:
    @pytest.mark.parametrize("line,name", [
        ("LLMQMaxWorkers 15", "LLMQMaxWorkers"), ("LLMQMaxWorkers 1000001", "LLMQMaxWorkers"),
        ("LLMQMaxWorkers many", "LLMQMaxWorkers"), ("LLMQMaxWorkers", "LLMQMaxWorkers"),
        ("LLMQWorkerTimeout 0", "LLMQWorkerTimeout"),
        ("LLMQWorkerTimeout 25h", "LLMQWorkerTimeout"),
        ("LLMQWorkerTimeout soon", "LLMQWorkerTimeout"),
        ("LLMQWorkerRetention 500ms", "LLMQWorkerRetention"),
        ("LLMQWorkerRetention 9000h", "LLMQWorkerRetention"),
        ("<Location /x>\nLLMQMaxWorkers 100\n</Location>", "LLMQMaxWorkers"),
        ("<Location /x>\nLLMQWorkerTimeout 10s\n</Location>", "LLMQWorkerTimeout"),
        ("<Location /x>\nLLMQWorkerRetention 10s\n</Location>", "LLMQWorkerRetention")])
    def test_bad_values_are_named(self, idle, line, name):
        idle.refusal(line, name)
