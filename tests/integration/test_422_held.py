"""Claims whose connections cannot be parked hold their threads, and are served all the same."""

import json
import socket
import subprocess

import pytest

from llmq_env import tls
from llmq_env.conf import load
from llmq_env.wait import until
from test_420_park import EMPTY, QUIET, claim_request, ends, until_end


def workers(api):
    return {worker["id"] for worker in api.get("/stats/system").json["workers"]}


class Held:
    """A server on which nothing can be parked; a claim through .claim() holds its thread."""

    @pytest.mark.mpm
    def test_work_wakes_it(self, server, api):
        with self.claim(server, worker="held", wait=60) as claim:
            message = api.send("for a worker")
            status, body = claim()
        assert status == 200
        assert [t["id"] for t in json.loads(body)["tasks"]] == [message["id"]]
        assert not ends(server)  # nothing was parked

    @pytest.mark.mpm
    def test_its_time_is_over(self, server):
        with self.claim(server, worker="held", wait=1) as claim:
            assert claim() == (200, EMPTY)

    @pytest.mark.mpm
    def test_graceful_restart_is_not_held_up(self, server, api):
        with self.claim(server, worker="turned", wait=60) as claim:
            until(lambda: "turned" in workers(api), "the claim to arrive")
            api.close()
            old = set(server.workers())
            server.graceful()
            assert claim() == (200, EMPTY)
            until(lambda: not old & set(server.workers()), "the old children's end")

    @pytest.mark.mpm
    def test_more_than_may_be_held_are_refused(self, server, api):
        with self.claim(server, worker="one", wait=60) as one, \
                self.claim(server, worker="two", wait=60) as two, \
                self.claim(server, worker="three", wait=60) as three:
            calls = [one, two, three]
            refused = until(lambda: [c for c in calls if c.process.poll() is not None], "a refusal")
            assert len(refused) == 1 and refused[0]()[0] == 503
            calls.remove(refused[0])
            for _ in calls:
                api.send("work")
            assert [call()[0] for call in calls] == [200, 200]


class Call:
    """curl under way: call() is the status and the body of its answer."""

    def __init__(self, url, options, wait, worker):
        body = json.dumps({"kinds": ["message"], "wait": wait})
        self.process = subprocess.Popen(
            ["curl", "-sS", "-m", "300", "-o", "-", "-w", "%{http_code}", *options, "-d", body,
             "-H", "Content-Type: application/json", f"{url}/api/v1/workers/{worker}/claim"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def __call__(self):
        out, err = self.process.communicate(timeout=310)
        assert self.process.returncode == 0, err
        return int(out[-3:]), out[:-3]

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.process.kill()
        self.process.wait()


class TestFilters(Held):
    """A filter that wants to see the body keeps the thread."""

    CONF = QUIET + "LLMQMaxHeld 2\n" + load("ratelimit") + \
        "<Location /api>\nSetOutputFilter RATE_LIMIT\n</Location>\n"

    def claim(self, server, **more):
        return Call(f"http://127.0.0.1:{server.port}", [], **more)

    @pytest.mark.mpm
    def test_whose_answer_is_on_its_way_has_no_place(self, server, api):
        """So a worker that has read it may claim again at once."""
        with socket.socket() as slow:
            slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            slow.connect(("127.0.0.1", server.port))
            slow.sendall(claim_request(worker="slow", limit=100))
            until(lambda: "slow" in workers(api), "the claim to arrive")
            # All at once, so that they are one answer: more than the kernel takes for it.
            api.post("/admin/queues/normal/pause")
            for i in range(99):
                api.send("x" * 65000, user_id=f"u{i}")
            api.post("/admin/queues/normal/resume")
            slow.settimeout(120)
            assert slow.recv(12) == b"HTTP/1.1 200"  # and no more
            self.test_more_than_may_be_held_are_refused(server, api)


class TestHTTP2OverTLS(Held):
    """One connection of TLS has many requests of HTTP/2, and none of them can have it."""

    EXPECT = (*tls.EXPECT, "AH10034")

    @pytest.fixture(scope="class")
    def server(self, new_server, workspace, store):
        port, host = tls.host(workspace, "Protocols h2 http/1.1\n")
        made = new_server(store, QUIET + load("http2") + "LLMQMaxHeld 2\n" + host)
        made.tls_port = port
        made.start()
        return made

    @pytest.fixture(autouse=True)
    def not_under_prefork(self, mpm):
        if mpm == "prefork":
            pytest.skip("there is no HTTP/2 under prefork")

    def claim(self, server, **more):
        return Call(f"https://127.0.0.1:{server.tls_port}", ["-k", "--http2"], **more)

    @pytest.mark.mpm
    def test_http_1_1_beside_it_is_parked(self, server):
        with Call(f"https://127.0.0.1:{server.tls_port}", ["-k", "--http1.1"], wait=1,
                  worker="plain") as claim:
            assert claim() == (200, EMPTY)
        until_end(server, "plain", 0, "answered")


class TestHTTP2(Held):
    CONF = QUIET + "LLMQMaxHeld 2\n" + load("http2") + "Protocols h2c http/1.1\n"
    EXPECT = ("AH10034",)  # what mod_http2 says under prefork

    @pytest.fixture(autouse=True)
    def not_under_prefork(self, mpm):
        if mpm == "prefork":
            pytest.skip("there is no HTTP/2 under prefork")

    def claim(self, server, **more):
        return Call(f"http://127.0.0.1:{server.port}", ["--http2-prior-knowledge"], **more)
