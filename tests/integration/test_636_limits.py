"""What keys may use: requests, tokens and how many at once; refused or queued beyond it."""

import concurrent.futures

import pytest

from llmq_env import openai
from llmq_env.apps import SECRET, Apps
from llmq_env.conf import FAKE, apps, mounts
from llmq_env.fakellm import Plan
from llmq_env.openai import Gateway, chat
from llmq_env.wait import until

pytestmark = pytest.mark.usefixtures("within_a_day")

# No window of these ends while a test runs.
CONF = FAKE + mounts(
    three="LLMQLimit requests 3/day",
    tight="LLMQLimit requests 5/day\nLLMQLimit requests 2/day key=tenant",
    keyed="LLMQLimit requests 1/day key=%{req:X-Customer}",
    called="LLMQLimit requests 1/day key=apikey",
    tokens="LLMQLimit tokens 100/day",
    both="LLMQLimit requests 2/day\nLLMQLimit tokens 1000/day",
    full="LLMQLimit requests 4/day\nLLMQLimit tokens 10/day",
    waits="LLMQLimit requests 2/day over=queue",
    soon="LLMQLimit requests 1/second over=queue",
    far="LLMQLimit requests 1/day over=queue\nLLMQMaxDelay 1h",
    busy="LLMQLimit concurrency 3",
    turns="LLMQLimit concurrency 2 over=queue",
    lifted="LLMQLimit none",
) + openai.at(ai="LLMQLimit requests 3/day key=tenant\nLLMQLimit tokens 5000/day key=tenant",
             left="LLMQLimit tokens 5000/day key=%{req:X-Customer}\n"
                  "LLMQLimit concurrency 1 key=%{req:X-Customer} over=queue")


def post(api, user="anne", content="Hello", headers=None, **more):
    return api.post("/messages", {"user_id": user, "content": content, **more},
                    headers=headers or {})


def left(answer, of="requests"):
    return int(answer.headers[f"x-ratelimit-remaining-{of}"])


class TestRequests:
    CONF = CONF

    def test_the_limit_passes_and_the_next_is_429(self, server):
        api = server.new_api("/three")
        passed = [post(api) for _ in range(3)]
        assert [answer.status for answer in passed] == [201] * 3
        assert [left(answer) for answer in passed] == [2, 1, 0]
        assert passed[0].headers["x-ratelimit-limit-requests"] == "3"
        before = api.total()
        refused = post(api).refuses(429, 1009)
        assert left(refused) == 0
        assert 0 < int(refused.headers["retry-after"]) <= 86400
        assert refused.headers["x-ratelimit-reset-requests"].endswith("s")
        assert api.total() == before

    def test_users_count_apart(self, server):
        api = server.new_api("/three")
        assert [post(api, user="bob").status for _ in range(4)] == [201, 201, 201, 429]
        assert post(api, user="carol").status == 201

    def test_of_several_the_tightest_counts(self, server):
        api = server.new_api("/tight")
        assert left(post(api, user="a")) == 1
        assert left(post(api, user="b")) == 0
        refused = post(api, user="c").refuses(429, 1009)
        assert refused.headers["x-ratelimit-limit-requests"] == "2"

    def test_what_one_refuses_the_other_has_not_counted(self, server):
        api = server.new_api("/full")
        for _ in range(6):
            post(api, content="x" * 400).refuses(429, 1009)
        assert left(post(api, content="x")) == 3

    def test_a_key_is_what_the_expression_says(self, server):
        api = server.new_api("/keyed")
        one, two = {"X-Customer": "one"}, {"X-Customer": "two"}
        assert post(api, headers=one).status == 201
        assert post(api, user="bob", headers=one).status == 429
        assert post(api, headers=two).status == 201

    def test_who_calls_may_be_the_key(self, server):
        api = server.new_api("/called")
        assert post(api, user="a").status == 201
        assert post(api, user="b").status == 429

    def test_none_lifts_what_is_around(self, server):
        api = server.new_api("/lifted")
        answers = [post(api) for _ in range(4)]
        assert all(answer.status == 201 for answer in answers)
        assert "x-ratelimit-limit-requests" not in answers[0].headers

    def test_tasks_count_as_well_all_or_none(self, server):
        api = server.new_api("/three")
        task = {"task_type": "document_processing", "kb_id": "kb1", "payload": {}}
        assert api.post("/tasks/batch", [task] * 4).status == 429
        assert api.post("/tasks/batch", [task] * 3).status == 201
        assert api.post("/tasks", task).status == 429

    def test_what_is_replayed_counts_once(self, server):
        api = server.new_api("/three")
        for _ in range(3):
            answer = post(api, user="again", headers={"Idempotency-Key": "k1"})
            assert answer.status == 201
        assert left(post(api, user="again")) == 1

    def test_fifty_at_once_get_exactly_what_there_is(self, server):
        def one(_):
            api = server.new_api("/three")
            status = post(api, user="crowd").status
            api.close()
            return status

        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            got = list(pool.map(one, range(50)))
        assert got.count(201) == 3 and got.count(429) == 47

    def test_restarts_change_nothing(self, server):
        api = server.new_api("/three")
        assert [post(api, user="stays").status for _ in range(2)] == [201, 201]
        server.graceful()
        api.close()
        assert left(post(api, user="stays")) == 0
        server.stop()
        server.start()
        api.close()
        assert post(api, user="stays").status == 429


