"""Sessions that nobody touches: they are kept, unless LLMQSessionTTL says otherwise."""

import pytest

from llmq_env.sessions import SECRET, Sessions
from llmq_env.wait import until

EVERYTHING = ("SELECT (SELECT count(*) FROM llmq_sessions)"
              " + (SELECT count(*) FROM llmq_session_messages)")


def age(server, minutes):
    """All sessions are older by so many minutes."""
    server.query(f"UPDATE llmq_sessions SET updated_at = updated_at - {minutes * 60_000_000}"
                 " RETURNING 1")


class TestEnds:
    """Sessions that live for an hour, looked through ten times a second."""

    CONF = "LLMQSessionTTL 1h\nLLMQCleanupInterval 100ms\n" + SECRET

    def test_untouched_is_gone_and_removed_for_good(self, server):
        ann = Sessions(server, "ann")
        closed, empty = ann.session(session_name="closed"), ann.session()
        for n in range(3):
            ann.append(closed["session_id"], f"message {n}")
        ann.post(f"/sessions/{closed['session_id']}/archive")
        age(server, 61)
        for session in (closed, empty):
            until(lambda s=session: ann.get(f"/sessions/{s['session_id']}").status == 404,
                  "the session to end")
        assert ann.get("/sessions").json["meta"]["total"] == 0
        assert ann.try_append(closed["session_id"]).status == 404
        assert ann.get(f"/sessions/{closed['session_id']}/messages").status == 404
        until(lambda: server.query(EVERYTHING)[0][0] == 0, "everything to be removed")
        until(lambda: "LLMQ0731" in server.log.text(), "the log to tell of it")

    def test_touched_stays(self, server):
        ann = Sessions(server, "ann")
        kept, gone = ann.session()["session_id"], ann.session()["session_id"]
        age(server, 40)
        ann.append(kept)
        age(server, 40)
        until(lambda: ann.get(f"/sessions/{gone}").status == 404, "the other one to end")
        ann.append(kept)
        assert [m["seq"] for m in ann.messages(kept)] == [1, 2]


class TestForEver:
    CONF = "LLMQSessionTTL 0\nLLMQCleanupInterval 100ms\n" + SECRET

    def test_kept(self, server):
        ann = Sessions(server, "ann")
        made = ann.session()["session_id"]
        server.query("UPDATE llmq_sessions SET created_at = 1, updated_at = 1 RETURNING 1")
        # A clean-up that has marks to remove shows that it was there.
        other = ann.session()["session_id"]
        server.query("UPDATE llmq_sessions SET removed_at = 1 "
                     f"WHERE id = '{other}' RETURNING 1")
        until(lambda: server.query("SELECT count(*) FROM llmq_sessions")[0][0] == 1, "a clean-up")
        assert ann.get(f"/sessions/{made}").status == 200


@pytest.mark.parametrize("conf,line,name", [
    ("LLMQSessionTTL forever", 1, "LLMQSessionTTL"),
    ("LLMQSessionTTL -1", 1, "LLMQSessionTTL"),
    ("LLMQSessionTTL 500ms", 1, "LLMQSessionTTL"),
    ("LLMQSessionTTL 90000h", 1, "LLMQSessionTTL"),
    ("<Location /api>\nLLMQSessionTTL 1h\n</Location>", 2, "LLMQSessionTTL"),
])
def test_bad_directive_is_refused_with_its_line(idle, conf, line, name):
    idle.refusal(conf, name, line)
