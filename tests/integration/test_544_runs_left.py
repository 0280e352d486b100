"""Runs that lost whoever looked after them: the database tells what is to be done, on the node
that began them or on another one."""

import time

import pytest

from llmq_env.conf import sessions
from llmq_env.receiver import Reply
from llmq_env.runs import (CANCELED, DONE, KILLED, agent, check_log, run, says, start, started,
                           told, until_final)
from llmq_env.sessions import Sessions
from llmq_env.wait import ended, kill_process, until


def conf(bot):
    return ("LLMQNodeTimeout 15s\n"
            + agent("bot", bot.url + "/", "LLMQAgentRetries 1 20ms 50ms")
            + sessions(reuse="", enqueue="LLMQRunConflict enqueue",
                       interrupt="LLMQRunConflict interrupt"))


@pytest.fixture(scope="class")
def server(store, new_server, bot):
    made = new_server(store, conf(bot))
    made.start()
    return made


class TestLeftUndone:
    """What a process that died between two steps leaves behind is found in the database."""

    EXPECT = KILLED

    def make(self, api, server, bot, edit):
        """A run that is DONE, and then is not, by an edit of the database. That it is not told
        comes last: from then on a dispatcher may take it up."""
        bot.default = says("said")
        session = api.session()["session_id"]
        trigger = api.append(session, "a")["message_id"]
        got = start(api, session, trigger, "?wait=50").json
        assert got["status"] == "DONE"
        for sql in edit:
            server.query(sql.replace("{run}", got["run_id"]))
        return session, got["run_id"]

    OLD = "UPDATE llmq_runs SET told = 0, status = 0, created_at = 1 WHERE id = '{run}'"
    WITHOUT_JOB = "DELETE FROM llmq_jobs WHERE id = '{run}'"

    def test_an_end_that_nobody_told(self, server, bot):
        api = Sessions(server, base="/reuse")
        session, run_id = self.make(api, server, bot, [
            "UPDATE llmq_jobs SET updated_at = 1 WHERE id = '{run}'", self.OLD])
        got = until_final(api, session, run_id)
        assert got["status"] == "DONE" and got["finished_at"]
        check_log(api, session, {run_id: DONE})

    def test_who_takes_over_does_not_wait_for_it(self, server, bot):
        api = Sessions(server, base="/interrupt")
        session, run_id = self.make(api, server, bot, [self.OLD])
        second = start(api, session, api.append(session, "b")["message_id"], "?wait=50").json
        assert second["status"] == "DONE", second
        assert run(api, session, run_id)["status"] == "DONE"
        check_log(api, session, {run_id: DONE, second["run_id"]: DONE})

    def test_a_run_without_its_job(self, server, bot):
        api = Sessions(server, base="/reuse")
        session, run_id = self.make(api, server, bot, [self.WITHOUT_JOB, self.OLD])
        assert until_final(api, session, run_id)["status"] == "DONE"
        assert len([post for post in bot.posts if post.json["run_id"] == run_id]) == 2
        check_log(api, session, {run_id: DONE})

    def test_one_that_waits_for_nobody(self, server, bot):
        api = Sessions(server, base="/enqueue")
        session, run_id = self.make(api, server, bot, [
            self.WITHOUT_JOB, self.OLD.replace("status = 0", "status = 1")])
        assert until_final(api, session, run_id)["status"] == "DONE"
        check_log(api, session, {run_id: DONE})

    @pytest.mark.parametrize("how", ["call", "interrupt"])
    def test_a_cancel_that_nobody_told(self, server, bot, how):
        """Whoever wants the same waits for the one who was first, and for who comes after him if
        he is dead."""
        api = Sessions(server, base="/interrupt")
        bot.replies = [Reply(delay=600)]
        bot.default = says("next")
        session = api.session()["session_id"]
        run_id = started(api, session, api.append(session, "a")["message_id"])
        bot.until_posts(1)
        until(lambda: told(api, session, run_id), "its beginning in the log")
        now = int(time.time() * 1e6)
        server.query("UPDATE llmq_jobs SET status = 5, attempt = attempt + 1,"
                     f" finished_at = {now}, updated_at = {now} WHERE id = '{run_id}'")
        server.query(f"UPDATE llmq_runs SET created_at = 1 WHERE id = '{run_id}'")
        if how == "call":
            answer = api.post(f"/sessions/{session}/runs/{run_id}/cancel")
            assert (answer.status, answer.json["status"]) == (200, "CANCELED"), answer
        else:
            trigger = api.append(session, "b")["message_id"]
            answer = start(api, session, trigger, "?wait=50")
            assert (answer.status, answer.json["status"]) == (201, "DONE"), answer
        check_log(api, session, {run_id: CANCELED})


class TestNodes:
    """Two nodes on one database."""

    EXPECT = (*KILLED, "LLMQ0411")

    @pytest.fixture(scope="class")
    def nodes(self, store, server, bot, new_server):
        if store != "pgsql":
            pytest.skip("SQLite is for one node")
        other = new_server("pgsql", "LLMQNode there\n" + conf(bot), dsn=server.dsn)
        other.start()
        yield server, other
        other.stop()

    @pytest.mark.parametrize("how", ["call", "message", "interrupt"])
    def test_a_cancel_at_another_node(self, nodes, bot, how):
        here, there = nodes
        base = "/interrupt"
        api, other = Sessions(here, base=base), Sessions(there, base=base)
        bot.replies = [Reply(delay=600)]
        bot.default = says("next")
        session = api.session()["session_id"]
        run_id = started(api, session, api.append(session, "a")["message_id"])
        bot.until_posts(1)
        if how == "call":
            assert other.post(f"/sessions/{session}/runs/{run_id}/cancel").status == 200
        elif how == "message":
            other.append(session, None, type="run.cancel", payload={"run_id": run_id})
        trigger = other.append(session, "b")["message_id"]
        assert start(other, session, trigger, "?wait=50").json["status"] == "DONE"
        assert run(api, session, run_id)["status"] == "CANCELED"
        check_log(api, session, {run_id: CANCELED})
        until(lambda: len(bot.left) == 1, "the call to be broken off")

    def test_a_node_that_dies_in_the_middle(self, nodes, bot):
        here, there = nodes
        api, other = Sessions(here, base="/reuse"), Sessions(there, base="/reuse")
        bot.replies = [Reply(delay=600)]
        bot.default = says("taken over")
        session = api.session()["session_id"]
        run_id = started(other, session, api.append(session, "a")["message_id"])
        bot.until_posts(1)
        pids = [there.parent_pid, *there.dispatchers(), *there.workers()]
        for pid in pids:
            kill_process(pid)
        until(lambda: ended(*pids), "their end")
        here.query("UPDATE llmq_nodes SET heartbeat = 1 WHERE node = 'there'")
        assert until_final(api, session, run_id)["status"] == "DONE"
        check_log(api, session, {run_id: DONE})
