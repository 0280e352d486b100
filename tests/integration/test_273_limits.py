"""Who may come how often, and maintenance."""

import concurrent.futures
import time

import pytest

from llmq_env.conf import mounts
from llmq_env.wait import until

BODY = {"user_id": "user_1", "content": "Hello"}


def post(api, **headers):
    return api.post("/messages", BODY,
                    headers={name.replace("_", "-"): value for name, value in headers.items()})


class TestRates:
    CONF = mounts(
        three="LLMQRateLimit 3/hour",
        burst="LLMQRateLimit 12/hour burst=2",
        soon="LLMQRateLimit 3600/hour burst=1",
        keyed="LLMQRateLimit 1/hour key=%{req:X-Customer}",
        many="LLMQRateLimit 20/hour",
        twice="LLMQRateLimit 1/hour")

    def test_burst_passes_and_the_next_is_1009(self, server):
        api = server.new_api("/three")
        left = []
        for _ in range(3):
            answer = post(api)
            assert answer.status == 201
            assert answer.headers["ratelimit-limit"] == "3"
            left.append(int(answer.headers["ratelimit-remaining"]))
        assert left == [2, 1, 0]
        before = api.total()
        refused = post(api).refuses(429, 1009)
        assert refused.headers["ratelimit-remaining"] == "0"
        assert 0 < int(refused.headers["retry-after"]) <= 1200
        assert 2400 < int(refused.headers["ratelimit-reset"]) <= 3600
        assert api.total() == before

    def test_only_new_things_are_counted(self, server):
        api = server.new_api("/twice")
        message = post(api).data
        post(api).refuses(429, 1009)
        for _ in range(3):
            assert api.get("/messages").status == 200
        assert "ratelimit-limit" not in api.get("/queues/status").headers
        assert api.set_status(message["id"], "nonsense").status == 400
        assert api.delete(f"/messages/{message['id']}").status == 200

    def test_burst_is_apart_from_the_rate(self, server):
        api = server.new_api("/burst")
        assert [post(api).status for _ in range(2)] == [201, 201]
        refused = post(api).refuses(429, 1009)
        assert 0 < int(refused.headers["retry-after"]) <= 300

    def test_next_one_has_its_turn(self, server):
        api = server.new_api("/soon")
        assert post(api).status == 201

        def refused():
            answer = post(api)
            return answer if answer.status == 429 else None

        assert until(refused, "one too many").headers["retry-after"] == "1"
        until(lambda: post(api).status == 201, "the next one's turn")

    def test_callers_are_counted_apart(self, server):
        api = server.new_api("/keyed")
        for customer in ("a", "b", "c"):
            assert post(api, X_Customer=customer).status == 201
            post(api, X_Customer=customer).refuses(429, 1009)
        assert post(api).status == 201  # by the address
        post(api).refuses(429, 1009)

    @pytest.mark.mpm
    def test_all_children_count_together(self, server):
        def hammer(_):
            api = server.new_api("/many")
            return [post(api).status for _ in range(10)]
        begun = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(12) as pool:
            answers = sum(pool.map(hammer, range(12)), [])
        due = 20 + (time.monotonic() - begun) * 20 / 3600 + 1
        assert 20 <= answers.count(201) <= due
        assert answers.count(201) + answers.count(429) == 120

    def test_refusal_comes_before_the_body_is_read(self, server):
        api = server.new_api("/three")
        until(lambda: post(api).status == 429, "the limit")
        api.post("/messages", b"{not json").refuses(429, 1009)

    def test_counts_outlive_a_graceful_restart(self, server):
        api = server.new_api("/keyed")
        assert post(api, X_Customer="stays").status == 201
        old = set(server.workers())
        server.graceful()
        until(lambda: not old & set(server.workers()), "new children")
        api.close()
        post(api, X_Customer="stays").refuses(429, 1009)

    def test_idempotent_replay_is_counted_too(self, server):
        api = server.new_api("/keyed")
        assert post(api, X_Customer="once", Idempotency_Key="k").status == 201
        post(api, X_Customer="once", Idempotency_Key="k").refuses(429, 1009)


class TestInheritance:
    CONF = "LLMQRateLimit 1/hour\n" + mounts(one="", free="LLMQRateLimit none", other="")

    def test_inherited_limit_is_shared_or_lifted(self, server):
        one, free, other = (server.new_api(f"/{name}") for name in ("one", "free", "other"))
        assert post(one).status == 201
        post(other).refuses(429, 1009)
        assert [post(free).status for _ in range(3)] == [201, 201, 201]
        assert "ratelimit-limit" not in post(free).headers


class TestMaintenance:
    CONF = "LLMQDispatcher Off\n" + mounts(closed="LLMQMaintenance On", open="LLMQMaintenance Off")

    def test_new_messages_are_1008_and_the_rest_goes_on(self, server):
        closed, opened = server.new_api("/closed"), server.new_api("/open")
        message_id = post(opened).data["id"]
        refused = post(closed).refuses(503, 1008)
        assert int(refused.headers["retry-after"]) >= 1
        assert closed.total() == 1
        assert closed.message(message_id)["status"] == "pending"
        assert closed.set_status(message_id, "processing").status == 200
        assert closed.set_status(message_id, "completed", result="x").status == 200
        assert closed.get("/queues/status").status == 200
        assert closed.get("/health").status == 200
        assert closed.delete(f"/messages/{message_id}").status == 200

    def test_it_begins_and_ends_with_a_graceful_restart(self, server):
        api = server.new_api()

        def turn(text):
            old = set(server.workers())
            server.configure(self.CONF + text)
            server.graceful()
            until(lambda: not old & set(server.workers()), "the old children's end")
            api.close()
        turn("LLMQMaintenance On\n")
        post(api).refuses(503, 1008)
        turn("")
        assert post(api).status == 201


class TestDirectives:
    @pytest.mark.parametrize("line", [
        "LLMQRateLimit", "LLMQRateLimit 5", "LLMQRateLimit 5/day", "LLMQRateLimit 0/sec",
        "LLMQRateLimit x/sec", "LLMQRateLimit 1.5/sec", "LLMQRateLimit 5/sec burst=0",
        "LLMQRateLimit 5/sec bursts=1", "LLMQRateLimit 5/sec key=%{nonsense",
        "LLMQRateLimit 5/sec key=user",
        "LLMQRateLimit 5/sec burst=1 key=x more", "LLMQRateLimit none burst=1",
        "LLMQRateLimitKeys 0", "LLMQRateLimitKeys many", "LLMQMaintenance Perhaps",
        "LLMQMaxWait -1", "LLMQMaxWait 2h", "LLMQMaxHeld 0", "LLMQMaxHeld half",
        "LLMQIdempotencyTTL 0", "LLMQIdempotencyTTL 31x",
        "<Location /x>\nLLMQMaxHeld 5\n</Location>",
        "<VirtualHost *:1>\nLLMQRateLimitKeys 500\n</VirtualHost>"])
    def test_bad_value_is_caught(self, idle, line):
        idle.refusal(line)

    def test_good_values_are_accepted(self, new_server):
        new_server("sqlite3", """
            LLMQRateLimitKeys 1000
            LLMQMaxHeld 7
            LLMQMaxWait 0
            LLMQIdempotencyTTL 30min
            LLMQMaintenance Off
            LLMQRateLimit 100/min burst=5 "key=%{REMOTE_USER}"
            <Location /api/v1>
                LLMQRateLimit none
                LLMQMaxWait 5s
            </Location>
        """).start()
