"""S2's debug turns: answered one after another with the turns before them, listed, deleted,
canceled; whatever dies on the way."""

import concurrent.futures

import pytest

from llmq_env.apps import NOWHERE, SECRET, TURN, UUID, Apps, denies
from llmq_env.conf import FAKE, apps
from llmq_env.fakellm import Plan
from llmq_env.wait import until

LATE = "应用调试超时，请稍后重试"
DELETED = "删除调试信息成功"
NO_TURN = "该调试消息不存在，请核实后重试"


def sent(llm, i=-1):
    """The messages of a call at the backend, as (role, content)."""
    return [(m["role"], m["content"]) for m in llm.calls[i].body["messages"]]


class TestFreshInstall:
    CONF = SECRET

    def test_sample(self, ann, app):
        turn = ann.debug(app, "能详细讲解下LLM是什么吗？")
        assert turn["answer"] == "Echo: 能详细讲解下LLM是什么吗？"
        assert turn["answer_tokens"] > 0
        shown = ann.show(app)
        assert shown["debug_conversation_id"] == turn["conversation_id"]
        assert shown["drafted_app_config"] is None
        assert ann.debug(app)["conversation_id"] == turn["conversation_id"]

    def test_list(self, ann, app):
        empty = ann.turns(app)
        assert empty == {"list": [], "paginator": {"current_page": 1, "page_size": 20,
                                                   "total_page": 0, "total_record": 0}}
        made = [ann.debug(app, f"Question {i}") for i in range(23)]
        first = ann.turns(app)
        assert first["paginator"] == {"current_page": 1, "page_size": 20, "total_page": 2,
                                      "total_record": 23}
        second = ann.turns(app, "?current_page=2&page_size=99")
        assert first["list"] + second["list"] == made[::-1]
        assert ann.turns(app, "?page=3&limit=2")["list"] == made[::-1][4:6]
        denies(ann.get(f"/{app}/messages?page=0"), 400, "validate_error", None, "page")

    def test_delete(self, ann, app):
        other = ann.app()
        turns = [ann.debug(app, f"Question {i}") for i in range(3)]
        elsewhere = ann.debug(other)
        body = {"app_id": NOWHERE, "message_id": NOWHERE}  # the path counts
        for wrong in (NOWHERE, "nope", elsewhere["id"], turns[0]["conversation_id"]):
            denies(ann.post(f"/{app}/messages/{wrong}/delete", body), 404, "not_found", NO_TURN)
        middle = turns[1]["id"]
        ann.done("POST", f"/{app}/messages/{middle.upper()}/delete", body, DELETED)
        denies(ann.post(f"/{app}/messages/{middle}/delete"), 404, "not_found", NO_TURN)
        assert ann.turns(app)["list"] == [turns[2], turns[0]]
        assert ann.turns(other)["list"] == [elsewhere]
        denies(ann.post(f"/{ann.app()}/messages/{middle}/delete"), 404, "not_found", NO_TURN)

    @pytest.mark.parametrize("body", [{}, {"query": ""}, {"query": "  "}, {"query": None},
                                      {"query": 7}, {"query": ["x"]}, {"query": "x" * 65537}])
    def test_bad_questions(self, ann, app, body):
        denies(ann.post(f"/{app}/debug", body), 400, "validate_error", None, "query")
        assert ann.turns(app)["list"] == [] and ann.show(app)["debug_conversation_id"] is None

    def test_no_call_of_s0_shows_it(self, server, ann, app):
        turn = ann.debug(app, "a secret question")
        api = server.new_api()
        total = api.total()
        assert total == 0 and api.get("/conversations").data["pagination"]["total"] == 0
        api.get(f"/messages/{turn['id']}").refuses(404, 1004)
        api.get(f"/conversations/{turn['conversation_id']}").refuses(404, 1005)
        api.set_status(turn["id"], "failed").refuses(404, 1004)
        assert api.get(f"/tasks/{turn['id']}").status == 404
        # A conversation of the same name has nothing in common with it.
        chained = api.send("Hi", conversation_id=turn["conversation_id"])
        done = api.until_status(chained["id"])
        assert done["result"]["usage"]["prompt_tokens"] == 1
        assert [t["id"] for t in ann.turns(app)["list"]] == [turn["id"]]

    def test_copies_and_deleted_apps(self, ann, app):
        turn = ann.debug(app)
        copy = ann.done("POST", f"/{app}/copy")["id"]
        assert ann.turns(copy)["list"] == []
        assert ann.debug(copy)["conversation_id"] != turn["conversation_id"]
        ann.done("POST", f"/{app}/delete", message="删除AI应用成功")
        for call in (("POST", "/debug"), ("GET", "/messages"),
                     ("POST", f"/messages/{turn['id']}/delete")):
            denies(ann.call(call[0], f"/{app}{call[1]}", {"query": "x"}), 404, "not_found")
        assert len(ann.turns(copy)["list"]) == 1

    def test_an_idempotency_key_makes_one_turn(self, ann, app):
        key = {"Idempotency-Key": "turn"}
        first = ann.debug(app, "once", headers=key)
        assert ann.debug(app, "once", headers=key) == first
        denies(ann.post(f"/{app}/debug", {"query": "twice"}, headers=key), 422, "validate_error",
               None, "Idempotency-Key")
        assert ann.turns(app)["list"] == [first]

    def test_concurrent_turns_are_answered_one_after_another(self, server, ann, app):
        def go(i):
            client = Apps(server)
            client.headers = ann.headers
            return client.debug(app, f"Question {i}")

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            turns = list(pool.map(go, range(16)))
        assert len({t["conversation_id"] for t in turns}) == 1
        assert {t["id"] for t in turns} == {t["id"] for t in ann.turns(app)["list"]}


