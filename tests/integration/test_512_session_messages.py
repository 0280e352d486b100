"""S4's messages: appended with numbers without gaps, once under each key, read in order."""

import concurrent.futures
import re

import pytest

from llmq_env.api import TIME
from llmq_env.conf import sessions
from llmq_env.sessions import MESSAGE, NOWHERE, SECRET, UUID, Sessions, denies

ROLES = ("USER", "AGENT", "TOOL", "SYSTEM")


@pytest.fixture
def alice(server, request):
    return Sessions(server, re.sub(r"\W", "_", request.node.name)[:100])


@pytest.fixture
def session(alice):
    return alice.session()["session_id"]


@pytest.mark.mpm
class TestAppend:
    CONF = "LLMQDispatcher Off\n" + SECRET

    def test_appended_as_the_document_says(self, alice, session):
        answer = alice.try_append(session)
        assert answer.status == 201, answer
        got = answer.json
        assert set(got) == MESSAGE
        assert UUID.fullmatch(got["message_id"]) and TIME.fullmatch(got["created_at"])
        assert {k: got[k] for k in MESSAGE - {"message_id", "created_at"}} == {
            "session_id": session, "seq": 1, "role": "USER", "type": "user.prompt",
            "content": "Hello", "payload": None, "reply_to": None, "dedupe_key": None}
        path = f"/sessions/{session}/messages/{got['message_id']}"
        assert answer.headers["location"] == "/api" + path
        assert "idempotent-replayed" not in answer.headers
        assert alice.get(path).body == answer.body

    def test_last_message_of_the_session(self, alice, session):
        alice.append(session, content="Hi")
        last = alice.append(session, content="ü" * 200, role="AGENT", type="agent.message")
        got = alice.get_session(session)
        assert {k: got[k] for k in got if k.startswith("last_")} == {
            "last_seq": 2, "last_message_id": last["message_id"],
            "last_message_at": last["created_at"], "last_message_preview": "ü" * 120,
            "last_message_role": "AGENT", "last_message_type": "agent.message"}
        alice.append(session, content=None)
        assert alice.get_session(session)["last_message_preview"] == ""

    @pytest.mark.parametrize("role", ROLES)
    @pytest.mark.parametrize("type_", ["user.prompt", "run.status", "agent.message", "run.error",
                                       "x", "é" * 64, "Any thing\twill do"])
    def test_any_role_and_type(self, alice, session, role, type_):
        got = alice.append(session, role=role, type=type_)
        assert (got["role"], got["type"]) == (role, type_)

    @pytest.mark.parametrize("content", [None, "", "0", " ", "\n\t\"\\/", "汉字 😀 é", "x" * 65536,
                                         "\u2028\u2029</script>"])
    def test_content_comes_back_to_the_letter(self, alice, session, content):
        got = alice.append(session, content=content)
        assert got["content"] == content
        assert alice.messages(session) == [got]

    @pytest.mark.parametrize("payload", [None, {}, {"run_id": NOWHERE, "provider": "echo"},
                                         {"a": [1, -2.5, True, None, {"b": "ü"}], "": 1e3},
                                         {"big": 9007199254740993, "long": "x" * 100000}])
    def test_payload_comes_back(self, alice, session, payload):
        got = alice.append(session, payload=payload)
        assert got["payload"] == payload
        assert alice.messages(session) == [got]

    def test_reply_to(self, alice, session):
        first = alice.append(session)["message_id"]
        assert alice.append(session, reply_to=first)["reply_to"] == first
        assert alice.append(session, reply_to=first.upper())["reply_to"] == first
        elsewhere = alice.append(alice.session()["session_id"])["message_id"]
        for unknown in (NOWHERE, elsewhere):
            denies(alice.try_append(session, reply_to=unknown), 422,
                   "The selected reply to is invalid.",
                   reply_to="The selected reply to is invalid.")
        assert [m["seq"] for m in alice.messages(session)] == [1, 2, 3]

    def test_many_at_once_have_numbers_without_gaps(self, server, alice, session):
        other = alice.session()["session_id"]

        def run(worker):
            client = Sessions(server, None)
            client.headers = alice.headers
            target = (session, other)[worker % 2]
            return [client.append(target, content=f"{worker}.{i}")["seq"] for i in range(10)]

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            got = list(pool.map(run, range(8)))
        for k, log in enumerate((session, other)):
            assert sorted(sum(got[k::2], [])) == list(range(1, 41))
            assert all(seqs == sorted(seqs) for seqs in got[k::2])
            messages = alice.messages(log, "?limit=200")
            assert [m["seq"] for m in messages] == list(range(1, 41))
            assert len({m["content"] for m in messages}) == 40
            assert alice.get_session(log)["last_message_id"] == messages[-1]["message_id"]


