"""What a model is sent: the context of the conversation and the turns before the message, in the
order in which messages were accepted."""

import concurrent.futures
import time

import pytest

from llmq_env.conf import fake, mounts
from llmq_env.fakellm import Plan
from llmq_env.wait import until

BACKEND = "LLMQRetryDelay 100ms 200ms\n" + fake("LLMQBackendConcurrency 64")


def said(call):
    """The messages of a call as (role, content)."""
    return [(m["role"], m["content"]) for m in call.body["messages"]]


def until_call(llm, content):
    """The last call for this message. What was sent before it may arrive after it."""
    return until(lambda: [call for call in llm.calls if call.content == content],
                 f"the call for {content}")[-1]


def turns(*prompts):
    """What has been said when prompts were answered as the fake LLM answers."""
    got = []
    for prompt in prompts:
        got += [("user", prompt), ("assistant", f"answer to {prompt}")]
    return got


class TestContext:
    CONF = BACKEND

    def test_first_message_stands_alone(self, api, llm):
        api.until_status(api.send("hello")["id"])
        assert said(llm.calls[0]) == [("user", "hello")]

    def test_turns_before_it_go_with_each_message(self, api, llm):
        for i in range(4):
            api.until_status(api.send(f"q{i}", conversation_id="conv_turns")["id"])
        for i, call in enumerate(llm.calls):
            assert said(call) == [*turns(*[f"q{j}" for j in range(i)]), ("user", f"q{i}")]

    def test_context_of_the_conversation_comes_first(self, api, llm):
        api.post("/conversations", {"id": "conv_ctx", "user_id": "u", "context": 'Be "brief". 简'})
        api.until_status(api.send("one", conversation_id="conv_ctx")["id"])
        api.put("/conversations/conv_ctx", {"context": "Be long."})
        api.until_status(api.send("two", conversation_id="conv_ctx")["id"])
        api.put("/conversations/conv_ctx", {"context": ""})
        api.until_status(api.send("three", conversation_id="conv_ctx")["id"])
        assert said(llm.calls[0]) == [("system", 'Be "brief". 简'), ("user", "one")]
        assert said(llm.calls[1]) == [("system", "Be long."), *turns("one"), ("user", "two")]
        assert said(llm.calls[2]) == [*turns("one", "two"), ("user", "three")]

    def test_only_answered_turns_count(self, api, llm):
        llm.default = lambda call: Plan(status=400 if call.content == "bad" else 200)
        name = {"conversation_id": "conv_some"}
        api.until_status(api.send("good", **name)["id"])
        assert api.until_status(api.send("bad", **name)["id"])["status"] == "failed"
        gone = api.until_status(api.send("gone", **name)["id"])
        api.delete(f"/messages/{gone['id']}")
        api.until_status(api.send("last", **name)["id"])
        assert said(until_call(llm, "last")) == [*turns("good"), ("user", "last")]

    def test_answers_of_processors_count(self, api, llm):
        llm.hold()
        first = api.send("outside", conversation_id="conv_proc")
        llm.until_calls(1)
        api.set_status(first["id"], "pending")
        api.set_status(first["id"], "processing")
        api.set_status(first["id"], "completed", result="by hand")
        llm.release()
        api.until_status(api.send("then", conversation_id="conv_proc")["id"])
        assert said(until_call(llm, "then")) == [("user", "outside"), ("assistant", "by hand"),
                                                 ("user", "then")]

    def test_deleted_conversation_is_forgotten(self, api, llm):
        api.until_status(api.send("secret", conversation_id="conv_gone")["id"])
        api.delete("/conversations/conv_gone")
        api.until_status(api.send("fresh", conversation_id="conv_gone")["id"])
        assert said(llm.calls[-1]) == [("user", "fresh")]

    def test_deleted_conversation_is_not_answered(self, api, llm):
        llm.hold()
        api.send("running", conversation_id="conv_stop")
        api.send("waiting", conversation_id="conv_stop")
        llm.until_calls(1)
        assert api.delete("/conversations/conv_stop").status == 200
        llm.release()
        until(lambda: api.level("normal")["processing_count"] == 0, "the call to end")
        api.until_status(api.send("other")["id"])
        assert "waiting" not in llm.contents()

    def test_retry_is_sent_the_same(self, api, llm):
        api.until_status(api.send("q0", conversation_id="conv_retry")["id"])
        llm.plans = [Plan(status=500)]
        done = api.until_status(api.send("q1", conversation_id="conv_retry")["id"])
        assert done["retry_count"] == 1
        assert said(llm.calls[1]) == said(llm.calls[2]) == [*turns("q0"), ("user", "q1")]

    def test_twenty_turns_by_default(self, api, llm):
        for i in range(23):
            api.until_status(api.send(f"q{i}", conversation_id="conv_long")["id"])
        assert said(llm.calls[-1]) == [*turns(*[f"q{i}" for i in range(2, 22)]), ("user", "q22")]

    @staticmethod
    def listed(api, name):
        """The contents of a conversation in the order of acceptance."""
        pages = [api.get(f"/conversations/{name}/messages?order=asc&page_size=20&page={n}").data
                 for n in range(1, 6)]
        return [m["content"] for page in pages for m in page["messages"]]

    def test_fifty_posted_at_once_are_answered_in_order(self, server, api, llm):
        """What was acknowledged before another was sent is answered before it, one at a time,
        and each call carries what was answered before. Other conversations go on beside."""
        llm.default = lambda call: Plan(delay=0.005)

        def post(i):
            own, sent = server.new_api(), []
            for text, name in ((f"m{i}", "conv_fifty"), (f"beside {i}", f"conv_beside_{i}"),
                               (f"n{i}", "conv_fifty")):
                begin = time.monotonic()
                message = own.send(text, conversation_id=name, user_id=f"user_{i % 7}",
                                   priority=("realtime", "high", "normal", "low")[i % 4])
                sent.append((text, message["id"], begin, time.monotonic()))
            return sent

        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            sent = [one for some in pool.map(post, range(50)) for one in some]
        for _, name, _, _ in sent:
            assert api.until_status(name, deadline=60)["status"] == "completed"
        calls = [call for call in llm.calls if not call.content.startswith("beside")]
        order = [call.content for call in calls]
        assert sorted(order) == sorted(f"{c}{i}" for c in "mn" for i in range(50))
        for i, call in enumerate(calls):
            assert said(call) == [*turns(*order[max(0, i - 20):i]), ("user", order[i])]
        # Of two that were under way at the same time either may be the first, and the list, which
        # goes by when they came, may see that otherwise than the queue.
        listed = self.listed(api, "conv_fifty")
        assert sorted(listed) == sorted(order)
        ours = [one for one in sent if not one[0].startswith("beside")]
        for first, _, _, acknowledged in ours:
            for second, _, begin, _ in ours:
                if acknowledged < begin:
                    assert order.index(first) < order.index(second)
                    assert listed.index(first) < listed.index(second)
        for call in llm.calls:
            if call.content.startswith("beside"):
                assert said(call) == [("user", call.content)]
        assert api.get("/conversations/conv_fifty").data["message_count"] == 100

    def test_conversation_shows_the_time_of_its_messages(self, api, llm):
        llm.default = Plan(delay=0.05)
        for i in range(2):
            api.until_status(api.send(f"q{i}", conversation_id="conv_time")["id"])
        got = api.get("/conversations/conv_time").data
        assert got["message_count"] == 2
        text = got["metadata"]["total_processing_time"]
        assert text.endswith("s") and float(text.rstrip("ms")) > 0
        listed = api.get("/conversations?user_id=user_1&page_size=100").data["conversations"]
        assert next(c for c in listed if c["id"] == "conv_time")["metadata"] == got["metadata"]

    def test_different_conversations_run_side_by_side(self, api, llm):
        llm.hold()
        ids = [api.send(f"s{i}", conversation_id=f"conv_side_{i}")["id"] for i in range(8)]
        llm.until_calls(8)
        until(lambda: llm.in_flight == 8, "those of before to be over")
        llm.release()
        for name in ids:
            assert api.until_status(name)["status"] == "completed"


