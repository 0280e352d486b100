"""S0 2.4: PUT /messages/{id}/status, by an outside processor (contract A14, section 8)."""

import pytest

from llmq_env.api import TIME
from llmq_env.conf import FAKE

STATES = ("pending", "processing", "completed", "failed", "timeout")
# How to bring a new message into each state.
WAY = {"pending": [], "processing": ["processing"], "completed": ["processing", "completed"],
       "failed": ["failed"], "timeout": ["timeout"]}
ALLOWED = {"pending": {"processing", "failed", "timeout"},
           "processing": {"completed", "failed", "timeout", "pending"},
           "completed": set(), "failed": {"pending"}, "timeout": {"pending"}}


class TestTransitions:
    CONF = "LLMQDispatcher Off\n"

    @staticmethod
    def message_in(api, state):
        message_id = api.send()["id"]
        for step in WAY[state]:
            assert api.set_status(message_id, step).status == 200
        return message_id

    @pytest.mark.parametrize("before", STATES)
    @pytest.mark.parametrize("after", STATES)
    def test_each_transition_is_as_the_contract_says(self, api, before, after):
        message_id = self.message_in(api, before)
        answer = api.set_status(message_id, after)
        if after == before or after in ALLOWED[before]:
            assert answer.status == 200, answer
            assert answer.json["message"] == "Message status updated successfully"
            assert answer.data["id"] == message_id and answer.data["status"] == after
            assert TIME.fullmatch(answer.data["updated_at"])
            assert api.message(message_id)["status"] == after
        else:
            answer.refuses(400, None, "status")
            assert "invalid status transition" in answer.json["details"]["reason"]
            assert api.message(message_id)["status"] == before

    def test_metadata_is_merged_shallowly(self, api):
        message_id = api.send(metadata={"a": 1, "b": {"x": 1, "y": 2}, "c": 3})["id"]
        api.set_status(message_id, "processing", metadata={"b": {"x": 9}, "d": 4})
        got = api.message(message_id)["metadata"]
        assert {k: got.get(k) for k in "abcd"} == {"a": 1, "b": {"x": 9}, "c": 3, "d": 4}

    def test_refused_transition_leaves_metadata_alone(self, api):
        message_id = api.send(metadata={"a": 1})["id"]
        api.set_status(message_id, "completed", metadata={"a": 2}).refuses(400, None, "status")
        assert api.message(message_id)["metadata"]["a"] == 1

    def test_processor_gives_the_result(self, api):
        message_id = self.message_in(api, "processing")
        result = {"content": "42", "model": "m", "usage": {"total_tokens": 2}}
        api.set_status(message_id, "completed", result=result)
        done = api.message(message_id)
        assert done["result"].items() >= result.items()
        assert TIME.fullmatch(done["completed_at"]) and done["metadata"]["processing_time"]

    def test_requeue_starts_afresh(self, api):
        message_id = self.message_in(api, "failed")
        api.set_status(message_id, "pending")
        again = api.message(message_id)
        assert again["status"] == "pending" and again["retry_count"] == 0
        assert "completed_at" not in again

    def test_claimed_message_leaves_the_queue_and_comes_back(self, api):
        before = api.level("high")["size"]
        message_id = api.send(priority="high")["id"]
        assert api.level("high")["size"] == before + 1
        api.set_status(message_id, "processing", metadata={"processor_id": "worker_001"})
        assert api.level("high")["size"] == before
        api.set_status(message_id, "pending")
        assert api.level("high")["size"] == before + 1

    def test_released_message_is_not_delayed_any_more(self, api):
        message_id = api.send(delay=3600)["id"]
        later = api.message(message_id)["scheduled_at"]
        api.set_status(message_id, "processing")
        api.set_status(message_id, "pending")
        assert api.message(message_id)["scheduled_at"] < later

    @pytest.mark.parametrize("body", [
        {}, {"status": None}, {"status": ""}, {"status": "done"}, {"status": "PROCESSING"},
        {"status": 1}, {"status": []}, {"metadata": {}}])
    def test_bad_status_is_400(self, api, body):
        message_id = api.send()["id"]
        api.put(f"/messages/{message_id}/status", body).refuses(400, None, "status")

    @pytest.mark.parametrize("metadata", ["text", 1, [], True])
    def test_bad_metadata_is_400(self, api, metadata):
        message_id = api.send()["id"]
        api.set_status(message_id, "processing", metadata=metadata).refuses(400, None, "metadata")
        assert api.message(message_id)["status"] == "pending"

    @pytest.mark.parametrize("text", [b"", b"{", b"[]", b'"x"', b'{"status":"\xff"}'])
    def test_bad_body_is_400(self, api, text):
        message_id = api.send()["id"]
        api.put(f"/messages/{message_id}/status", text,
                headers={"Content-Type": "application/json"}).refuses(400)

    def test_unknown_message_is_1004(self, api):
        api.set_status("msg_00000000000000000000000000", "processing").refuses(404, 1004)


class TestBesideTheDispatcher:
    """An outside processor and the dispatcher on the same queue."""

    CONF = FAKE

    def test_claim_takes_a_running_message_away_from_the_dispatcher(self, api, llm):
        llm.hold()
        message_id = api.send("claimed")["id"]
        llm.until_calls(1)
        assert api.message(message_id)["status"] == "processing"
        api.set_status(message_id, "completed", result="mine")
        llm.release()
        later = api.until_status(api.send("later", conversation_id="other")["id"])
        assert later["result"]["content"] == "answer to later"
        assert api.message(message_id)["result"]["content"] == "mine"

    def test_release_gives_it_back_to_the_dispatcher(self, api, llm):
        llm.hold()
        message_id = api.send("released")["id"]
        llm.until_calls(1)
        api.set_status(message_id, "pending")
        llm.release()
        assert api.until_status(message_id)["status"] == "completed"

    def test_requeued_failure_is_answered(self, api, llm):
        llm.default.status = 400
        message_id = api.send("again")["id"]
        assert api.until_status(message_id)["status"] == "failed"
        llm.default.status = 200
        api.set_status(message_id, "pending")
        done = api.until_status(message_id)
        assert done["status"] == "completed" and done["result"]["content"] == "answer to again"

    def test_delete_of_a_running_message_cancels_it(self, api, llm):
        llm.hold()
        message_id = api.send("unwanted")["id"]
        llm.until_calls(1)
        assert api.delete(f"/messages/{message_id}").status == 200
        llm.release()
        api.get(f"/messages/{message_id}").refuses(404, 1004)
        assert api.until_status(api.send("next")["id"])["status"] == "completed"
        api.get(f"/messages/{message_id}").refuses(404, 1004)

    def test_deleted_message_is_not_sent_to_the_backend(self, api, llm):
        llm.hold()
        first = api.send("first", conversation_id="serial")["id"]
        llm.until_calls(1)
        second = api.send("second", conversation_id="serial")["id"]
        third = api.send("third", conversation_id="serial")["id"]
        api.delete(f"/messages/{second}")
        llm.release()
        api.until_status(first)
        api.until_status(third)
        assert llm.contents() == ["first", "third"]
