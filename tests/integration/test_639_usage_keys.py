"""A customer with several API keys: what each has used, and limits of each. Runs of sessions
count as everything else does."""

import json

import pytest

from llmq_env.conf import FAKE, OTHERS, mounts, sessions
from llmq_env.ctl import ctl_of
from llmq_env.fakellm import Plan
from llmq_env.runs import start, started, until_final
from llmq_env.sessions import SECRET, Sessions, denies
from llmq_env.tokens import bearer
from llmq_env.wait import until

pytestmark = pytest.mark.usefixtures("within_a_day")

CONF = FAKE + OTHERS + mounts(
    each="LLMQLimit requests 2/day key=apikey",
    together="LLMQLimit requests 2/day key=user")


@pytest.fixture(scope="class")
def ctl(server):
    return ctl_of(server)


def key_of(ctl, sub):
    made = json.loads(ctl("key", "create", "--json", "--sub", sub).stdout)
    return made["id"], bearer(made["key"])


def send(api, key, **more):
    return api.post("/messages", {"content": "Hello"}, headers=key, **more)


def use(api, key):
    api.until_status(send(api, key).data["id"], "completed")


def used(api, **query):
    return api.get("/admin/usage?" + "&".join(f"{k}={v}" for k, v in query.items())).data


def figures(server, name):
    """Of a family in /metrics: labels → value."""
    text = server.new_api("").call("GET", "/metrics", check=False).body.decode()
    found = [line.rsplit(" ", 1) for line in text.splitlines() if line.startswith(name)]
    return {labels[len(name):]: float(value) for labels, value in found}


class TestKeys:
    CONF = CONF

    def test_each_key_of_a_caller_is_told(self, api, ctl, llm):
        (blue, blue_key), (red, red_key) = (key_of(ctl, "acme") for _ in range(2))
        llm.default = Plan(usage=(3, 4))
        for key in (blue_key, red_key, red_key):
            use(api, key)
        done = api.send("without a key", user_id="acme")["id"]
        api.until_status(done, "completed")
        until(lambda: used(api, key="acme")["total"]["requests"] == 4, "all are counted")
        items = {item["api_key"]: item for item in used(api, key="acme")["items"]}
        assert {key: items[key]["requests"] for key in items} == {None: 1, blue: 1, red: 2}
        only = used(api, api_key=red)
        assert [item["api_key"] for item in only["items"]] == [red]
        assert only["total"]["total_tokens"] == 14

    def test_a_limit_of_each_key(self, server, ctl):
        api = server.new_api("/each")
        (_, one), (_, two) = (key_of(ctl, "limited") for _ in range(2))
        assert [send(api, one).status for _ in range(3)] == [201, 201, 429]
        assert [send(api, two).status for _ in range(3)] == [201, 201, 429]

    def test_a_limit_of_a_caller_with_all_its_keys(self, server, ctl):
        api = server.new_api("/together")
        (_, one), (_, two) = (key_of(ctl, "shared") for _ in range(2))
        assert [send(api, key).status for key in (one, two, one)] == [201, 201, 429]


class TestOperator:
    """llmqctl usage, and what a monitor sees."""

    CONF = "LLMQPrice * 1000 1000\n" + CONF

    def test_llmqctl_shows_who_has_used_what(self, server, api, ctl, llm):
        key_id, key = key_of(ctl, "acme")
        llm.default = Plan(usage=(30, 40))
        use(api, key)
        other = server.new_api("/other")
        other.until_status(other.send("Hello")["id"], "completed")
        until(lambda: used(other)["total"]["requests"] == 1, "it is counted")
        got = json.loads(ctl("usage", "--json").stdout)
        assert [(item["tenant"], item["api_key"]) for item in got["items"]] == [
            ("default", key_id), ("other", None)]
        assert got["total"]["total_tokens"] == 140 and got["rows"] == 2
        item = got["items"][0]
        assert (item["key"], item["prompt_tokens"], item["completion_tokens"]) == ("acme", 30, 40)
        assert item["cost"] == pytest.approx(0.07)
        for args in (("--tenant", "default"), ("--api-key", key_id), ("--key", "acme"),
                     ("--limit", "1"), ("--since", item["day"], "--until", item["day"],
                                        "--model", item["model"], "--tenant", "default")):
            assert [one["tenant"] for one in json.loads(ctl("usage", "--json", *args).stdout)[
                "items"]] == ["default"], args
        assert json.loads(ctl("usage", "--json", "--until", "2025-06-30").stdout)["items"] == []
        table = ctl("usage").stdout.splitlines()
        assert table[0].split()[:4] == ["DAY", "TENANT", "KEY", "API"]
        assert key_id in table[1] and table[-1].split()[:4] == ["TOTAL", "2", "60", "80"]
        assert "1 of 2 lines" in ctl("usage", "--limit", "1").stdout

    @pytest.mark.parametrize("args", [
        ("--since", "yesterday"), ("--until", "2026-02-30"), ("--since", "2026-1-1"),
        ("--limit", "0"), ("--limit", "x"), ("--sub", "x"), ("surplus",)])
    def test_llmqctl_refuses_what_it_does_not_know(self, ctl, args):
        assert ctl("usage", *args, code=2).stderr

    def test_metrics_count_tokens_and_who_was_limited(self, server, api, ctl, llm):
        """What is used is in the metrics a moment after it is in the store."""
        llm.default = Plan(usage=(30, 40))
        stored = json.loads(ctl("usage", "--json").stdout)["total"]["total_tokens"]
        until(lambda: sum(figures(server, "llmq_model_tokens_total").values()) == stored,
              "what was used before to be counted")
        before = figures(server, "llmq_model_tokens_total")
        _, key = key_of(ctl, "metered")
        limited = server.new_api("/each")
        for _ in range(2):
            use(limited, key)
        assert send(limited, key).status == 429

        def grown():
            after = figures(server, "llmq_model_tokens_total")
            return sorted(after[label] - before.get(label, 0) for label in after)

        until(lambda: grown() == [60, 80], "they are counted")
        assert all('direction="' in label for label in figures(server, "llmq_model_tokens_total"))
        requests = figures(server, "llmq_limited_requests_total")
        assert requests['{reason="requests",action="rejected"}'] == 1
        assert requests['{reason="budget",action="queued"}'] == 0
        until(lambda: sum(figures(server, "llmq_model_cost_total").values()) > 0, "the cost")


