"""S4's runs: begun once for each trigger, told in the log, one RUNNING in a session."""

import concurrent.futures
import re

import pytest

from llmq_env.conf import sessions
from llmq_env.httpd import ROOT
from llmq_env.receiver import Reply
from llmq_env.runs import (CANCELED, DONE, FAILED, RUN, agent, run, said_of, says, start, started,
                           told, until_final)
from llmq_env.sessions import NOWHERE, SECRET, UUID, Sessions, denies

EXAMPLE = ROOT / "conf" / "examples" / "agents.conf"


@pytest.fixture
def alice(server, request):
    return Sessions(server, re.sub(r"\W", "_", request.node.name)[:100])


@pytest.fixture
def session(alice):
    return alice.session()["session_id"]


@pytest.fixture
def prompt(alice, session):
    return alice.append(session, "Hello agent")["message_id"]


class TestFreshInstall:
    CONF = SECRET

    def test_the_whole_way(self, alice, session, prompt):
        answer = start(alice, session, prompt)
        assert answer.status == 201 and set(answer.json) == RUN, answer
        run_id = answer.json["run_id"]
        assert UUID.fullmatch(run_id) and answer.json["status"] == "RUNNING"
        assert answer.headers["location"] == f"/api/sessions/{session}/runs/{run_id}"
        done = until_final(alice, session, run_id)
        assert {k: done[k] for k in ("status", "error", "provider", "attempts",
                                     "trigger_message_id", "session_id")} == {
            "status": "DONE", "error": None, "provider": "echo", "attempts": 1,
            "trigger_message_id": prompt, "session_id": session}
        assert done["latency_ms"] >= 0 and done["finished_at"] >= done["created_at"]
        assert told(alice, session, run_id) == DONE
        said = said_of(alice, session, run_id, "agent.message")
        assert said["content"] == "Echo: Hello agent" and said["reply_to"] == prompt
        assert said["payload"] == {"run_id": run_id, "provider": "echo"}
        last = alice.get_session(session)
        assert last["last_message_type"] == "run.status" and last["last_seq"] == 4

    def test_a_trigger_has_one_run_for_ever(self, alice, session, prompt):
        run_id = started(alice, session, prompt)
        until_final(alice, session, run_id)
        again = start(alice, session, prompt.upper())
        assert again.status == 201 and again.json["run_id"] == run_id
        assert again.json["status"] == "DONE"
        second = alice.append(session, "And now?")["message_id"]
        other = started(alice, session, second)
        assert other != run_id
        until_final(alice, session, other)
        assert told(alice, session, run_id) == DONE == told(alice, session, other)

    def test_the_same_trigger_at_the_same_time(self, server, session, prompt, alice):
        def go(client):
            return started(client, session, prompt)

        clients = [Sessions(server) for _ in range(20)]
        for client in clients:
            client.headers = alice.headers
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            ids = set(pool.map(go, clients))
        for client in clients:
            client.close()
        assert len(ids) == 1
        run_id = ids.pop()
        until_final(alice, session, run_id)
        assert told(alice, session, run_id) == DONE

    def test_waiting(self, alice, session, prompt):
        answer = start(alice, session, prompt, "?wait=60")
        assert answer.status == 201 and answer.json["status"] == "DONE", answer
        assert told(alice, session, answer.json["run_id"]) == DONE
        denies(start(alice, session, prompt, "?wait=x"), 400,
               "must be a number of seconds from 0 up")

    @pytest.mark.parametrize("fields", [
        {"role": "AGENT"}, {"type": "user.note"}, {"content": None}, {"content": ""}],
        ids=["agent", "note", "null", "empty"])
    def test_what_no_agent_can_answer_fails_at_once(self, alice, session, fields):
        message = alice.append(session, **{"content": "x", **fields})["message_id"]
        answer = start(alice, session, message)
        assert answer.status == 201 and answer.json["status"] == "FAILED", answer
        run_id = answer.json["run_id"]
        assert told(alice, session, run_id) == FAILED
        error = said_of(alice, session, run_id, "run.error")["payload"]
        assert error["retryable"] is False and error["http_status"] is None
        assert error["message"] == answer.json["error"] and "trigger" in error["message"]
        assert start(alice, session, message).json["run_id"] == run_id

    @pytest.mark.parametrize("body, sentence", [
        (None, "The trigger message id field is required."),
        ({}, "The trigger message id field is required."),
        ({"trigger_message_id": None}, "The trigger message id field is required."),
        ({"trigger_message_id": ""}, "The trigger message id field is required."),
        ({"trigger_message_id": 7}, "The trigger message id field must be a valid UUID."),
        ({"trigger_message_id": "x"}, "The trigger message id field must be a valid UUID.")],
        ids=["nothing", "empty", "null", "blank", "number", "word"])
    def test_bad_bodies(self, alice, session, body, sentence):
        denies(alice.post(f"/sessions/{session}/runs", body), 422, sentence,
               trigger_message_id=sentence)

    def test_nothing_there(self, server, alice, session, prompt):
        bob = Sessions(server, "bob")
        elsewhere = alice.session()["session_id"]
        run_id = started(alice, session, prompt)
        for answer in (start(alice, NOWHERE, prompt), start(alice, "x", prompt),
                       start(alice, session, NOWHERE), start(alice, elsewhere, prompt),
                       start(bob, session, prompt),
                       bob.get(f"/sessions/{session}/runs/{run_id}"),
                       bob.post(f"/sessions/{session}/runs/{run_id}/cancel"),
                       alice.get(f"/sessions/{elsewhere}/runs/{run_id}"),
                       alice.get(f"/sessions/{session}/runs/{NOWHERE}"),
                       alice.get(f"/sessions/{session}/runs/x"),
                       alice.post(f"/sessions/{session}/runs/{NOWHERE}/cancel")):
            denies(answer, 404, "Not Found")
        nobody = Sessions(server)
        assert start(nobody, session, prompt).status == 401
        until_final(alice, session, run_id)

    def test_closed_and_locked(self, alice, session, prompt):
        second = alice.append(session, "Again")["message_id"]
        assert alice.patch(f"/sessions/{session}", {"status": "LOCKED"}).status == 200
        run_id = started(alice, session, prompt)
        assert until_final(alice, session, run_id)["status"] == "DONE"
        assert told(alice, session, run_id) == DONE
        assert alice.post(f"/sessions/{session}/archive").status == 200
        denies(start(alice, session, second), 403, "Session is closed")
        assert start(alice, session, prompt).json["run_id"] == run_id

    def test_a_run_is_neither_task_nor_dead_letter(self, server, alice, session, prompt):
        tasks = server.new_api()
        run_id = started(alice, session, prompt)
        until_final(alice, session, run_id)
        assert tasks.get(f"/tasks/{run_id}", check=False).status == 404
        assert tasks.get("/tasks").json["total"] == 0
        assert tasks.delete(f"/tasks/{run_id}", check=False).status == 404


