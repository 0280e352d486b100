"""Who may do what with tasks: roles by scope, as conf/examples/tasks.conf sets them up, and
tenants that do not see one another."""

import re
import uuid

import pytest

from llmq_env.conf import mounts, tenant_host
from llmq_env.httpd import ROOT
from llmq_env.tokens import bearer, encode, secret_file, token

EXAMPLE = ROOT / "conf" / "examples" / "tasks.conf"
TASK = {"task_type": "document_processing", "kb_id": "kb_1", "payload": {"n": 1}}
NOBODY = str(uuid.uuid4())  # no task has this id
LEASE = {"lease_token": "lease_none"}
# httpd says so when Require refuses.
SPOKEN = ("AH01630", "AH01629", "AH01631")

# Method, path, body, and who may call.
WRITE, WORK, READ, ADMIN, NONE = "write", "work", "read", "admin", "none"
CALLS = [
    ("POST", "/tasks", TASK, {WRITE}),
    ("POST", "/tasks/batch", [TASK], {WRITE}),
    ("GET", "/tasks", None, {WRITE, WORK, READ}),
    ("HEAD", "/tasks", None, {WRITE, WORK, READ}),
    ("GET", f"/tasks/{NOBODY}", None, {WRITE, WORK, READ}),
    ("DELETE", f"/tasks/{NOBODY}", None, {WRITE}),
    ("POST", f"/tasks/{NOBODY}/retry", None, {WRITE}),
    ("PUT", f"/tasks/{NOBODY}/progress", {"progress": 5}, {WORK}),
    ("POST", f"/tasks/{NOBODY}/heartbeat", LEASE, {WORK}),
    ("POST", f"/tasks/{NOBODY}/complete", LEASE, {WORK}),
    ("POST", f"/tasks/{NOBODY}/fail", LEASE, {WORK}),
    ("POST", f"/tasks/{NOBODY}/release", LEASE, {WORK}),
    ("POST", f"/tasks/{NOBODY}/release/", LEASE, {WORK}),
    ("POST", "/workers/w1/claim", {}, {WORK}),
    ("GET", "/stats/tasks", None, {WRITE, WORK, READ}),
    ("GET", "/stats/system", None, {WRITE, WORK, READ}),
    ("GET", "/queues/info", None, {WRITE, WORK, READ}),
    ("GET", "/messages", None, set()),
    ("POST", "/messages", {"content": "x", "user_id": "u"}, set()),
    ("GET", "/queues/status", None, set()),
    ("POST", "/messages/msg_x/complete", LEASE, set()),
]


def headers_of(who):
    if who == NONE:
        return {}
    if who == ADMIN:
        return bearer(token("root", admin=True))
    return bearer(token("somebody", scope=f"other tasks:{who}"))


@pytest.fixture(scope="class")
def guarded(request, store, new_server):
    server = new_server(store)
    secret_file(server)
    server.configure(request.cls.CONF.replace("{dir}", str(server.dir)))
    server.start()
    return server


@pytest.fixture
def guarded_api(guarded):
    return guarded.new_api()


