"""The gateway as bytes: what OpenAI's interface answers where no SDK ever looks, which bytes
arrive at the backend, and the ways in which HTTP may bring a request."""

import contextlib
import gzip
import json
import socket

import pytest

from llmq_env import openai
from llmq_env.conf import fake, load
from llmq_env.fakellm import Plan
from llmq_env.openai import Gateway, chat
from llmq_env.tokens import bearer, token
from llmq_env.wait import SLOWNESS

MODELS = "LLMQModel fake fake=upstream\nLLMQModel qwen/qwen3:8b fake\n"
CONF = fake() + MODELS + load("deflate") + openai.at(
    open="LLMQMaxRetries 0", packed="SetInputFilter DEFLATE",
    tight="SetInputFilter DEFLATE\nLimitRequestBody 1000",
    slow="LLMQGatewayLinger Off\nLLMQMaxRetries 0")
HEAD = b"POST %s HTTP/%s\r\nHost: x\r\nContent-Type: application/json\r\n"
BODY = json.dumps(chat()).encode()


def post(server, more, body, path=b"/open/chat/completions", version=b"1.1"):
    """What comes back for a request that ends its connection: (head, body)."""
    with socket.create_connection(("127.0.0.1", server.port), 60 * SLOWNESS) as s:
        s.sendall(HEAD % (path, version) + b"Connection: close\r\n" + more + b"\r\n" + body)
        got = b""
        while block := s.recv(65536):
            got += block
    return got.split(b"\r\n\r\n", 1)


class TestWords:
    CONF = CONF

    def test_urls(self, gateway):
        for path in ("/x", "/chat/completions/x", "/%ff", "/models%2ffake", "/x?key=secret"):
            got = gateway.get(path)
            assert (got.status, got.error["code"]) == (404, "unknown_url"), got
            assert got.error["message"] == f"Invalid URL (GET /open{path.split('?')[0]})", got
            assert got.error["param"] is None
        got = gateway.get("/" + "x" * 4000)
        assert len(got.error["message"]) < 300

    def test_methods(self, gateway):
        for method in ("GET", "PUT", "PATCH", "DELETE", "BREW", "PROPFIND"):
            got = gateway.call(method, "/chat/completions")
            assert (got.status, got.headers["allow"]) == (405, "POST, OPTIONS"), got
            assert f"{method} on /open/chat/completions" in got.error["message"]
        got = gateway.call("HEAD", "/models")
        assert (got.status, got.body) == (200, b"") and int(got.headers["content-length"]) > 0

    def test_options(self, server):
        got = server.raw(b"OPTIONS /open/chat/completions HTTP/1.0\r\n\r\n")
        assert got.startswith(b"HTTP/1.1 204") and b"\r\nAllow: POST, OPTIONS\r\n" in got, got

    def test_codes(self, gateway):
        for code, param, body in [
                ("missing_required_parameter", "model", {"messages": []}),
                ("invalid_type", "model", {"model": ["fake"]}),
                ("invalid_value", "model", {"model": ""}),
                ("missing_required_parameter", "messages", {"model": "fake", "messages": None}),
                ("invalid_type", "messages", {"model": "fake", "messages": {}}),
                ("empty_array", "messages", {"model": "fake", "messages": []}),
                ("invalid_type", "messages[1]", {"model": "fake", "messages": [{"role": "a"}, 1]}),
                ("invalid_type", "messages[0].role", {"model": "fake", "messages": [{"role": 1}]}),
                ("invalid_type", "stream", chat(stream="true")),
                ("invalid_type", "stream_options", chat(stream=True, stream_options=True)),
                (None, "stream_options", chat(stream=False, stream_options={})),
                (None, None, b"{")]:
            got = gateway.post("/chat/completions", body)
            assert (got.status, got.error["code"], got.error["param"]) == (400, code, param), got
        assert got.error["message"].startswith("The body is not valid JSON: "), got

    def test_headers(self, gateway, llm):
        """On each answer, refusals and httpd's own errors included."""
        llm.plans = [Plan(), Plan(status=400)]
        for got in (gateway.chat(), gateway.chat(), gateway.chat(model="nope"),
                    gateway.get("/models"), gateway.get("/models/fake"), gateway.get("/nope"),
                    gateway.get("/models%00"), gateway.chat(stream=True)):
            assert got.headers["openai-version"] == "2020-10-01"
            assert int(got.headers["openai-processing-ms"]) >= 0

    def test_ids_are_our_own(self, gateway, llm):
        """Whatever the client sends: another's could be guessed, or not be one."""
        got = gateway.chat(headers={"X-Request-Id": "mine", "X-Client-Request-Id": "mine, too"})
        assert llm.calls[0].headers["X-Request-Id"] == got.headers["x-request-id"] != "mine"


