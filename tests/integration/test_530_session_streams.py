"""GET /sessions/{id}/sse: the backlog and what follows, without gaps and doubles, wherever it is
written; cursors, pages, headers; who may listen, and for how long."""

import threading
import time

import pytest

from llmq_env.conf import sessions
from llmq_env.sessions import MESSAGE, NOWHERE, SECRET, Sessions, denies
from llmq_env.sse import Stream
from llmq_env.tokens import bearer, token
from llmq_env.wait import until


def sse_path(session, query=""):
    return f"/api/sessions/{session['session_id']}/sse{query}"


def listen(client, session, query="", **more):
    """A stream of one of the client's sessions."""
    headers = {**client.headers, **more.pop("headers", {})}
    return Stream(client.port, sse_path(session, query), headers=headers, **more)


def append_many(client, session, n, first=1):
    return [client.append(session["session_id"], f"message {i}") for i in range(first, first + n)]


@pytest.mark.mpm
class TestStream:
    CONF = "LLMQDispatcher Off\n" + SECRET

    def test_backlog_and_then_live(self, server):
        client = Sessions(server, "user_1")
        session = client.session()
        known = append_many(client, session, 3)
        with listen(client, session) as stream:
            stream.until_open()
            assert stream.headers["content-type"].startswith("text/event-stream")
            assert stream.headers["cache-control"] == "no-cache, no-transform"
            assert stream.headers["x-accel-buffering"] == "no"
            stream.until_events(3)
            known += append_many(client, session, 4)
            stream.until_events(7)
            assert stream.retry == 3000
            assert stream.comments[0] == "connected"
            assert [e.json for e in stream.events] == known
            assert [e.name for e in stream.events] == ["message"] * 7
            assert stream.ids() == [1, 2, 3, 4, 5, 6, 7]
            assert set(stream.events[0].json) == MESSAGE

    def test_empty_session_waits(self, server):
        client = Sessions(server, "user_1")
        session = client.session()
        with listen(client, session) as stream:
            stream.until_open()
            until(lambda: stream.comments, "the greeting")
            assert not stream.events
            client.append(session["session_id"], "first")
            assert stream.until_events(1)[0].json["content"] == "first"

    def test_texts_arrive_to_the_letter(self, server):
        client = Sessions(server, "user_1")
        session = client.session()
        texts = ["line\nbreak\r\nand \u2028 more", "data: x\n\nid: 99\n\n", "😀 ü \\ \" ' <",
                 "x" * 60000]
        with listen(client, session) as stream:
            stream.until_open()
            for text in texts:
                client.append(session["session_id"], text)
            stream.until_events(4)
            assert [e.json["content"] for e in stream.events] == texts
            assert stream.ids() == [1, 2, 3, 4]

    @pytest.mark.parametrize("limit", [1, 2, 7, 500])
    def test_pages_have_no_seams(self, server, limit):
        client = Sessions(server, "user_1")
        session = client.session()
        append_many(client, session, 20)
        with listen(client, session, f"?limit={limit}") as stream:
            stream.until_events(20)
            append_many(client, session, 3)
            stream.until_events(23)
            assert stream.ids() == list(range(1, 24))

    def test_many_write_while_many_listen(self, server):
        client = Sessions(server, "user_1")
        session = client.session()
        writers = [Sessions(server, "user_1") for _ in range(6)]
        each = 15
        total = each * len(writers)
        streams = [listen(client, session) for _ in range(4)]

        def write(writer):
            for i in range(each):
                writer.append(session["session_id"], f"{i}")

        threads = [threading.Thread(target=write, args=(w,)) for w in writers]
        for thread in threads:
            thread.start()
        # These begin in the middle of it.
        streams += [listen(client, session, f"?limit={3 + i}") for i in range(4)]
        for thread in threads:
            thread.join()
        for stream in streams:
            stream.until_events(total)
            assert stream.ids() == list(range(1, total + 1))
            stream.close()

    def test_who_comes_back_gets_the_rest(self, server):
        client = Sessions(server, "user_1")
        session = client.session()
        append_many(client, session, 5)
        with listen(client, session, last=3) as stream:
            stream.until_events(2)
            assert stream.ids() == [4, 5]
        with listen(client, session, "?after_seq=4") as stream:
            stream.until_events(1)
            assert stream.ids() == [5]
        # The header comes first; one that is no number does not count.
        with listen(client, session, "?after_seq=1", last=4) as stream:
            stream.until_events(1)
            assert stream.ids() == [5]
        for garbage in ("abc", "-1", "4.5", "0x4", ""):
            with listen(client, session, "?after_seq=4", last=garbage) as stream:
                stream.until_events(1)
                assert stream.ids() == [5]

    def test_cursor_beyond_the_end_is_the_end(self, server):
        client = Sessions(server, "user_1")
        session = client.session()
        append_many(client, session, 2)
        for ahead in (3, 1000, 2**63 - 1, 10**30):
            with listen(client, session, last=ahead) as stream:
                stream.until_open()
                until(lambda: stream.comments, "the greeting")
                got = client.append(session["session_id"], "next")
                assert stream.until_events(1)[0].json == got

    @pytest.mark.parametrize("query, field, reason", [
        ("?after_seq=-1", "after_seq", "The after seq field must be at least 0."),
        ("?after_seq=x", "after_seq", "The after seq field must be an integer."),
        ("?limit=0", "limit", "The limit field must be at least 1."),
        ("?limit=-1", "limit", "The limit field must be at least 1."),
        ("?limit=many", "limit", "The limit field must be an integer."),
    ])
    def test_bad_parameters_are_422(self, server, query, field, reason):
        client = Sessions(server, "user_1")
        session = client.session()
        denies(client.get(f"/sessions/{session['session_id']}/sse{query}"), 422, reason,
               **{field: reason})

    def test_others_sessions_are_not_there(self, server):
        client = Sessions(server, "user_1")
        session = client.session()
        stranger = Sessions(server, "user_2")
        denies(stranger.get(f"/sessions/{session['session_id']}/sse"), 404, "Not Found")
        denies(client.get(f"/sessions/{NOWHERE}/sse"), 404, "Not Found")
        denies(client.get("/sessions/nope/sse"), 404, "Not Found")
        denies(Sessions(server).get(f"/sessions/{session['session_id']}/sse"), 401,
               "Unauthenticated.")

    def test_an_administrator_listens_to_anybody(self, server):
        client = Sessions(server, "user_1")
        session = client.session()
        boss = Sessions(server, "boss", admin=True)
        with listen(boss, session) as stream:
            stream.until_open()
            client.append(session["session_id"], "hello")
            stream.until_events(1)

    def test_archive_and_lock_do_not_end_it(self, server):
        client = Sessions(server, "user_1")
        session = client.session()
        with listen(client, session) as stream:
            stream.until_open()
            append_many(client, session, 1)
            stream.until_events(1)
            client.post(f"/sessions/{session['session_id']}/archive")
            assert not stream.ended.is_set()
        with listen(client, session) as stream:
            stream.until_events(1)

    def test_repeated_message_makes_no_event(self, server):
        client = Sessions(server, "user_1")
        session = client.session()
        with listen(client, session) as stream:
            stream.until_open()
            for _ in range(3):
                client.append(session["session_id"], "once", dedupe_key="k")
            client.append(session["session_id"], "last")
            stream.until_events(2)
            assert stream.ids() == [1, 2]

    def test_head_has_headers_only(self, server):
        client = Sessions(server, "user_1")
        session = client.session()
        with listen(client, session, method="HEAD") as stream:
            stream.until_open()
            assert stream.headers["content-type"].startswith("text/event-stream")

    def test_other_methods_are_405(self, server):
        client = Sessions(server, "user_1")
        session = client.session()
        answer = client.post(f"/sessions/{session['session_id']}/sse", {})
        denies(answer, 405, "Method Not Allowed")
        assert "GET" in answer.headers["allow"]

    def test_old_clients_get_it_unchunked(self, server):
        client = Sessions(server, "user_1")
        session = client.session()
        append_many(client, session, 2)
        with listen(client, session, version="1.0") as stream:
            stream.until_events(2)
            append_many(client, session, 1)
            stream.until_events(3)
            assert "transfer-encoding" not in stream.headers

    def test_sessions_are_apart(self, server):
        client = Sessions(server, "user_1")
        made = [client.session() for _ in range(8)]
        streams = [listen(client, session) for session in made]
        for i, session in enumerate(made):
            append_many(client, session, i + 1)
        for i, stream in enumerate(streams):
            stream.until_events(i + 1)
            assert stream.ids() == list(range(1, i + 2))
            assert {e.json["session_id"] for e in stream.events} == {made[i]["session_id"]}
            stream.close()


