"""Event streams as the author of a client meets them: which cursor counts, what a locked or closed
session means to those who listen, other origins, pages that refer to a stream, and the connection
after a 204."""

import subprocess

import pytest

from llmq_env.conf import load, sessions
from llmq_env.sessions import SECRET, Sessions, denies
from llmq_env.sse import Stream
from llmq_env.tokens import token
from llmq_env.wait import until

APP = "https://app.example.com"
# As docs/streams.md shows it.
CORS = load("headers", "rewrite") + """
<Location /api>
    Header always set Access-Control-Allow-Origin "https://app.example.com"
    Header always set Access-Control-Allow-Credentials true
    Header always set Access-Control-Allow-Methods "GET, POST, PATCH, DELETE"
    Header always set Access-Control-Allow-Headers "Authorization, Content-Type, Last-Event-ID"
    Header always merge Vary Origin
</Location>
RewriteEngine On
RewriteCond %{REQUEST_METHOD} =OPTIONS
RewriteRule ^/api/ - [R=204,L]
"""


def path_of(session, query="", base="/api"):
    return f"{base}/sessions/{session['session_id']}/sse{query}"


def listen(client, session, query="", **more):
    headers = {**client.headers, **more.pop("headers", {})}
    return Stream(client.port, path_of(session, query), headers=headers, **more)


@pytest.fixture
def client(server):
    made = Sessions(server, "user_1")
    yield made
    made.close()


class TestCursors:
    CONF = "LLMQDispatcher Off\n" + SECRET

    @pytest.mark.parametrize("query, last, first", [
        ("", None, 1), ("?after_seq=0", None, 1), ("?after_seq=2", None, 3),
        ("?after_seq=002", None, 3), ("?after_seq=%32", None, 3),
        ("?after_seq=3", "1", 2), ("?after_seq=1", "3", 4), ("", "0", 1), ("?after_seq=3", "0", 1),
        ("?after_seq=2", "nonsense", 3), ("?after_seq=2", "", 3), ("?after_seq=2", "-1", 3),
        ("?after_seq=2", "3;DROP", 3), ("?after_seq=2", "٣".encode().decode("latin-1"), 3),
        ("", "nonsense", 1), ("?limit=1", "2", 3), ("?limit=99999999999999999999", "2", 3),
        ("?unknown=1&after_seq=2", None, 3),
    ])
    def test_which_counts(self, client, query, last, first):
        session = client.session()
        for i in range(4):
            client.append(session["session_id"], f"message {i}")
        with listen(client, session, query, last=last) as stream:
            client.append(session["session_id"], "the last")
            stream.until_events(6 - first)
            assert stream.ids() == list(range(first, 6))

    @pytest.mark.parametrize("last", [None, "1", "nonsense"])
    @pytest.mark.parametrize("value", ["-1", "-99999999999999999999", "x", "1.5", "1e3", "0x1",
                                       "1,2", "%20", "+1", "--1", "%C3%28"])
    def test_garbage_as_a_parameter_is_refused(self, client, value, last):
        """The parameter is wrong even where the header would have come first."""
        session = client.session()
        headers = {"Last-Event-ID": last} if last else {}
        answer = client.get(f"/sessions/{session['session_id']}/sse?after_seq={value}",
                            headers=headers)
        if value == "%C3%28":  # no UTF-8
            denies(answer, 400, answer.json["message"])
        else:
            assert list(denies(answer, 422, answer.json["message"]).json["errors"]) \
                == ["after_seq"]

    def test_both_wrong_are_both_told(self, client):
        session = client.session()
        answer = client.get(f"/sessions/{session['session_id']}/sse?after_seq=x&limit=0")
        assert set(denies(answer, 422, answer.json["message"]).json["errors"]) \
            == {"after_seq", "limit"}

    @pytest.mark.parametrize("ahead", [2**31, 2**63 - 1, 2**64, 10**400])
    def test_parameter_beyond_the_end_is_the_end(self, client, ahead):
        session = client.session()
        client.append(session["session_id"], "one")
        with listen(client, session, f"?after_seq={ahead}") as stream:
            until(lambda: stream.comments, "the greeting")
            got = client.append(session["session_id"], "two")
            assert stream.until_events(1)[0].json == got

    def test_what_is_wrong_is_looked_up_after_who_asks(self, server, client):
        """A stranger does not learn by a 422 that there is such a session."""
        session = client.session()
        path = f"/sessions/{session['session_id']}/sse?after_seq=x"
        denies(Sessions(server, "user_2").get(path), 404, "Not Found")
        denies(Sessions(server).get(path), 401, "Unauthenticated.")


class TestStatus:
    CONF = "LLMQDispatcher Off\n" + SECRET

    def test_a_lock_keeps_users_out_and_readers_in(self, client):
        session = client.session()
        with listen(client, session) as stream:
            stream.until_open()
            path = f"/sessions/{session['session_id']}"
            assert client.patch(path, {"status": "LOCKED"}).status == 200
            denies(client.try_append(session["session_id"], "no"), 403, "Session is locked")
            client.append(session["session_id"], "from the agent", role="AGENT",
                          type="agent.message")
            assert client.patch(path, {"status": "OPEN"}).status == 200
            client.append(session["session_id"], "from the user")
            stream.until_events(2)
            assert [e.json["role"] for e in stream.events] == ["AGENT", "USER"]
            with listen(client, session) as late:
                late.until_events(2)

    def test_a_closed_one_says_no_more_and_stays_open(self, client):
        session = client.session()
        first = client.append(session["session_id"], "one", dedupe_key="k")
        with listen(client, session) as stream:
            stream.until_events(1)
            client.post(f"/sessions/{session['session_id']}/archive")
            denies(client.try_append(session["session_id"], "no"), 403, "Session is closed")
            # What was stored before is found again, and is no event.
            assert client.append(session["session_id"], "one", dedupe_key="k") == first
            with listen(client, session, last=1) as late:
                until(lambda: late.comments, "the greeting")
                assert not late.events and not late.ended.is_set()
            assert stream.ids() == [1] and not stream.ended.is_set()


