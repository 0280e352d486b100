"""S0 4.1 and 5.1, S3's /health: the state of the queues and of the server."""

import re

import pytest

from llmq_env.api import LEVELS, TIME
from llmq_env.conf import FAKE
from llmq_env.fakellm import Plan
from llmq_env.wait import until

GO_DURATION = re.compile(r"(\d+h)?(\d+m)?(\d+(\.\d+)?s)|\d+(\.\d+)?(ms|µs)|0s")
SIZES = {"realtime": (1000, 10), "high": (5000, 20), "normal": (10000, 30), "low": (20000, 20)}


@pytest.mark.mpm
class TestQueues:
    CONF = "LLMQDispatcher Off\n"

    def test_fresh_queues_have_the_defaults_of_the_document(self, api):
        queues = api.queues()["queues"]
        assert [q["name"] for q in queues] == list(LEVELS)
        for number, q in enumerate(queues, 1):
            assert set(q) >= {
                "name", "priority", "size", "max_size", "processing_count", "max_concurrent",
                "avg_wait_time", "max_wait_time", "total_processed", "total_failed",
                "last_updated"}
            assert q["priority"] == number
            assert (q["max_size"], q["max_concurrent"]) == SIZES[q["name"]]
            assert GO_DURATION.fullmatch(q["avg_wait_time"]), q
            assert GO_DURATION.fullmatch(q["max_wait_time"]), q
            assert TIME.fullmatch(q["last_updated"])

    def test_sizes_count_what_waits(self, api):
        for n, level in enumerate(LEVELS, 1):
            for _ in range(n):
                api.send(priority=level)
            assert api.level(level)["size"] == n
        data = api.queues()
        assert data["total_size"] == 10
        assert data["total_processing"] == data["total_processed"] == data["total_failed"] == 0
        assert 0 <= data["system_load"] <= 1


class TestCounters:
    CONF = FAKE

    def test_running_finished_and_failed_are_counted(self, api, llm):
        llm.hold()
        ids = [api.send(f"m{i}", priority="high")["id"] for i in range(3)]
        llm.until_calls(3)
        high = api.level("high")
        assert (high["size"], high["processing_count"]) == (0, 3)
        assert [api.message(i)["status"] for i in ids] == ["processing"] * 3
        llm.default.status = 400
        llm.release()
        for message_id in ids:
            api.until_status(message_id, "failed")
        # The queue hears of it after the database.
        until(lambda: api.level("high")["total_failed"] == 3, "the failures to be counted")
        assert api.level("high")["processing_count"] == 0
        assert api.queues()["total_failed"] == 3


@pytest.mark.mpm
class TestHealth:
    def test_queue_api_is_healthy_in_its_own_shape(self, api):
        answer = api.get("/health")
        assert (answer.status, answer.json["message"]) == (200, "System is healthy")
        data = answer.data
        assert data["status"] == "healthy" and TIME.fullmatch(data["timestamp"])
        assert GO_DURATION.fullmatch(data["uptime"]) and data["version"]
        parts = data["components"]
        assert {"database", "redis", "queue_manager", "scheduler"} <= set(parts)
        assert parts["database"]["status"] == "healthy"
        assert GO_DURATION.fullmatch(parts["database"]["response_time"])
        assert (parts["redis"]["status"], parts["redis"]["response_time"]) == ("disabled", "0s")
        assert parts["queue_manager"]["active_workers"] >= 0
        assert parts["scheduler"]["scheduled_tasks"] >= 0
        assert all(TIME.fullmatch(part["last_check"]) for part in parts.values())

    def test_load_balancers_get_the_flat_shape(self, server):
        answer = server.new_api(base="").get("/health", check=False)
        assert answer.status == 200
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.json["status"] == "healthy"
        assert TIME.fullmatch(answer.json["time"])

    def test_wrong_method_at_health_is_405(self, server):
        answer = server.new_api(base="").post("/health", {}, check=False)
        assert answer.status == 405 and "GET" in answer.headers["allow"]
        assert answer.headers["content-type"].startswith("application/json")


class TestTimes:
    """Times are true, not decoration."""

    CONF = FAKE

    def test_waits_are_measured(self, api, llm, server):
        server.configure(self.CONF.replace("{llm}", llm.url) +
                         "LLMQQueueConcurrency low 1\n")
        server.graceful()
        llm.hold()
        first = api.send("runs", priority="low")["id"]
        llm.until_calls(1)
        second = api.send("waits", priority="low")["id"]
        llm.pause(1.2)  # the wait that is to be measured
        llm.release()
        for message_id in (first, second):
            api.until_status(message_id, "completed")
        wait = api.level("low")["max_wait_time"]
        assert wait.endswith("s") and not wait.endswith("ms") and float(wait[:-1]) >= 1.1, wait

    def test_a_wait_is_estimated_from_the_backlog_and_the_time_of_calls(self, api, llm):
        """One at a time and a second each or more: behind three others it takes some, longer
        than alone."""
        llm.default = Plan(delay=1)
        api.until_status(api.send("measured", priority="low")["id"], "completed")
        llm.hold()
        sent = [api.send(f"behind {n}", priority="low") for n in range(4)]
        alone = sent[0]["estimated_wait"]
        until(lambda: api.send("last", priority="low")["estimated_wait"] > max(1, alone),
              "the estimate")
        llm.default = Plan()
        llm.release()
