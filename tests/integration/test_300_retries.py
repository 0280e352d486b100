"""Backends that fail: what is tried again, when, and what becomes of a message."""

import socket

import pytest

from llmq_env.fakellm import FakeLLM, Plan
from llmq_env.httpd import free_port
from llmq_env.wait import until

BACKEND = """
    LLMQRetryDelay 100ms 400ms
    <LLMQBackend fake>
        LLMQBackendKind openai
        LLMQBackendURL {llm}
        LLMQBackendModel tiny
        LLMQBackendMaxAnswer 100000
    </LLMQBackend>
"""
# Calls that say nothing end soon; those that are answered must not be as slow as that.
IMPATIENT = BACKEND.replace("MaxAnswer 100000", "FirstTimeout 3s")


def gaps(calls):
    return [b.at - a.at for a, b in zip(calls, calls[1:])]


@pytest.mark.mpm
class TestRetries:
    CONF = BACKEND

    def test_call_has_the_shape_of_the_openai_api(self, api, llm):
        done = api.until_status(api.send("What is 6 times 7?")["id"])
        call, = llm.calls
        assert call.body["model"] == "tiny"
        assert call.body["messages"] == [{"role": "user", "content": "What is 6 times 7?"}]
        assert not call.body.get("stream")
        assert call.headers["Content-Type"].startswith("application/json")
        assert "Authorization" not in call.headers
        assert done["result"] == {
            "content": "answer to What is 6 times 7?", "model": "tiny", "finish_reason": "stop",
            "usage": {"prompt_tokens": 3, "completion_tokens": 5, "total_tokens": 8},
            "backend": "fake"}

    @pytest.mark.parametrize("plan", [
        Plan(status=500), Plan(status=502), Plan(status=503), Plan(status=408), Plan(status=425),
        Plan(status=429), Plan(drop="before"), Plan(drop="headers"), Plan(drop="body"),
        Plan(body=b"no JSON"), Plan(body=b"{}"), Plan(body=b""), Plan(body=b'{"choices":[]}'),
        Plan(body=b"\xff\xfe")],
        ids=lambda plan: str(plan.drop or plan.body or plan.status))
    def test_passing_failure_is_tried_again(self, api, llm, plan):
        llm.plans = [plan, plan]
        done = api.until_status(api.send("persistent")["id"])
        assert done["status"] == "completed"
        # curl itself takes a fresh connection when a kept one turns out to be closed.
        assert done["retry_count"] in ((0, 1, 2) if plan.drop == "before" else (2,))
        assert done["result"]["content"] == "answer to persistent"
        assert "dead_letter" not in done["metadata"]
        assert len(llm.calls) == 3

    def test_delays_grow_with_jitter_within_their_bounds(self, api, llm):
        llm.default = Plan(status=500)
        api.until_status(api.send()["id"], "failed")
        first, second, third = gaps(llm.calls)
        assert 0.05 <= first and 0.1 <= second and 0.2 <= third

    @pytest.mark.parametrize("status", [429, 503])
    def test_retry_after_is_honoured(self, api, llm, status):
        llm.plans = [Plan(status=status, headers={"Retry-After": "2"})]
        assert api.until_status(api.send()["id"])["status"] == "completed"
        assert gaps(llm.calls)[0] >= 1.9

    @pytest.mark.parametrize("status", [400, 401, 403, 404, 413, 422])
    def test_client_error_is_final(self, api, llm, status):
        llm.default = Plan(status=status)
        done = api.until_status(api.send()["id"])
        assert (done["status"], done["retry_count"]) == ("failed", 0)
        assert done["metadata"]["dead_letter"] is True
        assert done["result"] is None and done["error"]["http_status"] == status
        assert done["completed_at"]
        assert len(llm.calls) == 1

    def test_retries_end_with_a_dead_letter(self, api, llm):
        llm.default = Plan(status=500)
        # The level is this test's own: what failed before may be counted only now.
        before = api.level("low")["total_failed"]
        done = api.until_status(api.send(priority="low")["id"])
        assert (done["status"], done["retry_count"]) == ("failed", 3)
        assert done["metadata"]["dead_letter"] is True
        assert len(llm.calls) == 4
        until(lambda: api.level("low")["total_failed"] > before, "it to be counted")
        assert api.level("low")["total_failed"] == before + 1

    def test_answer_that_is_too_large_is_refused(self, api, llm):
        llm.plans = [Plan(content="x" * 200000)]
        done = api.until_status(api.send()["id"])
        assert (done["status"], done["retry_count"]) == ("completed", 1)

    @pytest.mark.parametrize("content", ["", "Grüße 🚀", "\"\\\n\t", "x" * 50000])
    def test_answer_comes_back_to_the_letter(self, api, llm, content):
        llm.default = Plan(content=content)
        assert api.until_status(api.send()["id"])["result"]["content"] == content

    def test_answer_with_a_nul_does_not_block_the_queue(self, api, llm):
        llm.plans = [Plan(content="a\0b")]
        first = api.send("first", conversation_id="nul")["id"]
        second = api.send("second", conversation_id="nul")["id"]
        assert api.until_status(first)["status"] in ("completed", "failed")
        assert api.until_status(second)["status"] == "completed"

    def test_failing_message_does_not_hold_up_others(self, api, llm):
        llm.default = lambda call: Plan(status=500 if call.content == "bad" else 200)
        bad = api.send("bad")["id"]
        good = [api.send(f"good {i}")["id"] for i in range(20)]
        for message_id in good:
            assert api.until_status(message_id)["status"] == "completed"
        assert api.until_status(bad)["status"] == "failed"

    def test_conversation_waits_for_its_retry(self, api, llm):
        llm.plans = [Plan(status=500)]
        ids = [api.send(f"turn {i}", conversation_id="retried")["id"] for i in range(3)]
        for message_id in ids:
            api.until_status(message_id, "completed")
        assert llm.contents() == ["turn 0", "turn 0", "turn 1", "turn 2"]


