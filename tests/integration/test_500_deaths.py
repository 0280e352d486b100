"""Processes that are killed: what got a 201 is answered, once, whoever dies (promise 1, 2)."""

import threading

import pytest

from llmq_env.api import FINAL
from llmq_env.conf import FAKE
from llmq_env.errorlog import KILLED
from llmq_env.httpd import AT_STOP
from llmq_env.wait import ended, kill_process, until


class Poster:
    """Posts from several threads until told to stop, through refusals and broken connections;
    ids holds what got a 201."""

    def __init__(self, server, threads=8):
        self.server = server
        self.ids = []
        self.codes = set()
        self.ended = threading.Event()
        self.threads = [threading.Thread(target=self._post, args=(i,)) for i in range(threads)]
        for thread in self.threads:
            thread.start()

    def _post(self, number):
        api = self.server.new_api()
        i = 0
        while not self.ended.is_set():
            i += 1
            body = {"user_id": f"u{number}", "content": f"{number}-{i}",
                    "conversation_id": f"c{number}-{i % 50}"}
            try:
                answer = api.post("/messages", body, check=False)
            except OSError:
                continue  # the other side was killed; nothing was promised
            except Exception:
                continue  # http.client's: the answer was cut
            self.codes.add(answer.status)
            if answer.status == 201:
                self.ids.append(answer.data["id"])
            else:
                self.ended.wait(0.02)

    def stop(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()
        return self.ids


def until_all_completed(server, ids, deadline=300):
    api = server.new_api()
    until(lambda: api.total("&status=pending") + api.total("&status=processing") == 0,
          "everything to be answered", deadline)
    assert len(set(ids)) == len(ids)
    states = {}
    pages = (len(ids) + 999) // 100 + 10
    for page in range(1, pages + 1):
        items = api.get(f"/messages?page_size=100&page={page}").data["messages"]
        if not items:
            break
        for item in items:
            assert item["id"] not in states
            states[item["id"]] = item
    for message_id in ids:
        item = states.get(message_id)
        if not item or item["status"] not in FINAL:  # it was between two of the looks
            item = api.until_status(message_id)
        assert item["status"] == "completed", item
        assert item["content"] in item["result"]["content"]
        assert item["metadata"].get("dead_letter") is None


@pytest.mark.mpm
class TestKilled:
    CONF = "LLMQNodeTimeout 5s\n"
    EXPECT = KILLED

    def kill_during_load(self, server, kill, times, ids_between=150):
        poster = Poster(server)
        try:
            for _ in range(times):
                before = len(poster.ids)
                until(lambda: len(poster.ids) >= before + ids_between, "messages to be accepted")
                kill()
        finally:
            ids = poster.stop()
        assert poster.codes <= {201, 500, 503}, poster.codes
        until_all_completed(server, ids)

    def test_dispatcher_killed_under_load(self, server):
        def kill():
            server.until_dispatcher(other_than=server.kill_dispatcher())

        self.kill_during_load(server, kill, 5)
        assert server.log.count("LLMQ0807") >= 5

    def test_children_killed_under_load(self, server):
        def kill():
            kill_process(until(server.workers, "a child")[0])

        self.kill_during_load(server, kill, 4)

    def test_everything_killed_under_load(self, server):
        """The parent first, so that nobody starts anything again; then start as after a crash."""
        poster = Poster(server)
        until(lambda: len(poster.ids) >= 300, "messages to be accepted")
        pids = [server.parent_pid, *server.dispatchers(), *server.workers()]
        for pid in pids:
            kill_process(pid)
        ids = poster.stop()
        until(lambda: ended(*pids[1:]), "their end")
        server.start()
        until_all_completed(server, ids)

    def test_parent_killed_leaves_no_dispatcher_behind(self, server):
        children = server.dispatchers() + server.workers()
        kill_process(server.parent_pid)
        until(lambda: not any(_is_dispatcher(pid) for pid in children), "the dispatcher to notice")
        server.start()
        api = server.new_api()
        assert api.until_status(api.send()["id"])["status"] == "completed"

    def test_dispatcher_killed_while_calls_are_in_flight(self, store, new_server, llm):
        server = new_server(store, FAKE.replace("{llm}", llm.url))
        server.log.always.update(KILLED)
        server.start()
        api = server.new_api()
        llm.hold()
        ids = [api.send(f"m{i}", user_id=f"u{i}")["id"] for i in range(10)]
        llm.until_calls(10)
        server.until_dispatcher(other_than=server.kill_dispatcher())
        llm.release()
        for message_id in ids:
            done = api.until_status(message_id)
            assert (done["status"], done["retry_count"]) == ("completed", 0)
        for i in range(10):
            assert llm.contents().count(f"m{i}") <= 2


    def test_what_a_dispatcher_stored_without_a_word(self, server, api):
        """It inserts jobs, too, and may die before it puts them into the queue. A row that is
        open without the queue's knowing is what it leaves; its successor looks."""
        message_id = api.send("once more")["id"]
        api.until_status(message_id, "completed")
        assert server.query("UPDATE llmq_jobs SET status = 0, result = NULL, finished_at = 0, "
                            f"attempt = attempt + 1 WHERE id = '{message_id}' RETURNING status") \
            == [(0,)]
        server.until_dispatcher(other_than=server.kill_dispatcher())
        assert api.until_status(message_id)["status"] == "completed"


def _is_dispatcher(pid):
    try:
        with open(f"/proc/{pid}/comm", encoding="ascii") as comm:
            return comm.read().strip() == "llmq-dispatch"
    except OSError:
        return False


@pytest.mark.mpm
class TestRestarts:
    """Restarts of every kind lose nothing and answer everything."""

    def test_second_start_keeps_the_data(self, server, api):
        ids = [api.send(f"m{i}")["id"] for i in range(20)]
        for message_id in ids:
            api.until_status(message_id, "completed")
        before = [api.message(i) for i in ids]
        server.stop()
        server.start()
        assert [api.message(i) for i in ids] == before
        until(lambda: api.queues()["total_processed"] >= 20, "the totals to be counted again")

    def test_what_waited_is_answered_after_a_start(self, server, api):
        server.configure("LLMQDispatcher Off\n")
        server.graceful()
        ids = [api.send(f"m{i}", priority="low")["id"] for i in range(50)]
        server.stop()
        server.configure("")
        server.start()
        for message_id in ids:
            assert api.until_status(message_id)["status"] == "completed"

    @pytest.mark.parametrize("how", ["graceful", "restart"])
    def test_restart_under_load(self, server, how):
        poster = Poster(server)
        try:
            for _ in range(3):
                before = len(poster.ids)
                until(lambda: len(poster.ids) >= before + 100, "messages to be accepted")
                getattr(server, how)()
        finally:
            ids = poster.stop()
        assert poster.codes <= {201, 503}, poster.codes
        until_all_completed(server, ids)

    def test_stop_under_load(self, server):
        poster = Poster(server)
        until(lambda: len(poster.ids) >= 200, "messages to be accepted")
        server.log.expect(*AT_STOP)
        server.script("stop")
        ids = poster.stop()
        server.start()
        until_all_completed(server, ids)
