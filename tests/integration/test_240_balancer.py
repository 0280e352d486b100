"""Several backends: who gets the work, who is left alone and comes back, and what an
operator sees and does."""

import contextlib

import pytest

from llmq_env.fakellm import FakeLLM, Plan
from llmq_env.httpd import free_port
from llmq_env.wait import until

# (text, the line that must be blamed, what must be said)
BAD = [
    ("LLMQBalance", 1, "LLMQBalance"),
    ("LLMQBalance random", 1, "LLMQBalance"),
    ("<Location /x>\nLLMQBalance round_robin\n</Location>", 2, "LLMQBalance"),
    ("LLMQAffinity Maybe", 1, "LLMQAffinity"),
    ("LLMQAffinity On 0", 1, "LLMQAffinity"),
    ("LLMQBackendWeight 1", 1, "LLMQBackendWeight"),
    ("<LLMQBackend b>\nLLMQBackendWeight 0\n</LLMQBackend>", 2, "LLMQBackendWeight"),
    ("<LLMQBackend b>\nLLMQBackendWeight 1001\n</LLMQBackend>", 2, "LLMQBackendWeight"),
    ("<LLMQBackend b>\nLLMQBackendGroup 10\n</LLMQBackend>", 2, "LLMQBackendGroup"),
    ("<LLMQBackend b>\nLLMQBackendSpill Perhaps\n</LLMQBackend>", 2, "LLMQBackendSpill"),
    ("<LLMQBackend b>\nLLMQBackendMaxFailures -1\n</LLMQBackend>", 2,
     "LLMQBackendMaxFailures"),
    ("<LLMQBackend b>\nLLMQBackendCooldown soon\n</LLMQBackend>", 2, "LLMQBackendCooldown"),
    ("<LLMQBackend b>\nLLMQBackendCooldown 10s 5s\n</LLMQBackend>", 2, "LLMQBackendCooldown"),
    ("<LLMQBackend b>\nLLMQBackendHealth everything\n</LLMQBackend>", 2, "LLMQBackendHealth"),
    ("<LLMQBackend b>\nLLMQBackendHealth '/a b'\n</LLMQBackend>", 2, "LLMQBackendHealth"),
    ("<LLMQBackend b>\nLLMQBackendHealth /a never\n</LLMQBackend>", 2, "LLMQBackendHealth"),
    ("".join(f"<LLMQBackend b{i}>\n</LLMQBackend>\n" for i in range(65)), 129, "64 backends"),
]

GOOD = """
    LLMQBalance weighted_random
    LLMQAffinity Off
    LLMQAffinity On 500
    <LLMQBackend one>
        LLMQBackendWeight 1000
        LLMQBackendGroup 9
        LLMQBackendSpill On
        LLMQBackendMaxFailures 0
        LLMQBackendCooldown 20ms
        LLMQBackendCooldown 10min
        LLMQBackendHealth off
        LLMQBackendHealth /v1/health?deep=1 1min
    </LLMQBackend>
"""


class TestSyntaxCheck:
    @pytest.mark.parametrize("text, line, name", BAD, ids=[bad[0][:60] for bad in BAD])
    def test_bad_value_is_caught(self, idle, text, line, name):
        idle.refusal(text, name, line)

    def test_good_values_are_accepted(self, new_server):
        new_server("sqlite3", GOOD).start()


class Cluster:
    """A server with some fake LLMs behind it, called a, b, c …"""

    def __init__(self, store, new_server, conf, *blocks):
        self.llms = {}
        text = "LLMQRetryDelay 50ms 200ms\n" + conf + "\n"
        for name, block in zip("abcdefgh", blocks):
            self.llms[name] = FakeLLM()
            text += (f"<LLMQBackend {name}>\nLLMQBackendKind openai\n"
                     f"LLMQBackendURL {self.llms[name].url}\nLLMQBackendHealth off\n"
                     f"{block}\n</LLMQBackend>\n")
        self.server = new_server(store, text)
        self.server.start()
        self.api = self.server.new_api()

    def counts(self):
        return {name: len(llm.calls) for name, llm in self.llms.items()}

    def ask(self, n=1, **fields):
        """Messages, all at once and each of its own user; the backends that answered."""
        ids = [self.api.send(f"m{i}", user_id=f"u{i}", **fields)["id"] for i in range(n)]
        return [self.api.until_status(i, "completed")["result"]["backend"] for i in ids]

    def ask_in_turn(self, n, **fields):
        return [self.ask(1, **fields)[0] for _ in range(n)]

    def close(self):
        self.server.stop()
        for llm in self.llms.values():
            llm.close()


