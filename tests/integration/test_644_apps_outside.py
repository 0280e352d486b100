"""S2 seen from outside: turns that are stopped while they are streamed, keys in use, members in
the order in which S2 shows them, and what is true while several turns are asked at once."""

import concurrent.futures
import json
import re

import pytest

from llmq_env.apps import SECRET, Apps, denies
from llmq_env.conf import fake
from llmq_env.fakellm import Plan
from llmq_env.wait import until
import test_630_openapi as document
from test_602_app_memory import is_about_memory, until_idle
from test_603_app_streams import events

NO_TURN = "该调试消息不存在，请核实后重试"
APP = ["id", "name", "icon", "description", "published_app_config_id", "drafted_app_config_id",
       "debug_conversation_id", "published_app_config", "drafted_app_config", "updated_at",
       "created_at"]
CONFIG = ["id", "model_config", "dialog_round", "memory_mode", "status", "updated_at", "created_at"]
TURN = ["id", "conversation_id", "query", "answer", "answer_tokens", "response_latency",
        "updated_at", "created_at"]
PAGE = ["current_page", "page_size", "total_page", "total_record"]


def twin(server, ann):
    """The same user on a connection of its own."""
    other = Apps(server)
    other.headers = ann.headers
    return other


def streamed(client, app, query):
    """The events of a turn, once its stream has ended."""
    return events(client.post(f"/{app}/debug", {"query": query}, check=False,
                              headers={"Accept": "text/event-stream"}))


def under_way(server, app, *but):
    """The id of a turn of the app that has not ended; of another one than these."""
    rows = server.query("SELECT j.id FROM llmq_jobs j JOIN llmq_apps a "
                        "ON j.chain = 'debug/' || a.conversation AND j.tenant = a.tenant "
                        f"WHERE a.id = '{app}' AND j.kind = 4 AND j.status < 2 "
                        "AND j.removed_at IS NULL")
    return next((row[0] for row in rows if row[0] not in but), None)


class TestStopped:
    CONF = SECRET + fake("LLMQBackendStream On") + "LLMQDeltaInterval 0\n"

    def test_whoever_reads_it_hears_of_it(self, server, ann, app, llm):
        """In the midst of its pieces: the stream ends with a word, as each of them does, and it
        is what the call would have answered without a stream."""
        llm.default = Plan(pieces=["One ", "two ", "three"], stall=1)
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            asked = pool.submit(streamed, twin(server, ann), app, "stop")
            turn = until(lambda: llm.calls and under_way(server, app), "the turn")
            ann.done("POST", f"/{app}/messages/{turn}/delete", message="删除调试信息成功")
            got = asked.result()
        assert got[-1] == ("canceled", {"code": "not_found", "data": {}, "message": NO_TURN}), got
        for name, data in got[:-1]:
            assert name in ("status", "delta"), got
            assert turn in (data.get("message_id"), data.get("data", {}).get("id")), got
        until(lambda: llm.in_flight == 0, "the call to be broken off")
        llm.default = Plan(pieces=["next"])
        assert ann.debug(app, "next")["answer"] == "next"
        assert [t["query"] for t in ann.turns(app)["list"]] == ["next"]

    def test_one_that_has_not_begun(self, server, ann, app, llm):
        """It waits for the turn before it, and never gets to a backend."""
        llm.hold()
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            first = pool.submit(twin(server, ann).debug, app, "first")
            llm.until_calls(1)
            held = under_way(server, app)
            second = pool.submit(streamed, twin(server, ann), app, "second")
            turn = until(lambda: under_way(server, app, held), "the second")
            ann.done("POST", f"/{app}/messages/{turn}/delete", message="删除调试信息成功")
            assert second.result()[-1][1]["message"] == NO_TURN
            llm.release()
            assert first.result()["answer"].startswith("answer to first")
        assert llm.contents() == ["first"]

    def test_a_key_in_use(self, server, ann, app, llm):
        """The second asks to come later and makes no turn; later both have the same answer."""
        key = {"Idempotency-Key": "one"}
        llm.hold()
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            first = pool.submit(twin(server, ann).debug, app, "once", headers=key)
            llm.until_calls(1)
            answer = denies(ann.post(f"/{app}/debug", {"query": "once"}, headers=key), 409, "fail",
                            None, "Idempotency-Key")
            assert int(answer.headers["retry-after"]) >= 1
            llm.release()
            turn = first.result()
        assert ann.debug(app, "once", headers=key) == turn
        assert ann.turns(app)["list"] == [turn]


