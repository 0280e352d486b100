"""S2's mount and dialect, and the life of apps: made, shown, configured, published, copied,
deleted, by their owner only."""

import concurrent.futures
import re

import pytest

from llmq_env.apps import NO_APP, NO_RIGHT, NOWHERE, SECRET, UUID, Apps, denies
from llmq_env.conf import apps
from llmq_env.tokens import bearer, token

SAMPLE = {"model_config": {"dialog_round": 10}, "memory_mode": "long_term_memory"}
CALLS = [("GET", ""), ("POST", ""), ("POST", "/config"), ("PUT", "/config"), ("POST", "/publish"),
         ("POST", "/cancel-publish"), ("POST", "/copy"), ("POST", "/delete"),
         ("GET", "/published-config"), ("GET", "/long-term-memory"),
         ("POST", "/long-term-memory"), ("POST", "/debug"), ("GET", "/messages"),
         ("POST", f"/messages/{NOWHERE}/delete")]
IDS = [f"{method} {path[:15]}" for method, path in CALLS]
BODY = {"name": "Bot", "query": "x", "summary": "s", **SAMPLE}


@pytest.fixture
def ann(server, request):
    return Apps(server, re.sub(r"\W", "_", request.node.name)[:100])


@pytest.fixture
def eve(server):
    return Apps(server, "eve")


