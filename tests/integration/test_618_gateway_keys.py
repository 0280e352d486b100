"""Idempotency-Key at the gateway: a request that is sent again is not done again."""

import contextlib
import json
import re

import pytest

from llmq_env import openai
from llmq_env.conf import fake
from llmq_env.fakellm import Plan
from llmq_env.openai import Gateway, chat, text_of
from llmq_env.wait import until

CONF = fake("LLMQBackendConcurrency 1") + openai.at(
    open="LLMQGatewayLinger 5s", slow="LLMQGatewayLinger Off",
    lively="LLMQGatewayKeepAlive 1s", brief="LLMQMaxWait 1s",
    other="LLMQTenant other") + "LLMQMaxRetries 0\n"
KEY = {"Idempotency-Key": "stainless-node-retry-1"}


def key(name):
    return {"Idempotency-Key": name}


def again(gateway, body, name, path="/chat/completions"):
    """As SDKs do: busy is tried again."""
    got = None

    def is_answered():
        nonlocal got
        got = gateway.post(path, body, key(name))
        if got.status == 409:
            assert got.headers["retry-after"] == "1"
            assert got.error["code"] == "idempotency_key_in_use"
        return got.status != 409

    until(is_answered, "the end of the first")
    return got


def is_replayed(got):
    return got.headers.get("idempotent-replayed") == "true"


class TestReplays:
    CONF = CONF

    @pytest.mark.parametrize("base", ["/open", "/slow"])
    def test_the_same_bytes(self, server, llm, base):
        with contextlib.closing(Gateway(server.port, base)) as gateway:
            body = chat("Hello", seed=7)
            first = gateway.post("/chat/completions", body, KEY)
            assert first.status == 200 and not is_replayed(first)
            got = gateway.post("/chat/completions", body, KEY)     # at once
            assert is_replayed(got) and got.body == first.body
            assert got.headers["x-request-id"] != first.headers["x-request-id"]
            assert len(llm.calls) == 1

    def test_a_stream(self, slow, llm):
        body = chat("one two three", stream=True, stream_options={"include_usage": True})
        first = slow.post("/chat/completions", body, key("s1"))
        events = list(first)
        assert first.done and len(events) > 3
        got = slow.post("/chat/completions", body, key("s1"))
        assert is_replayed(got) and list(got) == events and got.done
        assert len(llm.calls) == 1

    def test_another_body(self, gateway, llm):
        assert gateway.chat("x", headers=key("b1")).status == 200
        got = gateway.chat("y", headers=key("b1"))
        assert (got.status, got.error["code"]) == (422, "idempotency_error"), got
        assert got.error["type"] == "invalid_request_error"
        assert len(llm.calls) == 1

    def test_a_bad_key(self, gateway, llm):
        got = gateway.chat("x", headers=key("x" * 256))
        assert (got.status, got.error["param"]) == (400, "Idempotency-Key"), got
        assert not llm.calls

    def test_under_way(self, server, gateway, slow, llm):
        """Who has not waited for the answer has it when it comes back."""
        llm.hold()
        gateway.send("POST", "/chat/completions", chat("x"), key("u1"))
        llm.until_calls(1)
        with contextlib.closing(Gateway(server.port)) as other:
            got = other.chat("x", headers=key("u1"))
            assert (got.status, got.error["code"]) == (409, "idempotency_key_in_use"), got
            assert got.headers["retry-after"] == "1"
            llm.release()
            assert gateway.receive().status == 200
            assert is_replayed(again(other, chat("x"), "u1"))
        assert len(llm.calls) == 1

    @pytest.mark.parametrize("base", ["/open", "/slow"])
    @pytest.mark.parametrize("stream", [False, True])
    def test_who_leaves_and_comes_back(self, server, llm, base, stream):
        llm.hold()
        body = chat("x", stream=stream)
        with contextlib.closing(Gateway(server.port, base)) as gateway:
            gateway.send("POST", "/chat/completions", body, key(f"l{stream}"))
            llm.until_calls(1)
            gateway.hang_up()
            gateway.open()
            got = gateway.post("/chat/completions", body, key(f"l{stream}"))
            assert got.status == 409
            llm.release()
            got = again(gateway, body, f"l{stream}")
            assert got.status == 200 and is_replayed(got)
            if stream:
                assert text_of(got).strip() == "answer to x"
        assert len(llm.calls) == 1

    def test_errors_are_not_kept(self, gateway, llm):
        llm.plans = [Plan(status=400)]
        assert gateway.chat("x", headers=key("e1")).status == 400
        got = again(gateway, chat("x"), "e1")
        assert got.status == 200 and not is_replayed(got)
        assert gateway.chat("x", model="nobody", headers=key("e2")).status == 404
        got = gateway.chat("x", headers=key("e2"))
        assert got.status == 200 and not is_replayed(got)
        assert len(llm.calls) == 3

    def test_who_was_too_late_tries_again(self, server, slow, llm):
        llm.hold()
        slow.send("POST", "/chat/completions", chat("first"))
        llm.until_calls(1)
        with contextlib.closing(Gateway(server.port, "/brief")) as brief:
            got = brief.chat("x", headers=key("t1"))
            assert (got.status, got.error["code"]) == (503, "wait_timeout"), got
            llm.release()
            assert slow.receive().status == 200
            until(lambda: again(brief, chat("x"), "t1").status == 200, "its turn")
        assert llm.contents() == ["first", "x"]

    def test_tenants_and_paths_have_their_own(self, server, gateway, llm):
        assert gateway.chat("x", headers=key("p1")).status == 200
        for base in ("/other", "/slow"):
            with contextlib.closing(Gateway(server.port, base)) as other:
                got = other.chat("x", headers=key("p1"))
                assert got.status == 200 and not is_replayed(got)
        assert len(llm.calls) == 3


