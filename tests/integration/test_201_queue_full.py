"""A full level says so, before anything is stored, and takes more when there is room."""

import threading

import pytest

from llmq_env.api import LEVELS

BODY = {"user_id": "u", "content": "c"}


@pytest.mark.mpm
class TestFull:
    CONF = ("LLMQDispatcher Off\nLLMQRetryAfter 7s\n" +
            "".join(f"LLMQQueueSize {level} 5\n" for level in LEVELS))

    @pytest.mark.parametrize("level", LEVELS)
    def test_full_level_is_1007_with_retry_after(self, api, level):
        made = [api.send(priority=level)["id"] for _ in range(5)]
        before = api.total()
        answer = api.post("/messages", {**BODY, "priority": level}).refuses(503, 1007)
        assert answer.json["message"] == "Queue is full"
        assert answer.headers["retry-after"] == "7"
        assert api.total() == before
        api.delete(f"/messages/{made[0]}")
        assert api.send(priority=level)["status"] == "pending"
        api.post("/messages", {**BODY, "priority": level}).refuses(503, 1007)


@pytest.mark.mpm
class TestFullUnderLoad:
    CONF = "LLMQDispatcher Off\nLLMQQueueSize high 100\n"

    def test_exactly_so_many_get_in(self, server, api):
        codes = []

        def post():
            mine = server.new_api()
            got = [mine.post("/messages", {**BODY, "priority": "high"}).status for _ in range(40)]
            codes.extend(got)
            mine.close()

        threads = [threading.Thread(target=post) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(set(codes)) == [201, 503]
        assert codes.count(201) == 100
        assert api.total() == api.level("high")["size"] == 100