class TestMount:
    CONF = SECRET + apps(**{"other": "LLMQTenant other"})

    @pytest.mark.parametrize("path", [f"/{NOWHERE}/nope", f"/{NOWHERE}/config/more", "/a/b/c/d",
                                      "/a%2Fb", f"/{NOWHERE}/messages/{NOWHERE}/nope"])
    def test_unknown_path_is_not_found(self, ann, path):
        for method in ("GET", "POST", "PUT", "DELETE"):
            denies(ann.call(method, path), 404, "not_found")

    @pytest.mark.parametrize("method,path,allow", [
        ("DELETE", "", {"GET", "HEAD", "POST"}), ("PATCH", f"/{NOWHERE}", {"GET", "POST"}),
        ("GET", f"/{NOWHERE}/config", {"POST", "PUT"}), ("GET", f"/{NOWHERE}/debug", {"POST"}),
        ("BREW", f"/{NOWHERE}/publish", {"POST"})], ids=["apps", "app", "config", "debug", "brew"])
    def test_wrong_method_is_fail_with_allow(self, ann, method, path, allow):
        answer = ann.call(method, path)
        denies(answer, 405, "fail")
        assert allow <= {m.strip() for m in answer.headers["allow"].split(",")}, answer

    @pytest.mark.parametrize("method,path", CALLS, ids=IDS)
    def test_nobody_is_unauthorized(self, server, method, path):
        for headers in ({}, bearer("nonsense"), bearer(token(exp=1)),
                        {"Authorization": "Basic dTpw"}):
            answer = Apps(server).call(method, f"/{NOWHERE}{path}", BODY, headers=headers)
            denies(answer, 401, "unauthorized")
            assert answer.headers["www-authenticate"].startswith('Bearer realm="')

    def test_what_is_no_json(self, ann):
        app = ann.app()
        for path in ("", f"/{app}", f"/{app}/config", f"/{app}/debug", f"/{app}/long-term-memory"):
            for body in ("{", "", "{'a':1}", '{"a":NaN}', b'{"a":"\xff"}', '{"a":1,}'):
                denies(ann.post(path, body, headers={"Content-Type": "application/json"}),
                       400, "validate_error")
            denies(ann.post(path, "a=b", headers={"Content-Type": "text/plain"}), 415,
                   "validate_error", None, "Content-Type")
            for body in ("[]", '"x"', "7", "null"):
                denies(ann.post(path, body, headers={"Content-Type": "application/json"}),
                       400, "validate_error")
        denies(ann.post("", b"x" * 10485761, headers={"Content-Type": "application/json"}),
               413, "fail")
        assert ann.show(app)["drafted_app_config"] is None

    def test_refusal_of_httpd_itself(self, server):
        got = server.raw(b"GET /apps/" + b"x" * 9000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"HTTP/1.1 414" in got and b'{"code":"fail","data":{},"message":' in got, got[:300]

    @pytest.mark.parametrize("method,path", CALLS, ids=IDS)
    def test_apps_that_are_not_there(self, ann, method, path):
        gone = ann.app()
        ann.done("POST", f"/{gone}/delete", message="删除AI应用成功")
        for app in (NOWHERE, gone, "nope", "1", NOWHERE + "0"):
            denies(ann.call(method, f"/{app}{path}", BODY), 404, "not_found", NO_APP)

    @pytest.mark.parametrize("method,path", CALLS, ids=IDS)
    def test_apps_of_others(self, server, ann, eve, method, path):
        app = ann.app()
        denies(eve.call(method, f"/{app}{path}", BODY), 403, "forbidden", NO_RIGHT)
        denies(eve.call(method, f"/{app}{path}", "{", headers={
            "Content-Type": "application/json"}), 403, "forbidden", NO_RIGHT)
        other = Apps(server, "user_1", base="/other")
        denies(other.call(method, f"/{app}{path}", BODY), 404, "not_found", NO_APP)
        shown = ann.show(app)
        assert shown["name"] == "Bot" and shown["drafted_app_config"] is None

    def test_an_admin_reaches_all_of_the_tenant(self, server, ann):
        app = ann.app()
        root = Apps(server, "root", admin=True)
        assert root.show(app)["name"] == "Bot"
        assert app in [a["id"] for a in root.done("GET", "")["list"]]


class TestAlways200:
    CONF = SECRET + "<Location /apps>\nLLMQAppsHTTPStatus always-200\n</Location>\n"

    def test_the_body_tells(self, server):
        ann, nobody, eve = Apps(server, "ann"), Apps(server), Apps(server, "eve")
        ann.mapped = nobody.mapped = eve.mapped = False
        app = ann.app()
        denies(ann.get(f"/{NOWHERE}"), 200, "not_found", NO_APP)
        denies(ann.get("/a/b/c"), 200, "not_found")
        denies(ann.call("DELETE", ""), 200, "fail")
        denies(eve.get(f"/{app}"), 200, "forbidden", NO_RIGHT)
        denies(ann.post("", {}), 200, "validate_error", None, "name")
        answer = nobody.get(f"/{app}")
        denies(answer, 200, "unauthorized")
        assert "www-authenticate" in answer.headers
        assert ann.show(app)["name"] == "Bot"

    def test_errors_are_not_replayed_as_successes(self, server):
        ann = Apps(server, "ann")
        ann.mapped = False
        key = {"Idempotency-Key": "once"}
        denies(ann.post("", {"name": ""}, headers=key), 200, "validate_error", None, "name")
        first = ann.post("", {"name": "Bot"}, headers=key)
        again = ann.post("", {"name": "Bot"}, headers=key)
        assert first.json == again.json and first.json["code"] == "success", again
        assert again.headers["idempotent-replayed"] == "true"


class TestApps:
    CONF = "LLMQDispatcher Off\n" + SECRET

    def test_a_new_app(self, ann):
        app = ann.app("LLMOps聊天机器人", icon="https://x/y.png", description="这是一个应用")
        shown = ann.show(app)
        assert (shown["name"], shown["icon"], shown["description"]) == (
            "LLMOps聊天机器人", "https://x/y.png", "这是一个应用")
        assert shown["created_at"] == shown["updated_at"] > 1714053834
        for name in ("debug_conversation_id", "drafted_app_config", "published_app_config"):
            assert shown[name] is None, shown
        assert ann.show(app.upper().lower()) == shown
        assert ann.done("GET", f"/{app.upper()}")["id"] == app

    @pytest.mark.parametrize("body,fields", [
        ({}, ["name"]), ({"name": ""}, ["name"]), ({"name": None}, ["name"]),
        ({"name": " \n"}, ["name"]), ({"name": 7, "icon": 7}, ["name", "icon"]),
        ({"name": "x" * 513}, ["name"]), ({"name": "x", "description": []}, ["description"]),
        ({"name": "x", "icon": "x" * 65537}, ["icon"])])
    def test_bad_apps(self, ann, body, fields):
        denies(ann.post("", body), 400, "validate_error", None, *fields)
        assert ann.done("GET", "")["list"] == []
        app = ann.app()
        if body:
            denies(ann.post(f"/{app}", body), 400, "validate_error", None, *fields)
        assert ann.show(app)["name"] == "Bot"

    def test_update(self, ann):
        app = ann.app()
        before = ann.show(app)
        ann.done("POST", f"/{app}", {"name": "New"}, "更新AI应用成功")
        ann.done("POST", f"/{app}", {"icon": "", "description": "more"}, "更新AI应用成功")
        ann.done("POST", f"/{app}", {}, "更新AI应用成功")
        after = ann.show(app)
        assert (after["name"], after["icon"], after["description"]) == ("New", "", "more")
        assert after["updated_at"] >= before["updated_at"]
        assert after["created_at"] == before["created_at"]

    def test_list_is_paged_and_newest_first(self, ann, eve):
        eve.app()
        made = [ann.app(f"Bot {i}") for i in range(23)]
        first = ann.done("GET", "")
        assert first["paginator"] == {"current_page": 1, "page_size": 20, "total_page": 2,
                                      "total_record": 23}
        second = ann.done("GET", "?current_page=2")
        assert [a["id"] for a in first["list"] + second["list"]] == made[::-1]
        some = ann.done("GET", "?page=4&limit=5")
        assert [a["id"] for a in some["list"]] == made[::-1][15:20]
        assert some["paginator"] == {"current_page": 4, "page_size": 5, "total_page": 5,
                                     "total_record": 23}
        assert ann.done("GET", "?page_size=1000")["paginator"]["page_size"] == 20
        beyond = ann.done("GET", "?current_page=9")
        assert beyond["list"] == [] and beyond["paginator"]["total_record"] == 23

    @pytest.mark.parametrize("query,fields", [
        ("current_page=0", ["current_page"]), ("current_page=x", ["current_page"]),
        ("page_size=-1", ["page_size"]), ("page_size=1.5", ["page_size"]), ("limit=0", ["limit"]),
        ("page_size=x&page=y", ["page", "page_size"]), ("page=%00", [])])
    def test_bad_pages(self, ann, query, fields):
        answer = denies(ann.get(f"?{query}"), 400, "validate_error", None, *fields)
        assert not fields or answer.json["message"] == answer.json["data"][fields[0]][0]

    def test_an_idempotency_key_makes_one_app(self, ann):
        def go(_):
            client = Apps(server_of[0])
            client.headers = ann.headers
            return client.post("", {"name": "Bot"}, headers={"Idempotency-Key": "k1"}, check=False)

        server_of = [type("S", (), {"port": ann.port, "apis": []})]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(go, range(8)))
        ids = {a.json["data"]["id"] for a in answers if a.status == 200}
        assert len(ids) == 1 and {a.status for a in answers} <= {200, 409}, answers
        assert ann.done("GET", "")["paginator"]["total_record"] == 1


