"""Open event streams and the end of what writes them: restarts, stops, children that are
killed or have served enough. Streams end in good order, and their cursors find the rest."""

import signal

import pytest

from llmq_env.conf import load, sessions
from llmq_env.sessions import Sessions
from llmq_env.sse import Stream
from llmq_env.wait import ended, kill_process, reached, until

# Under worker and prefork a child ends no sooner than the connections it keeps for other calls.
MOUNTS = ("LLMQDispatcher Off\nKeepAlive Off\n" + load("ratelimit")
          + sessions(open="", held="SetOutputFilter RATE_LIMIT"))


def listen(server, session, mount="open", **more):
    return Stream(server.port, f"/{mount}/sessions/{session['session_id']}/sse", **more)


def open_many(server, session, n, **more):
    streams = [listen(server, session, **more) for _ in range(n)]
    for stream in streams:
        stream.until_open()
    return streams


def append(server, session, content, **more):
    """By a connection of its own, as those of before may have ended."""
    return Sessions(server, base="/open").append(session["session_id"], content, **more)


def end_well(streams, ids):
    for stream in streams:
        stream.until_ended()
        assert stream.whole and stream.ids() == ids, stream.problem
        stream.close()


class TestRestart:
    CONF = MOUNTS

    pytestmark = pytest.mark.mpm

    def test_graceful_restart_ends_all_and_is_not_held_up(self, server):
        session = Sessions(server, base="/open").session()
        streams = open_many(server, session, 150)
        streams += open_many(server, session, 2, mount="held")
        append(server, session, "one")
        for stream in streams:
            stream.until_events(1)
        old = set(server.workers())
        server.graceful()
        end_well(streams, [1])
        until(lambda: not old & set(server.workers()), "the end of the old children")
        append(server, session, "two")
        with listen(server, session, last=1) as stream:
            stream.until_events(1)
            assert stream.ids() == [2]

    def test_client_that_does_not_read_holds_up_no_restart(self, server):
        client = Sessions(server, base="/open")
        session = client.session()
        with listen(server, session, start=False, buffer=4096) as deaf:
            for _ in range(150):
                client.append(session["session_id"], "x" * 60000)
            old = set(server.workers())
            server.graceful()
            until(lambda: not old & set(server.workers()), "the end of the old children")
            deaf.thread.start()
            deaf.until_ended()
            assert not deaf.whole


class TestStop:
    CONF = MOUNTS

    pytestmark = pytest.mark.mpm

    @pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGWINCH],
                             ids=["stop", "graceful-stop"])
    def test_streams_end_and_so_does_the_server(self, server, signum):
        session = Sessions(server, base="/open").session()
        streams = open_many(server, session, 20)
        append(server, session, "one")
        for stream in streams:
            stream.until_events(1)
        pids = [server.parent_pid, *server.workers()]
        server.kill_parent(signum)
        for stream in streams:
            stream.until_ended()
            assert stream.ids() == [1]
            # SIGTERM ends a child of prefork wherever it is.
            assert stream.whole or (server.mpm, signum) == ("prefork", signal.SIGTERM)
        until(lambda: ended(*pids), "the end")
        server.stop()
        server.start()


class TestChildren:
    CONF = MOUNTS

    pytestmark = pytest.mark.mpm

    def test_child_that_is_killed_costs_no_event(self, server):
        server.log.expect("AH00052")
        session = Sessions(server, base="/open").session()
        streams = open_many(server, session, 20)
        append(server, session, "one")
        for stream in streams:
            stream.until_events(1)
        victims = server.workers()
        for pid in victims:
            kill_process(pid)
        for stream in streams:
            stream.until_ended()
            assert not stream.whole
        until(lambda: set(server.workers()) - set(victims), "another child")
        # Nothing is stored twice, whatever becomes of a try.
        until(lambda: reached(lambda: append(server, session, "two", dedupe_key="two")),
              "an answer")
        with listen(server, session, last=1) as stream:
            stream.until_events(1)
            assert stream.ids() == [2]
            append(server, session, "three")
            stream.until_events(2)


class TestChildrenThatHaveServedEnough:
    CONF = MOUNTS + "MaxConnectionsPerChild 8\n"

    pytestmark = pytest.mark.mpm

    def test_their_streams_end_well(self, server):
        session = Sessions(server, base="/open").session()
        append(server, session, "one")
        with listen(server, session) as stream:
            stream.until_events(1)

            def ended():
                Sessions(server, base="/open").get_session(session["session_id"])
                return stream.ended.is_set()

            until(ended, "the end of its child")
            assert stream.whole and stream.ids() == [1]
