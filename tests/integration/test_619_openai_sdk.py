"""The npm package `openai` as it is published, pointed at the gateway (llmq_env/sdk.py tells how
to install it; skipped without)."""

import base64
import contextlib
import json
import struct

import pytest

from llmq_env import openai
from llmq_env.conf import fake
from llmq_env.fakellm import Plan
from llmq_env.httpd import free_port
from llmq_env.openai import chat
from llmq_env.sdk import Sdk
from llmq_env.tokens import token
from llmq_env.wait import until

CANCELED = 5
CHAT = "chat.completions.create"
MODELS = "LLMQModel fake fake=upstream\nLLMQModel qwen/qwen3:8b fake\n"
ECHO = "<LLMQBackend echo>\nLLMQBackendKind echo\n</LLMQBackend>\nLLMQModel echo echo\n"
CONF = fake("LLMQBackendMaxFailures 0") + ECHO + MODELS + """
LLMQTokenSecret {dir}/secret

""" + openai.at(open="", once="LLMQMaxRetries 0", closed="LLMQAuth On",
                small="LimitRequestBody 200", lively="LLMQGatewayKeepAlive 1s",
                rated="LLMQRateLimit 1/hour",
                shut="LLMQMaintenance On\nLLMQRetryAfter 1s") + """
<Location /guarded>
SetHandler llmq-openai
Require all denied
</Location>
"""


@pytest.fixture(scope="module")
def sdk():
    with contextlib.closing(Sdk()) as made:
        yield made


class Client:
    """An SDK's client at one of the server's gateways."""

    def __init__(self, sdk, port, base="/open", **options):
        self.sdk = sdk
        self.options = {"baseURL": f"http://127.0.0.1:{port}{base}", "apiKey": token(),
                        "maxRetries": 0, **options}

    def begin(self, path, *args, how="plain"):
        return self.sdk.begin(self.options, path, *args, how=how)

    def call(self, path, *args, how="plain"):
        return self.begin(path, *args, how=how).result()

    def fails(self, path, *args, how="plain"):
        return self.begin(path, *args, how=how).failure()


@pytest.fixture
def at(sdk, server):
    return lambda base="/open", **options: Client(sdk, server.port, base, **options)


def said(chunks):
    return "".join(choice["delta"].get("content") or ""
                   for chunk in chunks for choice in chunk["choices"])


def bodies(llm):
    return [call.body for call in llm.calls]


def is_canceled(server, name):
    return server.query(f"SELECT status FROM llmq_jobs WHERE id = '{name}'") == [(CANCELED,)]


