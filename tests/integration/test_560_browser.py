"""A page in Chromium that listens by EventSource: whatever happens to the server, it ends
with exactly the events 1 to n."""

import shutil

import pytest

from llmq_env.browser import Browser
from llmq_env.conf import FAKE
from llmq_env.errorlog import KILLED
from llmq_env.httpd import free_port
from llmq_env.link import LOST, until_cut, until_linked
from llmq_env.listeners import Writer
from llmq_env.redis import Redis
from llmq_env.sessions import SECRET, Sessions
from llmq_env.tokens import secret_file, token
from llmq_env.wait import kill_process, until

PAGE = """<!doctype html><meta charset="utf-8"><title>llmq</title>
<p id="state"></p><pre id="log" style="white-space:pre-wrap"></pre><script>
window.seen = []; window.opened = 0;
window.source = new EventSource("{path}");
function show() {
    document.getElementById("state").textContent = `opened ${opened}, ${seen.length} events`;
}
source.onopen = () => { opened += 1; show(); };
for (const name of ["message", "status", "completed"]) {
    source.addEventListener(name, event => {
        seen.push([name, Number(event.lastEventId), JSON.parse(event.data)]);
        document.getElementById("log").textContent += name + " " + event.lastEventId + "; ";
        show();
    });
}
</script>
"""
CLOSED = 2  # readyState of an EventSource that does not come back


@pytest.fixture(scope="module")
def browser(workspace):
    made = Browser(workspace / "chromium")
    yield made
    made.close()
    shutil.rmtree(workspace / "chromium", ignore_errors=True)


@pytest.fixture(scope="module")
def redis(workspace):
    port = free_port()
    made = Redis(workspace / f"redis-{port}", port).start()
    yield made
    made.stop()


@pytest.fixture(scope="class")
def site(request, store, new_server, redis, llm):
    server = new_server(store)
    secret_file(server)
    server.configure(request.cls.CONF.format(redis=redis.port, llm=llm.url, dir=server.dir))
    server.start()
    until_linked(server)
    return server


def open_page(browser, site, path):
    """A page that listens to a path of its own server."""
    (site.dir / "htdocs" / "page.html").write_text(PAGE.replace("{path}", path), encoding="utf-8")
    browser.open(f"http://127.0.0.1:{site.port}/page.html")


def listen(browser, site, backlog=5):
    """A session with a backlog, of which the page has seen all; and who writes into it."""
    client = Sessions(site, "user_1")
    session = client.session()["session_id"]
    for number in range(backlog):
        client.append(session, f"before {number}")
    open_page(browser, site, f"/api/sessions/{session}/sse?access_token={token('user_1')}")
    until_seen(browser, backlog)
    return session


def until_seen(browser, n):
    until(lambda: browser.run("return seen.length") >= n, f"{n} events in the page")


def has_all_of(browser, site, session, n):
    """The page has seen what the log holds, 1 to n."""
    until_seen(browser, n)
    seen = browser.run("return seen")
    assert [number for _, number, _ in seen] == list(range(1, n + 1))
    assert {name for name, _, _ in seen} == {"message"}
    client = Sessions(site, "user_1")
    assert client.get_session(session)["last_seq"] == n
    stored = []
    while len(stored) < n:
        stored += client.messages(session, f"?limit=200&after_seq={len(stored)}")
    assert [message for _, _, message in seen] == stored


def kill_children(site, _):
    for pid in site.workers():
        kill_process(pid)


def lose_redis(site, redis):
    redis.stop()
    until_cut(site)
    redis.start()
    until_linked(site)


def graceful(site, _):
    site.graceful()


def restart(site, _):
    site.restart()


def kill_dispatcher(site, _):
    site.until_dispatcher(other_than=site.kill_dispatcher())


class TestSession:
    CONF = ("LLMQRedis 127.0.0.1:{redis} timeout=10s\nLLMQSSERetry 200ms\n"
            "<Location /page.html>\nForceType text/html\n</Location>\n" + SECRET)
    # Who dies, and what httpd says of it.
    EXPECT = (*LOST, *KILLED)

    def test_backlog_and_live(self, browser, site):
        session = listen(browser, site)
        client = Sessions(site, "user_1")
        for number in range(20):
            client.append(session, f"live {number} ü \u2028 \n😀")
        has_all_of(browser, site, session, 25)
        assert browser.run("return opened") == 1

    @pytest.mark.parametrize("disturb, cuts", [
        (graceful, True), (kill_children, True), (restart, True),
        (lose_redis, False), (kill_dispatcher, False),
    ], ids=["graceful", "killed children", "restart", "lost redis", "killed dispatcher"])
    def test_it_survives(self, browser, site, redis, disturb, cuts):
        session = listen(browser, site)
        writer = Writer(site, session, "m", least=60)
        until_seen(browser, 15)
        disturb(site, redis)
        if cuts:
            until(lambda: browser.run("return opened") > 1, "the page to come back")
        until_seen(browser, browser.run("return seen.length") + 10)
        has_all_of(browser, site, session, 5 + writer.finish())
        if not cuts:
            assert browser.run("return opened") == 1


class TestMessage:
    CONF = ("LLMQRedis 127.0.0.1:{redis} timeout=10s\nLLMQSSERetry 200ms\n"
            "<Location /page.html>\nForceType text/html\n</Location>\n" + FAKE)

    def test_its_end_ends_the_source(self, browser, site, llm):
        """The page comes back once and is told that there is nothing more to come."""
        llm.hold()
        api = site.new_api()
        sent = api.send("Hello")
        open_page(browser, site, f"/api/v1/messages/{sent['id']}/events")
        until_seen(browser, 1)
        llm.release()
        until(lambda: browser.run("return source.readyState") == CLOSED, "the end")
        seen = browser.run("return seen")
        assert [name for name, _, _ in seen[:-1]] == ["status"] * (len(seen) - 1)
        assert seen[-1][0] == "completed"
        assert seen[-1][2] == api.message(sent["id"])
        versions = [version for _, version, _ in seen]
        assert versions == sorted(set(versions))
