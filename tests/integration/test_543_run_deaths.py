"""Processes that are killed under runs: each run ends once, and the logs have no gaps, no doubles
and no half stories (promises 1 and 2)."""

import threading

import pytest

from llmq_env.conf import sessions
from llmq_env.receiver import Reply
from llmq_env.runs import (CANCELED, DONE, KILLED, agent, check_log, run, says, started, told,
                           until_final)
from llmq_env.sessions import Sessions
from llmq_env.wait import ended, kill_process, until


def conf(bot):
    return ("LLMQNodeTimeout 5s\n"
            + agent("bot", bot.url + "/", "LLMQAgentRetries 1 20ms 50ms")
            + sessions(reuse="", enqueue="LLMQRunConflict enqueue"))


@pytest.fixture(scope="class")
def server(store, new_server, bot):
    made = new_server(store, conf(bot))
    made.start()
    return made


class Client:
    """Has sessions answered, one prompt after the other, through refusals and broken
    connections, until told to stop; runs holds what got a 201, by session."""

    def __init__(self, server, base):
        self.server, self.base = server, base
        self.runs = []
        self.codes = set()
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self.work) for _ in range(4)]
        for thread in self.threads:
            thread.start()

    def insist(self, call):
        """Until it is 201, or the end; the answer."""
        while not self.ended.is_set():
            try:
                answer = call()
            except Exception:
                self.ended.wait(0.02)
                continue  # the other side was killed; nothing was promised
            self.codes.add(answer.status)
            if answer.status == 201:
                return answer.json
            self.ended.wait(0.02)
        return None

    def work(self):
        api = Sessions(self.server, base=self.base)
        while not self.ended.is_set():
            session = self.insist(lambda: api.post("/sessions", {}, check=False))
            for i in range(5 if session else 0):
                body = {"role": "USER", "type": "user.prompt", "content": f"{i}"}
                path = f"/sessions/{session['session_id']}"
                prompt = self.insist(lambda: api.post(path + "/messages", body, check=False))
                about = {"trigger_message_id": prompt["message_id"]} if prompt else None
                made = prompt and self.insist(lambda: api.post(path + "/runs", about, check=False))
                if made:
                    self.runs.append(made)

    def stop(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()

    def check(self):
        """Everything has ended as it should."""
        api = Sessions(self.server, base=self.base)
        assert self.codes <= {201, 500, 503}, self.codes
        of = {}
        for made in self.runs:
            of.setdefault(made["session_id"], set()).add(made["run_id"])
        for session, ids in of.items():
            for run_id in ids:
                assert until_final(api, session, run_id)["status"] == "DONE"
            check_log(api, session, {run_id: DONE for run_id in ids})
        # Also those whose 201 got lost, so that none of them comes in the midst of the next test.
        until(lambda: self.server.query("SELECT 1 FROM llmq_runs WHERE told = 0") == [],
              "the end of all others")


class TestKilled:
    EXPECT = KILLED

    @pytest.fixture
    def client(self, server, bot):
        bot.default = Reply(delay=0.02, body=b"said")
        made = Client(server, "/enqueue")
        yield made
        made.stop()

    def under_load(self, client, kill, times):
        for _ in range(times):
            before = len(client.runs)
            until(lambda: len(client.runs) >= before + 25, "runs to be accepted")
            kill()
        client.stop()
        client.check()

    def test_dispatchers_under_load(self, server, client):
        self.under_load(client, server.kill_dispatcher, 2)

    def test_children_under_load(self, server, client):
        self.under_load(client, lambda: kill_process(until(server.workers, "a child")[0]), 2)

    def test_the_dispatcher_in_the_middle_of_a_run(self, server, bot):
        bot.replies = [Reply(delay=600)]
        bot.default = says("second try")
        api = Sessions(server, base="/enqueue")
        session = api.session()["session_id"]
        ids = [started(api, session, api.append(session, text)["message_id"]) for text in "ab"]
        bot.until_posts(1)
        server.until_dispatcher(other_than=server.kill_dispatcher())
        for run_id in ids:
            assert until_final(api, session, run_id)["status"] == "DONE"
        check_log(api, session, {run_id: DONE for run_id in ids})
        assert [post.json["run_id"] for post in bot.posts] == [ids[0], ids[0], ids[1]]
        assert [post.json["attempt"] for post in bot.posts] == [1, 1, 1]

    def test_a_cancel_while_nobody_dispatches(self, server, bot):
        """Waiting, running, and in the middle of its death."""
        bot.replies = [Reply(delay=600)]
        bot.default = says("next")
        api = Sessions(server, base="/enqueue")
        session = api.session()["session_id"]
        ids = [started(api, session, api.append(session, text)["message_id"]) for text in "abc"]
        bot.until_posts(1)
        old = server.halt_dispatcher()
        for run_id in ids[:2]:
            answer = api.post(f"/sessions/{session}/runs/{run_id}/cancel")
            assert answer.status == 200 and answer.json["status"] == "CANCELED", answer
        kill_process(old)
        assert until_final(api, session, ids[2])["status"] == "DONE"
        assert run(api, session, ids[0])["status"] == "CANCELED"
        words = {ids[0]: CANCELED, ids[1]: CANCELED[1:], ids[2]: DONE}
        if told(api, session, ids[1]) == CANCELED:
            words[ids[1]] = CANCELED  # its turn came when the first was canceled
        check_log(api, session, words)

    def test_everything_in_the_middle_of_runs(self, server, bot):
        """The parent first, so that nobody starts anything again; then start as after a crash."""
        bot.default = Reply(delay=600)
        api = Sessions(server, base="/enqueue")
        made = []
        for _ in range(4):
            session = api.session()["session_id"]
            made.append((session, [started(api, session, api.append(session, t)["message_id"])
                                   for t in "ab"]))
        bot.until_posts(4)
        pids = [server.parent_pid, *server.dispatchers(), *server.workers()]
        for pid in pids:
            kill_process(pid)
        until(lambda: ended(*pids[1:]), "their end")
        bot.default = says("after the crash")
        server.start()
        api = Sessions(server, base="/enqueue")
        for session, ids in made:
            for run_id in ids:
                assert until_final(api, session, run_id)["status"] == "DONE"
            check_log(api, session, {run_id: DONE for run_id in ids})

    def test_a_restart_in_the_middle_of_runs(self, server, bot):
        bot.hold()
        bot.default = says("said")
        api = Sessions(server, base="/reuse")
        made = []
        for _ in range(3):
            session = api.session()["session_id"]
            made.append((session, started(api, session, api.append(session, "a")["message_id"])))
        bot.until_posts(3)
        api.close()
        server.graceful()
        bot.release()
        for session, run_id in made:
            assert until_final(api, session, run_id)["status"] == "DONE"
            check_log(api, session, {run_id: DONE})
