"""How the gateway answers: at once, parked or held, whole or in pieces, whatever becomes of the
call. The dispatcher is the tests' own (llmq_env/relay.py), so that each step is theirs."""

import contextlib
import re
import select
import socket

import pytest

from llmq_env import openai
from llmq_env.conf import fake, load
from llmq_env.httpd import BUSY
from llmq_env.openai import COMPLETION, Gateway, chat, text_of
from llmq_env.wait import until

BASE = fake() + """
LLMQDispatcher Off
LogLevel llmq:info
Header always set X-Always 1
Header onsuccess set X-Good 1
""" + load("headers")
QUICK = openai.at(open="LLMQGatewayLinger 10s", slow="LLMQGatewayLinger Off",
                  brief="LLMQMaxWait 1s\nLLMQGatewayLinger Off\nLLMQGatewayKeepAlive Off\n"
                        "LLMQRetryAfter 7s",
                  late="LLMQGatewayKeepAlive 1s\nLLMQMaxWait 5s",
                  lively="LLMQGatewayKeepAlive 1s\nLLMQMaxWait 5min")
TROUBLE = {"error": {"message": "as planned", "type": "test", "param": None, "code": "x"}}


def check_time(answer):
    assert re.fullmatch(r"\d+", answer.headers["openai-processing-ms"]), answer


def answered(gateways):
    """Those at which an answer has begun to come."""
    by_socket = {gateway.sock: gateway for gateway in gateways}
    return [by_socket[sock] for sock in select.select(list(by_socket), [], [], 0)[0]]


class Answers:
    """What holds whichever way the answer takes."""

    def test_whole(self, slow, relay):
        slow.begin()
        job = relay.job()
        job.begin()
        job.end(COMPLETION, headers=b"x-upstream: 7\r\n")
        got = slow.receive()
        assert (got.status, got.json) == (200, COMPLETION), got
        assert got.headers["x-request-id"] == job.name
        assert got.headers["x-upstream"] == "7"
        assert (got.headers["x-always"], got.headers["x-good"]) == ("1", "1"), got
        check_time(got)

    def test_in_pieces(self, slow, relay):
        slow.begin(stream=True)
        job = relay.job()
        job.begin()
        job.piece("one ")
        got = slow.receive()
        events = iter(got)
        first = next(events)
        assert text_of([first]) == "one "
        job.piece("two")
        job.piece(b'{"a":\n1}')     # a line break in JSON is a blank
        job.end()
        rest = list(events)
        assert text_of(rest[:1]) == "two" and rest[1] == {"a": 1}
        assert got.done and got.headers["x-request-id"] == job.name
        assert (got.headers["x-always"], got.headers["x-good"]) == ("1", "1")
        check_time(got)

    def test_many_pieces(self, slow, relay):
        slow.begin(stream=True)
        job = relay.job()
        for i in range(2000):
            job.piece(f"{i} ")
        job.end()
        got = slow.receive()
        assert text_of(got).split() == [str(i) for i in range(2000)] and got.done

    def test_a_stream_without_pieces(self, slow, relay):
        slow.begin(stream=True)
        relay.job().end()
        got = slow.receive()
        assert list(got) == [] and got.done

    def test_other_calls(self, slow, relay):
        for path, body in (("/completions", {"prompt": "x"}), ("/embeddings", {"input": ["x"]})):
            slow.send("POST", path, {"model": "fake", **body})
            relay.job().end(COMPLETION)
            assert slow.receive().json == COMPLETION

    def test_a_large_answer(self, slow, relay):
        slow.begin()
        answer = {**COMPLETION, "big": "x" * 3_000_000}
        relay.job().end(answer)
        got = slow.receive()
        assert got.json == answer

    @pytest.mark.parametrize("stream", [False, True])
    def test_errors_keep_their_status(self, slow, relay, stream):
        slow.begin(stream=stream)
        job = relay.job()
        job.begin()
        job.end(TROUBLE, 429, b"Retry-After: 3\r\n")
        got = slow.receive()
        assert (got.status, got.json) == (429, TROUBLE), got
        assert got.headers["retry-after"] == "3" and got.headers["x-always"] == "1"
        check_time(got)

    def test_an_error_without_a_body(self, slow, relay):
        slow.begin()
        relay.job().end(b"", 502)
        got = slow.receive()
        assert (got.status, got.error["type"]) == (502, "server_error"), got

    def test_an_error_after_pieces(self, slow, relay):
        slow.begin(stream=True)
        job = relay.job()
        job.piece("one ")
        job.end(TROUBLE, 500)
        got = slow.receive()
        assert list(got)[1:] == [TROUBLE] and not got.done

    def test_the_dispatcher_gives_up(self, slow, relay):
        slow.begin()
        relay.job().lose()
        got = slow.receive()
        assert (got.status, got.error["code"]) == (503, "scheduler_unavailable"), got

    def test_who_leaves_ends_the_call(self, slow, relay):
        for stream in (False, True):
            slow.begin(stream=stream)
            job = relay.job()
            slow.hang_up()
            relay.until_canceled(job.name)

    def test_who_leaves_a_stream_ends_the_call(self, slow, relay):
        slow.begin(stream=True)
        job = relay.job()
        job.piece("one ")
        next(iter(slow.receive()))
        slow.hang_up()

        def is_canceled():
            if job.name not in relay.canceled:
                with contextlib.suppress(KeyError):
                    job.piece("more ")
            return job.name in relay.canceled

        until(is_canceled, "the end")

    def test_too_long_in_the_queue(self, server, relay):
        with contextlib.closing(Gateway(server.port, "/brief")) as brief:
            for stream in (False, True):
                brief.begin(stream=stream)
                job = relay.job()
                got = brief.receive()
                assert (got.status, got.error["code"]) == (503, "wait_timeout"), got
                assert got.headers["retry-after"] == "7", got
                relay.until_canceled(job.name)

    def test_not_too_long_at_work(self, server, relay):
        with contextlib.closing(Gateway(server.port, "/late")) as patient:
            patient.begin()
            job = relay.job()
            job.begin()
            other = Gateway(server.port, "/late")  # is late meanwhile
            assert other.chat().status == 503
            other.close()
            relay.job()
            job.end(COMPLETION)
            assert patient.receive().json == COMPLETION

    def test_signs_of_life(self, server, relay):
        with contextlib.closing(Gateway(server.port, "/lively")) as lively:
            lively.begin(stream=True)
            job = relay.job()
            got = lively.receive()
            assert re.fullmatch(r"queued, position \d+", got.comment())
            job.begin()
            until(lambda: got.comment() == "in progress", "a sign of life at work")
            job.piece("one")
            job.end()
            assert text_of(got) == "one" and got.done

    def test_late_after_signs_of_life(self, server, relay):
        with contextlib.closing(Gateway(server.port, "/late")) as late:
            late.begin(stream=True)
            job = relay.job()
            got = late.receive()
            last, = list(got)
            assert last["error"]["code"] == "wait_timeout" and not got.done
            assert got.comments
            relay.until_canceled(job.name)