class TestNames:
    CONF = CONF

    def test_slashes_and_colons(self, gateway, llm):
        for path in ("qwen/qwen3:8b", "qwen%2Fqwen3:8b", "qwen%2fqwen3%3A8b"):
            got = gateway.get("/models/" + path)
            assert (got.status, got.json.get("id")) == (200, "qwen/qwen3:8b"), got
        assert gateway.chat(model="qwen/qwen3:8b").status == 200

    def test_they_lead_nowhere_else(self, gateway, server):
        for path in ("..%2F..%2Fetc%2Fpasswd", "%2E%2E%2F..%2Fmodels", "%2F", "qwen%252Fqwen3:8b"):
            got = gateway.get("/models/" + path)
            assert (got.status, got.json["error"]["type"]) == (404, "invalid_request_error"), got
        assert gateway.get("/models%2Fqwen").error["code"] == "unknown_url"
        assert server.raw(b"GET /a%2Fb HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 404")


class TestBytes:
    """All but the model's name arrives as it was sent, and comes back as it was answered."""

    CONF = CONF

    @pytest.mark.parametrize("n", range(6))
    def test_requests(self, gateway, llm, n):
        message = b'"messages":[{"role":"user","content":"x"}]'
        body = [
            b'{"a":1.0,"b":1e400,"c":-0,"d":1E+2,"e":0.1000,"model":%s,' + message + b"}",
            b'{"big":123456789012345678901234567890,"id":18446744073709551616,' + message
            + b',"model":%s}',
            b'{"model":%s,"u":"\\u00e9\\/\\ud83d\\ude00",' + message + b"}",
            b' {\r\n\t"z":[ ],"model" : %s , "a":{ "model" : "other" },' + message + b"\n}\n",
            b'{"seed":1,"seed":2,"model":%s,' + message + b',"k":{},"k":{}}',
            b'{"":0,"model":%s,"\xc3\xa9":"\xf0\x9f\x98\x80\x7f",' + message + b"}"][n]
        got = gateway.post("/chat/completions", body % b'"fake"')
        assert got.status == 200, got
        assert llm.calls[0].raw == body % b'"upstream"'

    def test_usage_is_asked_for_in_streams(self, gateway, llm):
        """The one field that is added, to count by."""
        body = b'{"stream":true,"n":1.0,"model":"fake","messages":[{"role":"user","content":"x"}]}'
        assert list(gateway.post("/chat/completions", body))
        assert llm.calls[0].raw == body.replace(b'"fake"', b'"upstream"')[:-1] \
            + b',"stream_options":{"include_usage":true}}'

    def test_answers(self, gateway, llm):
        body = b'{ "big":1e400,"n":1.0,"model":"m","k":1,"k":2,"u":"\\u00e9", "choices":[]}'
        llm.plans = [Plan(body=body)]
        assert gateway.chat().body == body

    def test_pieces(self, server, llm):
        chunks = ['{"n":1.0,"b":1e400, "choices":[{"index":0,"delta":{"content":"\\u00e9"}}]}',
                  '{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"k":1,"k":2}']
        llm.plans = [Plan(chunks=chunks)]
        body = json.dumps(chat(stream=True)).encode()
        head, got = post(server, b"Content-Length: %d\r\n" % len(body), body, version=b"1.0")
        assert b"\r\nContent-Type: text/event-stream; charset=utf-8" in head
        assert got.decode() == "".join(f"data: {c}\n\n" for c in [*chunks, "[DONE]"])


class TestLarge:
    CONF = CONF

    @pytest.mark.parametrize("linger", ["open", "slow"])
    def test_vectors(self, server, llm, linger):
        """2,048 inputs at once are usual."""
        body = json.dumps({"object": "list", "data": ["x" * 9_000_000]}).encode()
        llm.plans = [Plan(body=body)]
        with contextlib.closing(Gateway(server.port, "/" + linger)) as gateway:
            got = gateway.post("/embeddings", {"model": "fake", "input": ["x"] * 2048})
            assert got.body == body
            llm.plans = [Plan(body=body)] * 9
            got = gateway.chat()
            assert (got.status, got.error["type"]) == (502, "server_error"), got
            llm.plans = []


