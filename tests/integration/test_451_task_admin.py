"""Administration of tasks: dead letters, what is delayed, pauses, maintenance, rates, and
llmqctl."""

import datetime
import json
import threading

import pytest

from llmq_env.conf import mounts
from llmq_env.ctl import FAILED, USAGE, ctl_of
from llmq_env.wait import until
from llmq_env.workers import Worker, add_task, task

DEAD, DELAYED = "/admin/dead-letter", "/admin/delayed"
UNKNOWN = "01890a5d-ac96-774b-bcce-b302099a8057"
# Moments that no test comes to see.
SOON, LATER = (f"{datetime.date.today().year + 10}-12-0{day}T10:00:00Z" for day in (1, 2))
QUICK = "LLMQRetryDelay 100ms 100ms\n"


def kill(api, error="broken pipe", **fields):
    """A task that is a dead letter; its id."""
    made = add_task(api, **fields)
    worker = Worker(api, "killer")
    for job in worker.claim(limit=100):
        if job["id"] == made["id"]:
            worker.must("fail", job, error=error, retryable=False)
        else:
            worker.must("release", job)
    assert task(api, made["id"])["status"] == "failed"
    return made["id"]


def dead_message(api, server):
    """A message that was given up on, as the dispatcher would leave it."""
    message_id = api.send("dead", delay=600)["id"]
    server.query("UPDATE llmq_jobs SET status = 3, dead_letter = 1, attempt = attempt + 1, "
                 "error = '{\"type\":\"connect\",\"message\":\"gone\"}', "
                 f"finished_at = created_at WHERE id = '{message_id}'")
    return message_id


def dead(api, query=""):
    return [item["id"] for item in api.get(f"{DEAD}?page_size=100{query}").data["items"]]


def bury_all(api):
    assert api.delete(f"{DEAD}?confirm=all").status == 200
    worker = Worker(api, "cleaner")
    for job in worker.claim(limit=100):
        worker.must("complete", job)


