"""Event streams of messages, tasks and conversations: each change that is seen, never without the
last; the answers of a conversation in the order of its questions."""

import pytest

from llmq_env.conf import FAKE, fake, mounts
from llmq_env.fakellm import Plan
from llmq_env.sse import Stream
from llmq_env.tasks import create, fetch
from llmq_env.wait import until
from llmq_env.workers import Worker, add_task, leave_to_workers


def listen(server, path, **more):
    return Stream(server.port, f"/api/v1{path}", **more)


@pytest.mark.mpm
class TestMessage:
    CONF = FAKE

    def test_from_its_start_to_its_end(self, server, api, llm):
        llm.hold()
        sent = api.send("Hello")
        with listen(server, f"/messages/{sent['id']}/events") as stream:
            stream.until_open()
            stream.until_events(1)
            assert stream.events[0].name == "status"
            until(lambda: stream.events[-1].json["status"] == "processing", "its start")
            llm.release()
            stream.until_ended()
            assert stream.whole
            assert stream.events[-1].name == "completed"
            assert stream.events[-1].json == api.message(sent["id"])
            assert [e.name for e in stream.events[:-1]] == ["status"] * (len(stream.events) - 1)
            ids = [int(e.id) for e in stream.events]
            assert ids == sorted(set(ids))
        last = stream.events[-1].id
        with listen(server, f"/messages/{sent['id']}/events", last=last) as stream:
            stream.until_open(204)
        with listen(server, f"/messages/{sent['id']}/events") as stream:
            stream.until_ended()
            assert [e.name for e in stream.events] == ["completed"]

    def test_failure_is_its_last_word_too(self, server, api, llm):
        llm.plans = [Plan(status=400)]
        sent = api.send("no")
        with listen(server, f"/messages/{sent['id']}/events") as stream:
            stream.until_ended()
            assert stream.events[-1].name == "failed"
            assert stream.events[-1].json["status"] == "failed"

    def test_deleted_message_ends_it(self, server, api, llm):
        llm.hold()
        sent = api.send("Hello")
        with listen(server, f"/messages/{sent['id']}/events") as stream:
            stream.until_events(1)
            assert api.delete(f"/messages/{sent['id']}").status == 200
            stream.until_ended()
            assert stream.whole
        llm.release()

    def test_unknown_ones(self, server, api):
        api.get("/messages/msg_nope/events").refuses(404, 1004)
        api.get("/conversations/conv_nope/events").refuses(404, 1005)
        answer = api.get("/tasks/0199aa00-0000-7000-8000-000000000000/events")
        assert answer.status == 404 and answer.json["code"] == "TASK_NOT_FOUND"

    def test_garbage_is_as_none(self, server, api):
        sent = api.send("Hello")
        api.until_status(sent["id"])
        for garbage in ("abc", "-1", ""):
            with listen(server, f"/messages/{sent['id']}/events", last=garbage) as stream:
                stream.until_ended()
                assert [e.name for e in stream.events] == ["completed"]


class TestPieces:
    CONF = fake("LLMQBackendStream On") + "LLMQDeltaInterval 1ms\n"

    def test_pieces_come_before_the_whole(self, server, api, llm):
        pieces = [f"piece {i}. " for i in range(40)]
        llm.default = Plan(pieces=pieces)
        llm.hold()
        sent = api.send("Tell")
        path = f"/conversations/{sent['conversation_id']}/events"
        with listen(server, f"/messages/{sent['id']}/events") as one, listen(server, path) as all_:
            for stream in (one, all_):
                until(lambda: stream.named("status")
                      and stream.named("status")[-1].json["status"] == "processing", "its start")
            llm.release()
            one.until_ended()
            until(lambda: all_.named("message"), "the whole answer")
            for stream in (one, all_):
                deltas = stream.named("delta")
                assert deltas and all(d.id is None for d in deltas)
                assert {d.json["message_id"] for d in deltas} == {sent["id"]}
                assert "".join(d.json["content"] for d in deltas) in "".join(pieces)
            assert one.events[-1].json["result"]["content"] == "".join(pieces)


class TestConversation:
    CONF = FAKE + "LLMQConversationOrder parallel\n" + mounts(other="LLMQTenant other")

    def test_answers_come_in_the_order_of_the_questions(self, server, api, llm):
        llm.plans = [Plan(delay=0.5)]
        first = api.send("one")
        conversation = first["conversation_id"]
        llm.until_calls(1)
        rest = [api.send(text, conversation_id=conversation) for text in ("two", "three")]
        with listen(server, f"/conversations/{conversation}/events") as stream:
            until(lambda: len(stream.named("message")) == 3, "three answers")
            got = stream.named("message")
            assert [e.json["id"] for e in got] == [m["id"] for m in (first, *rest)]
            assert all(e.json["status"] == "completed" for e in got)
            ids = stream.ids()
            assert ids == sorted(set(ids))
            sent = api.send("four", conversation_id=conversation)
            until(lambda: len(stream.named("message")) == 4, "the fourth")
            assert stream.named("message")[-1].json["id"] == sent["id"]
        with listen(server, f"/conversations/{conversation}/events", last=ids[1]) as stream:
            until(lambda: len(stream.named("message")) == 2, "the last two")
            assert stream.ids()[0] == ids[2]
        with listen(server, f"/conversations/{conversation}/events", last=2**62) as stream:
            stream.until_open()
            api.send("five", conversation_id=conversation)
            until(lambda: stream.named("message"), "the fifth")
            assert stream.named("message")[0].json["content"] == "five"

    def test_of_another_tenant_is_not_there(self, server, api, llm):
        sent = api.send("one")
        other = server.new_api("/other")
        other.get(f"/messages/{sent['id']}/events").refuses(404, 1004)
        other.get(f"/conversations/{sent['conversation_id']}/events").refuses(404, 1005)

    def test_removed_conversation_ends_it(self, server, api, llm):
        sent = api.send("one")
        path = f"/conversations/{sent['conversation_id']}"
        with listen(server, f"{path}/events") as stream:
            until(lambda: stream.named("message"), "the answer")
            assert api.delete(path).status == 200
            stream.until_ended()


class TestTask:
    CONF = "LLMQEventPoll 1 1\n"

    def test_from_its_start_to_its_end(self, server, api):
        leave_to_workers(api)
        task = add_task(api)
        with listen(server, f"/tasks/{task['id']}/events") as stream:
            stream.until_events(1)
            assert stream.events[0].json["status"] == "queued"
            worker = Worker(api)
            job = worker.get()
            until(lambda: stream.events[-1].json["status"] == "processing", "its start")
            worker.must("complete", job, result={"pages": 3})
            stream.until_ended()
            assert stream.events[-1].name == "completed"
            assert stream.events[-1].json["status"] == "completed"
            assert set(stream.events[-1].json) == set(fetch(api, task["id"]))
        with listen(server, f"/tasks/{task['id']}/events",
                    last=stream.events[-1].id) as stream:
            stream.until_open(204)

    def test_cancel_is_its_last_word_too(self, server, api):
        task = create(api, task_type="document_processing")
        with listen(server, f"/tasks/{task['id']}/events") as stream:
            stream.until_events(1)
            assert api.delete(f"/tasks/{task['id']}").status == 200
            stream.until_ended()
            assert stream.events[-1].name == "canceled"
