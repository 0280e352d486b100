"""A client of S2's apps that holds every answer to S2's envelope."""

import re

from .api import Api
from .tokens import bearer, token

SECRET = "LLMQTokenSecret {dir}/secret\n"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
HAN = re.compile("[\u4e00-\u9fff]")  # sentences are in S2's language
NOWHERE = "0199aa00-0000-7000-8000-000000000000"  # nobody has an app of this id
CODES = {"success": {200}, "fail": {400, 405, 409, 413, 429, 500, 503, 504}, "not_found": {404},
         "unauthorized": {401}, "forbidden": {403}, "validate_error": {400, 415, 422}}
APP = {"id", "name", "icon", "description", "published_app_config_id", "drafted_app_config_id",
       "debug_conversation_id", "published_app_config", "drafted_app_config", "updated_at",
       "created_at"}
CONFIG = {"id", "model_config", "dialog_round", "memory_mode", "status", "updated_at", "created_at"}
TURN = {"id", "conversation_id", "query", "answer", "answer_tokens", "response_latency",
        "updated_at", "created_at"}
NO_APP = "该应用不存在，请核实后重试"
NO_RIGHT = "当前账号无权限访问该应用，请核实后尝试"
NO_MEMORY = "该应用并未开启长期记忆，无法获取"


class Apps(Api):
    """Calls as one user below one mount."""

    mapped = True  # the HTTP status follows the code

    def __init__(self, server, user=None, base="/apps", **claims):
        super().__init__(server.port, base)
        server.apis.append(self)
        self.headers = bearer(token(user, **claims)) if user else {}

    def call(self, method, path, body=None, headers=None, check=True):
        answer = super().call(method, path, body, {**self.headers, **(headers or {})}, check=False)
        if check and method != "HEAD" and answer.status != 204:
            check_s2(answer, self.mapped)
        return answer

    def done(self, method, path, body=None, message="", **more):
        """A call that must succeed; its data."""
        answer = self.call(method, path, body, **more)
        got = answer.json
        assert (answer.status, got["code"], got["message"]) == (200, "success", message), answer
        return got["data"]

    # -- apps ------------------------------------------------------------------------

    def app(self, name="Bot", **fields):
        """A new app's id."""
        data = self.done("POST", "", {"name": name, "icon": "https://x/i.png",
                                      "description": "d", **fields})
        assert set(data) == {"id"} and UUID.fullmatch(data["id"]), data
        return data["id"]

    def show(self, app):
        data = self.done("GET", f"/{app}")
        assert set(data) == APP and data["id"] == app, data
        for kind, status in (("published", "published"), ("drafted", "drafted")):
            config = data[f"{kind}_app_config"]
            assert (config and config["id"]) == data[f"{kind}_app_config_id"], data
            if config:
                assert set(config) == CONFIG and config["status"] == status, data
                assert UUID.fullmatch(config["id"]), data
        return data

    def configure(self, app, rounds=3, memory="none", method="POST"):
        return self.done(method, f"/{app}/config",
                         {"model_config": {"dialog_round": rounds}, "memory_mode": memory},
                         "更新AI应用配置成功")

    def debug(self, app, query="Hello", **more):
        """A turn that must be answered."""
        data = self.done("POST", f"/{app}/debug", {"query": query}, **more)
        check_turn(data)
        assert data["query"] == query, data
        return data

    def turns(self, app, query=""):
        """A page of the debug conversation."""
        data = self.done("GET", f"/{app}/messages{query}")
        assert set(data) == {"list", "paginator"}, data
        for turn in data["list"]:
            check_turn(turn)
        return data

    def memory(self, app):
        data = self.done("GET", f"/{app}/long-term-memory")
        assert set(data) == {"summary"}, data
        return data["summary"]

    def remember(self, app, summary):
        return self.done("POST", f"/{app}/long-term-memory", {"summary": summary},
                         "更新AI应用长记忆成功")


def check_s2(answer, mapped=True):
    """Never HTML; exactly three members, one of six codes, and the status that goes with it."""
    assert answer.headers.get("content-type", "").startswith("application/json"), answer
    got = answer.json
    assert set(got) == {"code", "data", "message"}, answer
    assert isinstance(got["data"], dict) and isinstance(got["message"], str), answer
    assert answer.status in (CODES[got["code"]] if mapped else {200}), answer
    assert got["code"] == "success" or got["message"], answer
    if got["code"] != "success":
        sentences = [got["message"]] + [s for reasons in got["data"].values() for s in reasons]
        assert all(HAN.search(s) for s in sentences), answer
    if answer.status in (429, 503):
        assert int(answer.headers["retry-after"]) >= 1, answer


def check_turn(turn):
    assert set(turn) == TURN, turn
    assert UUID.fullmatch(turn["id"]) and UUID.fullmatch(turn["conversation_id"]), turn
    assert isinstance(turn["answer_tokens"], int) and turn["answer_tokens"] >= 0, turn
    assert turn["response_latency"] > 0, turn
    assert isinstance(turn["created_at"], int) and turn["updated_at"] >= turn["created_at"], turn


def denies(answer, status, code, message=None, *fields):
    """This is the refusal that we expect, with these fields to blame and no others."""
    got = answer.json
    assert (answer.status, got["code"]) == (status, code), answer
    assert message is None or got["message"] == message, answer
    assert set(got["data"]) == set(fields), answer
    assert all(reasons and all(reasons) for reasons in got["data"].values()), answer
    return answer
