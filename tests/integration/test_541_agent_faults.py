"""Agents that misbehave: each run ends once, its session's log says how, and the next one runs."""

import json
import re
import socket
import threading

import pytest

from llmq_env.receiver import Reply
from llmq_env.runs import (CANCELED, DONE, FAILED, agent, run, said_of, says, start, started, told,
                           until_final)
from llmq_env.sessions import SECRET, Sessions
from llmq_env.sse import Stream
from llmq_env.wait import until

FAST = ("LLMQAgentRetries 2 20ms 50ms", "LLMQBackendConnectTimeout 60s")
JSON = {"Content-Type": "application/json"}


def closed_port():
    """Nobody listens there; bound, so that nobody will."""
    kept = socket.socket()
    kept.bind(("127.0.0.1", 0))
    return kept, kept.getsockname()[1]


@pytest.fixture(scope="module")
def nobody():
    kept, port = closed_port()
    yield f"http://127.0.0.1:{port}/"
    kept.close()


@pytest.fixture(scope="class")
def server(store, new_server, bot, nobody):
    from llmq_env.conf import sessions
    from llmq_env.tokens import secret_file
    made = new_server(store)
    secret_file(made)
    made.configure(
        SECRET.replace("{dir}", str(made.dir))
        + agent("bot", bot.url + "/bot", *FAST, "LLMQBackendTotalTimeout 300s")
        + agent("slow", bot.url + "/slow", *FAST, "LLMQBackendTotalTimeout 2s")
        + agent("narrow", bot.url + "/narrow", *FAST, "LLMQBackendMaxAnswer 1024")
        + agent("once", bot.url + "/once", "LLMQAgentRetries 0")
        + agent("patient", bot.url + "/patient", "LLMQAgentRetries 2 60s 60s")
        + agent("away", nobody, *FAST)
        + sessions(**{name: f"LLMQAgentUse {name}" for name in ("slow", "narrow", "once", "patient",
                                                                     "away")}))
    made.start()
    return made


@pytest.fixture
def alice(server, request):
    return Sessions(server, re.sub(r"\W", "_", request.node.name)[:100])


def ask(api, content="Hello"):
    """A session, and its run as it is at the end."""
    session = api.session()["session_id"]
    trigger = api.append(session, content)["message_id"]
    answer = start(api, session, trigger, "?wait=60")
    assert answer.status == 201, answer
    assert answer.json["latency_ms"] is None or answer.json["latency_ms"] >= 0
    return session, answer.json


def error_of(api, session, got):
    """What the log says of a failure, which must be what the run says."""
    assert got["status"] == "FAILED", got
    assert told(api, session, got["run_id"]) == FAILED
    said = said_of(api, session, got["run_id"], "run.error")
    error = said["payload"]
    assert said["content"] == error["message"] == got["error"] and got["error"]
    assert said["reply_to"] == got["trigger_message_id"]
    assert error["provider"] == got["provider"] and error["latency_ms"] == got["latency_ms"]
    ends = [m for m in api.messages(session) if m["type"] == "run.status"]
    assert ends[-1]["payload"]["error"] == got["error"]
    return error