class TestEcho:
    CONF = CONF

    def test_chat(self, at):
        got = at().call(CHAT, chat("Hello there", "echo"))
        choice, = got["choices"]
        assert choice["message"]["content"] == "Echo: Hello there"
        assert choice["finish_reason"] == "stop" and got["object"] == "chat.completion"
        assert got["usage"] == {"prompt_tokens": 2, "completion_tokens": 3, "total_tokens": 5}

    def test_streams(self, at):
        asked = chat("Hello there", "echo", stream=True)
        chunks = at().call(CHAT, asked, how="stream")
        assert said(chunks) == "Echo: Hello there"
        assert not any(chunk.get("usage") for chunk in chunks)
        assert len({chunk["id"] for chunk in chunks}) == 1
        assert chunks[-1]["choices"][0]["finish_reason"] == "stop"
        chunks = at().call(CHAT, {**asked, "stream_options": {"include_usage": True}},
                           how="stream")
        assert chunks[-1]["choices"] == [] and chunks[-1]["usage"]["total_tokens"] == 5
        got = at().call("chat.completions.stream", chat("Hello there", "echo"), how="final")
        assert got["said"] == "Echo: Hello there"
        assert got["completion"]["choices"][0]["message"]["content"] == got["said"]

    def test_several_answers(self, at):
        got = at().call(CHAT, chat("Hi", "echo", n=2))
        assert [c["message"]["content"] for c in got["choices"]] == ["Echo: Hi"] * 2
        chunks = at().call(CHAT, chat("Hi", "echo", n=2, stream=True), how="stream")
        assert {c["choices"][0]["index"] for c in chunks} == {0, 1}

    def test_completions(self, at):
        asked = {"model": "echo", "prompt": "one two"}
        got = at().call("completions.create", asked)
        assert got["choices"][0]["text"] == "Echo: one two"
        assert got["object"] == "text_completion"
        chunks = at().call("completions.create", {**asked, "stream": True}, how="stream")
        assert "".join(c["choices"][0]["text"] for c in chunks) == "Echo: one two"

    def test_embeddings(self, at):
        asked = {"model": "echo", "input": ["one", "two words"], "dimensions": 8}
        usual = at().call("embeddings.create", asked)   # asks for base64 and decodes it
        plain = at().call("embeddings.create", {**asked, "encoding_format": "float"})
        assert [e["index"] for e in plain["data"]] == [0, 1]
        for some, others in zip(usual["data"], plain["data"]):
            assert len(some["embedding"]) == 8
            assert some["embedding"] == pytest.approx(others["embedding"], abs=1e-6)
        coded = at().call("embeddings.create", {**asked, "encoding_format": "base64"})
        raw = base64.b64decode(coded["data"][0]["embedding"])
        assert list(struct.unpack("<8f", raw)) == pytest.approx(plain["data"][0]["embedding"],
                                                                abs=1e-6)
        assert coded["usage"] == {"prompt_tokens": 3, "total_tokens": 3}
        for some in ("one", [1, 2, 3], [[1, 2], [3]]):
            assert at().call("embeddings.create", {**asked, "input": some})["data"]

    def test_models(self, at):
        names = [model["id"] for model in at().call("models.list", how="page")]
        assert names == ["echo", "fake", "qwen/qwen3:8b"]
        for name in names:
            got = at().call("models.retrieve", name)
            assert (got["id"], got["object"]) == (name, "model") and got["created"] > 0

    def test_request_ids(self, at, server):
        got = at().call(CHAT, chat(model="echo"), how="response")
        assert got["request_id"] == got["headers"]["x-request-id"] == got["data"]["_request_id"] \
            if "_request_id" in got["data"] else got["headers"]["x-request-id"]
        assert int(got["headers"]["openai-processing-ms"]) >= 0
        assert got["headers"]["openai-version"] == "2020-10-01"
        assert server.query(f"SELECT id FROM llmq_jobs WHERE id = '{got['request_id']}'")
        got = at().call("models.list", how="response")
        assert openai.REQUEST_ID.fullmatch(got["request_id"])


TOOLS = [{"type": "function", "function": {
    "name": "add", "strict": True,
    "parameters": {"type": "object", "properties": {"a": {"type": "number"}}}}}]
CALLS = [{"id": "call_1", "type": "function",
          "function": {"name": "add", "arguments": '{"a":1}'}}]


def completion(message, finish="stop", **more):
    return json.dumps({
        "id": "chatcmpl-9", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "finish_reason": finish, "logprobs": None,
                     "message": {"role": "assistant", "content": None, **message}}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        **more}).encode()


def chunk(delta, finish=None, index=0):
    return json.dumps({
        "id": "chatcmpl-9", "object": "chat.completion.chunk", "created": 1, "model": "m",
        "choices": [{"index": index, "finish_reason": finish, "delta": delta}]})


