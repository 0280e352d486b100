"""Event streams of messages, tasks and conversations as the author of a client meets them: coming
back in the middle, after the end and after a second begin; several readers; deaths. The database
is asked for nothing here: each change must be told."""

import socket
import threading

import pytest

from llmq_env.conf import FAKE, fake, mounts
from llmq_env.fakellm import Plan
from llmq_env.sessions import SECRET
from llmq_env.sse import Stream
from llmq_env.tasks import create
from llmq_env.tokens import bearer, token
from llmq_env.wait import until
from llmq_env.workers import Worker, add_task, leave_to_workers

TOLD = "LLMQEventPoll 3600 3600\n"


def listen(server, path, base="/api/v1", **more):
    return Stream(server.port, f"{base}{path}", **more)


def until_status(stream, status):
    until(lambda: stream.named("status") and stream.named("status")[-1].json["status"] == status,
          f"the status {status}")
    return stream.named("status")[-1]


class Slowly:
    """Pieces of an answer; from one on they wait until go()."""

    def __init__(self, texts, wait_at):
        self.texts, self.wait_at = texts, wait_at
        self._go = threading.Event()

    def go(self):
        self._go.set()

    def __iter__(self):
        for i, text in enumerate(self.texts):
            if i == self.wait_at:
                self._go.wait(60)
            yield text


class TestInTheMiddle:
    CONF = fake("LLMQBackendStream On") + "LLMQDeltaInterval 1ms\n" + TOLD

    def test_who_comes_back_hears_the_rest_and_the_whole(self, server, api, llm):
        texts = [f"piece {i}. " for i in range(20)]
        slowly = Slowly(texts, 10)
        llm.plans = [Plan(pieces=slowly)]
        llm.hold()  # nobody tells pieces while nobody listens
        path = f"/messages/{api.send('Tell')['id']}/events"
        with listen(server, path) as first:
            begun = until_status(first, "processing")
            llm.release()
            until(lambda: first.named("delta"), "the first pieces")
        with listen(server, path, last=begun.id) as again, listen(server, path) as other:
            for stream in (again, other):
                until(lambda: stream.comments, "the greeting")
            until_status(other, "processing")
            slowly.go()
            for stream in (again, other):
                stream.until_ended()
                assert stream.whole
                assert stream.events[-1].name == "completed"
                assert stream.events[-1].json["result"]["content"] == "".join(texts)
            assert not again.named("status")  # it knew that
            for delta in again.named("delta"):
                assert delta.id is None and delta.json["seq"] > 1

    def test_failed_attempt_is_not_the_end(self, server, api, llm):
        llm.plans = [Plan(status=500), Plan(content="at last")]
        sent = api.send("Tell", max_retries=2)
        with listen(server, f"/messages/{sent['id']}/events") as stream:
            stream.until_ended()
            assert [e.name for e in stream.events if e.name != "delta"][-1] == "completed"
            assert not stream.named("failed")
            assert stream.events[-1].json["result"]["content"].split() == ["at", "last"]
            ids = [int(e.id) for e in stream.events if e.id]
            assert ids == sorted(set(ids))


