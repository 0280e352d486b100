"""Two nodes over one PostgreSQL: what is used at one counts at the other."""

import concurrent.futures

import pytest

from llmq_env.conf import FAKE, mounts
from llmq_env.fakellm import Plan
from llmq_env.wait import until

pytestmark = pytest.mark.usefixtures("within_a_day")

# What a node says that was killed and starts again, and what the other one says.
KILLED = ("AH00098",)
ADOPTED = ("LLMQ0411",)

CONF = FAKE + mounts(
    ten="LLMQLimit requests 10/day", tokens="LLMQLimit tokens 1000/day",
    busy="LLMQLimit concurrency 2", crowd="LLMQLimit requests 40/day",
    line="LLMQLimit requests 20/day over=queue", few="LLMQLimit concurrency 10",
    turns="LLMQLimit concurrency 3 over=queue")


def post(api, user, content="Hello"):
    return api.post("/messages", {"user_id": user, "content": content})


def left(answer, of="requests"):
    return int(answer.headers[f"x-ratelimit-remaining-{of}"])


@pytest.fixture(scope="class")
def nodes(request, cluster, llm, new_server):
    dsn = cluster.new_database()
    made = []
    for _ in range(2):
        server = new_server("pgsql", request.cls.CONF.replace("{llm}", llm.url), dsn=dsn)
        server.start()
        made.append(server)
    return made


def crowd(nodes, base, n, user):
    """Each node is sent n messages by ten threads: their answers."""
    def one(i):
        api = nodes[i % 2].new_api(base)
        answer = post(api, user, "of a crowd")
        api.close()
        return answer

    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        return list(pool.map(one, range(2 * n)))


class TestCrowds:
    """What is documented of several nodes, with callers of all of them at the same time."""

    CONF = CONF

    def test_requests(self, nodes):
        got = [answer.status for answer in crowd(nodes, "/crowd", 100, "gil")]
        assert set(got) == {201, 429}
        # Exact of each node; of two, twice the limit at most.
        assert 40 <= got.count(201) <= 80

    def test_who_queues_is_accepted_and_spread_over_windows(self, nodes):
        got = crowd(nodes, "/line", 40, "hal")
        assert [answer.status for answer in got] == [201] * 80
        now = [answer for answer in got if "scheduled_at" not in answer.data]
        assert 20 <= len(now) <= 40
        assert all(answer.data["scheduled_at"].endswith("T00:00:00Z")
                   for answer in got if answer not in now)

    def test_concurrency(self, nodes, llm):
        llm.hold()
        got = crowd(nodes, "/few", 50, "ida")
        kept = [answer.data["id"] for answer in got if answer.status == 201]
        assert {answer.status for answer in got} == {201, 429}
        # Two nodes may count at the same moment, neither seeing what the other is committing.
        assert 10 <= len(kept) <= 20
        assert post(nodes[0].new_api("/few"), "ida").status == 429
        llm.release()
        for message_id in kept:
            nodes[0].new_api("/few").until_status(message_id, "completed")
        assert post(nodes[1].new_api("/few"), "ida").status == 201

    def test_turns(self, nodes, llm):
        llm.hold()
        got = crowd(nodes, "/turns", 10, "jan")
        assert [answer.status for answer in got] == [201] * 20
        until(lambda: llm.contents().count("of a crowd") >= 6, "three of each node")
        assert llm.contents().count("of a crowd") == 6
        llm.release()
        for answer in got:
            nodes[0].new_api("/turns").until_status(answer.data["id"], "completed")


class TestTwoNodes:
    CONF = CONF

    def test_what_one_accepts_the_other_hears(self, nodes):
        one, two = (node.new_api("/ten") for node in nodes)
        for _ in range(4):
            assert post(one, "anne").status == 201
        assert post(two, "anne").status == 201
        # It was told when it first saw her, or hears of it within a second.
        until(lambda: post(two, "anne").status == 429, "the other's are counted")
        until(lambda: post(one, "anne").status == 429, "they are counted here, too")
        # The documented bound: of two nodes, twice the limit at most.
        assert 10 <= one.total("&user_id=anne") <= 20

    def test_tokens_are_heard_of_after_they_were_used(self, nodes, llm):
        one, two = (node.new_api("/tokens") for node in nodes)
        assert left(post(two, "bob", "x"), "tokens") > 900
        llm.default = Plan(usage=(400, 400))
        answer = post(one, "bob", "x")
        one.until_status(answer.data["id"], "completed")
        until(lambda: left(post(two, "bob", "x" * 8000), "tokens") < 200, "they are heard of")

    def test_concurrency_is_of_both(self, nodes, llm):
        one, two = (node.new_api("/busy") for node in nodes)
        llm.hold()
        ids = [post(api, "carol").data["id"] for api in (one, two)]
        assert post(one, "carol").status == 429
        assert post(two, "carol").status == 429
        llm.release()
        for message_id in ids:
            one.until_status(message_id, "completed")
        assert post(two, "carol").status == 201


class TestDeaths:
    """Where none dies, none may be given up for dead, however slow the machine."""

    CONF = "LLMQNodeTimeout 6s\n" + CONF

    def test_a_node_that_is_killed_finds_what_it_had_told(self, nodes):
        one = nodes[0].new_api("/ten")
        for _ in range(3):
            assert post(one, "dora").status == 201
        until(lambda: nodes[0].query("SELECT 1 FROM llmq_limits WHERE used = 3"), "it was told")
        nodes[0].log.expect(*KILLED)
        nodes[1].log.expect(*ADOPTED)
        nodes[0].kill()
        nodes[0].start()
        assert left(post(one, "dora")) == 10 - 4

    def test_the_places_of_a_node_that_is_killed_become_free(self, nodes, llm):
        nodes[0].log.expect(*KILLED)
        nodes[1].log.expect(*ADOPTED)
        one, two = (node.new_api("/busy") for node in nodes)
        llm.hold()
        ids = [post(one, "erin", "of the dead").data["id"] for _ in range(2)]
        until(lambda: llm.contents().count("of the dead") == 2, "both are under way")
        assert post(two, "erin").status == 429
        nodes[0].kill()
        llm.release()
        # Whoever lives adopts and ends them, so nobody need come back for their places.
        until(lambda: post(two, "erin").status == 201, "there is room")
        for message_id in ids:
            two.until_status(message_id, "completed")
        nodes[0].start()
