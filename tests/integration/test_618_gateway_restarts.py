"""What waits at the gateway while children of the server end: it is answered all the same."""

import contextlib
import json
import time

import pytest

from llmq_env import openai
from llmq_env.conf import fake, load
from llmq_env.openai import COMPLETION, Gateway, text_of

BASE = fake() + "LLMQDispatcher Off\n" \
    + openai.at(open="LLMQGatewayLinger 10s", slow="LLMQGatewayLinger Off")


@pytest.mark.mpm
class Restarts:
    """Whichever way a request waits."""

    def test_not_begun(self, server, relay, gateway):
        gateway.begin()
        job = relay.job()
        server.graceful()
        job.begin()
        job.end(COMPLETION)
        assert gateway.receive().json == COMPLETION

    def test_a_stream_that_is_not_begun(self, server, relay, gateway):
        gateway.begin(stream=True)
        job = relay.job()
        server.graceful()
        job.begin()
        job.piece("one")
        job.end()
        got = gateway.receive()
        assert text_of(got) == "one" and got.done

    def test_begun(self, server, relay, gateway):
        gateway.begin(stream=True)
        job = relay.job()
        job.begin()
        job.piece("one ")
        got = gateway.receive()
        server.graceful()
        server.graceful()
        job.piece("two")
        job.end()
        assert text_of(got) == "one two" and got.done

    def test_a_stop_while_the_old_child_winds_up(self, server, relay, gateway):
        """Nobody is left without a word, and nothing is waited for."""
        gateway.begin()
        job = relay.job()
        server.graceful()
        with contextlib.closing(Gateway(server.port)) as other:
            other.begin()
            relay.job()     # the new children serve
            server.script("stop")
        try:
            got = gateway.receive()
            assert (got.status, got.error["code"]) == (503, "queue_unavailable")
            relay.until_canceled(job.name)
        except OSError:
            assert self.MAY_BREAK_OFF
        server.start()


class TestLingering(Restarts):
    CONF = BASE
    MAY_BREAK_OFF = False


class TestHeld(Restarts):
    CONF = BASE + load("ratelimit") + "<Location />\nSetOutputFilter RATE_LIMIT\n</Location>\n"
    MAY_BREAK_OFF = True


@pytest.mark.mpm
class TestParked:
    # A child winds up as soon as it has its one connection, and gives its request this long.
    CONF = BASE + "MaxConnectionsPerChild 1\nGracefulShutdownTimeout 300\n"

    def test_a_child_that_has_served_for_long_enough(self, relay, slow):
        """Nobody has told it to end but its own count."""
        slow.begin()
        job = relay.job()
        with pytest.raises(TimeoutError):   # the child has let go of it, and ends
            slow.sock.settimeout(1)
            slow.receive()
        slow.sock.settimeout(120)
        job.begin()
        job.end(COMPLETION)
        assert slow.sock.recv(65536).startswith(b"HTTP/1.1 200 OK\r\n")

    def test_a_slow_reader_has_all(self, server, relay, slow):
        slow.begin()
        answer = {**COMPLETION, "big": "x" * 30_000_000}
        relay.job().end(answer)
        server.graceful()
        response = slow.connection.getresponse()
        body = b""
        while block := response.read(2_000_000):
            body += block
            time.sleep(0.2)
        assert json.loads(body) == answer


class TestLimit:
    CONF = BASE + "GracefulShutdownTimeout 1\n"

    def test_as_long_as_it_may_take(self, server, relay, gateway):
        gateway.begin()
        job = relay.job()
        job.begin()
        server.graceful()
        got = gateway.receive()
        assert (got.status, got.error["code"]) == (503, "queue_unavailable"), got
        relay.until_canceled(job.name)
