"""The part of docs/openapi.yaml that is S4's against the running server: each path, method and
status of it is called for, each answer holds to its schema, and each body is judged alike by
both."""

import pytest

from llmq_env.openapi import Caller, OpenApi
from llmq_env.sessions import NOWHERE, SECRET, Sessions
from llmq_env.tokens import bearer, token

SPEC = OpenApi("/api", but=("/api/v1",))
LIMITS = ("<Location /api>\nLLMQMaxContent 1000\nLimitRequestBody 5000\n"
          "LLMQSSEMaxAge 1s\nLLMQRunConflict reject\n</Location>\n")


class SessionCaller(Caller):
    """Knows a session with a message, and one that is closed."""

    def __init__(self, server):
        super().__init__(server, SPEC)
        self.plain = Sessions(server, "openapi")
        session = self.plain.session(session_name="first")["session_id"]
        message = self.plain.append(session, payload={"run_id": NOWHERE})["message_id"]
        self.ids = {"session_id": session, "message_id": message, "run_id": NOWHERE}
        self.closed = self.plain.session()["session_id"]
        self.last = self.plain.append(self.closed, "last")["message_id"]
        self.plain.post(f"/sessions/{self.closed}/archive")


NOBODY = {"Authorization": None}
STRANGER = bearer(token("x", secret="another secret of thirty-two bytes or more"))
PROMPT = {"role": "USER", "type": "user.prompt", "content": "Hello"}
ONE, MESSAGES = "/sessions/{session_id}", "/sessions/{session_id}/messages"
RUNS = ONE + "/runs"


def call_test(c):
    c.call("GET", "/test")
    c.call("GET", "/test", headers=STRANGER)


def call_sessions(c):
    c.call("POST", "/sessions")
    c.call("POST", "/sessions", {"session_name": "named"})
    c.call("POST", "/sessions", "{")
    c.call("POST", "/sessions", {"session_name": 1})
    c.call("POST", "/sessions", headers=NOBODY)
    c.call("POST", "/sessions", "x" * 5001)
    c.call("GET", "/sessions")
    c.call("GET", "/sessions", query="?page=9&per_page=1&status=OPEN&q=f")
    c.call("GET", "/sessions", query="?q=%ff")
    c.call("GET", "/sessions", query="?page=0")
    c.call("GET", "/sessions", headers=NOBODY)


def call_session(c):
    c.call("GET", ONE)
    c.call("GET", ONE, headers=NOBODY)
    c.call("GET", ONE, session_id=NOWHERE)
    c.call("PATCH", ONE, {"session_name": "new", "status": "OPEN"})
    c.call("PATCH", ONE, "{")
    c.call("PATCH", ONE, {"session_name": ""})
    c.call("PATCH", ONE, {}, headers=NOBODY)
    c.call("PATCH", ONE, {"status": "OPEN"}, session_id=c.closed)
    c.call("PATCH", ONE, {"status": "OPEN"}, session_id=NOWHERE)
    c.call("PATCH", ONE, "x" * 5001)
    c.call("POST", ONE + "/archive", session_id=c.closed)
    c.call("POST", ONE + "/archive", session_id=NOWHERE)
    c.call("POST", ONE + "/archive", headers=NOBODY)


def call_messages(c):
    c.call("POST", MESSAGES, {**PROMPT, "dedupe_key": "k", "reply_to": c.ids["message_id"]})
    c.call("POST", MESSAGES, {**PROMPT, "dedupe_key": "k"})
    c.call("POST", MESSAGES, {**PROMPT, "content": None})
    c.call("POST", MESSAGES, "{")
    c.call("POST", MESSAGES)
    c.call("POST", MESSAGES, PROMPT, session_id=c.closed)
    c.call("POST", MESSAGES, PROMPT, session_id=NOWHERE)
    c.call("POST", MESSAGES, PROMPT, headers=NOBODY)
    c.call("POST", MESSAGES, "x" * 5001)
    c.call("GET", MESSAGES)
    c.call("GET", MESSAGES, query="?after_seq=1&limit=1")
    c.call("GET", MESSAGES, query="?after_seq=%ff")
    c.call("GET", MESSAGES, query="?limit=none")
    c.call("GET", MESSAGES, session_id=NOWHERE)
    c.call("GET", MESSAGES, headers=NOBODY)
    c.call("GET", MESSAGES + "/{message_id}")
    c.call("GET", MESSAGES + "/{message_id}", message_id=NOWHERE)
    c.call("GET", MESSAGES + "/{message_id}", headers=NOBODY)


def call_stream(c):
    """The stream ends by itself, because LLMQSSEMaxAge says so."""
    c.call("GET", ONE + "/sse", query="?after_seq=0&limit=1")
    c.call("GET", ONE + "/sse", query="?limit=0")
    c.call("GET", ONE + "/sse", session_id=NOWHERE)
    c.call("GET", ONE + "/sse", headers=NOBODY)


