"""Notices of an end: callback_url and LLMQWebhook, signed, durable, and never inside."""

import json
import time

import pytest

from llmq_env.errorlog import KILLED
from llmq_env.httpd import free_port
from llmq_env.receiver import Receiver, Reply
from llmq_env.wait import until

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
OLD = "a key of plain text"

CONF = """
LLMQWebhookAllow 127.0.0.1 hooks.localhost
LLMQWebhookRetries 3 100ms 200ms
LLMQWebhookTimeout {time}
LLMQWebhookConcurrency 16 4
LLMQWebhookKey {dir}/keys
LLMQWebhookKey {dir}/other-keys other
LLMQTaskHandler document_processing {work}/
<Location "/loud">
    SetHandler llmq-queue
    Require all granted
    LLMQWebhook {hook}/loud {hook}/twice
    LLMQWebhook {hook}/twice
</Location>
<Location "/loud/quiet">
    SetHandler llmq-queue
    Require all granted
    LLMQWebhook none
</Location>
<Location "/other">
    SetHandler llmq-queue
    Require all granted
    LLMQTenant other
</Location>
"""


def conf_of(folder, hook, work, time):
    """Written beforehand: httpd reads the keys as it starts."""
    (folder / "keys").write_text(f"{SECRET}\n{OLD}\n", encoding="ascii")
    (folder / "other-keys").write_text("of another tenant", encoding="ascii")
    return (CONF.replace("{dir}", str(folder)).replace("{hook}", hook.url)
            .replace("{work}", work.url).replace("{time}", time))


@pytest.fixture(scope="module")
def hook():
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(scope="module")
def work():
    """Does all tasks but those of other types than document_processing."""
    receiver = Receiver()
    receiver.default = Reply(body=b'{"pages":3}')
    yield receiver
    receiver.close()


@pytest.fixture(autouse=True)
def hook_is_reset(hook):
    yield
    hook.reset()


def new_task(api, url=None, **fields):
    body = {"task_type": "document_processing", "kb_id": "kb_1", "payload": {"n": 1}, **fields}
    if url:
        body["callback_url"] = url
    answer = api.post("/tasks", body)
    assert answer.status == 201, answer
    return answer.json


def complete(api, task_id):
    until(lambda: api.get(f"/tasks/{task_id}").json["status"] == "completed",
          f"{task_id} to be completed")


def outbox(server):
    return server.query("SELECT count(*) FROM llmq_outbox")[0][0]


def until_told(server):
    until(lambda: outbox(server) == 0, "the outbox to be empty")


class Base:
    TIMEOUT = "5min"

    @pytest.fixture(scope="class")
    def server(self, store, new_server, hook, work):
        made = new_server(store)
        made.configure(conf_of(made.dir, hook, work, self.TIMEOUT))
        made.start()
        return made


