"""S0 4.2: what became of the messages of the last hour, day or week."""

import re

import pytest

from llmq_env.api import LEVELS
from llmq_env.conf import FAKE
from llmq_env.fakellm import Plan
from llmq_env.wait import until

DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?|(\d+(?:\.\d+)?)ms")
RANGES = ("1h", "6h", "24h", "7d")


def seconds(text):
    match = DURATION.fullmatch(text)
    assert match and text, text
    h, m, s, ms = (float(g or 0) for g in match.groups())
    return 3600 * h + 60 * m + s + ms / 1000


def stats(api, **query):
    answer = api.get("/queues/stats?" + "&".join(f"{k}={v}" for k, v in query.items()))
    assert answer.status == 200, answer
    return answer.data


def figures(api, **query):
    """(total, processed, failed, pending)"""
    got = stats(api, **query)["stats"]
    return tuple(got[k + "_messages"] for k in ("total", "processed", "failed", "pending"))


def until_figures(api, *wanted, **query):
    """The queue hears of an end after the database, and counts it then."""
    until(lambda: figures(api, **query) == wanted, f"the figures to be {wanted}")


def stored(server):
    """Accepted and ended messages in the store's sums, by minute."""
    rows = server.query("SELECT sum(accepted), sum(completed + failed + timeouts + removed)"
                        " FROM llmq_stats WHERE resolution = 60")
    return tuple(int(n or 0) for n in rows[0])


class TestShape:
    def test_a_fresh_server_has_all_members_and_no_figures(self, api):
        data = stats(api)
        assert data["time_range"] == "1h"
        assert set(data["stats"]) >= {
            "total_messages", "processed_messages", "failed_messages", "pending_messages",
            "avg_processing_time", "max_processing_time", "min_processing_time",
            "throughput_per_minute", "error_rate", "queue_utilization"}
        assert tuple(data["priority_breakdown"]) == LEVELS
        for level in data["priority_breakdown"].values():
            assert level["count"] == 0 and level["percentage"] == 0
            assert level["avg_wait_time"] == "0s"
        assert data["stats"]["avg_processing_time"] == "0s"
        assert data["stats"]["error_rate"] == 0

    @pytest.mark.parametrize("word", RANGES)
    def test_each_range_is_known(self, api, word):
        assert stats(api, time_range=word)["time_range"] == word

    @pytest.mark.parametrize("query,field", [
        ("time_range=2h", "time_range"), ("time_range=1H", "time_range"),
        ("time_range=60", "time_range"), ("queue_name=urgent", "queue_name"),
        ("queue_name=high_prio", "queue_name"), ("queue_name=HIGH", "queue_name")])
    def test_other_words_are_refused(self, api, query, field):
        api.get(f"/queues/stats?{query}").refuses(400, field=field)

    def test_only_get(self, api):
        answer = api.post("/queues/stats", {})
        assert answer.status == 405 and "GET" in answer.headers["allow"]


@pytest.mark.mpm
class TestFigures:
    CONF = FAKE + "LLMQMaxRetries 0\n"

    def test_a_message_counts_whatever_became_of_it(self, api, llm, server):
        llm.hold()
        ids = [api.send(f"m{i}", priority="high")["id"] for i in range(4)]
        llm.until_calls(4)
        assert figures(api) == (4, 0, 0, 4)
        assert figures(api, queue_name="high") == (4, 0, 0, 4)
        llm.plans = []
        llm.release()
        for message_id in ids:
            api.until_status(message_id, "completed")
        until_figures(api, 4, 4, 0, 0)
        llm.default.status = 400
        failed = api.send("bad", priority="low")["id"]
        api.until_status(failed, "failed")
        until_figures(api, 5, 4, 1, 0)
        for word in RANGES:
            assert figures(api, time_range=word) == (5, 4, 1, 0)
        data = stats(api)
        assert data["stats"]["error_rate"] == pytest.approx(0.2)
        assert data["stats"]["throughput_per_minute"] == pytest.approx(5 / 60, abs=1e-3)
        assert data["priority_breakdown"]["high"]["count"] == 4
        assert data["priority_breakdown"]["high"]["percentage"] == 80
        assert data["priority_breakdown"]["low"]["percentage"] == 20
        assert figures(api, queue_name="low_priority") == (1, 0, 1, 0)
        assert stats(api, queue_name="low_priority")["queue_name"] == "low"
        assert figures(api, queue_name="normal") == (0, 0, 0, 0)

    def test_drained_figures_are_the_same(self, api, server):
        before = figures(api)
        until(lambda: stored(server) == (5, 5), "the sums to be stored")
        assert figures(api) == before == (5, 4, 1, 0)
        for again in (server.graceful, server.restart):
            again()
            api.close()  # the old connection goes with the old children
            assert figures(api) == before

    def test_times_are_measured(self, api, llm):
        got = stats(api)["stats"]
        shortest, mean, longest = (seconds(got[k + "_processing_time"])
                                   for k in ("min", "avg", "max"))
        assert 0 < shortest <= mean <= longest
        for part in ("p50", "p95", "p99"):
            assert shortest <= seconds(got[f"{part}_processing_time"]) <= longest
        llm.default = Plan(delay=1.3)
        api.until_status(api.send("slow", priority="realtime")["id"], "completed")
        until_figures(api, 1, 1, 0, 0, queue_name="realtime")
        got = stats(api, queue_name="realtime")["stats"]
        assert seconds(got["min_processing_time"]) >= 1.3
        assert got["min_processing_time"] == got["max_processing_time"]
        assert got["avg_processing_time"] == got["max_processing_time"]

    def test_a_timeout_is_a_failure(self, api, llm):
        before = stats(api)["stats"]
        message_id = api.send("inside")["id"]
        api.until_status(message_id)
        llm.hold()
        message_id = api.send("outside", priority="low")["id"]
        llm.until_calls(2)
        assert api.set_status(message_id, "timeout").status == 200
        after = stats(api)["stats"]
        llm.release()
        assert after["failed_messages"] == before["failed_messages"] + 1
        assert after["timeout_messages"] == before["timeout_messages"] + 1
        assert after["total_messages"] == before["total_messages"] + 2


