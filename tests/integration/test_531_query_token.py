"""?access_token= on event streams: it is as good as a header, counts nowhere else, and nobody
writes it down."""

import pytest

from llmq_env.conf import load, sessions
from llmq_env.sessions import SECRET, Sessions, denies
from llmq_env.sse import Stream
from llmq_env.tokens import token
from llmq_env.wait import until

LOG = (load("status", "log_forensic")
       + r'LogFormat "%r|%q|%U|%{REQUEST_URI}e|%>s" everything' "\n"
       "CustomLog {dir}/logs/all.log everything\n"
       "ForensicLog {dir}/logs/forensic.log\n"
       "ExtendedStatus On\n<Location /server-status>\nSetHandler server-status\n</Location>\n")


def path_of(session, query=""):
    return f"/api/sessions/{session['session_id']}/sse{query}"


def logged(server, name="all.log"):
    return (server.dir / "logs" / name).read_text()


@pytest.mark.mpm
class TestQueryToken:
    CONF = ("LLMQDispatcher Off\n" + SECRET + LOG
            + sessions(strict="LLMQTokenSource header\nLLMQAuth On"))

    @pytest.mark.parametrize("form", ["?access_token={}", "?after_seq=0&access_token={}",
                                      "?access_token={}&limit=3", "?limit=3&access_token={}&x=1",
                                      "?access_token={}&access_token=other"])
    def test_it_counts_and_is_not_logged(self, server, form):
        client = Sessions(server, "user_1")
        session = client.session()
        mine = token("user_1", jti="q")  # another one than the client's header
        with Stream(server.port, path_of(session, form.format(mine))) as stream:
            stream.until_open()
            status = server.raw(b"GET /server-status HTTP/1.0\r\n\r\n").decode()
            assert session["session_id"][:20] in status
            client.append(session["session_id"], "hello")
            stream.until_events(1)
        until(lambda: path_of(session) in logged(server), "the line in the access log")
        for text in (logged(server), logged(server, "forensic.log"), status, server.log.text()):
            assert mine not in text
            assert "access_token" not in text
        line = [x for x in logged(server).splitlines() if path_of(session) in x][-1]
        for rest in ("limit=3", "after_seq=0", "x=1"):
            assert (rest in form) == (rest in line), line

    def test_escaped_paths_and_bad_requests_are_not_logged_either(self, server):
        client = Sessions(server, "user_1")
        session = client.session()
        mine = token("user_1", jti="q")
        refused = logged(server).count("|400")
        escaped = path_of(session, f"?access_token={mine}").replace("/api/", "/%61pi/")
        with Stream(server.port, escaped) as stream:
            stream.until_open()
        server.raw(f"GET {path_of(session)}?access_token={mine} HTTP/1.1\r\n\r\n".encode())
        server.raw(f"GET {path_of(session)}?access_token={mine} HTTP/1.1\r\nHost: x\r\n"
                   f"B ad: x\r\n\r\n".encode())
        until(lambda: logged(server).count("|400") == refused + 2,
              "the refusals in the access log")
        assert mine not in logged(server) and mine not in server.log.text()

    def test_the_header_comes_first(self, server):
        client = Sessions(server, "user_1")
        session = client.session()
        stranger = token("user_2")
        with Stream(server.port, path_of(session, f"?access_token={stranger}"),
                    headers=client.headers) as stream:
            stream.until_open()
        denies(Sessions(server).get(f"/sessions/{session['session_id']}/sse"
                                    f"?access_token={stranger}"), 404, "Not Found")

    def test_the_cookie_comes_last(self, server):
        client = Sessions(server, "user_1")
        session = client.session()
        with Stream(server.port, path_of(session),
                    headers={"Cookie": f"access_token={token('user_1')}"}) as stream:
            stream.until_open()
        with Stream(server.port, path_of(session, f"?access_token={token('user_1')}"),
                    headers={"Cookie": f"access_token={token('user_2')}"}) as stream:
            stream.until_open()

    @pytest.mark.parametrize("bad", ["nonsense", "", "%00", "a%zz"])
    def test_bad_token_is_401(self, server, bad):
        client = Sessions(server, "user_1")
        session = client.session()
        answer = Sessions(server).get(f"/sessions/{session['session_id']}/sse?access_token={bad}")
        denies(answer, 401, "Unauthenticated.")

    def test_it_counts_nowhere_else(self, server):
        client = Sessions(server, "user_1")
        session = client.session()
        mine = token("user_1", jti="q")
        for path in ("/sessions", f"/sessions/{session['session_id']}",
                     f"/sessions/{session['session_id']}/messages"):
            denies(Sessions(server).get(f"{path}?access_token={mine}"), 401, "Unauthenticated.")
        assert mine not in logged(server)

    def test_a_location_may_not_want_it(self, server):
        client = Sessions(server, "user_1", base="/strict")
        session = client.session()
        path = f"/sessions/{session['session_id']}/sse?access_token={token('user_1')}"
        denies(Sessions(server, base="/strict").get(path), 401, "Unauthenticated.")
        assert "access_token" not in logged(server)

    def test_paths_of_others_are_left_alone(self, server):
        server.raw(b"GET /elsewhere?access_token=theirs HTTP/1.0\r\n\r\n")
        until(lambda: "/elsewhere" in logged(server), "the line in the access log")
        assert "?access_token=theirs" in logged(server)