@pytest.fixture
def cluster_of(store, new_server):
    with contextlib.ExitStack() as stack:
        def make(conf, *blocks):
            made = Cluster(store, new_server, conf, *blocks)
            stack.callback(made.close)
            return made

        yield make


class TestAlgorithms:
    def test_round_robin(self, cluster_of):
        cluster = cluster_of("", "", "LLMQBackendWeight 5", "")
        cluster.ask(30)
        assert cluster.counts() == {"a": 10, "b": 10, "c": 10}

    def test_weighted_round_robin(self, cluster_of):
        cluster = cluster_of("LLMQBalance weighted_round_robin", "LLMQBackendWeight 3", "",
                             "LLMQBackendWeight 2")
        cluster.ask(30)
        assert cluster.counts() == {"a": 15, "b": 5, "c": 10}

    def test_least_connections(self, cluster_of):
        cluster = cluster_of("LLMQBalance least_connections", "LLMQBackendWeight 2", "", "")
        for llm in cluster.llms.values():
            llm.hold()
        ids = [cluster.api.send(user_id=f"u{i}")["id"] for i in range(20)]
        until(lambda: sum(cluster.counts().values()) == 20, "all calls under way")
        assert cluster.counts() == {"a": 10, "b": 5, "c": 5}
        cluster.llms["b"].release()
        until(lambda: cluster.api.get("/admin/backends/b").data["in_flight"] == 0, "b to be idle")
        more = [cluster.api.send(user_id="more")["id"] for i in range(4)]
        for message_id in more:
            assert cluster.api.until_status(message_id, "completed")["result"]["backend"] == "b"
        for llm in cluster.llms.values():
            llm.release()
        for message_id in ids:
            cluster.api.until_status(message_id, "completed")

    def test_weighted_random(self, cluster_of):
        cluster = cluster_of("LLMQBalance weighted_random", "LLMQBackendWeight 1000",
                             "LLMQBackendWeight 1000", "")
        cluster.ask(60)
        counts = cluster.counts()
        assert counts["a"] > 10 and counts["b"] > 10  # 30 expected, deviation 4
        assert counts["c"] <= 2

    def test_adaptive_load(self, cluster_of):
        cluster = cluster_of("LLMQBalance adaptive_load", "", "")
        # So slow that the other one is quicker even if the machine stalls now and then.
        cluster.llms["a"].default = Plan(delay=5)
        until(lambda: cluster.ask(1) == ["a"], "the slow one to be tried")
        before = cluster.counts()["a"]
        assert cluster.ask_in_turn(12) == ["b"] * 12
        assert cluster.counts()["a"] == before


class TestAffinity:
    def test_conversation_stays_while_others_go_round(self, cluster_of):
        cluster = cluster_of("", "", "", "")
        home = cluster.ask(conversation_id="long")[0]
        for _ in range(6):
            cluster.ask()
            assert cluster.ask(conversation_id="long") == [home]

    def test_off(self, cluster_of):
        cluster = cluster_of("LLMQAffinity Off", "", "")
        assert cluster.ask_in_turn(4, conversation_id="long") == ["a", "b", "a", "b"]

    def test_conversation_moves_when_its_backend_goes(self, cluster_of):
        cluster = cluster_of("", "", "")
        home = cluster.ask(conversation_id="long")[0]
        other = "b" if home == "a" else "a"
        cluster.llms[home].plans = [Plan(status=429, headers={"Retry-After": "60"})]
        assert cluster.ask_in_turn(3, conversation_id="long") == [other] * 3


