"""Readers that never read: nobody else waits for them, the memory that they cost is bounded, and
they are cut and counted."""

import os
import re

import pytest

from llmq_env.conf import hasty, load, sessions
from llmq_env.httpd import free_port
from llmq_env.sessions import Sessions
from llmq_env.sse import Stream
from llmq_env.wait import until

# All streams in one child.
ALONE = ("LLMQDispatcher Off\nLLMQStreamBuffer 16384\nServerLimit 1\nStartServers 1\n"
         "ThreadsPerChild 25\nMaxRequestWorkers 25\nKeepAlive Off\n")
FIRST, ALL = 120, 320  # events of 30 kB: more than the kernel takes for anybody, and more
DEAF = 3


def listen(server, session, port=None, **more):
    return Stream(port or server.port, f"/open/sessions/{session['session_id']}/sse", **more)


def memory_of(server):
    """kB of the child with the streams, of its own: what it shares with others counts more for
    it once they have ended."""
    total = 0
    for pid in server.workers():
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as text:
            total += int(re.search(r"^Anonymous: +(\d+)", text.read(), re.M)[1])
    return total


def figure(server, name):
    text = Sessions(server, base="").call("GET", "/metrics", check=False).body.decode()
    return int(re.search(rf"^{name} (\d+)$", text, re.M)[1])


class Deaf:
    def grow(self, client, session, numbers, readers):
        """Each event is with all who read before there is another."""
        for i in numbers:
            client.append(session["session_id"], f"{i} " + "x" * 30000)
            for reader in readers:
                reader.until_events(i)
                assert int(reader.events[i - 1].id) == i

    def test_others_go_on_and_memory_is_bounded(self, server):
        client = Sessions(server, base="/open")
        session = client.session()
        deaf = [listen(server, session, buffer=4096, start=False) for _ in range(DEAF)]
        readers = [listen(server, session).until_open() for _ in range(2)]
        self.grow(client, session, range(1, FIRST + 1), readers)
        until(lambda: figure(server, "llmq_streams_open") == DEAF + 2, "all of them")
        before = memory_of(server)
        self.grow(client, session, range(FIRST + 1, ALL + 1), readers)
        # 6 MB lie in the database for each of those who have not read them.
        if not os.environ.get("LLMQ_SAN"):
            assert memory_of(server) - before < 3000
        assert figure(server, "llmq_stream_cut_total") == 0
        assert figure(server, "llmq_streams_open") == DEAF + 2
        for stream in deaf:
            stream.thread.start()
        for stream in deaf:
            stream.until_events(ALL)
            assert stream.ids() == list(range(1, ALL + 1))
        for stream in deaf + readers:
            stream.close()


class TestDeaf(Deaf):
    CONF = ALONE + "Timeout 300\n" + sessions(open="")


class TestDeafThatHoldThreads(Deaf):
    CONF = ALONE + "Timeout 300\n" + load("ratelimit") + sessions(open="SetOutputFilter RATE_LIMIT")


class TestCut:
    CONF = ALONE + sessions(open="")

    @pytest.fixture(scope="class")
    def server(self, new_server, store):
        port = free_port()
        made = new_server(store, self.CONF + hasty(port))
        made.hasty_port = port
        made.start()
        return made

    def test_each_is_cut_and_counted(self, server):
        client = Sessions(server, base="/open")
        session = client.session()
        deaf = [listen(server, session, server.hasty_port, buffer=4096, start=False)
                for _ in range(DEAF)]
        with listen(server, session) as reader:
            reader.until_open()
            for i in range(1, FIRST + 1):
                client.append(session["session_id"], f"{i} " + "x" * 30000)
            until(lambda: figure(server, "llmq_stream_cut_total") == DEAF, "their ends")
            reader.until_events(FIRST)
            until(lambda: figure(server, "llmq_streams_open") == 1, "nobody but who reads")
            assert not reader.ended.is_set()
        for stream in deaf:
            stream.thread.start()
            stream.until_ended()
            got = stream.ids()
            assert not stream.whole and got == list(range(1, len(got) + 1)) and len(got) < FIRST
            stream.close()
