"""?wait= without a thread: the request is parked before anything is sent, and whatever becomes of
the job is answered as httpd would have answered it."""

import json
import re
import select
import subprocess

import pytest

from llmq_env import tls
from llmq_env.conf import load
from llmq_env.fakellm import Plan
from llmq_env.httpd import BUSY
from llmq_env.runs import DONE, run, told, until_final
from llmq_env.sessions import SECRET, Sessions
from llmq_env.wait import until

# A call that is held is no failure, and nobody's wait is over before a test has got that far.
SLOW = """
    LogLevel llmq:info
    LLMQMaxRetries 0
    LLMQTimeout 10min
    LLMQMaxWait 10min
    <LLMQBackend slow>
        LLMQBackendKind openai
        LLMQBackendURL {llm}
        LLMQBackendConcurrency 500
        LLMQBackendTotalTimeout 10min
        LLMQBackendFirstTimeout 10min
        LLMQBackendConnectTimeout 1min
    </LLMQBackend>
    LLMQQueueConcurrency normal 500
"""


def request(path="/messages?wait=300", version="1.1", more="", user="u", content="Hello"):
    body = json.dumps({"user_id": user, "content": content}).encode()
    return (f"POST /api/v1{path} HTTP/{version}\r\nHost: x\r\n{more}"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode() \
        + body


class Waiting:
    """A connection on which a request waits."""

    def __init__(self, port, before=b"", after=b"", connect=None, data=None, **more):
        self.socket = (connect or tls.plain)(port)
        self.socket.sendall(before + (data or request(**more)) + after)

    def read(self):
        """Status, headers and body of the answer; the connection ends after it."""
        got = b""
        while block := self.socket.recv(65536):
            got += block
        self.socket.close()
        return parse(got)


def read_some(waiting):
    """The answer that waits; its connection may stay open."""
    got = b""
    while b"\r\n\r\n" not in got:
        got += next_block(waiting)
    size = int(re.search(rb"(?i)\r\ncontent-length: (\d+)", got)[1])
    while len(got) < got.index(b"\r\n\r\n") + 4 + size:
        got += next_block(waiting)
    return got


def next_block(waiting):
    block = waiting.socket.recv(65536)
    assert block, "the connection has ended within the answer"
    return block


def is_readable(waiting):
    return bool(select.select([waiting.socket], [], [], 0)[0])


def parse(got):
    head, body = got.split(b"\r\n\r\n", 1)
    first, *lines = head.decode().split("\r\n")
    headers = {}
    for line in lines:
        name, value = line.split(": ", 1)
        assert name.lower() not in headers, head
        headers[name.lower()] = value
    assert int(headers["content-length"]) == len(body), got
    return int(first.split(" ")[1]), headers, json.loads(body)


def ends(server):
    return re.findall(r"LLMQ0292: job\[(.*?)\] was waited for \d+ ms: (.*)", server.log.text())


def until_end(server, how, n=1):
    until(lambda: len([e for e in ends(server) if e[1] == how]) >= n, f"the end: {how}")


def calls(llm, n):
    until(lambda: len(llm.calls) >= n, f"{n} calls")


def call_of(llm, content):
    """Of what came before, a call may still be on its way."""
    until(lambda: content in llm.contents(), f"the call of {content}")


class TestAnswer:
    # One place for held requests: with two at a time no thread can be held.
    CONF = SLOW + load("headers", "filter", "deflate") + """
        LLMQMaxHeld 1
        Header set X-Always yes
        Header set X-Status "expr=%{REQUEST_STATUS}"
        Header always set X-Even always
        AddOutputFilterByType DEFLATE application/json
        CustomLog logs/waits.log "%>s %b %X %U"
    """

    @pytest.mark.mpm
    def test_the_end_is_told_as_httpd_would(self, server, api, llm):
        llm.hold()
        waiting = [Waiting(server.port, more="Accept-Encoding: gzip\r\n", user=f"u{i}")
                   for i in range(3)]
        calls(llm, 3)
        llm.release()
        for w in waiting:
            status, headers, body = w.read()
            data = body["data"]
            assert status == 201 and body["code"] == 201
            assert data["status"] == "completed" and data["estimated_wait"] == 0
            assert headers["location"] == f"/api/v1/messages/{data['id']}"
            assert headers["content-type"] == "application/json"
            assert headers["cache-control"] == "no-store"
            assert headers["connection"] == "close"
            assert headers["x-always"] == "yes" and headers["x-even"] == "always"
            assert headers["x-status"] == "201"
            assert "transfer-encoding" not in headers and "content-encoding" not in headers
            assert re.search("GMT$", headers["date"]) and "Apache" in headers["server"]
            assert data == {**api.message(data["id"]), "message_id": data["id"],
                            "estimated_wait": 0}
        until_end(server, "it has ended", 3)

    @pytest.mark.mpm
    def test_what_httpd_logs_is_that_it_was_accepted(self, server):
        Waiting(server.port, content="logged").read()
        log = server.dir / "logs" / "waits.log"
        until(lambda: "202 - - /api/v1/messages" in log.read_text(), "its line")

    def test_time_over_is_408(self, server, api, llm):
        llm.hold()
        status, headers, body = Waiting(server.port, path="/messages?wait=0.3").read()
        assert (status, body["error_code"]) == (408, 1010)
        assert headers["x-status"] == "408" and headers["x-even"] == "always"
        message_id = body["details"]["id"]
        llm.release()
        assert api.until_status(message_id)["status"] == "completed"

    def test_deleted_meanwhile_is_404(self, server, api, llm):
        llm.hold()
        waiting = Waiting(server.port, user="deleted", content="deleted")
        call_of(llm, "deleted")
        [message] = api.get("/messages?user_id=deleted").data["messages"]
        message_id = message["id"]
        assert api.delete(f"/messages/{message_id}").status == 200
        status, headers, body = waiting.read()
        assert (status, body["error_code"], headers["x-status"]) == (404, 1004, "404")
        llm.release()

    def test_failure_is_an_answer_too(self, server, llm):
        llm.default = Plan(status=400, body=b'{"error":{"message":"no"}}')
        status, _, body = Waiting(server.port).read()
        llm.default = Plan()
        assert (status, body["data"]["status"]) == (201, "failed")

    def test_http_1_0(self, server):
        status, headers, body = Waiting(server.port, version="1.0").read()
        assert status == 201 and body["data"]["status"] == "completed"

    def test_what_was_asked_for_before_is_answered_before(self, server):
        health = b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\n\r\n"
        waiting = Waiting(server.port, before=health * 2, after=health * 3)
        got = b""
        while block := waiting.socket.recv(65536):
            got += block
        assert got.count(b"HTTP/1.1 200") == 2 and got.count(b"HTTP/1.1 201") == 1
        assert parse(got[got.rindex(b"HTTP/1.1"):])[2]["data"]["status"] == "completed"

    @pytest.mark.mpm
    def test_a_client_that_leaves_costs_nothing_more(self, server, api, llm):
        llm.hold()
        waiting = Waiting(server.port, user="leaves", content="leaves")
        call_of(llm, "leaves")
        waiting.socket.close()
        until_end(server, "the client left")
        llm.release()

    @pytest.mark.mpm
    def test_graceful_restart_ends_the_wait_not_the_work(self, server, api, llm):
        llm.hold()
        waiting = [Waiting(server.port, user=f"g{i}", content=f"g{i}") for i in range(3)]
        for i in range(3):
            call_of(llm, f"g{i}")
        old = set(server.workers())
        server.graceful()
        answers = [w.read() for w in waiting]
        until(lambda: not old & set(server.workers()), "the old children's end")
        llm.release()
        assert {a[0] for a in answers} == {408}
        for answer in answers:
            assert api.until_status(answer[2]["details"]["id"])["status"] == "completed"


class TestTasks:
    CONF = "LLMQDispatcher Off\nLogLevel llmq:info\nLLMQMaxHeld 1\nLLMQMaxWait 10min\n"

    def test_progress_and_end_by_a_worker(self, server, api):
        body = {"task_type": "document_processing", "payload": {"a": 1}, "kb_id": "kb"}
        raw = json.dumps(body).encode()
        waiting = tls.plain(server.port)
        waiting.sendall(b"POST /api/v1/tasks?wait=300 HTTP/1.1\r\nHost: x\r\n"
                        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s"
                        % (len(raw), raw))
        task = until(lambda: api.post("/workers/w/claim", {}).json["tasks"], "the task")[0]
        token = {"lease_token": task["lease_token"]}
        assert api.post(f"/tasks/{task['id']}/complete",
                        {**token, "result": {"pages": 3}}).status == 200
        got = b""
        while block := waiting.recv(65536):
            got += block
        status, headers, answer = parse(got)
        assert status == 201 and headers["location"] == f"/api/v1/tasks/{task['id']}"
        assert (answer["status"], answer["result"]) == ("completed", {"pages": 3})
        seen = api.get(f"/tasks/{task['id']}").json
        assert answer.keys() == seen.keys()
        until_end(server, "it has ended")


class TestLimit:
    """Each child has a place for a parked request, all together have one for a held one."""

    CONF = SLOW + "LLMQMaxParked 1\nLLMQMaxHeld 1\n"

    def test_beyond_the_limits_it_is_refused_and_nothing_stored(self, server, api, llm):
        llm.hold()
        begun, refused = [], None
        for i in range(50):
            before = api.total()
            w = Waiting(server.port, user=f"u{i}")
            begun.append(w)
            until(lambda: len(llm.calls) == len(begun) or is_readable(w), "a call, or a refusal")
            if is_readable(w):
                refused = read_some(begun.pop())
                break
        assert refused.startswith(b"HTTP/1.1 503 "), refused
        assert b'"error_code":2003' in refused
        assert api.total() == before and len(begun) >= 2
        llm.release()
        for w in begun:
            assert read_some(w).startswith(b"HTTP/1.1 201 ")


class TestMany:
    N = 300
    EXPECT = BUSY
    CONF = SLOW + "LLMQMaxHeld 1\nLLMQQueueSize normal 5000\n"

    def test_hundreds_wait_while_others_are_served(self, server, api, llm):
        llm.hold()
        waiting = [Waiting(server.port, user=f"u{i % 50}") for i in range(self.N)]
        calls(llm, self.N)
        assert api.get("/health").status == 200
        llm.release()
        answers = [w.read() for w in waiting]
        assert {a[0] for a in answers} == {201}
        assert len({a[2]["data"]["id"] for a in answers}) == self.N


class TestRuns:
    """Of S4. One place for held requests: with two at a time no thread can be held."""

    CONF = SECRET + "LogLevel llmq:info\nLLMQMaxHeld 1\nLLMQMaxWait 10min\n" + """
        CustomLog logs/waits.log "%>s %U"
        <LLMQAgent slow>
            LLMQBackendKind openai
            LLMQBackendURL {llm}
            LLMQBackendConcurrency 500
            LLMQBackendTotalTimeout 10min
            LLMQBackendFirstTimeout 10min
        </LLMQAgent>
    """

    @pytest.fixture
    def alice(self, server, request):
        return Sessions(server, re.sub(r"\W", "_", request.node.name)[:100])

    def ask(self, server, alice, query="?wait=300", session=None, trigger=None):
        session = session or alice.session()["session_id"]
        trigger = trigger or alice.append(session, "Hello")["message_id"]
        raw = json.dumps({"trigger_message_id": trigger})
        head = "".join(f"{name}: {value}\r\n" for name, value in alice.headers.items())
        return session, trigger, Waiting(
            server.port, data=f"POST /api/sessions/{session}/runs{query} HTTP/1.1\r\nHost: x\r\n"
            f"{head}Content-Type: application/json\r\nContent-Length: {len(raw)}\r\n\r\n"
            f"{raw}".encode())

    @pytest.mark.mpm
    def test_a_run_is_told_as_it_ended(self, server, alice, llm):
        llm.hold()
        asked = [self.ask(server, alice) for _ in range(3)]
        calls(llm, 3)
        # Whoever asks again waits for the same run.
        asked.append(self.ask(server, alice, session=asked[0][0], trigger=asked[0][1]))
        line = f"202 /api/sessions/{asked[0][0]}/runs\n"
        log = server.dir / "logs" / "waits.log"
        until(lambda: log.read_text().count(line) == 2, "both to be parked")
        llm.release()
        for session, trigger, waiting in asked:
            status, headers, got = waiting.read()
            assert status == 201 and got["status"] == "DONE", got
            assert got == run(alice, session, got["run_id"])
            assert got["trigger_message_id"] == trigger
            assert headers["location"] == f"/api/sessions/{session}/runs/{got['run_id']}"
            assert headers["connection"] == "close"
            assert told(alice, session, got["run_id"]) == DONE

    def test_time_over_is_408_and_the_run_goes_on(self, server, alice, llm):
        llm.hold()
        session, _, waiting = self.ask(server, alice, "?wait=0.3")
        status, _, got = waiting.read()
        llm.release()
        assert status == 408
        assert until_final(alice, session, got["details"]["id"])["status"] == "DONE"

    def test_canceled_is_an_end_too(self, server, alice, llm):
        llm.hold()
        session, _, waiting = self.ask(server, alice)
        [said] = until(lambda: [m for m in alice.messages(session) if m["type"] == "run.status"],
                       "its beginning")
        calls(llm, 1)
        run_id = said["payload"]["run_id"]
        assert alice.post(f"/sessions/{session}/runs/{run_id}/cancel").status == 200
        status, _, got = waiting.read()
        llm.release()
        assert (status, got["run_id"], got["status"]) == (201, run_id, "CANCELED")


class TestTLS:
    EXPECT = tls.EXPECT

    @pytest.fixture(scope="class")
    def server(self, new_server, workspace, store, llm):
        port, text = tls.host(workspace)
        made = new_server(store, "LogLevel llmq:info\nLLMQMaxHeld 1\n" + text)
        made.tls_port = port
        made.start()
        return made

    @pytest.mark.mpm
    def test_the_end_is_told(self, server):
        waiting = [Waiting(server.tls_port, connect=tls.connect, user=f"u{i}") for i in range(3)]
        for w in waiting:
            status, headers, body = w.read()
            assert status == 201 and headers["connection"] == "close"
            assert body["data"]["status"] == "completed"
        until_end(server, "it has ended", 3)


class TestHTTP2:
    """Its streams share a connection, so that who waits by it holds a thread."""

    EXPECT = (*tls.EXPECT, "AH10034")

    @pytest.fixture(scope="class")
    def server(self, new_server, workspace, store, llm):
        port, text = tls.host(workspace, "Protocols h2 http/1.1\n")
        made = new_server(store, SLOW.replace("{llm}", llm.url) + load("http2")
                          + "LLMQMaxHeld 2\n" + text)
        made.tls_port = port
        made.start()
        return made

    @pytest.fixture(autouse=True)
    def not_under_prefork(self, mpm):
        if mpm == "prefork":
            pytest.skip("there is no HTTP/2 under prefork")

    def curl(self, server, user, wait=300):
        return subprocess.Popen(
            ["curl", "-sSk", "--http2", "-w", "\n%{http_version} %{http_code}",
             "--json", json.dumps({"user_id": user, "content": "Hello"}),
             f"https://127.0.0.1:{server.tls_port}/api/v1/messages?wait={wait}"],
            stdout=subprocess.PIPE, text=True)

    @pytest.mark.mpm
    def test_it_waits_in_a_place(self, server, llm):
        llm.hold()
        curls = [self.curl(server, f"u{i}") for i in range(2)]
        calls(llm, 2)
        assert self.curl(server, "more").communicate()[0].endswith("\n2 503")
        llm.release()
        for curl in curls:
            body, end = curl.communicate()[0].rsplit("\n", 1)
            assert end == "2 201" and json.loads(body)["data"]["status"] == "completed"