class TestThrough:
    """What the gateway does not look at goes to the backend and comes back as it is."""

    CONF = CONF

    def test_fields(self, at, llm):
        more = {"temperature": 0.5, "seed": 7, "n": 2, "logprobs": True, "top_logprobs": 3,
                "logit_bias": {"50256": -100}, "stop": ["\n", "é"], "max_completion_tokens": 5,
                "response_format": {"type": "json_schema", "json_schema": {
                    "name": "x", "schema": {"type": "object"}}},
                "tools": TOOLS, "tool_choice": "auto", "parallel_tool_calls": False,
                "metadata": {"a": "b"}, "reasoning_effort": "low", "unheard_of": {"x": [1, None]}}
        body = completion({"content": "one"})
        answer = json.loads(body)
        answer["choices"].append({**answer["choices"][0], "index": 1,
                                  "logprobs": {"content": [{"token": "a", "logprob": -0.1}]}})
        answer |= {"system_fingerprint": "fp_1", "service_tier": "default", "beyond": [1]}
        llm.plans = [Plan(body=json.dumps(answer).encode())]
        asked = chat("Hi", **more)
        assert at().call(CHAT, asked) == answer
        assert bodies(llm) == [{**asked, "model": "upstream"}]
        assert list(bodies(llm)[0]) == list(asked)

    def test_tools(self, at, llm):
        llm.plans = [Plan(body=completion({"tool_calls": CALLS}, "tool_calls"))]
        got = at().call(CHAT, chat(tools=TOOLS))
        assert got["choices"][0]["message"]["tool_calls"] == CALLS
        asked = {"model": "fake", "messages": [
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": None, "tool_calls": CALLS},
            {"role": "tool", "tool_call_id": "call_1", "content": "1"}]}
        at().call(CHAT, asked)
        assert bodies(llm)[1]["messages"] == asked["messages"]

    def test_deltas_of_tools(self, at, llm):
        parts = [{"role": "assistant", "content": None},
                 {"tool_calls": [{"index": 0, **CALLS[0], "function": {
                     "name": "add", "arguments": ""}}]},
                 {"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}]},
                 {"tool_calls": [{"index": 0, "function": {"arguments": ":1}"}}]}]
        plan = Plan(chunks=[*map(chunk, parts), chunk({}, "tool_calls")])
        llm.plans = [plan, plan]
        chunks = at().call(CHAT, chat(tools=TOOLS, stream=True), how="stream")
        assert [c["choices"][0]["delta"] for c in chunks] == [*parts, {}]
        got = at().call("chat.completions.stream", chat(tools=TOOLS), how="final")
        call, = got["completion"]["choices"][0]["message"]["tool_calls"]
        assert call["function"]["arguments"] == '{"a":1}'

    def test_tools_are_run(self, at, llm):
        tools = [{"type": "function", "function": {**TOOLS[0]["function"], "parse": True}}]
        llm.plans = [Plan(body=completion({"tool_calls": CALLS}, "tool_calls")),
                     Plan(body=completion({"content": "done"}))]
        got = at().call("chat.completions.runTools", chat(tools=tools), how="tools")
        assert got["content"] == "done" and got["usage"]["total_tokens"] == 4
        last = bodies(llm)[1]["messages"][-1]
        assert (last["role"], last["content"]) == ("tool", 'tool got {"a":1}')

    def test_choices_and_logprobs_in_pieces(self, at, llm):
        llm.plans = [Plan(chunks=[chunk({"content": "a"}), chunk({"content": "b"}, index=1),
                                  chunk({}, "stop"), chunk({}, "length", 1)])]
        got = at().call(CHAT, chat(stream=True, n=2), how="stream")
        assert [c["choices"][0]["index"] for c in got] == [0, 1, 0, 1]
        assert got[-1]["choices"][0]["finish_reason"] == "length"

    def test_signs_of_life(self, at, llm):
        """The comments of a stream that waits are nothing to the SDK."""
        llm.hold()
        call = at("/lively").begin(CHAT, chat("Hi", stream=True), how="stream")
        llm.until_calls(1)
        until(lambda: call.began_at_the_gateway(), "the first comment")
        llm.release()
        assert said(call.result()).strip() == "answer to Hi"

    def test_other_calls(self, at, llm):
        vectors = {"object": "list", "model": "m", "usage": {"prompt_tokens": 1, "total_tokens": 1},
                   "data": [{"object": "embedding", "index": 0, "embedding": [0.5, 1.0, -2e-9]}]}
        llm.plans = [Plan(body=json.dumps(vectors).encode())]
        got = at().call("embeddings.create",
                        {"model": "fake", "input": "x", "encoding_format": "float"})
        assert got == vectors and llm.calls[0].path == "/v1/embeddings"
        texts = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m",
                 "choices": [{"text": "a", "index": 0, "finish_reason": "stop", "logprobs": None}]}
        llm.plans = [Plan(body=json.dumps(texts).encode())]
        assert at().call("completions.create",
                         {"model": "fake", "prompt": "x", "suffix": "y", "echo": True}) == texts
        assert llm.calls[1].path == "/v1/completions" and llm.calls[1].body["suffix"] == "y"

    def test_bytes(self, at, llm, server):
        """Numbers, escapes, blanks, order and doubles are the client's own."""
        body = (b'{"a":1.0, "b":1e400,"big":123456789012345678901234567890,\t"e":"\\u00e9\\/",'
                b'"model":"fake","z":-0,"z":0.10,"messages":[{"role":"user","content":"\\ud83d'
                b'\\ude00"}] ,"model" : "fake"}')
        with contextlib.closing(openai.Gateway(server.port)) as gateway:
            assert gateway.post("/chat/completions", body).status == 200
        assert llm.calls[0].raw == body.replace(b'"fake"', b'"upstream"')


