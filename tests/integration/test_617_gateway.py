"""The gateway from end to end: from its clients to a backend and back, with the server's own
dispatcher."""

import contextlib
import json
import subprocess

import pytest

from llmq_env import openai, tls
from llmq_env.conf import fake, load
from llmq_env.fakellm import Plan
from llmq_env.httpd import ROOT
from llmq_env.openai import Gateway, chat, text_of
from llmq_env.tokens import bearer, token
from llmq_env.wait import until

ONE = fake("LLMQBackendConcurrency 1")
OPEN = openai.at(open="LLMQGatewayKeepAlive 1s\nLLMQMaxWait 60s")
CANCELED = 5


@pytest.fixture
def crowd(server):
    """More connections, closed at the end."""
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(contextlib.closing(Gateway(server.port)))


def statuses(server):
    return [row[0] for row in server.query("SELECT status FROM llmq_jobs ORDER BY seq")]


class TestAnswers:
    CONF = fake() + OPEN + openai.at(other="LLMQTenant other")

    def test_whole(self, gateway, llm):
        got = gateway.chat("What?", temperature=0.5, tools=[{"x": 1}], seed=7)
        assert got.json["choices"][0]["message"]["content"] == "answer to What?", got
        assert got.json["usage"]["total_tokens"] == 8
        body = llm.calls[0].body
        assert (body["temperature"], body["tools"], body["seed"]) == (0.5, [{"x": 1}], 7)
        assert llm.calls[0].headers["X-Request-Id"] == got.headers["x-request-id"]

    def test_in_pieces(self, gateway):
        got = gateway.chat("one two three", stream=True)
        events = list(got)
        assert text_of(events).strip() == "answer to one two three" and got.done
        assert not any(event.get("usage") for event in events)
        events = list(gateway.chat("x", stream=True, stream_options={"include_usage": True}))
        assert events[-1]["usage"]["total_tokens"] == 8

    def test_other_lists_do_not_show_them(self, gateway, server, api):
        name = gateway.chat().headers["x-request-id"]
        assert api.get("/messages").data["pagination"]["total"] == 0
        assert api.get(f"/messages/{name}").status == 404
        assert api.delete(f"/messages/{name}").status == 404
        until(lambda: set(statuses(server)) == {2}, "all are completed")

    def test_errors_of_the_backend(self, gateway, llm):
        llm.plans = [Plan(status=400)]
        got = gateway.chat()
        assert (got.status, got.error["message"]) == (400, "as planned"), got

    def test_tried_again_before_the_first_piece(self, gateway, llm):
        llm.plans = [Plan(status=500), Plan(drop="before")]
        assert gateway.chat("x").status == 200
        llm.plans = [Plan(status=500)]
        assert text_of(gateway.chat("x", stream=True)).strip() == "answer to x"

    def test_not_tried_again_after_it(self, gateway, llm):
        llm.plans = [Plan(drop="body")]
        got = gateway.chat("x y", stream=True)
        events = list(got)
        assert text_of(events[:-1]).startswith("answer") and "error" in events[-1], events
        assert not got.done and len(llm.calls) == 1

    def test_another_tenant(self, server, llm):
        with contextlib.closing(Gateway(server.port, "/other")) as other:
            name = other.chat().headers["x-request-id"]
        rows = server.query(f"SELECT tenant FROM llmq_jobs WHERE id = '{name}'")
        assert rows == [("other",)]


