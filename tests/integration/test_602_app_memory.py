"""Long-term memories of apps: read, written by hand, and kept by the backend after each turn,
never in a turn's way."""

import re
import threading

import pytest

from llmq_env.apps import NO_MEMORY, SECRET, Apps, denies
from llmq_env.conf import FAKE, fake
from llmq_env.fakellm import Plan
from llmq_env.wait import until

SAMPLE = "人类介绍自己叫慕小课，喜欢打篮球。"


@pytest.fixture
def ann(server, request):
    return Apps(server, re.sub(r"\W", "_", request.node.name)[:100])


@pytest.fixture
def app(ann):
    app = ann.app()
    ann.configure(app, 3, "long_term_memory")
    return app


def is_about_memory(call):
    return "Memory so far" in call.body["messages"][-1]["content"]


def remembers(call):
    """Answers turns as usual; a memory is its own number and the last thing that was said."""
    if not is_about_memory(call):
        return Plan()
    said = re.findall(r"Human: (.*)", call.content)
    old = re.search(r"Memory so far:\n(.*)", call.content)[1]
    return Plan(content=f"{'' if old == '(none)' else old + '+'}{'+'.join(said)}")


def sent(call):
    return [(m["role"], m["content"]) for m in call.body["messages"]]


def until_memory(ann, app, summary):
    until(lambda: ann.memory(app) == summary, f"the memory {summary!r}")


def until_idle(server):
    until(lambda: server.query("SELECT count(*) FROM llmq_jobs WHERE kind IN (4, 6) "
                               "AND status < 2 AND removed_at IS NULL") in ([(0,)], [[0]]), "rest")


class TestByHand:
    CONF = "LLMQDispatcher Off\n" + SECRET

    def test_sample(self, ann, app):
        assert ann.memory(app) == ""
        assert ann.remember(app, SAMPLE) == {}
        assert ann.memory(app) == SAMPLE
        ann.remember(app, "")
        assert ann.memory(app) == ""

    def test_without_memory(self, ann):
        app = ann.app()
        for _ in range(2):
            denies(ann.get(f"/{app}/long-term-memory"), 400, "fail", NO_MEMORY)
            denies(ann.post(f"/{app}/long-term-memory", {"summary": "x"}), 400, "fail", NO_MEMORY)
            ann.configure(app, 3, "none")

    def test_the_draft_decides_else_what_is_published(self, ann, app):
        ann.remember(app, SAMPLE)
        ann.done("POST", f"/{app}/publish", message="发布AI应用成功")
        ann.configure(app, 3, "none")
        denies(ann.get(f"/{app}/long-term-memory"), 400, "fail", NO_MEMORY)
        ann.configure(app, 3, "long_term_memory")
        assert ann.memory(app) == SAMPLE
        copy = ann.done("POST", f"/{app}/copy")["id"]
        assert ann.memory(copy) == ""

    @pytest.mark.parametrize("body", [{}, {"summary": None}, {"summary": 7}, {"summary": ["x"]},
                                      {"summary": "x" * 65537}])
    def test_bad_memories(self, ann, app, body):
        ann.remember(app, SAMPLE)
        denies(ann.post(f"/{app}/long-term-memory", body), 400, "validate_error", None, "summary")
        assert ann.memory(app) == SAMPLE