@pytest.mark.mpm
class TestTimeOuts:
    CONF = IMPATIENT

    def test_call_that_says_nothing_is_made_again(self, api, llm):
        llm.plans = [Plan(silent=True)]
        done = api.until_status(api.send("persistent")["id"])
        assert (done["status"], done["retry_count"]) == ("completed", 1)
        assert done["result"]["content"] == "answer to persistent"
        assert "dead_letter" not in done["metadata"]
        assert len(llm.calls) == 2

    def test_time_outs_end_with_status_timeout(self, api, llm):
        llm.default = Plan(silent=True)
        done = api.until_status(api.send(max_retries=1)["id"])
        assert done["status"] == "timeout" and done["metadata"]["dead_letter"] is True
        llm.until_calls(2)
        assert len(llm.calls) == 2


class TestBetweenTries:
    CONF = BACKEND.replace("100ms 400ms", "10min 10min")

    def test_waiting_for_a_retry_is_pending_with_scheduled_at(self, api, llm):
        llm.plans = [Plan(status=503)]
        message_id = api.send()["id"]
        until(lambda: api.message(message_id)["retry_count"] == 1, "the failure to be noted")
        waiting = api.message(message_id)
        assert waiting["status"] == "pending"
        assert waiting["scheduled_at"] > waiting["created_at"]
        assert api.post(f"/admin/delayed/{message_id}/run-now").status == 200
        assert api.until_status(message_id)["status"] == "completed"


