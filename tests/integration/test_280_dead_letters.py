"""Dead letters: what was given up on is listed, sent back or removed, by who may."""

import contextlib
from datetime import datetime, timedelta

import pytest

from llmq_env.conf import FAKE, OTHERS
from llmq_env.fakellm import Plan
from llmq_env.wait import until

BACKEND = "LLMQRetryDelay 100ms 200ms\n" + FAKE
DEAD = "/admin/dead-letter"
UNKNOWN = "msg_00000000000000000000000000"


def kill(api, llm, content="doomed", status=400, **fields):
    """A message that the backend refuses for good; its id."""
    before = llm.default
    llm.default = Plan(status=status)
    message_id = api.send(content, max_retries=0, **fields)["id"]
    assert api.until_status(message_id)["metadata"]["dead_letter"] is True
    llm.default = before
    return message_id


@contextlib.contextmanager
def paused(api, level="normal"):
    """Nothing of the level begins."""
    assert api.post(f"/admin/queues/{level}/pause").status == 200
    try:
        yield
    finally:
        assert api.post(f"/admin/queues/{level}/resume").status == 200


def listed(api, query=""):
    answer = api.get(DEAD + query)
    assert answer.status == 200, answer
    return [item["id"] for item in answer.data["items"]]


@pytest.fixture(autouse=True)
def nobody_is_dead(api):
    yield
    assert api.delete(DEAD + "?confirm=all").status == 200


class TestList:
    CONF = BACKEND

    def test_only_what_was_given_up_on_is_listed(self, api, llm):
        alive = api.send("alive")["id"]
        api.until_status(alive, "completed")
        by_hand = api.send("by hand", delay=600)["id"]
        assert api.set_status(by_hand, "failed").status == 200
        refused = kill(api, llm)
        exhausted = kill(api, llm, status=500)
        assert listed(api) == [exhausted, refused]
        assert listed(api, "?order=asc") == [refused, exhausted]
        item = api.get(DEAD).data["items"][1]
        assert item["content"] == "doomed" and item["status"] == "failed"
        assert item["error"]["http_status"] == 400
        assert item == api.message(refused) == api.get(f"{DEAD}/{refused}").data

    def test_filters(self, api, llm):
        a = kill(api, llm, priority="high", user_id="anne", conversation_id="c1")
        b = kill(api, llm, priority="low", user_id="bob", conversation_id="c1", status=404)
        c = kill(api, llm, priority="low", user_id="anne", conversation_id="c2", status=501)
        for query, wanted in (("priority=high", [a]), ("priority=low", [c, b]),
                              ("user_id=anne", [c, a]), ("conversation_id=c1", [b, a]),
                              ("kind=message", [c, b, a]), ("error=404", [b]),
                              ("error=%25", []), ("error=answered%20http%20501", [c]),
                              ("error=%22", []),
                              ("since=1h", [c, b, a]), ("since=2001-01-01T00:00:00Z", [c, b, a]),
                              ("since=0s", []), ("since=2999-01-01T00:00:00Z", []),
                              ("priority=low&user_id=bob", [b]), ("user_id=nobody", [])):
            assert listed(api, "?" + query) == wanted, query

    def test_pages(self, api, llm):
        ids = [kill(api, llm) for _ in range(3)]
        answer = api.get(DEAD + "?page=2&page_size=2&order=asc")
        assert [item["id"] for item in answer.data["items"]] == ids[2:]
        assert answer.data["pagination"] == {"page": 2, "page_size": 2, "total": 3,
                                             "total_pages": 2}
        assert listed(api, "?page=9") == []

    @pytest.mark.parametrize("query, code, field", [
        ("priority=urgent", 1003, "priority"), ("kind=tasks", None, "kind"),
        ("since=yesterday", None, "since"), ("since=-1h", None, "since"),
        ("order=up", None, "order"), ("page=0", None, "page"), ("page=x", None, "page"),
        ("page_size=-1", None, "page_size"), ("status=failed", None, "status"),
        ("Priority=high", None, "Priority"), ("rate=5", None, "rate"),
        ("user=anne", None, "user")])
    def test_bad_filter_is_400(self, api, query, code, field):
        api.get(f"{DEAD}?{query}").refuses(400, code, field)

    def test_unknown_id_is_1004_and_a_living_one_400(self, api, llm):
        alive = api.send("alive", delay=600)["id"]
        for method, path in (("GET", f"{DEAD}/%s"), ("DELETE", f"{DEAD}/%s"),
                             ("POST", f"{DEAD}/requeue/%s")):
            for unknown in (UNKNOWN, "x", "%27%3B--", "a" * 500):
                api.call(method, path % unknown).refuses(404, 1004)
            api.call(method, path % alive).refuses(400, None, "id")
        assert api.message(alive)["status"] == "pending"
        api.delete(f"/messages/{alive}")


