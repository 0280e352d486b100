"""Tenants: no call sees what belongs to another one, by location or by virtual host."""

import http.client
import json
import re

import pytest

from llmq_env.conf import tenant_host
from llmq_env.httpd import ROOT
from llmq_env.tasks import fetch, lasting
from llmq_env.tokens import bearer, secret_file, token
from test_600_apps import CALLS as APPS_BY_ID


class HostApi:
    """Calls of one virtual host; the others of Api do not name a host."""

    def __init__(self, port, host):
        self.port, self.host = port, host

    def status(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        try:
            headers = {"Host": self.host, "Content-Type": "application/json"}
            connection.request(method, "/api/v1" + path, body, headers)
            got = connection.getresponse()
            return got.status, got.read()
        finally:
            connection.close()


MOUNTS = """
    LLMQDispatcher Off
    <Location /acme>
        SetHandler llmq-queue
        LLMQTenant acme
        LLMQTokenSecret {dir}/secret
        LLMQAdmin On
        Require all granted
    </Location>
    <Location /rival>
        SetHandler llmq-queue
        LLMQTenant rival
        LLMQTokenSecret {dir}/secret
        LLMQAdmin On
        Require all granted
    </Location>
    <Location /acme2>
        SetHandler llmq-queue
        LLMQTenant acme
        Require all granted
    </Location>
"""

# Method, path with {id} of a message and {conv} of a conversation of the other tenant, body.
BY_ID = [
    ("GET", "/messages/{id}", None),
    ("GET", "/messages/{id}/events", None),
    ("DELETE", "/messages/{id}", None),
    ("PUT", "/messages/{id}/status", {"status": "processing"}),
    ("PUT", "/messages/{id}/status", {"status": "failed"}),
    ("GET", "/admin/dead-letter/{id}", None),
    ("DELETE", "/admin/dead-letter/{id}", None),
    ("POST", "/admin/dead-letter/requeue/{id}", None),
    ("DELETE", "/admin/delayed/{id}", None),
    ("POST", "/admin/delayed/{id}/run-now", None),
    ("GET", "/conversations/{conv}", None),
    ("GET", "/conversations/{conv}/events", None),
    ("PUT", "/conversations/{conv}", {"title": "mine now"}),
    ("PUT", "/conversations/{conv}/state", {"state": "completed"}),
    ("GET", "/conversations/{conv}/messages", None),
    ("POST", "/conversations/{conv}/messages", {"content": "x", "user_id": "user_1"}),
    ("DELETE", "/conversations/{conv}", None),
]

# The same with {task}, and with {token} of the lease that the other tenant's worker has.
TASKS_BY_ID = [
    ("GET", "/tasks/{task}", None),
    ("GET", "/tasks/{task}/events", None),
    ("DELETE", "/tasks/{task}", None),
    ("POST", "/tasks/{task}/retry", {}),
    ("PUT", "/tasks/{task}/progress", {"progress": 50, "worker_id": "worker_1"}),
    ("POST", "/tasks/{task}/heartbeat", {"lease_token": "{token}"}),
    ("POST", "/tasks/{task}/complete", {"lease_token": "{token}", "result": {}}),
    ("POST", "/tasks/{task}/fail", {"lease_token": "{token}", "error": "no"}),
    ("POST", "/tasks/{task}/release", {"lease_token": "{token}"}),
]
MESSAGES_BY_LEASE = [
    ("POST", "/messages/{id}/heartbeat", {"lease_token": "{token}"}),
    ("POST", "/messages/{id}/complete", {"lease_token": "{token}", "result": {}}),
    ("POST", "/messages/{id}/fail", {"lease_token": "{token}", "error": "no"}),
    ("POST", "/messages/{id}/release", {"lease_token": "{token}"}),
]

# Names that are no tenant's: levels, backends, workers; rules have a test of their own, and so
# have sessions (511) and models (622).
NO_TENANTS = re.compile(r"/(admin/(queues|backends|preprocessor)|workers|sessions|models)/")


def routes():
    """(method, pattern) of each row of the module's table."""
    text = (ROOT / "mod_llmq" / "http" / "route.c").read_text(encoding="utf-8")
    return {(m, p) for m, p in re.findall(r'\{M_(\w+),\s*"(/[^"]*)"', text)}


def pattern(call):
    return call[0], re.sub(r"\{\w+\}", "*", call[1])


def app_pattern(call):
    """Apps have a test of their own (600), with the same purpose and a table without their id."""
    return call[0], "/*" + re.sub(r"/[0-9a-f-]{36}", "/*", call[1])


FILTERS = ["", "?user_id=user_1", "?conversation_id=conv_1", "?status=pending", "?priority=high",
           "?sort=priority&order=asc", "?user_id=user_1&conversation_id=conv_1"]


class TestLocations:
    @pytest.fixture(scope="class")
    def server(self, store, new_server):
        server = new_server(store)
        secret_file(server)
        server.configure(MOUNTS.replace("{dir}", str(server.dir)))
        server.start()
        return server

    @pytest.fixture
    def acme(self, server):
        return server.new_api("/acme")

    @pytest.fixture
    def rival(self, server):
        return server.new_api("/rival")

    @pytest.mark.parametrize("method, path, body", [c for c in BY_ID if pattern(c) in routes()],
                             ids=lambda x: str(x)[:40])
    def test_ids_of_another_tenant_are_404(self, acme, rival, method, path, body):
        theirs = acme.send("secret", conversation_id="conv_theirs", priority="high")
        path = path.replace("{id}", theirs["id"]).replace("{conv}", "conv_theirs")
        answer = rival.call(method, path, body)
        assert answer.status == 404, answer
        assert answer.json["error_code"] in (1004, 1005)
        assert "secret" not in answer.body.decode()
        after = acme.message(theirs["id"])
        assert (after["status"], after["updated_at"]) == (theirs["status"], theirs["updated_at"])

    def test_every_id_of_the_table_is_tried(self):
        ids = {r for r in routes() if "*" in r[1] and not NO_TENANTS.match(r[1])}
        tried = {pattern(call) for call in BY_ID + TASKS_BY_ID + MESSAGES_BY_LEASE}
        tried |= {app_pattern(call) for call in APPS_BY_ID}
        assert ids - tried == set()

    @staticmethod
    def claim(api, kind, wanted):
        """Of what may wait from the tests before, all are claimed; the one that is wanted."""
        got = api.post("/workers/worker_1/claim", {"kinds": [kind], "limit": 100})
        return next(job for job in got.json["tasks"] if job["id"] == wanted)

    @staticmethod
    def try_all(rival, calls, **values):
        for method, path, body in calls:
            text = json.dumps(body) if body is not None else None
            for name, value in values.items():
                path = path.replace("{%s}" % name, value)
                text = text and text.replace("{%s}" % name, value)
            answer = rival.call(method, path, json.loads(text) if text else None)
            assert answer.status == 404, (method, path, answer)
            assert "secret" not in answer.body.decode()

    def test_tasks_of_another_tenant_are_404(self, acme, rival):
        task = acme.post("/tasks", {"task_type": "health_check", "kb_id": "secret",
                                    "payload": {}}).json["id"]
        assert rival.post("/workers/worker_1/claim", {"limit": 100}).json == {"tasks": []}
        self.try_all(rival, TASKS_BY_ID[:5], task=task)
        token = self.claim(acme, "task", task)["lease_token"]
        before = lasting(fetch(acme, task))
        self.try_all(rival, TASKS_BY_ID, task=task, token=token)
        assert lasting(fetch(acme, task)) == before
        assert rival.get("/tasks?kb_id=secret").json["tasks"] == []
        done = acme.post(f"/tasks/{task}/complete", {"lease_token": token, "result": {}})
        assert done.status == 200

    def test_messages_leased_to_another_tenant_are_404(self, acme, rival):
        message = acme.send("secret")["id"]
        token = self.claim(acme, "message", message)["lease_token"]
        self.try_all(rival, MESSAGES_BY_LEASE, id=message, token=token)
        assert acme.message(message)["status"] == "processing"
        done = acme.post(f"/messages/{message}/complete", {"lease_token": token, "result": "x"})
        assert done.status == 200

    @pytest.mark.parametrize("query", FILTERS)
    def test_lists_and_figures_hold_only_what_is_ours(self, server, acme, query):
        acme.send(conversation_id="conv_1", priority="high")
        for other in (server.new_api("/rival"), server.new_api()):
            answer = other.get("/messages" + query)
            assert answer.status == 200
            assert answer.data["messages"] == [] and answer.data["pagination"]["total"] == 0

    def test_dead_letters_and_delayed_are_their_tenants(self, server, acme, rival):
        dead, late = acme.send()["id"], acme.send(delay=3600)["id"]
        server.query("UPDATE llmq_jobs SET status = 3, dead_letter = 1, finished_at = created_at"
                     f" WHERE id = '{dead}'")
        assert [i["id"] for i in acme.get("/admin/dead-letter").data["items"]] == [dead]
        assert late in acme.get("/admin/delayed").body.decode()
        for path in ("/admin/dead-letter", "/admin/delayed"):
            answer = rival.get(path)
            assert answer.data["items"] == [] and answer.data["pagination"]["total"] == 0
        assert rival.post("/admin/dead-letter/requeue-all", {}).status == 200
        rival.delete("/admin/dead-letter?confirm=all")
        for method, path in (("GET", "/admin/dead-letter/"), ("DELETE", "/admin/dead-letter/"),
                             ("POST", "/admin/dead-letter/requeue/")):
            rival.call(method, path + dead).refuses(404, 1004)
        rival.call("POST", f"/admin/delayed/{late}/run-now").refuses(404, 1004)
        rival.delete(f"/admin/delayed/{late}").refuses(404, 1004)
        assert [i["id"] for i in acme.get("/admin/dead-letter").data["items"]] == [dead]
        assert acme.message(late)["status"] == "pending"

    def test_figures_of_queues_are_their_tenants(self, server, acme, rival):
        acme.send(priority="low")

        def figures(api):
            stats = api.get("/queues/stats").data["stats"]
            metrics = api.get("/metrics").data["application"]
            return api.queues()["total_size"], stats["total_messages"], metrics["queue_depth"]

        assert all(figure > 0 for figure in figures(acme))
        assert figures(rival) == (0, 0, 0)

    def test_preprocessor_of_another_tenant(self, acme, rival):
        made = acme.post("/admin/preprocessor/rules", {"priority": "high", "pattern": "zebra"})
        assert made.status in (200, 201)
        acme.post("/admin/preprocessor/user-priorities", {"user_id": "vip", "priority": "realtime"})
        assert "zebra" not in rival.get("/admin/preprocessor/rules").body.decode()
        assert "vip" not in rival.get("/admin/preprocessor/user-priorities").body.decode()
        assert rival.delete("/admin/preprocessor/rules/" + made.data["id"]).status == 404
        assert "zebra" in acme.get("/admin/preprocessor/rules").body.decode()
        assert acme.send("a zebra")["priority"] == "high"
        for fields in ({"content": "a zebra"}, {"user_id": "vip"}):
            message = rival.send(**fields)
            assert message["priority"] == "normal"
            rival.delete(f"/messages/{message['id']}")

    def test_idempotency_keys_of_another_tenant(self, acme, rival):
        key = {"Idempotency-Key": "the-same"}
        body = {"user_id": "u", "content": "theirs"}
        first = acme.post("/messages", body, headers=key)
        second = rival.post("/messages", body, headers=key)
        assert (first.status, second.status) == (201, 201)
        assert first.data["id"] != second.data["id"]
        assert "idempotent-replayed" not in second.headers
        rival.delete(f"/messages/{second.data['id']}")

    def test_two_mounts_of_one_tenant_are_one(self, server, acme):
        made = acme.send("ours")
        assert server.new_api("/acme2").message(made["id"])["content"] == "ours"

    def test_same_names_are_different_things(self, server, acme):
        """Users and conversations of equal names have nothing to do with each other."""
        third = server.new_api()
        mine = third.send("mine", conversation_id="conv_1", user_id="user_1")
        acme.send("theirs", conversation_id="conv_1", user_id="user_1")
        listed = third.get("/messages?conversation_id=conv_1").data["messages"]
        assert [m["content"] for m in listed] == ["mine"]
        third.delete(f"/messages/{mine['id']}")

    def test_tenant_claim_is_held_to_its_location(self, acme, rival):
        for claim, at_acme, at_rival in (("acme", 200, 401), ("rival", 401, 200), (None, 200, 200),
                                         ("default", 401, 401), ("", 401, 401)):
            header = bearer(token(tenant=claim))
            assert acme.get("/messages", headers=header).status == at_acme, claim
            assert rival.get("/messages", headers=header).status == at_rival, claim

    def test_admin_of_one_tenant_sees_no_other(self, acme, rival):
        theirs = acme.send("secret")
        header = bearer(token("root", admin=True, tenant="rival"))
        rival.get(f"/messages/{theirs['id']}", headers=header).refuses(404, 1004)
        rival.delete(f"/messages/{theirs['id']}", headers=header).refuses(404, 1004)


class TestHosts:
    @pytest.fixture(scope="class")
    def server(self, store, new_server):
        server = new_server(store)
        server.configure("LLMQDispatcher Off\n" + "".join(
            tenant_host(server.port, name) for name in ("blue", "red")))
        server.start()
        return server

    def test_each_host_has_its_own(self, server):
        blue = HostApi(server.port, "blue.example.com")
        red = HostApi(server.port, "red.example.com")
        status, body = blue.status("POST", "/messages", '{"user_id":"u","content":"blue one"}')
        assert status == 201
        message_id = json.loads(body)["data"]["id"]
        assert blue.status("GET", f"/messages/{message_id}")[0] == 200
        for method in ("GET", "DELETE"):
            assert red.status(method, f"/messages/{message_id}")[0] == 404
        assert b"blue one" in blue.status("GET", "/messages")[1]
        assert b"blue one" not in red.status("GET", "/messages")[1]
        tenants = server.query("SELECT tenant FROM llmq_jobs")
        assert [row[0] for row in tenants] == ["blue"]