class TestRoles:
    EXPECT = SPOKEN
    CONF = f"Define LLMQ_SECRET {{dir}}/secret\nInclude {EXAMPLE}\n"

    @pytest.mark.parametrize("method, path, body, who", CALLS,
                             ids=[f"{c[0]} {c[1].replace(NOBODY, 'ID')}" for c in CALLS])
    def test_each_role_calls_what_is_its_own(self, guarded_api, method, path, body, who):
        for role in (WRITE, WORK, READ):
            answer = guarded_api.call(method, path, body, headers=headers_of(role))
            if role in who:
                assert answer.status not in (401, 403), (role, answer)
            else:
                assert answer.status == 403, (role, answer)
        assert guarded_api.call(method, path, body, headers=headers_of(ADMIN)).status \
            not in (401, 403)
        assert guarded_api.call(method, path, body).status == 401

    @pytest.mark.parametrize("path", [
        "//tasks", "/tasks//", "/./tasks", "/x/../tasks", "/tasks%2f", "/Tasks", "/tasks;x",
        "/tasks/.", "/%74asks", "/tasks/..;/tasks"])
    def test_other_spellings_of_a_path_open_nothing(self, guarded_api, path):
        """However it is spelt, nothing comes in with the wrong scope or without any."""
        for headers in ({}, headers_of(WORK)):
            answer = guarded_api.call("POST", path, TASK, headers=headers, check=False)
            assert answer.status in (400, 401, 403, 404), answer
        total = guarded_api.get("/tasks", headers=headers_of(READ)).json["pagination"]["total"]
        posted = guarded_api.post("/tasks", TASK, headers=headers_of(WRITE))
        assert posted.status == 201
        assert guarded_api.get("/tasks", headers=headers_of(READ)).json["pagination"]["total"] \
            == total + 1

    def test_refusals_speak_s3(self, guarded_api):
        answer = guarded_api.post("/tasks", TASK)
        answer.denies(401, "UNAUTHORIZED")
        assert answer.headers["www-authenticate"].startswith('Bearer realm="tasks"')
        answer = guarded_api.post("/tasks", TASK, headers=headers_of(WORK))
        answer.denies(403, "FORBIDDEN")

    @pytest.mark.parametrize("sent", [
        "Bearer garbage", "Bearer " + token(secret="x" * 32, scope="tasks:write"),
        "Bearer " + token(exp=1, scope="tasks:write"),
        "Bearer " + token(tenant="another", scope="tasks:write"),
        "Bearer " + token(alg="none", scope="tasks:write"),
        "Bearer " + encode({"alg": "none"}) + "." + encode({"sub": "x", "exp": 9e9}) + ".",
        "Bearer llmq_nokey"],
        ids=["no-token", "secret", "past", "tenant", "none-signed", "none-bare", "no-key"])
    def test_bad_token_is_401_everywhere(self, guarded_api, sent):
        for method, path, body, _ in CALLS:
            answer = guarded_api.call(method, path, body, headers={"Authorization": sent})
            assert answer.status == 401, (method, path, answer)
            assert 'error="invalid_token"' in answer.headers["www-authenticate"]

    def test_whole_way_of_a_task(self, guarded_api):
        task = guarded_api.post("/tasks", TASK, headers=headers_of(WRITE))
        assert task.status == 201
        work = headers_of(WORK)
        got = guarded_api.post("/workers/w1/claim", {"limit": 100}, headers=work).json["tasks"]
        mine = next(t for t in got if t["id"] == task.json["id"])
        done = guarded_api.post(f"/tasks/{mine['id']}/complete",
                                {"lease_token": mine["lease_token"], "result": {"ok": 1}},
                                headers=work)
        assert done.status == 200, done
        seen = guarded_api.get(f"/tasks/{mine['id']}", headers=headers_of(READ)).json
        assert (seen["status"], seen["result"]) == ("completed", {"ok": 1})


class TestOpenMount:
    """The shipped configuration: everybody may, but a token that is sent must be valid."""

    def test_open(self, api):
        assert api.post("/tasks", TASK).status == 201
        assert api.get("/stats/tasks").status == 200

    def test_a_bad_token_is_refused_where_none_is_wanted(self, api):
        for method, path, body, _ in CALLS:
            answer = api.call(method, path, body, headers=bearer("garbage"))
            assert answer.status == 401, (method, path, answer)
            assert "www-authenticate" in answer.headers


class TestClosedMount:
    CONF = mounts(closed="LLMQAuth On\nLLMQTokenSecret {dir}/secret")

    def test_llmqauth_closes_all_of_it(self, guarded):
        api = guarded.new_api("/closed")
        for method, path, body, _ in CALLS:
            answer = api.call(method, path, body)
            assert answer.status == 401, (method, path, answer)
            assert answer.headers["www-authenticate"].startswith("Bearer")
            answer = api.call(method, path, body, headers=bearer(token()))
            assert answer.status not in (401, 403), (method, path, answer)


# By-id calls, with {id} and {token} of another tenant's task.
BY_ID = [
    ("GET", "/tasks/{id}", None),
    ("DELETE", "/tasks/{id}", None),
    ("POST", "/tasks/{id}/retry", None),
    ("PUT", "/tasks/{id}/progress", {"progress": 50}),
    ("PUT", "/tasks/{id}/progress", {"progress": 100, "worker_id": "w1"}),
    ("POST", "/tasks/{id}/heartbeat", {"lease_token": "{token}"}),
    ("POST", "/tasks/{id}/complete", {"lease_token": "{token}", "result": {}}),
    ("POST", "/tasks/{id}/fail", {"lease_token": "{token}", "error": "mine"}),
    ("POST", "/tasks/{id}/release", {"lease_token": "{token}"}),
]
ADMIN_BY_ID = [
    ("GET", "/admin/dead-letter/{id}"), ("DELETE", "/admin/dead-letter/{id}"),
    ("POST", "/admin/dead-letter/requeue/{id}"), ("DELETE", "/admin/delayed/{id}"),
    ("POST", "/admin/delayed/{id}/run-now"),
]


class Pair:
    """Calls to two virtual hosts of one server, each a tenant's."""

    def __init__(self, server):
        self.api = server.new_api()

    def call(self, host, method, path, body=None, check=True):
        return self.api.call(method, path, body, check=check,
                             headers={"Host": f"{host}.example.com"})