class TestFaults:
    EXPECT = ("LLMQ0504",)

    def next_one_runs(self, api, session, bot):
        bot.default = says("well again")
        trigger = api.append(session, "again")["message_id"]
        assert start(api, session, trigger, "?wait=60").json["status"] == "DONE"

    @pytest.mark.parametrize("status", [500, 502, 503, 408, 409, 425, 429])
    def test_what_may_pass_is_tried_again(self, alice, bot, status):
        bot.replies = [Reply(status=status), Reply(status=status)]
        bot.default = says("at last")
        session, got = ask(alice)
        assert got["status"] == "DONE" and got["attempts"] == 3
        assert told(alice, session, got["run_id"]) == DONE
        assert [post.json["attempt"] for post in bot.posts] == [1, 2, 3]
        assert {post.headers["idempotency-key"] for post in bot.posts} == {got["run_id"]}

    def test_until_it_is_too_often(self, alice, bot):
        bot.default = Reply(status=500, body=b'{"error":{"message":"out of order"}}', headers=JSON)
        session, got = ask(alice)
        error = error_of(alice, session, got)
        assert got["attempts"] == 3 == len(bot.posts)
        assert error["retryable"] is True and error["http_status"] == 500
        assert "out of order" in error["raw_message"] and "500" in error["message"]
        self.next_one_runs(alice, session, bot)

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 413, 415, 422, 451])
    def test_what_is_final_is_not(self, alice, bot, status):
        bot.default = Reply(status=status, body=b'{"message":"no such thing"}', headers=JSON)
        session, got = ask(alice)
        error = error_of(alice, session, got)
        assert got["attempts"] == 1 == len(bot.posts)
        assert error["retryable"] is False and error["http_status"] == status
        assert "no such thing" in error["raw_message"]

    def test_redirects_are_no_answers(self, alice, bot):
        bot.default = Reply(status=302, headers={"Location": "/elsewhere"})
        session, got = ask(alice)
        error = error_of(alice, session, got)
        assert error["http_status"] == 302 and error["retryable"] is True
        assert not bot.at("/elsewhere")

    def test_no_retries(self, server, bot):
        bot.default = Reply(status=500)
        api = Sessions(server, base="/once")
        session, got = ask(api)
        assert got["attempts"] == 1 == len(bot.posts)
        assert error_of(api, session, got)["retryable"] is True

    def test_a_retry_waits_as_long_as_it_is_told(self, alice, bot):
        bot.replies = [Reply(status=429, headers={"Retry-After": "1"})]
        bot.default = says("thank you")
        _, got = ask(alice)
        assert got["status"] == "DONE" and got["attempts"] == 2

    def test_nobody_listens(self, server):
        """A person waits: that is a failure and no reason to wait for better times. So it is for
        those that come while the agent is known to be away."""
        api = Sessions(server, base="/away")
        for _ in range(3):
            session, got = ask(api)
            error = error_of(api, session, got)
            assert got["attempts"] == 3 and error["retryable"] is True
            assert error["http_status"] is None and "cannot be reached" in error["message"]

    def test_it_hangs(self, server, bot):
        bot.default = Reply(delay=300)
        api = Sessions(server, base="/slow")
        session, got = ask(api)
        error = error_of(api, session, got)
        assert got["attempts"] == 3 and error["retryable"] is True
        assert error["message"] == "The agent did not answer in time"
        assert error["latency_ms"] >= 1900
        until(lambda: len(bot.left) == 3, "its calls to be broken off")
        assert len(bot.posts) == 3

    @pytest.mark.parametrize("raw", [
        b"", b"\x00\xff\x17nonsense\r\n\r\n", b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n",
        b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"content":"cut',
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\nabc",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"],
        ids=["nothing", "garbage", "head", "no-body", "cut", "cut-chunk", "bad-chunk"])
    def test_it_hangs_up(self, alice, bot, raw):
        bot.replies = [Reply(raw=raw)]
        bot.default = says("whole")
        session, got = ask(alice)
        assert got["status"] == "DONE" and got["attempts"] == 2
        assert said_of(alice, session, got["run_id"], "agent.message")["content"] == "whole"
        bot.default = Reply(raw=raw)
        session, got = ask(alice)
        assert error_of(alice, session, got)["retryable"] is True and got["attempts"] == 3
        self.next_one_runs(alice, session, bot)

    @pytest.mark.parametrize("body", [
        b"{}", b"null", b'{"content":null}', b'{"content":7}', b'{"content":', b"",
        b'{"payload":[1]}', b'{"content":"\xff\xfe"}', b'{"content":"x"}}', b"{'content':1}",
        b"[" * 2000, b'{"a":' * 2000],
        ids=["empty", "null", "null-content", "number", "cut", "nothing", "list", "bytes",
             "too-much", "quotes", "deep", "deeper"])
    @pytest.mark.parametrize("headers", [JSON], ids=["json"])
    def test_answers_that_are_none(self, alice, bot, body, headers):
        bot.default = Reply(body=body, headers=headers)
        session, got = ask(alice)
        error = error_of(alice, session, got)
        assert error["retryable"] is True and error["http_status"] == 200
        assert got["attempts"] == 3

    def test_bytes_that_are_no_text(self, alice, bot):
        bot.default = Reply(body=b"\xff\xfe\x00 abc")
        session, got = ask(alice)
        error_of(alice, session, got)

    def test_zeros_in_a_text(self, alice, bot):
        """PostgreSQL keeps none, so they are no JSON to us, whatever the database."""
        bot.default = Reply(body=b'{"content":"a\\u0000b","payload":{"k":"\\u0000"}}', headers=JSON)
        session, got = ask(alice)
        assert error_of(alice, session, got)["raw_message"] == "The answer is not JSON"
        self.next_one_runs(alice, session, bot)

    def test_answers_that_are_too_large(self, server, bot):
        api = Sessions(server, base="/narrow")
        bot.default = says("x" * 900)
        assert ask(api)[1]["status"] == "DONE"
        bot.default = says("x" * 1100)
        session, got = ask(api)
        error_of(api, session, got)

    def test_a_large_answer_is_whole(self, alice, bot):
        text = "".join(f"{i:07}é" for i in range(400000))[:2000000]
        bot.default = says(text)
        session = alice.session()["session_id"]
        trigger = alice.append(session, "much")["message_id"]
        got = start(alice, session, trigger, "?wait=60").json
        assert got["status"] == "DONE", got
        assert said_of(alice, session, got["run_id"], "agent.message")["content"] == text

    def test_more_than_there_is_room_for(self, alice, bot):
        bot.default = Reply(body=b"x" * 5000000)
        session, got = ask(alice)
        error_of(alice, session, got)
        self.next_one_runs(alice, session, bot)

    def test_what_it_says_of_itself_is_cut_and_scrubbed(self, alice, bot):
        bot.default = Reply(status=400, headers=JSON, body=json.dumps(
            {"error": "secret sk-1234567890abcdef1234567890abcdef " + "x" * 100000}).encode())
        session, got = ask(alice)
        error = error_of(alice, session, got)
        assert len(error["raw_message"]) < 5000


