"""Fairness: tenants and keys take turns, levels age, deadlines end what waits too long."""

import datetime
import threading

import pytest

from llmq_env.api import Api
from llmq_env.conf import fake, tenant_host
from llmq_env.httpd import free_port
from llmq_env.wait import until


def in_seconds(n):
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=n)
    return when.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def send_many(api, n, **more):
    """n messages, on four connections, as their order does not matter."""
    def some(k):
        mine = Api(api.port, api.base)
        for i in range(k, n, 4):
            mine.send(f"{more.get('user_id', 'u')} {i}", **more)
        mine.close()

    threads = [threading.Thread(target=some, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# What is held while others are posted is not given up meanwhile.
PATIENT = "LLMQTimeout 10min\n"


class TestKeys:
    CONF = PATIENT + fake("LLMQBackendConcurrency 1")

    def test_flood_of_one_user_delays_the_others_by_turns_only(self, server, api, llm):
        llm.hold()
        api.send("first", user_id="a")
        llm.until_calls(1)
        send_many(api, 200, user_id="a")
        send_many(api, 10, user_id="b")
        send_many(api, 10, user_id="c")
        llm.release()
        llm.until_calls(41)
        first = [content[0] for content in llm.contents()[:41]]
        assert first.count("b") == 10 and first.count("c") == 10
        until(lambda: len(llm.calls) == 221, "all calls", 300)


class TestWeights:
    CONF = PATIENT + "LLMQFairnessWeight premium 3\n" + fake("LLMQBackendConcurrency 1")

    def test_key_is_served_as_often_as_its_weight_says(self, server, api, llm):
        llm.hold()
        api.send("first", user_id="x")
        llm.until_calls(1)
        for i in range(9):
            api.send("premium", user_id="premium")
            api.send("other", user_id="other")
        llm.release()
        llm.until_calls(13)
        assert llm.contents()[1:13].count("premium") == 9
        until(lambda: len(llm.calls) == 19, "all calls")


class TestCap:
    CONF = "LLMQFairnessCap 2\n" + fake("LLMQBackendConcurrency 8")

    def test_key_runs_no_more_than_its_cap_at_once(self, server, api, llm):
        llm.hold()
        ids = [api.send("mine", user_id="mine")["id"] for i in range(6)]
        llm.until_calls(2)
        ids += [api.send("other", user_id="other")["id"]]
        llm.until_calls(3)
        assert sorted(llm.contents()) == ["mine", "mine", "other"]
        llm.release()
        for message_id in ids:
            api.until_status(message_id, "completed")


class TestTenants:
    """Two virtual hosts of different tenants; one is flooded."""

    CONF = fake("LLMQBackendConcurrency 2")

    @pytest.fixture
    def hosts(self, server, llm):
        ports = {name: free_port() for name in ("acme", "rival")}
        conf = fake("LLMQBackendConcurrency 2").replace("{llm}", llm.url)
        conf += PATIENT + "LLMQQueueSize normal 60\nLLMQQueueConcurrency normal 4\n"
        for name, port in ports.items():
            conf += f"Listen 127.0.0.1:{port}\n" + tenant_host(port, name)
        llm.reset()
        server.configure(conf)
        server.restart()
        apis = [Api(port) for port in ports.values()]
        yield apis
        for api in apis:
            api.close()

    def test_flooded_host_does_not_delay_nor_shut_out_the_other(self, hosts, llm):
        acme, rival = hosts
        llm.hold()
        acme.send("acme x", user_id="x")
        acme.send("acme y", user_id="y")
        llm.until_calls(2)
        sent = 2
        while acme.post("/messages", {"user_id": f"user_{sent}", "content": "acme"}).status == 201:
            sent += 1
            assert sent < 100
        # The level is full for acme, at its part of it; rival has places of its own.
        for i in range(3):
            rival.send(f"rival {i}")
        status = rival.queues()
        assert status["total_size"] == 3 and status["total_processing"] == 0
        assert acme.queues()["total_size"] == sent - 2
        llm.release()
        llm.until_calls(2 + 8)
        assert [c[:5] for c in llm.contents()[2:10]].count("rival") == 3
        until(lambda: acme.queues()["total_processed"] == sent,
              "all of acme's messages", 300)
        until(lambda: rival.queues()["total_processed"] == 3, "all of rival's")
        assert rival.queues()["total_failed"] == 0


class TestLimits:
    CONF = "LLMQTenantLimit default waiting=2 running=1\n" + fake("LLMQBackendConcurrency 8")

    def test_tenant_keeps_to_its_own_limits(self, server, api, llm):
        llm.hold()
        api.send("one")
        llm.until_calls(1)
        two = [api.send("two"), api.send("three")]
        answer = api.post("/messages", {"user_id": "u", "content": "four"})
        answer.refuses(503, 1007)
        assert "retry-after" in answer.headers
        assert len(llm.calls) == 1
        llm.release()
        for message in two:
            api.until_status(message["id"])
        assert llm.most_in_flight == 1


class TestAgeing:
    CONF = PATIENT + "LLMQAgeing 500ms\n" + fake("LLMQBackendConcurrency 1")

    def test_low_is_served_while_realtime_never_ends(self, server, api, llm):
        llm.hold()
        api.send("first")
        llm.until_calls(1)
        low = api.send("low", priority="low")
        llm.pause(4 * 0.5)  # it counts as three levels more urgent then
        send_many(api, 40, user_id="urgent", priority="realtime")
        llm.release()
        api.until_status(low["id"], "completed")
        llm.until_calls(42)
        # Of levels that count alike each has its turn, though all the others were realtime.
        assert "low" in llm.contents()[1:6]

class TestDeadlines:
    CONF = PATIENT + "LLMQDeadline 500ms\n" + fake("LLMQBackendConcurrency 1")

    def test_message_that_is_not_begun_in_time_ends_as_timeout(self, server, api, llm):
        llm.hold()
        runs = api.send("begun in time", deadline=in_seconds(600))
        llm.until_calls(1)
        late = api.send("too late")
        got = api.until_status(late["id"])
        assert got["status"] == "timeout"
        assert got["error"]["type"] == "deadline"
        assert len(llm.calls) == 1
        llm.release()
        assert api.until_status(runs["id"])["status"] == "completed"

    def test_messages_own_deadline_wins(self, server, api, llm):
        llm.hold()
        api.send("begun in time", deadline=in_seconds(600))
        llm.until_calls(1)
        patient = api.send("patient", deadline=in_seconds(600))
        late = api.send("too late")
        assert api.until_status(late["id"])["status"] == "timeout"
        llm.release()
        assert api.until_status(patient["id"])["status"] == "completed"


BAD = [
    ("LLMQAgeing soon", "LLMQAgeing"),
    ("LLMQAgeing -1s", "LLMQAgeing"),
    ("LLMQAgeing 2d", "LLMQAgeing"),
    ("LLMQMaxTenants 0", "LLMQMaxTenants"),
    ("LLMQMaxTenants 65537", "LLMQMaxTenants"),
    ("LLMQTenantReserve 101", "LLMQTenantReserve"),
    ("LLMQTenantReserve -1", "LLMQTenantReserve"),
    ("LLMQTenantLimit acme", "LLMQTenantLimit"),
    ("LLMQTenantLimit a/b weight=1", "LLMQTenantLimit"),
    ("LLMQTenantLimit acme weight=0", "LLMQTenantLimit"),
    ("LLMQTenantLimit acme weight=1001", "LLMQTenantLimit"),
    ("LLMQTenantLimit acme waiting=0", "LLMQTenantLimit"),
    ("LLMQTenantLimit acme running=x", "LLMQTenantLimit"),
    ("LLMQTenantLimit acme speed=1", "LLMQTenantLimit"),
    ("LLMQDeadline never", "LLMQDeadline"),
    ("LLMQDeadline 1ms", "LLMQDeadline"),
    ("LLMQFairnessCap -1", "LLMQFairnessCap"),
    ("LLMQFairnessCap all", "LLMQFairnessCap"),
    ("LLMQFairnessWeight premium", "LLMQFairnessWeight"),
    ("LLMQFairnessWeight premium 0", "LLMQFairnessWeight"),
    ("LLMQFairnessWeight premium 1001", "LLMQFairnessWeight"),
    ("<Location /x>\nLLMQAgeing 1s\n</Location>", "LLMQAgeing"),
    ("<Location /x>\nLLMQTenantLimit a weight=1\n</Location>", "LLMQTenantLimit"),
    ("<Location /x>\nLLMQTenantReserve 1\n</Location>", "LLMQTenantReserve"),
    ("<Location /x>\nLLMQMaxTenants 1\n</Location>", "LLMQMaxTenants"),
]

GOOD = """
    LLMQAgeing 0
    LLMQMaxTenants 65536
    LLMQTenantReserve 0
    LLMQTenantLimit acme weight=1000 waiting=1 running=10000000
    LLMQTenantLimit other running=1
    LLMQDeadline none
    LLMQFairnessWeight "the batch" 1000
    <Location /api/v1>
        LLMQDeadline 30min
        LLMQFairnessCap 3
        LLMQFairnessWeight premium 5
        LLMQFairnessWeight batch 1
    </Location>
"""


class TestDirectives:
    @pytest.mark.parametrize("text, name", BAD, ids=[bad[0] for bad in BAD])
    def test_bad_value_is_caught(self, idle, text, name):
        idle.refusal(text, name)

    def test_good_values_are_accepted(self, new_server):
        server = new_server("sqlite3", GOOD)
        server.start()
        api = server.new_api()
        api.until_status(api.send("hello")["id"])