class TestEcho:
    CONF = openai.at(open="")

    @pytest.mark.parametrize("path", ["/chat/completions", "/completions", "/embeddings"])
    def test_all_calls(self, gateway, path):
        body = {**chat("x", "echo"), "prompt": "x", "input": ["x"]}
        first = gateway.post(path, body, KEY)
        assert first.status == 200, first
        got = again(gateway, body, KEY["Idempotency-Key"], path)
        assert is_replayed(got) and got.body == first.body


class TestSmall:
    CONF = CONF + "LLMQGatewayReplay 1024\n"

    def test_a_large_answer_is_not_kept(self, gateway, llm):
        for stream in (False, True):
            body = chat("word " * 300, stream=stream)
            for _ in range(2):
                got = again(gateway, body, f"big{stream}")
                assert got.status == 200 and not is_replayed(got)
                assert not stream or len(list(got)) > 100
        assert len(llm.calls) == 4
        assert gateway.chat("x", headers=key("s")).status == 200
        assert is_replayed(again(gateway, chat("x"), "s"))


class TestOff:
    CONF = CONF + "LLMQGatewayReplay Off\n"

    def test_keys_are_ignored(self, gateway, llm):
        for content in ("x", "x", "y"):
            got = gateway.chat(content, headers=KEY)
            assert got.status == 200 and not is_replayed(got)
        assert len(llm.calls) == 3

    def test_bad_values(self, idle):
        for value in ("1023", "64M", "67108865", "no", ""):
            idle.refusal(f"LLMQGatewayReplay {value}")
        idle.refusal("<Location /x>\nLLMQGatewayReplay 1024\n</Location>")


class TestWithoutStreams:
    """The backend knows no streams, whatever it is asked for."""

    CONF = CONF
    ANSWER = {"id": "c1", "object": "chat.completion", "created": 1, "model": "m",
              "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
                  "role": "assistant", "content": "Hi there",
                  "tool_calls": [{"id": "t1", "type": "function",
                                  "function": {"name": "f", "arguments": "{}"}}]}}],
              "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8}}

    @pytest.mark.parametrize("base", ["/open", "/slow"])
    @pytest.mark.parametrize("usage", [False, True])
    def test_its_answer_comes_as_chunks(self, server, llm, base, usage):
        llm.default = Plan(body=json.dumps(self.ANSWER).encode())
        body = chat("x", stream=True, stream_options={"include_usage": usage})
        with contextlib.closing(Gateway(server.port, base)) as gateway:
            got = gateway.post("/chat/completions", body, key(f"n{usage}"))
            said, ended, *used = list(got)
            assert got.done and text_of([said]) == "Hi there"
            assert said["object"] == ended["object"] == "chat.completion.chunk"
            delta = said["choices"][0]["delta"]
            assert delta["role"] == "assistant" and delta["tool_calls"][0]["index"] == 0
            assert ended["choices"] == [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]
            assert [chunk["usage"]["total_tokens"] for chunk in used] == [8] * usage
            replayed = again(gateway, body, f"n{usage}")
            assert is_replayed(replayed) and list(replayed) == [said, ended, *used]


class TestLog:
    CONF = CONF + "LogLevel llmq:info\n"

    def lines(self, server, name):
        return [line for line in server.log.text().splitlines()
                if "LLMQ0253" in line and name in line]

    def wait_for(self, server, got):
        name = got.headers["x-request-id"]
        until(lambda: self.lines(server, name), "its line")
        line, = self.lines(server, name)
        return line

    @pytest.mark.parametrize("base", ["/open", "/slow"])
    def test_each_end_has_its_line(self, server, llm, base):
        with contextlib.closing(Gateway(server.port, base)) as gateway:
            line = self.wait_for(server, gateway.chat("x"))
            assert "answered 200, whole" in line and "3 + 5 tokens" in line, line
            got = gateway.chat("x", stream=True)
            list(got)
            line = self.wait_for(server, got)
            assert re.search("answered 200, stream, (parked|held):.*, 3 \\+ 5 tokens", line), line
            numbers = re.findall(r"after (\d+) ms", line)
            assert numbers == sorted(numbers, key=int) and len(numbers) == 3, line
            llm.plans = [Plan(status=400)]
            line = self.wait_for(server, gateway.chat("x"))
            assert "answered 400, whole" in line and "-1 + -1 tokens" in line, line

    def test_a_stream_is_parked(self, server, llm):
        llm.hold()
        with contextlib.closing(Gateway(server.port, "/lively")) as lively:
            lively.send("POST", "/chat/completions", chat("x", stream=True))
            got = lively.receive()
            got.comment()  # so that its answer does not come before it is parked
            llm.release()
            list(got)
        line = self.wait_for(server, got)
        assert "answered 200, stream, parked:" in line and "3 + 5 tokens" in line, line

    def test_who_leaves_has_one(self, server, slow, llm):
        llm.default = Plan(pieces=["a", "b"], stall=1)
        slow.send("POST", "/chat/completions", chat("x", stream=True))
        got = slow.receive()
        next(iter(got))
        slow.hang_up()
        assert "answered 200, stream" in self.wait_for(server, got)
        assert self.wait_for(server, got).endswith("the client has left")
