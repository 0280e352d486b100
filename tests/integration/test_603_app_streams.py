"""Debug turns as event streams: the pieces as they come, then the answer as it would be
without a stream."""

import contextlib
import http.client
import json

import pytest

from llmq_env.api import Answer
from llmq_env.apps import NO_APP, NOWHERE, SECRET, Apps, check_turn, denies
from llmq_env.conf import FAKE, apps
from llmq_env.fakellm import Plan

STREAM = {"Accept": "text/event-stream"}


def events(answer):
    """(name, data) of each event; comments and the retry line are left out."""
    assert answer.status == 200, answer
    assert answer.headers["content-type"].startswith("text/event-stream"), answer
    found = []
    for block in answer.body.decode().split("\n\n"):
        fields = [line.split(": ", 1) for line in block.splitlines() if line[:1] not in ("", ":")]
        named = dict(f for f in fields if len(f) == 2)
        if "data" in named:
            found.append((named.get("event", "message"), json.loads(named["data"])))
    return found


def ask(ann, app, query, **more):
    return ann.post(f"/{app}/debug", {"query": query}, headers={**STREAM, **more}, check=False)


@pytest.mark.mpm
class TestEcho:
    CONF = SECRET

    def test_it_ends_with_the_answer(self, ann, app):
        name, last = events(ask(ann, app, "Hello"))[-1]
        assert name == "completed" and (last["code"], last["message"]) == ("success", "")
        check_turn(last["data"])
        assert last["data"]["answer"] == "Echo: Hello"
        assert ann.turns(app)["list"] == [last["data"]]

    def test_refusals_are_no_streams(self, ann, app):
        denies(ann.post(f"/{app}/debug", {"query": ""}, headers=STREAM), 400, "validate_error",
               None, "query")
        denies(ann.post(f"/{NOWHERE}/debug", {"query": "x"}, headers=STREAM), 404, "not_found",
               NO_APP)

    def test_whoever_takes_anything_gets_json(self, ann, app):
        for accept in ("*/*", "application/json", "text/html"):
            assert ann.debug(app, headers={"Accept": accept})["answer"] == "Echo: Hello"


class TestPieces:
    CONF = SECRET + FAKE.replace("</LLMQ", "LLMQBackendStream On\n</LLMQ") + "LLMQDeltaInterval 0\n"

    def test_pieces_come_as_they_come(self, server, ann, app, llm):
        llm.hold()
        llm.default = Plan(pieces=["One ", "two ", "three"], usage=(1, 3))
        with contextlib.closing(http.client.HTTPConnection(
                "127.0.0.1", server.port, timeout=120)) as connection:
            connection.request("POST", f"/apps/{app}/debug", json.dumps({"query": "count"}),
                               {**ann.headers, **STREAM, "Content-Type": "application/json"})
            answer = connection.getresponse()
            body = b""
            while b"event: status\n" not in body:  # what comes before that is not told
                line = answer.readline()
                assert line, body
                body += line
            llm.release()
            body += answer.read()
        got = events(Answer(answer.status, {"content-type": answer.getheader("Content-Type")},
                            body))
        told = [data for name, data in got if name == "delta"]
        assert "".join(d["content"] for d in told) == "One two three", got
        assert [d["seq"] for d in told] == list(range(1, len(told) + 1))
        name, last = got[-1]
        assert name == "completed" and last["data"]["answer"] == "One two three"
        assert last["data"]["answer_tokens"] == 3
        assert {d["message_id"] for d in told} == {last["data"]["id"]}

    def test_a_failure_is_its_last_word(self, ann, app, llm):
        llm.default = Plan(status=400)
        name, last = events(ask(ann, app, "x"))[-1]
        assert (name, last["code"]) == ("failed", "fail")
        assert last["message"] == "应用调试失败，请稍后重试"
        assert ann.turns(app)["list"] == []


class TestTimeout:
    CONF = SECRET + FAKE + "LLMQRetryDelay 100ms\n" + apps(hasty="LLMQDebugTimeout 1s")

    def test_it_ends_in_time(self, server, ann, app, llm):
        hasty = Apps(server, base="/hasty")
        hasty.headers = ann.headers
        llm.hold()
        name, last = events(ask(hasty, app, "slow"))[-1]
        assert (name, last["code"]) == ("timeout", "fail")
        assert last["message"] == "应用调试超时，请稍后重试"
        llm.release()
        assert ann.debug(app, "quick")["answer"] == "answer to quick"
