"""Connections of event streams, taken away from httpd or held by a request's thread: what
clients see, what httpd logs, and what becomes of those who leave or do not read."""

import re
import socket

import pytest

from llmq_env.conf import hasty, load, sessions
from llmq_env.httpd import free_port
from llmq_env.sessions import Sessions
from llmq_env.sse import Stream
from llmq_env.wait import until

QUIET = "LLMQDispatcher Off\nLogLevel llmq:info\n"
SEEN = load("headers", "filter", "deflate", "reqtimeout") + """
    Header set X-Always yes
    AddOutputFilterByType DEFLATE text/event-stream
    CustomLog logs/stream.log "%m %U %>s %B %X"
"""


def ended(server, session, how):
    """Streams of a session that have ended so, as the log tells."""
    return re.findall(rf"LLMQ0286: session\[{session['session_id']}\] stream: .*, {how}",
                      server.log.text())


class Ways:
    """What does not depend on the way; MOUNT has no rules of its own, /brief ends after 1 s."""

    MOUNT = "open"

    @pytest.fixture(scope="class")
    def server(self, new_server, store):
        port = free_port()
        made = new_server(store, self.CONF + hasty(port))
        made.hasty_port = port
        made.start()
        return made

    @pytest.fixture
    def client(self, server):
        return Sessions(server, base=f"/{self.MOUNT}")

    def path(self, session, mount=None):
        return f"/{mount or self.MOUNT}/sessions/{session['session_id']}/sse"

    def listen(self, server, session, mount=None, hasty=False, **more):
        """hasty: where those who do not read are soon given up."""
        return Stream(server.hasty_port if hasty else server.port, self.path(session, mount),
                      **more)

    def test_headers_come_at_once_and_filters_step_aside(self, server, client):
        session = client.session()
        with self.listen(server, session, headers={"Accept-Encoding": "gzip"}) as stream:
            stream.until_open()
            assert stream.headers["transfer-encoding"] == "chunked"
            assert stream.headers["x-always"] == "yes"
            assert "content-encoding" not in stream.headers
            assert "content-length" not in stream.headers
            client.append(session["session_id"], "plain words")
            assert stream.until_events(1)[0].json["content"] == "plain words"

    def test_http_1_0_reads_until_the_end(self, server, client):
        session = client.session()
        client.append(session["session_id"], "one")
        with self.listen(server, session, mount="brief", version="1.0") as stream:
            stream.until_ended()
            assert stream.whole and stream.ids() == [1]
            assert "transfer-encoding" not in stream.headers

    def test_end_is_the_last_chunk(self, server, client):
        session = client.session()
        client.append(session["session_id"], "one")
        with self.listen(server, session, mount="brief") as stream:
            stream.until_ended()
            assert stream.whole and stream.ids() == [1] and stream.problem is None
        until(lambda: ended(server, session, "its time was over"), "the line of its end")

    def test_request_behind_it_harms_nothing(self, server, client):
        """Sent before the answer begins, and read by nobody if httpd lets go."""
        session = client.session()
        client.append(session["session_id"], "one")
        with self.behind(server, session, "brief") as stream:
            assert b"id: 1\n" in self.until_seen(stream, b"\r\n0\r\n\r\n")
        with self.behind(server, session, self.MOUNT) as stream:
            self.until_seen(stream, b"id: 1\n")
            client.append(session["session_id"], "two")
            self.until_seen(stream, b"id: 2\n")

    def behind(self, server, session, mount):
        """A stream that is not read, and requests behind it."""
        stream = self.listen(server, session, mount=mount, start=False)
        for _ in range(3):
            stream.socket.sendall(b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\n\r\n")
        return stream

    @staticmethod
    def until_seen(stream, text):
        got = b""
        while text not in got:
            block = stream.socket.recv(65536)
            assert block, got
            got += block
        return got

    def test_head_is_headers_and_the_connection_goes_on(self, server, client):
        session = client.session()
        head = f"HEAD {self.path(session)} HTTP/1.1\r\nHost: x\r\n\r\n"
        last = "GET /api/v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        got = server.raw((2 * head + last).encode())
        assert got.count(b"HTTP/1.1 200 OK") == 3 and got.count(b"text/event-stream") == 2
        assert b"connected" not in got

    def test_client_that_leaves_is_forgotten(self, server, client):
        session = client.session()
        streams = [self.listen(server, session).until_open() for _ in range(5)]
        for stream in streams[1:]:
            stream.close()
        until(lambda: len(ended(server, session, "the client left or was cut")) == 4, "their ends")
        client.append(session["session_id"], "for those who stay")
        streams[0].until_events(1)
        streams[0].close()

    def test_client_that_does_not_read_is_cut_and_holds_up_nobody(self, server, client):
        session = client.session()
        texts = [f"{i} " + "x" * 60000 for i in range(150)]  # more than the kernel's buffers
        with self.listen(server, session, hasty=True, start=False, buffer=4096) as deaf, \
                self.listen(server, session) as other:
            other.until_open()
            for text in texts:
                client.append(session["session_id"], text)
            other.until_events(len(texts))
            assert [e.json["content"] for e in other.events] == texts
            until(lambda: ended(server, session, "the client left or was cut"), "its end")
            assert not other.ended.is_set()
            deaf.thread.start()
            deaf.until_ended()
            assert not deaf.whole
            got = deaf.ids()
            assert got == list(range(1, len(got) + 1)) and len(got) < len(texts)
        # It comes back for the rest.
        with self.listen(server, session, last=len(got)) as again:
            again.until_events(len(texts) - len(got))
            assert again.ids() == list(range(len(got) + 1, len(texts) + 1))


class TestDetached(Ways):
    CONF = QUIET + SEEN + sessions(open="", brief="LLMQSSEMaxAge 1")

    pytestmark = pytest.mark.mpm

    def test_access_log_is_written_when_it_begins(self, server, client):
        session = client.session()
        with self.listen(server, session) as stream:
            stream.until_open()
            log = server.dir / "logs" / "stream.log"
            until(lambda: f"GET {self.path(session)} 200 0 -" in log.read_text(), "its line")
            client.append(session["session_id"], "later")
            stream.until_events(1)

    def test_no_thread_waits(self, server, client):
        """More streams than the server has threads or processes."""
        session = client.session()
        # One after the other: as many at once as there are threads would wait for the database
        # together, and httpd would say that it has no thread left.
        streams = [self.listen(server, session).until_open() for _ in range(200)]
        # So many connections make httpd close those that are idle.
        Sessions(server, base=f"/{self.MOUNT}").append(session["session_id"], "for all")
        for stream in streams:
            stream.until_events(1)
        for stream in streams:
            stream.close()


class TestFiltered(Ways):
    """A filter that wants to see the body keeps the thread."""

    MOUNT = "held"
    CONF = QUIET + SEEN + load("ratelimit") + sessions(
        held="SetOutputFilter RATE_LIMIT", brief="LLMQSSEMaxAge 1\nSetOutputFilter RATE_LIMIT")

    pytestmark = pytest.mark.mpm

    def test_access_log_is_written_when_it_ends(self, server, client):
        session = client.session()
        client.append(session["session_id"], "x" * 1000)
        with self.listen(server, session, mount="brief") as stream:
            stream.until_ended()
        log = server.dir / "logs" / "stream.log"
        line = re.compile(rf"GET {self.path(session, 'brief')} 200 (\d+) ")
        assert int(until(lambda: line.search(log.read_text()), "its line")[1]) > 1000

    def test_connection_goes_on_afterwards(self, server, client):
        session = client.session()
        ask = f"GET {self.path(session, 'brief')} HTTP/1.1\r\nHost: x\r\n\r\n"
        last = "GET /api/v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        got = b""
        with socket.create_connection(("127.0.0.1", server.port), 60) as connection:
            connection.sendall((ask + last).encode())
            while block := connection.recv(65536):
                got += block
        assert got.count(b"HTTP/1.1 200 OK") == 2 and b": connected" in got
