"""Autoscaling: a level gets fewer calls at once where more only make each slower."""

import pytest

from llmq_env.conf import fake
from llmq_env.fakellm import Plan
from llmq_env.wait import until

BACKEND = ("LLMQRetryDelay 100ms 100ms\nLLMQMaxRetries 1000\n"
           + fake("LLMQBackendConcurrency 64"))


def concurrency(api, level="normal"):
    return api.level(level)["concurrency"]


class TestOn:
    CONF = BACKEND + "LLMQAutoscale On\nLLMQQueueConcurrency normal 24 2\n"

    def test_fresh_levels_have_their_maximum(self, api):
        for level in api.queues()["queues"]:
            assert level["concurrency"] == level["max_concurrent"]

    def test_slow_calls_shrink_the_level_and_quick_ones_let_it_grow(self, api, llm):
        def crowded(call):
            return Plan(delay=0.03 * max(1, llm.in_flight - 4))

        for n in range(40):
            api.send(f"quiet {n}", conversation_id=f"q{n}")
        llm.until_calls(40)
        llm.default = crowded
        # All of it is there before it begins: it is a flood however slow its sender is.
        assert api.post("/admin/queues/normal/pause").status == 200
        for n in range(400):
            api.send(f"flood {n}", conversation_id=f"f{n}", user_id=f"u{n % 7}")
        assert api.post("/admin/queues/normal/resume").status == 200
        until(lambda: concurrency(api) < 20, "the level to shrink")
        assert concurrency(api) >= 2
        assert concurrency(api, "high") == api.level("high")["max_concurrent"]
        until(lambda: api.level("normal")["size"] == 0, "the flood to be over", 120)


class TestOff:
    """Which is the default."""

    CONF = BACKEND + "LLMQQueueConcurrency normal 8\n"

    def test_nothing_changes(self, api, llm):
        llm.default = lambda call: Plan(delay=0.05 * llm.in_flight)
        for n in range(60):
            api.send(f"flood {n}", conversation_id=f"f{n}")
        until(lambda: api.level("normal")["size"] == 0, "the flood to be over", 120)
        assert concurrency(api) == 8
        assert api.get("/config").data["queue"]["enable_auto_scaling"] is False


class TestDirectives:
    @pytest.mark.parametrize("line", [
        "LLMQAutoscale Perhaps", "LLMQQueueConcurrency high 10 0",
        "LLMQQueueConcurrency high 10 11",
        "LLMQQueueConcurrency high 10 few", "LLMQQueueConcurrency high",
        "<Location /x>\nLLMQAutoscale On\n</Location>"])
    def test_bad_value_is_caught(self, idle, line):
        idle.refusal(line)
