"""Tasks that are pushed: LLMQTaskHandler takes them out of the queue and POSTs them."""

import json

import pytest

from llmq_env.errorlog import KILLED
from llmq_env.receiver import Receiver, Reply
from llmq_env.wait import until

CONF = """
LLMQRetryDelay 100ms 300ms
LLMQTaskType own
LLMQTaskHandler document_processing {hook}/docs key={dir}/key timeout=5min concurrency=3
LLMQTaskHandler own {hook}/own connect-timeout=30s max-answer=1024
LLMQTaskHandler vector_storage http://127.0.0.1:1/ connect-timeout=500ms
<Location "/other">
    SetHandler llmq-queue
    LLMQTenant other
    Require all granted
</Location>
"""


@pytest.fixture(scope="module")
def hook():
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(autouse=True)
def hook_is_reset(hook):
    yield
    hook.reset()


@pytest.fixture(scope="class")
def server(store, new_server, hook, request):
    made = new_server(store)
    (made.dir / "key").write_text("push key\n", encoding="ascii")
    made.configure(CONF.replace("{dir}", str(made.dir)).replace("{hook}", hook.url))
    made.start()
    return made


def new_task(api, kind="document_processing", **fields):
    body = {"task_type": kind, "kb_id": "kb_1", "payload": {"n": 1}, **fields}
    answer = api.post("/tasks", body)
    assert answer.status == 201, answer
    return answer.json["id"]


def task(api, task_id):
    answer = api.get(f"/tasks/{task_id}")
    assert answer.status == 200, answer
    return answer.json


def until_state(api, task_id, *states):
    def look():
        got = task(api, task_id)
        return got if got["status"] in states else None
    return until(look, f"{task_id} to be {states}")


def answers(obj):
    return Reply(body=json.dumps(obj).encode(), headers={"Content-Type": "application/json"})


class TestHandler:
    EXPECT = ("LLMQ0504",)

    def test_a_task_is_posted_and_its_answer_is_the_result(self, api, hook):
        hook.default = answers({"pages": 3})
        task_id = new_task(api, payload={"file": "/a.pdf", "deep": {"x": [1, 2.5]}},
                           priority="high")
        done = until_state(api, task_id, "completed", "failed")
        assert done["status"] == "completed" and done["result"] == {"pages": 3}
        assert done["progress"] == 100
        post, = hook.posts
        assert post.path == "/docs"
        assert post.headers["idempotency-key"] == task_id == post.headers["webhook-id"]
        assert post.headers["content-type"] == "application/json"
        assert post.signed_with("push key")
        said = post.json
        assert said["id"] == task_id and said["task_type"] == "document_processing"
        assert said["kb_id"] == "kb_1" and said["attempt"] == 1 and said["priority"] == "high"
        assert said["payload"] == {"file": "/a.pdf", "deep": {"x": [1, 2.5]}}
        assert said["created_at"] == done["created_at"]

    @pytest.mark.parametrize("body, result", [
        (b"", {}), (b" \n", {}), (b"done", {"content": "done"}), (b"[1,2]", {"content": [1, 2]}),
        (b"7", {"content": 7}), ("né".encode(), {"content": "né"})])
    def test_every_2xx_is_a_result(self, api, hook, body, result):
        hook.default = Reply(status=200 if body else 204, body=body)
        task_id = new_task(api)
        assert until_state(api, task_id, "completed", "failed")["result"] == result

    def test_types_of_all_tenants_are_done_others_wait(self, server, api, hook):
        hook.default = answers({})
        other = server.new_api("/other")
        waits = new_task(api, "knowledge_indexing")
        ids = [new_task(api), new_task(api, "own")]
        elsewhere = [new_task(other), new_task(other, "own")]
        for task_id in ids:
            until_state(api, task_id, "completed")
        for task_id in elsewhere:
            until_state(other, task_id, "completed")
        assert task(api, waits)["status"] == "queued"
        assert len(hook.at("/own")) == 2 == len(hook.at("/docs"))
        assert "webhook-signature" not in hook.at("/own")[0].headers
        api.delete(f"/tasks/{waits}")

    def test_no_more_at_once_than_told(self, api, hook):
        hook.default = Reply(delay=0.15)
        hook.hold()
        ids = [new_task(api) for _ in range(12)]
        hook.until_posts(3)
        hook.release()
        for task_id in ids:
            until_state(api, task_id, "completed")
        assert hook.most_in_flight == 3

    def test_the_urgent_come_first(self, api, hook):
        hook.hold()
        ids = [new_task(api, priority="low") for _ in range(9)]
        hook.until_posts(3)
        urgent = new_task(api, priority="critical")
        hook.release()
        for task_id in [urgent, *ids]:
            until_state(api, task_id, "completed")
        order = [post.json["id"] for post in hook.posts]
        assert order.index(urgent) in (3, 4, 5)  # among those of the next three places

    def test_what_cannot_be_done_now_is_tried_again(self, api, hook):
        hook.replies = [Reply(status=503), Reply(status=429, headers={"Retry-After": "1"}),
                        Reply(status=408), answers({"at": "last"})]
        task_id = new_task(api, max_retries=3)
        done = until_state(api, task_id, "completed", "failed")
        assert done["status"] == "completed" and done["retry_count"] == 3
        assert [post.json["attempt"] for post in hook.posts] == [1, 2, 3, 4]
        assert {post.headers["idempotency-key"] for post in hook.posts} == {task_id}

    def test_what_is_wrong_with_the_task_is_final(self, api, hook):
        hook.default = Reply(status=422, body=b'{"error":"no such file"}')
        done = until_state(api, new_task(api, max_retries=5), "completed", "failed")
        assert done["status"] == "failed" and done["retry_count"] == 0
        assert "no such file" in done["error_message"] and "422" in done["error_message"]
        assert len(hook.posts) == 1

    def test_retries_end(self, api, hook):
        hook.default = Reply(status=500)
        done = until_state(api, new_task(api, max_retries=1), "completed", "failed")
        assert done["status"] == "failed" and done["retry_count"] == 1
        assert len(hook.posts) == 2

    def test_a_task_has_its_own_time_limit(self, api, hook):
        hook.hold()
        done = until_state(api, new_task(api, max_retries=0, timeout=1), "completed", "failed")
        assert done["status"] == "failed" and done["error_message"]

    @pytest.mark.parametrize("reply", [
        Reply(body=b'{"a":'), Reply(body=b"caf\xe9"), Reply(status=302),
        Reply(body=b"x" * 2000)])
    def test_nonsense_is_no_result(self, api, hook, reply):
        hook.default = reply
        done = until_state(api, new_task(api, "own", max_retries=0), "completed", "failed")
        assert done["status"] == "failed" and not done.get("result")

    def test_a_handler_that_is_away_costs_no_retry(self, api):
        task_id = new_task(api, "vector_storage", max_retries=0)
        quick = new_task(api)
        until_state(api, quick, "completed")
        got = task(api, task_id)
        assert got["status"] in ("queued", "processing") and got["retry_count"] == 0
        assert api.delete(f"/tasks/{task_id}").status == 200

    def test_cancel_ends_the_call(self, api, hook):
        hook.hold()
        task_id = new_task(api)
        hook.until_posts(1)
        until_state(api, task_id, "processing")
        assert api.delete(f"/tasks/{task_id}").status == 200
        until(lambda: hook.left, "the end of the call")
        hook.release()
        hook.default = answers({})
        more = [new_task(api) for _ in range(3)]
        for other in more:
            until_state(api, other, "completed")
        assert task(api, task_id)["status"] == "canceled"

    def test_what_a_handler_has_is_no_workers(self, api, hook):
        hook.hold()
        task_id = new_task(api)
        hook.until_posts(1)
        answer = api.put(f"/tasks/{task_id}/progress", {"progress": 5})
        assert answer.status == 409, answer
        body = {"task_types": ["document_processing"], "limit": 10}
        assert api.post("/workers/w1/claim", body).json["tasks"] == []
        hook.release()
        done = until_state(api, task_id, "completed")
        assert done["progress"] == 100 and len(hook.posts) == 1

    def test_what_a_worker_has_is_no_handlers(self, api, hook):
        hook.hold()
        running = [new_task(api) for _ in range(3)]
        hook.until_posts(3)
        waits = new_task(api)
        body = {"task_types": ["document_processing"]}
        claimed, = api.post("/workers/w1/claim", body).json["tasks"]
        assert claimed["id"] == waits
        hook.release()
        for task_id in running:
            until_state(api, task_id, "completed")
        answer = api.post(f"/tasks/{waits}/complete",
                          {"lease_token": claimed["lease_token"], "result": {"by": "w1"}})
        assert answer.status == 200, answer
        assert task(api, waits)["result"] == {"by": "w1"}
        assert waits not in {post.json["id"] for post in hook.posts}

    def test_a_call_that_breaks_is_made_again(self, api, hook):
        hook.default = lambda post: Reply(hang_up=len(hook.posts) < 4)
        task_id = new_task(api, max_retries=5)
        assert until_state(api, task_id, "completed", "failed")["status"] == "completed"
        assert {post.json["id"] for post in hook.posts} == {task_id}


