"""The Python package `openai` as it is published, pointed at the gateway. Debian has none; whoever
wants these tests names the folders that hold it and what it needs in the environment variable
LLMQ_OPENAI_PYTHON, separated by colons (of a virtual environment: its site-packages). Without one
Python looks where it always does, and the tests are skipped if it finds none. They pass with 1.40
and 2.54 on Debian's python3-httpx and python3-pydantic 1.10."""

import asyncio
import contextlib
import importlib
import json
import os
import sys

import pytest

from llmq_env import openai as wire
from llmq_env.conf import fake
from llmq_env.fakellm import Plan
from llmq_env.httpd import free_port
from llmq_env.openai import chat
from llmq_env.tokens import token
from llmq_env.wait import SLOWNESS, until

CANCELED = 5
MODELS = "LLMQModel fake fake=upstream\nLLMQModel qwen/qwen3:8b fake\n"
ECHO = "<LLMQBackend echo>\nLLMQBackendKind echo\n</LLMQBackend>\nLLMQModel echo echo\n"
CONF = fake("LLMQBackendMaxFailures 0") + ECHO + MODELS + """
LLMQTokenSecret {dir}/secret
""" + wire.at(open="", once="LLMQMaxRetries 0", closed="LLMQAuth On", small="LimitRequestBody 200",
              rated="LLMQRateLimit 1/hour", limited="LLMQLimit requests 1000/day",
              shut="LLMQMaintenance On\nLLMQRetryAfter 1s")
HELLO = chat("Hello there", "echo")


@pytest.fixture(scope="module")
def sdk():
    folders = os.environ.get("LLMQ_OPENAI_PYTHON", "")
    sys.path[:0] = filter(None, folders.split(":"))
    try:
        return importlib.import_module("openai")
    except ImportError as error:
        if folders:
            raise
        pytest.skip(f"{error}: set LLMQ_OPENAI_PYTHON to where it is")


@pytest.fixture
def at(sdk, server):
    """at(base, ...): a client of the gateway at /base, which is closed with the test."""
    with contextlib.ExitStack() as made:
        def make(base="open", port=server.port, **options):
            options = {"max_retries": 0, "timeout": 60 * SLOWNESS, "api_key": token(), **options}
            client = sdk.OpenAI(base_url=f"http://127.0.0.1:{port}/{base}", **options)
            return made.enter_context(client)
        yield make


def ask(client, *args, **more):
    return client.chat.completions.create(**chat(*args, **more))


def parse(client, **asked):
    """Where it is has changed."""
    found = client.chat.completions
    return (found if hasattr(found, "parse") else client.beta.chat.completions).parse(**asked)


def said(chunks):
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def completion(message, finish="stop"):
    return json.dumps({
        "id": "chatcmpl-9", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "finish_reason": finish,
                     "message": {"role": "assistant", "content": None, **message}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}).encode()