class TestDeadLetters:
    CONF = QUICK + mounts(other="LLMQTenant other\nLLMQAdmin On")

    @pytest.fixture(autouse=True)
    def nothing_is_left(self, api):
        yield
        bury_all(api)

    def test_both_kinds_are_listed_as_their_apis_show_them(self, api, server):
        ids = {"task": kill(api), "message": dead_message(api, server)}
        assert set(dead(api)) == set(ids.values())
        for kind, one in ids.items():
            assert dead(api, f"&kind={kind}") == [one]
        shown = api.get(f"{DEAD}/{ids['task']}").data
        assert shown == task(api, ids["task"])
        assert (shown["status"], shown["error_message"]) == ("failed", "broken pipe")
        assert api.get(f"{DEAD}/{ids['message']}").data["content"] == "dead"

    def test_filters(self, api):
        one = kill(api, "no space left", task_type="vector_storage", kb_id="kb_a",
                   priority="critical")
        two = kill(api, "bad file", task_type="health_check", kb_id="kb_b", priority="low")
        for query, wanted in (
                ("kind=task", {one, two}), ("kind=message", set()), ("kb_id=kb_a", {one}),
                ("task_type=health_check", {two}), ("priority=realtime", {one}),
                ("priority=low", {two}), ("error=NO%20SPACE", {one}), ("since=1h", {one, two}),
                ("since=2999-01-01T00:00:00Z", set()), ("kb_id=kb_a&task_type=health_check", set()),
                ("task_type=%27%20OR%201=1--", set())):
            assert set(dead(api, "&" + query)) == wanted, query

    @pytest.mark.parametrize("query", ["kind=tasks", "kind=TASK", "task_types=x", "type=x",
                                       "priority=critical"])
    def test_unknown_words_are_400(self, api, query):
        for method, path in (("GET", DEAD), ("DELETE", DEAD), ("POST", f"{DEAD}/requeue-all")):
            assert api.call(method, f"{path}?confirm=all&{query}" if method == "DELETE"
                            else f"{path}?{query}").status == 400

    def test_requeued_task_begins_anew(self, api):
        made = add_task(api, max_retries=1, payload={"k": [1, {"x": None}]}, priority="high")
        worker = Worker(api)
        worker.must("fail", worker.get(), error="first")
        last = worker.get()
        assert (last["attempt"], last["deliveries"]) == (2, 2)
        assert worker.must("fail", last, error="second")["status"] == "failed"
        answer = api.post(f"{DEAD}/requeue/{made['id']}")
        assert answer.status == 200 and answer.data == {"id": made["id"], "status": "queued"}
        shown = task(api, made["id"])
        assert (shown["status"], shown["retry_count"], shown["progress"]) == ("queued", 0, 0)
        assert (shown["error_message"], shown["worker_id"], shown["max_retries"]) == ("", "", 1)
        assert shown["payload"] == {"k": [1, {"x": None}]} and shown["priority"] == "high"
        # Whoever still has the old lease is too late.
        worker.say("complete", last, result=1).denies(409, "STALE_LEASE")
        again = worker.get()
        assert (again["attempt"], again["deliveries"]) == (1, 1)
        worker.must("fail", again)
        worker.must("complete", worker.get(), result={"ok": True})
        assert task(api, made["id"])["result"] == {"ok": True}
        assert made["id"] not in dead(api)

    def test_all_of_a_kind_come_back(self, api, server):
        tasks = [kill(api, kb_id=f"kb_{n % 2}") for n in range(6)]
        message = dead_message(api, server)
        answer = api.post(f"{DEAD}/requeue-all", {"kind": "task", "kb_id": "kb_1", "rate": 10000})
        assert answer.data["requeued"] == 3 and answer.data["remaining"] == 0
        answer = api.post(f"{DEAD}/requeue-all?kind=task&rate=10000")
        assert answer.data["requeued"] == 3
        assert dead(api) == [message]
        got = {}
        worker = Worker(api)
        until(lambda: got.update({j["id"]: j for j in worker.claim(limit=100)})
              or set(got) == set(tasks), "all tasks back")
        for job in got.values():
            worker.must("complete", job)

    def test_living_and_unknown_ones(self, api):
        alive = add_task(api, schedule_for=None)["id"]
        for method, path in (("GET", f"{DEAD}/%s"), ("DELETE", f"{DEAD}/%s"),
                             ("POST", f"{DEAD}/requeue/%s")):
            api.call(method, path % UNKNOWN).refuses(404)
            api.call(method, path % alive).refuses(400, None, "id")
        assert task(api, alive)["status"] == "queued"

    def test_deleted_ones_are_gone(self, api, server):
        one, two = kill(api), kill(api)
        message = dead_message(api, server)
        assert api.delete(f"{DEAD}/{one}").status == 200
        api.get(f"/tasks/{one}").denies(404, "TASK_NOT_FOUND")
        assert api.delete(f"{DEAD}?confirm=all&kind=task").data == {"deleted": 1, "remaining": 0}
        api.get(f"/tasks/{two}").denies(404, "TASK_NOT_FOUND")
        assert dead(api) == [message]

    def test_another_tenant_sees_none(self, server, api):
        one = kill(api)
        other = server.new_api("/other")
        assert dead(other) == []
        assert other.post(f"{DEAD}/requeue-all?kind=task").data["requeued"] == 0
        assert other.delete(f"{DEAD}?confirm=all").data["deleted"] == 0
        other.post(f"{DEAD}/requeue/{one}").refuses(404)
        assert dead(api) == [one]

    def test_too_many_deliveries_end_there(self, api, server):
        server.log.expect("LLMQ0741")
        made = add_task(api, max_retries=1000)
        worker = Worker(api)
        for n in range(1, 6):
            got = worker.get(lease=0.1)
            assert got["deliveries"] == n
            until(lambda: task(api, made["id"])["status"] != "processing", "the lease to end")
        assert task(api, made["id"])["status"] == "failed"
        assert dead(api) == [made["id"]]

    def test_ctl(self, api, server):
        ctl = ctl_of(server)
        one = kill(api, "for llmqctl", kb_id="kb_ctl")
        message = dead_message(api, server)
        shown = json.loads(ctl("dead-letter", "list", "--json").stdout)
        assert shown["total"] == 2
        shown = json.loads(ctl("dead-letter", "list", "--json", "--kind", "task").stdout)
        assert [(i["id"], i["task_type"], i["kb_id"]) for i in shown["items"]] == \
            [(one, "document_processing", "kb_ctl")]
        assert one in ctl("dead-letter", "list", "--kind", "task").stdout
        ctl("dead-letter", "list", "--kind", "tasks", code=USAGE)
        ctl("dead-letter", "requeue", "--kind", "message", one, code=FAILED)
        assert "requeued 1" in ctl("dead-letter", "requeue", one).stdout
        assert task(api, one)["status"] == "queued"
        ctl("dead-letter", "requeue", one, code=FAILED)
        assert "deleted 0" in ctl("dead-letter", "delete", "--all", "--kind", "task").stdout
        assert dead(api) == [message]


