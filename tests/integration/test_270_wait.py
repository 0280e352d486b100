"""?wait=N: the answer comes when the work has ended, or says in time that it has not."""

import concurrent.futures
import socket
import threading

import pytest

from llmq_env.conf import mounts
from llmq_env.errorlog import KILLED
from llmq_env.fakellm import Plan
from llmq_env.wait import kill_process, until

BODY = {"user_id": "user_1", "content": "Hello"}
SLOW = """
    <LLMQBackend slow>
        LLMQBackendKind openai
        LLMQBackendURL {llm}
    </LLMQBackend>
"""


def post(api, wait, **body):
    return api.post(f"/messages?wait={wait}", {**BODY, **body})


class Posted:
    """A request under way in a thread of its own."""

    def __init__(self, server, path, body=None, headers=None):
        self.api = server.new_api()
        self.answer = None
        self.thread = threading.Thread(target=self._run, args=(path, body or BODY, headers))
        self.thread.start()

    def _run(self, path, body, headers):
        self.answer = self.api.post(path, body, headers=headers)

    def result(self):
        self.thread.join(120)
        assert not self.thread.is_alive()
        return self.answer


def until_called(llm, *contents):
    """Calls of messages of earlier tests may come late."""
    until(lambda: set(contents) <= set(llm.contents()), f"calls of {contents}")


class TestEcho:
    """Without a backend of its own the server answers at once."""

    @pytest.mark.mpm
    def test_answer_is_the_final_message(self, api):
        answer = post(api, 30, content="what is it")
        assert answer.status == 201, answer
        data = answer.data
        assert data["status"] == "completed"
        assert "what is it" in data["result"]["content"]
        assert data["message_id"] == data["id"] and data["estimated_wait"] == 0
        assert answer.headers["location"] == f"/api/v1/messages/{data['id']}"
        assert api.message(data["id"])["completed_at"] == data["completed_at"]

    def test_zero_does_not_wait_and_decimals_do(self, api):
        assert post(api, 0).data["status"] == "pending"
        assert post(api, "10.5").data["status"] == "completed"

    def test_wait_beyond_the_limit_is_clamped(self, api):
        assert post(api, 99999999999999999999).data["status"] == "completed"

    @pytest.mark.parametrize("wait", ["-1", "x", "1s", "nan", "inf", "0x10", "1e3", "+1", ".5",
                                      "1.", "%20", "1,5", "%00", "%FF"])
    def test_what_is_no_number_is_400_and_nothing_is_stored(self, api, wait):
        before = api.total()
        answer = post(api, wait)
        answer.refuses(400)
        assert api.total() == before

    def test_bad_body_is_refused_as_ever(self, api):
        post(api, 30, content="").refuses(400, 1001)

    def test_many_wait_side_by_side(self, server):
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            answers = list(pool.map(lambda i: post(server.new_api(), 30, content=f"m {i}"),
                                    range(40)))
        assert {a.data["status"] for a in answers} == {"completed"}
        assert len({a.data["id"] for a in answers}) == 40