class TestStops:
    """What ends a call, and what does not."""

    EXPECT = ("LLMQ0504",)

    def running(self, api, bot, n=1):
        bot.replies = [Reply(delay=300)]
        bot.default = says("second")
        session = api.session()["session_id"]
        run_id = started(api, session, api.append(session, "a")["message_id"])
        bot.until_posts(n)
        return session, run_id

    @pytest.mark.parametrize("how", ["call", "message"])
    def test_a_cancel_breaks_the_call_off(self, alice, bot, how):
        session, run_id = self.running(alice, bot)
        if how == "call":
            answer = alice.post(f"/sessions/{session}/runs/{run_id}/cancel")
            assert answer.status == 200 and answer.json["status"] == "CANCELED"
        else:
            alice.append(session, None, type="run.cancel", payload={"run_id": run_id})
        got = run(alice, session, run_id)
        assert got["status"] == "CANCELED" and got["finished_at"] and got["error"] is None
        assert got["attempts"] <= 1 and told(alice, session, run_id) == CANCELED
        until(lambda: len(bot.left) == 1, "the agent's connection to be closed")
        assert len(bot.posts) == 1
        assert told(alice, session, run_id) == CANCELED
        again = alice.post(f"/sessions/{session}/runs/{run_id}/cancel")
        assert again.status == 200 and again.json == got
        assert told(alice, session, run_id) == CANCELED

    def test_a_cancel_between_two_tries(self, server, bot):
        api = Sessions(server, base="/patient")
        bot.replies = [Reply(status=500)]
        bot.default = says("next")
        session = api.session()["session_id"]
        run_id = started(api, session, api.append(session, "a")["message_id"])
        bot.until_posts(1)
        assert api.post(f"/sessions/{session}/runs/{run_id}/cancel").json["status"] == "CANCELED"
        assert told(api, session, run_id) == CANCELED
        second = api.append(session, "b")["message_id"]
        assert start(api, session, second, "?wait=60").json["status"] == "DONE"
        assert [post.json["run_id"] for post in bot.posts].count(run_id) == 1

    def test_after_the_end_nothing_is_canceled(self, alice, bot):
        bot.default = says("done")
        session, got = ask(alice)
        answer = alice.post(f"/sessions/{session}/runs/{got['run_id']}/cancel")
        assert answer.status == 200 and answer.json == got
        alice.append(session, None, type="run.cancel", payload={"run_id": got["run_id"]})
        assert run(alice, session, got["run_id"]) == got
        assert told(alice, session, got["run_id"]) == DONE

    def test_a_reader_that_leaves_stops_nothing(self, server, alice, bot):
        bot.replies = [Reply(delay=1, body=b"said", status=200)]
        session = alice.session()["session_id"]
        stream = Stream(server.port, f"/api/sessions/{session}/sse", alice.headers).until_open()
        run_id = started(alice, session, alice.append(session, "a")["message_id"])
        bot.until_posts(1)
        stream.close()
        assert until_final(alice, session, run_id)["status"] == "DONE"
        assert told(alice, session, run_id) == DONE and not bot.left

    def test_a_waiter_that_leaves_stops_nothing(self, server, alice, bot):
        bot.replies = [Reply(delay=1, body=b"said", status=200)]
        session = alice.session()["session_id"]
        trigger = alice.append(session, "a")["message_id"]
        body = json.dumps({"trigger_message_id": trigger})
        head = "".join(f"{name}: {value}\r\n" for name, value in alice.headers.items())
        with socket.create_connection(("127.0.0.1", server.port)) as waiter:
            waiter.sendall(f"POST /api/sessions/{session}/runs?wait=60 HTTP/1.1\r\nHost: x\r\n"
                           f"{head}Content-Type: application/json\r\n"
                           f"Content-Length: {len(body)}\r\n\r\n{body}".encode())
            bot.until_posts(1)
        got = start(alice, session, trigger, "?wait=60").json
        assert got["status"] == "DONE" and not bot.left and len(bot.posts) == 1

    def test_a_wait_that_is_too_short(self, alice, bot):
        session = alice.session()["session_id"]
        trigger = alice.append(session, "a")["message_id"]
        waited = threading.Event()
        bot.default = lambda post: (waited.wait(60), Reply(body=b"late"))[1]
        answer = start(alice, session, trigger, "?wait=0.2")
        waited.set()
        assert answer.status == 408, answer
        run_id = answer.json["details"]["id"]
        assert until_final(alice, session, run_id)["status"] == "DONE"
