"""S0 section 3 and S1: conversations, made by a call or by their first message."""

import datetime

import pytest

from llmq_env.conf import mounts
from llmq_env.wait import until

STATES = ("active", "inactive", "completed", "archived")
MEMBERS = {"id", "user_id", "title", "context", "status", "state", "priority", "created_at",
           "updated_at", "last_active_at", "expires_at", "message_count", "metadata"}
SAMPLE = {"user_id": "user_789", "title": "技术咨询对话",
          "context": "用户询问关于API使用的问题", "priority": "normal",
          "metadata": {"source": "web", "category": "technical_support"}}


def create(api, **fields):
    answer = api.post("/conversations", {"user_id": "user_1", **fields})
    assert answer.status == 201, answer
    return answer.data


def look(api, name):
    answer = api.get(f"/conversations/{name}")
    assert answer.status == 200, answer
    return answer.data


def listed(api, query=""):
    answer = api.get(f"/conversations?{query}")
    assert answer.status == 200, answer
    return answer.data


def when(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


class TestConversations:
    CONF = "LLMQDispatcher Off\n" + mounts(
        other="LLMQTenant other", closed="LLMQTenant closed\nLLMQConversationAutoCreate Off",
        small="LLMQTenant small\nLLMQMaxTitle 5\nLLMQMaxContext 7\nLLMQConversationTTL 1h")

    def test_created_as_the_sample(self, api):
        answer = api.post("/conversations", SAMPLE)
        assert answer.status == 201
        assert answer.json["message"] == "Conversation created successfully"
        made = answer.data
        assert MEMBERS <= set(made)
        assert {name: made[name] for name in SAMPLE} == SAMPLE
        assert made["id"].startswith("conv_") and made["status"] == made["state"] == "active"
        assert made["created_at"] == made["updated_at"] == made["last_active_at"]
        assert when(made["expires_at"]) - when(made["created_at"]) == datetime.timedelta(days=15)
        assert answer.headers["location"] == f"/api/v1/conversations/{made['id']}"
        got = api.get(f"/conversations/{made['id']}")
        assert got.json["message"] == "success" and got.data == made
        assert got.data["message_count"] == 0

    def test_only_a_user_is_needed(self, api):
        made = create(api)
        assert (made["title"], made["context"], made["metadata"]) == ("", "", {})
        assert (made["priority"], made["state"]) == ("normal", "active")

    def test_id_may_be_chosen_once(self, api):
        assert create(api, id="my:own.conv-1", title="first")["id"] == "my:own.conv-1"
        api.post("/conversations", {"user_id": "u", "id": "my:own.conv-1"}).refuses(409, None, "id")
        assert look(api, "my:own.conv-1")["title"] == "first"

    @pytest.mark.parametrize("value", ["low", "realtime", 2])
    def test_priority_by_word_and_number(self, api, value):
        made = create(api, priority=value)
        assert made["priority"] == ("high" if value == 2 else value)

    @pytest.mark.parametrize("body, code, field", [
        ([], None, None), (1, None, None), ("x", None, None), ({}, 1006, "user_id"),
        ({"user_id": ""}, 1006, "user_id"), ({"user_id": "   "}, 1006, "user_id"),
        ({"user_id": 7}, 1006, "user_id"), ({"user_id": "x" * 129}, 1006, "user_id"),
        ({"user_id": "a\nb"}, 1006, "user_id"),
        ({"user_id": "u", "priority": "urgent"}, 1003, "priority"),
        ({"user_id": "u", "priority": 0}, 1003, "priority"),
        ({"user_id": "u", "priority": []}, 1003, "priority"),
        ({"user_id": "u", "title": 1}, None, "title"),
        ({"user_id": "u", "title": "x" * 513}, None, "title"),
        ({"user_id": "u", "context": {}}, None, "context"),
        ({"user_id": "u", "context": "x" * 65537}, None, "context"),
        ({"user_id": "u", "metadata": []}, None, "metadata"),
        ({"user_id": "u", "metadata": "x"}, None, "metadata"),
        ({"user_id": "u", "id": ""}, None, "id"), ({"user_id": "u", "id": "a b"}, None, "id"),
        ({"user_id": "u", "id": "x" * 129}, None, "id"), ({"user_id": "u", "id": 5}, None, "id"),
        ({"user_id": "u", "id": "'; --"}, None, "id")])
    def test_bad_body_is_400(self, api, body, code, field):
        before = listed(api)["pagination"]["total"]
        api.post("/conversations", body).refuses(400, code, field)
        assert listed(api)["pagination"]["total"] == before

    @pytest.mark.parametrize("body", [b"", b"{", b'{"user_id":"u",}', b'{"user_id":"\xff"}',
                                      b'{"user_id":"u","title":"\x01"}',
                                      b'{"user_id":"u","title":"\\u0000"}'])
    def test_broken_json_is_400(self, api, body):
        api.post("/conversations", body,
                 headers={"Content-Type": "application/json"}).refuses(400)
        api.put("/conversations/any", body,
                headers={"Content-Type": "application/json"}).refuses(400)

    def test_limits_are_those_of_the_location(self, server):
        small = server.new_api("/small")
        made = create(small, title="12345", context="1234567")
        assert when(made["expires_at"]) - when(made["created_at"]) == datetime.timedelta(hours=1)
        small.post("/conversations", {"user_id": "u", "title": "123456"}).refuses(
            400, None, "title")
        small.put(f"/conversations/{made['id']}", {"context": "12345678"}).refuses(
            400, None, "context")

    def test_texts_come_back_to_the_letter(self, api):
        text = "'; DROP TABLE llmq_conversations; -- \\ \" %s 世界 \U0001f600 \n\t\x7f"
        made = create(api, title=text, context=text, metadata={text: [text]})
        got = look(api, made["id"])
        assert got["title"] == got["context"] == text and got["metadata"] == {text: [text]}

    def test_update_as_the_sample(self, api):
        made = create(api, metadata={"source": "web", "deep": {"a": 1, "b": 2}})
        body = {"state": "completed", "title": "已完成的技术咨询",
                "context": "问题已解决，用户满意",
                "metadata": {"resolution": "问题已解决", "satisfaction_score": 5,
                             "deep": {"a": 3}}}
        answer = api.put(f"/conversations/{made['id']}", body)
        assert answer.status == 200
        assert answer.json["message"] == "Conversation updated successfully"
        assert {"id", "state", "title", "updated_at"} <= set(answer.data)
        got = look(api, made["id"])
        assert got["state"] == got["status"] == "completed" and got["title"] == body["title"]
        assert got["context"] == body["context"]
        assert got["metadata"] == {"source": "web", **body["metadata"]}
        assert got["last_active_at"] == made["last_active_at"]
        assert got["expires_at"] == made["expires_at"]

    @pytest.mark.parametrize("name", ["state", "status"])
    @pytest.mark.parametrize("state", STATES)
    def test_any_state_may_follow(self, api, name, state):
        made = create(api, title="stays")
        for word in (*STATES, state):
            assert api.put(f"/conversations/{made['id']}", {name: word}).data["state"] == word
        assert look(api, made["id"])["title"] == "stays"

    def test_state_alias_says_updated(self, api):
        made = create(api)
        answer = api.put(f"/conversations/{made['id']}/state", {"state": "archived"})
        assert answer.status == 200 and answer.data == {"status": "updated"}
        assert look(api, made["id"])["state"] == "archived"
        api.put(f"/conversations/{made['id']}/state", {"status": "inactive"})
        assert look(api, made["id"])["state"] == "inactive"
        for body in ({}, {"state": None}, {"title": "x"}):
            api.put(f"/conversations/{made['id']}/state", body).refuses(400, None, "state")

    def test_empty_update_changes_nothing(self, api):
        made = create(api)
        for body in ({}, {"title": None, "state": None}, {"user_id": "x", "priority": "low"}):
            assert api.put(f"/conversations/{made['id']}", body).data == made

    @pytest.mark.parametrize("body, field", [
        ([], None), ({"state": "open"}, "state"), ({"state": "ACTIVE"}, "state"),
        ({"state": 1}, "state"), ({"state": ""}, "state"), ({"status": "done"}, "status"),
        ({"state": "active", "status": "archived"}, "status"), ({"title": []}, "title"),
        ({"title": "x" * 513}, "title"), ({"context": 1}, "context"),
        ({"metadata": "x"}, "metadata"), ({"metadata": [1]}, "metadata")])
    def test_bad_update_is_400(self, api, body, field):
        made = create(api)
        api.put(f"/conversations/{made['id']}", body).refuses(400, None, field)
        assert look(api, made["id"]) == made

    @pytest.mark.parametrize("name", ["conv_nothing", "x" * 129, "a%20b", "%27%3B--", "%E4%B8%96"])
    def test_unknown_is_1005(self, api, name):
        api.get(f"/conversations/{name}").refuses(404, 1005)
        api.put(f"/conversations/{name}", {"title": "x"}).refuses(404, 1005)
        api.put(f"/conversations/{name}", {}).refuses(404, 1005)
        api.put(f"/conversations/{name}/state", {"state": "active"}).refuses(404, 1005)
        api.delete(f"/conversations/{name}").refuses(404, 1005)
        api.get(f"/conversations/{name}/messages").refuses(404, 1005)
        api.post(f"/conversations/{name}/messages", {"user_id": "u", "content": "c"}).refuses(
            404, 1005)

    def test_of_another_tenant_is_1005(self, server, api):
        made = create(api, id="conv_tenant")
        other = server.new_api("/other")
        other.get("/conversations/conv_tenant").refuses(404, 1005)
        other.put("/conversations/conv_tenant", {"title": "x"}).refuses(404, 1005)
        other.delete("/conversations/conv_tenant").refuses(404, 1005)
        other.get("/conversations/conv_tenant/messages").refuses(404, 1005)
        other.post("/conversations/conv_tenant/messages", {"content": "c"}).refuses(404, 1005)
        assert "conv_tenant" not in [c["id"] for c in listed(other)["conversations"]]
        assert create(other, id="conv_tenant", title="theirs")["title"] == "theirs"
        other.send("theirs", conversation_id="conv_tenant")
        assert look(api, "conv_tenant") == made

    def test_first_message_begins_it(self, api):
        sent = api.send("one", conversation_id="conv_first", user_id="user_a", priority="low")
        got = look(api, "conv_first")
        assert (got["user_id"], got["priority"], got["state"]) == ("user_a", "normal", "active")
        assert (got["title"], got["metadata"], got["message_count"]) == ("", {}, 1)
        assert got["last_active_at"] == sent["created_at"]
        api.send("two", conversation_id="conv_first", user_id="user_b")
        got = look(api, "conv_first")
        assert (got["user_id"], got["message_count"]) == ("user_a", 2)
        alone = api.send("alone")
        assert look(api, alone["conversation_id"])["message_count"] == 1

    @pytest.mark.parametrize("state", STATES)
    def test_message_makes_it_active(self, api, state):
        made = create(api, title="kept")
        api.put(f"/conversations/{made['id']}", {"state": state})
        api.send("again", conversation_id=made["id"])
        got = look(api, made["id"])
        assert (got["state"], got["title"], got["message_count"]) == ("active", "kept", 1)

    def test_message_inherits_user_and_priority(self, api):
        made = create(api, user_id="owner", priority="high")
        answer = api.post(f"/conversations/{made['id']}/messages", {"content": "Hello"})
        assert answer.status == 201 and answer.json["message"] == "Message created successfully"
        assert answer.data["user_id"] == "owner" and answer.data["priority"] == "high"
        assert answer.data["conversation_id"] == made["id"]
        assert answer.headers["location"] == f"/api/v1/messages/{answer.data['id']}"
        assert api.message(answer.data["id"])["user_id"] == "owner"
        answer = api.post(f"/conversations/{made['id']}/messages",
                          {"content": "c", "user_id": "guest", "priority": "low",
                           "conversation_id": "conv_elsewhere"})
        assert (answer.data["user_id"], answer.data["priority"]) == ("guest", "low")
        assert answer.data["conversation_id"] == made["id"]
        assert look(api, made["id"])["message_count"] == 2

    def test_bad_message_leaves_it_alone(self, api):
        made = create(api)
        path = f"/conversations/{made['id']}/messages"
        api.post(path, {}).refuses(400, 1001, "content")
        api.post(path, {"content": "c", "user_id": 1}).refuses(400, 1006, "user_id")
        api.post(path, {"content": "c", "priority": "x"}).refuses(400, 1003, "priority")
        api.post(path, {"content": "c", "conversation_id": 1}).refuses(400, None, "conversation_id")
        assert look(api, made["id"]) == made

    def test_its_messages_are_listed(self, api):
        made = create(api)
        sent = [api.send(f"m{i}", conversation_id=made["id"], user_id=f"u{i % 2}")["id"]
                for i in range(5)]
        api.send("elsewhere")
        data = api.get(f"/conversations/{made['id']}/messages?order=asc&page_size=2").data
        assert [m["id"] for m in data["messages"]] == sent[:2]
        assert data["pagination"] == {"page": 1, "page_size": 2, "total": 5, "total_pages": 3}
        data = api.get(f"/conversations/{made['id']}/messages?user_id=u1&conversation_id=x").data
        assert {m["id"] for m in data["messages"]} == {sent[1], sent[3]}
        api.get(f"/conversations/{made['id']}/messages?sort=x").refuses(400, None, "sort")

    def test_must_exist_where_nothing_is_made_by_itself(self, server):
        closed = server.new_api("/closed")
        closed.post("/messages", {"user_id": "u", "content": "c",
                                  "conversation_id": "conv_closed"}).refuses(404, 1005)
        assert closed.total() == 0
        create(closed, id="conv_closed")
        closed.send("now", conversation_id="conv_closed")
        assert closed.send("a new one")["conversation_id"].startswith("conv_")
        assert closed.total() == 2

    def test_deleted_with_its_messages(self, api):
        made = create(api)
        kept = api.send("elsewhere")
        sent = [api.send(f"m{i}", conversation_id=made["id"])["id"] for i in range(3)]
        api.set_status(sent[0], "processing")
        api.set_status(sent[0], "completed", result="done")
        before = api.level("normal")["size"]
        answer = api.delete(f"/conversations/{made['id']}")
        assert answer.status == 200 and answer.data is None
        assert answer.json["message"] == "Conversation deleted successfully"
        assert api.level("normal")["size"] == before - 2
        for name in sent:
            api.get(f"/messages/{name}").refuses(404, 1004)
        api.get(f"/conversations/{made['id']}").refuses(404, 1005)
        api.delete(f"/conversations/{made['id']}").refuses(404, 1005)
        assert made["id"] not in [c["id"] for c in listed(api, "page_size=100")["conversations"]]
        assert api.message(kept["id"])["status"] == "pending"
        # A message begins it anew, without what was.
        api.send("anew", conversation_id=made["id"], user_id="somebody")
        got = look(api, made["id"])
        assert (got["user_id"], got["message_count"]) == ("somebody", 1)

    def test_repeated_request_makes_one(self, api):
        first = api.post("/conversations", SAMPLE, headers={"Idempotency-Key": "conv-key"})
        again = api.post("/conversations", SAMPLE, headers={"Idempotency-Key": "conv-key"})
        assert first.status == again.status == 201 and first.data["id"] == again.data["id"]
        assert again.headers["idempotent-replayed"] == "true"

    def test_wrong_method_is_405(self, api):
        for path, allow in (("/conversations", "GET, HEAD, POST"), ("/conversations/x", "DELETE"),
                            ("/conversations/x/state", "PUT"),
                            ("/conversations/x/messages", "POST")):
            answer = api.call("PATCH", path, {}).refuses(405)
            assert set(allow.split(", ")) <= set(answer.headers["allow"].split(", "))


class TestLists:
    """Twelve conversations: three users, four priorities, four states in turn."""

    CONF = "LLMQDispatcher Off\n"
    LEVELS = ("realtime", "high", "normal", "low")

    @pytest.fixture(scope="class", autouse=True)
    def conversations(self, server):
        api = server.new_api()
        made = [create(api, title=f"c{i}", user_id=f"user_{i % 3}", priority=self.LEVELS[i % 4])
                for i in range(12)]
        for i, item in enumerate(made):
            if i % 4:
                api.put(f"/conversations/{item['id']}", {"state": STATES[i % 4]})
        for i in (3, 3, 5):
            api.send("x", conversation_id=made[i]["id"])
        return made

    def test_default_is_newest_first(self, api, conversations):
        data = listed(api)
        assert [c["title"] for c in data["conversations"]] == [f"c{i}" for i in range(11, -1, -1)]
        assert data["pagination"] == {"page": 1, "page_size": 20, "total": 12, "total_pages": 1}

    def test_items_are_whole_and_count_messages(self, api, conversations):
        items = {c["id"]: c for c in listed(api)["conversations"]}
        assert all(MEMBERS <= set(item) for item in items.values())
        assert items[conversations[3]["id"]]["message_count"] == 2
        assert items[conversations[5]["id"]]["message_count"] == 1
        assert items[conversations[0]["id"]]["message_count"] == 0

    def test_pages_cover_everything_once(self, api):
        got = []
        for page in range(1, 5):
            got += [c["title"] for c in
                    listed(api, f"page={page}&page_size=5&order=asc")["conversations"]]
        assert got == [f"c{i}" for i in range(12)]
        assert listed(api, "page=9")["conversations"] == []
        assert listed(api, "page_size=101")["pagination"]["page_size"] == 100

    # c3 and c5 were made active again by their messages.
    @pytest.mark.parametrize("query, expected", [
        ("user_id=user_1", 4), ("priority=high", 3), ("state=active", 5), ("status=active", 5),
        ("state=inactive", 2), ("state=completed", 3), ("state=archived", 2),
        ("state=active&user_id=user_0&priority=low", 1), ("user_id=nobody", 0),
        ("user_id=&state=&priority=&page=", 12)])
    def test_filters_narrow_together(self, api, query, expected):
        data = listed(api, query)
        assert data["pagination"]["total"] == len(data["conversations"]) == expected

    def test_sorted_as_wanted(self, api):
        got = [c["priority"] for c in listed(api, "sort=priority&order=asc")["conversations"]]
        assert got == sorted(got, key=self.LEVELS.index)
        assert listed(api, "sort=last_active_at")["conversations"][0]["title"] == "c5"
        assert listed(api, "sort=updated_at")["conversations"][0]["title"] == "c5"
        for name in ("created_at", "updated_at", "last_active_at"):
            got = [c[name] for c in listed(api, f"sort={name}&order=asc")["conversations"]]
            assert got == sorted(got)

    @pytest.mark.parametrize("query, code, field", [
        ("page=0", None, "page"), ("page=x", None, "page"), ("page_size=-1", None, "page_size"),
        ("sort=title", None, "sort"), ("sort=id;drop", None, "sort"), ("order=up", None, "order"),
        ("state=open", None, "state"), ("status=Active", None, "status"),
        ("priority=urgent", 1003, "priority"), ("user_id=%ff", None, None)])
    def test_bad_parameter_is_400(self, api, query, code, field):
        api.get(f"/conversations?{query}").refuses(400, code, field)

    @pytest.mark.parametrize("value", ["%27%20OR%201=1--", "%25", "_", "user_%25", "x" * 3000])
    def test_filters_are_values_not_sql_or_patterns(self, api, value):
        assert listed(api, f"user_id={value}")["pagination"]["total"] == 0


def let_expire(server, *names):
    """As if they had been made long ago."""
    for name in names:
        server.query(f"UPDATE llmq_conversations SET expires_at = 1 WHERE id = '{name}'")


class TestEnds:
    """Those that have expired are looked for ten times a second."""

    CONF = "LLMQCleanupInterval 100ms\n" + mounts(short="LLMQConversationTTL 1s")

    def test_expired_is_gone_and_removed_for_good(self, server, api):
        sent = api.send("short", conversation_id="conv_short")
        api.until_status(sent["id"])
        create(api, id="conv_empty")
        let_expire(server, "conv_short", "conv_empty")
        api.get("/conversations/conv_short").refuses(404, 1005)
        until(lambda: api.get(f"/messages/{sent['id']}").status == 404, "its message to go")
        until(lambda: server.query("SELECT (SELECT count(*) FROM llmq_conversations) + "
                                   "(SELECT count(*) FROM llmq_jobs)")[0][0] == 0,
              "everything to be removed")
        assert "LLMQ0730" in server.log.text()

    def test_shortest_life_ends_by_itself(self, server):
        short = server.new_api("/short")
        create(short, id="conv_made")
        short.send("begins it", conversation_id="conv_begun")
        for name in ("conv_made", "conv_begun"):
            until(lambda name=name: short.get(f"/conversations/{name}").status == 404,
                  f"{name} to expire")

    def test_message_to_an_expired_one_begins_it_anew(self, server, api):
        create(api, id="conv_again", title="old", metadata={"a": 1})
        let_expire(server, "conv_again")
        api.get("/conversations/conv_again").refuses(404, 1005)
        sent = api.send("hello", conversation_id="conv_again", user_id="other")
        got = look(api, "conv_again")
        assert (got["title"], got["user_id"]) == ("", "other") and "a" not in got["metadata"]
        assert got["message_count"] == 1 and got["created_at"] == sent["created_at"]


class TestUnfinished:
    CONF = "LLMQCleanupInterval 100ms\n"

    def test_what_is_claimed_keeps_its_conversation(self, server, api):
        held = api.send("mine", conversation_id="conv_held", priority="low", delay="1h")
        api.set_status(held["id"], "processing")
        gone = api.send("other", conversation_id="conv_gone")
        api.until_status(gone["id"])
        let_expire(server, "conv_held", "conv_gone")
        until(lambda: api.get(f"/messages/{gone['id']}").status == 404, "the other one to go")
        until(lambda: server.query("SELECT count(*) FROM llmq_conversations")[0][0] == 1,
              "its conversation to go")
        assert api.get(f"/messages/{held['id']}").status == 200


BAD = [
    ("LLMQConversationTTL 0", 1, "LLMQConversationTTL"),
    ("LLMQConversationTTL forever", 1, "LLMQConversationTTL"),
    ("LLMQConversationOrder random", 1, "LLMQConversationOrder"),
    ("LLMQConversationAutoCreate Perhaps", 1, "LLMQConversationAutoCreate"),
    ("LLMQMaxTitle -1", 1, "LLMQMaxTitle"),
    ("LLMQMaxContext lots", 1, "LLMQMaxContext"),
    ("LLMQContextTurns -1", 1, "LLMQContextTurns"),
    ("LLMQContextTurns 1001", 1, "LLMQContextTurns"),
    ("LLMQContextBytes x", 1, "LLMQContextBytes"),
    ("LLMQCleanupInterval 0", 1, "LLMQCleanupInterval"),
    ("<Location /x>\nLLMQContextTurns 5\n</Location>", 2, "LLMQContextTurns"),
    ("<Location /x>\nLLMQContextBytes 5\n</Location>", 2, "LLMQContextBytes"),
    ("<Location /x>\nLLMQCleanupInterval 5s\n</Location>", 2, "LLMQCleanupInterval"),
]


class TestDirectives:
    @pytest.mark.parametrize("text, line, name", BAD, ids=[bad[0][:60] for bad in BAD])
    def test_bad_value_is_caught(self, idle, text, line, name):
        idle.refusal(text, name, line)