class TestOrigins:
    """A page of another origin: what docs/streams.md tells to write."""

    CONF = "LLMQDispatcher Off\n" + SECRET + CORS

    def test_the_answer_may_be_read(self, client):
        session = client.session()
        with listen(client, session, headers={"Origin": APP}) as stream:
            stream.until_open()
            assert stream.headers["access-control-allow-origin"] == APP
            assert stream.headers["access-control-allow-credentials"] == "true"
            assert "Origin" in stream.headers["vary"]

    def test_refusals_may_be_read_too(self, server, client):
        session = client.session()
        for who, status in ((Sessions(server), 401), (Sessions(server, "user_2"), 404)):
            answer = who.get(f"/sessions/{session['session_id']}/sse", headers={"Origin": APP})
            assert answer.status == status
            assert answer.headers["access-control-allow-origin"] == APP

    def test_a_browser_may_ask_first(self, server, client):
        session = client.session()
        answer = Sessions(server).call(
            "OPTIONS", f"/sessions/{session['session_id']}/sse", check=False, headers={
                "Origin": APP, "Access-Control-Request-Method": "GET",
                "Access-Control-Request-Headers": "authorization,last-event-id"})
        assert answer.status == 204, answer
        assert answer.headers["access-control-allow-origin"] == APP
        assert "Last-Event-ID" in answer.headers["access-control-allow-headers"]
        assert not answer.body


class TestReferer:
    """Somebody opens a stream as a page: its address has a token in it."""

    CONF = ("LLMQDispatcher Off\n" + SECRET + load("headers")
            + r'LogFormat "%h %t \"%r\" %>s \"%{Referer}i\" \"%{User-agent}i\"" combined' "\n"
            "CustomLog {dir}/logs/combined.log combined\n")

    def test_it_does_not_lead_elsewhere(self, client):
        session = client.session()
        with listen(client, session) as stream:
            stream.until_open()
            assert stream.headers["referrer-policy"] == "no-referrer"

    @pytest.mark.parametrize("rest", ["", "&limit=3", "#x"])
    def test_it_is_not_logged(self, server, client, rest):
        session = client.session()
        mine = token("user_1", jti="referer")
        url = f"http://localhost{path_of(session)}?after_seq=1&access_token={mine}{rest}"
        client.get(f"/sessions/{session['session_id']}", headers={"Referer": url})
        with listen(client, session, headers={"Referer": url}) as stream:
            stream.until_open()
        log = server.dir / "logs" / "combined.log"

        def told():
            """Referers of either call, without what nobody may know."""
            return log.read_text().count(f"{path_of(session)}?after_seq=1")

        until(lambda: told() == 2 and f"{path_of(session)} HTTP" in log.read_text(), "both lines")
        assert mine not in log.read_text() and mine not in server.log.text()


@pytest.mark.mpm
class TestConnection:
    CONF = "LLMQDispatcher Off\nLLMQSSEMaxAge 1h\n" + SECRET + sessions(open="")

    def test_head_tells_what_get_would(self, client):
        session = client.session()
        path = f"/sessions/{session['session_id']}/sse"
        answer = client.call("HEAD", path)
        assert answer.status == 200 and not answer.body
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert client.call("HEAD", path + "?after_seq=x").status == 422
        assert client.call("HEAD", "/sessions/nope/sse").status == 404

    @pytest.mark.parametrize("fields", [
        {"Range": "bytes=0-10"}, {"If-None-Match": "*"}, {"Accept": "application/json"},
        {"If-Modified-Since": "Fri, 01 Jan 2100 00:00:00 GMT"}, {"Connection": "close"},
        {"Accept-Encoding": "gzip, br"}, {"TE": "trailers"}, {"Last-Event-ID": "0"},
    ], ids=lambda fields: next(iter(fields)))
    def test_fields_that_mean_nothing_here(self, client, fields):
        session = client.session()
        client.append(session["session_id"], "x" * 100)
        with listen(client, session, headers=fields) as stream:
            stream.until_events(1)
            assert stream.status == 200
            client.append(session["session_id"], "and more")
            stream.until_events(2)

    def test_curl_prints_each_at_once(self, server, client):
        """Until the next append the one before must be out."""
        session = client.session()
        client.append(session["session_id"], "backlog")
        url = f"http://127.0.0.1:{server.port}{path_of(session)}"
        with subprocess.Popen(["curl", "-sN", "-H", f"Authorization: "
                               f"{client.headers['Authorization']}", url],
                              stdout=subprocess.PIPE, text=True) as curl:
            try:
                for text in ("backlog", "one", "two", "three"):
                    if text != "backlog":
                        client.append(session["session_id"], text)
                    while f'"content":"{text}"' not in (line := curl.stdout.readline()):
                        assert line, "curl has ended"
            finally:
                curl.kill()

    def test_two_streams_on_one_address(self, client):
        session = client.session()
        with listen(client, session) as one, listen(client, session) as two:
            for stream in (one, two):
                stream.until_open()
            client.append(session["session_id"], "both")
            for stream in (one, two):
                assert stream.until_events(1)[0].json["content"] == "both"
