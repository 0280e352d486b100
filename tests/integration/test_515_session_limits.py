"""Sessions within the location's bounds: sizes, rates, maintenance; bodies that are none; a
database that is away."""

import json
import re
import time

import pytest

from llmq_env.postgres import Postgres
from llmq_env.sessions import SECRET, Sessions, denies
from llmq_env.tokens import secret_file
from llmq_env.wait import until

# What the module and mod_dbd say about a database that is away.
AWAY = ("LLMQ0403", "LLMQ0404", "LLMQ0406", "LLMQ0407", "LLMQ0409", "LLMQ0706", "LLMQ0803",
        "AH00632", "AH00629", "AH00633", "AH00636", "AH00639", "AH02655")

JSON = {"Content-Type": "application/json"}
PROMPT = {"role": "USER", "type": "user.prompt", "content": "Hello"}


@pytest.fixture
def alice(server, request):
    return Sessions(server, re.sub(r"\W", "_", request.node.name)[:100])


def raw(client, path, body, headers=JSON):
    return client.post(path, body, headers=headers)


@pytest.mark.mpm
class TestBodies:
    CONF = ("LLMQDispatcher Off\n" + SECRET + "<Location /api>\nLLMQMaxContent 100\n"
            "LLMQMaxDepth 5\nLimitRequestBody 2000\n</Location>\n")

    @pytest.fixture
    def path(self, alice):
        self.session = alice.session()["session_id"]
        return f"/sessions/{self.session}/messages"

    def unchanged(self, alice):
        return alice.get_session(self.session)["last_seq"] == 0

    @pytest.mark.parametrize("body", [
        "{", "{'role':'USER'}", '{"role":"USER",}', '{"a":NaN}', '{"a":"\t"}', '{"a":"\\u0000"}',
        '{"a":"\\ud800"}', b'{"a":"\xff"}', b'{"a":"\xed\xa0\x80"}', "{}{}", "nothing", " ",
        '{"a":' + "[" * 6 + "]" * 6 + "}"])
    def test_broken_json_is_400(self, alice, path, body):
        for where in (path, "/sessions"):
            answer = raw(alice, where, body)
            assert answer.status == 400 and set(answer.json) == {"message"}, answer
        assert alice.patch(f"/sessions/{self.session}", body, headers=JSON).status == 400
        assert self.unchanged(alice)

    def test_missing_body_is_422(self, alice, path):
        for body in (None, "", "{}", "[]", "null", "7"):
            denies(raw(alice, path, body), 422,
                   "The role field is required. (and 1 more error)",
                   role="The role field is required.", type="The type field is required.")
        assert self.unchanged(alice)

    @pytest.mark.parametrize("type_", ["text/plain", "application/x-www-form-urlencoded",
                                       "application/json; charset=latin1", "application/jsonx"])
    def test_other_content_type_is_415(self, alice, path, type_):
        for where in (path, "/sessions"):
            denies(raw(alice, where, json.dumps(PROMPT), {"Content-Type": type_}), 415,
                   "Unsupported Media Type")
        assert self.unchanged(alice)

    def test_body_above_limit_is_413(self, alice, path):
        for where in (path, "/sessions"):
            denies(raw(alice, where, json.dumps({**PROMPT, "payload": {"a": "x" * 2000}})), 413,
                   "The POST data is too large.")
        assert self.unchanged(alice)

    def test_content_above_limit_is_422(self, alice, path):
        assert alice.append(self.session, content="é" * 50)["seq"] == 1
        told = "The content field must not be greater than 100 bytes."
        denies(alice.try_append(self.session, content="é" * 50 + "x"), 422, told, content=told)
        assert alice.append(self.session, content=None, payload={"a": "x" * 1000})["seq"] == 2

    @pytest.mark.parametrize("fields,told", [
        ({"role": "USER", "type": "x" * 65, "dedupe_key": "x" * 129},
         {"type": "The type field must not be greater than 64 characters.",
          "dedupe_key": "The dedupe key field must not be greater than 128 characters."}),
        ({"role": "ADMIN", "type": "", "payload": [1], "reply_to": "1", "content": {}},
         {"role": "The selected role is invalid.", "type": "The type field is required.",
          "content": "The content field must be a string.",
          "payload": "The payload field must be an object.",
          "reply_to": "The reply to field must be a valid UUID."})])
    def test_all_wrong_fields_are_told(self, alice, path, fields, told):
        more = len(told) - 1
        denies(alice.post(path, fields), 422, f"{next(iter(told.values()))} (and {more} more error"
               + ("s)" if more > 1 else ")"), **told)
        assert self.unchanged(alice)

    @pytest.mark.parametrize("key", ["", "x" * 129, "a b", "é"])
    def test_bad_key_of_an_append_is_422(self, alice, path, key):
        answer = alice.try_append(self.session, headers={"Idempotency-Key": key.encode()})
        assert answer.status == 422 and set(answer.json["errors"]) == {"Idempotency-Key"}, answer
        assert self.unchanged(alice)

    def test_unknown_fields_do_not_matter(self, alice, path):
        answer = alice.post(path, {**PROMPT, "seq": 99, "session_id": "x", "message_id": "x",
                                   "created_at": "then", "owner": "root", "tenant": "other"})
        assert (answer.status, answer.json["seq"]) == (201, 1)
        assert answer.json["session_id"] == self.session