class TestAfterTheEnd:
    CONF = FAKE + TOLD

    @pytest.mark.mpm
    def test_connection_goes_on_after_204(self, server, api):
        sent = api.until_status(api.send("Hello")["id"])
        path = f"/api/v1/messages/{sent['id']}/events"
        with listen(server, f"/messages/{sent['id']}/events") as stream:
            last = stream.until_ended().events[-1].id
        ask = f"GET {path} HTTP/1.1\r\nHost: x\r\nLast-Event-ID: {last}\r\n\r\n".encode()
        end = b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        got = b""
        with socket.create_connection(("127.0.0.1", server.port), 60) as connection:
            connection.sendall(ask + ask + end)
            while block := connection.recv(65536):
                got += block
        assert got.count(b"HTTP/1.1 204 ") == 2 and got.count(b"HTTP/1.1 200 ") == 1
        assert b"text/event-stream" not in got and b"chunked" not in got

    @pytest.mark.parametrize("last", [None, "0", "1", str(2**62), "9" * 400, "x", "-1"])
    def test_last_state_is_all_there_is(self, server, api, last):
        sent = api.until_status(api.send("Hello")["id"])
        with listen(server, f"/messages/{sent['id']}/events", last=last) as stream:
            stream.until_ended()
            assert stream.whole and [e.name for e in stream.events] == ["completed"]
            assert stream.events[0].json == api.message(sent["id"])
        with listen(server, f"/messages/{sent['id']}/events", last=stream.events[0].id) as stream:
            stream.until_open(204)

    def test_old_clients_and_head(self, server, api):
        sent = api.until_status(api.send("Hello")["id"])
        with listen(server, f"/messages/{sent['id']}/events", version="1.0") as stream:
            stream.until_ended()
            assert [e.name for e in stream.events] == ["completed"]
        for path in (f"/messages/{sent['id']}", f"/conversations/{sent['conversation_id']}"):
            with listen(server, path + "/events", method="HEAD") as stream:
                stream.until_open()
                assert stream.headers["content-type"].startswith("text/event-stream")

    def test_requeued_message_begins_again(self, server, api, llm):
        llm.plans = [Plan(status=400)]
        sent = api.send("Hello")
        path = f"/messages/{sent['id']}/events"
        with listen(server, path) as stream:
            last = stream.until_ended().events[-1]
            assert last.name == "failed"
        llm.hold()
        assert api.set_status(sent["id"], "pending").status == 200
        with listen(server, path, last=last.id) as stream:
            stream.until_events(1)
            assert stream.events[0].name == "status"
            llm.release()
            stream.until_ended()
            assert stream.events[-1].name == "completed"
            assert int(stream.events[0].id) > int(last.id)

    def test_other_methods(self, server, api):
        sent = api.send("Hello")
        answer = api.post(f"/messages/{sent['id']}/events", {})
        assert answer.status == 405 and "GET" in answer.headers["allow"]


class TestTasks:
    CONF = TOLD

    def test_retried_task_begins_again(self, server, api):
        leave_to_workers(api)
        task = add_task(api, max_retries=0)
        path = f"/tasks/{task['id']}/events"
        worker = Worker(api)
        with listen(server, path) as one, listen(server, path) as two:
            for stream in (one, two):
                stream.until_events(1)
            worker.must("fail", worker.get(), error="no", retryable=False)
            for stream in (one, two):
                assert stream.until_ended().events[-1].name == "failed"
        last = one.events[-1].id
        assert two.events[-1].id == last
        assert api.post(f"/tasks/{task['id']}/retry").status == 200
        with listen(server, path, last=last) as stream:
            stream.until_events(1)
            worker.must("complete", worker.get(), result={})
            assert stream.until_ended().events[-1].name == "completed"

    def test_progress_and_cancel_of_one_that_runs(self, server, api):
        leave_to_workers(api)
        task = add_task(api)
        worker = Worker(api)
        with listen(server, f"/tasks/{task['id']}/events") as stream:
            job = worker.get()
            until_status(stream, "processing")
            told = {"progress": 40, "message": "half", "lease_token": job["lease_token"]}
            assert api.put(f"/tasks/{task['id']}/progress", told).status == 200
            until(lambda: stream.events[-1].json["progress"] == 40, "the progress")
            assert api.delete(f"/tasks/{task['id']}").status == 200
            stream.until_ended()
            assert stream.events[-1].name == "canceled"
            assert not stream.named("completed")

    def test_scheduled_one_waits(self, server, api):
        task = create(api, schedule_for="2099-01-01T00:00:00Z")
        with listen(server, f"/tasks/{task['id']}/events") as stream:
            stream.until_events(1)
            assert stream.events[0].name == "status" and stream.events[0].json["scheduled_for"]
            api.delete(f"/tasks/{task['id']}")
            assert stream.until_ended().events[-1].name == "canceled"