class TestTokens:
    CONF = CONF

    def test_what_was_used_is_settled(self, server, llm):
        api = server.new_api("/tokens")
        llm.plans.append(Plan(usage=(10, 60)))
        first = post(api, content="x" * 40)
        assert left(first, "tokens") == 100 - 11
        api.until_status(first.data["id"], "completed")
        until(lambda: left(post(api, content="x" * 4000), "tokens") == 30, "70 are used")
        llm.plans.append(Plan(usage=(10, 100)))
        second = post(api, content="x")
        assert second.status == 201
        api.until_status(second.data["id"], "completed")
        until(lambda: post(api, content="x").status == 429, "more than 100 are used")

    def test_what_failed_gives_back_what_was_estimated(self, server, llm):
        api = server.new_api("/tokens")
        llm.default = Plan(status=400)
        answer = post(api, user="loser", content="x" * 200)
        assert left(answer, "tokens") == 49
        api.until_status(answer.data["id"], "failed")
        until(lambda: left(post(api, user="loser", content="x" * 4000), "tokens") == 100,
              "all is given back")


    def test_what_was_withdrawn_gives_back_what_was_estimated(self, server):
        api = server.new_api("/tokens")
        answer = post(api, user="leaver", content="x" * 200, delay=600)
        assert left(answer, "tokens") == 49
        assert api.delete(f"/messages/{answer.data['id']}").status == 200
        until(lambda: left(post(api, user="leaver", content="x" * 4000), "tokens") == 100,
              "all is given back")

    def test_what_an_outside_processor_has_used_is_settled(self, server):
        api = server.new_api("/tokens")
        answer = post(api, user="helped", content="x" * 200, delay=600)
        usage = {"prompt_tokens": 11, "completion_tokens": 22, "total_tokens": 33}
        for body in ({"status": "processing", "metadata": {"processor_id": "p"}},
                     {"status": "completed", "result": {"content": "done", "usage": usage}}):
            assert api.put(f"/messages/{answer.data['id']}/status", body).status == 200
        until(lambda: left(post(api, user="helped", content="x" * 4000), "tokens") == 67,
              "33 are used")

    def test_what_fails_and_runs_again_gives_back_once(self, server, llm):
        api = server.new_api("/tokens")
        llm.default = Plan(usage=(20, 10))
        other = post(api, user="again", content="x")
        api.until_status(other.data["id"], "completed")
        until(lambda: left(post(api, user="again", content="x" * 4000), "tokens") == 70,
              "30 are used")
        llm.plans.append(Plan(status=400))
        message_id = post(api, user="again", content="x" * 200).data["id"]
        api.until_status(message_id, "failed")
        until(lambda: left(post(api, user="again", content="x" * 4000), "tokens") == 70,
              "it has used nothing")
        api.put(f"/messages/{message_id}/status", {"status": "pending"})
        api.until_status(message_id, "completed")
        until(lambda: left(post(api, user="again", content="x" * 4000), "tokens") == 40,
              "it has used 30 this time")