class TestWaiting:
    CONF = ONE + OPEN

    def test_levels(self, crowd, llm):
        """The header, else the tier, else what is said."""
        llm.hold()
        first = crowd().begin("first")
        llm.until_calls(1)
        asked = {"low": ({"X-LLMQ-Priority": "low"}, {}), "flex": ({}, {"service_tier": "flex"}),
                 "none": ({}, {}), "auto": ({}, {"service_tier": "auto"}),
                 "tier": ({}, {"service_tier": "priority"}), "urgent now": ({}, {}),
                 "header": ({"X-LLMQ-Priority": "realtime"}, {"service_tier": "flex"})}
        waiting = []
        for content, (headers, more) in asked.items():
            waiting.append(crowd().begin(content, headers, stream=True, **more))
        streams = [gateway.receive() for gateway in waiting]
        for stream in streams:
            until(lambda stream=stream: "position" in stream.comment(), "its place in the queue")
        llm.release()
        until(lambda: len(llm.calls) == 8, "all calls")
        assert first.receive().status == 200
        order = llm.contents()
        assert order[1] == "header" and set(order[2:4]) == {"tier", "urgent now"}, order
        assert set(order[4:6]) == {"none", "auto"} and set(order[6:]) == {"low", "flex"}, order

    def test_who_leaves_the_queue_is_never_called(self, server, crowd, llm):
        llm.hold()
        first = crowd().begin("first")
        llm.until_calls(1)
        leaver = crowd().begin("leaver", stream=True)
        name = leaver.receive().headers["x-request-id"]
        leaver.hang_up()
        until(lambda: server.query(f"SELECT status FROM llmq_jobs WHERE id = '{name}'")
              == [(CANCELED,)], "its end")
        llm.release()
        assert first.receive().status == 200
        assert llm.contents() == ["first"]

    def test_who_leaves_ends_the_call(self, server, crowd, llm):
        llm.default = Plan(pieces=["a", "b"], stall=1)
        leaver = crowd().begin("leaver", stream=True)
        got = leaver.receive()
        assert text_of([next(iter(got))]) == "a"
        name = got.headers["x-request-id"]
        leaver.hang_up()
        until(lambda: server.query(f"SELECT status FROM llmq_jobs WHERE id = '{name}'")
              == [(CANCELED,)], "its end")
        llm.default = Plan()
        with contextlib.closing(Gateway(server.port)) as other:
            assert other.chat().status == 200   # its place is free


class TestTimes:
    """A completion has a time of its own, and a backend's where that is named."""

    CONF = (fake() + fake("LLMQBackendFirstTimeout 300ms").replace("fake>", "quick>")
            + "LLMQModel fake fake=m\nLLMQModel quick quick=m\nLLMQMaxRetries 0\n"
            + openai.at(open="LLMQTimeout 300ms", short="LLMQGatewayTimeout 300ms"))

    def test_the_time_of_messages_does_not_count(self, gateway, llm):
        llm.default = Plan(delay=1)
        assert gateway.chat("x").status == 200
        assert text_of(gateway.chat("x", stream=True)).strip() == "answer to x"

    @pytest.mark.parametrize("more", [{}, {"stream": True}], ids=["whole", "stream"])
    def test_its_own_does(self, server, llm, more):
        llm.default = Plan(silent=True)
        with contextlib.closing(Gateway(server.port, "/short")) as short:
            got = short.chat("x", **more)
        assert (got.status, got.error["type"]) == (504, "server_error"), got

    def test_the_backends_does_where_it_is_named(self, gateway, llm):
        llm.default = Plan(silent=True)
        assert gateway.chat("x", model="quick").status == 504

    def test_bad_values(self, idle):
        for value in ("", "0", "2d", "soon"):
            idle.refusal(f"LLMQGatewayTimeout {value}", "LLMQGatewayTimeout", 1)


