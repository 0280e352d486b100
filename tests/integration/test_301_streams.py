"""Backends that stream: the pieces become one answer, and a broken stream is no answer."""

from llmq_env.fakellm import Plan


STREAMING = """
    LLMQRetryDelay 100ms 200ms
    <LLMQBackend fake>
        LLMQBackendKind openai
        LLMQBackendURL {llm}
        LLMQBackendStream On
        LLMQBackendMaxAnswer 100000
    </LLMQBackend>
"""


class TestStreams:
    CONF = STREAMING

    def test_pieces_become_one_answer(self, api, llm):
        llm.default = Plan(pieces=["Guten ", "Mor", "gen, ", "", "世", "界", "!\n"])
        done = api.until_status(api.send()["id"])
        assert done["result"] == {
            "content": "Guten Morgen, 世界!\n", "model": "default", "finish_reason": "stop",
            "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8},
            "backend": "fake"}
        assert llm.calls[0].body["stream"] is True

    def test_thousand_pieces(self, api, llm):
        llm.default = Plan(pieces=[f"{i} " for i in range(1000)])
        content = api.until_status(api.send()["id"])["result"]["content"]
        assert content == "".join(f"{i} " for i in range(1000))

    def test_stream_that_breaks_off_is_tried_again(self, api, llm):
        llm.plans = [Plan(pieces=["half ", "an"], drop="body")]
        done = api.until_status(api.send("whole")["id"])
        assert (done["status"], done["retry_count"]) == ("completed", 1)
        assert done["result"]["content"].split() == ["answer", "to", "whole"]

    def test_stream_without_done_but_with_a_finish_reason_is_whole(self, api, llm):
        llm.default = Plan(pieces=["all of it"], done=False)
        assert api.until_status(api.send()["id"])["result"]["content"] == "all of it"

    def test_endless_answer_is_cut(self, api, llm):
        llm.plans = [Plan(pieces=["x" * 1000] * 300)]
        done = api.until_status(api.send()["id"])
        assert (done["status"], done["retry_count"]) == ("completed", 1)

    def test_backend_that_does_not_stream_is_understood(self, api, llm):
        llm.default = Plan(body=b'{"choices":[{"message":{"content":"plain"},'
                                b'"finish_reason":"length"}]}')
        done = api.until_status(api.send()["id"])
        assert (done["result"]["content"], done["result"]["finish_reason"]) == ("plain", "length")

    def test_status_without_a_stream_is_a_failure(self, api, llm):
        llm.default = Plan(status=400)
        assert api.until_status(api.send()["id"])["error"]["http_status"] == 400


class TestStalls:
    CONF = STREAMING.replace("MaxAnswer 100000", "TotalTimeout 3s")

    def test_stream_that_stalls_is_tried_again(self, api, llm):
        llm.plans = [Plan(pieces=["one ", "two ", "three"], stall=2)]
        done = api.until_status(api.send()["id"])
        assert (done["status"], done["retry_count"]) == ("completed", 1)

    def test_stream_that_always_stalls_times_out(self, api, llm):
        llm.default = Plan(pieces=["one ", "two"], stall=1)
        done = api.until_status(api.send(max_retries=1)["id"])
        assert done["status"] == "timeout" and done["result"] is None