class TestParked(Answers):
    CONF = BASE + QUICK
    EXPECT = BUSY

    def test_at_once(self, gateway, relay):
        """The connection stays open, which is what lingering is for."""
        for new in (True, False, False):
            gateway.send("POST", "/chat/completions", chat(), new=new)
            job = relay.job()
            job.begin()
            job.end(COMPLETION)
            got = gateway.receive()
            assert got.json == COMPLETION
            assert got.headers.get("connection") != "close", got
            check_time(got)

    def test_closes_when_parked(self, slow, relay):
        slow.begin()
        relay.job().end(COMPLETION)
        assert slow.receive().headers["connection"] == "close"

    def test_http_1_0(self, server, relay):
        body = b'{"model":"fake","stream":true,"messages":[{"role":"user","content":"x"}]}'
        with socket.create_connection(("127.0.0.1", server.port), 120) as s:
            s.sendall(b"POST /slow/chat/completions HTTP/1.0\r\nContent-Type: application/json\r\n"
                      b"Content-Length: %d\r\n\r\n" % len(body) + body)
            job = relay.job()
            job.piece(b'{"a":1}')
            job.end()
            got = b""
            while block := s.recv(65536):
                got += block
        head, body = got.split(b"\r\n\r\n", 1)
        assert body == b'data: {"a":1}\n\ndata: [DONE]\n\n' and b"chunked" not in head, got

    def test_what_follows_on_the_connection(self, slow, relay):
        """Requests before it were answered as usual."""
        assert slow.get("/models").status == 200
        slow.send("POST", "/chat/completions", chat(), new=False)
        relay.job().end(COMPLETION)
        assert slow.receive().json == COMPLETION

    def test_the_dispatcher_is_replaced(self, slow, relay, server):
        """Whoever has had nothing yet does not notice; who has, is told."""
        other = Gateway(server.port, "/slow")
        slow.begin()
        job = relay.job()
        job.begin()
        other.begin(stream=True)
        streamed = relay.job()
        streamed.piece("one")
        got = other.receive()
        events = iter(got)
        next(events)
        relay.replace()
        last, = list(events)
        assert last["error"]["code"] == "scheduler_unavailable" and not got.done
        again = relay.job()
        assert again.name == job.name
        again.begin()
        again.end(COMPLETION)
        assert slow.receive().json == COMPLETION
        other.close()

    def test_many_wait_without_threads(self, server, relay):
        """More than there are threads; and the server has time for others."""
        n = 600
        body = b'{"model":"fake","messages":[{"role":"user","content":"x"}]}'
        request = (b"POST /slow/chat/completions HTTP/1.1\r\nHost: x\r\n"
                   b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n"
                   % len(body) + body)
        waiting = []
        for _ in range(n):
            s = socket.create_connection(("127.0.0.1", server.port), 120)
            s.sendall(request)
            waiting.append(s)
        jobs = [relay.job() for _ in range(n)]
        with contextlib.closing(Gateway(server.port)) as other:
            assert other.get("/models").status == 200
        for job in jobs:
            job.end(COMPLETION)
        for s in waiting:
            assert s.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")
            s.close()


