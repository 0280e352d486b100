"""`Range` asks for a part of a file. Answers here are no files: whoever sends it gets all of it,
with whatever method."""

import pytest

from llmq_env.api import Api
from llmq_env.sessions import SECRET, Sessions
from llmq_env.tokens import bearer, token

RANGES = [{"Range": "bytes=0-1"}, {"Range": "bytes=-3,5-9"}]


@pytest.mark.parametrize("headers", RANGES, ids=["first", "several"])
class TestWhole:
    CONF = SECRET

    def whole(self, answer):
        assert answer.status == 200 and "content-range" not in answer.headers, answer
        return answer.json

    def test_sessions(self, server, headers):
        client = Sessions(server, "user_1")
        session = client.session(session_name="first")["session_id"]
        path = f"/sessions/{session}"
        assert self.whole(client.get(path, headers=headers)) == client.get_session(session)
        renamed = self.whole(client.patch(path, {"session_name": "second"}, headers=headers))
        assert renamed == client.get_session(session)
        closed = self.whole(client.post(path + "/archive", headers=headers))
        assert closed == client.get_session(session)

    def test_messages(self, api, headers):
        message = api.send("Hello")["id"]
        api.until_status(message)
        assert self.whole(api.get(f"/messages/{message}", headers=headers))["data"]["id"] == message
        answer = api.put(f"/messages/{message}/status", {"status": "completed"}, headers=headers)
        assert self.whole(answer)["code"] == 200

    def test_completions(self, server, headers):
        answer = Api(server.port, "/v1").post(
            "/chat/completions", {"model": "echo", "messages": [{"role": "user", "content": "Hi"}]},
            headers={**headers, **bearer(token("user_1"))}, check=False)
        assert "Hi" in self.whole(answer)["choices"][0]["message"]["content"]