def chunk(delta, finish=None):
    return json.dumps({
        "id": "chatcmpl-9", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": 0, "finish_reason": finish, "delta": delta}]})


TOOLS = [{"type": "function", "function": {
    "name": "add", "parameters": {"type": "object", "properties": {"a": {"type": "number"}}}}}]
CALLS = [{"id": "call_1", "type": "function",
          "function": {"name": "add", "arguments": '{"a":1}'}}]


class TestEcho:
    CONF = CONF

    def test_chat(self, at):
        got = at().chat.completions.create(**HELLO)
        choice, = got.choices
        assert choice.message.content == "Echo: Hello there" and choice.message.role == "assistant"
        assert (choice.finish_reason, got.object) == ("stop", "chat.completion")
        assert (got.usage.prompt_tokens, got.usage.total_tokens) == (2, 5)
        assert got.created > 0 and got.id.startswith("chatcmpl-")

    def test_streams(self, at):
        chunks = list(at().chat.completions.create(**HELLO, stream=True))
        assert said(chunks) == "Echo: Hello there" and len({c.id for c in chunks}) == 1
        assert chunks[-1].choices[0].finish_reason == "stop"
        chunks = list(at().chat.completions.create(**HELLO, stream=True,
                                                   stream_options={"include_usage": True}))
        assert chunks[-1].choices == [] and chunks[-1].usage.total_tokens == 5

    def test_completions(self, at):
        got = at().completions.create(model="echo", prompt="one two")
        assert got.choices[0].text == "Echo: one two" and got.object == "text_completion"
        got = at().completions.create(model="echo", prompt="one two", stream=True)
        assert "".join(piece.choices[0].text for piece in got) == "Echo: one two"

    def test_embeddings(self, at):
        """Asked for as base64 unless somebody says otherwise, which the SDK decodes."""
        client = at()
        asked = {"model": "echo", "input": ["one", "two words"], "dimensions": 8}
        usual = client.embeddings.create(**asked)
        plain = client.embeddings.create(**asked, encoding_format="float")
        assert [e.index for e in plain.data] == [0, 1] and usual.usage.total_tokens == 3
        for some, others in zip(usual.data, plain.data):
            assert len(some.embedding) == 8
            assert some.embedding == pytest.approx(others.embedding, abs=1e-6)
        for some in ("one", [1, 2, 3], [[1, 2], [3]]):
            assert client.embeddings.create(model="echo", input=some).data

    def test_models(self, at):
        client = at()
        assert [m.id for m in client.models.list()] == ["echo", "fake", "qwen/qwen3:8b"]
        for name in ("echo", "qwen/qwen3:8b"):
            got = client.models.retrieve(name)
            assert (got.id, got.object) == (name, "model") and got.created > 0

    def test_raw_responses(self, at, server):
        got = at().chat.completions.with_raw_response.create(**HELLO)
        assert got.parse().choices[0].message.content == "Echo: Hello there"
        assert got.headers["content-type"] == "application/json"
        assert got.headers["openai-version"] == "2020-10-01"
        name = got.headers["x-request-id"]
        assert got.request_id == name and int(got.headers["openai-processing-ms"]) >= 0
        assert server.query(f"SELECT id FROM llmq_jobs WHERE id = '{name}'") == [(name,)]
        raw = at().chat.completions.with_streaming_response
        with raw.create(**HELLO, stream=True) as response:
            lines = [line.strip() for line in response.iter_lines() if line.strip()]
        assert lines[-1] == "data: [DONE]" and all(line.startswith("data: ") for line in lines)

    def test_limits_are_told(self, at):
        got = at("limited").chat.completions.with_raw_response.create(**HELLO)
        assert got.headers["x-ratelimit-limit-requests"] == "1000"
        assert got.headers["x-ratelimit-remaining-requests"] == "999"

    def test_headers_of_theirs(self, at):
        """An organization and a project mean nothing here, and do no harm."""
        client = at("closed", organization="org-1", project="proj_1",
                    default_headers={"OpenAI-Beta": "assistants=v2"}, default_query={"a": "b"})
        assert client.chat.completions.create(**HELLO).choices

    def test_many_at_once(self, sdk, server):
        async def one(client, n):
            if n % 2:
                stream = await client.chat.completions.create(**chat(f"no {n}", "echo",
                                                                     stream=True))
                return said([piece async for piece in stream])
            got = await client.chat.completions.create(**chat(f"no {n}", "echo"))
            return got.choices[0].message.content

        async def many():
            async with sdk.AsyncOpenAI(base_url=f"http://127.0.0.1:{server.port}/closed",
                                       api_key=token(), timeout=60 * SLOWNESS) as client:
                return await asyncio.gather(*(one(client, n) for n in range(100)))

        assert asyncio.run(many()) == [f"Echo: no {n}" for n in range(100)]


class TestThrough:
    CONF = CONF

    def test_tools(self, at, llm):
        llm.plans = [Plan(body=completion({"tool_calls": CALLS}, "tool_calls")),
                     Plan(body=completion({"content": "1"}))]
        client = at()
        first = ask(client, tools=TOOLS, tool_choice="auto").choices[0]
        assert first.finish_reason == "tool_calls"
        call, = first.message.tool_calls
        assert (call.id, call.function.arguments) == ("call_1", '{"a":1}')
        asked = [*chat()["messages"], first.message,
                 {"role": "tool", "tool_call_id": call.id, "content": "1"}]
        got = client.chat.completions.create(model="fake", messages=asked, tools=TOOLS)
        assert got.choices[0].message.content == "1"
        sent = llm.calls[1].body
        assert sent["messages"][1]["tool_calls"] == CALLS and sent["tools"] == TOOLS

    def test_deltas_of_tools(self, at, llm):
        llm.plans = [Plan(chunks=[
            chunk({"role": "assistant", "content": None}),
            chunk({"tool_calls": [{"index": 0, **CALLS[0], "function": {
                "name": "add", "arguments": ""}}]}),
            chunk({"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}]}),
            chunk({"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]}),
            chunk({}, "tool_calls")])]
        chunks = list(ask(at(), stream=True, tools=TOOLS))
        calls = [c for piece in chunks for c in piece.choices[0].delta.tool_calls or ()]
        assert "".join(c.function.arguments for c in calls) == '{"a":1}'
        assert chunks[-1].choices[0].finish_reason == "tool_calls"

    def test_parses(self, sdk, at, llm):
        class Answer(sdk.BaseModel):
            a: int

        llm.plans = [Plan(body=completion({"content": '{"a":7}'}))]
        asked = chat(response_format={"type": "json_object"})
        got = at().chat.completions.create(**asked)
        assert json.loads(got.choices[0].message.content) == {"a": 7}
        assert llm.calls[0].body["response_format"] == asked["response_format"]
        llm.plans = [Plan(body=completion({"content": '{"a":7}'}))]
        got = parse(at(), **chat(), response_format=Answer)
        assert got.choices[0].message.parsed == Answer(a=7)
        asked = llm.calls[1].body["response_format"]
        assert asked["json_schema"]["schema"]["properties"]["a"]["type"] == "integer"

    def test_helper(self, sdk, at, llm):
        """Streams that the SDK puts together and parses as they come."""
        class Answer(sdk.BaseModel):
            a: int

        stream = getattr(at().chat.completions, "stream", None)
        if not stream:
            pytest.skip("this version has none")
        llm.plans = [Plan(chunks=[chunk({"role": "assistant", "content": '{"a"'}),
                                  chunk({"content": ":7}"}), chunk({}, "stop")])]
        with stream(**chat(), response_format=Answer) as events:
            kinds = [event.type for event in events]
        assert kinds.count("content.delta") == 2 and kinds[-1] == "content.done"
        assert events.get_final_completion().choices[0].message.parsed == Answer(a=7)

    def test_extras(self, at, llm):
        got = ask(at(), extra_body={"top_k": 3}, extra_headers={"X-LLMQ-Priority": "high"},
                  extra_query={"api-version": "1"}, seed=1, temperature=0.0)
        assert got.choices
        assert (llm.calls[0].body["top_k"], llm.calls[0].body["temperature"]) == (3, 0.0)

    def test_repeated(self, at, llm):
        client = at()
        for stream in (False, True):
            key = {"Idempotency-Key": f"once-{stream}"}
            raw = client.chat.completions.with_raw_response
            first = raw.create(**chat(), extra_headers=key, stream=stream)
            text = first.http_response.read()
            again = raw.create(**chat(), extra_headers=key, stream=stream)
            assert again.http_response.read() == text
            assert again.headers["idempotent-replayed"] == "true"
        assert len(llm.calls) == 2


class TestErrors:
    CONF = CONF

    @pytest.mark.parametrize("base, asked, kind, status, code, param", [
        ("open", {"model": "fake", "messages": []}, "BadRequestError", 400, "empty_array",
         "messages"),
        ("open", {"model": "fake", "messages": "x"}, "BadRequestError", 400, "invalid_type",
         "messages"),
        ("open", chat(model="nope"), "NotFoundError", 404, "model_not_found", None),
        ("open/x", chat(), "NotFoundError", 404, "unknown_url", None),
        ("small", chat("x" * 300), "APIStatusError", 413, "request_too_large", None),
        ("shut", chat(), "InternalServerError", 503, "maintenance", None)])
    def test_classes(self, sdk, at, base, asked, kind, status, code, param):
        with pytest.raises(sdk.APIError) as caught:
            at(base).chat.completions.create(**asked)
        got = caught.value
        assert (type(got).__name__, got.status_code, got.code, got.param) == \
            (kind, status, code, param)
        assert wire.REQUEST_ID.fullmatch(got.request_id) and got.type
        assert got.body["message"] in str(got) and got.body["code"] == code

    def test_keys(self, sdk, at):
        with pytest.raises(sdk.AuthenticationError, match="Incorrect API key") as caught:
            at("closed", api_key="sk-wrong").models.list()
        assert caught.value.code == "invalid_api_key" and "sk-wrong" not in str(caught.value)

    def test_rates(self, sdk, at):
        at("rated").chat.completions.create(**HELLO)
        with pytest.raises(sdk.RateLimitError) as caught:
            at("rated", max_retries=2).chat.completions.create(**HELLO)
        assert (caught.value.code, caught.value.type) == ("rate_limit_exceeded", "requests")
        assert caught.value.response.headers["x-should-retry"] == "false"

    @pytest.mark.parametrize("status, kind", [
        (400, "BadRequestError"), (401, "AuthenticationError"), (403, "PermissionDeniedError"),
        (404, "NotFoundError"), (409, "ConflictError"), (422, "UnprocessableEntityError"),
        (429, "RateLimitError"), (500, "InternalServerError"), (503, "InternalServerError")])
    def test_of_the_backend(self, sdk, at, llm, status, kind):
        error = {"message": "as planned", "type": "test", "param": "p", "code": "c"}
        llm.default = Plan(status=status, body=json.dumps({"error": error}).encode())
        for stream in (False, True):
            with pytest.raises(sdk.APIStatusError) as caught:
                ask(at("once"), stream=stream)
            got = caught.value
            assert (type(got).__name__, got.status_code) == (kind, status)
            assert (got.type, got.code, got.param, got.body["message"]) == \
                ("test", "c", "p", "as planned")

    def test_within_a_stream(self, sdk, at, llm):
        error = {"message": "too bad", "type": "server_error", "param": None, "code": "c"}
        llm.plans = [Plan(chunks=[chunk({"content": "a"}), json.dumps({"error": error})])]
        stream = ask(at(), stream=True)
        assert next(stream).choices[0].delta.content == "a"
        with pytest.raises(sdk.APIError, match="too bad") as caught:
            next(stream)
        assert caught.value.code == "c"

    def test_breaks_off(self, sdk, at, llm):
        llm.plans = [Plan(pieces=["a", "b"], drop="body")]
        stream = ask(at("once"), stream=True)
        assert next(stream).choices[0].delta.content == "a"
        with pytest.raises(sdk.APIError):
            list(stream)

    def test_nobody_there(self, sdk, at):
        with pytest.raises(sdk.APIConnectionError):
            ask(at(port=free_port()))


class TestRetries:
    CONF = CONF

    @pytest.mark.parametrize("status", [409, 429, 500, 503])
    def test_they_come_again(self, at, llm, status):
        llm.plans = [Plan(status=status)]
        assert ask(at("once", max_retries=2)).choices
        assert len(llm.calls) == 2

    def test_when_they_are_told_to(self, at, llm):
        llm.plans = [Plan(status=429, headers={"retry-after-ms": "10"})]
        assert ask(at("once", max_retries=1)).choices
        llm.plans = [Plan(status=503, headers={"Retry-After": "1"})]
        assert ask(at("once", max_retries=1)).choices
        assert len(llm.calls) == 4

    def test_not_for_nothing(self, sdk, at, llm):
        llm.default = Plan(status=400)
        with pytest.raises(sdk.BadRequestError):
            ask(at("once", max_retries=2))
        assert len(llm.calls) == 1
        llm.default = Plan(status=429, headers={"Retry-After": "90"})
        with pytest.raises(sdk.RateLimitError):
            ask(at("once", max_retries=2))


class TestAborts:
    CONF = CONF

    def until_over(self, server, llm):
        """At the backend, and in the store."""
        call = llm.calls[-1]
        until(lambda: call.left, "the end of the backend's call")
        asked = f"SELECT status FROM llmq_jobs WHERE id = '{call.headers['X-Request-Id']}'"
        until(lambda: server.query(asked) == [(CANCELED,)], "its end in the store")

    def test_streams(self, at, llm, server):
        llm.plans = [Plan(pieces=["a", "b"], stall=1)]
        stream = ask(at(), stream=True)
        assert said([next(stream)]) == "a"
        stream.close()
        self.until_over(server, llm)

    def test_times_out(self, sdk, at, llm, server):
        """Once the backend has been called: a slow machine may need longer for that."""
        llm.hold()
        timeout = 0.5
        while not llm.calls:
            with pytest.raises(sdk.APITimeoutError):
                ask(at(timeout=timeout))
            timeout *= 2
        self.until_over(server, llm)
        llm.release()
        assert ask(at(), "again").choices

    def test_tasks_are_canceled(self, sdk, server, llm):
        llm.hold()

        async def call():
            async with sdk.AsyncOpenAI(base_url=f"http://127.0.0.1:{server.port}/open",
                                       api_key=token(), max_retries=0) as client:
                task = asyncio.create_task(ask(client))
                while not llm.calls and not task.done():
                    await asyncio.sleep(0.02)
                task.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await task

        asyncio.run(call())
        self.until_over(server, llm)