class TestLimits:
    CONF = "LLMQContextTurns 3\nLLMQContextBytes 60\n" + BACKEND

    def test_whole_turns_are_cut_the_newest_kept(self, api, llm):
        name = {"conversation_id": "conv_cut"}
        for text in ("q0", "q1", "q2", "q3", "x" * 30, "q5", "q6"):
            api.until_status(api.send(text, **name)["id"])
        # Turns of 2 and 12 bytes; three of them fit, and one of 30 and 40 never does.
        assert said(llm.calls[3]) == [*turns("q0", "q1", "q2"), ("user", "q3")]
        assert said(llm.calls[4]) == [*turns("q1", "q2", "q3"), ("user", "x" * 30)]
        assert said(llm.calls[5]) == [("user", "q5")]
        assert said(llm.calls[6]) == [*turns("q5"), ("user", "q6")]

    def test_context_and_message_are_never_cut(self, api, llm):
        api.post("/conversations", {"id": "conv_whole", "user_id": "u", "context": "c" * 1000})
        api.until_status(api.send("m" * 1000, conversation_id="conv_whole")["id"])
        assert said(llm.calls[0]) == [("system", "c" * 1000), ("user", "m" * 1000)]


class TestNoTurns:
    CONF = "LLMQContextTurns 0\n" + BACKEND

    def test_only_the_context_goes_with_it(self, api, llm):
        api.post("/conversations", {"id": "conv_none", "user_id": "u", "context": "ctx"})
        for text in ("one", "two"):
            api.until_status(api.send(text, conversation_id="conv_none")["id"])
        assert said(llm.calls[1]) == [("system", "ctx"), ("user", "two")]