class TestNotices(Base):
    def test_an_end_is_told_and_signed(self, server, api, hook):
        task = new_task(api, f"{hook.url}/hook?a=b")
        complete(api, task["id"])
        post, = hook.until_posts(1)
        until_told(server)
        assert post.path == "/hook?a=b"
        assert post.headers["content-type"] == "application/json"
        assert post.signed_with(SECRET, OLD)
        assert abs(int(post.headers["webhook-timestamp"]) - time.time()) < 600
        said = post.json
        assert set(said) == {"type", "timestamp", "data"}
        assert said["type"] == "task.completed"
        seen = api.get(f"/tasks/{task['id']}").json
        for name in ("id", "task_type", "kb_id", "status", "payload", "result", "created_at"):
            assert said["data"][name] == seen[name], name
        assert "callback" not in json.dumps(seen)
        assert len(hook.posts) == 1

    def test_each_kind_of_end_has_its_type(self, server, api, hook):
        canceled = new_task(api, hook.url, task_type="health_check")["id"]
        assert api.delete(f"/tasks/{canceled}").status == 200
        post, = hook.until_posts(1)
        assert (post.json["type"], post.json["data"]["status"]) == ("task.canceled", "canceled")
        until_told(server)

    def test_the_end_that_a_worker_brings_about_is_told_too(self, server, api, hook):
        task = new_task(api, hook.url, task_type="health_check")["id"]
        claimed, = api.post("/workers/w1/claim", {"task_types": ["health_check"]}).json["tasks"]
        answer = api.post(f"/tasks/{task}/complete",
                          {"lease_token": claimed["lease_token"], "result": {"ok": 1}})
        assert answer.status == 200, answer
        post, = hook.until_posts(1)
        assert post.json["type"] == "task.completed" and post.json["data"]["result"] == {"ok": 1}
        failing = new_task(api, hook.url, task_type="health_check")["id"]
        claimed, = api.post("/workers/w1/claim", {"task_types": ["health_check"]}).json["tasks"]
        answer = api.post(f"/tasks/{failing}/fail", {"lease_token": claimed["lease_token"],
                                                     "error": "no", "retryable": False})
        assert answer.status == 200, answer
        hook.until_posts(2)
        assert [post.json["type"] for post in hook.posts] == ["task.completed", "task.failed"]
        until_told(server)

    def test_what_has_no_callback_tells_nobody(self, server, api, hook):
        complete(api, new_task(api)["id"])
        complete(api, new_task(api, callback_url=None)["id"])
        last = new_task(api, f"{hook.url}/last")["id"]
        complete(api, last)
        hook.until_posts(1, "/last")
        until_told(server)
        assert len(hook.posts) == 1

    def test_a_location_may_want_to_hear_of_everything(self, server, hook):
        loud = server.new_api("/loud")
        task = new_task(loud, f"{hook.url}/own")["id"]
        complete(loud, task)
        hook.until_posts(3)
        until_told(server)
        assert sorted(post.path for post in hook.posts) == ["/loud", "/own", "/twice"]
        assert len({post.event for post in hook.posts}) == 3
        hook.reset()
        message = loud.send("Hello")["id"]
        for post in hook.until_posts(2):
            assert post.json["type"] == "message.completed"
            assert post.json["data"]["id"] == message
            assert post.json["data"]["result"]["content"] == "Echo: Hello"
        quiet = server.new_api("/loud/quiet")
        quiet.until_status(quiet.send("Hush")["id"])
        until_told(server)
        assert len(hook.posts) == 2

    def test_tenants_have_keys_of_their_own(self, server, hook):
        other = server.new_api("/other")
        complete(other, new_task(other, hook.url)["id"])
        post, = hook.until_posts(1)
        assert post.signed_with("of another tenant")
        until_told(server)

    def test_a_task_that_is_retried_by_hand_tells_of_both_ends(self, server, api, hook, work):
        work.replies = [Reply(status=400)]
        task = new_task(api, hook.url)["id"]
        post, = hook.until_posts(1)
        assert (post.json["type"], post.json["data"]["status"]) == ("task.failed", "failed")
        assert api.post(f"/tasks/{task}/retry").status == 200
        complete(api, task)
        hook.until_posts(2)
        until_told(server)
        assert [post.json["type"] for post in hook.posts] == ["task.failed", "task.completed"]
        assert len({post.event for post in hook.posts}) == 2

    @pytest.mark.parametrize("url", [
        "", "example.com", "/hook", "//example.com/", "ftp://example.com/", "http://",
        "http://user:secret@example.com/", "http://example.com/#x", "http://example.com:0/",
        "http://example.com:99999/", "http://exa mple.com/", "http://a..b/",
        "http://example.com\\@evil.example/", "http://ex%61mple.com/", "javascript:alert(1)",
        "http://[::1/", "http://" + "a" * 2048, 7, [], {}, True])
    def test_bad_urls_are_400_and_nothing_is_stored(self, api, url):
        body = {"task_type": "document_processing", "kb_id": "kb_bad", "payload": {},
                "callback_url": url}
        api.post("/tasks", body).denies(400, "INVALID_REQUEST", "callback_url")
        api.post("/tasks/batch", [{**body, "callback_url": None}, body]) \
            .denies(400, "INVALID_REQUEST", "callback_url", index=1)
        assert api.get("/tasks?kb_id=kb_bad").json["pagination"]["total"] == 0


class TestReceivers(Base):
    EXPECT = ("LLMQ0760",)

    def test_who_fails_is_told_again_under_the_same_id(self, server, api, hook):
        hook.replies = [Reply(status=503), Reply(status=404), Reply(hang_up=True)]
        complete(api, new_task(api, hook.url)["id"])
        posts = hook.until_posts(4)
        until_told(server)
        assert len({post.event for post in posts}) == 1 and len(hook.posts) == 4
        assert all(post.signed_with(SECRET, OLD) for post in posts)

    def test_after_the_last_try_it_is_given_up(self, server, api, hook):
        hook.default = Reply(status=500)
        task = new_task(api, f"{hook.url}/?token=do-not-log-me")["id"]
        complete(api, task)
        until(lambda: "given up" in server.log.text(), "the notice to be given up")
        until_told(server)
        assert len(hook.posts) == 4
        line, = [x for x in server.log.text().splitlines() if task in x and "given up" in x]
        assert "LLMQ0760" in line and "do-not-log-me" not in server.log.text()
        assert api.get(f"/tasks/{task}").json["status"] == "completed"

    def test_gone_is_not_asked_again(self, server, api, hook):
        hook.default = Reply(status=410)
        complete(api, new_task(api, hook.url)["id"])
        until_told(server)
        assert len(hook.posts) == 1

    def test_a_receiver_that_hangs_delays_nobody_else(self, server, api, hook):
        slow = Receiver("127.0.0.1")
        slow.hold()
        try:
            for _ in range(12):
                complete(api, new_task(api, slow.url)["id"])
            slow.until_posts(4)
            for i in range(12):
                complete(api, new_task(api, f"{hook.url}/{i}")["id"])
            hook.until_posts(12)
            assert len(slow.posts) == 4
            slow.release()
            slow.until_posts(12)
            assert slow.most_in_flight == 4
            until_told(server)
        finally:
            slow.close()

    def test_a_receiver_that_is_away_is_told_when_it_is_back(self, server, api, hook):
        complete(api, new_task(api, f"http://127.0.0.1:{free_port()}/")["id"])
        until(lambda: "try 1" in server.log.text(), "a try")
        until_told(server)  # after the last of three more


