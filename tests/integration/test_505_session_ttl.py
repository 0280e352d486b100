"""Sessions that nobody touches: they are kept, unless LLMQSessionTTL says otherwise."""

import pytest

from llmq_env.sessions import SECRET, Sessions
from llmq_env.wait import until

EVERYTHING = "SELECT (SELECT count(*) FROM llmq_sessions) + (SELECT count(*) FROM llmq_session_messages)"


class TestEnds:
    """Sessions that live for three seconds, looked through ten times a second."""

    CONF = "LLMQSessionTTL 3s\nLLMQCleanupInterval 100ms\n" + SECRET

    def test_untouched_is_gone_and_removed_for_good(self, server):
        ann = Sessions(server, "ann")
        closed, empty = ann.session(session_name="closed"), ann.session()
        for n in range(3):
            ann.append(closed["session_id"], f"message {n}")
        ann.post(f"/sessions/{closed['session_id']}/archive")
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

        def gone_has_ended():
            ann.append(kept)
            return ann.get(f"/sessions/{gone}").status == 404

        until(gone_has_ended, "the other one to end")
        assert [m["seq"] for m in ann.messages(kept, "?limit=2")] == [1, 2]


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