class TestHealth:
    CAREFUL = "LLMQBackendMaxFailures 2\nLLMQBackendCooldown 1s 4s"

    def test_failing_backend_is_ejected_and_nobody_asks_it(self, cluster_of):
        cluster = cluster_of("", "LLMQBackendMaxFailures 2\nLLMQBackendCooldown 1h", "")
        cluster.server.log.expect("LLMQ0510")
        cluster.llms["a"].default = Plan(status=500)
        assert set(cluster.ask(8)) == {"b"}
        assert "ep[a] fails again and again" in cluster.server.log.text()
        tried = cluster.counts()["a"]
        assert cluster.ask_in_turn(5) == ["b"] * 5
        assert cluster.counts()["a"] == tried

    def test_ejected_backend_comes_back_by_one_trial(self, cluster_of):
        cluster = cluster_of("", self.CAREFUL, self.CAREFUL)
        cluster.server.log.expect("LLMQ0510")
        cluster.llms["a"].default = Plan(status=500)
        assert set(cluster.ask(8)) == {"b"}
        assert "ep[a] fails again and again" in cluster.server.log.text()
        cluster.llms["a"].default = Plan()
        until(lambda: "a" in cluster.ask(2), "the trial to bring it back")
        until(lambda: "ep[a] can be used again" in cluster.server.log.text(), "the log")
        assert sorted(cluster.ask(4)) == ["a", "a", "b", "b"]

    def test_failed_trial_ejects_again(self, cluster_of):
        """For twice as long, here long enough to see that nobody asks it."""
        cluster = cluster_of("", "LLMQBackendMaxFailures 2\nLLMQBackendCooldown 3s 1h", "")
        cluster.server.log.expect("LLMQ0510")
        cluster.llms["a"].default = Plan(status=500)
        cluster.ask(8)
        until(lambda: cluster.server.log.count("LLMQ0510"), "its ejection")
        tried = cluster.counts()["a"]
        until(lambda: cluster.ask(1) and cluster.counts()["a"] > tried, "a trial")
        assert cluster.ask_in_turn(3) == ["b"] * 3
        assert cluster.counts()["a"] == tried + 1

    def test_message_goes_to_another_backend_after_a_failure(self, cluster_of):
        cluster = cluster_of("<Location /api/v1>\nLLMQMaxRetries 1\n</Location>",
                             "LLMQBackendMaxFailures 0", "")
        cluster.llms["a"].default = Plan(status=500)
        assert cluster.ask(20) == ["b"] * 20

    def test_last_backend_is_not_ejected_for_failing(self, cluster_of):
        cluster = cluster_of("", "LLMQBackendMaxFailures 1\nLLMQBackendCooldown 1h")
        cluster.llms["a"].plans = [Plan(status=500)] * 3
        assert cluster.ask() == ["a"]

    def test_retry_after_moves_the_message_at_once(self, cluster_of):
        cluster = cluster_of("LLMQRetryDelay 10min 20min", "", "")
        cluster.llms["a"].default = Plan(status=429, headers={"Retry-After": "3600"})
        cluster.llms["b"].plans = []
        assert cluster.ask_in_turn(4) == ["b"] * 4  # far sooner than any delay
        assert cluster.counts()["a"] == 1

    def test_unreachable_backend_costs_no_retry(self, store, new_server, llm):
        server = new_server(store, "".join(
            f"<LLMQBackend {name}>\nLLMQBackendKind openai\nLLMQBackendURL {url}\n"
            "LLMQBackendHealth off\n</LLMQBackend>\n"
            for name, url in (("gone", f"http://127.0.0.1:{free_port()}/v1"),
                              ("here", llm.url))))
        server.log.always.add("LLMQ0504")
        server.start()
        api = server.new_api()
        for message_id in [api.send(user_id=f"u{i}")["id"] for i in range(6)]:
            done = api.until_status(message_id, "completed")
            assert (done["retry_count"], done["result"]["backend"]) == (0, "here")


class TestActiveChecks:
    def test_check_asks_for_models(self, store, new_server, llm):
        server = new_server(store, f"<LLMQBackend a>\nLLMQBackendKind openai\nLLMQBackendURL"
                                   f" {llm.url}\nLLMQBackendHealth models 50ms\n</LLMQBackend>\n")
        server.start()
        until(lambda: len(llm.checks) >= 3, "three checks")
        assert set(llm.checks) == {"/v1/models"}
        assert not llm.calls

    def test_check_finds_it_gone_and_brings_it_back(self, store, new_server):
        port = free_port()
        server = new_server(store, f"<LLMQBackend a>\nLLMQBackendKind openai\nLLMQBackendURL"
                                   f" http://127.0.0.1:{port}/v1\nLLMQBackendHealth /up 50ms\n"
                                   "</LLMQBackend>\n")
        server.log.always.add("LLMQ0504")
        server.start()
        until(lambda: server.log.count("LLMQ0504"), "the check to find it gone")
        llm = FakeLLM(port)
        try:
            until(lambda: server.log.count("ep[a] can be used again"), "it to be back")
            assert not llm.calls and llm.checks[0] == "/v1/up"
            api = server.new_api()
            assert api.until_status(api.send()["id"])["status"] == "completed"
        finally:
            server.stop()
            llm.close()

    def test_bad_checks_eject_while_others_work(self, cluster_of):
        cluster = cluster_of("", "LLMQBackendHealth models 50ms\nLLMQBackendMaxFailures 2\n"
                                 "LLMQBackendCooldown 1h", "")
        cluster.server.log.expect("LLMQ0510")
        cluster.llms["a"].check = Plan(status=500)
        until(lambda: cluster.server.log.count("LLMQ0510"), "its ejection")
        assert cluster.ask(6) == ["b"] * 6