class TestContext:
    CONF = SECRET + FAKE

    def test_so_many_turns(self, ann, app, llm):
        for i in range(5):
            ann.debug(app, f"q{i}")
        # Without a configuration there are three.
        assert sent(llm) == [("user", "q1"), ("assistant", "answer to q1"), ("user", "q2"),
                             ("assistant", "answer to q2"), ("user", "q3"),
                             ("assistant", "answer to q3"), ("user", "q4")]
        ann.configure(app, 1)
        ann.debug(app, "q5")
        assert sent(llm) == [("user", "q4"), ("assistant", "answer to q4"), ("user", "q5")]
        ann.configure(app, 0)
        ann.debug(app, "q6")
        assert sent(llm) == [("user", "q6")]
        ann.configure(app, 100)
        ann.debug(app, "q7")
        assert [c for r, c in sent(llm) if r == "user"] == [f"q{i}" for i in range(8)]

    def test_the_draft_counts_before_what_is_published(self, ann, app, llm):
        ann.configure(app, 1)
        ann.done("POST", f"/{app}/publish", message="发布AI应用成功")
        for i in range(3):
            ann.debug(app, f"q{i}")
        assert len(sent(llm)) == 3
        ann.configure(app, 0)
        ann.debug(app, "q3")
        assert len(sent(llm)) == 1

    def test_deleted_turns_are_left_out(self, ann, app, llm):
        turns = [ann.debug(app, f"q{i}") for i in range(3)]
        ann.done("POST", f"/{app}/messages/{turns[1]['id']}/delete", message=DELETED)
        ann.debug(app, "q3")
        assert [c for r, c in sent(llm) if r == "user"] == ["q0", "q2", "q3"]

    def test_tokens_and_latency_are_those_of_the_answer(self, ann, app, llm):
        llm.plans = [Plan(usage=(7, 1454), delay=0.2)]
        turn = ann.debug(app)
        assert turn["answer_tokens"] == 1454 and turn["response_latency"] >= 200
        assert isinstance(turn["response_latency"], float)

    def test_failures(self, ann, app, llm):
        llm.default = Plan(status=400)
        answer = ann.post(f"/{app}/debug", {"query": "x"})
        denies(answer, 500, "fail", "应用调试失败，请稍后重试")
        assert ann.turns(app)["list"] == []
        llm.default = Plan()
        ann.debug(app, "y")
        assert sent(llm) == [("user", "y")]
        assert server_dead_letters(ann) == 0

    def test_one_that_is_deleted_while_it_is_answered(self, server, ann, app, llm):
        other = Apps(server)
        other.headers = ann.headers
        llm.hold()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            asked = pool.submit(other.post, f"/{app}/debug", {"query": "x"})
            llm.until_calls(1)
            [(turn,)] = server.query("SELECT id FROM llmq_jobs WHERE kind = 4 AND status < 2"
                                     f" AND metadata LIKE '%{app}%'")
            ann.done("POST", f"/{app}/messages/{turn}/delete", message=DELETED)
            denies(asked.result(), 404, "not_found", NO_TURN)
        llm.release()
        ann.debug(app, "y")
        assert [t["query"] for t in ann.turns(app)["list"]] == ["y"]

    def test_whoever_went_away_finds_the_answer(self, server, ann, app, llm):
        llm.hold()
        raw = Apps(server)
        raw.headers = ann.headers
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            asked = pool.submit(lambda: pytest.raises(OSError, raw.post, f"/{app}/debug",
                                                      {"query": "gone"}))
            llm.until_calls(1)
            raw.connection.sock.shutdown(2)
            asked.result()
        llm.release()
        until(lambda: ann.turns(app)["list"], "the answer")
        assert ann.turns(app)["list"][0]["query"] == "gone"

    def test_a_killed_dispatcher(self, server, ann, app, llm):
        server.log.expect("LLMQ0806", "AH00052", "LLMQ0807")
        other = Apps(server)
        other.headers = ann.headers
        llm.hold()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            asked = pool.submit(other.debug, app, "survivor")
            llm.until_calls(1)
            server.kill_dispatcher()
            llm.release()
            turn = asked.result()
        assert turn["answer"] == "answer to survivor"
        assert [t["id"] for t in ann.turns(app)["list"]] == [turn["id"]]