class TestAgent:
    EXPECT = ("LLMQ0504",)

    @pytest.fixture(scope="class")
    def server(self, store, new_server, bot):
        from llmq_env.tokens import secret_file
        made = new_server(store)
        secret_file(made)
        made.configure(
            SECRET.replace("{dir}", str(made.dir))
            + agent("bot", bot.url + "/bot", "LLMQAgentRetries 2 50ms 100ms",
                    "LLMQBackendTotalTimeout 300s")
            + "LLMQContextTurns 2\n"
            + sessions(reuse="", enqueue="LLMQRunConflict enqueue",
                       reject="LLMQRunConflict reject", interrupt="LLMQRunConflict interrupt",
                       rollback="LLMQRunConflict rollback",
                       named="LLMQAgentUse bot\nLLMQRunConflict reuse"))
        made.start()
        return made

    @staticmethod
    def at(server, name):
        """The sessions of nobody below a mount; a session with a prompt that is being run."""
        api = Sessions(server, base=f"/{name}")
        session = api.session()["session_id"]
        return api, session

    def hold(self, bot):
        """The first call is kept waiting, the next ones are answered."""
        bot.replies = [Reply(delay=300)]
        bot.default = says("second")

    def test_what_the_agent_is_sent(self, server, alice, session, bot):
        bot.replies = [says(f"answer {i}") for i in range(3)]
        bot.default = says("last", payload={"mood": "calm", "run_id": "forged", "n": None})
        runs = []
        for i in range(4):
            prompt = alice.append(session, f"prompt {i}")["message_id"]
            answer = start(alice, session, prompt, "?wait=60")
            assert answer.json["status"] == "DONE", answer
            runs.append(answer.json["run_id"])
        post = bot.posts[-1]
        assert post.path == "/bot" and post.headers["idempotency-key"] == runs[-1]
        sent = post.json
        assert sent["run_id"] == runs[-1] and sent["session_id"] == session
        assert sent["attempt"] == 1
        log = {m["message_id"]: m for m in alice.messages(session, "?limit=200")}
        assert sent["trigger_message"] == log[prompt]
        assert [m["content"] for m in sent["messages"]] == [
            "prompt 1", "answer 1", "prompt 2", "answer 2", "prompt 3"]
        assert all(m == log[m["message_id"]] for m in sent["messages"])
        said = said_of(alice, session, runs[-1], "agent.message")
        assert said["payload"] == {"run_id": runs[-1], "provider": "bot", "mood": "calm",
                                   "n": None}

    def test_a_text_is_an_answer_too(self, server, alice, session, prompt, bot):
        bot.default = Reply(body="Grüß Gott".encode())
        assert start(alice, session, prompt, "?wait=60").json["status"] == "DONE"
        run_id = start(alice, session, prompt).json["run_id"]
        assert said_of(alice, session, run_id, "agent.message")["content"] == "Grüß Gott"

    def test_reuse(self, server, bot):
        api, session = self.at(server, "named")
        self.hold(bot)
        first, second = (api.append(session, text)["message_id"] for text in "ab")
        run_id = started(api, session, first)
        bot.until_posts(1)
        answer = start(api, session, second)
        assert answer.status == 201 and answer.json["run_id"] == run_id
        assert api.post(f"/sessions/{session}/runs/{run_id}/cancel").json["status"] == "CANCELED"
        assert told(api, session, run_id) == CANCELED
        mine = start(api, session, second, "?wait=60").json
        assert mine["run_id"] != run_id and mine["status"] == "DONE"

    def test_reject(self, server, bot):
        api, session = self.at(server, "reject")
        self.hold(bot)
        first, second = (api.append(session, text)["message_id"] for text in "ab")
        run_id = started(api, session, first)
        bot.until_posts(1)
        answer = denies(start(api, session, second), 409, "Another run is in progress")
        assert answer.json["details"] == {"id": run_id}
        assert start(api, session, first).json["run_id"] == run_id
        api.post(f"/sessions/{session}/runs/{run_id}/cancel")

    def test_enqueue(self, server, bot):
        api, session = self.at(server, "enqueue")
        self.hold(bot)
        triggers = [api.append(session, text)["message_id"] for text in "abcd"]
        ids = [started(api, session, trigger) for trigger in triggers]
        assert len(set(ids)) == 4
        bot.until_posts(1)
        assert [run(api, session, i)["status"] for i in ids] == ["RUNNING"] + 3 * ["QUEUED"]
        # One that waits is withdrawn without ever having run.
        gone = api.post(f"/sessions/{session}/runs/{ids[2]}/cancel").json
        assert gone["status"] == "CANCELED" and gone["attempts"] == 0
        assert told(api, session, ids[2]) == [("run.status", "CANCELED")]
        api.post(f"/sessions/{session}/runs/{ids[0]}/cancel")
        assert until_final(api, session, ids[1])["status"] == "DONE"
        assert until_final(api, session, ids[3])["status"] == "DONE"
        assert told(api, session, ids[0]) == CANCELED
        assert [told(api, session, i) for i in (ids[1], ids[3])] == [DONE, DONE]
        order = [m["payload"]["run_id"] for m in api.messages(session, "?limit=200")
                 if m["type"] == "agent.message"]
        assert order == [ids[1], ids[3]]

    @pytest.mark.parametrize("rule", ["interrupt", "rollback"])
    def test_the_new_one_takes_over(self, server, bot, rule):
        api, session = self.at(server, rule)
        self.hold(bot)
        first, second, third = (api.append(session, text)["message_id"] for text in "abc")
        run_id = started(api, session, first)
        bot.until_posts(1)
        other = start(api, session, second, "?wait=60").json
        assert other["status"] == "DONE" and other["run_id"] != run_id
        assert run(api, session, run_id)["status"] == "CANCELED"
        assert told(api, session, run_id) == CANCELED
        assert told(api, session, other["run_id"]) == DONE
        last = [m for m in api.messages(session) if m["type"] == "run.status"
                and m["payload"]["run_id"] == run_id][-1]
        assert last["payload"].get("rolled_back") == (True if rule == "rollback" else None)
        assert start(api, session, third, "?wait=60").json["status"] == "DONE"
        seen = [m["content"] for m in bot.posts[-1].json["messages"]]
        assert seen == (["b", "c"] if rule == "rollback" else ["a", "b", "c"])

    def test_cancel_by_message(self, server, bot):
        api, session = self.at(server, "reuse")
        self.hold(bot)
        run_id = started(api, session, api.append(session, "a")["message_id"])
        bot.until_posts(1)

        def ask(role, about=run_id, **fields):
            answer = api.try_append(session, None, role=role, type="run.cancel",
                                    payload={"run_id": about}, **fields)
            assert answer.status == 201, answer

        ask("AGENT")
        ask("TOOL")
        ask("USER", NOWHERE)
        ask("USER", "nonsense")
        assert run(api, session, run_id)["status"] == "RUNNING"
        ask("USER", dedupe_key="stop")
        assert run(api, session, run_id)["status"] == "CANCELED"
        ask("USER", dedupe_key="stop")
        ask("SYSTEM")
        assert told(api, session, run_id) == CANCELED
        elsewhere = api.session()["session_id"]
        other = started(api, elsewhere, api.append(elsewhere, "b")["message_id"])
        until_final(api, elsewhere, other)
        ask("USER", other)
        assert run(api, elsewhere, other)["status"] == "DONE"

    def test_no_client_can_take_a_runs_word(self, server, bot):
        api, session = self.at(server, "reuse")
        self.hold(bot)
        run_id = started(api, session, api.append(session, "a")["message_id"])
        bot.until_posts(1)
        sentence = "The dedupe key field format is invalid."
        key = f"llmq:run:{run_id}:end"
        denies(api.try_append(session, dedupe_key=key), 422, sentence, dedupe_key=sentence)
        denies(api.try_append(session, headers={"Idempotency-Key": key}), 422, sentence,
               dedupe_key=sentence)
        api.append(session, dedupe_key="my:" + key)
        api.post(f"/sessions/{session}/runs/{run_id}/cancel")
        assert told(api, session, run_id) == CANCELED

    def test_closed_meanwhile(self, server, bot):
        api, session = self.at(server, "reuse")
        owner = Sessions(server, base="/reuse")
        bot.default = lambda post: (owner.post(f"/sessions/{session}/archive"), says("late"))[1]
        run_id = started(api, session, api.append(session, "a")["message_id"])
        ended = until_final(api, session, run_id)
        assert ended["status"] == "FAILED" and ended["error"] == "Session is closed"
        assert told(api, session, run_id) == [("run.status", "RUNNING"), ("run.status", "FAILED")]
        assert api.get_session(session)["status"] == "CLOSED"

    def test_locked_meanwhile(self, server, bot):
        api, session = self.at(server, "reuse")
        owner = Sessions(server, base="/reuse")
        bot.default = lambda post: (owner.patch(f"/sessions/{session}", {"status": "LOCKED"}),
                                    says("in time"))[1]
        run_id = started(api, session, api.append(session, "a")["message_id"])
        assert until_final(api, session, run_id)["status"] == "DONE"
        assert told(api, session, run_id) == DONE


