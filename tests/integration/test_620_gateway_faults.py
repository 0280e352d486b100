"""Backends of the gateway that break every rule: what the client is told, what is tried again,
and that nothing is left behind or given away."""

import contextlib
import gzip
import json
import pathlib

import pytest

from llmq_env import openai
from llmq_env.badllm import (CHUNKED, STREAM, answer, backend, break_off, chunk, completion,
                             error, events, fall_silent, go_on_for_ever, http, say)
from llmq_env.openai import Gateway, text_of
from llmq_env.wait import until

KEY = "sk-verysecret0123456789"
COMPLETED, FAILED, CANCELED, TIMEOUT = 2, 3, 5, 4


@pytest.fixture(scope="class")
def server(request, store, new_server, badllm, llm):
    """With the file of the backend's key."""
    made = new_server(store)
    (made.dir / "key").write_text(KEY)
    (made.dir / "key").chmod(0o644)
    conf = request.cls.CONF.replace("{bad}", badllm.url).replace("{llm}", llm.url)
    made.configure(conf.replace("{dir}", str(made.dir)))
    made.start()
    return made


def rows(server):
    return server.query("SELECT status FROM llmq_jobs ORDER BY seq")


def last_row(server):
    """Status, attempts and error of the newest job, once it has ended."""
    def look():
        found = server.query("SELECT status, attempt, error FROM llmq_jobs"
                             " ORDER BY seq DESC LIMIT 1")
        return found and found[0][0] in (COMPLETED, FAILED, CANCELED, TIMEOUT) and found[0]
    return until(look, "the end of the row")


GOOD = json.dumps(completion()).encode()
ONE, TWO, LAST, DONE = chunk("one "), chunk("two"), chunk(finish="stop"), "[DONE]"