class TestFull:
    CONF = "LLMQTaskQueueSize all 1\n" + QUICK

    def test_what_does_not_fit_stays_dead(self, api):
        one, two = kill(api), kill(api)
        waiting = add_task(api)["id"]
        assert api.post(f"{DEAD}/requeue/{one}").refuses(503, 1007).headers["retry-after"]
        assert api.post(f"{DEAD}/requeue-all").data == {"requeued": 0, "remaining": 2, "rate": 100}
        assert set(dead(api)) == {one, two}
        # Another level has room, and so have messages.
        assert api.post("/tasks", {"task_type": "health_check", "kb_id": "k", "payload": {},
                                   "priority": "low"}).status == 201
        assert api.delete(f"/tasks/{waiting}").status == 200
        assert api.post(f"{DEAD}/requeue/{one}").status == 200
        assert dead(api) == [two]


class TestDelayed:
    CONF = QUICK

    def listed(self, api, query=""):
        return [item["id"] for item in api.get(f"{DELAYED}?page_size=100{query}").data["items"]]

    def test_scheduled_tasks_stand_beside_messages(self, api):
        soon, later = SOON, LATER
        two = add_task(api, "vector_storage", schedule_for=later)["id"]
        one = add_task(api, schedule_for=soon, priority="low")["id"]
        message = api.send("later", delay=600)["id"]
        try:
            assert self.listed(api) == [message, one, two]
            assert self.listed(api, "&kind=task") == [one, two]
            assert self.listed(api, "&kind=message") == [message]
            assert self.listed(api, "&task_type=vector_storage") == [two]
            assert self.listed(api, "&priority=low") == [one]
            items = api.get(f"{DELAYED}?kind=task").data["items"]
            assert [i["scheduled_for"] for i in items] == [soon, later]
            assert Worker(api).claim(limit=100) == []
            assert api.post(f"{DELAYED}/{one}/run-now").data["status"] == "queued"
            got = Worker(api).claim(limit=100)
            assert [job["id"] for job in got] == [one]
            api.post(f"{DELAYED}/{one}/run-now").refuses(400, None, "id")
            assert api.delete(f"{DELAYED}/{two}").status == 200
            api.get(f"/tasks/{two}").denies(404, "TASK_NOT_FOUND")
            assert self.listed(api, "&kind=task") == []
            for method, path in (("POST", f"{DELAYED}/{UNKNOWN}/run-now"),
                                 ("DELETE", f"{DELAYED}/{UNKNOWN}")):
                api.call(method, path).refuses(404)
            Worker(api).must("complete", got[0])
        finally:
            api.delete(f"{DELAYED}/{message}")

    def test_a_task_in_back_off_is_there(self, api):
        made = add_task(api)["id"]
        worker = Worker(api)
        worker.must("fail", worker.get(), retry_after=600)
        assert self.listed(api) == [made]
        assert api.post(f"{DELAYED}/{made}/run-now").status == 200
        again = worker.get()
        assert again["id"] == made and again["attempt"] == 2
        worker.must("complete", again)

    @pytest.mark.parametrize("query", ["kind=x", "typ=x", "priority=critical"])
    def test_bad_filter_is_400(self, api, query):
        assert api.get(f"{DELAYED}?{query}").status == 400