class TestQueue:
    CONF = CONF

    def test_what_is_over_runs_later(self, server, llm):
        api = server.new_api("/waits")
        now = [post(api, user="q").data for _ in range(2)]
        for message in now:
            api.until_status(message["id"], "completed")
        later = post(api, user="q").data
        assert later["status"] == "pending" and later["scheduled_at"] > later["created_at"]
        assert later["scheduled_at"].endswith("T00:00:00Z")
        days = [post(api, user="q").data["scheduled_at"] for _ in range(3)]
        assert days[0] == later["scheduled_at"] < days[1] == days[2]

    def test_its_turn_comes(self, server, llm):
        api = server.new_api("/soon")
        ids = [post(api, user="s").data["id"] for _ in range(3)]
        for message_id in ids:
            api.until_status(message_id, "completed")

    def test_what_would_wait_too_long_is_refused(self, server):
        api = server.new_api("/far")
        assert post(api, user="far").status == 201
        answer = post(api, user="far")
        # In the last hour of a day it need not wait longer than that.
        assert answer.status == 429 or answer.data["scheduled_at"]


class TestConcurrency:
    CONF = CONF

    def test_so_many_unfinished_and_no_more(self, server, llm):
        api = server.new_api("/busy")
        llm.hold()
        ids = [post(api, user="c").data["id"] for _ in range(3)]
        post(api, user="c").refuses(429, 1009)
        assert post(api, user="d").status == 201
        assert api.delete(f"/messages/{ids[0]}").status == 200
        assert post(api, user="c").status == 201
        post(api, user="c").refuses(429, 1009)
        llm.release()
        api.until_status(ids[1], "completed")
        api.until_status(ids[2], "completed")
        until(lambda: post(api, user="c").status == 201, "there is room")

    def test_a_crowd_gets_exactly_what_there_is(self, server, llm):
        def one(_):
            api = server.new_api("/busy")
            status = post(api, user="crowd").status
            api.close()
            return status

        llm.hold()
        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            got = list(pool.map(one, range(30)))
        llm.release()
        assert got.count(201) == 3 and got.count(429) == 27

    def test_who_queues_runs_so_many_at_once(self, server, llm):
        api = server.new_api("/turns")
        llm.hold()
        ids = [post(api, user="t", content="its turn").data["id"] for _ in range(6)]
        other = post(api, user="u", content="another's").data["id"]
        until(lambda: "another's" in llm.contents(), "the other's call")
        until(lambda: llm.contents().count("its turn") == 2, "two of them")
        assert llm.contents().count("its turn") == 2
        llm.release()
        for message_id in [*ids, other]:
            api.until_status(message_id, "completed")