class TestWays:
    CONF = CONF
    EXPECT = ("AH02648",)   # mod_deflate's own for what becomes too large

    def test_chunked(self, server):
        pieces = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (BODY[:7], BODY[7:], b""))
        head, got = post(server, b"Transfer-Encoding: chunked\r\n", pieces)
        assert head.startswith(b"HTTP/1.1 200") and b"answer to Hello" in got

    def test_expectations(self, server):
        more = b"Expect: 100-continue\r\nContent-Length: %d\r\n" % len(BODY)
        first, got = post(server, more, BODY)
        assert first == b"HTTP/1.1 100 Continue" and got.startswith(b"HTTP/1.1 200"), got

    def test_types(self, gateway):
        for kind in ("application/json; charset=utf-8", "Application/JSON"):
            assert gateway.post("/chat/completions", chat(), {"Content-Type": kind}).status == 200
        for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data",
                     "application/json; charset=latin-1"):
            got = gateway.post("/chat/completions", chat(), {"Content-Type": kind})
            assert (got.status, got.error["param"]) == (415, "Content-Type"), got

    def test_packed_bodies(self, server, gateway, llm):
        """Taken where httpd unpacks them, and no larger than they may be unpacked."""
        encoding = {"Content-Encoding": "gzip"}
        got = gateway.post("/chat/completions", gzip.compress(BODY), encoding)
        assert (got.status, got.error["param"]) == (415, "Content-Encoding"), got
        with contextlib.closing(Gateway(server.port, "/packed")) as packed:
            assert packed.post("/chat/completions", gzip.compress(BODY), encoding).status == 200
            assert packed.post("/chat/completions", chat()).status == 200
            got = packed.post("/chat/completions", gzip.compress(BODY),
                              {"Content-Encoding": "br"})
            assert got.status == 415
        assert [call.content for call in llm.calls] == ["Hello", "Hello"]
        large = gzip.compress(json.dumps(chat("x" * 100_000)).encode())
        assert len(large) < 1000
        with contextlib.closing(Gateway(server.port, "/tight")) as tight:
            got = tight.post("/chat/completions", large, encoding)
            assert (got.status, got.error["code"]) == (413, "request_too_large"), got

CORS = """
<Location /web>
SetHandler llmq-openai
LLMQAuth On
Require all granted
Header always set Access-Control-Allow-Origin "https://app.example"
<If "%{REQUEST_METHOD} == 'OPTIONS'">
LLMQAuth Off
Header always set Access-Control-Allow-Methods "GET, POST"
Header always set Access-Control-Allow-Headers "authorization, content-type"
</If>
</Location>
"""


class TestPackedAnswers:
    """Where the configuration compresses by type: never an answer that says it is and is not."""

    CONF = fake() + load("filter", "deflate") + openai.at(open="", slow="LLMQGatewayLinger Off") + \
        "AddOutputFilterByType DEFLATE application/json text/event-stream\n"

    @pytest.mark.parametrize("base", ["/open", "/slow"])
    def test_with_encodings_accepted(self, server, base):
        with contextlib.closing(Gateway(server.port, base, {"Accept-Encoding": "gzip"})) as gateway:
            for method, path, body in (("POST", "/chat/completions", chat("x" * 5000)),
                                       ("GET", "/models", None), ("GET", "/nope", None),
                                       ("POST", "/chat/completions", chat(model="nope"))):
                gateway.send(method, path, body)
                got = gateway.connection.getresponse()
                data = got.read()
                if got.getheader("Content-Encoding") == "gzip":
                    data = gzip.decompress(data)
                json.loads(data)
            got = gateway.chat("Hi", stream=True)
            assert "content-encoding" not in got.headers and list(got) and got.done


class TestBrowsers:
    """CORS is httpd's: a preflight has no key, and answers of any kind have its headers."""

    CONF = fake() + load("headers") + "LLMQTokenSecret {dir}/secret\n" + CORS

    def test_preflights_and_calls(self, server):
        origin = {"Origin": "https://app.example"}
        with contextlib.closing(Gateway(server.port, "/web", origin)) as web:
            web.open()
            web.connection.request("OPTIONS", "/web/chat/completions", None,
                                   {**origin, "Access-Control-Request-Method": "POST"})
            got = web.connection.getresponse()
            assert got.status == 204 and got.getheader("Access-Control-Allow-Methods")
            for got in (web.chat(), web.chat(headers=bearer(token())),
                        web.chat(headers=bearer(token()), stream=True),
                        web.chat(model="nope", headers=bearer(token())), web.get("/nope")):
                assert got.headers["access-control-allow-origin"] == "https://app.example"
            assert web.chat().status == 401