class TestPause:
    CONF = QUICK + mounts(other="LLMQTenant other\nLLMQAdmin On")

    def figures(self, api):
        return {q["name"]: q for q in api.get("/admin/queues").data["task_queues"]}

    def test_a_parked_claim_gets_it_when_the_level_is_resumed(self, server, api):
        assert api.post("/admin/queues/normal/pause").status == 200
        made = add_task(api)["id"]
        other = add_task(api, priority="low")["id"]
        got = []
        waiting = threading.Thread(target=lambda: got.append(Worker(server.new_api()).get(
            task_types=["document_processing"], wait=20)))
        try:
            # The other level goes on.
            taken = Worker(api).get()
            assert taken["id"] == other
            waiting.start()
            assert self.figures(api)["normal"]["paused"] is True
            assert self.figures(api)["normal"]["ready"] == 1
            assert task(api, made)["status"] == "queued"
        finally:
            assert api.post("/admin/queues/normal/resume").status == 200
        waiting.join(120)
        assert [job["id"] for job in got] == [made]
        for job in (taken, got[0]):
            Worker(api).must("complete", job)

    def test_another_tenants_level_goes_on(self, server, api):
        other = server.new_api("/other")
        assert api.post("/admin/queues/high/pause").status == 200
        try:
            assert self.figures(other)["high"]["paused"] is False
            made = add_task(other, priority="high")["id"]
            job = Worker(other).get()
            assert job["id"] == made
            Worker(other).must("complete", job)
        finally:
            api.post("/admin/queues/high/resume")

    def test_figures_by_level_and_type(self, api):
        add_task(api, "vector_storage", priority="high")
        add_task(api, "vector_storage", schedule_for=SOON, priority="high")
        add_task(api, "health_check", priority="low")
        job = Worker(api).get(task_types=["health_check"])
        levels = self.figures(api)
        assert (levels["high"]["ready"], levels["high"]["delayed"]) == (1, 1)
        assert levels["low"]["processing_count"] == 1
        types = {t["name"]: t for t in api.get("/admin/queues").data["task_types"]}
        assert (types["vector_storage"]["ready"], types["vector_storage"]["delayed"]) == (1, 1)
        assert types["health_check"]["processing_count"] == 1
        Worker(api).must("complete", job)


class TestConcurrency:
    CONF = ("LLMQTaskConcurrency 5\nLLMQTaskType embedding_generation concurrency=2\n"
            + mounts(other="LLMQTenant other"))

    def test_bounds_of_type_and_server(self, server, api):
        other = server.new_api("/other")
        for _ in range(4):
            add_task(api, "embedding_generation", priority="high")
            add_task(api, "embedding_generation", priority="low")
            add_task(other, "embedding_generation")
        add_task(api)
        worker = Worker(api)
        mine = worker.claim(task_types=["embedding_generation"], limit=100)
        assert len(mine) == 2  # over all levels
        assert worker.claim(task_types=["embedding_generation"], limit=100) == []
        # The other tenant's are bounded by themselves.
        others = Worker(other).claim(limit=100)
        assert len(others) == 2
        mine += worker.claim(limit=100)
        assert len(mine) == 3
        add_task(api)
        assert worker.claim(limit=100) == []  # five of the whole server
        worker.must("complete", mine.pop())
        mine += worker.claim(limit=100)
        assert len(mine) == 3