class TestSlowBackend:
    CONF = SLOW + "LLMQMaxRetries 0\nLLMQTimeout 10min\nLLMQMaxWait 10min\n" \
        + mounts(short="LLMQMaxWait 1")

    def test_time_out_is_1010_and_the_work_goes_on(self, api, llm):
        llm.hold()
        answer = post(api, 0.3).refuses(408, 1010)
        message_id = answer.json["details"]["id"]
        assert api.message(message_id)["status"] in ("pending", "processing")
        llm.release()
        assert api.until_status(message_id)["status"] == "completed"

    def test_limit_of_the_location_holds(self, server, llm):
        short = server.new_api("/short")
        llm.hold()
        answer = post(short, 600).refuses(408, 1010)
        llm.release()
        assert short.until_status(answer.json["details"]["id"])["status"] == "completed"

    def test_failure_is_an_answer_too(self, api, llm):
        llm.default = Plan(status=400, body=b'{"error":{"message":"no"}}')
        answer = post(api, 30)
        assert answer.status == 201 and answer.data["status"] == "failed"
        assert answer.data["error"]

    def test_waiter_hears_of_an_end_told_from_outside(self, server, api, llm):
        llm.hold()
        waiting = Posted(server, "/messages?wait=600", {"user_id": "told", "content": "to be told"})
        message_id = until(lambda: api.get("/messages?user_id=told").data["messages"],
                           "it")[0]["id"]
        until_called(llm, "to be told")
        assert api.set_status(message_id, "completed", result="by hand").status == 200
        answer = waiting.result()
        assert answer.status == 201 and answer.data["status"] == "completed"
        assert answer.data["result"]["content"] == "by hand"
        llm.release()

    def test_message_deleted_meanwhile_is_1004(self, server, api, llm):
        llm.hold()
        waiting = Posted(server, "/messages?wait=600", {**BODY, "user_id": "deleted"})
        message_id = until(lambda: api.get("/messages?user_id=deleted").data["messages"],
                           "it")[0]["id"]
        assert api.delete(f"/messages/{message_id}").status == 200
        assert waiting.result().refuses(404, 1004).json["details"]["id"] == message_id
        llm.release()

    @pytest.mark.mpm
    def test_graceful_restart_is_not_held_up(self, server, api, llm):
        llm.hold()
        waiting = Posted(server, "/messages?wait=600", {**BODY, "content": "while it turns over"})
        until_called(llm, "while it turns over")
        old = set(server.workers())
        server.graceful()
        waiting.result().refuses(408, 1010)
        until(lambda: not old & set(server.workers()), "the old children's end")
        llm.release()
        message_id = waiting.answer.json["details"]["id"]
        assert api.until_status(message_id)["status"] == "completed"

    def test_client_that_leaves_gives_its_place_back(self, server, api, llm):
        llm.hold()
        body = b'{"user_id":"u","content":"leaves"}'
        with socket.create_connection(("127.0.0.1", server.port)) as s:
            s.sendall(b"POST /api/v1/messages?wait=600 HTTP/1.1\r\nHost: x\r\n"
                      b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                      % (len(body), body))
            until_called(llm, "leaves")
        # Nothing is left in its way: the thread has gone on long before the wait is over.
        old = set(server.workers())
        server.graceful()
        until(lambda: not old & set(server.workers()), "the old children's end")
        assert api.get("/health").status == 200
        llm.release()


def held(name):
    """An answer that is kept must be known while the request lives: it cannot be parked."""
    return {"Idempotency-Key": f"held-{name}"}


class TestPlaces:
    CONF = SLOW + "LLMQMaxHeld 2\nLLMQTimeout 10min\nLLMQMaxWait 10min\n"

    @pytest.mark.mpm
    def test_more_waits_than_places_are_2003_and_store_nothing(self, server, api, llm):
        llm.hold()
        waiting = [Posted(server, "/messages?wait=600",
                          {"user_id": f"u{i}", "content": f"held {i}"}, held(i)) for i in range(2)]
        until_called(llm, "held 0", "held 1")
        before = api.total()
        answer = api.post("/messages?wait=1", BODY, headers=held("more"))
        answer.refuses(503, 2003)
        assert int(answer.headers["retry-after"]) >= 1
        assert api.total() == before
        assert post(api, 0).status == 201  # who does not wait needs none
        llm.release()
        assert [w.result().status for w in waiting] == [201, 201]
        assert api.post("/messages?wait=30", BODY, headers=held("again")).status == 201

    def test_places_of_a_killed_child_come_back(self, server, api, llm):
        server.log.expect(*KILLED)
        llm.hold()
        broken = []

        def wait_in_vain(i):
            try:
                server.new_api().post("/messages?wait=600",
                                      {"user_id": f"u{i}", "content": f"killed {i}"},
                                      headers=held(f"killed-{i}"))
            except Exception as e:  # noqa: BLE001, http.client has its own
                broken.append(e)
        threads = [threading.Thread(target=wait_in_vain, args=(i,)) for i in range(2)]
        for thread in threads:
            thread.start()
        until_called(llm, "killed 0", "killed 1")
        for pid in server.workers():
            kill_process(pid)
        for thread in threads:
            thread.join(60)
        assert len(broken) == 2
        llm.release()
        fresh = server.new_api()
        until(lambda: fresh.post("/messages?wait=30", BODY,
                                 headers=held("fresh")).status == 201, "a place")


def kill_dispatchers(server):
    for pid in server.dispatchers():
        kill_process(pid)


class TestDeadDispatcher:
    """One that dies again and again does not live, for a waiter."""

    CONF = SLOW + "LLMQTimeout 10min\nLLMQMaxWait 10min\n"

    def test_dead_dispatcher_is_2004(self, server, api, llm, tmp_path):
        server.log.expect(*KILLED)
        llm.hold()
        waiting = Posted(server, "/messages?wait=600")
        until(lambda: llm.calls, "the call")
        until(lambda: kill_dispatchers(server) or waiting.answer, "the answer", 120)
        answer = waiting.result()
        answer.refuses(500, 2004)
        assert "retry-after" in answer.headers
        message_id = answer.json["details"]["id"]
        llm.release()
        assert api.until_status(message_id)["status"] == "completed"