class TestOutside:
    """What happens to messages without the dispatcher."""

    CONF = "LLMQDispatcher Off\n"

    def test_outside_processors_deletes_and_requeues(self, api):
        ids = [api.send(f"m{i}", conversation_id=f"c{i}")["id"] for i in range(6)]
        assert figures(api) == (6, 0, 0, 6)
        utilization = stats(api, queue_name="normal")["stats"]["queue_utilization"]
        assert utilization == pytest.approx(6 / 10000, abs=1e-4)
        for message_id, status in zip(ids, ("completed", "failed", "timeout")):
            assert api.set_status(message_id, "processing").status == 200
            assert api.set_status(message_id, status).status == 200
        assert figures(api) == (6, 1, 2, 3)
        assert api.delete(f"/messages/{ids[3]}").status == 200
        assert figures(api) == (5, 1, 2, 2)
        assert api.delete(f"/messages/{ids[0]}").status == 200  # it was processed
        assert figures(api) == (5, 1, 2, 2)
        assert api.set_status(ids[4], "processing").status == 200
        assert api.delete(f"/messages/{ids[4]}").status == 200
        assert figures(api) == (4, 1, 2, 1)
        assert api.set_status(ids[1], "pending").status == 200
        assert figures(api) == (4, 1, 1, 2)
        assert api.set_status(ids[2], "pending").status == 200
        assert figures(api) == (4, 1, 0, 3)
        assert stats(api)["stats"]["timeout_messages"] == 0


class TestAdministration:
    CONF = FAKE + "LLMQMaxRetries 0\n"

    def test_a_dead_letter_that_is_requeued_is_pending_again(self, api, llm):
        llm.default.status = 400
        message_id = api.send("dies")["id"]
        api.until_status(message_id, "failed")
        until_figures(api, 1, 0, 1, 0)
        llm.default.status = 200
        llm.hold()
        assert api.post(f"/admin/dead-letter/requeue/{message_id}").status == 200
        assert figures(api) == (1, 0, 0, 1)
        llm.release()
        api.until_status(message_id, "completed")
        until_figures(api, 1, 1, 0, 0)

    def test_a_delayed_message_that_is_deleted_is_gone(self, api):
        before = figures(api)
        message_id = api.send("late", delay=600)["id"]
        assert figures(api)[3] == before[3] + 1
        assert api.delete(f"/admin/delayed/{message_id}").status == 200
        assert figures(api) == before

    def test_messages_of_a_deleted_conversation_are_gone(self, api):
        before = figures(api)
        for i in range(2):
            api.send(f"late {i}", delay=600, conversation_id="short")
        assert figures(api)[3] == before[3] + 2
        assert api.delete("/conversations/short").status == 200
        assert figures(api) == before


class TestTenants:
    CONF = ("LLMQQueueSize normal 10\n<Location /other/api/v1>\nSetHandler llmq-queue\n"
            "LLMQTenant other\nRequire all granted\n</Location>\n")

    def test_each_sees_its_own(self, api, server):
        other = server.new_api("/other/api/v1")
        api.until_status(api.send("ours")["id"], "completed")
        for _ in range(2):
            other.until_status(other.send("theirs", priority="high")["id"], "completed")
        until(lambda: stored(server)[1] == 3, "the sums to be stored")
        assert figures(api) == (1, 1, 0, 0)
        assert figures(other) == (2, 2, 0, 0)
        assert stats(api)["priority_breakdown"]["high"]["count"] == 0


class TestDeaths:
    """Counts live in the segment and in the store, not in a process."""

    def test_killed_dispatchers_cost_no_count(self, api, server):
        n = 0
        for _ in range(3):
            ids = [api.send(f"m{i}")["id"] for i in range(20)]
            n += 20
            server.kill_dispatcher()
            for message_id in ids:
                api.until_status(message_id, "completed")
            # What ended in the store as its dispatcher died is counted once the next one
            # has looked it up.
            until_figures(api, n, n, 0, 0)
        until(lambda: stored(server) == (n, n), "the sums to be stored")
        assert figures(api) == (n, n, 0, 0)