class TestErrors:
    CONF = CONF
    EXPECT = ("AH01630",)   # httpd's own for 403

    def check(self, got, kind, status, error_type, code, param=None):
        assert got.kinds[0] == kind and "APIError" in got.kinds, got.kinds
        assert (got.status, got.type, got.code, got.param) == (status, error_type, code, param)
        assert openai.REQUEST_ID.fullmatch(got.request_id), got.request_id
        return got

    def test_classes(self, at):
        invalid = "invalid_request_error"
        for base, asked, *expected in [
                ("/open", {"model": "fake"}, "BadRequestError", 400, invalid,
                 "missing_required_parameter", "messages"),
                ("/open", {"model": 7, "messages": []}, "BadRequestError", 400, invalid,
                 "invalid_type", "model"),
                ("/open", {"model": "fake", "messages": [{"role": "user"}, {}]}, "BadRequestError",
                 400, invalid, "missing_required_parameter", "messages[1].role"),
                ("/open", chat(stream_options={}), "BadRequestError", 400, invalid, None,
                 "stream_options"),
                ("/open", chat(model="nope"), "NotFoundError", 404, invalid, "model_not_found"),
                ("/open/x", chat(), "NotFoundError", 404, invalid, "unknown_url"),
                ("/guarded", chat(), "PermissionDeniedError", 403, invalid, "forbidden"),
                ("/small", chat("x" * 300), "APIError", 413, invalid, "request_too_large"),
                ("/shut", chat(), "InternalServerError", 503, "server_error", "maintenance")]:
            self.check(at(base).fails(CHAT, asked), *expected)

    def test_keys(self, at):
        for key in ("sk-wrong", "llmq_wrong", "x" * 3000):
            got = self.check(at("/closed", apiKey=key).fails("models.list"), "AuthenticationError",
                             401, "invalid_request_error", "invalid_api_key")
            assert str(got).startswith("401 Incorrect API key provided: "), got
            assert key not in str(got)
        assert at("/closed").call("models.list")["data"]

    def test_rates(self, at):
        at("/rated").call(CHAT, chat(model="echo"))
        got = at("/rated", maxRetries=2).fails(CHAT, chat(model="echo"))
        self.check(got, "RateLimitError", 429, "requests", "rate_limit_exceeded")
        assert len(got.attempts) == 1, "nobody sleeps for an hour"

    @pytest.mark.parametrize("status, kind", [
        (400, "BadRequestError"), (401, "AuthenticationError"), (403, "PermissionDeniedError"),
        (404, "NotFoundError"), (409, "ConflictError"), (422, "UnprocessableEntityError"),
        (429, "RateLimitError"), (500, "InternalServerError"), (503, "InternalServerError")])
    def test_of_the_backend(self, at, llm, status, kind):
        error = {"message": "as planned", "type": "test", "param": "p", "code": "c"}
        llm.default = Plan(status=status, body=json.dumps({"error": error}).encode())
        for stream in (False, True):
            got = self.check(at("/once").fails(CHAT, chat(stream=stream)), kind, status, "test",
                             "c", "p")
            assert str(got) == f"{status} as planned"

    def test_within_a_stream(self, at, llm):
        error = {"message": "too bad", "type": "server_error", "param": None, "code": "c"}
        llm.plans = [Plan(chunks=[chunk({"content": "a"}), json.dumps({"error": error})])]
        call = at().begin(CHAT, chat(stream=True), how="stream")
        assert call.piece()["choices"][0]["delta"]["content"] == "a"
        got = call.failure()
        assert got.kinds[0] == "APIError" and (got.type, got.code) == ("server_error", "c")

    def test_nobody_there(self, sdk):
        client = Client(sdk, free_port(), maxRetries=1)
        got = client.fails(CHAT, chat())
        assert got.kinds[0] == "APIConnectionError" and len(got.attempts) == 2