class TestDeaths:
    EXPECT = KILLED

    def test_a_task_survives_the_dispatcher(self, server, api, hook):
        hook.default = Reply(delay=0.5, body=b'{"ok":true}')
        ids = [new_task(api) for _ in range(8)]
        hook.until_posts(2)
        server.until_dispatcher(other_than=server.kill_dispatcher())
        for task_id in ids:
            done = until_state(api, task_id, "completed", "failed")
            assert done["status"] == "completed" and done["result"] == {"ok": True}
            assert done["retry_count"] == 0
        assert {post.json["id"] for post in hook.posts} == set(ids)

    def test_a_graceful_restart_loses_nothing(self, server, api, hook):
        hook.default = Reply(delay=0.3)
        ids = [new_task(api) for _ in range(8)]
        hook.until_posts(1)
        server.graceful()
        api.close()
        for task_id in ids:
            assert until_state(api, task_id, "completed", "failed")["status"] == "completed"


class TestDirective:
    @pytest.mark.parametrize("line", [
        "LLMQTaskHandler", "LLMQTaskHandler own", "LLMQTaskHandler 'a b' http://h/",
        "LLMQTaskHandler health_check ftp://h/", "LLMQTaskHandler health_check http://u:p@h/",
        "LLMQTaskHandler health_check http://h/ key=/does/not/exist",
        "LLMQTaskHandler health_check http://h/ timeout=x",
        "LLMQTaskHandler health_check http://h/ connect-timeout=0",
        "LLMQTaskHandler health_check http://h/ concurrency=0",
        "LLMQTaskHandler health_check http://h/ max-answer=1",
        "LLMQTaskHandler health_check http://h/ retries=3",
        "LLMQTaskHandler health_check http://h/\nLLMQTaskHandler health_check http://i/"])
    def test_what_makes_no_sense_is_refused(self, idle, line):
        idle.refusal(line, line=2 if "\n" in line else 1)

    def test_a_type_that_is_unknown_is_refused(self, idle):
        assert "LLMQ0150" in idle.refusal("LLMQTaskHandler nobody http://h/")
