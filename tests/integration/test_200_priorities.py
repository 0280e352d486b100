"""Who is served first: levels, turns between users, order inside a conversation."""

import pytest

from llmq_env.api import LEVELS
from llmq_env.wait import until

# However long it takes to post them, none becomes more urgent or is given up.
ONE_AT_A_TIME = """
    LLMQAgeing 0
    LLMQTimeout 10min
    <LLMQBackend fake>
        LLMQBackendKind openai
        LLMQBackendURL {llm}
        LLMQBackendConcurrency 1
    </LLMQBackend>
"""


@pytest.fixture
def accepted_first(server, llm):
    """Runs a function while nobody drains the queue; the order of the backend's calls then."""
    def run(accept, n):
        conf = ONE_AT_A_TIME.replace("{llm}", llm.url)
        server.configure("LLMQDispatcher Off\n" + conf)
        server.graceful()
        until(lambda: not server.dispatchers(), "the last one's end")
        accept()
        server.configure("LLMQDispatcher On\n" + conf)
        server.graceful()
        llm.until_calls(n)
        return llm.contents()
    return run


class TestOrder:
    CONF = ONE_AT_A_TIME

    @pytest.mark.mpm
    def test_urgent_ones_go_first_whatever_came_first(self, api, llm, accepted_first):
        def accept():
            for i in range(5):
                for level in reversed(LEVELS):
                    api.send(f"{level} {i}", priority=level, user_id=f"user_{i}")

        got = accepted_first(accept, 20)
        assert got == [f"{level} {i}" for level in LEVELS for i in range(5)]

    def test_users_take_turns_inside_a_level(self, api, llm, accepted_first):
        def accept():
            for i in range(10):
                api.send(f"a {i}", user_id="a")
            for i in range(3):
                api.send(f"b {i}", user_id="b")
            api.send("c 0", user_id="c")

        got = accepted_first(accept, 14)
        assert got[:7] == ["a 0", "b 0", "c 0", "a 1", "b 1", "a 2", "b 2"]
        assert got[7:] == [f"a {i}" for i in range(3, 10)]

    def test_conversation_is_served_in_order_whatever_the_levels(self, api, llm, accepted_first):
        def accept():
            for i, level in enumerate(("low", "normal", "realtime", "high")):
                api.send(f"turn {i}", priority=level, conversation_id="ordered")

        assert accepted_first(accept, 4) == [f"turn {i}" for i in range(4)]


class TestSideBySide:
    """Plenty of places at the backend: what may run at once does, and no more."""

    CONF = """
        LLMQQueueConcurrency realtime 2
        LLMQQueueConcurrency normal 5
        <LLMQBackend fake>
            LLMQBackendKind openai
            LLMQBackendURL {llm}
            LLMQBackendConcurrency 6
        </LLMQBackend>
    """

    def test_one_at_a_time_inside_a_conversation(self, api, llm):
        llm.default.delay = 0.02
        ids = [api.send(f"turn {i}", conversation_id="serial", user_id=f"u{i % 3}")["id"]
               for i in range(10)]
        for message_id in ids:
            assert api.until_status(message_id)["status"] == "completed"
        assert llm.contents() == [f"turn {i}" for i in range(10)]
        assert llm.most_in_flight == 1

    def test_level_has_at_most_its_concurrency(self, api, llm):
        llm.hold()
        ids = [api.send(f"m{i}", priority="realtime", user_id=f"u{i}")["id"] for i in range(6)]
        llm.until_calls(2)
        level = api.level("realtime")
        assert (level["processing_count"], level["size"]) == (2, 4)
        llm.release()
        for message_id in ids:
            api.until_status(message_id, "completed")
        assert llm.most_in_flight == 2

    def test_backend_has_at_most_its_concurrency(self, api, llm):
        llm.hold()
        ids = [api.send(f"m{i}", priority=("normal", "high")[i % 2])["id"] for i in range(12)]
        llm.until_calls(6)
        llm.release()
        for message_id in ids:
            api.until_status(message_id, "completed")
        assert llm.most_in_flight == 6
