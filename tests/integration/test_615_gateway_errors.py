"""What the gateway says no to: in OpenAI's words, with the right status, and nothing is begun."""

import contextlib

import pytest

from llmq_env import openai
from llmq_env.conf import FAKE
from llmq_env.openai import Gateway, chat
from llmq_env.tokens import bearer, token

CONF = FAKE + """
LLMQTokenSecret {dir}/secret
""" + openai.at(open="", closed="LLMQAuth On", rated="LLMQRateLimit 2/hour",
                shut="LLMQMaintenance On", small="LimitRequestBody 200")

BAD_CHATS = [
    ("model", {"messages": [{"role": "user", "content": "x"}]}),
    ("model", chat(model="")),
    ("model", chat(model=7)),
    ("model", chat(model="m" * 129)),
    ("messages", {"model": "fake"}),
    ("messages", {"model": "fake", "messages": []}),
    ("messages", {"model": "fake", "messages": "x"}),
    ("messages[0].role", {"model": "fake", "messages": [{"content": "x"}]}),
    ("messages[1]", {"model": "fake", "messages": [{"role": "user"}, "x"]}),
    ("stream", chat(stream="yes")),
    ("stream_options", chat(stream_options={"include_usage": True})),
    ("stream_options", chat(stream=True, stream_options=1)),
    ("service_tier", chat(service_tier=1)),
    (None, ["x"]),
]


@pytest.fixture(scope="class")
def gateway(server):
    made = Gateway(server.port)
    yield made
    made.close()


class TestErrors:
    CONF = CONF

    @pytest.mark.parametrize("n", range(len(BAD_CHATS)))
    def test_bad_chats(self, gateway, n):
        param, body = BAD_CHATS[n]
        got = gateway.post("/chat/completions", body)
        assert (got.status, got.error["type"]) == (400, "invalid_request_error"), got
        assert got.error["param"] == param, got

    def test_bad_prompts_and_inputs(self, gateway):
        for path, name in (("/completions", "prompt"), ("/embeddings", "input")):
            for more in ({}, {name: []}, {name: 7}, {name: {}}):
                got = gateway.post(path, {"model": "fake", **more})
                assert (got.status, got.error["param"]) == (400, name), got

    @pytest.mark.parametrize("body", [b"", b"{", b'{"model":"fake",}', b'{"model":NaN}',
                                      b'{"model":"\xff"}', b'{"model":"a\nb"}', b"null"],
                             ids=["empty", "open", "comma", "nan", "utf8", "control", "null"])
    def test_bad_json(self, gateway, body):
        got = gateway.post("/chat/completions", body)
        assert (got.status, got.error["type"]) == (400, "invalid_request_error"), got

    def test_levels(self, gateway):
        got = gateway.chat(headers={"X-LLMQ-Priority": "urgent"})
        assert (got.status, got.error["param"]) == (400, "X-LLMQ-Priority"), got

    def test_models(self, gateway):
        got = gateway.get("/models").json
        assert got["object"] == "list" and [m["id"] for m in got["data"]] == ["fake"], got
        one = gateway.get("/models/fake").json
        assert one == got["data"][0] and one["object"] == "model", one

    def test_unknown_models(self, gateway):
        got = gateway.chat(model="nobody's")
        assert (got.status, got.error["code"]) == (404, "model_not_found"), got
        assert "`nobody's`" in got.error["message"]
        for path in ("/models/nobody", "/models/some/body"):
            got = gateway.get(path)
            assert (got.status, got.error["code"]) == (404, "model_not_found"), got

    def test_unknown_routes(self, gateway):
        for path in ("", "/", "/chat", "/chat/completions/x", "/responses", "/files"):
            got = gateway.get(path)
            assert (got.status, got.error["code"]) == (404, "unknown_url"), got

    def test_methods(self, gateway):
        got = gateway.get("/chat/completions")
        assert (got.status, got.error["code"]) == (405, "method_not_supported"), got
        assert got.headers["allow"] == "POST, OPTIONS"
        got = gateway.call("DELETE", "/models/fake")
        assert (got.status, got.headers["allow"]) == (405, "GET, HEAD, OPTIONS"), got

    def test_media_types(self, gateway):
        got = gateway.post("/chat/completions", chat(), {"Content-Type": "text/plain"})
        assert (got.status, got.error["code"]) == (415, "unsupported_media_type"), got

    def test_sizes(self, server):
        gateway = Gateway(server.port, "/small")
        got = gateway.chat("x" * 300)
        assert (got.status, got.error["code"]) == (413, "request_too_large"), got
        gateway.close()

    def test_keys(self, server):
        gateway = Gateway(server.port, "/closed")
        for headers in ({}, {"Authorization": "Bearer sk-wrong"},
                        {"Authorization": "Bearer llmq_wrong"}):
            got = gateway.chat(headers=headers)
            assert (got.status, got.error["code"]) == (401, "invalid_api_key"), got
            assert got.headers["cache-control"] == "no-store"
            assert got.headers["www-authenticate"].startswith("Bearer")
        gateway.close()

    def test_the_shipped_location_wants_a_key(self, server):
        with contextlib.closing(Gateway(server.port, "/v1")) as gateway:
            assert gateway.get("/models").error["code"] == "invalid_api_key"
            assert gateway.get("/models", headers=bearer(token())).status == 200

    def test_rates(self, server):
        gateway = Gateway(server.port, "/rated")
        for left in ("1", "0"):
            got = gateway.chat(model="nobody")
            assert got.headers["x-ratelimit-limit-requests"] == "2", got
            assert got.headers["x-ratelimit-remaining-requests"] == left, got
        got = gateway.chat()
        assert (got.status, got.error["code"]) == (429, "rate_limit_exceeded"), got
        assert got.headers["x-ratelimit-remaining-requests"] == "0"
        assert got.headers["x-ratelimit-reset-requests"].endswith("s")
        assert int(got.headers["retry-after"]) > 0
        gateway.close()

    def test_maintenance(self, server):
        gateway = Gateway(server.port, "/shut")
        got = gateway.chat()
        assert (got.status, got.error["code"]) == (503, "maintenance"), got
        assert int(got.headers["retry-after"]) > 0
        gateway.close()

    def test_what_httpd_itself_refuses(self, server):
        got = server.raw(b"GET /open/models%00 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b'{"error":{"message":' in got and b"<" not in got.split(b"\r\n\r\n")[1], got
        assert b"x-request-id: req_" in got

    def test_nothing_was_begun(self, server, llm):
        assert llm.calls == []
        assert server.query("SELECT count(*) FROM llmq_jobs") == [(0,)]


class TestDirectives:
    @pytest.mark.parametrize("line", ["LLMQGatewayLinger 11s", "LLMQGatewayLinger soon",
                                      "LLMQGatewayKeepAlive 0", "LLMQGatewayKeepAlive 2h",
                                      "LLMQRelayBuffer 1", "LLMQRelayBuffer many",
                                      "<Location /x>\nLLMQRelayBuffer 5000\n</Location>"])
    def test_bad_ones(self, idle, line):
        idle.refusal(line)

    def test_good_ones(self, idle):
        idle.configure("LLMQGatewayLinger Off\nLLMQGatewayKeepAlive Off\nLLMQRelayBuffer 65536\n"
                       + openai.at(open="LLMQGatewayLinger 50ms\nLLMQGatewayKeepAlive 5s"))
        idle.start()
        idle.stop()