MODEL = "<LLMQAgent model>\nLLMQBackendKind openai\nLLMQBackendURL {llm}\n</LLMQAgent>\n"


def prompted(server, user, base, *contents):
    """A session of this user with prompts: (api, session, ids of the prompts)."""
    api = Sessions(server, user, base)
    session = api.session()["session_id"]
    return api, session, [api.append(session, text)["message_id"] for text in contents]


class TestRuns:
    """Runs are jobs as all others: what they use is counted, and limits hold for them."""

    CONF = SECRET + MODEL + sessions(
        few="LLMQLimit requests 2/day", line="LLMQLimit requests 2/day\nLLMQRunConflict enqueue",
        tok="LLMQLimit tokens 1000/day", busy="LLMQLimit concurrency 1",
        later="LLMQLimit requests 1/day over=queue\nLLMQMaxDelay 48h")

    def test_the_limit_is_told_in_laravels_words(self, server, llm):
        api, session, prompts = prompted(server, "ann", "/few", "one", "two", "three")
        for prompt in prompts[:2]:
            got = start(api, session, prompt)
            assert got.headers["x-ratelimit-limit-requests"] == "2"
            until_final(api, session, got.json["run_id"])
        refused = denies(start(api, session, prompts[2]), 429, "Too Many Attempts.")
        assert int(refused.headers["retry-after"]) > 0
        assert refused.headers["x-ratelimit-remaining-requests"] == "0"
        again = start(api, session, prompts[0])     # it has its run already
        assert again.status == 201 and again.json["status"] == "DONE"

    def test_who_is_told_of_another_run_is_not_counted(self, server, llm):
        api, session, prompts = prompted(server, "bob", "/few", "one", "two", "three")
        llm.hold()
        run_id = started(api, session, prompts[0])
        for prompt in prompts[1:]:
            assert started(api, session, prompt) == run_id
        llm.release()
        until_final(api, session, run_id)
        until_final(api, session, started(api, session, prompts[1]))
        assert start(api, session, prompts[2]).status == 429

    def test_those_that_wait_for_their_session_count(self, server, llm):
        api, session, prompts = prompted(server, "carl", "/line", "one", "two", "three")
        llm.hold()
        ids = [started(api, session, prompt) for prompt in prompts[:2]]
        assert start(api, session, prompts[2]).status == 429
        llm.release()
        assert [until_final(api, session, run_id)["status"] for run_id in ids] == ["DONE"] * 2

    def test_tokens_of_a_run_are_counted_and_settled(self, server, llm):
        api, session, prompts = prompted(server, "dan", "/tok", "x" * 400, "x" * 4000)
        llm.default = Plan(usage=(200, 300))
        got = start(api, session, prompts[0])
        assert int(got.headers["x-ratelimit-remaining-tokens"]) == 1000 - 101
        until_final(api, session, got.json["run_id"])

        def left():
            got = start(api, session, prompts[1])
            assert got.status == 429
            return int(got.headers["x-ratelimit-remaining-tokens"])

        until(lambda: left() == 500, "500 are used")
        total = server.new_api().get("/admin/usage?key=dan").data["total"]
        assert (total["requests"], total["total_tokens"]) == (1, 500)

    def test_one_at_once_of_all_sessions_of_a_user(self, server, llm):
        api, session, prompts = prompted(server, "eve", "/busy", "one")
        _, other, more = prompted(server, "eve", "/busy", "two")
        llm.hold()
        run_id = started(api, session, prompts[0])
        assert start(api, other, more[0]).status == 429
        llm.release()
        until_final(api, session, run_id)
        until(lambda: start(api, other, more[0]).status == 201, "there is room")

    def test_what_queues_waits_for_its_window(self, server, llm):
        api, session, prompts = prompted(server, "fay", "/later", "one", "two")
        until_final(api, session, started(api, session, prompts[0]))
        run_id = started(api, session, prompts[1])
        [(run_at, day)] = server.query("SELECT run_at, run_at - run_at % 86400000000"
                                       f" FROM llmq_jobs WHERE id = '{run_id}'")
        assert run_at == day
        assert api.post(f"/sessions/{session}/runs/{run_id}/cancel").status == 200
