"""Messages that begin later, and the options that a body may carry."""

import datetime
import time

import pytest

from llmq_env.conf import FAKE, OTHERS
from llmq_env.fakellm import Plan
from llmq_env.wait import until

BACKEND = "LLMQRetryDelay 100ms 400ms\n" + FAKE


def moment(seconds, zone="Z"):
    """RFC 3339, so many seconds from now."""
    now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    if zone == "Z":
        return now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return (now + datetime.timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M:%S+02:00")


class TestOptions:
    CONF = "LLMQDispatcher Off\nLLMQMaxTimeout 10min\nLLMQMaxDelay 1h\n"

    @pytest.mark.parametrize("given, shown", [
        (5, "5s"), (0.25, "250ms"), ("90s", "1m30s"), ("10m", "10m0s"), (None, "30s")])
    def test_timeout_is_taken_and_shown(self, api, given, shown):
        assert api.send(timeout=given)["timeout"] == shown

    @pytest.mark.parametrize("given, shown", [(0, 0), (7, 7), (1000, 1000), (None, 3)])
    def test_max_retries_is_taken_and_shown(self, api, given, shown):
        message = api.send(max_retries=given)
        assert message["max_retries"] == shown
        assert api.message(message["id"])["max_retries"] == shown

    @pytest.mark.parametrize("field, value", [
        ("delay", 600), ("delay", "10m"), ("scheduled_at", "Z"), ("scheduled_at", "+02:00")])
    def test_delayed_is_pending_with_scheduled_at(self, api, field, value):
        # A moment is made here: at collection it would be a name that changes with each run.
        message = api.send(**{field: value if field == "delay" else moment(600, value)})
        assert message["status"] == "pending"
        assert message["scheduled_at"] > message["created_at"]
        assert message["scheduled_at"].endswith("Z")
        assert api.message(message["id"])["scheduled_at"] == message["scheduled_at"]

    @pytest.mark.parametrize("field, value", [
        ("delay", 0), ("delay", "0"), ("scheduled_at", "2001-01-01T00:00:00Z"),
        ("delay", None), ("scheduled_at", None)])
    def test_what_is_due_is_not_delayed(self, api, field, value):
        assert "scheduled_at" not in api.send(**{field: value})

    def test_deadline_is_shown(self, api):
        deadline = moment(3000)
        message = api.send(deadline=deadline)
        assert api.message(message["id"])["deadline"] == deadline
        assert "deadline" not in api.send()

    @pytest.mark.parametrize("fields, field", [
        ({"delay": -1}, "delay"), ({"delay": "later"}, "delay"), ({"delay": True}, "delay"),
        ({"delay": 3601}, "delay"), ({"delay": "2h"}, "delay"), ({"delay": 1e300}, "delay"),
        ({"delay": []}, "delay"), ({"scheduled_at": 5}, "scheduled_at"),
        ({"scheduled_at": "2030-13-01T00:00:00Z"}, "scheduled_at"),
        ({"scheduled_at": "9999-01-01T00:00:00Z"}, "scheduled_at"),
        (lambda: {"scheduled_at": moment(60), "delay": 1}, "delay"),
        (lambda: {"deadline": moment(-5)}, "deadline"), ({"deadline": "soon"}, "deadline"),
        (lambda: {"deadline": moment(60), "delay": 600}, "deadline"),
        ({"timeout": 0}, "timeout"), ({"timeout": "99ms"}, "timeout"),
        ({"timeout": "10m1s"}, "timeout"), ({"timeout": "x"}, "timeout"),
        ({"max_retries": -1}, "max_retries"), ({"max_retries": 1001}, "max_retries"),
        ({"max_retries": 1.5}, "max_retries"), ({"max_retries": "3"}, "max_retries")])
    def test_bad_option_is_400_and_stores_nothing(self, api, fields, field):
        if callable(fields):  # a moment: the collection may be long ago
            fields = fields()
        before = api.total()
        answer = api.post("/messages", {"user_id": "u", "content": "c", **fields})
        answer.refuses(400, None, field)
        assert api.total() == before


class TestDelays:
    CONF = BACKEND

    def test_delayed_message_lets_others_pass(self, api, llm):
        late = api.send("late", delay=600, conversation_id="c1")["id"]
        first = api.send("first", conversation_id="c2")["id"]
        assert api.until_status(first)["status"] == "completed"
        assert llm.contents() == ["first"]
        assert api.message(late)["status"] == "pending"
        assert api.delete(f"/messages/{late}").status == 200

    def test_delayed_message_runs_when_it_is_due(self, server, api, llm):
        begun = []

        def note(_):
            begun.append(time.time())
            return Plan()

        llm.default = note
        message_id = api.send("late", delay=1.5)["id"]
        created, due = server.query(
            f"SELECT created_at, run_at FROM llmq_jobs WHERE id = '{message_id}'")[0]
        assert due - created == 1500000
        assert api.until_status(message_id)["status"] == "completed"
        assert llm.contents() == ["late"] and begun[0] * 1000000 >= due

    def test_its_own_timeout_and_retries_hold(self, api, llm):
        llm.default = Plan(silent=True)
        done = api.until_status(api.send(timeout="2s", max_retries=1)["id"])
        assert done["status"] == "timeout" and done["retry_count"] == 1
        llm.until_calls(2)
        assert len(llm.calls) == 2

    def test_restart_keeps_the_moment(self, server, api, llm):
        message = api.send("kept", delay=600)
        server.restart()
        api.close()
        until(lambda: api.level("normal")["size"] == 1, "the backlog to be read again")
        again = api.message(message["id"])
        assert again["status"] == "pending" and again["scheduled_at"] == message["scheduled_at"]
        assert llm.contents() == []
        assert api.delete(f"/messages/{message['id']}").status == 200


class TestDirectives:
    @pytest.mark.parametrize("line", [
        "LLMQMaxDelay -1", "LLMQMaxDelay soon", "LLMQMaxDelay 9000h", "LLMQMaxTimeout 0",
        "LLMQMaxTimeout x", "LLMQMaxTimeout 25h"])
    def test_bad_value_is_caught(self, idle, line):
        idle.refusal(line)

    def test_no_delay_at_all(self, idle, store):
        idle.configure("LLMQMaxDelay 0\nLLMQMaxTimeout 24h\n")
        idle.start()
        api = idle.new_api()
        api.post("/messages", {"user_id": "u", "content": "c", "delay": 1}).refuses(
            400, None, "delay")
        assert api.send(delay=0, timeout="24h")["timeout"] == "24h0m0s"
        idle.stop()


class TestAdministration:
    CONF = BACKEND.replace("100ms 400ms", "60s 60s") + OTHERS
    DELAYED = "/admin/delayed"

    @pytest.fixture(autouse=True)
    def nothing_is_left(self, api):
        yield
        for item in api.get(self.DELAYED).data["items"]:
            assert api.delete(f"{self.DELAYED}/{item['id']}").status == 200

    def ids(self, api, query=""):
        answer = api.get(self.DELAYED + query)
        assert answer.status == 200, answer
        return [item["id"] for item in answer.data["items"]]

    def test_list_is_in_the_order_of_the_moments(self, api):
        late = api.send(delay=900, priority="high", user_id="anne")
        early = api.send(delay=300, priority="low")
        api.until_status(api.send("now")["id"])
        assert self.ids(api) == [early["id"], late["id"]]
        assert self.ids(api, "?priority=high") == [late["id"]]
        assert self.ids(api, "?before=10m") == [early["id"]]
        assert self.ids(api, f"?before={late['scheduled_at']}") == [early["id"]]
        assert self.ids(api, "?before=1m") == []
        answer = api.get(self.DELAYED + "?page=2&page_size=1").data
        assert answer["pagination"] == {"page": 2, "page_size": 1, "total": 2, "total_pages": 2}
        item, = answer["items"]
        assert item["user_id"] == "anne" and item["priority"] == "high"
        assert item["scheduled_at"] == late["scheduled_at"] and item["status"] == "pending"

    def test_what_waits_for_a_retry_is_delayed_too(self, api, llm):
        llm.default = Plan(status=500)
        message_id = api.send("busy")["id"]
        until(lambda: self.ids(api) == [message_id], "the retry to be planned")
        llm.default = Plan()
        answer = api.post(f"{self.DELAYED}/{message_id}/run-now")
        assert answer.status == 200 and answer.data["status"] == "pending"
        api.until_status(message_id, "completed")

    def test_run_now(self, api, llm):
        message_id = api.send("early bird", delay=600, conversation_id="c")["id"]
        behind = api.send("behind it", conversation_id="c")["id"]
        answer = api.post(f"{self.DELAYED}/{message_id}/run-now")
        assert answer.status == 200 and answer.data["id"] == message_id
        assert api.until_status(message_id)["status"] == "completed"
        assert api.until_status(behind)["status"] == "completed"
        assert llm.contents() == ["early bird", "behind it"]
        assert self.ids(api) == []
        api.post(f"{self.DELAYED}/{message_id}/run-now").refuses(400, None, "id")

    def test_removed_one_never_runs(self, api, llm):
        message_id = api.send("never", delay=600)["id"]
        assert api.delete(f"{self.DELAYED}/{message_id}").status == 200
        api.get(f"/messages/{message_id}").refuses(404, 1004)
        api.delete(f"{self.DELAYED}/{message_id}").refuses(404, 1004)
        until(lambda: api.level("normal")["size"] == 0, "its place to be free")
        done = api.until_status(api.send("done")["id"])["id"]
        api.delete(f"{self.DELAYED}/{done}").refuses(400, None, "id")
        assert llm.contents() == ["done"]

    @pytest.mark.parametrize("query, code, field", [
        ("priority=urgent", 1003, "priority"), ("before=later", None, "before"),
        ("page=0", None, "page"), ("level=high", None, "level"), ("since=1h", None, "since")])
    def test_bad_filter_is_400(self, api, query, code, field):
        api.get(f"{self.DELAYED}?{query}").refuses(400, code, field)

    def test_other_tenants_and_strangers(self, server, api):
        message_id = api.send(delay=600)["id"]
        other = server.new_api("/other")
        assert self.ids(other) == []
        other.delete(f"{self.DELAYED}/{message_id}").refuses(404, 1004)
        other.post(f"{self.DELAYED}/{message_id}/run-now").refuses(404, 1004)
        for unknown in ("msg_00000000000000000000000000", "a%20b"):
            api.post(f"{self.DELAYED}/{unknown}/run-now").refuses(404, 1004)
        stranger = server.new_api("/open")
        stranger.get(self.DELAYED).refuses(403)
        stranger.delete(f"{self.DELAYED}/{message_id}").refuses(403)
        stranger.post(f"{self.DELAYED}/{message_id}/run-now").refuses(403)
        assert self.ids(api) == [message_id]
