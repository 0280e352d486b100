"""Bodies that would take far more memory than they are long: refused before they are read."""

import contextlib
import json

import pytest

from llmq_env import openai
from llmq_env.apps import Apps
from llmq_env.badllm import backend, completion, http, say
from llmq_env.conf import apps, mounts, sessions
from llmq_env.openai import Gateway, chat
from llmq_env.sessions import Sessions
from llmq_env.tasks import BODY, create, fetch

LIMIT = "LLMQMaxTree 65536"
HEAVY = [{}] * 100     # 300 bytes of text, 100,000 of memory
SOME = [{}] * 20
MESSAGE = {"user_id": "u", "content": "c"}
PROMPT = {"role": "USER", "type": "user.prompt", "content": "c"}


class TestLimit:
    CONF = (mounts(queue=LIMIT) + sessions(chats=LIMIT) + apps(bots=LIMIT)
            + openai.at(open=LIMIT))

    def test_messages(self, server):
        api = server.new_api("/queue")
        before = api.total()
        api.post("/messages", {**MESSAGE, "metadata": {"x": HEAVY}}).refuses(413)
        assert api.total() == before
        sent = api.send(metadata={"x": SOME})
        assert api.message(sent["id"])["metadata"]["x"] == SOME

    def test_tasks(self, server):
        api = server.new_api("/queue")
        heavy = {**BODY, "payload": {"x": HEAVY}}
        api.post("/tasks", heavy, check=False).denies(413, "PAYLOAD_TOO_LARGE")
        api.post("/tasks/batch", {"tasks": [BODY, heavy]}, check=False).denies(
            413, "PAYLOAD_TOO_LARGE")
        task = create(api, payload={"x": SOME})
        assert task["payload"] == {"x": SOME}
        answer = api.put(f"/tasks/{task['id']}/progress", {"progress": 100, "result": HEAVY},
                         check=False)
        answer.denies(413, "PAYLOAD_TOO_LARGE")
        assert fetch(api, task["id"])["status"] == "queued"

    def test_a_result_within_a_form(self, server):
        api = server.new_api("/queue")
        task = create(api)
        form = b"progress=100&result=" + json.dumps(HEAVY, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = api.put(f"/tasks/{task['id']}/progress", form, headers=headers, check=False)
        answer.denies(413, "PAYLOAD_TOO_LARGE")
        assert fetch(api, task["id"])["status"] == "queued"

    def test_sessions(self, server):
        user = Sessions(server, base="/chats")
        session = user.session()["session_id"]
        assert user.try_append(session, payload={"x": HEAVY}).status == 413
        assert user.messages(session) == []
        assert user.append(session, payload={"x": SOME})["payload"] == {"x": SOME}

    def test_apps(self, server):
        owner = Apps(server, base="/bots")
        assert owner.post("", {"name": "a", "x": HEAVY}).status == 413

    def test_the_gateway(self, server):
        gateway = Gateway(server.port)
        got = gateway.post("/chat/completions", chat(model="echo", x=HEAVY))
        assert (got.status, got.error["code"]) == (413, "request_too_large")
        assert gateway.post("/chat/completions", chat(model="echo", x=SOME)).status == 200
        gateway.close()

    def test_the_text_of_strings_is_not_counted(self, server):
        api = server.new_api("/queue")
        text = '{"a":[[[,,,,' * 5000
        sent = api.send(metadata={"x": text})
        assert api.message(sent["id"])["metadata"]["x"] == text


class TestAnswers:
    """Of backends."""

    EXPECT = ("LLMQ0701", "LLMQ0702")
    CONF = (backend("bad", "{bad}", "LLMQBackendMaxFailures 0") + "LLMQModel fake bad\n"
            + mounts(queue="LLMQMaxRetries 0") + openai.at(open="LLMQMaxRetries 0"))
    HEAVY = json.dumps({**completion(), "x": [{}] * 1_000_000}, separators=(",", ":")).encode()

    def test_a_message_has_failed(self, server, badllm):
        badllm.default = say(http(body=self.HEAVY))
        api = server.new_api("/queue")
        assert api.until_status(api.send()["id"])["status"] == "failed"
        badllm.reset()
        assert api.until_status(api.send()["id"])["status"] == "completed"

    def test_the_gateway_passes_it_on_unread(self, server, badllm):
        badllm.default = say(http(body=self.HEAVY))
        with contextlib.closing(Gateway(server.port)) as gateway:
            got = gateway.chat()
        assert (got.status, got.body) == (200, self.HEAVY)


class TestUsual:
    """As it is shipped."""

    @pytest.mark.parametrize("piece", [b"{}", b"[]", b'""', b'{"":{}}'])
    def test_ten_megabytes_of_nothing(self, server, piece):
        api = server.new_api()
        body = b",".join([piece] * (10_000_000 // (len(piece) + 1)))
        api.post("/messages", b'{"user_id":"u","content":"c","metadata":{"x":[' + body + b"]}}"
                 ).refuses(413)

    def test_many_numbers_pass(self, server):
        """As many as OpenAI takes for one request of embeddings."""
        api = server.new_api()
        numbers = list(range(300_000))
        sent = api.send(metadata={"x": numbers})
        assert api.message(sent["id"])["metadata"]["x"] == numbers
