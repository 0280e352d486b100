"""What tokens cost, and what may be spent in a day or a month."""

import pytest

from llmq_env import openai
from llmq_env.conf import FAKE, mounts
from llmq_env.fakellm import Plan
from llmq_env.openai import Gateway, chat
from llmq_env.wait import until

pytestmark = pytest.mark.usefixtures("within_a_day")

PRICES = "LLMQPrice fake 1000 10000\nLLMQPrice * 100 100\n"
CONF = PRICES + "LLMQRetryDelay 50ms 100ms\n" + FAKE + mounts(
    month="LLMQBudget 0.05", day="LLMQBudget 0.05/day key=tenant",
    waits="LLMQBudget 0.05/day over=queue\nLLMQMaxDelay 48h", free="",
) + openai.at(ai="LLMQBudget 0.05/month key=tenant")


def post(api, user="anne"):
    return api.post("/messages", {"user_id": user, "content": "How much is it?"})


def spend(api, user="anne"):
    api.until_status(post(api, user).data["id"], "completed")


def cost(api, user):
    return api.get(f"/admin/usage?key={user}").data["total"]["cost"]


class TestBudgets:
    CONF = CONF

    def test_usage_tells_what_it_cost(self, server, api, llm):
        llm.plans += [Plan(usage=(1000, 500)), Plan(usage=(10, 0))]
        for _ in range(2):
            spend(server.new_api("/free"), "payer")
        # The fake does not call itself "fake", so the price of all others counts.
        assert cost(api, "payer") == pytest.approx(0.151)

    @pytest.mark.parametrize("way", ["month", "day"])
    def test_who_has_spent_it_is_refused(self, server, llm, way):
        api = server.new_api(f"/{way}")
        llm.default = Plan(usage=(200, 100))
        spend(api, "spender")
        spend(api, "spender")       # 0.03 + 0.03: the last one may exceed it
        refused = until(lambda: (got := post(api, "spender")).status == 429 and got, "it is spent")
        assert refused.json["error"] == "insufficient_quota" and refused.json["code"] == 429
        assert int(refused.headers["retry-after"]) > 0
        assert (post(api, "other").status == 201) is (way == "month")

    def test_what_fails_costs_nothing(self, server, api, llm):
        llm.default = Plan(status=400)
        mine = server.new_api("/month")
        for _ in range(3):
            api.until_status(post(mine, "unlucky").data["id"], "failed")
        assert post(mine, "unlucky").status == 201
        assert cost(api, "unlucky") == 0

    def test_who_queues_waits_for_the_next_day(self, server, llm):
        api = server.new_api("/waits")
        llm.default = Plan(usage=(1000, 0))
        spend(api, "waiter")
        later = until(lambda: "scheduled_at" in (got := post(api, "waiter").data) and got,
                      "it waits")
        assert later["scheduled_at"].endswith("T00:00:00Z")

    def test_what_was_spent_stays_spent(self, server, llm):
        api = server.new_api("/month")
        llm.default = Plan(usage=(1000, 0))
        spend(api, "keeper")
        until(lambda: post(api, "keeper").status == 429, "it is spent")
        server.stop()
        server.start()
        assert post(api, "keeper").status == 429

    def test_openais_words(self, server, llm):
        gateway = Gateway(server.port, "/ai")
        llm.default = Plan(usage=(1000, 0))
        assert gateway.post("/chat/completions", chat()).status == 200

        def refused():
            got = gateway.post("/chat/completions", chat())
            return got.status == 429 and got

        got = until(refused, "it is spent")
        assert (got.error["type"], got.error["code"]) == ("insufficient_quota",) * 2
        gateway.close()


class TestLines:
    @pytest.mark.parametrize("line", [
        "LLMQBudget", "LLMQBudget much", "LLMQBudget 0", "LLMQBudget -1/day", "LLMQBudget 5/hour",
        "LLMQBudget 5/day over=all", "LLMQPrice m 1", "LLMQPrice m free 1", "LLMQPrice m 1 -1",
        "LLMQPrice m 1 1x",
        "LLMQPrice m 1 1\nLLMQPrice m 2 2", "LLMQBudget 5/day key=users"])
    def test_bad_lines_are_refused(self, idle, line):
        idle.refusal(line)

    def test_a_budget_without_prices_is_told(self, new_server):
        server = new_server("sqlite3", "<Location /api/v1>\nLLMQBudget 5\n</Location>")
        server.log.expect("LLMQ0171")
        server.start()
        assert f"{server.conf_file}:2: LLMQBudget bounds nothing" in server.log.text()