class TestGates:
    CONF = (SECRET + "LLMQDispatcher Off\n"
            "<Location /api/sessions>\nLLMQRateLimit 1/hour burst=3\n</Location>\n")

    def test_rate_is_429_for_what_is_new(self, alice):
        made = alice.session()["session_id"]
        alice.append(made)
        answer = alice.try_append(made)
        assert answer.headers["ratelimit-remaining"] == "0"
        denies(alice.try_append(made), 429, "Too Many Attempts.")
        denies(alice.post("/sessions"), 429, "Too Many Attempts.")
        assert alice.get("/sessions").status == 200
        assert alice.patch(f"/sessions/{made}", {"session_name": "x"}).status == 200
        assert alice.post(f"/sessions/{made}/archive").status == 200


class TestMaintenance:
    CONF = SECRET + "LLMQDispatcher Off\n"

    def test_nothing_new_is_taken_and_the_rest_goes_on(self, server, alice):
        made = alice.session()["session_id"]
        api = server.new_api()
        assert api.post("/admin/maintenance", {"enabled": True, "message": "soon"}).status == 200
        until(lambda: alice.post("/sessions").status == 503, "maintenance to be seen")
        denies(alice.try_append(made), 503, "Service Unavailable")
        assert alice.get_session(made)["last_seq"] == 0
        assert alice.patch(f"/sessions/{made}", {"session_name": "x"}).status == 200
        assert api.post("/admin/maintenance", {"enabled": False}).status == 200
        until(lambda: alice.try_append(made).status == 201, "the end of maintenance")


@pytest.fixture(scope="class")
def postgres(workspace):
    own = Postgres(workspace / f"pg-away-{time.monotonic_ns()}").start()
    yield own
    own.stop()


class TestDatabaseAway:
    CONF = SECRET + "LLMQDispatcher Off\nLLMQRetryAfter 3s\n"
    EXPECT = AWAY

    @pytest.fixture(scope="class")
    def server(self, new_server, postgres):
        made = new_server("pgsql", dsn=postgres.new_database())
        secret_file(made)
        made.configure(self.CONF.replace("{dir}", str(made.dir)))
        made.start()
        return made

    def test_every_call_is_503_and_it_heals(self, server, postgres, alice):
        made = alice.session()["session_id"]
        kept = alice.append(made, dedupe_key="kept")
        path = f"/sessions/{made}"
        postgres.stop()
        for answer in (alice.post("/sessions"), alice.get("/sessions"), alice.get(path),
                       alice.patch(path, {"session_name": "x"}), alice.post(path + "/archive"),
                       alice.try_append(made), alice.get(path + "/messages"),
                       alice.get(path + f"/messages/{kept['message_id']}")):
            denies(answer, 503, "Service Unavailable")
            assert answer.headers["retry-after"] == "3"
        postgres.start()
        until(lambda: alice.get(path).status == 200, "the database to be back")
        again = until(lambda: (a := alice.try_append(made, dedupe_key="kept")).status == 201 and a,
                      "the appends to be back")
        assert again.json == kept
        assert alice.messages(made) == [kept]
