"""Debug turns as event streams: the pieces as they come, then the answer as it would be
without a stream."""

import json

import pytest

from llmq_env.apps import NO_APP, NOWHERE, SECRET, check_turn, denies
from llmq_env.conf import FAKE
from llmq_env.fakellm import Plan
from llmq_env.wait import until

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
        def slow(_):
            until(lambda: server.query("SELECT 1 FROM llmq_jobs WHERE kind = 4 AND status < 2"),
                  "it")
            llm.pause(0.3)  # so that the stream is open; what comes before that is not told
            return Plan(pieces=["One ", "two ", "three"], usage=(1, 3))

        llm.default = slow
        got = events(ask(ann, app, "count"))
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
        assert last["message"] == "应用调试失败，请稍后重试" and ann.turns(app)["list"] == []


class TestTimeout:
    CONF = SECRET + FAKE + "LLMQDebugTimeout 1s\nLLMQRetryDelay 100ms\n"

    def test_it_ends_in_time(self, ann, app, llm):
        llm.hold()
        name, last = events(ask(ann, app, "slow"))[-1]
        assert (name, last["code"]) == ("timeout", "fail")
        assert last["message"] == "应用调试超时，请稍后重试"
        llm.release()
        assert ann.debug(app, "quick")["answer"] == "answer to quick"
