"""Claims that wait: who is woken, by what, in which order, and that nothing is lost."""

import datetime
import pathlib
import random
import threading
import time

import pytest

from llmq_env.wait import until
from test_420_park import EMPTY, Caller, body_of, ends, tasks_of, until_end

LOGGED = "LogLevel llmq:info\nLLMQTaskConcurrency 1000\n"
TYPES = ("document_processing", "vector_storage", "health_check")


def new_task(api, task_type="document_processing", **fields):
    answer = api.post("/tasks", {"task_type": task_type, "kb_id": "kb_1", "payload": {}, **fields})
    assert answer.status == 201, answer
    return answer.json["id"]


def new_tasks(api, n):
    """So many by one call."""
    answer = api.post("/tasks/batch", [
        {"task_type": "document_processing", "kb_id": f"kb_{i}", "payload": {}} for i in range(n)])
    assert answer.status == 201, answer
    return {task["id"] for task in answer.json["tasks"]}


def claimed(api, worker="w", **more):
    answer = api.post(f"/workers/{worker}/claim", more)
    assert answer.status == 200, answer
    return answer.json["tasks"]


def waiter(server, worker="w", wait=60, **more):
    return Caller(server, worker=worker, wait=wait, **{"kinds": ["task"], **more}).until_parked()


def ids(caller):
    return [task["id"] for task in tasks_of(caller.read())]


def in_seconds(seconds):
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def one_child(new_server, store, conf=""):
    """So that all claims share one room. MPM event."""
    made = new_server(store, conf + LOGGED + "StartServers 1\nServerLimit 4\nThreadsPerChild 8\n"
                      "MaxRequestWorkers 8\n", mpm="event")
    made.shape_file.write_text("")
    made.start()
    return made


class TestWakes:
    CONF = LOGGED

    @pytest.mark.mpm
    def test_tasks_from_other_children_wake(self, server):
        """Claims are spread over the children, and so are the connections that create."""
        waiting = [waiter(server, f"w{i}") for i in range(16)]
        made = set()
        for _ in waiting:
            client = server.new_api()
            made.add(new_task(client))
            client.close()
        got = [ids(caller) for caller in waiting]
        assert all(len(one) == 1 for one in got)
        assert {one[0] for one in got} == made

    @pytest.mark.mpm
    def test_one_commit_wakes_as_many_as_there_are_tasks(self, server, api):
        waiting = [waiter(server, f"b{i}") for i in range(50)]
        made = new_tasks(api, 50)
        assert {ids(caller)[0] for caller in waiting} == made

    def test_only_those_who_asked_for_its_type(self, server, api):
        waiting = {kind: waiter(server, kind, task_types=[kind]) for kind in TYPES}
        other = waiter(server, "other", wait=2, task_types=["batch_processing"])
        both = waiter(server, "both", kinds=["task", "message"],
                      task_types=["embedding_generation"])
        for kind in reversed(TYPES):
            task = new_task(api, kind)
            assert ids(waiting[kind]) == [task]
        assert body_of(other.read()) == EMPTY
        task = new_task(api, "embedding_generation")
        assert ids(both) == [task]

    def test_released_task_wakes(self, server, api):
        new_task(api)
        task = claimed(api)[0]
        caller = waiter(server, "next")
        released = api.post(f"/tasks/{task['id']}/release", {"lease_token": task["lease_token"]})
        assert released.status == 200, released
        again = tasks_of(caller.read())[0]
        assert again["id"] == task["id"] and again["lease_token"] != task["lease_token"]

    def test_delayed_task_wakes_when_it_is_due(self, server, api):
        caller = waiter(server, "patient")
        task = new_task(api, schedule_for=in_seconds(1.5))
        assert ids(caller) == [task]

    def test_ended_lease_wakes(self, server, api):
        task = new_task(api)
        assert claimed(api, "silent", lease=1)[0]["id"] == task
        again = tasks_of(waiter(server, "heir").read())[0]
        assert again["id"] == task and again["deliveries"] == 2

    def test_resumed_level_wakes(self, server, api):
        assert api.post("/admin/queues/low/pause").status == 200
        task = new_task(api, priority="low")
        caller = waiter(server, "paused")
        assert api.post("/admin/queues/low/resume").status == 200
        assert ids(caller) == [task]

    def test_other_tenants_work_does_not(self, new_server, store):
        made = new_server(store, LOGGED + "<Location /other>\nSetHandler llmq-queue\n"
                          "LLMQTenant other\nRequire all granted\n</Location>\n")
        made.start()
        caller = waiter(made, "ours", wait=2)
        new_task(made.new_api("/other"))
        assert body_of(caller.read()) == EMPTY