class TestInside(Base):
    """Where requests must not go, under whatever name."""

    EXPECT = ("LLMQ0760",)

    @pytest.fixture(scope="class")
    def server(self, store, new_server, work):
        made = new_server(store, "LLMQWebhookTimeout 5min\nLLMQWebhookRetries 0\n"
                                 f"LLMQTaskHandler document_processing {work.url}/\n")
        made.start()
        return made

    def test_private_addresses_are_not_connected_to(self, server, api, hook):
        hosts = ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1",
                 "0", "0.0.0.0", "127.0.0.1.", "[::1]", "[::]", "[::ffff:127.0.0.1]",
                 "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "ip6-localhost"]
        tasks = {host: new_task(api, f"http://{host}:{hook.port}/")["id"] for host in hosts}
        for task in tasks.values():
            complete(api, task)
        until_told(server)
        assert hook.posts == []
        text = server.log.text()
        for host in ("127.0.0.1", "localhost", "2130706433", "[::ffff:127.0.0.1]"):
            line, = [x for x in text.splitlines() if tasks[host] in x and "given up" in x]
            assert "not allowed" in line, line

    def test_metadata_and_private_nets_are_refused_at_once(self, server, api):
        tasks = [new_task(api, f"http://{host}/latest/meta-data/")["id"] for host in
                 ("169.254.169.254", "10.0.0.1", "192.168.0.1", "172.16.0.1",
                  "100.100.100.200", "[fd00:ec2::254]", "[fe80::1]")]
        for task in tasks:
            complete(api, task)
        until_told(server)
        text = server.log.text()
        assert all(any(task in x and "not allowed" in x for x in text.splitlines())
                   for task in tasks)


class TestAllowed(Base):
    EXPECT = ("LLMQ0760",)

    def test_a_redirect_is_not_followed(self, server, api, hook):
        inside = Receiver()
        try:
            hook.default = Reply(status=307, headers={"Location": inside.url + "/in"})
            complete(api, new_task(api, f"{hook.url}/out")["id"])
            hook.until_posts(4, "/out")
            until_told(server)
            assert inside.posts == []
        finally:
            inside.close()

    def test_a_name_on_the_list_may_be_anywhere(self, server, api, hook):
        complete(api, new_task(api, f"http://localhost:{hook.port}/no")["id"])
        complete(api, new_task(api, f"http://hooks.localhost:{hook.port}/maybe")["id"])
        complete(api, new_task(api, f"http://127.0.0.1:{hook.port}/yes")["id"])
        hook.until_posts(1, "/yes")
        until_told(server)
        # localhost leads to an address on the list; other names of it are tried by address
        assert {post.path for post in hook.posts} >= {"/yes"}


class TestDeaths(Base):
    EXPECT = (*KILLED, "LLMQ0760")
    TIMEOUT = "2s"  # what the dead had begun is begun again some seconds after it

    def test_nothing_is_lost_when_the_dispatcher_dies(self, server, api, hook):
        hook.default = Reply(delay=0.1)
        ids = []
        for round_ in range(3):
            for i in range(10):
                task = new_task(api, f"{hook.url}/{round_}-{i}")["id"]
                complete(api, task)
                ids.append(task)
            hook.until_posts(round_ * 10 + 3)
            server.until_dispatcher(other_than=server.kill_dispatcher())
        until_told(server)
        told = {}
        for post in hook.posts:
            told.setdefault(post.json["data"]["id"], set()).add(post.event)
        assert set(told) == set(ids)
        assert all(len(events) == 1 for events in told.values()), "one id for each event"

    def test_a_graceful_restart_hands_them_on(self, server, api, hook):
        hook.default = Reply(delay=0.3)
        ids = [new_task(api, hook.url)["id"] for _ in range(8)]
        for task in ids:
            complete(api, task)
        hook.until_posts(1)
        server.graceful()
        api.close()
        until_told(server)
        assert {post.json["data"]["id"] for post in hook.posts} == set(ids)


class TestDirectives:
    @pytest.mark.parametrize("line", [
        "LLMQWebhook ftp://example.com/", "LLMQWebhook http://u:p@example.com/",
        "LLMQWebhookKey /does/not/exist", "LLMQWebhookKey /etc/hostname 'a b'",
        "LLMQWebhookAllow http://example.com/", "LLMQWebhookAllow 10.0.0.0/33",
        "LLMQWebhookAllow host:80", "LLMQWebhookTimeout 0", "LLMQWebhookTimeout 2h",
        "LLMQWebhookRetries -1", "LLMQWebhookRetries 3 10s 1s", "LLMQWebhookRetries x",
        "LLMQWebhookConcurrency 0", "LLMQWebhookConcurrency 4 8",
        "<VirtualHost *:1>\nLLMQWebhookAllow public\n</VirtualHost>"])
    def test_what_makes_no_sense_is_refused(self, idle, line):
        idle.refusal(line, line=2 if line.startswith("<") else 1)