def call_runs(c):
    """Nobody dispatches: what has begun goes on until it is canceled."""
    about = {"trigger_message_id": c.ids["message_id"]}
    run_id = c.call("POST", RUNS, about).json["run_id"]
    c.call("POST", RUNS, about, query="?wait=0.1")
    other = {"trigger_message_id": c.plain.append(c.ids["session_id"], "other")["message_id"]}
    assert c.call("POST", RUNS, other).json["details"] == {"id": run_id}
    c.call("POST", RUNS, about, query="?wait=soon")
    c.call("POST", RUNS, {"trigger_message_id": NOWHERE})
    c.call("POST", RUNS, {"trigger_message_id": "x"})
    c.call("POST", RUNS, about, session_id=c.closed)
    c.call("POST", RUNS, {"trigger_message_id": c.last}, session_id=c.closed)
    c.call("POST", RUNS, about, headers=NOBODY)
    c.call("POST", RUNS, "x" * 5001)
    one = RUNS + "/{run_id}"
    for method, path in (("GET", one), ("POST", one + "/cancel"), ("GET", one)):
        c.call(method, path, run_id=run_id)
        c.call(method, path)
        c.call(method, path, run_id=run_id, session_id=c.closed)
        c.call(method, path, run_id=run_id, headers=NOBODY)
    assert c.call("POST", RUNS, other).status == 201


def call_other_types(c):
    for method, path, operation in SPEC.operations():
        if "415" in operation["responses"]:
            c.must(415, method, path, "x", headers={"Content-Type": "text/plain"})


# A key that is in use where nothing can be waited for (272).
ELSEWHERE = {("POST", "/sessions", "409")}


@pytest.mark.mpm
class TestOpenApi:
    CONF = "LLMQDispatcher Off\n" + SECRET + LIMITS

    def test_each_answer_of_the_document_is_given(self, server):
        c = SessionCaller(server)
        for calls in (call_test, call_sessions, call_session, call_messages, call_stream,
                      call_runs, call_other_types):
            calls(c)
        assert SPEC.all_answers() - ELSEWHERE - c.seen == set()

    @pytest.mark.parametrize("body", [
        {}, {"session_name": None}, {"session_name": "x" * 255}, {"session_name": "x" * 256},
        {"session_name": 1}, {"session_name": ["x"]}, {"other": {}}])
    def test_new_sessions_are_judged_alike(self, server, body):
        answer = Sessions(server, "openapi").post("/sessions", body)
        assert answer.status == (201 if SPEC.accepts_body("POST", "/sessions", body) else 422)

    @pytest.mark.parametrize("body", [
        {}, {"session_name": "x"}, {"session_name": ""}, {"session_name": None},
        {"session_name": "x" * 256}, {"status": "OPEN"}, {"status": "open"}, {"status": None},
        {"status": 1}, {"other": 1}])
    def test_changes_are_judged_alike(self, server, body):
        user = Sessions(server, "openapi")
        answer = user.patch(f"/sessions/{user.session()['session_id']}", body)
        assert answer.status == (200 if SPEC.accepts_body("PATCH", ONE, body) else 422)

    @pytest.mark.parametrize("fields", [
        {}, {"role": None}, {"role": "user"}, {"role": ["USER"]}, {"type": None}, {"type": 1},
        {"type": "x" * 64}, {"type": "x" * 65}, {"content": None}, {"content": 1},
        {"payload": None}, {"payload": {}}, {"payload": []}, {"payload": "{}"}, {"payload": 1},
        {"payload": {"run_id": "any", "status": 7}}, {"reply_to": None}, {"reply_to": "x"},
        {"reply_to": 1}, {"dedupe_key": None}, {"dedupe_key": "x" * 128},
        {"dedupe_key": "llmq:run:x"},
        {"dedupe_key": "llmq:run"}, {"dedupe_key": "x" * 129}, {"dedupe_key": 1}, {"other": 1}])
    def test_messages_are_judged_alike(self, server, fields):
        user = Sessions(server, "openapi")
        body = {**PROMPT, **fields}
        answer = user.post(f"/sessions/{user.session()['session_id']}/messages", body)
        assert answer.status == (201 if SPEC.accepts_body("POST", MESSAGES, body) else 422)

    @pytest.mark.parametrize("body", [
        {}, {"trigger_message_id": None}, {"trigger_message_id": "x"}, {"trigger_message_id": 1},
        {"trigger_message_id": [NOWHERE]}, {"other": NOWHERE}, []])
    def test_runs_are_judged_alike(self, server, body):
        user = Sessions(server, "openapi")
        path = f"/sessions/{user.session()['session_id']}/runs"
        assert user.post(path, body).status in (400, 422)
        assert not SPEC.accepts_body("POST", RUNS, body)
        for wanted in ({"trigger_message_id": NOWHERE}, {"trigger_message_id": NOWHERE, "x": 1}):
            assert user.post(path, wanted).status == 404
            assert SPEC.accepts_body("POST", RUNS, wanted)


PAYLOADS = {"run.status": "RunStatusPayload", "agent.message": "AgentMessagePayload",
            "run.error": "RunErrorPayload"}


class TestRunPayloads:
    """What runs leave in a log has the forms of the document."""

    CONF = SECRET

    def test_words_of_runs(self, server):
        user = Sessions(server, "openapi")
        session = user.session()["session_id"]
        for content, status in (("Hello", "DONE"), (None, "FAILED")):
            message = user.append(session, content)["message_id"]
            answer = user.post(f"/sessions/{session}/runs?wait=60", {"trigger_message_id": message})
            assert SPEC.check("POST", RUNS, answer) == "201" and answer.json["status"] == status
        seen = set()
        for m in user.messages(session):
            if m["type"] in PAYLOADS:
                seen.add(m["type"])
                schema = SPEC.document["components"]["schemas"][PAYLOADS[m["type"]]]
                SPEC.validate(m["payload"], schema)
                assert set(schema["properties"]) <= set(m["payload"]), m
        assert seen == set(PAYLOADS)