class TestLifeTime:
    CONF = ("LLMQDispatcher Off\n" + SECRET
            + sessions(beats="LLMQSSEHeartbeat 1\nLLMQSSERetry 250ms",
                       short="LLMQSSEMaxAge 1\nLLMQSSEHeartbeat Off"))

    def open(self, server, mount, session, **more):
        return Stream(server.port, f"/{mount}/sessions/{session['session_id']}/sse",
                      headers=more.pop("headers", {}), **more)

    def test_heartbeats(self, server):
        client = Sessions(server, base="/beats")
        session = client.session()
        with self.open(server, "beats", session) as stream:
            stream.until_open()
            until(lambda: stream.comments.count("ping") >= 2, "two signs of life")
            assert stream.retry == 250
            client.append(session["session_id"], "still here")
            stream.until_events(1)

    def test_max_age_ends_it_in_good_order(self, server):
        client = Sessions(server, base="/short")
        session = client.session()
        client.append(session["session_id"], "one")
        with self.open(server, "short", session) as stream:
            stream.until_ended()
            assert stream.whole
            assert stream.ids() == [1]
            assert "ping" not in stream.comments
        client.append(session["session_id"], "two")
        with self.open(server, "short", session, last=1) as stream:
            stream.until_events(1)
            assert stream.ids() == [2]

    def test_it_ends_with_its_token(self, server):
        client = Sessions(server, "user_1")
        session = client.session()
        brief = bearer(token("user_1", exp=int(time.time()) + 6))
        with listen(client, session, headers=brief) as stream:
            stream.until_open()
            client.append(session["session_id"], "heard")
            stream.until_events(1)
            stream.until_ended()
            assert stream.whole
        denies(client.get(f"/sessions/{session['session_id']}/sse", headers=brief), 401,
               "Unauthenticated.")