class TestOrder:
    CONF = SECRET + fake()

    def test_members_stand_as_in_the_samples(self, ann, app):
        ann.configure(app)
        ann.done("POST", f"/{app}/publish", message="发布AI应用成功")
        turn = ann.debug(app)
        shown = ann.show(app)
        turns = ann.turns(app)
        assert list(shown) == APP and list(turn) == TURN and list(turns["list"][0]) == TURN
        assert list(shown["drafted_app_config"]) == list(shown["published_app_config"]) == CONFIG
        assert list(turns) == ["list", "paginator"] and list(turns["paginator"]) == PAGE
        assert list(json.loads(ann.get(f"/{app}").body)) == ["code", "data", "message"]

    def test_each_of_many_has_all_before_it_as_context(self, server, ann, app, llm):
        """Eight at once: whichever is answered first, each is sent with those answered before
        it, in that order."""
        ann.configure(app, 100)

        def go(i):
            return twin(server, ann).debug(app, f"q{i}")

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            turns = list(pool.map(go, range(8)))
        asked = llm.contents()
        for i, call in enumerate(llm.calls):
            users = [m["content"] for m in call.body["messages"] if m["role"] == "user"]
            assert users == asked[:i + 1]
        shown = ann.turns(app)["list"]
        assert {t["id"] for t in shown} == {t["id"] for t in turns}
        places = [(t["created_at"], t["id"]) for t in shown]
        assert places == sorted(places, reverse=True)


class TestMemory:
    CONF = SECRET + fake()

    @pytest.mark.parametrize("answer", ["", " \n\t", "\u3000"], ids=["empty", "blank", "wide-blank"])
    def test_an_answer_without_words_takes_nothing_away(self, server, ann, app, llm, answer):
        ann.configure(app, 3, "long_term_memory")
        ann.remember(app, "人类介绍自己叫慕小课，喜欢打篮球。")
        llm.default = lambda call: Plan(content=answer) if is_about_memory(call) else Plan()
        ann.debug(app, "one")
        llm.until_calls(2)
        until_idle(server)
        assert ann.memory(app) == "人类介绍自己叫慕小课，喜欢打篮球。"


class TestConfiguration:
    CONF = "LLMQDispatcher Off\n" + SECRET

    @pytest.mark.parametrize("body,rounds", [
        ({"model_config": {"dialog_round": 0}}, 0), ({"model_config": {"dialog_round": 100}}, 100),
        ({"dialog_round": 7}, 7), ({"model_config": None, "dialog_round": 7}, 7),
        ({"model_config": {"dialog_round": None}, "dialog_round": 7}, 7),
        ({"model_config": {"dialog_round": 2}, "dialog_round": None}, 2)],
        ids=["least", "most", "beside", "beside-null", "inner-null", "outer-null"])
    def test_where_the_rounds_may_stand(self, ann, app, body, rounds):
        ann.done("POST", f"/{app}/config", {**body, "memory_mode": "none"}, "更新AI应用配置成功")
        config = ann.show(app)["drafted_app_config"]
        assert config["dialog_round"] == config["model_config"]["dialog_round"] == rounds

    def test_what_else_a_model_is_told_is_kept_to_the_letter(self, ann, app):
        model = {"dialog_round": 3, "model": "名字😀", "big": 12345678901234567890, "f": 1.0,
                 "more": {"a": [1, None, False, "\u2028\"\\/"]}}
        ann.done("POST", f"/{app}/config", {"model_config": model, "memory_mode": "none"},
                 "更新AI应用配置成功")
        ann.done("POST", f"/{app}/publish", message="发布AI应用成功")
        assert ann.show(app)["drafted_app_config"]["model_config"] == model
        copy = ann.done("POST", f"/{app}/copy")["id"]
        for config in (ann.done("GET", f"/{app}/published-config"),
                       ann.show(copy)["drafted_app_config"]):
            assert config["model_config"] == model

    def test_first_drafts_at_once_make_one(self, server, ann, app):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda i: twin(server, ann).configure(app, i), range(8)))
        rows = server.query(f"SELECT count(*) FROM llmq_app_configs WHERE app = '{app}'")
        assert int(rows[0][0]) == 1
        assert ann.show(app)["drafted_app_config"]["dialog_round"] in range(8)