class TestParallel:
    CONF = BACKEND + mounts(parallel="LLMQConversationOrder parallel")

    def test_messages_do_not_wait_for_one_another(self, server, llm):
        api = server.new_api("/parallel")
        llm.hold()
        ids = [api.send(f"p{i}", conversation_id="conv_par")["id"] for i in range(5)]
        llm.until_calls(5)
        llm.release()
        for name in ids:
            assert api.until_status(name)["status"] == "completed"
        api.until_status(api.send("after", conversation_id="conv_par")["id"])
        # In the order of the answers, which was nobody's choice.
        past, last = said(llm.calls[-1])[:-1], said(llm.calls[-1])[-1]
        assert last == ("user", "after")
        assert sorted(zip(past[::2], past[1::2])) == sorted(
            (("user", f"p{i}"), ("assistant", f"answer to p{i}")) for i in range(5))

    def test_serial_is_the_default(self, api, llm):
        llm.hold()
        ids = [api.send(f"p{i}", conversation_id="conv_ser")["id"] for i in range(3)]
        llm.until_calls(1)
        assert [api.message(name)["status"] for name in ids] == ["processing", "pending", "pending"]
        llm.release()
        for name in ids:
            api.until_status(name)
        assert [call.content for call in llm.calls] == ["p0", "p1", "p2"]


class TestUsage:
    """The built-in echo counts the words of everything that it is sent."""

    def test_echo_is_sent_the_context_too(self, api):
        api.post("/conversations", {"id": "conv_echo", "user_id": "u", "context": "two words"})
        name = {"conversation_id": "conv_echo"}
        done = api.until_status(api.send("one", **name)["id"])
        assert done["result"]["usage"]["prompt_tokens"] == 3
        done = api.until_status(api.send("two", **name)["id"])
        # two words · one · Echo: one · two
        assert done["result"]["usage"]["prompt_tokens"] == 6

    @pytest.mark.parametrize("state", ["completed", "archived"])
    def test_state_does_not_matter(self, api, state):
        name = {"conversation_id": f"conv_{state}"}
        api.until_status(api.send("a", **name)["id"])
        api.put(f"/conversations/conv_{state}", {"state": state})
        done = api.until_status(api.send("b", **name)["id"])
        assert done["result"]["usage"]["prompt_tokens"] == 4