class TestConfigurations:
    CONF = "LLMQDispatcher Off\n" + SECRET

    def test_sample(self, ann):
        app = ann.app()
        ann.done("POST", f"/{app}/config", SAMPLE, "更新AI应用配置成功")
        config = ann.show(app)["drafted_app_config"]
        assert config["model_config"] == {"dialog_round": 10}
        assert config["memory_mode"] == "long_term_memory" and config["status"] == "drafted"
        ann.configure(app, 0, "none", "PUT")
        after = ann.show(app)["drafted_app_config"]
        assert after["id"] == config["id"] and after["created_at"] == config["created_at"]
        assert (after["model_config"], after["memory_mode"]) == ({"dialog_round": 0}, "none")

    def test_rounds_may_stand_outside_and_the_rest_is_kept(self, ann):
        app = ann.app()
        ann.done("POST", f"/{app}/config", {"dialog_round": 100, "memory_mode": "none"},
                 "更新AI应用配置成功")
        assert ann.show(app)["drafted_app_config"]["model_config"] == {"dialog_round": 100}
        ann.done("POST", f"/{app}/config",
                 {"dialog_round": 1, "memory_mode": "none", "status": "draft",
                  "model_config": {"dialog_round": 2, "model": "x", "more": {"a": [1]}}},
                 "更新AI应用配置成功")
        assert ann.show(app)["drafted_app_config"]["model_config"] == {
            "dialog_round": 2, "model": "x", "more": {"a": [1]}}

    @pytest.mark.parametrize("change,fields", [
        ({"model_config": {"dialog_round": -1}}, ["dialog_round"]),
        ({"model_config": {"dialog_round": 101}}, ["dialog_round"]),
        ({"model_config": {"dialog_round": 1.0}}, ["dialog_round"]),
        ({"model_config": {"dialog_round": "1"}}, ["dialog_round"]),
        ({"model_config": {"dialog_round": True}}, ["dialog_round"]),
        ({"dialog_round": -1}, ["dialog_round"]), ({"dialog_round": "1"}, ["dialog_round"]),
        ({"model_config": {}}, ["dialog_round"]), ({"model_config": None}, ["model_config"]),
        ({"model_config": [3]}, ["model_config"]), ({"memory_mode": "long"}, ["memory_mode"]),
        ({"memory_mode": None}, ["memory_mode"]),
        ({"memory_mode": 1, "model_config": "x"}, ["memory_mode", "model_config"]),
        ({"model_config": {"dialog_round": 1, "x": "y" * 65536}}, ["model_config"])])
    def test_bad_configurations(self, ann, change, fields):
        app = ann.app()
        ann.configure(app, 7)
        denies(ann.post(f"/{app}/config", {**SAMPLE, **change}), 400, "validate_error", None,
               *fields)
        assert ann.show(app)["drafted_app_config"]["model_config"] == {"dialog_round": 7}

    def test_publish_and_withdraw(self, ann):
        app = ann.app()
        denies(ann.post(f"/{app}/publish"), 400, "fail", "该应用没有草稿配置，无法发布")
        denies(ann.get(f"/{app}/published-config"), 404, "not_found")
        denies(ann.post(f"/{app}/cancel-publish"), 400, "fail")
        ann.configure(app, 4, "long_term_memory")
        ann.done("POST", f"/{app}/publish", message="发布AI应用成功")
        ann.configure(app, 5)
        shown = ann.show(app)
        published = shown["published_app_config"]
        assert published["model_config"] == {"dialog_round": 4}
        assert published["memory_mode"] == "long_term_memory"
        assert shown["drafted_app_config"]["model_config"] == {"dialog_round": 5}
        assert published["id"] != shown["drafted_app_config"]["id"]
        assert ann.done("GET", f"/{app}/published-config") == published
        ann.done("POST", f"/{app}/publish", message="发布AI应用成功")
        again = ann.show(app)["published_app_config"]
        assert again["id"] == published["id"] and again["model_config"] == {"dialog_round": 5}
        ann.done("POST", f"/{app}/cancel-publish", message="取消发布AI应用成功")
        shown = ann.show(app)
        assert shown["published_app_config"] is None and shown["drafted_app_config"]
        denies(ann.post(f"/{app}/cancel-publish"), 400, "fail", "该应用尚未发布，请核实后重试")

    def test_copy(self, ann):
        app = ann.app("Original", icon="i", description="d")
        ann.configure(app, 6)
        ann.done("POST", f"/{app}/publish", message="发布AI应用成功")
        ann.configure(app, 8, "long_term_memory")
        copy = ann.done("POST", f"/{app}/copy")["id"]
        assert UUID.fullmatch(copy) and copy != app
        one, two = ann.show(app), ann.show(copy)
        assert [two[k] for k in ("name", "icon", "description")] == ["Original", "i", "d"]
        assert two["published_app_config"] is None and two["debug_conversation_id"] is None
        assert two["drafted_app_config"]["model_config"] == {"dialog_round": 8}
        assert two["drafted_app_config_id"] != one["drafted_app_config_id"]
        ann.configure(copy, 1)
        assert ann.show(app)["drafted_app_config"]["model_config"] == {"dialog_round": 8}
        ann.done("POST", f"/{app}/delete", message="删除AI应用成功")
        assert ann.show(copy)["name"] == "Original"
        bare = ann.done("POST", f"/{ann.app()}/copy")["id"]
        assert ann.show(bare)["drafted_app_config"] is None

    def test_delete(self, ann):
        app, other = ann.app(), ann.app()
        ann.done("POST", f"/{app}/delete", message="删除AI应用成功")
        denies(ann.post(f"/{app}/delete"), 404, "not_found", NO_APP)
        assert [a["id"] for a in ann.done("GET", "")["list"]] == [other]


class TestDirectives:
    @pytest.mark.parametrize("line", [
        "LLMQAppsHTTPStatus sometimes", "LLMQAppsHTTPStatus", "LLMQDebugTimeout 0",
        "LLMQDebugTimeout 2h", "LLMQDebugTimeout x"])
    def test_refused(self, idle, line):
        idle.refusal(line, line.split()[0], 1)