class TestReturn:
    CONF = BACKEND

    def test_requeued_message_runs_again_from_the_beginning(self, api, llm):
        message_id = kill(api, llm, status=500, priority="low")
        before = api.level("low")["total_processed"]
        answer = api.post(f"{DEAD}/requeue/{message_id}")
        assert answer.status == 200 and answer.data == {"id": message_id, "status": "pending"}
        done = api.until_status(message_id)
        assert done["status"] == "completed" and done["result"]["content"] == "answer to doomed"
        assert done["retry_count"] == 0 and done["priority"] == "low"
        assert "dead_letter" not in done["metadata"] and "error" not in done
        until(lambda: api.level("low")["total_processed"] == before + 1, "it to be counted")
        assert listed(api) == []
        api.post(f"{DEAD}/requeue/{message_id}").refuses(400, None, "id")

    def test_it_may_die_again(self, api, llm):
        message_id = kill(api, llm)
        llm.default = Plan(status=400)
        api.post(f"{DEAD}/requeue/{message_id}")
        until(lambda: listed(api) == [message_id], "it to be dead again")
        assert len(llm.calls) == 2

    def test_all_that_match_come_back(self, api, llm):
        high = [kill(api, llm, priority="high") for _ in range(2)]
        low = [kill(api, llm, priority="low") for _ in range(3)]
        answer = api.post(f"{DEAD}/requeue-all?priority=low&rate=1000")
        assert answer.status == 200, answer
        assert answer.data["requeued"] == 3 and answer.data["remaining"] == 0
        assert answer.data["rate"] == 1000 and answer.data["last_at"]
        for message_id in low:
            assert api.until_status(message_id)["status"] == "completed"
        assert sorted(listed(api)) == sorted(high)
        answer = api.post(f"{DEAD}/requeue-all", {"user_id": "user_1", "rate": 10000})
        assert answer.data["requeued"] == 2
        for message_id in high:
            assert api.until_status(message_id)["status"] == "completed"
        assert api.post(f"{DEAD}/requeue-all").data == {"requeued": 0, "remaining": 0,
                                                        "rate": 100}

    def test_rate_spreads_them(self, api, llm):
        ids = [kill(api, llm) for _ in range(3)]
        with paused(api):
            api.post(f"{DEAD}/requeue-all", {"rate": 1})
            messages = [api.message(message_id) for message_id in ids]
            assert {message["status"] for message in messages} == {"pending"}
            due = sorted(datetime.fromisoformat(message["scheduled_at"].replace("Z", "+00:00"))
                         for message in messages)
            assert [b - a for a, b in zip(due, due[1:])] == [timedelta(seconds=1)] * 2
        for message_id in ids:
            api.until_status(message_id, "completed")

    @pytest.mark.parametrize("body, field", [
        ({"rate": 0}, "rate"), ({"rate": 10001}, "rate"), ({"rate": "fast"}, "rate"),
        ({"rate": 1.5}, "rate"), ({"rate": -1}, "rate"), ({"priority": None}, "priority"),
        ({"status": "failed"}, "status"), ({"since": "?"}, "since"), ({"kind": "run"}, "kind"),
        ({"error": ["x"]}, "error"), ([], None), ("text", None)])
    def test_bad_body_is_400_and_requeues_nothing(self, api, llm, body, field):
        message_id = kill(api, llm)
        answer = api.post(f"{DEAD}/requeue-all", body,
                          headers={"Content-Type": "application/json"})
        answer.refuses(400, None, field)
        assert listed(api) == [message_id]

    def test_bad_priority_is_1003(self, api):
        api.post(f"{DEAD}/requeue-all", {"priority": "urgent"}).refuses(400, 1003, "priority")
        api.post(f"{DEAD}/requeue-all?rate=0").refuses(400, None, "rate")
        api.post(f"{DEAD}/requeue-all", b"{", headers={"Content-Type": "application/json"}
                 ).refuses(400)
        api.post(f"{DEAD}/requeue-all", b"{}", headers={"Content-Type": "text/plain"}
                 ).refuses(415)


