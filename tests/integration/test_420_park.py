"""Parked responses: a claim that waits holds no thread, whatever the MPM, and its connection
behaves as one of httpd's."""

import json
import re
import socket

import pytest

from llmq_env.conf import load
from llmq_env.errorlog import KILLED
from llmq_env.wait import kill_process, until

# Messages stay for whoever claims them, all of them in one level.
QUIET = ("LLMQDispatcher Off\nLLMQQueueConcurrency normal 1000\nLLMQLongContent 0\n"
         "LogLevel llmq:info\n")
EMPTY = b'{"tasks":[]}\n'


def claim_request(wait=60, worker="w", version="1.1", more="Connection: close\r\n", **body):
    """Closing, so that what is answered at once ends with the connection, too."""
    data = json.dumps({"kinds": ["message"], "wait": wait, **body}).encode()
    return (f"POST /api/v1/workers/{worker}/claim HTTP/{version}\r\nHost: x\r\n{more}"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n").encode() \
        + data


class Caller:
    """A connection on which a claim has been sent."""

    def __init__(self, server, port=None, before=b"", after=b"", **more):
        self.socket = socket.create_connection(("127.0.0.1", port or server.port), 180)
        self.socket.sendall(before + claim_request(**more) + after)
        self.got = b""

    def read(self):
        while block := self.socket.recv(65536):
            self.got += block
        self.socket.close()
        return self.got

    def until_parked(self):
        """The headers have come."""
        while b"\r\n\r\n" not in self.got:
            block = self.socket.recv(65536)
            assert block, self.got
            self.got += block
        return self

    def close(self):
        self.socket.close()


def body_of(answer):
    """The body of the last response of a connection, its framing taken off."""
    head, body = answer[answer.rindex(b"HTTP/1."):].split(b"\r\n\r\n", 1)
    if b"transfer-encoding: chunked" not in head.lower():
        return body
    whole = b""
    while True:
        size, body = body.split(b"\r\n", 1)
        size = int(size, 16)
        if size == 0:
            assert body == b"\r\n", body
            return whole
        whole += body[:size]
        assert body[size:size + 2] == b"\r\n"
        body = body[size + 2:]


def tasks_of(answer):
    return json.loads(body_of(answer))["tasks"]


def ends(server):
    """How parked claims ended so far: (worker, given, how)."""
    return re.findall(r"LLMQ0271: worker\[(.*?)\] waited \d+ ms: (\d+) given, (.*)",
                      server.log.text())


def until_end(server, worker, given, how):
    return until(lambda: (worker, str(given), how) in ends(server), f"the end of {worker}")


class TestConnection:
    CONF = QUIET + load("headers", "filter", "deflate", "reqtimeout") + """
        Header set X-Always yes
        AddOutputFilterByType DEFLATE application/json
        CustomLog logs/park.log "%>s %b %X %U"
    """

    @pytest.mark.mpm
    def test_headers_come_at_once_and_the_body_with_the_work(self, server, api):
        caller = Caller(server, worker="a", more="").until_parked()
        head = caller.got.lower()
        assert head.startswith(b"http/1.1 200 ok\r\n")
        assert b"\r\ntransfer-encoding: chunked\r\n" in head
        assert b"\r\nconnection: close\r\n" in head
        assert b"\r\ncontent-type: application/json\r\n" in head
        assert b"\r\ncache-control: no-store\r\n" in head
        assert b"\r\nx-always: yes\r\n" in head
        assert caller.got.endswith(b"\r\n\r\n")
        message = api.send("for a worker")
        assert [t["id"] for t in tasks_of(caller.read())] == [message["id"]]
        until_end(server, "a", 1, "answered")

    @pytest.mark.mpm
    def test_time_over_is_an_empty_list(self, server):
        assert body_of(Caller(server, wait=1, worker="b").read()) == EMPTY
        until_end(server, "b", 0, "answered")

    @pytest.mark.mpm
    def test_http_1_0_ends_with_the_connection(self, server):
        answer = Caller(server, wait=1, version="1.0").read()
        assert b"chunked" not in answer and answer.endswith(b"\r\n\r\n" + EMPTY)

    @pytest.mark.mpm
    def test_keep_alive_is_used_before_and_over_afterwards(self, server):
        health = b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\n\r\n"
        answer = Caller(server, wait=1, before=health * 2, after=health * 3, more="").read()
        assert answer.count(b"HTTP/1.1 ") == 3
        assert body_of(answer) == EMPTY

    def test_compression_steps_aside(self, server):
        answer = Caller(server, wait=1, more="Accept-Encoding: gzip\r\n").read()
        assert b"content-encoding" not in answer.lower() and body_of(answer) == EMPTY

    def test_body_of_many_pieces_arrives_whole(self, server, api):
        sent = {api.send("x" * 60000, user_id=f"u{i}")["id"] for i in range(30)}
        got = tasks_of(Caller(server, limit=100).read())
        assert {t["id"] for t in got} == sent
        more = {api.send("y" * 60000)["id"]}
        assert {t["id"] for t in tasks_of(Caller(server, limit=100).read())} == more

    @pytest.mark.mpm
    def test_access_log_is_written_when_it_is_parked(self, server):
        caller = Caller(server, worker="logged").until_parked()
        log = server.dir / "logs" / "park.log"
        until(lambda: "200 - - /api/v1/workers/logged/claim" in log.read_text(), "its line")
        caller.close()

    @pytest.mark.mpm
    def test_client_that_leaves_is_forgotten_and_gets_nothing(self, server, api):
        Caller(server, worker="leaver").until_parked().close()
        until_end(server, "leaver", 0, "the client left")
        message = api.send("for the next")
        assert [t["id"] for t in tasks_of(Caller(server).read())] == [message["id"]]

    @pytest.mark.mpm
    def test_with_an_idempotency_key_the_thread_is_held_and_the_answer_kept(self, server, api):
        key = {"Idempotency-Key": f"claim-{server.mpm}"}
        body = {"kinds": ["message"], "wait": 1}
        first = api.post("/workers/kept/claim", body, headers=key)
        assert "content-length" in first.headers and first.json == {"tasks": []}
        api.send("too late for this key")
        again = api.post("/workers/kept/claim", body, headers=key)
        assert again.headers["idempotent-replayed"] == "true" and again.json == first.json
        assert tasks_of(Caller(server).read())


class TestLimits:
    CONF = QUIET + "StartServers 1\nLLMQMaxParked 3\n"

    @pytest.fixture(scope="class")
    def server(self, new_server, store):
        made = new_server(store, self.CONF + """
            ServerLimit 1
            ThreadsPerChild 8
            MaxRequestWorkers 8
        """, mpm="event")
        made.shape_file.write_text("")
        made.start()
        return made

    def test_more_than_may_be_parked_are_refused(self, server, api):
        waiting = [Caller(server, worker=f"p{i}").until_parked() for i in range(3)]
        answer = api.post("/workers/p4/claim", {"kinds": ["message"], "wait": 5})
        answer.denies(503, "SERVICE_UNAVAILABLE", "wait")
        assert int(answer.headers["retry-after"]) >= 1
        assert api.post("/workers/p4/claim", {"kinds": ["message"]}).json == {"tasks": []}
        waiting[0].close()
        body = {"kinds": ["message"], "wait": 1}
        until(lambda: api.post("/workers/p4/claim", body).status == 200, "a place")
        for _ in range(2):
            api.send("work")
        assert all(len(tasks_of(caller.read())) == 1 for caller in waiting[1:])


class TestBadDirectives:
    @pytest.mark.parametrize("conf", [
        "LLMQMaxParked 0", "LLMQMaxParked 100001", "LLMQMaxParked many",
        "<Location /x>\nLLMQMaxParked 5\n</Location>",
        "LLMQParkBuffer 0", "LLMQParkBuffer 2147483648", "LLMQParkBuffer 1k",
        "<Location /x>\nLLMQParkBuffer 5\n</Location>",
    ])
    def test_they_are_refused(self, idle, conf):
        idle.refusal(conf)


class TestSlowReaders:
    """One child, so that all of them share a thread."""

    @pytest.fixture(scope="class")
    def server(self, new_server, store):
        made = new_server(store, QUIET + """
            ServerLimit 1
            StartServers 1
            ThreadsPerChild 8
            MaxRequestWorkers 8
            Timeout 10
            LLMQParkBuffer 100000
        """, mpm="event")
        made.shape_file.write_text("")
        made.start()
        return made

    def test_client_that_does_not_read_is_cut_and_its_work_goes_back(self, server, api):
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", server.port))
        slow.sendall(claim_request(worker="slow", limit=100))
        head = b""
        while b"\r\n\r\n" not in head:
            block = slow.recv(4096)
            assert block, head
            head += block
        # All at once, so that they are one answer: more than the kernel takes for it.
        api.post("/admin/queues/normal/pause")
        sent = {api.send("x" * 65000, user_id=f"u{i}")["id"] for i in range(99)}
        api.post("/admin/queues/normal/resume")
        until(lambda: api.queues()["total_processing"], "what the slow one is given")
        # Meanwhile too much waits to be read: nothing is claimed, but others are answered.
        assert body_of(Caller(server, worker="other", wait=1).read()) == EMPTY
        until(lambda: [e for e in ends(server) if e[0] == "slow"], "the cut")
        worker, given, how = [e for e in ends(server) if e[0] == "slow"][0]
        assert how == "the client left" and int(given) > 0
        got = set()
        while got != sent:
            tasks = tasks_of(Caller(server, worker="quick", limit=20).read())
            assert tasks, f"{len(got)} of {len(sent)}"
            assert {t["deliveries"] for t in tasks} == {1}  # what was not delivered does not count
            got |= {t["id"] for t in tasks}
        slow.close()


class TestEnds:
    CONF = QUIET

    @pytest.mark.mpm
    def test_graceful_restart_answers_all(self, server, api):
        waiting = [Caller(server, worker=f"g{i}", wait=60).until_parked() for i in range(20)]
        old = set(server.workers())
        server.graceful()
        assert {body_of(caller.read()) for caller in waiting} == {EMPTY}
        until(lambda: not old & set(server.workers()), "the old children's end")
        message = api.send("after it")
        assert [t["id"] for t in tasks_of(Caller(server).read())] == [message["id"]]

    @pytest.mark.mpm
    def test_stop_answers_all(self, server, api):
        waiting = [Caller(server, worker=f"s{i}", wait=60).until_parked() for i in range(20)]
        api.close()
        server.stop()
        answers = [caller.read() for caller in waiting]
        assert {body_of(answer) for answer in answers} == {EMPTY}
        assert "AH00046" not in server.log.text()  # nobody had to be killed
        server.start()

    @pytest.mark.mpm
    def test_killed_child_takes_only_its_own(self, server, api):
        server.log.expect("AH00051", *KILLED)
        waiting = [Caller(server, worker=f"k{i}", wait=60).until_parked() for i in range(20)]
        for pid in server.workers():
            kill_process(pid)
        broken = [caller.read() for caller in waiting]
        assert all(answer.endswith(b"\r\n\r\n") for answer in broken)  # no body
        fresh = server.new_api()
        until(lambda: fresh.get("/health").status == 200, "new children")
        message = fresh.send("for whoever asks again")
        assert [t["id"] for t in tasks_of(Caller(server).read())] == [message["id"]]
