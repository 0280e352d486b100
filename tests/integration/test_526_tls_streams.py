"""Event streams over TLS: what plain connections have (see test_520_stream_ways.py), and their
ends, which TLS has words of its own for."""

import http.client
import os
import ssl
import subprocess

import pytest

from llmq_env import tls
from llmq_env.conf import load, sessions
from llmq_env.sessions import Sessions
from llmq_env.sse import Stream
from llmq_env.wait import kill_process, reached, until
from test_520_stream_ways import QUIET, SEEN, TestDetached as Detached

OPEN = sessions(open="", brief="LLMQSSEMaxAge 1")


class StrictStream(Stream):
    """One whose end without a close_notify is a problem."""

    def __init__(self, port, path, tls_version=None, **more):
        self.tls_version = tls_version
        super().__init__(port, path, **more)

    def connect(self, port, _tls, buffer):
        return tls.connect(port, self.tls_version, buffer)

    def said_good_bye(self):
        """After the end of the response."""
        try:
            return not isinstance(self.problem, OSError) and self.socket.recv(1) == b""
        except OSError:  # of which SSLError is one
            return False


class TLS:
    HOST = ""
    EXPECT = tls.EXPECT

    @pytest.fixture(scope="class")
    def server(self, new_server, workspace, store):
        port, host = tls.host(workspace, self.HOST)
        hasty_port, hasty = tls.host(workspace, "Timeout 2")
        made = new_server(store, self.CONF + host + hasty)
        made.tls_port, made.hasty_port = port, hasty_port
        made.start()
        return made

    @pytest.fixture
    def client(self, server):
        made = Sessions(server, base="/open")
        yield made
        made.close()

    def path(self, session, mount=None):
        return f"/{mount or 'open'}/sessions/{session['session_id']}/sse"

    def listen(self, server, session, mount=None, hasty=False, **more):
        return StrictStream(server.hasty_port if hasty else server.tls_port,
                            self.path(session, mount), **more)


class TestDetachedByTLS(TLS, Detached):
    CONF = QUIET + SEEN + OPEN
    HOST = 'CustomLog logs/stream.log "%m %U %>s %B %X"'


class TestEnds(TLS):
    CONF = QUIET + OPEN

    def many(self, server, session, n=40):
        return [self.listen(server, session).until_open() for _ in range(n)]

    @pytest.mark.mpm
    @pytest.mark.parametrize("version", [pytest.param(ssl.TLSVersion.TLSv1_2, id="1.2"),
                                         pytest.param(ssl.TLSVersion.TLSv1_3, id="1.3")])
    def test_each_of_many_events_arrives_once(self, server, client, version):
        session = client.session()
        streams = [self.listen(server, session, tls_version=version) for _ in range(10)]
        texts = [f"{i} " + "x" * (i * 700) for i in range(60)]
        for text in texts:
            client.append(session["session_id"], text)
        for stream in streams:
            stream.until_events(len(texts))
            assert stream.ids() == list(range(1, len(texts) + 1))
            assert [e.json["content"] for e in stream.events] == texts
            stream.close()

    @pytest.mark.mpm
    def test_requests_come_before_it_on_its_connection(self, server, client):
        session = client.session()
        client.append(session["session_id"], "one")
        ask = "GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n"
        got = b""
        with tls.connect(server.tls_port) as connection:
            for _ in range(2):
                connection.sendall(ask.encode())
                answer = http.client.HTTPResponse(connection)
                answer.begin()
                assert answer.status == 200 and answer.read()
            path = self.path(session, "brief")
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            while block := connection.recv(65536):
                got += block
        assert b"id: 1\n" in got and got.endswith(b"\r\n0\r\n\r\n")

    @pytest.mark.mpm
    def test_graceful_restart_ends_them_and_the_old_children_go(self, server, client):
        session = client.session()
        streams = self.many(server, session)
        client.append(session["session_id"], "one")
        for stream in streams:
            stream.until_events(1)
        client.close()  # under prefork a connection that is kept alive keeps its child
        old = set(server.workers())
        server.graceful()
        for stream in streams:
            stream.until_ended()
            assert stream.whole and stream.said_good_bye()
            stream.close()
        until(lambda: not old & set(server.workers()), "the old children's end")
        fresh = Sessions(server, base="/open")
        fresh.append(session["session_id"], "two")
        with self.listen(server, session, last=1) as again:
            assert again.until_events(1)[0].json["content"] == "two"

    @pytest.mark.mpm
    def test_stop_ends_them(self, server, client):
        session = client.session()
        streams = self.many(server, session)
        server.stop()
        for stream in streams:
            stream.until_ended()
            assert stream.whole and stream.said_good_bye()
            stream.close()
        assert "AH00046" not in server.log.text()  # nobody had to be killed
        server.start()

    @pytest.mark.mpm
    def test_killed_child_ends_them_without_a_word(self, server, client):
        server.log.expect("AH00051", "AH00052")
        session = client.session()
        streams = self.many(server, session)
        for pid in server.workers():
            kill_process(pid)
        for stream in streams:
            stream.until_ended()
            assert not stream.whole and not stream.said_good_bye()
            stream.close()
        fresh = Sessions(server, base="/open")
        until(lambda: reached(lambda: fresh.try_append(session["session_id"], "one").status == 201),
              "new children")
        with self.listen(server, session) as again:
            again.until_events(1)


class TestHeldByTLS(TLS):
    """HTTP/2, whose streams share a connection, keeps threads, as many as there may be."""

    CONF = QUIET + load("http2") + OPEN + "LLMQMaxHeld 2\n"
    HOST = "Protocols h2 http/1.1\n"
    EXPECT = (*tls.EXPECT, "AH10034")

    @pytest.fixture(autouse=True)
    def not_under_prefork(self, mpm):
        if mpm == "prefork":
            pytest.skip("there is no HTTP/2 under prefork")

    @pytest.mark.mpm
    def test_http_2(self, server, client):
        session = client.session()
        client.append(session["session_id"], "one")
        url = f"https://127.0.0.1:{server.tls_port}{self.path(session)}"
        curls = [subprocess.Popen(["curl", "-sSkN", "--http2", "-D", "-", url],
                                  stdout=subprocess.PIPE) for _ in range(2)]
        try:
            got = [self.until_seen(curl, b"id: 1\n") for curl in curls]
            assert all(text.startswith(b"HTTP/2 200") for text in got)
            third = subprocess.run(["curl", "-sSk", "--http2", "-o", "/dev/null", "-w",
                                    "%{http_code}", url], stdout=subprocess.PIPE, check=True)
            assert third.stdout == b"503"
            with self.listen(server, session) as beside:  # HTTP/1.1 does not count
                client.append(session["session_id"], "two")
                beside.until_events(2)
            for curl in curls:
                self.until_seen(curl, b"id: 2\n")
        finally:
            for curl in curls:
                curl.kill()
                curl.wait()

    @staticmethod
    def until_seen(curl, text):
        got = b""
        while text not in got:
            block = os.read(curl.stdout.fileno(), 65536)
            assert block, got
            got += block
        return got
