"""The gateway as clients use it that are no SDK, and what they meet first: curl without headers,
other people's paths and query strings, long texts, keys that mean nothing."""

import contextlib
import json

import pytest

from llmq_env import openai
from llmq_env.conf import fake
from llmq_env.openai import Gateway, chat, text_of
from llmq_env.tokens import token

ECHO = "<LLMQBackend echo>\nLLMQBackendKind echo\n</LLMQBackend>\nLLMQModel echo echo\n"
CONF = fake() + ECHO + "LLMQModel fake fake\nLLMQTokenSecret {dir}/secret\n" + openai.at(
    open="", anyone="LLMQTokenSource cookie", slow="LLMQGatewayLinger Off")
HI = chat("Hi", "echo")


@pytest.fixture
def gateway(server):
    with contextlib.closing(Gateway(server.port)) as made:
        yield made


def words(n):
    return chat("word " * n, "echo")


class TestRequests:
    CONF = CONF

    def test_without_a_type(self, gateway):
        """Of what somebody sends by hand nothing is guessed but that a body is JSON."""
        gateway.open()
        gateway.connection.request("POST", "/open/chat/completions", json.dumps(HI).encode())
        assert gateway.receive().json["object"] == "chat.completion"
        got = gateway.post("/chat/completions", HI,
                           {"Content-Type": "application/x-www-form-urlencoded"})
        assert (got.status, got.error["param"]) == (415, "Content-Type"), got

    def test_urls(self, gateway):
        for path in ("/chat/completions/", "/chat/completions?api-version=1", "/chat/completions?"):
            assert gateway.post(path, HI).status == 200, path
        for path in ("/responses", "/chat", "/audio/speech", "/engines/echo/completions", "/", ""):
            got = gateway.post(path, HI)
            assert (got.status, got.error["code"]) == (404, "unknown_url"), (path, got)

    def test_accept(self, gateway):
        """Whether it is a stream says `stream` alone, as at OpenAI's."""
        accept = {"Accept": "application/json, text/event-stream;q=0"}
        got = gateway.post("/chat/completions", {**HI, "stream": True}, accept)
        assert text_of(got) == "Echo: Hi" and got.done
        got = gateway.post("/chat/completions", HI, {"Accept": "text/event-stream"})
        assert got.json["object"] == "chat.completion"

    @pytest.mark.parametrize("path, name, wrong", [
        ("/completions", "prompt", {}), ("/embeddings", "input", 5)])
    def test_errors_name_what_is_wrong(self, gateway, path, name, wrong):
        for body, code in (({}, "missing_required_parameter"), ({name: None},
                           "missing_required_parameter"), ({name: []}, "empty_array"),
                           ({name: wrong}, "invalid_type")):
            got = gateway.post(path, {"model": "echo", **body})
            assert (got.status, got.error["code"], got.error["param"]) == (400, code, name), got
            assert f"'{name}'" in got.error["message"], got

    def test_prompts(self, gateway):
        """Each has its answers, side by side."""
        asked = {"model": "echo", "prompt": ["one", "two words"], "n": 2}
        got = gateway.post("/completions", asked).json
        assert [(c["index"], c["text"]) for c in got["choices"]] == [
            (0, "Echo: one"), (1, "Echo: one"), (2, "Echo: two words"), (3, "Echo: two words")]
        assert got["usage"] == {"prompt_tokens": 3, "completion_tokens": 10, "total_tokens": 13}
        texts = [""] * 4
        for event in gateway.post("/completions", {**asked, "stream": True}):
            for choice in event["choices"]:
                texts[choice["index"]] += choice["text"]
        assert texts == [c["text"] for c in got["choices"]]


class TestLong:
    """A megabyte, as documents have it."""

    CONF = CONF

    @pytest.mark.parametrize("base", ["/open", "/slow"])
    def test_streams(self, server, base):
        with contextlib.closing(Gateway(server.port, base)) as gateway:
            for text in ("word " * 200_000, "word " * 20_000, "x" * 1_000_000, "漢字 " * 140_000):
                got = gateway.post("/chat/completions", {**chat(text, "echo"), "stream": True})
                assert text_of(got) == "Echo: " + text and got.done

    def test_whole(self, gateway):
        got = gateway.post("/chat/completions", words(200_000))
        assert got.json["choices"][0]["message"]["content"] == "Echo: " + "word " * 200_000
        assert got.json["usage"]["prompt_tokens"] == 200_000

    def test_through(self, gateway, llm):
        text = "\u20ac\U0001f600\"\\\n" * 80_000
        assert gateway.post("/chat/completions", chat(text)).status == 200
        assert llm.calls[0].content == text

    def test_too_long_for_the_echo(self, gateway):
        """Said at once, rather than that a stream breaks off or memory ends."""
        for asked, param in (({**words(500_000), "stream": True}, "messages"),
                             ({**words(100_000), "n": 128}, "n")):
            got = gateway.post("/chat/completions", asked)
            assert (got.status, got.error["param"]) == (400, param), got


class TestKeys:
    CONF = CONF

    def test_that_mean_nothing(self, server):
        """SDKs send one wherever they go. Who is open to all has them not looked at."""
        for key in ("sk-none", "EMPTY", "llmq_none", token()):
            more = {"Authorization": "Bearer " + key}
            with contextlib.closing(Gateway(server.port, "/anyone", more)) as anyone:
                assert anyone.get("/models").status == anyone.post("/chat/completions",
                                                                   HI).status == 200
        with contextlib.closing(Gateway(server.port, headers={
                "Authorization": "Bearer sk-none"})) as gateway:
            got = gateway.get("/models")
            assert (got.status, got.error["code"]) == (401, "invalid_api_key")
