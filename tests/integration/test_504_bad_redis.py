"""A Redis that is silent, hangs up or is frozen: nobody but the link to other nodes minds."""

import os
import signal
import threading
import time

import pytest

from llmq_env.between import Between
from llmq_env.httpd import free_port
from llmq_env.link import LOST, ask, until_cut, until_linked
from llmq_env.redis import Redis
from llmq_env.sessions import SECRET, Sessions
from llmq_env.sse import Stream
from llmq_env.tokens import secret_file
from llmq_env.wait import until


@pytest.fixture(scope="class")
def redis(workspace):
    port = free_port()
    made = Redis(workspace / f"redis-{port}", port).start()
    yield made
    made.stop()


@pytest.fixture(scope="class")
def between(redis):
    made = Between(redis.port)
    yield made
    made.close()


@pytest.fixture(scope="class")
def server(request, between, new_server):
    made = new_server("sqlite3")
    secret_file(made)
    made.configure(request.cls.CONF.format(between=between.port, dir=made.dir))
    made.start()
    until_linked(made)
    return made


class TestBadRedis:
    """One that does not answer, or hangs up. If anybody waited for its timeout with each of so
    many calls, they would not be done in time."""

    CONF = "LLMQRedis 127.0.0.1:{between} timeout=1s\n" + SECRET
    EXPECT = LOST
    CALLS, SECONDS = 150, 120

    def goes_on(self, server):
        client = Sessions(server, "user_1")
        session = client.session()["session_id"]
        with Stream(server.port, f"/api/sessions/{session}/sse",
                    headers=client.headers) as stream:
            stream.until_open()
            calls = threading.Thread(target=lambda: [client.append(session, f"{n}")
                                                     for n in range(self.CALLS)])
            calls.start()
            stream.until_events(self.CALLS, self.SECONDS)
            assert stream.ids() == list(range(1, self.CALLS + 1))
            calls.join()
        client.close()

    @pytest.mark.parametrize("mode", ["silent", "reset"])
    def test_nobody_else_waits_for_it(self, server, between, mode):
        lines, begun = server.log.count("LLMQ0603"), time.monotonic()
        between.be(mode)
        self.goes_on(server)
        until_cut(server)
        self.goes_on(server)
        until(lambda: between.met >= 3, "more tries")
        minutes = (time.monotonic() - begun) // 60
        assert server.log.count("LLMQ0603") <= lines + 1 + minutes
        assert ask(server, "/api/v1", "/health").data["status"] == "degraded"
        between.be("pass")
        until_linked(server)

    @pytest.mark.parametrize("mode", ["silent", "reset"])
    def test_servers_start_and_restart_beside_it(self, server, between, mode):
        between.be(mode)
        server.graceful()
        self.goes_on(server)
        server.stop()
        server.start()
        self.goes_on(server)
        between.be("pass")
        until_linked(server)

    def test_a_frozen_one(self, server, redis, between):
        between.be("pass")
        until_linked(server)
        redis.freeze()
        try:
            self.goes_on(server)
            until_cut(server)
            self.goes_on(server)
        finally:
            redis.thaw()
        until_linked(server)

    def test_a_dispatcher_that_is_frozen_and_thawed(self, server, redis, between):
        """Redis may have cut it meanwhile."""
        between.be("pass")
        until_linked(server)
        pid = server.halt_dispatcher()
        between.be("reset")
        between.be("pass")
        self.goes_on(server)
        os.kill(pid, signal.SIGCONT)
        until(lambda: between.met >= 2, "a new link")
        until_linked(server)