class TestRestarts:
    CONF = "LLMQDispatcher Off\n" + SECRET

    def test_graceful_restart_ends_it_and_the_rest_follows(self, server):
        client = Sessions(server, "user_1")
        session = client.session()
        append_many(client, session, 2)
        with listen(client, session) as stream:
            stream.until_events(2)
            server.graceful()
            stream.until_ended()
            assert stream.whole
        client = Sessions(server, "user_1")  # its connection has ended, too
        append_many(client, session, 2)
        with listen(client, session, last=2) as stream:
            stream.until_events(2)
            assert stream.ids() == [3, 4]
            append_many(client, session, 1)
            stream.until_events(3)

    def test_the_log_tells_of_each_stream(self, server):
        client = Sessions(server, "user_1")
        session = client.session()
        with listen(client, session) as stream:
            stream.until_open()
            append_many(client, session, 1)
            stream.until_events(1)
        line = f"session[{session['session_id']}] stream: 1 events"
        until(lambda: line in server.log.text(), "the line in the log")


class TestChildren:
    CONF = ("LLMQDispatcher Off\nServerLimit 4\nStartServers 4\nMinSpareThreads 4\n"
            "ThreadsPerChild 4\nMaxRequestWorkers 16\n" + SECRET)

    def test_all_children_hear_of_all(self, server):
        client = Sessions(server, "user_1")
        session = client.session()
        streams = [listen(client, session) for _ in range(24)]
        for stream in streams:
            stream.until_open()
        writers = [Sessions(server, "user_1") for _ in range(8)]
        for writer in writers:
            append_many(writer, session, 3)
        for stream in streams:
            stream.until_events(24)
            assert stream.ids() == list(range(1, 25))
            stream.close()


class TestDirectives:
    @pytest.mark.parametrize("conf, name", [
        ("LLMQSSEHeartbeat 0", "LLMQSSEHeartbeat"),
        ("LLMQSSEHeartbeat 2h", "LLMQSSEHeartbeat"),
        ("LLMQSSEMaxAge 0", "LLMQSSEMaxAge"),
        ("LLMQSSEMaxAge x", "LLMQSSEMaxAge"),
        ("LLMQSSERetry 99ms", "LLMQSSERetry"),
        ("LLMQStreamBuffer 4095", "LLMQStreamBuffer"),
        ("LLMQStreamBuffer much", "LLMQStreamBuffer"),
        ("LLMQEventPoll 99ms", "LLMQEventPoll"),
        ("LLMQEventPoll 1 2h", "LLMQEventPoll"),
        ("LLMQEventPoll 1 2 3", "LLMQEventPoll"),
    ])
    def test_bad_values(self, idle, conf, name):
        idle.refusal(conf, name, 1)

    @pytest.mark.parametrize("conf", ["LLMQStreamBuffer 65536", "LLMQEventPoll 1 5"])
    def test_only_for_the_whole_server(self, idle, conf):
        idle.refusal(f"<Location /x>\n{conf}\n</Location>", conf.split()[0], 2)
