"""Whoever dies between the queue and the store: a job is a worker's, or it comes back."""

import os
import signal
import sqlite3
import threading

import psycopg2
import pytest

from llmq_env.errorlog import KILLED
from llmq_env.wait import kill_process, until
from llmq_env.workers import Worker, add_task, task, until_task

AWAY = ("LLMQ0402", "LLMQ0403", "LLMQ0404", "LLMQ0406", "LLMQ0409", "LLMQ0706", "LLMQ0803",
        "AH00632", "AH00629", "AH00633", "AH00636", "AH00639", "AH02655")


class Held:
    """The store takes no writes while this lasts; reading goes on."""

    def __init__(self, server):
        if server.store == "pgsql":
            self.connection = psycopg2.connect(server.dsn)
            self.connection.cursor().execute("LOCK TABLE llmq_jobs IN EXCLUSIVE MODE")
        else:
            path = (server.dir / "data").resolve() / "llmq.db"
            self.connection = sqlite3.connect(path, timeout=10, isolation_level=None,
                                              check_same_thread=False)
            self.connection.execute("BEGIN IMMEDIATE")

    def end(self):
        self.connection.rollback()
        self.connection.close()


def claim_in_vain(server, worker="unlucky"):
    """A claim whose answer nobody hears, under way in a thread."""
    def ask():
        api = server.new_api()
        try:
            # Short, should it be stored after all once the store takes writes again.
            answers.append(api.post(f"/workers/{worker}/claim", {"lease": 5},
                                    check=False).status)
        except Exception as problem:  # noqa: BLE001
            answers.append(problem)

    answers = []
    thread = threading.Thread(target=ask)
    thread.start()
    return thread, answers


class TestDeaths:
    CONF = "LLMQStoreTimeout 5s\nLLMQRetryDelay 100ms 200ms\n"
    EXPECT = KILLED + AWAY

    def test_child_killed_between_queue_and_store(self, server, api):
        made = add_task(api)
        until(lambda: Worker(api).ask(task_types=["vector_storage"]).status == 200, "children")
        held = Held(server)
        try:
            thread, answers = claim_in_vain(server)
            # The claim is told that the store is away only once the queue has given it the
            # task; what it wanted to write still stands before the store then.
            thread.join()
            assert answers == [503]
            for pid in server.workers():
                kill_process(pid)
        finally:
            held.end()
        api.close()
        worker = Worker(api)
        job = worker.get()
        assert job["id"] == made["id"] and job["worker_id"] == worker.name
        worker.must("complete", job)

    def test_store_that_does_not_answer_costs_no_job(self, server, api):
        made = add_task(api)
        held = Held(server)
        try:
            answer = Worker(api).ask()
            answer.denies(503, "SERVICE_UNAVAILABLE")
            assert "retry-after" in answer.headers
        finally:
            held.end()
        job = Worker(api, "lucky").get()
        assert job["id"] == made["id"]
        Worker(api).must("complete", job)

    def test_dispatcher_killed_while_a_lease_ends(self, server, api):
        made = add_task(api)
        first = Worker(api).get(lease=1)
        server.until_dispatcher(other_than=server.kill_dispatcher())
        worker = Worker(api)
        job = worker.get()
        assert job["id"] == made["id"] and job["deliveries"] == 2
        worker.say("complete", first).denies(409, "STALE_LEASE")
        worker.must("complete", job)

    def test_lease_outlives_dispatcher_children_and_restart(self, server, api):
        kept = [add_task(api)["id"] for _ in range(4)]
        worker = Worker(api)
        jobs = worker.claim(limit=4, lease=600)
        assert {job["id"] for job in jobs} == set(kept)

        def still_held(job):
            # Each with a new connection: children that end close those that are kept.
            for step in (lambda: Worker(api).claim(limit=9) == [],
                         lambda: worker.must("heartbeat", job, extend=600),
                         lambda: worker.must("complete", job, result=job["id"]),
                         lambda: task(api, job["id"])["result"] == job["id"]):
                api.close()
                assert step()

        server.until_dispatcher(other_than=server.kill_dispatcher())
        still_held(jobs[0])
        for pid in server.workers():
            kill_process(pid)
        until(server.workers, "new children")
        still_held(jobs[1])
        server.graceful()
        still_held(jobs[2])
        server.stop()
        server.start()
        still_held(jobs[3])

    def test_lease_that_ends_while_all_are_away_ends_afterwards(self, server, api):
        made = add_task(api)
        first = Worker(api).get(lease=1)
        server.stop()
        server.start()
        worker = Worker(api)
        job = worker.get()
        assert job["id"] == made["id"] and job["deliveries"] == 2
        worker.say("heartbeat", first).denies(409, "STALE_LEASE")
        worker.must("complete", job)

    def test_report_without_a_dispatcher_counts(self, server, api):
        made = add_task(api)
        worker = Worker(api)
        job = worker.get()
        pid = server.halt_dispatcher()
        try:
            worker.must("complete", job, result="alone")
            assert task(api, made["id"])["status"] == "completed"
        finally:
            os.kill(pid, signal.SIGCONT)
        assert until_task(api, made["id"], "completed")["result"] == "alone"


