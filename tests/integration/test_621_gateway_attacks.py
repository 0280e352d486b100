"""Clients of the gateway that mean it ill, and processes that die under it: nobody else notices,
nothing is left behind."""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import re
import signal
import socket
import threading

import pytest

from llmq_env import openai
from llmq_env.badllm import (STREAM, answer, backend, chunk, events, fall_silent, go_on_for_ever,
                             say)
from llmq_env.conf import fake
from llmq_env.fakellm import Plan
from llmq_env.openai import Gateway, chat, text_of
from llmq_env.postgres import Postgres
from llmq_env.wait import ended, kill_process, until

COMPLETED, FAILED, CANCELED = 2, 3, 5
OPEN = openai.at(open="LLMQMaxRetries 0", slow="LLMQGatewayLinger Off\nLLMQMaxRetries 0")
STATUSES = "SELECT status, count(*) FROM llmq_jobs GROUP BY status"
BLOCK = events(*[chunk("x" * 200)] * 50)


def request(path="/slow", **more):
    body = json.dumps(chat(**more)).encode()
    return (f"POST {path}/chat/completions HTTP/1.1\r\nHost: x\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            ).encode() + body


def connect(server, buffer=None):
    s = socket.socket()
    if buffer:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    s.settimeout(120)
    s.connect(("127.0.0.1", server.port))
    return s


def all_of(sock):
    got = b""
    with contextlib.suppress(ConnectionError):
        while block := sock.recv(65536):
            got += block
    return got


def memory_of(pids):
    """kB."""
    total = 0
    for pid in pids:
        with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as text:
            total += int(re.search(r"^Pss: +(\d+)", text.read(), re.M)[1])
    return total


def all_are(server, *statuses):
    return lambda: {row[0] for row in server.query(STATUSES)} <= set(statuses)


def has_no_client(server):
    """Whether it has taken all who called, and let them go; TIME_WAIT and LISTEN are none."""
    text = pathlib.Path("/proc/net/tcp").read_text(encoding="ascii")
    states = [fields[3] for fields in map(str.split, text.splitlines()[1:])
              if fields[1].endswith(f":{server.port:04X}")]
    return not set(states) - {"06", "0A"}


SLOW = (backend("bad", "{bad}", "LLMQBackendConcurrency 100", "LLMQBackendTotalTimeout 300s")
        + fake() + "LLMQModel fake bad\nLLMQModel other fake\n"
        "LLMQQueueConcurrency normal 100\n" + OPEN)


class TestSlowReaders:
    CONF = SLOW

    def test_a_stream_that_is_faster_than_its_reader(self, server, gateway, badllm):
        """The backend waits, nothing is lost."""
        n = 1000    # 15 MB
        badllm.default = say(STREAM, *[BLOCK] * n, events(chunk(finish="stop"), "[DONE]"))
        got = gateway.chat(stream=True)
        assert len(text_of(got)) == n * 50 * 200 and got.done


class TestDeafReaders:
    CONF = SLOW + "Timeout 4\n"

    def test_nobody_else_waits_and_memory_is_bounded(self, server, gateway, badllm):
        badllm.default = go_on_for_ever(STREAM, BLOCK)
        everybody = [*server.workers(), *server.dispatchers()]
        before = memory_of(everybody)
        deaf = [connect(server, 4096) for _ in range(20)]
        for s in deaf:
            s.sendall(request(stream=True))
        until(lambda: len(badllm.asked) == 20, "all calls")
        for _ in range(10):
            got = gateway.chat("one two", model="other", stream=True)
            assert text_of(got).split() == ["answer", "to", "one", "two"] and got.done
        if not os.environ.get("LLMQ_SAN"):
            assert memory_of(everybody) - before < 20 * 3000
        until(lambda: badllm.left == 20, "the calls of those who took nothing to end")
        until(lambda: server.query("SELECT count(*) FROM llmq_jobs WHERE status = 5") == [(20,)],
              "their ends")
        for s in deaf:
            s.close()


class TestCrowds:
    CONF = (backend("bad", "{bad}", "LLMQBackendConcurrency 20") + "LLMQModel fake bad\n"
            "LLMQQueueConcurrency normal 20\n" + OPEN)

    def test_who_leave_at_once(self, server, gateway, badllm):
        """Nobody is left in the queue or at the backend, and all places are free."""
        badllm.default = fall_silent()
        for i in range(400):
            with connect(server) as s:
                s.sendall(request(("/slow", "/open")[i % 2], stream=i % 3 == 0)[:None if i % 5
                                                                                else 200])
        until(lambda: has_no_client(server), "all to be heard")
        until(all_are(server, CANCELED), "all ends")
        badllm.default = say(answer())
        for _ in range(25):
            assert gateway.chat().status == 200

    def test_what_is_pipelined_behind_one_that_waits(self, server, badllm):
        """It is not begun: the connection ends with the answer, as its headers say."""
        with connect(server) as s:
            s.sendall(request() + request() + b"GET /open/models HTTP/1.1\r\nHost: x\r\n\r\n")
            got = all_of(s)
        assert got.count(b"HTTP/1.1 ") == 1 and b"\r\nConnection: close\r\n" in got, got
        assert len(badllm.asked) == 1

    def test_half_a_request(self, server, gateway, badllm):
        with connect(server) as s:
            s.sendall(request()[:-5])
            s.shutdown(socket.SHUT_WR)
            assert all_of(s)[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 408", b""), "no 2xx"
        assert not badllm.asked and gateway.chat().status == 200

    def test_smuggling(self, server, gateway, badllm):
        """What httpd and we take for the body is the same, or it is refused."""
        body = json.dumps(chat()).encode()
        inner = b"GET /open/models HTTP/1.1\r\nHost: x\r\n\r\n"
        for framing in (b"Content-Length: 5\r\nContent-Length: %d" % len(body),
                        b"Content-Length: +%d" % len(body), b"Content-Length: -1",
                        b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding: xchunked",
                        b"Content-Length: %d\r\nTransfer-Encoding: gzip" % len(body)):
            got = server.raw(b"POST /open/chat/completions HTTP/1.1\r\nHost: x\r\n"
                             b"Content-Type: application/json\r\n" + framing + b"\r\n\r\n"
                             + body + inner)
            assert got.startswith((b"HTTP/1.1 400", b"HTTP/1.1 501", b"HTTP/1.1 413")), got
            assert got.count(b"HTTP/1.1 ") == 1 and b'{"error":{"message":' in got, got
        assert not badllm.asked and gateway.chat().status == 200

    @pytest.mark.parametrize("body", [b'{"model":"fake","messages":' + b"[" * 50000,
                                      b'{"model":"fake","x":' + b'{"a":' * 100 + b"1" + b"}" * 101,
                                      b'{"model":"' + b"m" * 1000000 + b'"}',
                                      b'{"model":"fake","messages":[{"role":"user","content":"'
                                      b"\xed\xa0\x80\"}]}", b"\0" * 1000, b"[" * 1000000],
                             ids=["deep", "deep_and_whole", "long_name", "surrogate", "zeros",
                                  "million"])
    def test_bodies(self, gateway, badllm, body):
        got = gateway.post("/chat/completions", body)
        heavy = body == b"[" * 1000000  # refused before it is read (LLMQMaxTree)
        assert (got.status, got.error["type"]) == (413 if heavy else 400,
                                                   "invalid_request_error"), got.status
        assert len(got.body) < 1000 and not badllm.asked

    def test_a_large_body_arrives_whole(self, gateway, badllm):
        messages = [{"role": "user", "content": "x" * 100} for _ in range(20000)]
        got = gateway.post("/chat/completions", {"model": "fake", "messages": messages})
        assert got.status == 200 and badllm.asked[0].body["messages"] == messages

    def test_headers(self, gateway, badllm, server):
        """Neither a request's id nor its level can be anything that breaks a line."""
        got = gateway.chat(headers={"X-Request-Id": "mine\t%0d%0aX-Evil: 1",
                                    "X-LLMQ-Priority": "low"})
        assert got.status == 200 and "x-evil" not in got.headers
        assert badllm.asked[0].headers["x-request-id"] == got.headers["x-request-id"]


class TestDeaths:
    CONF = (fake("LLMQBackendConcurrency 300") + OPEN + "LLMQQueueConcurrency normal 300\n"
            "LLMQMaxParked 1000\nGracefulShutdownTimeout 4\n")
    EXPECT = ("LLMQ0807", "LLMQ0702", "LLMQ0710", "LLMQ0711", "AH00052", "AH00045", "AH00046")

    def streams(self, server, llm, n):
        """So many streams that have had a piece."""
        llm.default = Plan(pieces=["a", "b"], stall=1)
        waiting = [connect(server) for _ in range(n)]
        for s in waiting:
            s.sendall(request(stream=True))
        for s in waiting:
            got = b""
            while b'"a"' not in got:
                block = s.recv(65536)
                assert block, got
                got += block
        return waiting

    def test_a_child_within_answers(self, server, llm):
        """Its clients see that they have not got all; the rest goes on."""
        waiting = self.streams(server, llm, 20)
        for pid in server.workers():
            kill_process(pid)
        for s in waiting:
            assert not all_of(s).endswith(b"0\r\n\r\n")
            s.close()
        until(all_are(server, CANCELED), "their ends")
        llm.default = Plan()

        def is_back():
            with contextlib.closing(Gateway(server.port)) as other, \
                    contextlib.suppress(OSError):
                return other.chat().status == 200
            return False
        until(is_back, "a new child")

    def test_the_relays_socket_is_removed(self, server, llm, gateway):
        """By somebody who cleans up: the operator is told, and a graceful restart makes it
        again."""
        server.log.expect("LLMQ0641")
        path, = (server.dir / "run").glob("llmq-relay.*")
        path.unlink()
        died = server.kill_dispatcher()
        server.until_dispatcher(other_than=died)
        assert gateway.chat().error["code"] == "scheduler_unavailable"
        assert server.log.count("LLMQ0641")
        server.graceful()
        until(lambda: gateway.chat().status == 200, "it to work again")
        assert path.exists()

    @pytest.mark.parametrize("how", ["stop", "graceful-stop"])
    def test_a_stop_under_streams(self, server, llm, how):
        """All are told, and nothing hangs."""
        waiting = self.streams(server, llm, 200)
        parent = server.parent_pid
        ends = []

        def hear(s):
            ends.append(all_of(s))
        readers = [threading.Thread(target=hear, args=(s,)) for s in waiting]
        for reader in readers:
            reader.start()
        if how == "stop":
            server.script("stop")
        else:
            server.kill_parent(signal.SIGWINCH)
            until(lambda: ended(parent), "the end of the server")
        for reader in readers:
            reader.join(60)
        assert len(ends) == 200
        assert all(b'"error"' in end and end.endswith(b"0\r\n\r\n") for end in ends), \
            [end for end in ends if b'"error"' not in end][:2]
        server.start()
        until(all_are(server, COMPLETED, FAILED, CANCELED), "the rows' ends")


class TestDatabaseRestarts:
    EXPECT = ("LLMQ0403", "LLMQ0404", "LLMQ0406", "LLMQ0407", "LLMQ0409", "LLMQ0706", "LLMQ0803",
              "AH00632", "AH00629", "AH00633", "AH00636", "AH00639", "AH02655")
    CONF = (fake("LLMQBackendConcurrency 50") + openai.at(open="")
            + "LLMQQueueConcurrency normal 50\n")
    AWAY = (503, "store_unavailable")

    @pytest.fixture(scope="class")
    def postgres(self, workspace):
        own = Postgres(workspace / "pg-attacks").start()
        yield own
        own.stop()

    @pytest.fixture(scope="class")
    def server(self, new_server, postgres, llm):
        made = new_server("pgsql", self.CONF.replace("{llm}", llm.url),
                          dsn=postgres.new_database())
        made.start()
        return made

    def outcome(self, gateway, content, stream):
        got = gateway.chat(content, stream=stream)
        if isinstance(got, openai.Stream):
            events = list(got)
            if events and "error" in events[-1]:
                return "stream", events[-1]["error"]["code"]
            assert text_of(events).strip() == f"answer to {content}" and got.done
            return 200, None
        return got.status, None if got.status == 200 else got.error["code"]

    def test_under_load(self, server, postgres, gateway):
        """Whoever is answered is answered rightly, others hear of it at once; no row is left."""
        over = threading.Event()
        seen = []

        def ask(number):
            with contextlib.closing(Gateway(server.port)) as mine:
                while not over.is_set():
                    seen.append(self.outcome(mine, f"w{number}", number % 2 == 0))
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            callers = [pool.submit(ask, i) for i in range(8)]
            try:
                until(lambda: len(seen) > 40, "the load")
                postgres.stop(signal.SIGQUIT)
                until(lambda: self.AWAY in seen, "somebody to hear of it")
                postgres.start()
                until(lambda: seen[-8:].count((200, None)) == 8, "it to heal")
            finally:
                over.set()
        for caller in callers:
            caller.result()
        assert set(seen) == {(200, None), self.AWAY}, set(seen)
        # One may have been stored though nobody heard so: whoever begins looks through all.
        server.graceful()
        until(all_are(server, COMPLETED, CANCELED), "the rows' ends")
