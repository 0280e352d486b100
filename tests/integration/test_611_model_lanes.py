"""Models through the gateway and the dispatcher: whose backends are full stands in nobody's way,
and who goes away takes its work along."""

import contextlib

import pytest

from llmq_env import openai
from llmq_env.fakellm import FakeLLM
from llmq_env.openai import Gateway, chat
from llmq_env.wait import until

CONF = openai.at(open="LLMQGatewayLinger Off") + """
LLMQModel big a=upstream-a
LLMQModel small b
<LLMQBackend a>
    LLMQBackendKind openai
    LLMQBackendURL %s
    LLMQBackendConcurrency 1
</LLMQBackend>
<LLMQBackend b>
    LLMQBackendKind openai
    LLMQBackendURL %s
    LLMQBackendModel upstream-b
</LLMQBackend>
"""


class Rig:
    def __init__(self, store, new_server):
        self.a, self.b = FakeLLM(), FakeLLM()
        self.server = new_server(store, CONF % (self.a.url, self.b.url))
        self.server.start()
        self.clients = []

    def ask(self, model, **more):
        client = Gateway(self.server.port)
        self.clients.append(client)
        client.send("POST", "/chat/completions", chat("Hello", model, **more))
        return client

    def statuses(self):
        rows = self.server.query("SELECT status, count(*) FROM llmq_jobs WHERE kind = 5"
                                 " GROUP BY status")
        return {int(status): int(n) for status, n in rows}

    def close(self):
        self.a.release()
        for client in self.clients:
            client.close()
        self.server.stop()
        self.a.close()
        self.b.close()


@pytest.fixture
def rig(store, new_server):
    with contextlib.closing(Rig(store, new_server)) as made:
        yield made


def test_a_full_model_holds_up_no_other(rig):
    rig.a.hold()
    waiting = [rig.ask("big") for _ in range(4)]
    rig.a.until_calls(1)
    assert rig.ask("small").receive().status == 200
    api = rig.server.new_api()
    done = api.until_status(api.send()["message_id"])
    assert done["status"] == "completed", done
    assert rig.a.most_in_flight == 1
    rig.a.release()
    assert [client.receive().status for client in waiting] == [200] * 4
    assert {call.body["model"] for call in rig.a.calls} == {"upstream-a"}
    assert rig.b.calls[0].body["model"] == "upstream-b"
    until(lambda: rig.statuses() == {2: 5}, "all rows to end")
    # S0 shows the one message, and its figures count what the queue has done.
    assert api.total() == 1


def test_who_goes_away_is_canceled_in_a_call_and_in_the_queue(rig):
    rig.a.hold()
    first = rig.ask("big")
    rig.a.until_calls(1)
    second = rig.ask("big", stream=True)
    until(lambda: sum(rig.statuses().values()) == 2, "both to be accepted")
    second.close()
    until(lambda: rig.statuses().get(5) == 1, "the one that waits to be canceled")
    first.close()
    until(lambda: rig.statuses() == {5: 2}, "the one in a call to be canceled")
    assert len(rig.a.calls) == 1
    rig.a.release()
    assert rig.ask("big").receive().status == 200