VALUES = (0, 1, 0.5, -1, 100, "", " ", "x", "1h", "\u2028", "名字😀", [], ["x"], {}, {"a": 1}, True, None)
# What the document alone cannot tell: it depends on the state of a message, on the types of tasks
# that there are, on the other word for the same thing; and what everybody else would feel.
BY_STATE = {(document.MESSAGE + "/status", None), (document.CLAIM, "task_types"),
            (document.TASKS, "task_type"),
            (document.CONVERSATION, "status"), (document.CONVERSATION + "/state", "status"),
            (document.ADMIN + "/maintenance", None), (document.CLAIM, "wait"),
            *((f"/v1/{path}", member) for path in ("chat/completions", "completions")
              for member in ("stream", "stream_options"))}


def boundaries(spec, schema, member):
    """Values for a member of a body: of each type, and those that its schema names."""
    values = list(VALUES)
    for told in spec.leaves(schema):
        for leaf in spec.leaves(told.get("properties", {}).get(member, {})):
            values += [leaf[word] for word in ("minimum", "maximum") if word in leaf]
            values += leaf.get("enum", []) + ["x" * leaf[word] for word in ("minLength", "maxLength")
                                              if word in leaf]
    return values


def accepted_bodies(spec):
    """(METHOD, path, member, body) of bodies that the document accepts, one member of the
    example replaced."""
    for method, path, operation in spec.operations():
        if "requestBody" not in operation or (path, None) in BY_STATE:
            continue
        schema, example = spec.body_schema(method, path), spec.example(operation)
        members = {m for leaf in spec.leaves(schema) for m in leaf.get("properties", {})}
        for member in sorted(members if isinstance(example, dict) else ()):
            for value in boundaries(spec, schema, member):
                body = {**example, member: value}
                if (path, member) not in BY_STATE and spec.accepts(body, schema):
                    yield method, path, member, body


class TestDocument:
    """The other way round than 630: what the document accepts is accepted."""

    CONF = document.CONF.replace("LimitRequestBody 5000\n", "")

    def test_what_the_document_accepts_is_accepted(self, server):
        c = document.new_caller(server, document.HERE)
        remembers = {"model_config": {"dialog_round": 3}, "memory_mode": "long_term_memory"}
        c.must(200, "POST", document.APP + "/config", remembers)
        wrong = []
        for method, path, member, body in accepted_bodies(document.HERE):
            answer = c.call(method, path, body, headers=document.nobody(path, member))
            if path == document.APP + "/config":  # the next ones need the memory
                c.must(200, "POST", path, remembers)
            if answer.status in (400, 413, 415, 422):
                wrong.append(f"{method} {path} {member} {str(body[member])[:30]!r}: {answer}")
        assert wrong == []

    def test_ids_that_cannot_be_are_refused_in_the_forms_of_the_document(self, server):
        """Escapes that httpd does not decode, spaces, what is too long."""
        c = document.new_caller(server, document.ALL)
        wrong = []
        for method, path, operation in document.ALL.operations():
            for part in re.findall(r"{(\w+)}", path):
                for bad in ("%00", "a%2Fb", "a%20b", "x" * 300):
                    answer = c.call(method, path, document.ALL.example(operation), **{part: bad})
                    if answer.status not in (400, 404, 422):
                        wrong.append(f"{method} {path} {part} {bad[:9]}: {answer}")
        assert wrong == []