class TestManyWorkers:
    """Children die under workers that claim, fail, release and complete; each task ends once,
    with the result of the lease that completed it."""

    CONF = "LLMQStoreTimeout 2s\nLLMQRetryDelay 50ms 100ms\nLLMQMaxDeliveries 100\n" \
           "LLMQTaskConcurrency 1000\n"
    EXPECT = KILLED + AWAY

    def test_each_ends_once(self, server, api):
        ids = {add_task(api, max_retries=100)["id"] for _ in range(120)}
        results, problems = {}, []
        done = threading.Event()
        lock = threading.Lock()

        def work(number):
            worker = Worker(server.new_api(), f"w{number}")
            turn = number
            while not done.is_set():
                turn += 1
                try:
                    jobs = worker.ask(limit=3, lease=2).json.get("tasks", [])
                    for job in jobs:
                        self.end_one(worker, job, turn, results, lock)
                        turn += 1
                except AssertionError as problem:
                    problems.append(problem)
                    return
                except Exception:  # noqa: BLE001, the child was killed
                    worker.api.close()
                done.wait(0.005)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(3):
                before = len(results)
                until(lambda: len(results) >= min(len(ids), before + 15) or problems, "work")
                kill_process(until(server.workers, "a child")[0])
                server.kill_dispatcher()
            until(lambda: self.left(api) == 0 or problems, "all to end", 180)
        finally:
            done.set()
            for thread in threads:
                thread.join()
        assert not problems
        for task_id in ids:
            shown = task(api, task_id)
            assert shown["status"] == "completed", shown
            # A result whose acceptance nobody heard of is the only one that may be unknown.
            assert results.get(task_id, shown["result"]) == shown["result"]

    @staticmethod
    def left(api):
        try:
            stats = api.get("/stats/tasks").json
            return stats["queued_tasks"] + stats["processing_tasks"]
        except Exception:  # noqa: BLE001
            api.close()
            return -1

    @staticmethod
    def end_one(worker, job, turn, results, lock):
        if turn % 7 == 0:
            return  # dies
        if turn % 5 == 0:
            worker.say("release", job)
            return
        if turn % 6 == 0:
            worker.say("fail", job, error="again")
            return
        answer = worker.say("complete", job, result=job["lease_token"])
        if answer.status == 200:
            with lock:
                assert job["id"] not in results, "completed twice"
                results[job["id"]] = job["lease_token"]


@pytest.mark.parametrize("model", ["prefork", "worker"])
class TestModels:
    def test_all_calls(self, new_server, store, model):
        server = new_server(store, mpm=model)
        server.start()
        api = server.new_api()
        ids = [add_task(api)["id"] for _ in range(5)]
        worker = Worker(api)
        jobs = worker.claim(limit=5)
        assert {job["id"] for job in jobs} == set(ids)
        worker.must("heartbeat", jobs[0])
        worker.must("release", jobs[0])
        worker.must("complete", worker.get())
        worker.must("fail", jobs[1], retryable=False)
        for job in jobs[2:]:
            worker.must("complete", job, result={"n": 1})
        assert api.put(f"/tasks/{add_task(api)['id']}/progress", {"progress": 100}).status == 200