def server_dead_letters(client):
    from llmq_env.api import Api  # the queue's own mount
    api = Api(client.port)
    try:
        return api.get("/admin/dead-letter").data["pagination"]["total"]
    finally:
        api.close()


class TestTimeout:
    CONF = SECRET + FAKE + apps(hasty="LLMQDebugTimeout 1s")

    def test_fail_and_the_next_may_begin(self, server, ann, app, llm):
        hasty = Apps(server, base="/hasty")
        hasty.headers = ann.headers
        llm.hold()
        denies(hasty.post(f"/{app}/debug", {"query": "slow"}), 504, "fail", LATE)
        llm.release()
        until(lambda: llm.in_flight == 0, "the call to be broken off")
        assert ann.debug(app, "quick")["answer"] == "answer to quick"
        assert [t["query"] for t in ann.turns(app)["list"]] == ["quick"]
        assert sent(llm) == [("user", "quick")]
        assert server.query("SELECT count(*) FROM llmq_jobs WHERE kind = 4 AND status < 2") \
            == [(0,)] or server.store == "pgsql"


class TestLimits:
    CONF = (SECRET + "LLMQDispatcher Off\nLLMQDebugTimeout 2s\n"
            + apps(small="LLMQMaxContent 10\nLLMQMaxTitle 3\nLLMQMaxContext 5",
                   shut="LLMQMaintenance On", rare="LLMQRateLimit 1/min"))

    def test_it_is_for_no_worker(self, server, ann, app):
        other = Apps(server)
        other.headers = ann.headers
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            asked = pool.submit(other.post, f"/{app}/debug", {"query": "first"})
            until(lambda: server.query("SELECT id FROM llmq_jobs WHERE kind = 4"), "it")
            # It waits in the queue of messages, but is for no worker of these.
            claim = server.new_api().post("/workers/w1/claim", {"kinds": ["message"], "limit": 9})
            assert claim.status == 200 and claim.json["tasks"] == [], claim
            denies(asked.result(), 504, "fail", LATE)

    def test_texts(self, server):
        small = Apps(server, "ann", base="/small")
        app = small.app("Bot", icon="", description="")
        denies(small.post("", {"name": "Bots"}), 400, "validate_error", None, "name")
        denies(small.post(f"/{app}", {"icon": "123456"}), 400, "validate_error", None, "icon")
        denies(small.post(f"/{app}/debug", {"query": "12345678901"}), 400, "validate_error", None,
               "query")

    def test_maintenance_and_rates(self, server, ann, app):
        shut, rare = Apps(server, "ann", base="/shut"), Apps(server, "bob", base="/rare")
        denies(shut.post("", {"name": "x"}), 503, "fail")
        assert shut.get("").status == 200
        rare.app()
        denies(rare.post("", {"name": "x"}), 429, "fail")


@pytest.mark.mpm
class TestWays:
    CONF = SECRET

    def test_answered_under_each_mpm(self, ann, app):
        turn = ann.debug(app)
        assert set(turn) == TURN and UUID.fullmatch(turn["id"])
        assert ann.turns(app)["list"] == [turn]
