"""S0 2.1, 2.2, 2.5: a message goes in, comes back answered, and can be deleted."""

import pytest

from llmq_env.api import LEVELS, TIME
from llmq_env.wait import until

# What the preprocessor adds to the metadata of every message.
MARKS = {"analyzed", "word_count", "sentiment", "contains_question"}


def sample(**fields):
    return {"conversation_id": "conv_123456", "user_id": "user_789",
            "content": "Hello, this is a test message", "priority": "normal",
            "metadata": {"source": "web", "client_version": "1.0.0"}, **fields}


@pytest.mark.mpm
class TestAccepted:
    """With nobody draining the queue messages stay as they were accepted."""

    CONF = "LLMQDispatcher Off\n"

    def test_answer_has_all_members_of_the_sample(self, api):
        answer = api.post("/messages", sample())
        assert answer.status == 201
        assert answer.json["message"] == "Message created successfully"
        data = answer.data
        assert data["id"].startswith("msg_") and len(data["id"]) == 30
        assert data.items() >= {
            "conversation_id": "conv_123456", "user_id": "user_789",
            "content": "Hello, this is a test message", "priority": "normal",
            "status": "pending", "queue_name": "normal_priority", "retry_count": 0,
            "max_retries": 3, "timeout": "30s"}.items()
        assert data["metadata"].items() >= {"source": "web", "client_version": "1.0.0"}.items()
        assert TIME.fullmatch(data["created_at"]) and data["updated_at"] == data["created_at"]
        assert data["message_id"] == data["id"]
        assert data["estimated_wait"] >= 0
        assert data["result"] is None
        assert answer.headers["location"] == f"/api/v1/messages/{data['id']}"

    def test_get_gives_back_what_was_accepted(self, api):
        made = api.send(**sample())
        got = api.message(made["id"])
        assert got == {k: v for k, v in made.items() if k not in ("message_id", "estimated_wait")}

    def test_every_level_is_accepted_by_word_and_number(self, api):
        for number, level in enumerate(LEVELS, 1):
            for word in (level, number):
                data = api.send(priority=word)
                assert (data["priority"], data["queue_name"]) == (level, f"{level}_priority")

    @pytest.mark.parametrize("absent", ["missing", None])
    def test_optional_fields_may_be_missing_or_null(self, api, absent):
        fields = {} if absent == "missing" else {
            "conversation_id": None, "priority": None, "metadata": None}
        data = api.send(**fields)
        assert data["conversation_id"].startswith("conv_")
        assert data["priority"] == "normal"
        assert set(data["metadata"]) == MARKS

    def test_messages_without_a_conversation_get_one_each(self, api):
        assert api.send()["conversation_id"] != api.send()["conversation_id"]
        assert api.send(conversation_id="")["conversation_id"].startswith("conv_")

    def test_unknown_fields_are_ignored(self, api):
        assert "colour" not in api.send(colour="blue", status="completed", id="msg_1")

    @pytest.mark.parametrize("content", [
        "x", "Grüße, 世界, 🚀", "\"quotes\" \\ / and \t\r\n\u2028",
        "'; DROP TABLE llmq_jobs; --",
        "{\"json\":true}", "\u007f\u0085\ufffd\U0010ffff", "%s%n$1 :a ?1", " leading and trailing ",
    ])
    def test_content_comes_back_to_the_letter(self, api, content):
        made = api.send(content=content, metadata={content: [content, 1.5, None, {"a": True}]})
        got = api.message(made["id"])
        assert got["content"] == made["content"] == content
        assert {k: v for k, v in got["metadata"].items() if k not in MARKS} == {
            content: [content, 1.5, None, {"a": True}]}

    def test_content_of_65536_bytes_is_accepted(self, api):
        made = api.send(content="ä" * 32768)
        assert api.message(made["id"])["content"] == "ä" * 32768

    def test_ids_of_128_characters_are_accepted(self, api):
        name = "aZ0_.:-" * 18 + "ab"
        data = api.send(conversation_id=name, user_id=name)
        assert (data["conversation_id"], data["user_id"]) == (name, name)

    def test_user_may_be_any_text(self, api):
        assert api.send(user_id="Zoë O'Hara <z@example.com>")["user_id"] == \
            "Zoë O'Hara <z@example.com>"

    @pytest.mark.parametrize("content_type", [
        "application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"])
    def test_json_content_types_are_accepted(self, api, content_type):
        answer = api.post("/messages", '{"user_id":"u","content":"c"}',
                          headers={"Content-Type": content_type})
        assert answer.status == 201

    def test_body_may_be_chunked(self, server):
        body = b'{"user_id":"u","content":"chunked"}'
        got = server.raw(b"POST /api/v1/messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                         b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                         + b"".join(b"1\r\n%c\r\n" % b for b in body) + b"0\r\n\r\n")
        assert got.startswith(b"HTTP/1.1 201 ")

    def test_deleted_twice_is_not_found(self, api):
        made = api.send()
        answer = api.delete(f"/messages/{made['id']}")
        assert answer.status == 200 and answer.json["message"] == "Message deleted successfully"
        assert answer.data is None
        api.get(f"/messages/{made['id']}").refuses(404, 1004)
        api.delete(f"/messages/{made['id']}").refuses(404, 1004)
        api.set_status(made["id"], "processing").refuses(404, 1004)

    def test_deleted_message_leaves_list_and_queue(self, api):
        made = api.send(conversation_id="to-be-deleted", priority="low")
        before = api.level("low")["size"]
        api.delete(f"/messages/{made['id']}")
        assert api.total("&conversation_id=to-be-deleted") == 0
        assert api.level("low")["size"] == before - 1

    def test_many_requests_share_one_connection(self, api):
        connection = None
        for _ in range(50):
            api.send()
            connection = connection or api.connection
            assert api.connection is connection


@pytest.mark.mpm
class TestAnswered:
    """The built-in echo answers, as on a fresh install."""

    def test_message_of_every_level_comes_back_answered(self, api):
        ids = {level: api.send(f"Say {level}", priority=level)["id"] for level in LEVELS}
        for level, message_id in ids.items():
            done = api.until_status(message_id)
            assert (done["status"], done["priority"]) == ("completed", level)
            assert f"Say {level}" in done["result"]["content"]
            assert TIME.fullmatch(done["scheduled_at"]) and TIME.fullmatch(done["completed_at"])
            assert done["metadata"]["processing_time"].endswith("s")

    def test_result_has_all_members_of_the_contract(self, api):
        done = api.until_status(api.send("one two three")["id"])
        result = done["result"]
        assert set(result) >= {"content", "model", "finish_reason", "usage", "backend"}
        assert result["finish_reason"] == "stop"
        assert result["usage"]["prompt_tokens"] == 3
        assert result["usage"]["total_tokens"] == 3 + result["usage"]["completion_tokens"]

    def test_answer_is_deterministic(self, api):
        first, second = (api.until_status(api.send("the same")["id"]) for _ in range(2))
        assert first["result"] == second["result"]

    def test_metadata_of_the_caller_stays(self, api):
        done = api.until_status(api.send(metadata={"trace": "abc", "n": [1, 2]})["id"])
        assert done["metadata"].items() >= {"trace": "abc", "n": [1, 2]}.items()

    @staticmethod
    def until_counted(api):
        """What has been processed, once the queue has heard of all ends, as it does after the
        database."""
        stored = {level: api.total(f"&status=completed&priority={level}") for level in LEVELS}
        until(lambda: {q["name"]: q["total_processed"] for q in api.queues()["queues"]} == stored,
              f"the counts to be {stored}")
        return stored

    def test_statistics_count_each_message_once(self, api):
        before = self.until_counted(api)
        for level in LEVELS:
            for _ in range(3):
                api.until_status(api.send(priority=level)["id"])
        assert self.until_counted(api) == {level: before[level] + 3 for level in LEVELS}