class TestHeld(Answers):
    """A filter wants to see the body."""
    CONF = BASE + load("ratelimit") + QUICK + \
        "<Location />\nSetOutputFilter RATE_LIMIT\n</Location>\n"


class TestFull:
    CONF = BASE + "LLMQMaxParked 2\nLLMQMaxHeld 1\n" + QUICK

    def test_no_place_is_left(self, server, relay):
        """Each child has two places without a thread, the server one with."""
        gateways = [Gateway(server.port, "/slow") for _ in range(40)]
        for gateway in gateways:
            gateway.begin()
        until(lambda: relay.jobs.qsize() + len(answered(gateways)) == len(gateways),
              "each to have a place or an answer")
        refused = answered(gateways)
        assert refused and relay.jobs.qsize() >= 3
        for gateway in refused:
            got = gateway.receive()
            assert (got.status, got.error["code"]) == (503, "queue_unavailable"), got
        for gateway in gateways:
            gateway.close()


class TestHeldFull:
    """One place for those that hold their threads, and an answer that is long on its way."""

    CONF = BASE + load("ratelimit") + load("env") + "LLMQMaxHeld 1\n" + QUICK + \
        "<Location />\nSetOutputFilter RATE_LIMIT\nSetEnv rate-limit 1\n</Location>\n"

    def test_whose_answer_is_on_its_way_has_no_place(self, server, relay):
        """So a client that has read its answer may ask again at once."""
        with contextlib.closing(Gateway(server.port, "/slow")) as first, \
                contextlib.closing(Gateway(server.port, "/slow")) as second:
            first.begin()
            relay.job().end({**COMPLETION, "padding": "x" * 300000})
            until(lambda: answered([first]), "an answer's beginning")
            second.begin()
            relay.job().end(COMPLETION)
            until(lambda: answered([second]), "the other's")


class TestRestart:
    CONF = BASE + QUICK

    def test_who_waits_is_answered_by_the_old_child(self, server, relay, slow):
        slow.begin()
        job = relay.job()
        job.begin()
        server.graceful()
        job.end(COMPLETION)
        assert slow.receive().json == COMPLETION

    def test_a_stop_tells_who_waits(self, server, relay):
        with contextlib.closing(Gateway(server.port, "/lively")) as lively:
            lively.begin(stream=True)
            job = relay.job()
            got = lively.receive()
            got.comment()       # now it is parked
            server.script("stop")
            *_, last = got
            assert last["error"]["code"] == "queue_unavailable" and not got.done
        relay.until_canceled(job.name)

    def test_sockets_come_and_go_with_their_servers(self, server):
        """What a killed server has left is removed by the next one."""
        folder = server.dir / "run"

        def sockets():
            return list(folder.glob("llmq-relay.*"))

        server.script("stop")
        for left in sockets():
            left.unlink()       # of the tests' own dispatcher
        stale = folder / "llmq-relay.4194305"
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as s:
            s.bind(str(stale))
        server.start()
        mine, = sockets()
        assert mine.name == f"llmq-relay.{server.parent_pid}"
        assert mine.stat().st_mode & 0o777 == 0o600
        assert mine.owner() == "www-data"
        server.graceful()
        assert sockets() == [mine]
        server.script("stop")
        assert sockets() == []
