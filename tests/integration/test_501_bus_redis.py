"""The bus between nodes: events through Redis. What a node says is read here as frames, and
what it hears is said as frames; what becomes of events inside is told by its metrics."""

import os
import signal

import pytest

from llmq_env.events import CHANGED, DELTA, GROWN, LOOK, frame, unpack
from llmq_env.httpd import free_port
from llmq_env.link import LOST, bus_figures, foreign_events, until_cut, until_linked
from llmq_env.redis import Redis
from llmq_env.sessions import SECRET, Sessions
from llmq_env.sse import Stream
from llmq_env.tokens import secret_file
from llmq_env.wait import until

CHANNEL = "llmq:events"
MARKER = 50  # events: more than a test tells of at once


@pytest.fixture(scope="class")
def redis(request, workspace):
    made = Redis(workspace / f"redis-{free_port()}", free_port(),
                 getattr(request.cls, "PASSWORD", None)).start()
    yield made
    made.stop()


@pytest.fixture(scope="class")
def server(request, redis, new_server, workspace):
    password = workspace / f"password-{redis.port}"
    password.write_text(f"{redis.password}\n")
    conf = request.cls.CONF.replace("{port}", str(redis.port)).replace("{unix}", str(redis.unix))
    made = new_server("sqlite3", conf.replace("{password}", str(password)))
    made.start()
    until_linked(made)
    return made


@pytest.fixture
def wire(redis):
    made = redis.client()
    yield made
    made.close()


@pytest.fixture
def ear(redis):
    made = redis.client()
    made.subscribe(CHANNEL)
    yield made
    made.close()


def mark(wire, server, n=0, before=None):
    """The server has counted n more foreign events than before, and those of a marker; so it has
    heard whatever was published until now."""
    before = foreign_events(server) if before is None else before
    assert wire.publish(CHANNEL, frame("marker", *[(CHANGED, 1, 0, b"")] * MARKER)) >= 1
    until(lambda: foreign_events(server) - before >= n + MARKER, "the marker")


def counts(wire, server, n, *events, node="elsewhere", channel=CHANNEL, raw=None):
    """Does the server count n foreign events when it hears these, or what is no frame?"""
    before = foreign_events(server)
    assert wire.publish(channel, frame(node, *events) if raw is None else raw) >= 1
    mark(wire, server, n, before)
    return foreign_events(server) - before == n + MARKER


class TestLink:
    CONF = "LLMQRedis 127.0.0.1:{port} timeout=10s\n"

    def test_events_of_other_nodes_arrive(self, server, wire):
        assert counts(wire, server, 3, (GROWN, 5, 1, b'{"a":1}'), (CHANGED, 6, 0, b""),
                      (DELTA, 7, 1, b'{"b":2}'))

    def test_a_node_does_not_listen_to_itself(self, server, wire, ear):
        server.restart()
        until_linked(server)
        node, events = unpack(ear.next())
        assert events[-1] == (LOOK, 0, 0, b"")  # it may have told what nobody heard
        assert node != "elsewhere"
        assert counts(wire, server, 0, (CHANGED, 6, 0, b""), node=node)

    @pytest.mark.parametrize("data", [
        b"", b"\x01", b"\x01\x05", b"\x01\x01n\x01short",
        frame("n", (9, 5, 1, b"{}")),
        frame("n", (GROWN, 0, 1, b"{}")),
        frame("n", (GROWN, 5, 1, b"{}"))[:-1],
        frame("n", (GROWN, 5, 1, b"{}")) + b"x",
        frame("n", (GROWN, 5, 1, b'{"a":"\n\nevent: forged"}')),
        frame("n", (GROWN, 5, 1, b"\n\ndata: forged\n\n")),
        frame("n", (GROWN, 5, 1, b'{"a":"\xff"}')),
        frame("n", (GROWN, 5, 1, b"{}"), (DELTA, 5, 0, b"{}")),
        frame("n\x00", (CHANGED, 5, 0, b"")),
        frame("n", (DELTA, 5, 1, b'{"a":"' + b"x" * 16400 + b'"}')),
        bytes(200000),
    ], ids=["empty", "no name", "name cut", "event cut", "kind", "topic", "data cut", "rest",
            "break in text", "no json", "no utf-8", "one of two", "name", "long", "longer"])
    def test_what_is_no_frame_does_nothing(self, server, wire, data):
        server.log.expect("LLMQ0605")
        assert counts(wire, server, 0, raw=data)
        until_linked(server)

    def test_an_endless_reply_is_not_kept(self, server, wire, redis):
        """Nobody needs megabytes of one event: the link is cut instead."""
        server.log.expect("LLMQ0603", "LLMQ0605")
        wire.ask("CONFIG", "SET", "client-output-buffer-limit", "pubsub 0 0 0")
        wire.publish(CHANNEL, bytes(8 << 20))
        before = foreign_events(server)

        def is_heard():  # what is told before the cut gets lost with the link
            wire.publish(CHANNEL, frame("marker", (CHANGED, 1, 0, b"")))
            return foreign_events(server) > before
        until(is_heard, "a marker by a new link")
        until_linked(server)
        mark(wire, server)  # the last of these markers has been heard

    def test_a_later_version_says_at_least_that_something_happened(self, server, wire):
        assert counts(wire, server, 0, raw=b"\x02" + bytes(40))