class TestGroups:
    def test_fallback_only_while_none_before_is_usable(self, cluster_of):
        cluster = cluster_of("", "", "", "LLMQBackendGroup 1")
        cluster.ask(10)
        assert cluster.counts() == {"a": 5, "b": 5, "c": 0}
        for name in "ab":
            cluster.llms[name].default = Plan(status=429, headers={"Retry-After": "3600"})
        assert cluster.ask(6) == ["c"] * 6

    def test_fallback_ends_when_the_first_group_is_back(self, cluster_of):
        cluster = cluster_of("", "", "", "LLMQBackendGroup 1")
        for name in "ab":
            cluster.llms[name].plans = [Plan(status=429, headers={"Retry-After": "2"})]
        cluster.ask(6)
        until(lambda: set(cluster.ask(2)) == {"a", "b"}, "the first group to be back")
        before = cluster.counts()["c"]
        cluster.ask(6)
        assert cluster.counts()["c"] == before

    @pytest.mark.parametrize("spill", ["On", "Off"])
    def test_full_group(self, cluster_of, spill):
        cluster = cluster_of("", f"LLMQBackendConcurrency 1\nLLMQBackendSpill {spill}",
                             "LLMQBackendGroup 1")
        cluster.llms["a"].hold()
        first = cluster.api.send(user_id="1")["id"]
        cluster.llms["a"].until_calls(1)
        second = cluster.api.send(user_id="2")["id"]
        if spill == "On":
            done = cluster.api.until_status(second, "completed")
            assert done["result"]["backend"] == "b"
        cluster.llms["a"].release()
        for message_id in (first, second):
            cluster.api.until_status(message_id, "completed")
        assert cluster.counts() == ({"a": 1, "b": 1} if spill == "On" else {"a": 2, "b": 0})