class TestExample:
    """conf/examples/agents.conf does what it says."""

    @pytest.fixture(scope="class")
    def server(self, store, new_server, bot, llm):
        from llmq_env.tokens import secret_file
        made = new_server(store)
        secret_file(made)
        text = EXAMPLE.read_text(encoding="utf-8")
        for wanted, ours in (("http://127.0.0.1:9000/run", bot.url + "/run"),
                             ("http://127.0.0.1:11434/v1", llm.url)):
            assert text.count(wanted) == 1
            text = text.replace(wanted, ours)
        made.configure(SECRET.replace("{dir}", str(made.dir)) + text)
        made.start()
        return made

    def test_a_program_and_a_model(self, server, alice, session, prompt, bot, llm):
        bot.default = says("How can I help?")
        got = start(alice, session, prompt, "?wait=60").json
        assert (got["status"], got["provider"]) == ("DONE", "support"), got
        chat = Sessions(server, "bob", base="/chat")
        theirs = chat.session()["session_id"]
        got = start(chat, theirs, chat.append(theirs, "Say it")["message_id"], "?wait=60").json
        assert (got["status"], got["provider"]) == ("DONE", "model"), got
        said = said_of(chat, theirs, got["run_id"], "agent.message")
        assert said["content"] and llm.contents() == ["Say it"]
        assert chat.get(f"/sessions/{session}").status == 404
