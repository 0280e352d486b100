"""Backends that never come to an end: the call does, and what they said is not hoarded."""

import contextlib

import pytest

from llmq_env import openai
from llmq_env.badllm import (CHUNKED, backend, chunk, completion, events, go_on_for_ever,
                             http, say)
from llmq_env.conf import mounts
from llmq_env.openai import Gateway, text_of
from llmq_env.wait import until

WHOLE = events(chunk("one "), chunk("two"), chunk(finish="stop"), "[DONE]")


def chunked(data):
    return CHUNKED + b"%x\r\n" % len(data) + data + b"\r\n0\r\n"


TRAILERS = b"X-More: and more\r\n" * 1000
ENDLESS = {
    "headers": go_on_for_ever(b"HTTP/1.1 200 OK\r\n", TRAILERS),
    "one_header": go_on_for_ever(b"HTTP/1.1 200 OK\r\nX-More: ", b"x" * 65536),
    "interim": go_on_for_ever(b"", b"HTTP/1.1 103 Early Hints\r\nX-More: x\r\n\r\n" * 1000),
    "trailers": go_on_for_ever(chunked(b"{"), TRAILERS),
    "one_line": go_on_for_ever(CHUNKED.replace(b"Transfer-Encoding: chunked", b"Connection: close"),
                          b"x" * 65536),
}


class TestEndless:
    # No time is set: only what is taken ends them.
    CONF = (backend("bad", "{bad}", "LLMQBackendMaxFailures 0", "LLMQBackendFirstTimeout 600s",
                    "LLMQBackendTotalTimeout 600s", "LLMQBackendMaxAnswer 200000")
            + "LLMQModel fake bad\nLLMQTimeout 600s\n" + mounts(queue="LLMQMaxRetries 0")
            + openai.at(open="LLMQMaxRetries 0"))

    @pytest.fixture
    def gateway(self, server):
        with contextlib.closing(Gateway(server.port)) as made:
            yield made

    @pytest.mark.parametrize("name", ENDLESS)
    @pytest.mark.parametrize("stream", [False, True])
    def test_the_gateway(self, gateway, badllm, name, stream):
        badllm.default = ENDLESS[name]
        got = gateway.chat(stream=stream)
        assert got.status == 502, got
        until(lambda: badllm.left == 1, "the backend to be left")

    @pytest.mark.parametrize("name", ENDLESS)
    def test_messages(self, server, badllm, name):
        badllm.default = ENDLESS[name]
        api = server.new_api("/queue")
        assert api.until_status(api.send()["id"], "failed")["result"] is None
        until(lambda: badllm.left == 1, "the backend to be left")

    def test_an_answer_that_was_whole_before(self, gateway, badllm):
        badllm.default = go_on_for_ever(chunked(WHOLE), TRAILERS)
        got = gateway.chat(stream=True)
        assert text_of(got) == "one two" and got.done
        until(lambda: badllm.left == 1, "the backend to be left")

    def test_some_trailers_are_no_harm(self, gateway, badllm):
        badllm.default = say(chunked(WHOLE) + TRAILERS + b"\r\n")
        got = gateway.chat(stream=True)
        assert text_of(got) == "one two" and got.done


class TestElsewhere:
    """A redirect leads nowhere, least of all with the key."""

    CONF = (backend("bad", "{bad}", "LLMQBackendMaxFailures 0") + "LLMQModel fake bad\n"
            + openai.at(open="LLMQMaxRetries 0"))

    @pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary",
                                        "308 Permanent"])
    def test_nobody_follows(self, server, badllm, status):
        where = f"Location: http://localhost:{badllm.port}/v1/chat/completions"
        badllm.acts.append(say(http(status, headers=[where])))
        with contextlib.closing(Gateway(server.port)) as gateway:
            assert gateway.chat().status == 502
            assert len(badllm.asked) == 1
            assert gateway.chat().json == completion()
