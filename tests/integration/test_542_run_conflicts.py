"""Many clients that want runs of one session at once: whatever LLMQRunConflict says, a session has
one run that is RUNNING, each trigger one run for ever, and each run one end."""

import concurrent.futures
import collections

import pytest

from llmq_env.conf import sessions
from llmq_env.receiver import Reply
from llmq_env.runs import (CANCELED, DONE, FINAL, agent, run, says, start, started,
                           until_final)
from llmq_env.sessions import Sessions
from llmq_env.wait import until

RULES = ("reuse", "enqueue", "reject", "interrupt", "rollback")
CLIENTS = 16
GONE = [("run.status", "CANCELED")]


@pytest.fixture(scope="class")
def server(store, new_server, bot):
    made = new_server(store)
    made.configure(agent("bot", bot.url + "/", "LLMQAgentRetries 1 20ms 50ms",
                         "LLMQBackendConcurrency 4")
                   + sessions(**{rule: f"LLMQRunConflict {rule}" for rule in RULES}))
    made.start()
    return made


def at_once(server, base, calls):
    """Each call gets a client of its own; what they return, in order."""
    clients = [Sessions(server, base=base) for _ in calls]
    with concurrent.futures.ThreadPoolExecutor(len(calls)) as pool:
        answers = list(pool.map(lambda pair: pair[1](pair[0]), zip(clients, calls)))
    for client in clients:
        client.close()
        server.apis.remove(client)
    return answers


def check_log(api, session):
    """The log as a whole: no gap, no double, each run's words in their order, one at a time."""
    log = api.messages(session, "?limit=200")
    assert [m["seq"] for m in log] == list(range(1, len(log) + 1))
    of = collections.defaultdict(list)
    running = None
    for m in log:
        about = (m["payload"] or {}).get("run_id")
        if m["type"] not in ("run.status", "agent.message", "run.error"):
            continue
        word = (m["type"], m["payload"].get("status"))
        of[about].append(word)
        if word == ("run.status", "RUNNING"):
            assert running is None, (running, about)
            running = about
        elif m["type"] == "run.status" and running == about:
            running = None
    assert running is None
    for words in of.values():
        assert words in (DONE, CANCELED, GONE), words
    return of


def until_quiet(api, session, ids):
    return {run_id: until_final(api, session, run_id)["status"] for run_id in ids}


class TestConflicts:
    EXPECT = ("LLMQ0504",)

    @pytest.mark.parametrize("rule", RULES)
    def test_one_trigger_of_many_clients(self, server, bot, rule):
        bot.default = lambda post: says("once", n=1)
        api = Sessions(server, base=f"/{rule}")
        for i in range(3):
            session = api.session()["session_id"]
            trigger = api.append(session, f"a{i}")["message_id"]
            answers = at_once(server, f"/{rule}",
                              [lambda c: start(c, session, trigger)] * CLIENTS)
            assert {a.status for a in answers} == {201}, answers
            run_id, = {a.json["run_id"] for a in answers}
            assert until_final(api, session, run_id)["status"] == "DONE"
            assert check_log(api, session) == {run_id: DONE}
            assert len([post for post in bot.posts if post.json["run_id"] == run_id]) == 1

    def many_triggers(self, server, bot, rule):
        """Returns the client, the session, and the answer to each trigger."""
        bot.default = Reply(delay=0.05, body=b"said")
        api = Sessions(server, base=f"/{rule}")
        session = api.session()["session_id"]
        triggers = [api.append(session, f"{i}")["message_id"] for i in range(CLIENTS)]
        answers = at_once(server, f"/{rule}",
                          [lambda c, t=t: start(c, session, t) for t in triggers])
        return api, session, dict(zip(triggers, answers))

    def test_reuse(self, server, bot):
        api, session, answers = self.many_triggers(server, bot, "reuse")
        assert {a.status for a in answers.values()} == {201}, answers
        ids = {a.json["run_id"] for a in answers.values()}
        assert set(until_quiet(api, session, ids).values()) == {"DONE"}
        assert check_log(api, session) == {run_id: DONE for run_id in ids}
        for trigger, answer in answers.items():
            assert answer.json["trigger_message_id"] in answers
            if answer.json["trigger_message_id"] == trigger:
                assert start(api, session, trigger).json["run_id"] == answer.json["run_id"]

    def test_reject(self, server, bot):
        api, session, answers = self.many_triggers(server, bot, "reject")
        assert {a.status for a in answers.values()} <= {201, 409}, answers
        ids = {a.json["run_id"] for a in answers.values() if a.status == 201}
        assert ids and {a.json["details"]["id"] for a in answers.values() if a.status == 409} <= ids
        assert set(until_quiet(api, session, ids).values()) == {"DONE"}
        assert check_log(api, session) == {run_id: DONE for run_id in ids}

    def test_enqueue(self, server, bot):
        api, session, answers = self.many_triggers(server, bot, "enqueue")
        assert {a.status for a in answers.values()} == {201}, answers
        ids = [a.json["run_id"] for a in answers.values()]
        assert len(set(ids)) == CLIENTS
        assert set(until_quiet(api, session, ids).values()) == {"DONE"}
        assert check_log(api, session) == {run_id: DONE for run_id in ids}
        assert bot.most_in_flight == 1

    @pytest.mark.parametrize("rule", ["interrupt", "rollback"])
    def test_the_last_one_wins(self, server, bot, rule):
        api, session, answers = self.many_triggers(server, bot, rule)
        assert {a.status for a in answers.values()} == {201}, answers
        ids = [a.json["run_id"] for a in answers.values()]
        assert len(set(ids)) == CLIENTS
        ends = until_quiet(api, session, ids)
        assert set(ends.values()) <= {"DONE", "CANCELED"} and "DONE" in ends.values()
        words = check_log(api, session)
        assert set(words) == set(ids)
        for run_id, status in ends.items():
            assert words[run_id][-1] == ("run.status", status)

    def test_who_reads_of_the_end_may_begin_the_next(self, server, bot):
        """As soon as the log tells of a run's end, no other answer may speak of it as RUNNING."""
        bot.default = says("quick")
        api = Sessions(server, base="/reject")
        session = api.session()["session_id"]
        for i in range(25):
            seen = api.get_session(session)["last_seq"]
            run_id = started(api, session, api.append(session, f"{i}")["message_id"])

            def ended():
                return any(m["type"] == "run.status" and m["payload"]["status"] in FINAL
                           for m in api.messages(session, f"?after_seq={seen}"))
            until(ended, "the end of the run")
            assert run(api, session, run_id)["status"] == "DONE"
        check_log(api, session)

    def test_cancels_of_many_clients(self, server, bot):
        bot.default = Reply(delay=0.1, body=b"said")
        api = Sessions(server, base="/enqueue")
        session = api.session()["session_id"]
        ids = [started(api, session, api.append(session, f"{i}")["message_id"]) for i in range(6)]

        def cancel(run_id):
            def call(client):
                return client.post(f"/sessions/{session}/runs/{run_id}/cancel")
            return call

        answers = at_once(server, "/enqueue", [cancel(run_id) for run_id in ids[1:] * 3])
        assert {a.status for a in answers} == {200}, answers
        ends = until_quiet(api, session, ids)
        assert ends[ids[0]] == "DONE"
        words = check_log(api, session)
        for run_id, status in ends.items():
            assert words[run_id][-1] == ("run.status", status)