class TestUnreachable:
    EXPECT = ("LLMQ0504",)  # those backends stay away, and checks find that out, too

    def test_nobody_listens_then_somebody_does(self, store, new_server):
        port = free_port()
        server = new_server(store, BACKEND.replace("{llm}", f"http://127.0.0.1:{port}/v1"))
        server.start()
        server.log.expect("LLMQ0504")
        api = server.new_api()
        ids = [api.send(f"patient {i}")["id"] for i in range(5)]

        def tried():
            message = api.message(ids[0])  # it is tried again and again
            return message if message["status"] == "pending" and message.get("error") else None

        waiting = until(tried, "a first try")
        assert waiting["retry_count"] == 0
        assert waiting["error"]["type"] == "unreachable"
        assert "127.0.0.1" not in waiting["error"]["message"]
        llm = FakeLLM(port)
        try:
            for message_id in ids:
                done = api.until_status(message_id, "completed", deadline=120)
                assert done["retry_count"] == 0
            assert sorted(llm.contents()) == [f"patient {i}" for i in range(5)]
        finally:
            llm.close()

    def test_backend_that_accepts_and_says_nothing_times_out(self, store, new_server):
        with socket.create_server(("127.0.0.1", 0)) as mute:
            url = f"http://127.0.0.1:{mute.getsockname()[1]}/v1"
            server = new_server(store, IMPATIENT.replace("{llm}", url) +
                                "<Location /api/v1>\nLLMQMaxRetries 0\n</Location>\n")
            server.start()
            api = server.new_api()
            done = api.until_status(api.send()["id"])
            assert (done["status"], done["retry_count"]) == ("timeout", 0)


class TestOwnTimeout:
    """LLMQTimeout is the message's own bound, however patient the backend's settings are."""

    CONF = """
        LLMQRetryDelay 100ms 200ms
        <Location /api/v1>
            LLMQTimeout 2s
            LLMQMaxRetries 1
        </Location>
        <LLMQBackend fake>
            LLMQBackendKind openai
            LLMQBackendURL {llm}
        </LLMQBackend>
    """

    def test_message_times_out_by_itself(self, api, llm):
        llm.default = Plan(silent=True)
        done = api.until_status(api.send()["id"])
        assert (done["status"], done["timeout"]) == ("timeout", "2s")
        llm.until_calls(2)
        assert len(llm.calls) == 2


class TestSeveralBackends:
    """Calls go round; a backend that asks for a pause gets it, the others go on."""

    EXPECT = ("LLMQ0504",)  # they end before the server does

    def test_round_robin_and_pause(self, store, new_server):
        one, two = FakeLLM(), FakeLLM()
        try:
            server = new_server(store, "LLMQRetryDelay 100ms 200ms\n" + "".join(
                f"<LLMQBackend {name}>\nLLMQBackendKind openai\nLLMQBackendURL {fake.url}\n"
                f"</LLMQBackend>\n" for name, fake in (("one", one), ("two", two))))
            server.start()
            api = server.new_api()
            for _ in range(10):
                api.until_status(api.send()["id"], "completed")
            assert (len(one.calls), len(two.calls)) == (5, 5)
            one.plans = [Plan(status=429, headers={"Retry-After": "600"})]
            ids = [api.send()["id"] for _ in range(2)]
            one.until_calls(6)
            until(lambda: "LLMQ0704" in server.log.text(), "the pause to be known")
            done = [api.until_status(api.send()["id"]) for _ in range(8)]
            assert {m["result"]["backend"] for m in done} == {"two"}
            assert len(one.calls) == 6
            for message_id in ids:
                api.until_status(message_id, "completed")
        finally:
            one.close()
            two.close()


class TestKey:
    def test_key_is_sent_and_never_shown(self, store, new_server, llm, workspace):
        key = "sk-test-0123456789"
        path = workspace / f"key-{store}"
        path.write_text(key + "\n")
        path.chmod(0o600)
        server = new_server(store, BACKEND.replace("{llm}", llm.url).replace(
            "LLMQBackendModel tiny", f"LLMQBackendKeyFile {path}"))
        server.start()
        api = server.new_api()
        done = api.until_status(api.send()["id"])
        assert llm.calls[0].headers["Authorization"] == f"Bearer {key}"
        llm.default = Plan(status=401, body=b'{"error":{"message":"bad key %s"}}' % key.encode())
        failed = api.until_status(api.send()["id"])
        assert failed["status"] == "failed"
        for text in (str(done), str(failed), str(api.queues()), server.log.text()):
            assert key not in text
