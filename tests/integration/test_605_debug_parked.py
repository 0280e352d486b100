"""S2's debug calls that answer with JSON hold no thread: each is parked, and whatever becomes of
its turn is answered as httpd would have answered it."""

import contextlib
import json
import re

import pytest

from llmq_env import tls
from llmq_env.apps import SECRET, Apps, check_turn
from llmq_env.conf import apps, load
from llmq_env.fakellm import Plan
from llmq_env.httpd import BUSY
from llmq_env.tokens import secret_file
from llmq_env.wait import until
from test_551_parked_waits import calls, ends, is_readable, parse, read_some, until_end

LATE = "应用调试超时，请稍后重试"
FAILED = "应用调试失败，请稍后重试"
NO_TURN = "该调试消息不存在，请核实后重试"
ENDED = {4, 5}  # TIMEOUT, where its own attempt was over as soon, or CANCELED

SLOW = SECRET + """
    LogLevel llmq:info
    LLMQMaxRetries 0
    LLMQMaxHeld 1
    LLMQTimeout 10min
    LLMQDebugTimeout 10min
    <LLMQBackend slow>
        LLMQBackendKind openai
        LLMQBackendURL {llm}
        LLMQBackendConcurrency 500
        LLMQBackendTotalTimeout 10min
        LLMQBackendFirstTimeout 10min
        LLMQBackendConnectTimeout 1min
    </LLMQBackend>
"""


@pytest.fixture
def ann(server, request):
    """Closed in the end: a thread that keeps a connection does not let its child end."""
    with contextlib.closing(Apps(server, re.sub(r"\W", "_", request.node.name)[:100])) as made:
        yield made


@pytest.fixture
def app(ann):
    return ann.app()


class Asking:
    """A connection on which a turn waits for its answer."""

    def __init__(self, client, app, query="Hello", base="/apps", connect=tls.plain, port=None):
        body = json.dumps({"query": query}).encode()
        head = f"POST {base}/{app}/debug HTTP/1.1\r\nHost: x\r\n" \
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        for name, value in client.headers.items():
            head += f"{name}: {value}\r\n"
        self.socket = connect(port or client.port)
        self.socket.sendall(head.encode() + b"\r\n" + body)

    def read(self):
        """Status, headers and body of the answer; the connection ends after it."""
        got = b""
        while block := self.socket.recv(65536):
            got += block
        self.socket.close()
        return parse(got)


def refused(answer, status, code, message):
    said = {"code": code, "data": {}, "message": message}
    assert (answer[0], answer[2]) == (status, said), answer
    return answer[1]


def turns(server, app):
    """The statuses of an app's turns in the database."""
    rows = server.query("SELECT status FROM llmq_jobs WHERE kind = 4 AND metadata LIKE"
                        f" '%{app}%' ORDER BY seq")
    return [int(row[0]) for row in rows]


class TestAnswer:
    # One place for held requests: with two at a time no thread can be held.
    CONF = SLOW + load("headers", "filter", "deflate") + """
        Header set X-Always yes
        Header set X-Status "expr=%{REQUEST_STATUS}"
        AddOutputFilterByType DEFLATE application/json
    """ + apps(hasty="LLMQDebugTimeout 500ms", flat="LLMQAppsHTTPStatus always-200\n",
               both="LLMQAppsHTTPStatus always-200\nLLMQDebugTimeout 500ms")

    @pytest.mark.mpm
    def test_the_end_is_told_as_httpd_would(self, ann, llm, server):
        made = [ann.app(f"Bot {i}") for i in range(3)]
        llm.hold()
        asked = [Asking(ann, app, f"q{i}") for i, app in enumerate(made)]
        calls(llm, 3)
        llm.release()
        for i, a in enumerate(asked):
            status, headers, body = a.read()
            assert (status, body["code"], body["message"]) == (200, "success", "")
            check_turn(body["data"])
            assert body["data"]["answer"] == f"answer to q{i}"
            assert headers["content-type"].startswith("application/json")
            assert headers["connection"] == "close" and headers["cache-control"] == "no-store"
            assert headers["x-always"] == "yes" and headers["x-status"] == "200"
            assert ann.turns(made[i])["list"] == [body["data"]]
        until_end(server, "it has ended", 3)

    def test_turns_of_one_app_wait_for_each_other(self, ann, app, llm):
        llm.hold()
        asked = []
        for i in range(4):
            asked.append(Asking(ann, app, f"q{i}"))
            calls(llm, 1)
        llm.release()
        assert [a.read()[0] for a in asked] == [200] * 4
        assert ann.turns(app)["paginator"]["total_record"] == 4

    def test_a_failure_is_500(self, ann, app, llm):
        llm.default = Plan(status=400, body=b'{"error":{"message":"no"}}')
        headers = refused(Asking(ann, app).read(), 500, "fail", FAILED)
        assert headers["x-status"] == "500"
        assert ann.turns(app)["list"] == []

    def test_time_over_is_504_and_the_turn_ends(self, server, ann, app, llm):
        llm.hold()
        headers = refused(Asking(ann, app, base="/hasty").read(), 504, "fail", LATE)
        assert headers["x-status"] == "504" and "retry-after" not in headers
        # It has ended by then, so that what is asked next need not wait for it.
        assert set(turns(server, app)) <= ENDED
        llm.release()
        assert ann.debug(app, "next")["answer"] == "answer to next"
        assert [t["query"] for t in ann.turns(app)["list"]] == ["next"]

    def test_always_200(self, ann, app, llm):
        llm.hold()
        late = refused(Asking(ann, app, base="/both").read(), 200, "fail", LATE)
        assert late["x-status"] == "200"
        llm.release()
        llm.default = Plan(status=400, body=b'{"error":{"message":"no"}}')
        refused(Asking(ann, app, base="/flat").read(), 200, "fail", FAILED)

    def test_deleted_meanwhile_is_404(self, server, ann, app, llm):
        llm.hold()
        asked = Asking(ann, app)
        calls(llm, 1)
        [(turn,)] = server.query("SELECT id FROM llmq_jobs WHERE kind = 4 AND status < 2"
                                 f" AND metadata LIKE '%{app}%'")
        ann.done("POST", f"/{app}/messages/{turn}/delete", message="删除调试信息成功")
        refused(asked.read(), 404, "not_found", NO_TURN)
        llm.release()

    @pytest.mark.mpm
    def test_whoever_leaves_finds_the_answer(self, server, ann, app, llm):
        llm.hold()
        asked = Asking(ann, app, "gone")
        calls(llm, 1)
        asked.socket.close()
        until_end(server, "the client left")
        llm.release()
        until(lambda: ann.turns(app)["list"], "the answer")
        assert ann.turns(app)["list"][0]["query"] == "gone"

    @pytest.mark.mpm
    def test_graceful_restart_ends_the_wait_not_the_work(self, server, ann, app, llm):
        llm.hold()
        asked = [Asking(ann, app, f"g{i}") for i in range(3)]
        calls(llm, 1)
        until(lambda: len(turns(server, app)) == 3, "the turns")
        old = set(server.workers())
        ann.close()
        server.graceful()
        for a in asked:
            refused(a.read(), 504, "fail", LATE)
        until(lambda: not old & set(server.workers()), "the old children's end")
        llm.release()
        until(lambda: len(ann.turns(app)["list"]) == 3, "the answers")