class TestRefusals:
    @pytest.fixture(autouse=True)
    def nothing_is_left(self, api):
        yield
        worker = Worker(api, "cleaner")
        while jobs := worker.claim(limit=100):
            for job in jobs:
                worker.must("complete", job)

    CONF = mounts(
        slow="LLMQRateLimit 2/hour", shut="LLMQMaintenance On",
        own="LLMQTaskMaxPayload 20\nLLMQTaskMaxBatch 2\nLLMQTaskMaxRetries 1 4\n"
            "LLMQTaskTimeout 77s\nLLMQTaskMaxTimeout 100s") + \
        "LLMQTaskType quick timeout=5s retries=0 max-payload=10\n"

    BODY = {"task_type": "health_check", "kb_id": "k", "payload": {}}

    @pytest.mark.parametrize("path, body", [("/tasks", BODY), ("/tasks/batch", [BODY, BODY])])
    def test_rate(self, server, path, body):
        headers = {"X-Forwarded-For": path}
        api = server.new_api("/slow")
        answers = [api.post(path, body, headers=headers) for _ in range(3)]
        refused = answers[-1].denies(429, "RATE_LIMITED")
        assert int(refused.headers["retry-after"]) > 0
        assert refused.headers["ratelimit-limit"] == "2"

    @pytest.mark.parametrize("path, body", [("/tasks", BODY), ("/tasks/batch", [BODY])])
    def test_maintenance_by_directive(self, server, path, body):
        answer = server.new_api("/shut").post(path, body)
        answer.denies(503, "SERVICE_UNAVAILABLE")
        assert int(answer.headers["retry-after"]) > 0

    def test_maintenance_by_call_lets_work_end(self, api):
        made = add_task(api)
        worker = Worker(api)
        job = worker.get()
        assert job["id"] == made["id"]
        assert api.post("/admin/maintenance", {"enabled": True, "message": "at six"}).status == 200
        try:
            answer = api.post("/tasks", self.BODY).denies(503, "SERVICE_UNAVAILABLE")
            assert "at six" in answer.json["message"]
            api.post("/tasks/batch", [self.BODY]).denies(503, "SERVICE_UNAVAILABLE")
            worker.must("heartbeat", job)
            worker.must("complete", job, result=1)
            assert worker.claim() == []
            assert task(api, made["id"])["status"] == "completed"
        finally:
            assert api.post("/admin/maintenance", {"enabled": False}).status == 200
        assert api.post("/tasks", self.BODY).status == 201

    def test_limits_of_the_location(self, server, api):
        own = server.new_api("/own")
        made = own.post("/tasks", self.BODY).json
        assert (made["max_retries"], made["timeout"]) == (1, 77)
        own.post("/tasks", {**self.BODY, "max_retries": 5}).denies(
            400, "INVALID_REQUEST", "max_retries")
        assert own.post("/tasks", {**self.BODY, "max_retries": 4}).status == 201
        own.post("/tasks", {**self.BODY, "timeout": 101}).denies(400, "INVALID_REQUEST", "timeout")
        assert own.post("/tasks", {**self.BODY, "timeout": 100}).status == 201
        own.post("/tasks", {**self.BODY, "payload": {"a": "0123456789123"}}).denies(
            413, "PAYLOAD_TOO_LARGE", "payload")
        assert own.post("/tasks", {**self.BODY, "payload": {"a": "012345678912"}}).status == 201
        assert own.post("/tasks/batch", [self.BODY] * 2).status == 201
        assert own.post("/tasks/batch", [self.BODY] * 3).status == 400
        assert api.post("/tasks/batch", [self.BODY] * 100).status == 201

    def test_limits_of_a_type(self, server, api):
        body = {**self.BODY, "task_type": "quick"}
        made = api.post("/tasks", body).json
        assert (made["max_retries"], made["timeout"]) == (0, 5)
        made = server.new_api("/own").post("/tasks", {**body, "max_retries": 2, "timeout": 9}).json
        assert (made["max_retries"], made["timeout"]) == (2, 9)
        api.post("/tasks", {**body, "payload": {"a": "0123"}}).denies(
            413, "PAYLOAD_TOO_LARGE", "payload")
        assert api.post("/tasks", {**body, "payload": {"a": "01"}}).status == 201