# What is no answer: it is tried again, and the next one counts.
NO_ANSWERS = {
    "nothing": say(),
    "reset": break_off(),
    "half_headers": say(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "headers": say(http(length=100)),
    "half_body": say(answer(length=1000)),
    "half_body_reset": break_off(answer(length=1000)),
    "half_chunk": say(CHUNKED + b"40\r\n" + GOOD[:20]),
    "wrong_chunk": say(CHUNKED + b"zz\r\n" + GOOD + b"\r\n0\r\n\r\n"),
    "no_http": say(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "no_json": say(http(body=b"<html>Bad gateway</html>")),
    "list": say(http(body=b"[1]")),
    "cut_json": say(http(body=GOOD[:-1])),
    "two_jsons": say(http(body=GOOD + GOOD)),
    "empty": say(http()),
    "no_content": say(http("204 No Content", length=-1)),
    "utf8": say(http(body=GOOD.replace(b"well", b"we\xff\xfe"))),
    "deep": say(http(body=b'{"a":' + b"[" * 5000 + b"]" * 5000 + b"}")),
    "gzip": say(http(body=gzip.compress(GOOD), headers=["Content-Encoding: gzip"])),
    "redirect": say(http("302 Found", headers=["Location: http://127.0.0.1:1/"])),
    "forever_redirect": say(http("308 Permanent Redirect", headers=["Location: /v1"])),
    "not_modified": say(http("304 Not Modified", length=-1)),
    "500": say(error("as planned")),
    "503": say(error("as planned", "503 Service Unavailable")),
    "no_error_object": say(http("502 Bad Gateway", b"<html>nginx</html>")),
    "too_large": say(answer("x" * 300000)),
    "endless": go_on_for_ever(http(length=10 ** 10), b"x" * 65536),
    "late": fall_silent(),
    "slow_headers": fall_silent(b"HTTP/1.1 200 OK\r\n"),
    "error_of_200": say(http(body=b'{"error":{"message":"busy","code":503}}')),
}

# The same for streams: nothing was passed on before it.
NO_STREAMS = {
    "nothing": say(),
    "headers": say(STREAM),
    "comments": say(STREAM + b": ping\n\n: ping\n\n"),
    "half_event": break_off(CHUNKED + b"40\r\ndata: {"),
    "no_json": say(STREAM + events("hello")),
    "list": say(STREAM + events("[1]")),
    "done_alone": say(STREAM + events(DONE)),
    "html": say(http(body=b"<html></html>")),
    "error_first": say(STREAM + events('{"error":{"message":"busy","code":503}}')),
    "500": say(error("as planned")),
    "long_line": say(STREAM + b"data: " + b"x" * 300000),
    "late": fall_silent(),
    "silent_headers": fall_silent(STREAM),
    "silent_comments": fall_silent(STREAM + b": ping\n\n"),
}

# Streams that are whole, however they look.
STREAMS = {
    "plain": STREAM + events(ONE, TWO, LAST, DONE),
    "crlf": STREAM + events(ONE, TWO, LAST, DONE, end="\r\n"),
    "cr": STREAM + events(ONE, TWO, LAST, DONE, end="\r"),
    "bom": STREAM + b"\xef\xbb\xbf" + events(ONE, TWO, LAST, DONE),
    "comments": STREAM + b": hi\n\n" + events(ONE) + b":\n:x\n" + events(TWO, LAST, DONE),
    "fields": STREAM + b"event: x\nid: 1\nretry: 5\n" + events(ONE, TWO, LAST, DONE),
    "no_blank": STREAM + events(ONE, TWO, LAST, DONE).replace(b"data: ", b"data:"),
    "lines": STREAM + events(ONE.replace(", ", ",\ndata: "), TWO, LAST, DONE),
    "no_done": STREAM + events(ONE, TWO, LAST),
    "no_last_line": STREAM + events(ONE, TWO, LAST, DONE)[:-2],
    "two_dones": STREAM + events(ONE, TWO, LAST, DONE, DONE),
    "after_done": STREAM + events(ONE, TWO, LAST, DONE, chunk("three"), "garbage"),
    "no_finish": STREAM + events(ONE, TWO, DONE),
    "http_1_0": b"HTTP/1.0 200 OK\r\n\r\n" + events(ONE, TWO, LAST, DONE),
    "wrong_type": http(body=events(ONE, TWO, LAST, DONE), headers=["X-A: b"]),
    "chunked": CHUNKED + b"".join(b"1\r\n%c\r\n" % c for c in events(ONE, TWO, LAST, DONE))
    + b"0\r\n\r\n",
    "continue": b"HTTP/1.1 100 Continue\r\n\r\n" + STREAM + events(ONE, TWO, LAST, DONE),
}

# Streams that break after a piece.
BROKEN = {
    "end": say(STREAM + events(ONE)),
    "reset": break_off(STREAM + events(ONE)),
    "half_event": say(STREAM + events(ONE) + b"data: {\"choi"),
    "half_chunk": break_off(CHUNKED + b"%x\r\n" % len(events(ONE)) + events(ONE) + b"\r\n40\r\n{"),
    "error": say(STREAM + events(ONE, '{"error":{"message":"broke","type":"x","code":null}}')),
    "silence": fall_silent(STREAM + events(ONE)),
    "long_line": say(STREAM + events(ONE) + b"data: " + b"x" * 300000),
    "bad_usage": say(STREAM + events(ONE, '{"usage": oh no')),
}


# What only a time-out ends. Elsewhere none may come before the backend has had its say, however
# slow it is about it.
SILENT = ("late", "slow_headers", "silent_headers", "silent_comments")


def faulty(name, first, total):
    return backend(name, "{bad}", "LLMQBackendKeyFile {dir}/key", "LLMQBackendMaxAnswer 200000",
                   f"LLMQBackendFirstTimeout {first}", f"LLMQBackendTotalTimeout {total}",
                   "LLMQBackendMaxFailures 0") + f"LLMQModel {name} {name}\n"


class TestFaults:
    CONF = ("LLMQRetryDelay 1ms 1ms\n" + faulty("fake", "10min", "10min")
            + faulty("hasty", "1s", "2s") + faulty("fallen", "10min", "8s")
            + openai.at(open="LLMQMaxRetries 2", often="LLMQMaxRetries 20",
                        never="LLMQMaxRetries 0"))

    @pytest.fixture
    def often(self, server):
        """Where an answer that comes too late, as the machine is slow, is asked for again."""
        with contextlib.closing(Gateway(server.port, "/often")) as made:
            yield made

    @pytest.fixture
    def never(self, server):
        with contextlib.closing(Gateway(server.port, "/never")) as made:
            yield made

    @pytest.mark.parametrize("name", NO_ANSWERS)
    def test_tried_again(self, gateway, often, badllm, server, name):
        badllm.acts.append(NO_ANSWERS[name])
        got = often.chat(model="hasty") if name in SILENT else gateway.chat()
        assert (got.status, got.json) == (200, completion()), got
        assert len(badllm.asked) >= 2
        assert last_row(server)[0] == COMPLETED

    @pytest.mark.parametrize("name", NO_STREAMS)
    def test_stream_tried_again(self, gateway, often, badllm, server, name):
        badllm.acts.append(NO_STREAMS[name])
        badllm.default = say(STREAMS["plain"])
        got = often.chat(model="hasty", stream=True) if name in SILENT \
            else gateway.chat(stream=True)
        assert text_of(got) == "one two" and got.done
        assert len(badllm.asked) >= 2
        assert last_row(server)[0] == COMPLETED

    @pytest.mark.parametrize("name", NO_ANSWERS)
    def test_given_up(self, never, badllm, server, name):
        badllm.default = NO_ANSWERS[name]
        got = never.chat(model="hasty" if name in SILENT else "fake")
        assert got.status in (500, 502, 503, 504), got
        assert (got.status == 504) == (name in SILENT), got
        assert "127.0.0.1" not in got.error["message"], got
        status, _, why = last_row(server)
        assert status in (FAILED, TIMEOUT) and why

    @pytest.mark.parametrize("name", STREAMS)
    def test_streams(self, gateway, badllm, server, name):
        badllm.default = say(STREAMS[name])
        got = gateway.chat(stream=True)
        assert text_of(got) == "one two" and got.done
        assert last_row(server)[:2] == (COMPLETED, 0) and len(badllm.asked) == 1

    @pytest.mark.parametrize("name", BROKEN)
    def test_broken_streams(self, gateway, badllm, server, name):
        badllm.default = BROKEN[name]
        got = gateway.chat(model="fallen" if name == "silence" else "fake", stream=True)
        first, last = list(got)
        assert text_of([first]) == "one " and last["error"]["message"] and not got.done
        assert last_row(server)[0] in (FAILED, TIMEOUT) and len(badllm.asked) == 1

    def test_nothing_is_left_behind(self, server, never, badllm):
        """No descriptors, no memory, no places: the same backend takes as many calls as before."""
        dispatcher = server.until_dispatcher()

        slow = (*SILENT, "silence")
        acts = [(act, stream) for acts, stream in ((NO_ANSWERS, False), (BROKEN, True))
                for name, act in acts.items() if name not in slow]

        def round_of_faults():
            for act, stream in acts:
                badllm.default = act
                got = never.chat(stream=stream)
                if isinstance(got, openai.Stream):
                    *_, last = got
                    assert "error" in last

        def descriptors():
            return len(list(pathlib.Path(f"/proc/{dispatcher}/fd").iterdir()))

        round_of_faults()
        before = descriptors()
        for _ in range(3):
            round_of_faults()
        until(lambda: descriptors() <= before + 2, "descriptors to be closed")
        badllm.reset()
        assert never.chat().status == 200


class TestWhatIsPassedOn:
    CONF = ("LLMQRetryDelay 1ms 1ms\nLogLevel llmq:trace1\n"
            + backend("bad", "{bad}", "LLMQBackendKeyFile {dir}/key", "LLMQBackendMaxFailures 0")
            + "LLMQModel fake bad=up\n" + openai.at(open="LLMQMaxRetries 0"))

    @pytest.mark.parametrize("status, reason", [(400, "Bad Request"), (401, "Unauthorized"),
                                                (403, "Forbidden"), (404, "Not Found"),
                                                (422, "Unprocessable Entity"), (418, "Teapot"),
                                                (429, "Too Many Requests"), (500, "Oops"),
                                                (529, "Overloaded"), (599, "Odd")])
    @pytest.mark.parametrize("stream", [False, True])
    def test_statuses(self, gateway, badllm, status, reason, stream):
        badllm.default = say(error("as planned", f"{status} {reason}", code="c"))
        got = gateway.chat(stream=stream)
        assert (got.status, got.error["message"], got.error["code"]) == (status, "as planned", "c")

    @pytest.mark.parametrize("stream", [False, True])
    def test_secrets(self, server, gateway, badllm, stream):
        """The backend's key and address are nobody's business, the client's headers not its."""
        words = (f"bad key {KEY}: Bearer {KEY} at {badllm.url}/chat/completions, "
                 f"127.0.0.1:{badllm.port},"
                 " see https://internal.example/x?key=y, sk-other")
        for act in (say(error(words, "401 Unauthorized", type=KEY, param=badllm.url, code=KEY)),
                    say(http(body=json.dumps({"error": words}).encode(), status="400 Bad")),
                    say((STREAM + events(json.dumps({"error": {"message": words, "code": KEY}})))
                        if stream else error(words, "200 OK", type=KEY, code=KEY))):
            badllm.default = act
            gateway.send("POST", "/chat/completions", openai.chat(stream=stream),
                         {"X-Api-Key": "k-mine", "X-Mine": "1", "Cookie": "a=b"})
            got = gateway.receive()
            assert "bad key" in got.error["message"] and got.status >= 400, got
            for secret in (KEY, "sk-other", "internal.example", str(badllm.port)):
                assert secret.encode() not in got.body, got
            assert KEY not in last_row(server)[2] and str(badllm.port) not in last_row(server)[2]
        asked = badllm.asked[0].headers
        assert asked["authorization"] == f"Bearer {KEY}", asked
        assert "x-mine" not in asked and "cookie" not in asked and "k-mine" not in str(asked)
        log = server.log.text()
        assert KEY not in log and "k-mine" not in log and f"127.0.0.1:{badllm.port}" not in log

    @pytest.mark.parametrize("stream", [False, True])
    def test_headers(self, gateway, badllm, stream):
        """None of the backend's, good or bad."""
        more = ["Set-Cookie: a=b", "X-Upstream: 1", "Server: secret/1", "Via: 1.1 x",
                "Access-Control-Allow-Origin: *", "openai-organization: o", "Keep-Alive: timeout=5",
                "x-ratelimit-limit-requests: 3", "Strict-Transport-Security: max-age=1",
                "x-request-id: theirs", "Trailer: X-Late", "Upgrade: h2c", "Location: http://x/"]
        head = ("\r\n".join(more) + "\r\n").encode()
        good = STREAM[:-2] + head + b"\r\n" + events(ONE, LAST, DONE) if stream \
            else answer(headers=more)
        for act in (good, error("as planned", "400 Bad Request", more)):
            badllm.default = say(act)
            got = gateway.chat(stream=stream)
            if isinstance(got, openai.Stream):
                assert text_of(got) == "one "
            for line in more:
                name, value = line.split(": ")
                assert got.headers.get(name.lower(), "") != value, got.headers
            assert "set-cookie" not in got.headers and "upgrade" not in got.headers

    @pytest.mark.parametrize("header, wanted", [
        ("Retry-After: 1", "1"), ("retry-after-ms: 100", "1"), ("retry-after-ms: -5", None),
        ("Retry-After: 30\r\nretry-after-ms: 1100", "2"), ("Retry-After: soon", None),
        ("Retry-After: 99999999999999999999", None), ("Retry-After: -1", None),
        ("retry-after-ms: 99999999999999999999", None), ("Retry-After: 0", None)],
        ids=["seconds", "msec", "negative_msec", "both", "word", "huge", "negative", "huge_msec",
             "zero"])
    def test_retry_after(self, gateway, badllm, header, wanted):
        badllm.default = say(error("slow down", "429 Too Many Requests", [header]))
        got = gateway.chat()
        assert (got.status, got.headers.get("retry-after")) == (429, wanted), got

    def test_names_of_models_with_anything_in_them(self, server, gateway):
        """They come back in the answer, and do not break a line of the log."""
        for name in ("a\r\nX-Evil: 1", "a\u2028b", "\u001b[31m", "%s%n", "../..", "a\nLLMQ0001: x"):
            got = gateway.chat(model=name)
            assert (got.status, got.error["code"]) == (404, "model_not_found"), got
            assert f"`{name}`" in got.error["message"] and "x-evil" not in got.headers
        assert "\n LLMQ0001" not in server.log.text() and "\nX-Evil" not in server.log.text()

    def test_a_name_that_stands_there_twice(self, gateway, badllm):
        """Whichever a backend takes, it is the model that we have looked at."""
        for body in (b'{"model":"dear","mod\\u0065l":"fake","messages":[{"role":"user"}]}',
                     b'{"mod\\u0065l":"dear","messages":[{"role":"user"}],"model":"fake"}',
                     b'{"model":"dear","messages":[{"role":"user"}],"model":"fake"}'):
            assert gateway.post("/chat/completions", body).status == 200
            assert badllm.asked[-1].body["model"] == "up"
        assert gateway.post("/chat/completions", b'{"model":"fake","mod\\u0065l":"dear",'
                            b'"messages":[{"role":"user"}]}').status == 404


class TestFallback:
    EXPECT = ("LLMQ0504",)  # a check finds it out, too, whenever it comes
    CONF = ("LLMQRetryDelay 1ms 1ms\n"
            + backend("bad", "{bad}", "LLMQBackendMaxFailures 2", "LLMQBackendCooldown 3s 3s")
            + backend("spare", "{llm}", "LLMQBackendGroup 1")
            + backend("gone", "http://127.0.0.1:1/v1")
            + "LLMQModel fake bad spare\nLLMQModel lost gone\nLLMQModel left gone spare\n"
            + openai.at(open="LLMQMaxRetries 5", brief="LLMQMaxWait 2s\nLLMQGatewayKeepAlive Off"))

    def test_others_take_over(self, server, gateway, badllm, llm):
        server.log.expect("LLMQ0510")
        badllm.default = say(error("as planned"))
        for stream in (False, True):
            got = gateway.chat("x", stream=stream)
            if stream:
                assert text_of(got).strip() == "answer to x" and got.done
            else:
                assert got.json["choices"][0]["message"]["content"] == "answer to x"
        assert len(llm.calls) == 2 and 1 <= len(badllm.asked) <= 4

    def test_not_after_a_piece(self, gateway, badllm, llm):
        until(lambda: gateway.chat().json["model"] == "m", "the first one to be used again")
        llm.calls.clear()
        badllm.default = BROKEN["reset"]
        *_, last = gateway.chat(stream=True)
        assert "error" in last and not llm.calls

    def test_nobody_can_be_reached(self, server):
        """The work waits for a backend, the client not for longer than it may."""
        with contextlib.closing(Gateway(server.port, "/brief")) as brief:
            for stream in (False, True):
                got = brief.chat(model="lost", stream=stream)
                assert (got.status, got.error["code"]) == (503, "wait_timeout"), got
        assert last_row(server)[0] in (CANCELED, TIMEOUT)

    def test_one_of_two_can_be_reached(self, gateway, llm):
        assert gateway.chat(model="left").status == 200 and len(llm.calls) == 1