class TestGateway:
    CONF = CONF

    def test_headers_and_errors_are_openais(self, server, llm):
        gateway = Gateway(server.port, "/ai")
        llm.default = Plan(usage=(10, 20))
        got = gateway.post("/chat/completions", chat(max_tokens=1000))
        assert got.status == 200
        assert got.headers["x-ratelimit-limit-requests"] == "3"
        assert got.headers["x-ratelimit-remaining-requests"] == "2"
        assert got.headers["x-ratelimit-limit-tokens"] == "5000"
        assert 3900 < int(got.headers["x-ratelimit-remaining-tokens"]) < 4000
        assert gateway.post("/chat/completions", chat()).status == 200
        too_much = gateway.post("/chat/completions", chat(max_completion_tokens=100000))
        assert (too_much.status, too_much.error["code"]) == (429, "rate_limit_exceeded")
        assert too_much.error["type"] == "tokens" and int(too_much.headers["retry-after"]) > 0
        streamed = gateway.chat(stream=True)
        assert list(streamed) and streamed.headers["x-ratelimit-remaining-requests"] == "0"
        assert int(streamed.headers["x-ratelimit-remaining-tokens"]) < 5000
        assert streamed.headers["x-ratelimit-reset-tokens"].endswith("s")
        refused = gateway.post("/chat/completions", chat())
        assert (refused.status, refused.error["code"]) == (429, "rate_limit_exceeded")
        assert refused.error["type"] == "requests"
        assert int(refused.headers["retry-after"]) > 0
        gateway.close()


    def used(self, server, customer):
        gateway = Gateway(server.port, "/left", {"X-Customer": customer})
        too_much = gateway.chat(max_tokens=100000)
        assert too_much.status == 429
        gateway.close()
        return 5000 - left(too_much, "tokens")

    def test_who_leaves_before_its_turn_has_used_nothing(self, server, llm):
        first, second = (Gateway(server.port, "/left", {"X-Customer": "early"}) for _ in range(2))
        llm.hold()
        first.send("POST", "/chat/completions", chat(max_tokens=100))
        llm.until_calls(1)
        second.send("POST", "/chat/completions", chat(max_tokens=1000))
        until(lambda: self.used(server, "early") > 1100, "both are booked")
        second.hang_up()
        until(lambda: 100 < self.used(server, "early") < 200, "what will not be is given back")
        llm.release()
        assert first.receive().status == 200
        until(lambda: self.used(server, "early") == 8, "what was used is settled")
        first.close()

    def test_a_stream_that_is_left_has_used_what_came(self, server, llm):
        gateway = Gateway(server.port, "/left", {"X-Customer": "hasty"})
        llm.default = Plan(pieces=["word "] * 40, stall=30, usage=(1000, 1000))
        events = iter(gateway.chat(stream=True, max_tokens=1000, user="hasty"))
        for _ in range(20):
            next(events)
        gateway.hang_up()
        # About a token is a piece, and what was asked is estimated.
        until(lambda: 20 < self.used(server, "hasty") < 100, "it is settled")
        admin = server.new_api()
        total = admin.get("/admin/usage?key=hasty").data["total"]
        assert 20 <= total["completion_tokens"] <= 40 and total["prompt_tokens"] > 0


class TestApps:
    CONF = SECRET + "LLMQPrice * 1 1\n" + apps(bots="LLMQTokenSecret {dir}/secret\nLLMQAuth On\n"
                              "LLMQLimit requests 2/day\nLLMQBudget 1/month")

    def test_debug_turns_count(self, server):
        ann = Apps(server, "ann", "/bots")
        app = ann.app()
        for _ in range(2):
            ann.debug(app, "How many more?")
        refused = ann.post(f"/{app}/debug", {"query": "One more?"})
        assert (refused.status, refused.json["code"]) == (429, "fail"), refused
        assert refused.headers["x-ratelimit-remaining-requests"] == "0"
        assert len(ann.turns(app)["list"]) == 2


class TestLines:
    @pytest.mark.parametrize("line, why", [
        ("LLMQLimit", "requests"), ("LLMQLimit requests", "requests"),
        ("LLMQLimit requests 10", "minute"), ("LLMQLimit requests 0/minute", "1"),
        ("LLMQLimit requests 10/fortnight", "minute"), ("LLMQLimit words 10/minute", "requests"),
        ("LLMQLimit concurrency 3/minute", "window"), ("LLMQLimit tokens 5/day over=board", "over"),
        ("LLMQLimit tokens 5/day key=%{", "LLMQLimit"),
        ("LLMQLimit tokens 5/day key=users", "an expression"), ("LLMQLimitKeys 3", "64")])
    def test_bad_lines_are_refused(self, idle, line, why):
        assert why in idle.refusal(line)
