"""Event streams when something is amiss: nobody tells what was written, clients do not read,
there are too many, children die."""


import pytest

from llmq_env.conf import hasty, sessions
from llmq_env.httpd import free_port
from llmq_env.sessions import Sessions, denies
from llmq_env.sse import Stream
from llmq_env.wait import kill_process, reached, until

OPEN = sessions(chat="")
LAST = "SELECT max(seq) FROM llmq_session_messages WHERE session = '{}'"
# As another node would write it, of which nobody tells.
COPY = ("INSERT INTO llmq_session_messages (session, seq, id, tenant, role, type, content,"
        " created_at) SELECT session, seq + 1, '{id}', tenant, role, type, 'untold', created_at"
        " FROM llmq_session_messages WHERE session = '{session}' AND seq = {seq}")
TOUCH = "UPDATE llmq_sessions SET last_seq = {seq} + 1 WHERE id = '{session}'"


def listen(server, session, port=None, **more):
    return Stream(port or server.port, f"/chat/sessions/{session['session_id']}/sse", **more)


def metrics(server):
    return Sessions(server, base="").call("GET", "/metrics", check=False).body.decode()


class TestNobodyTells:
    CONF = "LLMQDispatcher Off\nLLMQEventPoll 200ms 200ms\n" + OPEN

    def write_untold(self, server, session, seq):
        new = f"0199aa00-0000-7000-8000-{seq:04x}{session['session_id'][-8:]}"
        values = {"session": session["session_id"], "seq": seq, "id": new}
        server.query(COPY.format(**values))
        server.query(TOUCH.format(**values))

    def test_the_database_is_asked(self, server):
        client = Sessions(server, base="/chat")
        made = [client.session() for _ in range(5)]
        for session in made:
            client.append(session["session_id"], "told")
        streams = [listen(server, session) for session in made]
        for stream in streams:
            stream.until_events(1)
        self.write_untold(server, made[2], 1)
        streams[2].until_events(2)
        assert streams[2].events[1].json["content"] == "untold"
        # What is told next finds a gap, if nobody has looked before.
        self.write_untold(server, made[2], 2)
        client.append(made[2]["session_id"], "told again")
        streams[2].until_events(4)
        assert streams[2].ids() == [1, 2, 3, 4]
        for i, stream in enumerate(streams):
            assert len(stream.events) == (4 if i == 2 else 1)
            stream.close()


class TestTwoNodes:
    CONF = "LLMQDispatcher Off\nLLMQEventPoll 200ms 3600s\n" + OPEN

    def test_without_redis_they_hear_of_each_other(self, server, store, new_server):
        if store != "pgsql":
            pytest.skip("nodes share a PostgreSQL")
        other = new_server("pgsql", self.CONF, dsn=server.dsn)
        other.start()
        here, there = Sessions(server, base="/chat"), Sessions(other, base="/chat")
        session = here.session()
        with listen(server, session) as mine, listen(other, session) as theirs:
            for i in range(5):
                here.append(session["session_id"], f"here {i}")
                there.append(session["session_id"], f"there {i}")
            for stream in (mine, theirs):
                stream.until_events(10)
                assert stream.ids() == list(range(1, 11))


class TestSlowClients:
    CONF = ("LLMQDispatcher Off\nLLMQStreamBuffer 16384\nLLMQSSEHeartbeat 1\n" + OPEN)

    def test_whoever_reads_late_gets_all(self, server):
        client = Sessions(server, base="/chat")
        session = client.session()
        with listen(server, session, buffer=4096, start=False) as slow, \
                listen(server, session) as quick:
            for _ in range(150):
                client.append(session["session_id"], "x" * 20000)
            quick.until_events(150)
            slow.thread.start()
            slow.until_events(150)
            assert slow.ids() == quick.ids() == list(range(1, 151))


class TestCut:
    CONF = "LLMQDispatcher Off\nLLMQStreamBuffer 16384\n" + OPEN

    @pytest.fixture(scope="class")
    def server(self, new_server, store):
        port = free_port()
        made = new_server(store, self.CONF + hasty(port))
        made.hasty_port = port
        made.start()
        return made

    def test_whoever_reads_nothing_is_cut(self, server):
        client = Sessions(server, base="/chat")
        session = client.session()
        line = f"session[{session['session_id']}] stream:"
        with listen(server, session, server.hasty_port, buffer=4096, start=False):
            for _ in range(250):
                client.append(session["session_id"], "x" * 30000)
            until(lambda: line in server.log.text(), "the end of the stream")
        assert "the client left or was cut" in server.log.text()
        assert "llmq_stream_cut_total 1\n" in metrics(server)


class TestLimit:
    CONF = ("LLMQDispatcher Off\nLLMQMaxStreams 3\nServerLimit 1\nStartServers 1\n"
            "ThreadsPerChild 25\nMaxRequestWorkers 25\n" + OPEN)

    def test_more_than_may_be_are_refused(self, server):
        client = Sessions(server, base="/chat")
        session = client.session()
        streams = [listen(server, session).until_open() for _ in range(3)]
        answer = client.get(f"/sessions/{session['session_id']}/sse")
        assert answer.status == 503, answer
        assert "x-accel-buffering" not in answer.headers
        denies(answer, 503, answer.json["message"])
        until(lambda: "llmq_streams_total 3\n" in metrics(server), "the third to be counted")
        assert "llmq_streams_open 3\n" in metrics(server)
        for stream in streams:
            stream.close()

        def has_room():
            with listen(server, session) as stream:
                until(lambda: stream.status, "an answer")
                return stream.status == 200

        until(has_room, "room for another one")


class TestKilledChild:
    CONF = "LLMQDispatcher Off\n" + OPEN
    EXPECT = ("AH00052",)

    def test_clients_go_on_with_another_child(self, server):
        client = Sessions(server, base="/chat")
        session = client.session()
        client.append(session["session_id"], "one")
        with listen(server, session) as stream:
            stream.until_events(1)
            for pid in server.workers():
                kill_process(pid)
            stream.until_ended()
        client = Sessions(server, base="/chat")
        until(lambda: reached(lambda: client.try_append(session["session_id"], "two",
                                                        dedupe_key="two").status == 201), "a child")
        with listen(server, session, last=1) as stream:
            stream.until_events(1)
            assert stream.ids() == [2]
