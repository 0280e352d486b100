"""How many event streams a child may have, and the open files that they need."""

import re
import resource

import pytest

from llmq_env.conf import load, sessions
from llmq_env.sessions import Sessions
from llmq_env.sse import Stream
from llmq_env.wait import until

ONE_CHILD = "StartServers 1\nServerLimit 2\nThreadsPerChild 8\nMaxRequestWorkers 8\n"


def listen(server, session, mount="open"):
    return Stream(server.port, f"/{mount}/sessions/{session['session_id']}/sse")


@pytest.fixture(scope="class")
def server(request, new_server, store):
    made = new_server(store, request.cls.CONF, mpm="event")
    made.shape_file.write_text(ONE_CHILD)
    made.start()
    return made


def soft_limit(pid):
    """Not everybody may ask prlimit() about others."""
    with open(f"/proc/{pid}/limits", encoding="ascii") as text:
        return int(re.search(r"Max open files +(\d+)", text.read())[1])


class Full:
    """Three streams may be open at MOUNT."""

    def test_more_are_refused_until_one_leaves(self, server):
        client = Sessions(server, base=f"/{self.MOUNT}")
        session = client.session()
        path = f"/sessions/{session['session_id']}/sse"
        streams = [listen(server, session, self.MOUNT).until_open() for _ in range(3)]
        answer = client.get(path)
        assert answer.status == 503 and int(answer.headers["retry-after"]) >= 1
        assert answer.headers["content-type"].startswith("application/json")
        client.append(session["session_id"], "for those who are here")
        for stream in streams:
            stream.until_events(1)
        streams[0].close()

        def admitted():
            streams[0] = listen(server, session, self.MOUNT)
            until(lambda: streams[0].status is not None, "the headers")
            return streams[0].status == 200
        until(admitted, "a place")
        streams[0].until_events(1)
        for stream in streams:
            stream.close()


class TestMaxStreams(Full):
    MOUNT = "open"
    CONF = "LLMQDispatcher Off\nLLMQMaxStreams 3\n" + sessions(open="")


class TestMaxHeld(Full):
    """Where threads are held, their places count, too."""

    MOUNT = "held"
    CONF = ("LLMQDispatcher Off\nLLMQMaxHeld 3\n" + load("ratelimit")
            + sessions(held="SetOutputFilter RATE_LIMIT"))


class TestOpenFiles:
    CONF = "LLMQDispatcher Off\nLogLevel llmq:debug\n" + sessions(open="")

    def limits(self, server, soft, hard):
        """The parent's from now on, and so those that new children begin with."""
        resource.prlimit(server.parent_pid, resource.RLIMIT_NOFILE, (soft, hard))
        old = set(server.workers())
        server.graceful()
        until(lambda: server.workers() and not old & set(server.workers()), "new children", 60)
        return server.workers()[-1]

    def test_each_child_raises_its_limit_as_far_as_it_needs(self, server):
        hard = resource.prlimit(server.parent_pid, resource.RLIMIT_NOFILE)[1]
        if hard < 4000:
            pytest.skip("the hard limit leaves nothing to raise")
        child = self.limits(server, 1024, hard)
        wanted = min(hard, 10000 + 4096 + 2048)
        until(lambda: soft_limit(child) == wanted, "its limit")
        assert resource.prlimit(server.parent_pid, resource.RLIMIT_NOFILE)[0] == 1024
        until(lambda: f"LLMQ0274: this process may have {wanted} open files" in server.log.text(),
              "the line of it")

    def test_fewer_streams_where_files_are_scarce(self, server):
        self.limits(server, 700, 700)
        # Half of the files are httpd's; of the rest answers take at most half.
        wanted = {("175", "4096", "answers without a thread"), ("175", "10000", "event streams")}
        until(lambda: wanted <= set(re.findall(
            r"LLMQ0273: (\d+) instead of (\d+) (.*?) there may be", server.log.text())),
            "what is left")
        client = Sessions(server, base="/open")
        session = client.session()
        with listen(server, session) as stream:
            client.append(session["session_id"], "one")
            stream.until_events(1)


class TestBadDirectives:
    @pytest.mark.parametrize("conf", [
        "LLMQMaxStreams 0", "LLMQMaxStreams 100001", "LLMQMaxStreams many",
        "<Location /x>\nLLMQMaxStreams 5\n</Location>",
    ])
    def test_they_are_refused(self, idle, conf):
        idle.refusal(conf)