class TestTrouble:
    CONF = "LLMQRedis 127.0.0.1:{port} timeout=10s\n"
    EXPECT = LOST  # a child may learn of it when it asks next, in a later test

    def test_it_comes_back_by_itself(self, server, redis):
        redis.stop()
        until_cut(server)
        assert server.new_api().post("/messages", {"content": "x", "user_id": "u"}).status == 201
        redis.start()
        until_linked(server)
        wire = redis.client()
        assert counts(wire, server, 1, (CHANGED, 6, 0, b""))
        wire.close()

    def test_a_killed_dispatcher_leaves_no_link_behind(self, server, wire):
        server.log.expect("LLMQ0807")
        gone = server.kill_dispatcher()
        server.until_dispatcher(other_than=gone)
        until_linked(server)
        assert counts(wire, server, 1, (CHANGED, 6, 0, b""))
        assert bus_figures(server)["llmq_bus_listeners"] >= 1

    def test_a_stopped_dispatcher_delays_nobody(self, server, wire):
        """It hears later; Redis is told at once all the same."""
        pid = server.halt_dispatcher()
        before = foreign_events(server)
        wire.publish(CHANNEL, frame("n", (CHANGED, 6, 0, b"")))
        assert server.new_api().get("/health").status == 200
        os.kill(pid, signal.SIGCONT)
        until(lambda: foreign_events(server) > before, "the event")

    def test_a_graceful_restart_keeps_one_link(self, server, wire):
        for _ in range(2):
            server.graceful()
        until(lambda: len(server.dispatchers()) == 1, "the old ones to end")
        until_linked(server)
        until(lambda: wire.ask("PUBSUB", "NUMSUB", CHANNEL)[1] == 1, "one subscription")
        assert counts(wire, server, 1, (CHANGED, 6, 0, b""))


class TestFrozen:
    CONF = "LLMQRedis 127.0.0.1:{port} timeout=200ms\n"
    EXPECT = LOST

    def test_it_is_left_and_found_again(self, server, redis):
        redis.freeze()
        until_cut(server)
        redis.thaw()
        until_linked(server)


class TestSignedIn:
    """A password, a socket and a prefix of its own."""

    PASSWORD = "quite secret"
    CONF = ("LLMQRedis unix:{unix} timeout=10s\nLLMQRedisPasswordFile {password}\n"
            "LLMQRedisPrefix shop:a\n")

    def test_names_begin_with_the_prefix(self, server, wire):
        before = foreign_events(server)
        assert wire.publish(CHANNEL, frame("n", (CHANGED, 6, 0, b""))) == 0
        assert wire.publish("shop:a:events", frame("n", (CHANGED, 6, 0, b""))) == 1
        until(lambda: foreign_events(server) > before, "the event")
        assert foreign_events(server) == before + 1