class TestDeaths:
    CONF = fake("LLMQBackendConcurrency 40") + OPEN + "LLMQQueueConcurrency normal 40\n"
    EXPECT = ("LLMQ0807", "LLMQ0702", "LLMQ0710", "LLMQ0711")

    def test_the_dispatcher_dies(self, server, crowd, llm):
        llm.hold()
        waiting = [crowd().begin(f"w{i}", stream=i % 2 == 1) for i in range(10)]
        llm.until_calls(10)
        died = server.kill_dispatcher()
        server.until_dispatcher(other_than=died)
        llm.release()
        for i, gateway in enumerate(waiting):
            got = gateway.receive()
            assert got.status == 200
            if i % 2:
                assert text_of(got).strip() == f"answer to w{i}" and got.done
            else:
                assert got.json["choices"][0]["message"]["content"] == f"answer to w{i}"

    def test_it_dies_within_an_answer(self, server, crowd, llm):
        llm.default = Plan(pieces=["a", "b"], stall=1)
        got = crowd().begin("x", stream=True).receive()
        events = iter(got)
        assert text_of([next(events)]) == "a"
        died = server.kill_dispatcher()
        rest = [event for event in events if "error" in event]
        assert rest[-1]["error"]["code"] == "scheduler_unavailable" and not got.done
        server.until_dispatcher(other_than=died)
        until(lambda: set(statuses(server)) <= {2, CANCELED}, "nothing is left")

    def test_graceful_restarts(self, server, crowd, llm):
        """What runs is finished by the old dispatcher, what waits by the new one."""
        before = len(statuses(server))
        llm.hold()
        running = [crowd().begin(f"r{i}", stream=i % 2 == 1) for i in range(40)]
        llm.until_calls(40)
        waiting = [crowd().begin(f"w{i}", stream=i % 2 == 1) for i in range(20)]
        until(lambda: len(statuses(server)) == before + 60, "all are stored")
        server.graceful()
        more = [crowd().begin(f"m{i}") for i in range(5)]
        llm.release()
        for gateway in running + waiting + more:
            got = gateway.receive()
            assert got.status == 200
            if isinstance(got, openai.Stream):
                assert text_of(got).startswith("answer to ") and got.done
        contents = llm.contents()
        assert len(contents) == len(set(contents)) == 65, "each was called once"


class TestExample:
    """conf/examples/gateway.conf does what it says."""

    CONF = "Define LLMQ_GATEWAY_URL {llm}\nLLMQTokenSecret {dir}/secret\nInclude " \
        + str(ROOT / "conf" / "examples" / "gateway.conf") + "\n"

    def test_it_works(self, server, llm):
        with contextlib.closing(Gateway(server.port, "/v1", bearer(token()))) as gateway:
            got = gateway.chat("Hi", model="small")
            assert got.status == 200 and llm.calls[0].body["model"] == "llama3"
            assert got.headers["x-ratelimit-limit-requests"] == "60"
            assert [m["id"] for m in gateway.get("/models").json["data"]] == ["small"]


class TestTLS:
    """Parked as well: what TLS has to say goes through the stream."""

    def test_whole_and_in_pieces(self, workspace, store, new_server, llm):
        port, host = tls.host(workspace)
        server = new_server(store, fake().replace("{llm}", llm.url) + host
                            + openai.at(open="LLMQGatewayLinger Off"))
        server.log.always.update(tls.EXPECT)
        server.start()
        got = self.ask(port, chat("Hi"))
        assert got.endswith("}") and "answer to Hi" in got
        assert self.ask(port, chat("Hi", stream=True)).endswith("data: [DONE]\n\n")
        assert '"model_not_found"' in self.ask(port, chat(model="nobody"))

    def ask(self, port, body):
        done = subprocess.run(
            ["curl", "-skN", "--http1.1", "-m", "120", "-H", "Content-Type: application/json",
             "-d", json.dumps(body), f"https://127.0.0.1:{port}/open/chat/completions"],
            check=True, capture_output=True, text=True)
        return done.stdout


class TestHTTP2:
    CONF = fake() + load("http2") + "Protocols h2c http/1.1\n" + OPEN
    EXPECT = ("AH10034",)

    def curl(self, server, body):
        done = subprocess.run(
            ["curl", "-sN", "--http2-prior-knowledge", "-m", "120", "-w", "\n%{http_version}",
             "-H", "Content-Type: application/json", "-d", json.dumps(body),
             f"http://127.0.0.1:{server.port}/open/chat/completions"],
            check=True, capture_output=True, text=True)
        text, version = done.stdout.rsplit("\n", 1)
        assert version == "2"
        return text

    def test_whole_and_in_pieces(self, server, mpm, llm):
        if mpm == "prefork":
            pytest.skip("mod_http2 does not work there")
        got = json.loads(self.curl(server, chat("Hi")))
        assert got["choices"][0]["message"]["content"] == "answer to Hi"
        got = self.curl(server, chat("Hi", stream=True))
        assert got.endswith("data: [DONE]\n\n") and '"answer "' in got
        got = json.loads(self.curl(server, chat(model="nobody")))
        assert got["error"]["code"] == "model_not_found"
