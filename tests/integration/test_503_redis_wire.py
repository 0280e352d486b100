"""What goes over Redis between nodes, seen by somebody who reads it there, or who lies there."""

import json
import os
import time

import pytest

from llmq_env.conf import fake
from llmq_env.events import CHANGED, DELTA, GROWN, LOOK, frame, unpack
from llmq_env.httpd import free_port
from llmq_env.link import foreign_events, until_linked
from llmq_env.redis import Redis
from llmq_env.sessions import SECRET, Sessions
from llmq_env.sse import Stream
from llmq_env.tokens import secret_file
from llmq_env.wait import until

CHANNEL = "llmq:events"
FAR = 2 ** 62


@pytest.fixture(scope="class")
def redis(workspace):
    port = free_port()
    made = Redis(workspace / f"redis-{port}", port).start()
    yield made
    made.stop()


@pytest.fixture(scope="class")
def server(request, redis, llm, new_server):
    made = new_server("sqlite3")
    secret_file(made)
    conf = request.cls.CONF
    for word, value in (("dir", made.dir), ("port", redis.port), ("llm", llm.url)):
        conf = conf.replace(f"{{{word}}}", str(value))
    made.configure(conf)
    made.start()
    until_linked(made)
    return made


@pytest.fixture
def wire(redis):
    made = redis.client()
    yield made
    made.close()


class Ear:
    """Keeps what the server publishes, event by event."""

    def __init__(self, redis):
        self.client = redis.client()
        self.client.subscribe(CHANNEL)
        self.names, self.events = set(), []

    def until(self, n, what=None):
        """So many events, of one kind if it is named."""
        while len(found := [e for e in self.events if what in (None, e[0])]) < n:
            name, events = unpack(self.client.next())
            self.names.add(name)
            self.events += events
        return found

    def until_words(self, topic, text):
        """The pieces of a topic, once they make this text."""
        n = 0
        while True:
            pieces = [e for e in self.until(n, DELTA) if e[1] == topic]
            if "".join(json.loads(data)["content"] for _, _, _, data in pieces).strip() == text:
                return pieces
            n = 1 + len([e for e in self.events if e[0] == DELTA])


@pytest.fixture
def ear(redis):
    made = Ear(redis)
    yield made
    made.client.close()


def marked(wire, server):
    """The server has heard what was published before."""
    before = foreign_events(server)
    assert wire.publish(CHANNEL, frame("marker", (CHANGED, 1, 0, b""))) >= 1
    until(lambda: foreign_events(server) > before, "the marker")


class TestWhatIsPublished:
    CONF = ("LLMQRedis 127.0.0.1:{port} timeout=10s\nLLMQNode a-node\n"
            "LLMQDeltaInterval 0\n" + SECRET
            + fake("LLMQBackendStream On"))

    def test_messages_of_sessions_as_clients_see_them(self, server, ear):
        client = Sessions(server, "user_1")
        ids = [client.session()["session_id"] for _ in range(2)]
        made = [client.append(ids[n % 2], f"text {n} ü \u2028 \n😀", payload={"n": n})
                for n in range(6)]
        events = ear.until(6)
        assert ear.names == {"a-node"}
        assert [what for what, _, _, _ in events] == [GROWN] * 6
        topics = [topic for _, topic, _, _ in events]
        assert topics == topics[:2] * 3 and len(set(topics)) == 2 and 0 not in topics
        assert [seq for _, _, seq, _ in events] == [1, 1, 2, 2, 3, 3]
        assert [json.loads(data) for _, _, _, data in events] == made

    def test_what_is_long_travels_without_its_data(self, server, ear):
        client = Sessions(server, "user_1")
        session = client.session()["session_id"]
        client.append(session, "x" * 20000)
        client.append(session, "short")
        long, short = ear.until(2)
        assert (long[2], long[3]) == (1, b"")
        assert short[2] == 2 and b'"short"' in short[3]

    def test_changes_and_pieces_of_an_answer(self, server, ear, llm):
        api = server.new_api()
        sent = api.send("four words are here")
        api.until_status(sent["id"])
        # Begun and ended; all of it for the message and for its conversation.
        changes = ear.until(4, CHANGED)
        assert {(seq, data) for _, _, seq, data in changes} == {(0, b"")}
        topics = {topic for _, topic, _, _ in changes}
        assert len(topics) == 2
        for topic in topics:
            pieces = ear.until_words(topic, "answer to four words are here")
            assert [seq for _, _, seq, _ in pieces] == list(range(1, len(pieces) + 1))
            told = [json.loads(data) for _, _, _, data in pieces]
            assert {piece["message_id"] for piece in told} == {sent["id"]}


class TestLies:
    """Somebody in the channel who knows the form and says what is not so."""

    CONF = "LLMQRedis 127.0.0.1:{port} timeout=10s\nLLMQEventPoll 3600 3600\n" + SECRET
    EXPECT = ("LLMQ0605",)

    def test_listeners_find_their_way_back(self, server, wire, ear):
        client = Sessions(server, "user_1")
        session = client.session()["session_id"]
        with Stream(server.port, f"/api/sessions/{session}/sse",
                    headers=client.headers) as stream:
            stream.until_open()
            client.append(session, "1")
            stream.until_events(1)
            _, topic, _, data = ear.until(1, GROWN)[0]
            for lie in ((GROWN, topic, FAR, b""), (GROWN, topic, FAR, data),
                        (GROWN, topic, 2 ** 63 - 1, b""), (GROWN, topic, 2, b""),
                        (GROWN, topic, 1, data), (GROWN, topic, 2, b'{"session_id":"another"}'),
                        (CHANGED, topic, 0, b""), (DELTA, topic, FAR, b'{"content":"x"}'),
                        (LOOK, 0, 0, b"")):
                wire.publish(CHANNEL, frame("liar", *[lie] * 200))
                marked(wire, server)
                client.append(session, "more")
                n = client.get_session(session)["last_seq"]
                stream.until_events(n)
                assert stream.ids() == list(range(1, n + 1))
            assert len(stream.events) == 10
            assert [event.json for event in stream.events] == client.messages(session)

    def test_a_flood_of_garbage_is_one_line(self, server, wire):
        before, begun = server.log.count("LLMQ0605"), time.monotonic()
        for n in range(500):
            wire.publish(CHANNEL, b"\x01" + os.urandom(n))
        marked(wire, server)
        minutes = (time.monotonic() - begun) // 60
        assert server.log.count("LLMQ0605") <= before + 1 + minutes
        assert server.log.count("LLMQ0605") >= 1

    def test_a_flood_of_sound_frames_costs_nobody_else(self, server, wire):
        """More than the ring holds, while somebody listens."""
        client = Sessions(server, "user_1")
        session = client.session()["session_id"]
        text = b'{"content":"' + b"x" * 16000 + b'"}'
        flood = frame("n", *[(DELTA, 9, n, text) for n in range(1, 4)])
        with Stream(server.port, f"/api/sessions/{session}/sse",
                    headers=client.headers) as stream:
            stream.until_open()
            for n in range(300):
                wire.publish(CHANNEL, flood)
                if n % 10 == 0:
                    client.append(session, f"{n}")
            stream.until_events(30)
            assert stream.ids() == list(range(1, 31))
        until_linked(server)
