"""Clients of event streams that cannot send Last-Event-ID, as event-source-polyfill: they come back
with `lastEventId` in the address, and are served alike."""

import pytest

from llmq_env.sessions import SECRET, Sessions
from llmq_env.sse import Stream
from llmq_env.wait import until


def ids(server, path, n, **more):
    """The numbers of the first n messages of a stream."""
    with Stream(server.port, path, **more) as stream:
        stream.until_open().until_events(n)
        return stream.ids()[:n]


class TestSession:
    CONF = "LLMQDispatcher Off\n" + SECRET

    @pytest.fixture
    def path(self, server):
        self.client = Sessions(server, "user_1")
        session = self.client.session()["session_id"]
        for i in range(5):
            self.client.append(session, f"message {i}")
        return f"/api/sessions/{session}/sse"

    @pytest.mark.parametrize("query, header, first", [
        ("?lastEventId=3", None, 4), ("?lastEventID=3", None, 4),
        ("?after_seq=0&limit=1&lastEventId=3", None, 4), ("?lastEventId=1&after_seq=4", None, 2),
        ("?lastEventId=1", "3", 4), ("?lastEventId=4", "1", 2), ("?lastEventId=4", "word", 1),
        ("?lastEventId=", None, 1), ("?lastEventId=word", None, 1),
        ("?lastEventId=-1&after_seq=2", None, 3)])
    def test_it_counts_as_the_header(self, server, path, query, header, first):
        got = ids(server, path + query, 6 - first, headers=self.client.headers, last=header)
        assert got == list(range(first, 6))

    def test_bad_queries_are_refused_as_before(self, path):
        answer = self.client.get(path.removeprefix("/api") + "?lastEventId=%zz")
        assert answer.status == 400, answer


class TestJobs:
    def test_who_has_heard_the_end_stays_away(self, server, api):
        path = f"/api/v1/messages/{api.send('Hello')['id']}/events"
        with Stream(server.port, path) as stream:
            stream.until_ended()
            end = stream.events[-1]
        with Stream(server.port, f"{path}?lastEventId={end.id}") as stream:
            stream.until_open(204)
        with Stream(server.port, f"{path}?lastEventId=1") as stream:
            stream.until_ended()
            assert stream.events[-1].name == end.name == "completed"

    def test_a_conversation_goes_on_behind_it(self, server, api):
        conversation = "conv_of_" + server.dir.name
        sent = [api.send(f"question {i}", conversation_id=conversation)["id"] for i in range(3)]
        path = f"/api/v1/conversations/{conversation}/events"
        with Stream(server.port, path) as stream:
            until(lambda: len(stream.named("message")) >= 3, "the answers")
            first = stream.named("message")[0]
        with Stream(server.port, f"{path}?lastEventId={first.id}") as stream:
            until(lambda: len(stream.named("message")) >= 2, "the answers behind the first")
            assert [e.json["id"] for e in stream.named("message")][:2] == sent[1:]