class TestConversations:
    CONF = FAKE + TOLD

    def test_who_comes_back_goes_on_behind_its_answer(self, server, api, llm):
        first = api.until_status(api.send("one")["id"])
        path = f"/conversations/{first['conversation_id']}/events"
        llm.hold()
        rest = [api.send(text, conversation_id=first["conversation_id"])
                for text in ("two", "three")]
        with listen(server, path) as stream:
            until_status(stream, "processing")
            assert stream.named("message")[0].json["id"] == first["id"]
            last = stream.named("message")[0].id
        with listen(server, path, last=last) as stream, listen(server, path) as other:
            until_status(stream, "processing")
            assert not stream.named("message")
            llm.release()
            until(lambda: len(stream.named("message")) == 2, "the rest")
            assert [e.json["id"] for e in stream.named("message")] == [m["id"] for m in rest]
            until(lambda: len(other.named("message")) == 3, "all three")
            assert other.ids() == sorted(set(other.ids()))

    def test_deleted_message_holds_up_nobody(self, server, api, llm):
        llm.hold()
        first = api.send("one")
        path = f"/conversations/{first['conversation_id']}/events"
        second = api.send("two", conversation_id=first["conversation_id"])
        with listen(server, path) as stream:
            until_status(stream, "processing")
            assert api.delete(f"/messages/{first['id']}").status == 200
            llm.release()
            until(lambda: stream.named("message"), "the answer to the second")
            assert [e.json["id"] for e in stream.named("message")] == [second["id"]]

    def test_removed_conversation_ends_all_that_is_heard_of_it(self, server, api, llm):
        llm.hold()
        sent = api.send("one")
        path = f"/conversations/{sent['conversation_id']}"
        with listen(server, path + "/events") as stream, \
                listen(server, f"/messages/{sent['id']}/events") as message:
            until_status(stream, "processing")
            until_status(message, "processing")
            assert api.delete(path).status == 200
            for one in (stream, message):
                one.until_ended()
                assert one.whole
            api.get(path + "/events").refuses(404, 1005)
        llm.release()


class TestLongConversations:
    CONF = "LLMQConversationOrder parallel\n" + TOLD

    def test_two_hundred_and_more(self, server, api):
        """Longer than a page."""
        conversation = api.send("first")["conversation_id"]
        sent = [api.send(f"{i}", conversation_id=conversation)["id"] for i in range(230)]
        with listen(server, f"/conversations/{conversation}/events") as stream:
            until(lambda: len(stream.named("message")) == 231, "all of them")
            assert [e.json["id"] for e in stream.named("message")[1:]] == sent
            assert stream.ids() == sorted(set(stream.ids()))


class TestDeaths:
    EXPECT = ("AH00052", "LLMQ08", "LLMQ07")
    CONF = FAKE + TOLD

    def test_dispatcher_that_dies_ends_no_stream(self, server, api, llm):
        llm.hold()
        sent = api.send("Hello")
        with listen(server, f"/messages/{sent['id']}/events") as stream, \
                listen(server, f"/conversations/{sent['conversation_id']}/events") as all_:
            until_status(stream, "processing")
            server.until_dispatcher(other_than=server.kill_dispatcher())
            llm.release()
            assert stream.until_ended().events[-1].name == "completed"
            until(lambda: all_.named("message"), "the answer")
            assert not all_.ended.is_set()

    def test_graceful_restart_in_the_middle(self, server, api, llm):
        llm.hold()
        sent = api.send("Hello")
        with listen(server, f"/messages/{sent['id']}/events") as stream:
            begun = until_status(stream, "processing")
            server.graceful()
            stream.until_ended()
            assert stream.whole and not stream.named("completed")
        llm.release()
        with listen(server, f"/messages/{sent['id']}/events", last=begun.id) as stream:
            assert stream.until_ended().events[-1].name == "completed"


class TestIdentity:
    CONF = "LLMQDispatcher Off\n" + SECRET + mounts(closed="LLMQAuth On")

    def test_token_of_a_stream(self, server):
        api = server.new_api("/closed")
        who = bearer(token("user_1"))
        answer = api.post("/messages", {"content": "Hello"}, headers=who)
        assert answer.status == 201, answer
        mine = token("user_1", jti="jobs")
        for path in (f"/messages/{answer.data['id']}/events",
                     f"/conversations/{answer.data['conversation_id']}/events"):
            assert api.get(path).status == 401
            with listen(server, path, base="/closed", headers=who) as stream:
                stream.until_open()
            with listen(server, f"{path}?access_token={mine}", base="/closed") as stream:
                stream.until_events(1)
            with listen(server, path, base="/closed",
                        headers={"Cookie": f"access_token={mine}"}) as stream:
                stream.until_open()
        assert api.get(f"/messages/{answer.data['id']}?access_token={mine}").status == 401
        assert mine not in server.log.text()