@pytest.mark.mpm
class TestDedupe:
    CONF = "LLMQDispatcher Off\n" + SECRET

    def test_same_key_is_answered_with_the_first(self, alice, session):
        first = alice.try_append(session, dedupe_key="k", payload={"b": 1.50, "a": "ü"})
        alice.append(session, content="between")
        again = alice.try_append(session, dedupe_key="k", payload={"b": 1.50, "a": "ü"})
        assert (again.status, again.body) == (201, first.body)
        assert again.headers["idempotent-replayed"] == "true"
        assert again.headers["location"] == first.headers["location"]
        assert alice.get_session(session)["last_seq"] == 2

    def test_other_message_with_the_key_is_not_stored(self, alice, session):
        first = alice.try_append(session, dedupe_key="k")
        again = alice.try_append(session, content="Other", role="TOOL", dedupe_key="k")
        assert (again.status, again.body) == (201, first.body)
        assert again.headers["idempotent-replayed"] == "true"

    def test_header_is_an_alias(self, alice, session):
        key = {"Idempotency-Key": "k"}
        first = alice.try_append(session, headers=key)
        assert first.json["dedupe_key"] == "k"
        for again in (alice.try_append(session, headers=key),
                      alice.try_append(session, dedupe_key="k"),
                      alice.try_append(session, content="Other", headers=key)):
            assert (again.status, again.body) == (201, first.body), again
            assert again.headers["idempotent-replayed"] == "true"
        other = alice.try_append(session, headers=key, dedupe_key="body wins").json
        assert (other["seq"], other["dedupe_key"]) == (2, "body wins")

    def test_key_is_of_one_session(self, alice, session):
        other = alice.session()["session_id"]
        assert alice.append(session, dedupe_key="k")["seq"] == 1
        assert alice.append(other, dedupe_key="k")["seq"] == 1

    def test_no_key_and_an_empty_one_are_never_the_same(self, alice, session):
        for key in (None, "", None, ""):
            assert alice.append(session, dedupe_key=key)["dedupe_key"] is None
        assert alice.get_session(session)["last_seq"] == 4

    def test_fifty_at_once_make_one(self, server, alice, session):
        def run(worker):
            client = Sessions(server, None)
            client.headers = alice.headers
            return client.try_append(session, content=f"{worker}", dedupe_key="k")

        with concurrent.futures.ThreadPoolExecutor(10) as pool:
            got = list(pool.map(run, range(50)))
        assert {a.status for a in got} == {201} and len({a.body for a in got}) == 1
        assert sum("idempotent-replayed" not in a.headers for a in got) == 1
        assert alice.get_session(session)["last_seq"] == 1

    def test_retry_succeeds_behind_the_gate(self, alice, session):
        first = alice.try_append(session, dedupe_key="k")
        for status in ("LOCKED", "CLOSED"):
            alice.patch(f"/sessions/{session}", {"status": status})
            again = alice.try_append(session, dedupe_key="k")
            assert (again.status, again.body) == (201, first.body), again
            assert alice.try_append(session, dedupe_key="new").status == 403