class TestRemoval:
    CONF = BACKEND

    def test_one(self, api, llm):
        first, second = kill(api, llm), kill(api, llm)
        assert api.delete(f"{DEAD}/{first}").status == 200
        assert listed(api) == [second]
        api.get(f"/messages/{first}").refuses(404, 1004)
        api.delete(f"{DEAD}/{first}").refuses(404, 1004)

    def test_all_wants_a_confirmation(self, api, llm):
        low = kill(api, llm, priority="low")
        high = kill(api, llm, priority="high")
        for query in ("", "?priority=low", "?confirm=yes", "?confirm="):
            api.delete(DEAD + query).refuses(400, None, "confirm")
        api.delete(DEAD + "?confirm=all&prio=low").refuses(400, None, "prio")
        assert listed(api) == [high, low]
        answer = api.delete(DEAD + "?priority=low&confirm=all")
        assert answer.status == 200 and answer.data == {"deleted": 1, "remaining": 0}
        assert listed(api) == [high]
        assert api.delete(DEAD + "?confirm=all").data["deleted"] == 1
        assert listed(api) == []


class TestFullLevel:
    CONF = BACKEND + "LLMQQueueSize low 2\n"

    def test_what_does_not_fit_stays_dead(self, api, llm):
        dead = [kill(api, llm, priority="low") for _ in range(3)]
        high = kill(api, llm, priority="high")
        blocks = [api.send("block", priority="low", delay=600)["id"] for _ in range(2)]
        api.post(f"{DEAD}/requeue/{dead[0]}").refuses(503, 1007)
        answer = api.post(f"{DEAD}/requeue-all?rate=10000")
        assert answer.data["requeued"] == 1 and answer.data["remaining"] == 3
        api.until_status(high, "completed")
        assert sorted(listed(api)) == sorted(dead)
        api.delete(f"/messages/{blocks[0]}")
        assert api.post(f"{DEAD}/requeue/{dead[0]}").status == 200
        api.until_status(dead[0], "completed")
        api.delete(f"/messages/{blocks[1]}")
        # Two places are free, two are left.
        answer = api.post(f"{DEAD}/requeue-all?rate=10000")
        assert answer.data["requeued"] == 2 and answer.data["remaining"] == 0
        for message_id in dead:
            api.until_status(message_id, "completed")


class TestTenants:
    CONF = BACKEND + OTHERS

    def test_no_tenant_sees_or_touches_anothers(self, server, api, llm):
        message_id = kill(api, llm)
        other = server.new_api("/other")
        assert listed(other) == []
        other.get(f"{DEAD}/{message_id}").refuses(404, 1004)
        other.delete(f"{DEAD}/{message_id}").refuses(404, 1004)
        other.post(f"{DEAD}/requeue/{message_id}").refuses(404, 1004)
        assert other.post(f"{DEAD}/requeue-all").data["requeued"] == 0
        assert other.delete(DEAD + "?confirm=all").data["deleted"] == 0
        assert listed(api) == [message_id]

    @pytest.mark.parametrize("method, path", [
        ("GET", DEAD), ("GET", f"{DEAD}/{UNKNOWN}"), ("POST", f"{DEAD}/requeue/{UNKNOWN}"),
        ("POST", f"{DEAD}/requeue-all"), ("DELETE", DEAD + "?confirm=all"),
        ("DELETE", f"{DEAD}/{UNKNOWN}")])
    def test_only_who_may_administrate(self, server, method, path):
        server.new_api("/open").call(method, path).refuses(403)
