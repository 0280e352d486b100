"""What was used: tokens and requests by day, caller and model, counted once each."""

import datetime

import pytest

from llmq_env.conf import FAKE, OTHERS
from llmq_env.fakellm import Plan
from llmq_env.wait import until

pytestmark = pytest.mark.usefixtures("within_a_day")

USAGE = "/admin/usage"
BACKEND = "LLMQRetryDelay 100ms 200ms\n" + FAKE


def day(ago=0):
    now = datetime.datetime.now(datetime.timezone.utc)
    return (now - datetime.timedelta(days=ago)).strftime("%Y-%m-%d")


def used(api, **query):
    answer = api.get(USAGE + "?" + "&".join(f"{k}={v}" for k, v in query.items()))
    assert answer.status == 200, answer
    return answer.data


def done(api, user, status="completed", **more):
    message_id = api.send("how much is it?", user_id=user, **more)["id"]
    return api.until_status(message_id, status)


class TestCounting:
    CONF = BACKEND + OTHERS

    def test_requests_and_tokens_are_added_up(self, api, llm):
        for tokens in ((3, 5), (10, 20), (100, 0)):
            llm.plans.append(Plan(usage=tokens))
            done(api, "adder")
        data = used(api, key="adder")
        assert len(data["items"]) == 1
        item = data["items"][0]
        assert item["day"] in (day(), day(1))   # over midnight, perhaps
        assert item["key"] == "adder"
        assert [item[k] for k in ("requests", "prompt_tokens", "completion_tokens",
                                  "total_tokens")] == [3, 113, 25, 138]
        assert {k: data["total"][k] for k in data["total"]} == {
            k: item[k] for k in data["total"]}

    def test_a_failure_is_a_request_without_tokens(self, api, llm):
        llm.plans.append(Plan(status=400))
        done(api, "loser", "failed", max_retries=0)
        total = used(api, key="loser")["total"]
        assert total["requests"] == 1 and total["total_tokens"] == 0

    def test_a_message_that_was_tried_twice_is_one_request(self, api, llm):
        llm.plans += [Plan(status=500), Plan(usage=(7, 8))]
        done(api, "twice")
        total = used(api, key="twice")["total"]
        assert total["requests"] == 1 and total["total_tokens"] == 15

    def test_what_was_withdrawn_in_time_used_nothing(self, api, llm):
        message_id = api.send("later", user_id="leaver", delay=600)["id"]
        assert api.delete(f"/messages/{message_id}").status == 200
        assert used(api, key="leaver")["total"]["requests"] == 0

    def test_filters_and_pages(self, api, llm):
        for user in ("page1", "page2", "page3"):
            done(api, user)
        page = used(api, page=2, page_size=1)
        assert len(page["items"]) == 1
        assert page["pagination"]["total"] >= 3
        model = used(api, key="page1")["items"][0]["model"]
        assert used(api, key="page1", model=model)["total"]["requests"] == 1
        assert used(api, key="page1", model="none")["items"] == []
        assert used(api, key="page1", since="2020-01-01T00:00:00Z", until="48h")["items"] == []
        assert used(api, key="page1", since="24h")["total"]["requests"] == 1

    def test_another_tenant_sees_nothing_of_it(self, server, api, llm):
        done(api, "mine")
        assert server.new_api("/other").get(USAGE + "?key=mine").data["items"] == []

    @pytest.mark.parametrize("query", ["since=soon", "page=0", "user=x", "page_size=x"])
    def test_bad_filter_is_400(self, api, query):
        assert api.get(f"{USAGE}?{query}").status == 400

    def test_who_may_not_administrate_hears_403(self, server):
        assert server.new_api("/open").get(USAGE).status == 403


class TestDeaths:
    CONF = BACKEND

    def test_what_was_counted_survives_a_restart(self, server, api, llm):
        done(api, "keeper")
        server.restart()
        api.close()
        assert used(api, key="keeper")["total"]["requests"] == 1
        done(api, "keeper")
        assert used(api, key="keeper")["total"]["requests"] == 2

    def test_a_killed_dispatcher_counts_nothing_twice(self, server, api, llm):
        server.log.expect("LLMQ0807")
        llm.hold()
        ids = [api.send("hold on", user_id="killed")["id"] for _ in range(5)]
        llm.until_calls(5)
        server.kill_dispatcher()
        llm.release()
        for message_id in ids:
            api.until_status(message_id, "completed")
        until(lambda: used(api, key="killed")["total"]["requests"] == 5, "all are counted")
        assert used(api, key="killed")["total"]["total_tokens"] == 5 * 8
