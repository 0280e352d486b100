"""Event streams over HTTP/2, without TLS as behind a proxy that speaks it: the rules are the same."""

import os
import subprocess

import pytest

from llmq_env.conf import load, sessions
from llmq_env.sessions import SECRET, Sessions
from llmq_env.tokens import token
from llmq_env.wait import until

HTTP2 = load("http2", "deflate", "filter") + """
Protocols h2c http/1.1
AddOutputFilterByType DEFLATE text/event-stream
LogFormat "%r|%q|%>s|%{Referer}i|%{remote}p" everything
CustomLog logs/http2.log everything
"""


class Curl:
    """A stream that curl reads; what it has printed, headers first."""

    def __init__(self, url, *more, how="--http2-prior-knowledge"):
        self.process = subprocess.Popen(["curl", "-sSN", how, "--compressed", "-D", "-", *more,
                                         url], stdout=subprocess.PIPE)
        self.got = b""

    def until(self, text):
        while text.encode() not in self.got:
            block = os.read(self.process.stdout.fileno(), 65536)
            assert block, self.got
            self.got += block
        return self

    def rest(self):
        """All, once it has ended by itself; and curl's verdict."""
        rest = self.process.communicate(timeout=60)[0]
        return self.got + rest, self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


@pytest.mark.mpm
class TestHTTP2:
    EXPECT = ("AH10034", "AH02965")
    CONF = ("LLMQDispatcher Off\n" + HTTP2 + SECRET
            + sessions(brief="LLMQSSEMaxAge 1", beats="LLMQSSEHeartbeat 1"))

    @pytest.fixture(autouse=True)
    def not_under_prefork(self, mpm):
        if mpm == "prefork":
            pytest.skip("there is no HTTP/2 under prefork")

    def url(self, server, session, base="api", query=""):
        return (f"http://127.0.0.1:{server.port}/{base}/sessions/{session['session_id']}/sse"
                + query)

    def test_backlog_and_then_live(self, server):
        client = Sessions(server, "user_1")
        session = client.session()
        client.append(session["session_id"], "one")
        mine = token("user_1", jti="http2")
        with Curl(self.url(server, session, query=f"?access_token={mine}"), "-H",
                  f"Referer: {self.url(server, session)}?access_token={mine}") as curl:
            curl.until("id: 1\n")
            for n in (2, 3):
                client.append(session["session_id"], "x" * 10000)
                curl.until(f"id: {n}\n")
            head = curl.got.split(b"\r\n\r\n")[0].decode().lower()
            assert head.startswith("http/2 200")
            assert "content-type: text/event-stream" in head
            assert "content-encoding" not in head
            assert "cache-control: no-cache, no-transform" in head
        log = server.dir / "logs" / "http2.log"
        until(lambda: session["session_id"] in log.read_text(), "its line")
        assert mine not in log.read_text() and mine not in server.log.text()

    def test_cursors(self, server):
        client = Sessions(server, "user_1")
        session = client.session()
        for n in range(4):
            client.append(session["session_id"], f"{n}")
        with Curl(self.url(server, session, query="?after_seq=1"), "-H", "Last-Event-ID: 2",
                  "-H", f"Authorization: {client.headers['Authorization']}") as curl:
            curl.until("id: 4\n")
            assert b"id: 2\n" not in curl.got and b"id: 3\n" in curl.got

    def test_its_time_is_over(self, server):
        client = Sessions(server, base="/brief")
        session = client.session()
        client.append(session["session_id"], "one")
        with Curl(self.url(server, session, base="brief")) as curl:
            got, status = curl.rest()
            assert b"id: 1\n" in got and status == 0  # in good order, no reset

    def test_signs_of_life(self, server):
        client = Sessions(server, base="/beats")
        session = client.session()
        with Curl(self.url(server, session, base="beats")) as curl:
            curl.until(": ping\n\n: ping\n\n")

    def test_several_on_one_connection(self, server):
        client = Sessions(server, base="/brief")
        made = [client.session() for _ in range(3)]
        for session in made:
            client.append(session["session_id"], session["session_id"])
        urls = [self.url(server, session, base="brief") for session in made]
        with Curl(urls[0], "--parallel", *urls[1:], how="--http2") as curl:
            got, status = curl.rest()
            assert status == 0 and got.count(b"id: 1\n") == 3
        log = server.dir / "logs" / "http2.log"

        def ports():
            lines = [line.split("|") for line in log.read_text().splitlines() if "HTTP/2.0" in line]
            return [line[-1] for line in lines if any(f"{m['session_id']}/sse" in line[0] for m in made)]

        until(lambda: len(ports()) == 3, "their lines")
        assert len(set(ports())) == 1

    def test_head_and_refusals(self, server):
        client = Sessions(server, "user_1")
        session = client.session()
        mine = token("user_1")
        for more, query, status in ((["-I"], f"?access_token={mine}", b"200"), ([], "", b"401"),
                                    ([], f"?access_token={mine}&after_seq=-1", b"422")):
            with Curl(self.url(server, session, query=query), *more) as curl:
                assert curl.rest()[0].startswith(b"HTTP/2 " + status)