class TestRetries:
    CONF = CONF

    @pytest.mark.parametrize("status", [429, 500, 502, 503])
    def test_they_come_again(self, at, llm, status):
        llm.plans = [Plan(status=status)]
        call = at("/once", maxRetries=2).begin(CHAT, chat())
        assert call.result()["choices"]
        assert [a.get("status") for a in call.attempts] == [status, 200]

    def test_when_they_are_told_to(self, at, llm):
        llm.plans = [Plan(status=429, headers={"Retry-After": "1"})]
        call = at("/once", maxRetries=1).begin(CHAT, chat(), how="response")
        assert call.result()["status"] == 200
        assert call.attempts[1]["headers"]["x-stainless-retry-count"] == "1"
        got = at("/shut", maxRetries=1).fails(CHAT, chat())
        assert [a["status"] for a in got.attempts] == [503, 503]

    def test_not_what_is_their_own_fault(self, at, llm):
        llm.default = Plan(status=400)
        got = at("/once", maxRetries=2).fails(CHAT, chat())
        assert len(got.attempts) == 1 and len(llm.calls) == 1

    def test_then_not_when_it_is_too_long(self, at, llm):
        """From then on the backend is left alone."""
        llm.default = Plan(status=429, headers={"Retry-After": "90"})
        got = at("/once", maxRetries=2).fails(CHAT, chat())
        assert got.kinds[0] == "RateLimitError" and len(got.attempts) == 1


class TestAborts:
    CONF = CONF

    def until_over(self, server, llm):
        """At the backend, and in the store."""
        call = llm.calls[-1]
        until(lambda: call.left, "the end of the backend's call")
        name = call.headers["X-Request-Id"]
        until(lambda: is_canceled(server, name), "its end in the store")

    def test_whole(self, at, llm, server):
        llm.hold()
        call = at().begin(CHAT, chat())
        llm.until_calls(1)
        call.abort()
        assert call.failure().kinds[0] == "APIUserAbortError"
        self.until_over(server, llm)

    def test_stream(self, at, llm, server):
        for end in ("abort", "stop"):
            llm.plans = [Plan(pieces=["a", "b"], stall=1)]
            call = at().begin(CHAT, chat(stream=True), how="stream")
            assert said([call.piece()]) == "a"
            getattr(call, end)()
            assert len(call.result()) == 1      # both end an iteration without an error
            self.until_over(server, llm)

    def test_times_out(self, at, llm, server):
        llm.hold()
        got = at(timeout=5000).fails(CHAT, chat())
        assert got.kinds[0] == "APIConnectionTimeoutError"
        self.until_over(server, llm)
        llm.release()
        assert at().call(CHAT, chat("again"))["choices"]