class TestTwoNodes:
    """They share a database and a Redis server, each with a name of its own."""

    CONF = "LLMQRedis 127.0.0.1:{port} timeout=10s\nLLMQNode one\n"

    def test_each_hears_the_other_begin(self, server, new_server, redis, ear):
        other = new_server("sqlite3", self.CONF.replace("{port}", str(redis.port))
                           .replace("one", "two"))
        other.start()
        until_linked(other)
        assert unpack(ear.next()) == ("two", [(LOOK, 0, 0, b"")])
        server.restart()
        assert unpack(ear.next()) == ("one", [(LOOK, 0, 0, b"")])
        until_linked(server)
        before = foreign_events(server), foreign_events(other)
        wire = redis.client()
        until(lambda: wire.ask("PUBSUB", "NUMSUB", CHANNEL)[1] == 3, "the old link to be gone")
        assert wire.publish(CHANNEL, frame("two", (CHANGED, 6, 0, b""))) == 3
        assert wire.publish(CHANNEL, frame("three", (CHANGED, 7, 0, b""))) == 3
        until(lambda: foreign_events(server) == before[0] + 2, "both events")
        until(lambda: foreign_events(other) == before[1] + 1, "the one that is not its own")
        wire.close()


class TestSessionsOfTwoNodes:
    """Listeners of one node hear at once what was appended at the other: neither looks at the
    database for an hour."""

    CONF = ("LLMQRedis 127.0.0.1:{port} timeout=10s\nLLMQNode {name}\n"
            "LLMQEventPoll 3600 3600\n" + SECRET)

    @pytest.fixture(scope="class")
    def nodes(self, redis, cluster, new_server):
        dsn = cluster.new_database()
        made = []
        for name in ("one", "two"):
            node = new_server("pgsql", dsn=dsn)
            secret_file(node)
            node.configure(self.CONF.replace("{port}", str(redis.port)).replace("{name}", name)
                           .replace("{dir}", str(node.dir)))
            node.start()
            until_linked(node)
            made.append(node)
        return made

    def test_each_hears_what_is_appended_at_the_other(self, nodes):
        here, there = (Sessions(node, "user_1") for node in nodes)
        session = here.session()["session_id"]
        path = f"/api/sessions/{session}/sse"
        with Stream(here.port, path, headers=here.headers) as near, \
                Stream(there.port, path, headers=there.headers) as far:
            near.until_open()
            far.until_open()
            sent = []
            for n in range(40):
                sent.append((here, there)[n % 2].append(session, f"message {n}"))
            near.until_events(40)
            far.until_events(40)
            assert [e.json for e in near.events] == sent
            assert [e.json for e in far.events] == sent

    def test_what_was_missed_is_looked_up_when_redis_is_back(self, nodes, redis):
        for node in nodes:
            node.log.expect(*LOST)
        here, there = (Sessions(node, "user_1") for node in nodes)
        session = here.session()["session_id"]
        with Stream(there.port, f"/api/sessions/{session}/sse", headers=there.headers) as far:
            far.until_open()
            sent = [here.append(session, "before")]
            far.until_events(1)
            redis.stop()
            until_cut(*nodes)
            sent += [here.append(session, f"message {n}") for n in range(5)]
            redis.start()
            for node in nodes:
                until_linked(node)
            far.until_events(6)
            assert [e.json for e in far.events] == sent


class TestBadDirectives:
    @pytest.mark.parametrize("conf", [
        "LLMQRedisPrefix a/b", "LLMQRedisPrefix ''", "LLMQRedisPrefix", "LLMQRedisPrefix a b",
        "LLMQRedisPrefix " + 129 * "a", "<Location /x>\nLLMQRedisPrefix a\n</Location>",
    ])
    def test_they_are_refused(self, idle, conf):
        idle.refusal(conf)