class TestLate:
    """Many whose time is over in the same moment."""

    N = 150
    EXPECT = BUSY
    CONF = SLOW + apps(hasty="LLMQDebugTimeout 2s")

    def test_all_are_told_and_the_turns_end(self, server, ann, app, llm):
        llm.hold()
        asked = [Asking(ann, app, f"q{i}", base="/hasty") for i in range(self.N)]
        for a in asked:
            refused(a.read(), 504, "fail", LATE)
        got = turns(server, app)
        assert len(got) == self.N and set(got) <= ENDED
        llm.release()
        ann.close()  # httpd may have, when so many came
        ann.debug(app, "next")
        until(lambda: len(ends(server)) >= self.N, "their ends in the log")


class TestLimit:
    """Each child has a place for a parked request, all together have one for a held one."""

    CONF = SLOW + "LLMQMaxParked 1\n"

    def test_beyond_the_limits_it_is_refused_and_nothing_stored(self, server, ann, app, llm):
        llm.hold()
        begun, answer = [], None
        for i in range(50):
            begun.append(Asking(ann, app, f"q{i}"))
            until(lambda: len(turns(server, app)) == len(begun) or is_readable(begun[-1]),
                  "a turn, or a refusal")
            if is_readable(begun[-1]):
                answer = read_some(begun.pop())
                break
        assert answer.startswith(b"HTTP/1.1 503 ") and b"Retry-After: " in answer, answer
        assert json.loads(answer.split(b"\r\n\r\n")[1]) == {
            "code": "fail", "data": {}, "message": "服务暂时不可用，请稍后重试"}
        assert len(turns(server, app)) == len(begun) >= 2
        llm.release()
        for a in begun:
            assert read_some(a).startswith(b"HTTP/1.1 200 ")


class TestMany:
    N = 300
    EXPECT = BUSY
    CONF = SLOW + "LLMQQueueConcurrency realtime 500\n"

    def test_hundreds_wait_while_others_are_served(self, server, ann, llm):
        made = [ann.app(f"Bot {i}") for i in range(30)]
        llm.hold()
        asked = [Asking(ann, made[i % 30], f"q{i}") for i in range(self.N)]
        calls(llm, 30)
        assert server.new_api().get("/health").status == 200
        llm.release()
        answers = [a.read() for a in asked]
        assert {a[0] for a in answers} == {200}
        assert [a[2]["data"]["query"] for a in answers] == [f"q{i}" for i in range(self.N)]


class TestTLS:
    EXPECT = tls.EXPECT

    @pytest.fixture(scope="class")
    def server(self, new_server, workspace, store, llm):
        port, text = tls.host(workspace)
        made = new_server(store, text)
        secret_file(made)
        made.configure(SLOW.replace("{llm}", llm.url).replace("{dir}", str(made.dir)) + text)
        made.tls_port = port
        made.start()
        return made

    def test_the_end_is_told(self, server, ann, app, llm):
        llm.hold()
        asked = [Asking(ann, app, f"q{i}", connect=tls.connect, port=server.tls_port)
                 for i in range(3)]
        calls(llm, 1)
        llm.release()
        for i, a in enumerate(asked):
            status, headers, body = a.read()
            assert status == 200 and headers["connection"] == "close"
            assert body["data"]["answer"] == f"answer to q{i}"
        until_end(server, "it has ended", 3)
