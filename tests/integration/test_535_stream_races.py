"""Event streams where something can slip through: clients that come while others write, a child
that falls behind the bus, a database that is away, backlogs that are long."""

import os
import signal
import threading
import time

import pytest

from llmq_env.conf import sessions
from llmq_env.postgres import Postgres
from llmq_env.sessions import Sessions
from llmq_env.sse import Stream
from llmq_env.wait import until
from test_501_database import AWAY

OPEN = "LLMQDispatcher Off\n" + sessions(chat="")
LONG = 10000
ROW = ("INSERT INTO llmq_session_messages (session, seq, id, tenant, role, type, content,"
       " created_at) SELECT m.session, n.n + 1, {id}, m.tenant, m.role, m.type, {text},"
       " m.created_at FROM llmq_session_messages m, {numbers} n WHERE m.session = '{session}'"
       " AND m.seq = 1 AND n.n < {n}")
DIALECT = {
    "sqlite3": {"id": "printf('0199aa00-0000-7000-8000-%012x', n.n)",
                "text": "printf('%.*c', 3000, 'x')",
                "numbers": "(WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c"
                           " WHERE n < 20000) SELECT n FROM c)"},
    "pgsql": {"id": "'0199aa00-0000-7000-8000-' || lpad(to_hex(n.n), 12, '0')",
              "text": "repeat('x', 3000)",
              "numbers": "(SELECT generate_series AS n FROM generate_series(1, 20000))"},
}


def listen(server, session, **more):
    return Stream(server.port, f"/chat/sessions/{session['session_id']}/sse", **more)


def metric(server, name):
    text = Sessions(server, base="").call("GET", "/metrics", check=False).body.decode()
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith(name))


@pytest.mark.mpm
class TestComers:
    CONF = OPEN + "LLMQEventPoll 3600 3600\n"

    def test_whoever_comes_while_others_write_misses_nothing(self, server):
        """Each begins behind what it has seen, at a moment of its own."""
        client = Sessions(server, base="/chat")
        session = client.session()
        written, streams, enough = [], [], threading.Event()

        def write():
            writer = Sessions(server, base="/chat")
            while not enough.is_set():
                written.append(writer.append(session["session_id"], f"{len(written)}")["seq"])
            writer.close()

        writer = threading.Thread(target=write)
        writer.start()
        try:
            for _ in range(60):
                seen = client.get_session(session["session_id"])["last_seq"]
                streams.append((seen, listen(server, session, last=seen)))
            until(lambda: len(written) >= 250, "many")
        finally:
            enough.set()
            writer.join()
        total = len(written)
        for seen, stream in streams:
            stream.until_events(total - seen)
            assert stream.ids() == list(range(seen + 1, total + 1))
            stream.close()


class TestOverrun:
    """The child that streams is halted, while another writes more than the ring holds."""

    CONF = ("LLMQEventRing 65536\nLLMQEventPoll 3600 3600\nServerLimit 2\nStartServers 2\n"
            "MinSpareThreads 2\nMaxSpareThreads 50\nThreadsPerChild 25\nMaxRequestWorkers 50\n"
            'CustomLog logs/children.log "%P %U"\n' + OPEN)

    def children(self, server, path):
        """Who has answered requests for it."""
        lines = (server.dir / "logs" / "children.log").read_text().splitlines()
        return [int(line.split()[0]) for line in lines if line.endswith(path)]

    def test_what_the_ring_has_lost_is_read(self, server):
        # One connection, for a child that is halted could take another and let it wait.
        writer = Sessions(server, base="/chat")
        session = writer.session()
        writer.append(session["session_id"], "first")
        writes = until(lambda: self.children(server, "/messages"), "the writer's line")[0]
        streams = []
        # The kernel chooses which child has the next connection; mostly it takes a few.
        while set(self.children(server, "/sse")) <= {writes} and len(streams) < 300:
            streams.append(listen(server, session))
            streams[-1].until_events(1)
            until(lambda: len(self.children(server, "/sse")) == len(streams), "its line")
        halted = next(pid for pid in self.children(server, "/sse") if pid != writes)
        os.kill(halted, signal.SIGSTOP)
        try:
            for i in range(60):
                writer.append(session["session_id"], f"{i} " + "x" * 4000)
        finally:
            os.kill(halted, signal.SIGCONT)
        for stream in streams:
            stream.until_events(61)
            assert stream.ids() == list(range(1, 62))
        assert metric(server, "llmq_bus_overruns_total") >= 1
        writer.append(session["session_id"], "told again")
        for stream in streams:
            assert stream.until_events(62)[-1].json["content"] == "told again"
            stream.close()