@pytest.fixture(scope="class")
def pair(store, new_server):
    server = new_server(store)
    server.configure("LLMQAdmin On\n" + tenant_host(server.port, "acme")
                     + tenant_host(server.port, "rival"))
    server.start()
    return Pair(server)


def state(pair, task_id):
    got = pair.call("acme", "GET", f"/tasks/{task_id}").json
    return {name: got[name] for name in ("status", "progress", "retry_count", "worker_id")}


class TestTenants:
    def make(self, pair, how):
        """A task of acme's, and its lease if it is under one."""
        task = pair.call("acme", "POST", "/tasks", {**TASK, "max_retries": 0,
                         **({"schedule_for": "2999-01-01T00:00:00Z"} if how == "x" else {})})
        assert task.status == 201, task
        task_id, lease = task.json["id"], "lease_none"
        if how in ("leased", "dead"):
            got = pair.call("acme", "POST", "/workers/w1/claim", {"limit": 100}).json["tasks"]
            lease = next(t["lease_token"] for t in got if t["id"] == task_id)
        if how == "dead":
            failed = pair.call("acme", "POST", f"/tasks/{task_id}/fail",
                               {"lease_token": lease, "error": "no", "retryable": False})
            assert failed.status == 200, failed
        return task_id, lease

    @pytest.mark.parametrize("how", ["queued", "leased", "dead"])
    def test_another_tenants_id_is_404_in_every_call(self, pair, how):
        task_id, lease = self.make(pair, how)
        before = state(pair, task_id)
        for method, path, body in BY_ID:
            if body:
                body = {k: lease if v == "{token}" else v for k, v in body.items()}
            answer = pair.call("rival", method, path.format(id=task_id), body)
            answer.denies(404, "TASK_NOT_FOUND")
            assert state(pair, task_id) == before, (method, path)
        for method, path in ADMIN_BY_ID:
            pair.call("rival", method, path.format(id=task_id)).refuses(404)
            assert state(pair, task_id) == before, (method, path)

    def test_an_unknown_id_gets_the_same_answer(self, pair):
        """Nobody learns from the answer that another tenant has such a task."""
        task_id, _ = self.make(pair, "queued")
        for method, path, body in BY_ID:
            texts = [pair.call("rival", method, path.format(id=i), body).body.decode()
                     .replace(i, "ID") for i in (task_id, NOBODY)]
            assert texts[0] == texts[1], (method, path)

    def test_lists_claims_and_figures_are_ones_own(self, pair):
        task_id, _ = self.make(pair, "queued")
        self.make(pair, "leased")
        self.make(pair, "dead")
        assert pair.call("rival", "GET", "/tasks").json["tasks"] == []
        claim = pair.call("rival", "POST", "/workers/w1/claim", {"limit": 100})
        assert claim.json["tasks"] == []
        stats = pair.call("rival", "GET", "/stats/tasks").json
        assert stats["total_tasks"] == 0 and not stats["type_breakdown"]
        system = pair.call("rival", "GET", "/stats/system").json
        assert system["queue_size"] == 0
        # The same name in two tenants is two workers.
        assert [w["tasks_processed"] for w in system["workers"]] in ([], [0])
        assert pair.call("rival", "GET", "/queues/info").json["queue_size"] == 0
        admin = pair.call("rival", "GET", "/admin/queues").data
        assert all(q["ready"] == q["processing_count"] == 0 for q in admin["task_queues"])
        assert pair.call("rival", "GET", "/admin/dead-letter").data["items"] == []
        assert pair.call("acme", "GET", f"/tasks/{task_id}").json["id"] == task_id

    def test_pause_and_maintenance_of_one_leave_the_other_alone(self, pair):
        for path, body in (("/admin/queues/normal/pause", None),
                           ("/admin/maintenance", {"enabled": True})):
            assert pair.call("acme", "POST", path, body).status == 200
        try:
            assert pair.call("acme", "POST", "/tasks", TASK).status == 503
            task = pair.call("rival", "POST", "/tasks", TASK)
            assert task.status == 201
            got = pair.call("rival", "POST", "/workers/w9/claim", {"limit": 100}).json["tasks"]
            assert task.json["id"] in [t["id"] for t in got]
        finally:
            pair.call("acme", "POST", "/admin/queues/normal/resume")
            pair.call("acme", "POST", "/admin/maintenance", {"enabled": False})
        assert pair.call("acme", "POST", "/tasks", TASK).status == 201


def test_the_example_names_each_scope_that_it_wants():
    text = EXAMPLE.read_text(encoding="utf-8")
    wanted = {word for line in re.findall(r"Require llmq-scope (.*)", text) for word in line.split()}
    assert wanted == {"tasks:write", "tasks:work", "tasks:read"}