class TestAdmin:
    """What an operator sees and does, on a server with two backends a and b."""

    @staticmethod
    def backend(cluster, name):
        answer = cluster.api.get(f"/admin/backends/{name}")
        assert answer.status == 200, answer
        return answer.data

    def test_list_shows_all_figures_and_no_key(self, cluster_of, workspace, store):
        path = workspace / f"balancer-key-{store}"
        path.write_text("sk-very-secret\n")
        cluster = cluster_of("LLMQBalance least_connections",
                             f"LLMQBackendKeyFile {path}\nLLMQBackendModel m", "")
        cluster.llms["b"].default = Plan(status=404)
        for i in range(4):
            cluster.api.until_status(cluster.api.send(f"m{i}")["id"])
        answer = cluster.api.get("/admin/backends")
        assert answer.status == 200
        assert "secret" not in str(answer.json)
        assert answer.data["algorithm"] == "least_connections"
        assert answer.data["session_affinity"] is True
        a, b = answer.data["backends"]
        assert (a["name"], a["kind"], a["url"], a["model"]) == ("a", "openai",
                                                                cluster.llms["a"].url, "m")
        assert (a["weight"], a["group"], a["max_concurrent"]) == (1, 0, 64)
        assert (a["status"], a["health"], a["draining"]) == ("healthy", "healthy", False)
        assert (a["total_calls"], a["total_failures"], a["in_flight"]) == (2, 0, 0)
        assert a["avg_response_time"] != "0s" and a["avg_first_token_time"] != "0s"
        assert sum(step["count"] for step in a["response_times"]) == 2
        assert sum(step["count"] for step in a["first_token_times"]) == 2
        assert (a["ejected_until"], a["busy_until"], a["last_check"]) == (None, None, None)
        assert (b["total_calls"], b["total_failures"], b["error_rate"]) == (2, 2, 1.0)
        assert self.backend(cluster, "a") == a

    def test_calls_under_way_are_seen(self, cluster_of):
        cluster = cluster_of("", "")
        cluster.llms["a"].hold()
        ids = [cluster.api.send(user_id=f"u{i}")["id"] for i in range(3)]
        until(lambda: self.backend(cluster, "a")["in_flight"] == 3, "three calls")
        cluster.llms["a"].release()
        for message_id in ids:
            cluster.api.until_status(message_id, "completed")
        until(lambda: self.backend(cluster, "a")["in_flight"] == 0, "none")

    def test_drain_lets_calls_finish_and_enable_begins_again(self, cluster_of):
        cluster = cluster_of("", "", "")
        cluster.llms["a"].hold()
        running = [cluster.api.send(user_id=f"u{i}")["id"] for i in range(2)]
        cluster.llms["a"].until_calls(1)
        answer = cluster.api.post("/admin/backends/a/drain")
        assert answer.status == 200
        assert (answer.data["status"], answer.data["draining"]) == ("draining", True)
        until(lambda: self.backend(cluster, "a")["draining"], "the dispatcher to follow")
        assert cluster.ask(6) == ["b"] * 6
        assert cluster.api.post("/admin/backends/a/drain").status == 200  # again, no matter
        cluster.llms["a"].release()
        for message_id in running:
            cluster.api.until_status(message_id, "completed")
        assert cluster.counts()["a"] == 1
        assert cluster.api.post("/admin/backends/a/enable").data["draining"] is False
        until(lambda: self.backend(cluster, "a")["status"] == "healthy", "it to be used")
        assert set(cluster.ask(4)) == {"a", "b"}

    def test_drain_outlives_a_restart_and_all_drained_waits(self, cluster_of):
        cluster = cluster_of("", "")
        cluster.api.post("/admin/backends/a/drain")
        cluster.server.stop()
        cluster.server.start()
        message_id = cluster.api.send()["id"]
        until(lambda: self.backend(cluster, "a")["draining"], "the dispatcher to read it")
        assert cluster.api.message(message_id)["status"] == "pending"
        cluster.api.post("/admin/backends/a/enable")
        cluster.api.until_status(message_id, "completed")

    def test_totals_outlive_a_graceful_restart(self, cluster_of):
        cluster = cluster_of("", "")
        cluster.ask(3)
        cluster.server.graceful()
        cluster.api.close()
        assert self.backend(cluster, "a")["total_calls"] == 3

    def test_ejection_is_seen(self, cluster_of):
        cluster = cluster_of("", "LLMQBackendMaxFailures 1\nLLMQBackendCooldown 1h", "")
        cluster.server.log.expect("LLMQ0510")
        cluster.llms["a"].default = Plan(status=500)
        cluster.ask(2)
        a = self.backend(cluster, "a")
        assert (a["status"], a["consecutive_failures"]) == ("ejected", 1)
        assert a["ejected_until"]

    def test_check(self, cluster_of):
        cluster = cluster_of("", "")
        answer = cluster.api.post("/admin/backends/a/check")
        assert answer.status == 200
        assert answer.data["reachable"] is True and answer.data["response_time"]
        cluster.llms["a"].close()
        answer = cluster.api.post("/admin/backends/a/check").refuses(500, 2008)
        assert "127.0.0.1" not in str(answer.json)
        assert not cluster.llms["a"].calls

    def test_unknown_names_and_wrong_methods(self, api):
        for path in ("drain", "enable", "check"):
            api.post(f"/admin/backends/none/{path}").refuses(404)
            assert api.get(f"/admin/backends/none/{path}").status == 405
        api.get("/admin/backends/none").refuses(404)
        echo = api.get("/admin/backends/echo").data
        assert (echo["kind"], echo["url"], echo["model"]) == ("echo", None, None)
        assert api.post("/admin/backends/echo/check").data["reachable"] is True

    def test_outsiders_may_not(self, store, new_server):
        server = new_server(store, "<Location /api/v1/admin>\nLLMQAdmin Off\n</Location>\n")
        server.start()
        api = server.new_api()
        for path in ("", "/echo"):
            api.get(f"/admin/backends{path}").refuses(403)
        for path in ("drain", "enable", "check"):
            api.post(f"/admin/backends/echo/{path}").refuses(403)