class TestDatabaseAway:
    EXPECT = (*AWAY, "LLMQ0288")
    CONF = OPEN + "LLMQEventPoll 200ms 200ms\nLLMQSSEHeartbeat 1\n"

    @pytest.fixture(scope="class")
    def postgres(self, workspace, store):
        if store != "pgsql":
            pytest.skip("a file does not go away")
        own = Postgres(workspace / f"pg-streams-{time.monotonic_ns()}").start()
        yield own
        own.stop()

    def test_streams_stay_and_nothing_is_lost(self, new_server, postgres):
        server = new_server("pgsql", self.CONF, dsn=postgres.new_database())
        server.start()
        client = Sessions(server, base="/chat")
        made = [client.session() for _ in range(6)]  # more than are asked for one by one
        for session in made:
            client.append(session["session_id"], "before")
        streams = [listen(server, session) for session in made]
        for stream in streams:
            stream.until_events(1)
        postgres.stop(signal.SIGQUIT)
        until(lambda: "LLMQ0288" in server.log.text(), "the hub to find it away")
        pings = [stream.comments.count("ping") for stream in streams]
        assert client.try_append(made[0]["session_id"], "lost").status >= 500
        assert client.get(f"/sessions/{made[0]['session_id']}/sse").status >= 500
        for stream, n in zip(streams, pings):
            until(lambda: stream.comments.count("ping") > n + 1, "signs of life")
            assert not stream.ended.is_set()
        postgres.start()
        for session in made:
            until(lambda: client.try_append(session["session_id"], "after").status == 201,
                  "the database to be back")
        for session, stream in zip(made, streams):
            wanted = [m["seq"] for m in client.messages(session["session_id"])]
            stream.until_events(len(wanted))
            assert stream.ids() == wanted and len(stream.events) >= 2
            stream.close()
        assert server.log.text().count("LLMQ0288") <= 2  # one of each child, not of each try


class TestFarBehind:
    """Ten thousand messages of backlog: for those who take them, and those who do not."""

    CONF = OPEN + ("LLMQStreamBuffer 65536\nServerLimit 1\nStartServers 1\nThreadsPerChild 25\n"
                   "MaxRequestWorkers 25\n")

    def rss(self, server):
        """Without what it shares with others."""
        def of(pid):
            with open(f"/proc/{pid}/status") as file:
                return next(int(x.split()[1]) for x in file if x.startswith("RssAnon"))

        return sum(of(pid) for pid in server.workers())

    def fill(self, server, client, store):
        session = client.session()
        client.append(session["session_id"], "first")
        server.query(ROW.format(session=session["session_id"], n=LONG, **DIALECT[store]))
        server.query(f"UPDATE llmq_sessions SET last_seq = {LONG}"
                     f" WHERE id = '{session['session_id']}'")
        return session

    def test_they_get_all_and_disturb_nobody(self, server, store):
        client = Sessions(server, base="/chat")
        session = self.fill(server, client, store)
        lively = client.session()
        with listen(server, lively) as live:
            live.until_open()
            client.append(lively["session_id"], "0")
            live.until_events(1)
            before = self.rss(server)
            lazy = [listen(server, session, buffer=4096, start=False) for _ in range(5)]
            busy = [listen(server, session, last=n) for n in (0, 0, 5000, LONG - 1)]
            for i in range(1, 20):
                client.append(lively["session_id"], f"{i}")
                live.until_events(i + 1)
            client.append(session["session_id"], "the newest")
            for stream, begin in zip(busy, (0, 0, 5000, LONG - 1)):
                stream.until_events(LONG + 1 - begin, 300)
                assert stream.ids() == list(range(begin + 1, LONG + 2))
            growth = self.rss(server) - before
            if not os.environ.get("LLMQ_SAN"):  # the sanitizer keeps what is freed for a while
                assert growth < 16 * 1024, f"{growth} kB for a log of 30,000 kB"
            lazy[0].thread.start()
            lazy[0].until_events(LONG + 1, 300)
            assert lazy[0].ids() == list(range(1, LONG + 2))
            for stream in lazy + busy:
                stream.close()