@pytest.mark.mpm
class TestGate:
    CONF = "LLMQDispatcher Off\n" + SECRET

    @pytest.mark.parametrize("status,told", [("OPEN", {}), ("LOCKED", {"USER": "Session is locked"}),
                                             ("CLOSED", dict.fromkeys(ROLES,
                                                                      "Session is closed"))])
    def test_each_role_in_each_status(self, alice, session, status, told):
        alice.patch(f"/sessions/{session}", {"status": status})
        before = alice.get_session(session)
        for role in ROLES:
            answer = alice.try_append(session, role=role)
            if role in told:
                assert (answer.status, answer.json) == (403, {"message": told[role]}), answer
            else:
                assert answer.status == 201, answer
        if status == "CLOSED":
            assert alice.get_session(session) == before
        assert len(alice.messages(session)) == len(ROLES) - len(told)

    def test_unlocked_takes_the_user_again(self, alice, session):
        alice.patch(f"/sessions/{session}", {"status": "LOCKED"})
        denies(alice.try_append(session), 403, "Session is locked")
        alice.patch(f"/sessions/{session}", {"status": "OPEN"})
        assert alice.append(session)["seq"] == 1

    def test_closed_can_be_read(self, alice, session):
        made = alice.append(session)
        alice.post(f"/sessions/{session}/archive")
        assert alice.messages(session) == [made]
        assert alice.get(f"/sessions/{session}/messages/{made['message_id']}").json == made


@pytest.mark.mpm
class TestRead:
    CONF = "LLMQDispatcher Off\n" + SECRET

    @pytest.fixture(scope="class")
    def log(self, server):
        """A session of 250 messages, its client and them."""
        client = Sessions(server, "reader")
        session = client.session()["session_id"]
        return client, session, [client.append(session, content=f"{i}") for i in range(1, 251)]

    @pytest.mark.parametrize("query,first,n", [
        ("", 1, 50), ("?limit=3", 1, 3), ("?after_seq=10", 11, 50), ("?limit=200", 1, 200),
        ("?limit=201", 1, 200), ("?limit=99999999999999999999", 1, 200),
        ("?after_seq=245&limit=50", 246, 5), ("?after_seq=250", 251, 0),
        ("?after_seq=99999999999999999999", 1, 0), ("?after_seq=&limit=", 1, 50),
        ("?after_seq=0&more=x", 1, 50)])
    def test_behind_a_number_in_order(self, log, query, first, n):
        client, session, sent = log
        answer = client.get(f"/sessions/{session}/messages{query}")
        assert (answer.status, set(answer.json)) == (200, {"data"})
        assert answer.json["data"] == (sent[first - 1:first - 1 + n] if n else [])

    @pytest.mark.parametrize("query,errors", [
        ("after_seq=-1", {"after_seq": "The after seq field must be at least 0."}),
        ("after_seq=x&limit=0", {"after_seq": "The after seq field must be an integer.",
                                 "limit": "The limit field must be at least 1."}),
        ("limit=1e2", {"limit": "The limit field must be an integer."})])
    def test_bad_parameter_is_422(self, log, query, errors):
        client, session, _ = log
        answer = client.get(f"/sessions/{session}/messages?{query}")
        assert answer.status == 422, answer
        assert {k: v[0] for k, v in answer.json["errors"].items()} == errors

    def test_single_message(self, log):
        client, session, sent = log
        path = f"/sessions/{session}/messages/"
        assert client.get(path + sent[7]["message_id"]).json == sent[7]
        assert client.get(path + sent[7]["message_id"].upper()).json == sent[7]
        elsewhere = client.append(client.session()["session_id"])["message_id"]
        for unknown in (elsewhere, NOWHERE, "7", "nope"):
            denies(client.get(path + unknown), 404, "Not Found")


@pytest.mark.mpm
class TestOpenMount:
    """Where nobody is asked who he is, sessions are everybody's."""

    CONF = "LLMQDispatcher Off\n" + sessions(chat="")

    def test_everybody_shares_what_is_nobodys(self, server):
        one, two = Sessions(server, base="/chat"), Sessions(server, base="/chat")
        made = one.post("/sessions")
        assert made.headers["location"] == f"/chat/sessions/{made.json['session_id']}"
        two.append(made.json["session_id"])
        assert one.get_session(made.json["session_id"])["last_seq"] == 1