class TestMessages:
    CONF = LOGGED + "LLMQDispatcher Off\n"

    def test_message_wakes_who_asks_for_messages(self, server, api):
        tasks = waiter(server, "tasks", wait=2)
        messages = waiter(server, "messages", kinds=["message"])
        message = api.send("hello")
        got = tasks_of(messages.read())
        assert [m["id"] for m in got] == [message["id"]] and got[0]["kind"] == "message"
        assert body_of(tasks.read()) == EMPTY


class TestOneChild:
    @pytest.fixture(scope="class")
    def server(self, new_server, store):
        return one_child(new_server, store)

    def test_first_come_first_served(self, server, api):
        waiting = []
        for i in range(3):
            waiting.append(waiter(server, f"f{i}"))
            # The headers go out before a claim is in the room. By the end of another claim
            # it is.
            waiter(server, "between", wait=1, task_types=["health_check"]).read()
        for caller in waiting:
            task = new_task(api)
            assert ids(caller) == [task]

    def test_time_over_by_the_ends_and_not_by_the_beginnings(self, server, api):
        long = waiter(server, "long")
        middle = waiter(server, "middle", wait=2)
        short = waiter(server, "short", wait=1)
        for caller in (short, middle):
            assert body_of(caller.read()) == EMPTY
        assert not [end for end in ends(server) if end[0] == "long"]
        task = new_task(api)
        assert ids(long) == [task]

    def test_nothing_is_left_behind(self, server, api):
        """Clients that leave at any moment while tasks come: each task reaches somebody, and
        nobody is charged for those who left."""
        stop = threading.Event()
        rng = random.Random(4)

        def come_and_go(seed):
            own = random.Random(seed)
            while not stop.is_set():
                caller = Caller(server, worker="fickle", wait=5, kinds=["task"], lease=600)
                stop.wait(own.random() / 200)
                caller.close()

        threads = [threading.Thread(target=come_and_go, args=(i,)) for i in range(4)]
        for thread in threads:
            thread.start()
        made = set()
        for _ in range(100):
            api.close()  # a full child ends connections that are kept alive
            made.add(new_task(api))
            stop.wait(rng.random() / 100)
        stop.set()
        for thread in threads:
            thread.join()
        # Some answers were taken by the kernel of a client that had left: leases that last. All
        # others are ready again, sooner or later, without a delivery that counts.
        back = []

        def each_has_one():
            tasks = claimed(api, "steady", limit=100, wait=1, lease=600)
            assert all(task["deliveries"] == 1 for task in tasks)
            back.extend(task["id"] for task in tasks)
            held = [row[0] for row in server.query(
                "SELECT id FROM llmq_jobs WHERE owner = 'fickle' AND lease_until > 0")]
            assert len(set(back)) == len(back) and not set(back) & set(held)
            return {*back, *held} == made

        until(each_has_one, "each task to be somebody's")


def threads_of(pid):
    return len(list(pathlib.Path(f"/proc/{pid}/task").iterdir()))


class TestManyWait:
    N = 1000
    SECONDS = 20  # for parking them: what follows fits into the minute of the first one

    def park(self, server):
        """So many; on a slow machine as many as there is time for."""
        waiting = []
        end = time.monotonic() + self.SECONDS
        while len(waiting) < self.N and (time.monotonic() < end or len(waiting) < 50):
            waiting.append(waiter(server, f"m{len(waiting)}"))
        return waiting

    def test_a_thousand_cost_two_threads(self, new_server, store):
        server = one_child(new_server, store, "LLMQMaxParked 1100\n")
        api = server.new_api()
        waiter(server, "first", wait=1).read()  # its threads are there from now on
        child = server.workers()[0]
        before = threads_of(child)
        waiting = self.park(server)
        assert server.workers() == [child] and threads_of(child) == before
        # Others find threads: 8 are all there are.
        others = [server.new_api() for _ in range(7)]
        assert {other.get("/health").status for other in others} == {200}
        for other in others:
            other.close()
        made = new_tasks(api, len(waiting) // 10)
        got = [ids(caller) for caller in waiting[:len(made)]]  # the first come
        assert {one[0] for one in got} == made
        server.graceful()
        assert {body_of(caller.read()) for caller in waiting[len(made):]} == {EMPTY}
        until(lambda: child not in server.workers(), "the old child's end")
        until_end(server, f"m{len(waiting) - 1}", 0, "answered")