class TestKept:
    CONF = SECRET + "LLMQDebugTimeout 10min\n" + fake("LLMQBackendTotalTimeout 10min")

    def test_after_each_turn(self, server, ann, app, llm):
        llm.default = remembers
        ann.debug(app, "one")
        until_memory(ann, app, "one")
        ann.debug(app, "two")
        until_memory(ann, app, "one+two")
        until_idle(server)
        turns = [sent(c) for c in llm.calls if not is_about_memory(c)]
        assert turns[0] == [("user", "one")]
        assert turns[1][0][0] == "system" and turns[1][0][1].endswith("one")
        assert turns[1][1:] == [("user", "one"), ("assistant", "answer to one"), ("user", "two")]
        assert [t["query"] for t in ann.turns(app)["list"]] == ["two", "one"]
        asked = [sent(c) for c in llm.calls if is_about_memory(c)]
        assert len(asked) == 2 and asked[1][1][1].count("Human:") == 1
        assert "answer to two" in asked[1][1][1]

    def test_only_where_it_is_wanted(self, server, ann, app, llm):
        llm.default = remembers
        ann.remember(app, SAMPLE)
        ann.configure(app, 0, "none")
        ann.debug(app, "one")
        until_idle(server)
        assert [sent(c) for c in llm.calls] == [[("user", "one")]]
        ann.configure(app, 0, "long_term_memory")
        assert ann.memory(app) == SAMPLE
        ann.debug(app, "two")
        assert [r for r, _ in sent([c for c in llm.calls if not is_about_memory(c)][-1])] == [
            "system", "user"]
        until_idle(server)

    def test_written_by_hand_it_stays(self, server, ann, app, llm):
        """Also against a summary that is being made of an older one."""
        written = threading.Event()

        def late(call):
            if not is_about_memory(call):
                return Plan()
            written.wait(600)
            return Plan(content="too late")

        llm.default = late
        ann.debug(app, "one")
        llm.until_calls(2)
        ann.remember(app, SAMPLE)
        written.set()
        until_idle(server)
        assert ann.memory(app) == SAMPLE
        llm.default = remembers
        ann.debug(app, "two")
        until_memory(ann, app, SAMPLE + "+two")

    def test_it_is_never_in_a_turns_way(self, server, ann, app, llm):
        """While a memory takes its time the turns go on; those that wait become one call."""
        held = []

        def slow(call):
            if is_about_memory(call) and not held:
                held.append(call)
                until(lambda: len(held) > 1, "the turns")
            return remembers(call)

        llm.default = slow
        ann.debug(app, "one")
        until(lambda: held, "the first memory")
        for text in ("two", "three", "four"):
            ann.debug(app, text)
        held.append(None)
        until_memory(ann, app, "one+two+three+four")
        until_idle(server)
        assert len([c for c in llm.calls if is_about_memory(c)]) == 2

    def test_a_failed_one_is_made_up_for(self, server, ann, app, llm):
        llm.default = lambda call: Plan(status=400) if is_about_memory(call) else Plan()
        ann.debug(app, "one")
        llm.until_calls(2)
        until_idle(server)
        assert ann.memory(app) == ""
        llm.default = remembers
        ann.debug(app, "two")
        until_memory(ann, app, "one+two")
        assert server.new_api().get("/admin/dead-letter").data["items"] == []

    def test_deleted_apps_learn_nothing(self, server, ann, app, llm):
        llm.default = remembers
        llm.plans = [Plan()]
        ann.debug(app, "one")
        ann.done("POST", f"/{app}/delete", message="删除AI应用成功")
        until_idle(server)
        assert ann.get(f"/{app}/long-term-memory").status == 404

    def test_a_killed_dispatcher(self, server, ann, app, llm):
        server.log.expect("LLMQ0807")
        llm.hold()
        llm.plans = [Plan(content="never told")]
        llm.release()
        ann.debug(app, "one")
        llm.default = remembers
        for text in ("two", "three"):
            server.kill_dispatcher()
            ann.debug(app, text)
        until(lambda: ann.memory(app).endswith("three"), "all turns to be remembered")
        until_idle(server)


class TestForgotten:
    CONF = SECRET + FAKE

    def test_what_nobody_began_is_found(self, server, ann, app, llm):
        """As if a process had died between the end of a turn and the beginning of its memory."""
        llm.default = lambda call: Plan(status=400) if is_about_memory(call) else Plan()
        ann.debug(app, "one")
        llm.until_calls(2)
        until_idle(server)
        llm.default = remembers
        server.query(f"DELETE FROM llmq_jobs WHERE kind = 6 AND chain = 'memory/{app}'")
        server.query(f"UPDATE llmq_apps SET memory_due = 1 WHERE id = '{app}'")
        until(lambda: ann.memory(app) == "one", "the sweep")
        until(lambda: server.query(f"SELECT memory_due FROM llmq_apps WHERE id = '{app}'")[0][0]
              == 0, "the tick")
