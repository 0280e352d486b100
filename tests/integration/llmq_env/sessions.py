"""A client of S4's sessions that holds every answer to Laravel's forms."""

import re

from .api import Api
from .tokens import bearer, token

SECRET = "LLMQTokenSecret {dir}/secret\n"
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")
NOWHERE = "0199aa00-0000-7000-8000-000000000000"  # nobody has a session of this id
SESSION = {"session_id", "session_name", "status", "last_seq", "last_message_id",
           "last_message_at", "last_message_preview", "last_message_role", "last_message_type",
           "created_at", "updated_at"}
MESSAGE = {"message_id", "session_id", "seq", "role", "type", "content", "payload", "reply_to",
           "dedupe_key", "created_at"}


class Sessions(Api):
    """Calls as one user below one mount."""

    def __init__(self, server, user=None, base="/api", **claims):
        super().__init__(server.port, base)
        server.apis.append(self)
        self.headers = bearer(token(user, **claims)) if user else {}

    def call(self, method, path, body=None, headers=None, check=True):
        answer = super().call(method, path, body, {**self.headers, **(headers or {})}, check=False)
        if check and method != "HEAD" and answer.status != 204:
            check_s4(answer)
        return answer

    def patch(self, path, body=None, **more):
        return self.call("PATCH", path, body, **more)

    def session(self, **fields):
        """A new session's object."""
        answer = self.post("/sessions", fields)
        assert answer.status == 201, answer
        return answer.json

    def append(self, session_id, content="Hello", **fields):
        """A message that must be accepted; its object."""
        answer = self.try_append(session_id, content, **fields)
        assert answer.status == 201, answer
        return answer.json

    def try_append(self, session_id, content="Hello", headers=None, **fields):
        body = {"role": "USER", "type": "user.prompt", "content": content, **fields}
        return self.post(f"/sessions/{session_id}/messages", body, headers=headers)

    def get_session(self, session_id):
        answer = self.get(f"/sessions/{session_id}")
        assert answer.status == 200, answer
        return answer.json

    def messages(self, session_id, query=""):
        answer = self.get(f"/sessions/{session_id}/messages{query}")
        assert answer.status == 200, answer
        return answer.json["data"]


def check_s4(answer):
    """Never HTML; errors have a sentence, those of fields a list of them for each."""
    assert answer.headers.get("content-type", "").startswith("application/json"), answer
    if answer.status < 400:
        return
    got = answer.json
    assert got["message"] and isinstance(got["message"], str), answer
    assert set(got) <= {"message", "errors", "details"}, answer
    assert ("errors" in got) == (answer.status == 422), answer
    for sentences in got.get("errors", {}).values():
        assert sentences and all(isinstance(s, str) and s for s in sentences), answer
    if answer.status in (429, 503):
        assert int(answer.headers["retry-after"]) >= 1, answer


def denies(answer, status, message, /, **errors):
    """This is the refusal that we expect, with these fields to blame and no others."""
    assert (answer.status, answer.json["message"]) == (status, message), answer
    if errors:
        assert {k: v[0] for k, v in answer.json["errors"].items()} == errors, answer
    return answer
