"""docs/openapi.yaml against the running server: each operation is called for each status that the
document has for it, each answer holds to its schema and has no member that the document does not
know, each path has the methods that stand there, and bodies that the document refuses are
refused. Sessions have a file of their own (514)."""

import concurrent.futures
import json

from llmq_env.api import Api
from llmq_env.openapi import Caller, OpenApi
from llmq_env.sessions import SECRET
from llmq_env.tokens import bearer, token
from llmq_env.wait import until

ALL = OpenApi()
HERE = OpenApi(but=("/api/sessions", "/api/test"))
NOWHERE = "0199aa00-0000-7000-8000-000000000000"
PLACES = ("/api", "/api/v1", "/apps", "/v1", "/health", "/metrics")
GONE = "\n".join(["<LLMQBackend gone>", "LLMQBackendKind openai",
                  "LLMQBackendURL http://127.0.0.1:1",
                  "LLMQBackendModel gone", "LLMQBackendGroup 1", "LLMQBackendHealth off",
                  "</LLMQBackend>\n"])
CONF = (SECRET + "LLMQConversationAutoCreate Off\nLLMQRetryDelay 50ms 100ms\n"
        "<LLMQBackend echo>\nLLMQBackendKind echo\n</LLMQBackend>\n" + GONE
        + "".join(f"<Location {place}>\nLimitRequestBody 5000\nLLMQSSEMaxAge 5s\n</Location>\n"
                  for place in PLACES)
        + "<Location /api/v1/admin>\nLLMQAdmin Off\nRequire all granted\n</Location>\n")
BAD = bearer(token("x", secret="another secret of thirty-two bytes or more"))
UNKNOWN = {"message_id": NOWHERE, "conversation_id": "nowhere", "job_id": NOWHERE,
           "task_id": NOWHERE, "backend": "nowhere", "rule_id": "nowhere", "app_id": NOWHERE,
           "model": "nowhere", "session_id": NOWHERE, "run_id": NOWHERE}

V1 = "/api/v1"
MESSAGES, MESSAGE = V1 + "/messages", V1 + "/messages/{message_id}"
CONVERSATIONS, CONVERSATION = V1 + "/conversations", V1 + "/conversations/{conversation_id}"
TASKS, TASK = V1 + "/tasks", V1 + "/tasks/{task_id}"
CLAIM, ADMIN = V1 + "/workers/{worker_id}/claim", V1 + "/admin"
DEAD, DELAYED = ADMIN + "/dead-letter", ADMIN + "/delayed"
APPS, APP = "/apps", "/apps/{app_id}"
SAY = {"user_id": "user_789", "content": "Hello", "conversation_id": "conv_123456"}
WORK = {"task_type": "document_processing", "kb_id": "kb_1", "payload": {"file_path": "docs/a.pdf"}}


def new_caller(server, spec):
    """With ids of things that are there."""
    c = Caller(server, spec, admin=True)
    c.ids = {"worker_id": "worker_1", "backend": "echo", "level": "low", "model": "echo"}
    c.api.post(ADMIN + "/backends/gone/drain", headers=c.user, check=False)
    for path, body, name, member in (
            (CONVERSATIONS, {"id": "conv_123456", "user_id": "user_789"}, "conversation_id", "id"),
            (MESSAGES, SAY, "message_id", "id"), (TASKS, WORK, "task_id", "id"),
            (APPS, {"name": "Bot"}, "app_id", "id"),
            (ADMIN + "/preprocessor/rules", {"priority": "low", "pattern": "digest"},
             "rule_id", "id"),
            ("/api/sessions", {}, "session_id", "session_id")):
        answer = c.api.post(path, body, headers=c.user, check=False)
        assert answer.status in (200, 201, 409), answer
        made = answer.json.get("data") or answer.json
        c.ids[name] = made.get(member, "conv_123456")
    c.ids["job_id"] = c.ids["message_id"]
    c.ids["run_id"] = NOWHERE
    return c


# ---- what is refused everywhere alike ---------------------------------------------------------

def refusals(c, status, refuse):
    """refuse(method, path, operation) for each operation that has this status; those that were
    answered otherwise."""
    return [f"{method} {path}: {answer}" for method, path, operation in c.spec.operations()
            if status in operation["responses"]
            for answer in [refuse(method, path, operation)]
            if answer is not None and answer.status != int(status)]


def call_unauthorized(c):
    def refuse(method, path, operation):
        return c.call(method, path, c.spec.example(operation), headers=BAD)
    assert refusals(c, "401", refuse) == []


def call_unknown_ids(c):
    def refuse(method, path, operation):
        ids = {p["name"] for p in c.spec.parameters(path, operation, "path")}
        if path == APP + "/messages/{message_id}/delete" or not ids & set(UNKNOWN):
            return None
        return c.call(method, path, c.spec.example(operation),
                      **{name: UNKNOWN[name] for name in ids})
    assert refusals(c, "404", refuse) == []


def call_bad_bodies(c):
    def too_large(method, path, operation):
        return c.call(method, path, json.dumps("x" * 6000))

    def other_type(method, path, operation):
        return c.call(method, path, json.dumps(c.spec.example(operation)),
                      headers={"Content-Type": "text/plain"})

    def no_json(method, path, operation):
        if "requestBody" in operation:
            return c.call(method, path, "{")
        query = c.spec.parameters(path, operation, "query")
        return c.call(method, path, query=f"?{query[0]['name']}=%ff") if query else None

    assert refusals(c, "413", too_large) == []
    assert refusals(c, "415", other_type) == []
    assert refusals(c, "400", no_json) == []


def call_forbidden(c):
    def refuse(method, path, operation):
        return c.call(method, path, c.spec.example(operation),
                      headers=bearer(token("somebody"))) if path != "/metrics" else None
    assert refusals(c, "403", refuse) == []


def call_keys(c):
    """The same answer again, to the letter; another body is refused."""
    def refuse(method, path, operation):
        key = {"Idempotency-Key": operation["operationId"]}
        body = c.spec.example(operation)
        first = c.call(method, path, body, headers=key)
        again = c.call(method, path, body, headers=key)
        assert first.status in (200, 201) and again.body == first.body, again
        assert again.headers["idempotent-replayed"] == "true", again
        return c.call(method, path, [body, body], headers=key)
    assert refusals(c, "422", refuse) == []


# ---- S0 ---------------------------------------------------------------------------------------

def call_messages(c):
    c.must(404, "POST", MESSAGES, {**SAY, "conversation_id": "nowhere"})
    done = c.must(201, "POST", MESSAGES, SAY, "?wait=20").data
    assert done["status"] == "completed"
    c.must(200, "GET", MESSAGES, query="?status=completed&priority=normal&page_size=1&order=asc"
           "&conversation_id=conv_123456&user_id=user_789&queue_name=normal&sort=updated_at")
    c.must(200, "GET", MESSAGE)
    c.must(200, "PUT", MESSAGE + "/status", {"status": "completed"})
    stream = c.must(200, "GET", MESSAGE + "/events", headers={"Content-Type": None})
    last = [line[4:] for line in stream.body.decode().splitlines() if line.startswith("id: ")][-1]
    c.must(204, "GET", MESSAGE + "/events", headers={"Last-Event-ID": last})
    c.must(200, "DELETE", MESSAGE, message_id=done["id"])


def call_conversations(c):
    body = c.spec.paths[CONVERSATIONS]["post"]["requestBody"]["content"]["application/json"]
    made = c.must(201, "POST", CONVERSATIONS, body["example"]).data["id"]
    c.must(409, "POST", CONVERSATIONS, {"id": "conv_123456", "user_id": "x"})
    c.must(200, "GET", CONVERSATIONS, query="?state=active&page_size=2&sort=last_active_at")
    c.must(200, "GET", CONVERSATION)
    c.must(200, "PUT", CONVERSATION, {"title": "Other", "metadata": {"a": 1}})
    c.must(200, "PUT", CONVERSATION + "/state", {"state": "active"})
    c.must(201, "POST", CONVERSATION + "/messages", {"content": "Hello"})
    c.must(200, "GET", CONVERSATION + "/messages", query="?page=1&status=completed")
    c.must(200, "GET", CONVERSATION + "/events")
    c.must(200, "DELETE", CONVERSATION, conversation_id=made)


def call_figures(c):
    c.must(200, "GET", V1 + "/queues/status")
    c.must(200, "GET", V1 + "/queues/stats", query="?time_range=6h&queue_name=high_priority")
    c.must(200, "GET", V1 + "/health")
    c.must(200, "GET", V1 + "/metrics")
    text = c.must(200, "GET", V1 + "/metrics", query="?format=prometheus")
    assert text.headers["content-type"].startswith("text/plain")
    c.must(200, "GET", V1 + "/config")
    c.must(200, "GET", V1 + "/stats/tasks", query="?kb_id=kb_1")
    c.must(200, "GET", V1 + "/stats/system")
    c.must(200, "GET", V1 + "/queues/info", query="?task_type=document_processing&priority=high")
    c.must(200, "GET", "/health")
    c.must(200, "GET", "/metrics")
    c.must(200, "GET", "/metrics", headers={"Accept": "application/openmetrics-text"})


# ---- S3, and what workers do with messages ----------------------------------------------------

def newest(c, path):
    """The ids of the first page."""
    shown = c.call("GET", path).json
    shown = shown.get("data", shown)
    return {job["id"] for job in shown.get("tasks") or shown["messages"]}


def in_use(c, path, body):
    """A request with the key of one that is still waiting, until what it made is deleted."""
    key = {"Idempotency-Key": "waits:" + path}
    with concurrent.futures.ThreadPoolExecutor() as pool:
        waiting = Api(c.api.port, "")
        before = newest(c, path)
        first = pool.submit(waiting.call, "POST", c.fill(path) + "?wait=30", body,
                            {**c.user, **key}, False)
        made = until(lambda: newest(c, path) - before, "the first to be stored").pop()
        c.must(409, "POST", path, body, headers=key)
        one = {"task_id": made} if path == TASKS else {"message_id": made}
        c.must(200, "DELETE", TASK if path == TASKS else MESSAGE, **one)
        assert first.result().status == (201 if path == TASKS else 404)
        waiting.close()


def claimed(c, kind):
    body = WORK if kind == "task" else {"user_id": "user_789", "content": "Hello"}
    c.must(201, "POST", TASKS if kind == "task" else MESSAGES, body)

    def take():
        got = c.must(200, "POST", CLAIM, {"kinds": [kind]}).json["tasks"]
        return got[0] if got else None
    return until(take, f"a {kind}")


def call_leases(c, kind):
    """The four calls, each with its own claim; then with a token that is stale by now."""
    path = V1 + "/" + kind + "s/{" + kind + "_id}/"
    for call, more in (("heartbeat", {"extend": 60}), ("complete", {"result": {"content": "it"}}),
                       ("fail", {"error": "no", "retryable": False}), ("release", {})):
        job = claimed(c, kind)
        body, ids = {"lease_token": job["lease_token"], **more}, {kind + "_id": job["id"]}
        c.must(200, "POST", path + call, body, **ids)
        if call == "heartbeat":
            c.must(200, "POST", path + "complete", {"lease_token": job["lease_token"]}, **ids)
        elif call == "release" and kind == "message":
            c.must(200, "DELETE", MESSAGE, **ids)
        elif call == "release":
            c.must(200, "DELETE", TASK, **ids)
        if call != "release" or kind == "task":
            c.must(409, "POST", path + call, body, **ids)
    job = claimed(c, kind)
    stale = {"lease_token": "lease_00000000000000000000000000"}
    c.must(409, "POST", path + "release", stale, **{kind + "_id": job["id"]})
    return job


def call_tasks(c):
    batch = c.must(201, "POST", TASKS + "/batch", [WORK, WORK]).json["tasks"]
    c.must(408, "POST", TASKS, WORK, "?wait=0.1")
    c.must(200, "GET", TASKS, query="?kb_id=kb_1&status=queued&task_type=document_processing"
           "&priority=normal&created_after=1h&page_size=1&sort_by=priority&sort_order=asc")
    c.must(200, "GET", TASK)
    one, other = batch[0]["id"], batch[1]["id"]
    c.must(409, "POST", TASK + "/retry", task_id=one)
    c.must(200, "DELETE", TASK, task_id=one)
    c.must(409, "DELETE", TASK, task_id=one)
    c.must(200, "GET", TASK + "/events", task_id=one)
    progress = TASK + "/progress"
    c.must(200, "PUT", progress, {"progress": 10, "message": "slow"}, task_id=other)
    c.must(200, "PUT", progress, "progress=100&result=1", task_id=other,
           headers={"Content-Type": "application/x-www-form-urlencoded", "X-Worker-ID": "w"})
    c.must(409, "PUT", progress, {"progress": 10}, task_id=other)
    stream = c.must(200, "GET", TASK + "/events", task_id=other).body.decode()
    last = [line[4:] for line in stream.splitlines() if line.startswith("id: ")][-1]
    c.must(204, "GET", TASK + "/events", task_id=other, headers={"Last-Event-ID": last})
    call_leases(c, "task")
    failed = c.must(200, "GET", TASKS, query="?status=failed").json["tasks"][0]
    c.must(200, "POST", TASK + "/retry", task_id=failed["id"])
    c.must(200, "POST", CLAIM)
    in_use(c, TASKS, WORK)


def call_without_backends(c):
    backend = ADMIN + "/backends/{backend}"
    c.must(200, "POST", backend + "/drain")
    until(lambda: c.must(200, "GET", backend).data["draining"], "the dispatcher to read it")
    c.must(408, "POST", MESSAGES, SAY, "?wait=0.1")
    c.must(408, "POST", CONVERSATION + "/messages", SAY, "?wait=0.1")
    in_use(c, MESSAGES, SAY)
    in_use(c, CONVERSATION + "/messages", SAY)
    held = call_leases(c, "message")
    c.must(409, "PUT", MESSAGE + "/status", message_id=held["id"],
           body={"status": "completed", "metadata": {"processor_id": "another"}})
    call_dead_letters(c)
    call_delayed(c)
    c.must(200, "POST", backend + "/enable")


# ---- S1 ---------------------------------------------------------------------------------------

def dead(c):
    """Ids of a task and a message that were given up on."""
    found = []
    for kind in ("task", "message"):
        job = claimed(c, kind)
        c.must(200, "POST", V1 + f"/{kind}s/{{{kind}_id}}/fail", **{kind + "_id": job["id"]},
               body={"lease_token": job["lease_token"], "error": "no", "retryable": False})
        found.append(job["id"])
    return found


def call_dead_letters(c):
    one, other = dead(c)
    c.must(200, "GET", DEAD, query="?since=1h&error=no&page_size=5")
    for method, path in (("GET", DEAD + "/{job_id}"), ("DELETE", DEAD + "/{job_id}"),
                         ("POST", DEAD + "/requeue/{job_id}")):
        c.must(400, method, path)
    for job in (one, other):
        c.must(200, "GET", DEAD + "/{job_id}", job_id=job)
        c.must(200, "POST", DEAD + "/requeue/{job_id}", job_id=job)
    one, other = dead(c)
    c.must(200, "DELETE", DEAD + "/{job_id}", job_id=one)
    c.must(200, "POST", DEAD + "/requeue-all", {"kind": "message", "rate": 10})
    dead(c)
    c.must(400, "DELETE", DEAD)
    assert c.must(200, "DELETE", DEAD, query="?confirm=all&kind=task").data["deleted"]


def call_delayed(c):
    one, other = (c.must(201, "POST", MESSAGES, {**SAY, "delay": "10m"}).data["id"]
                  for _ in range(2))
    task = c.must(201, "POST", TASKS, {**WORK, "schedule_for": "2099-01-01T00:00:00Z"}).json["id"]
    c.must(200, "GET", DELAYED, query="?before=1h&kind=message")
    assert len(c.must(200, "GET", DELAYED).data["items"]) >= 3
    c.must(400, "DELETE", DELAYED + "/{job_id}")
    c.must(400, "POST", DELAYED + "/{job_id}/run-now")
    for job in (one, task):
        c.must(200, "POST", DELAYED + "/{job_id}/run-now", job_id=job)
    c.must(200, "DELETE", DELAYED + "/{job_id}", job_id=other)


def call_administration(c):
    c.must(200, "GET", ADMIN + "/queues")
    for call in ("/pause", "/resume"):
        c.must(200, "POST", ADMIN + "/queues/{level}" + call)
        c.must(400, "POST", ADMIN + "/queues/{level}" + call, level="urgent")
    c.must(200, "POST", ADMIN + "/maintenance", {"enabled": True, "message": "back at six"})
    c.must(200, "GET", ADMIN + "/maintenance")
    c.must(200, "POST", ADMIN + "/maintenance", {"enabled": False})
    rules = ADMIN + "/preprocessor/rules"
    rule = {"priority": "high", "pattern": "by noon"}
    made = c.must(201, "POST", rules, rule).data["id"]
    c.must(200, "POST", rules, rule)
    c.must(200, "GET", rules)
    c.must(200, "DELETE", rules + "/{rule_id}", rule_id=made)
    users = ADMIN + "/preprocessor/user-priorities"
    c.must(200, "POST", users, {"user_id": "user_1", "priority": "high"})
    c.must(200, "GET", users)
    c.must(200, "POST", users, {"user_id": "user_1", "priority": None})
    c.must(200, "GET", ADMIN + "/usage", query="?since=1h&page_size=5")
    backend = ADMIN + "/backends/{backend}"
    c.must(200, "GET", ADMIN + "/backends")
    c.must(200, "GET", backend)
    c.must(200, "POST", backend + "/check")
    c.must(500, "POST", backend + "/check", backend="gone")


# ---- S2, OpenAI's -----------------------------------------------------------------------------

def call_apps(c):
    config = {"model_config": {"dialog_round": 3, "other": 1}, "memory_mode": "long_term_memory"}
    c.must(200, "GET", APPS, query="?current_page=1&page_size=1")
    made = c.must(200, "POST", APPS, {"name": "One"}).data["id"]
    c.must(400, "POST", APP + "/publish", app_id=made)
    c.must(404, "GET", APP + "/published-config", app_id=made)
    c.must(400, "POST", APP + "/cancel-publish", app_id=made)
    c.must(200, "POST", APP, {"icon": "https://example.com/i.png"}, app_id=made)
    c.must(200, "POST", APP + "/config", config, app_id=made)
    c.must(200, "PUT", APP + "/config", config, app_id=made)
    c.must(200, "POST", APP + "/publish", app_id=made)
    c.must(200, "GET", APP + "/published-config", app_id=made)
    c.must(200, "GET", APP, app_id=made)
    copy = c.must(200, "POST", APP + "/copy", app_id=made).data["id"]
    c.must(200, "POST", APP + "/cancel-publish", app_id=made)
    c.must(200, "POST", APP + "/delete", app_id=copy)
    if ("POST", APP + "/debug") in {(m, p) for m, p, _ in c.spec.operations()}:
        call_debugging(c, made)


def call_debugging(c, app):
    without = c.must(200, "POST", APPS, {"name": "Other"}).data["id"]
    turn = c.must(200, "POST", APP + "/debug", {"query": "Hello"}, app_id=app).data["id"]
    stream = c.must(200, "POST", APP + "/debug", {"query": "Hello"}, app_id=app,
                    headers={"Accept": "text/event-stream"})
    assert stream.headers["content-type"].startswith("text/event-stream")
    c.must(200, "GET", APP + "/messages", query="?page=1&limit=5", app_id=app)
    delete = APP + "/messages/{message_id}/delete"
    c.must(200, "POST", delete, app_id=app, message_id=turn)
    c.must(404, "POST", delete, app_id=app, message_id=turn)
    memory = APP + "/long-term-memory"
    c.must(200, "POST", memory, {"summary": "likes to read"}, app_id=app)
    c.must(200, "GET", memory, app_id=app)
    c.must(400, "GET", memory, app_id=without)


def call_gateway(c):
    chat = {"model": "echo", "messages": [{"role": "user", "content": "Hello"}]}
    for path, body in (("/v1/chat/completions", chat),
                       ("/v1/completions", {"model": "echo", "prompt": "Hello"})):
        c.must(200, "POST", path, body)
        stream = c.must(200, "POST", path, {**body, "stream": True})
        assert stream.body.endswith(b"data: [DONE]\n\n"), stream
        c.must(404, "POST", path, {**body, "model": "nobody"})
    c.must(200, "POST", "/v1/embeddings", {"model": "echo", "input": ["Hello"]})
    c.must(404, "POST", "/v1/embeddings", {"model": "nobody", "input": ["Hello"]})
    c.must(200, "GET", "/v1/models")
    c.must(200, "GET", "/v1/models/{model}")


# Made elsewhere: a key in use where nothing can be waited for (272, 618), figures that are for some
# only (below), a debug turn that takes too long (60x) or has a key in use (644).
ELSEWHERE = {("POST", TASKS + "/batch", "409"), ("POST", APPS, "409"), ("GET", "/metrics", "403"),
             ("POST", APP + "/debug", "504"), ("POST", APP + "/debug", "409"),
             ("POST", APP + "/copy", "409"), ("POST", "/v1/chat/completions", "409"),
             ("POST", "/v1/completions", "409"), ("POST", "/v1/embeddings", "409")}


class TestAnswers:
    CONF = CONF

    def test_each_answer_of_the_document_is_given(self, server):
        c = new_caller(server, HERE)
        until(lambda: c.must(200, "GET", MESSAGE).data["status"] == "completed", "the answer")
        for calls in (call_unauthorized, call_unknown_ids, call_bad_bodies, call_forbidden,
                      call_keys, call_messages, call_conversations, call_figures, call_apps,
                      call_gateway, call_administration, call_tasks, call_without_backends):
            calls(c)
        assert HERE.all_answers() - ELSEWHERE - c.seen == set()

    def test_each_path_has_these_methods_and_no_others(self, server):
        c = new_caller(server, ALL)
        c.ids["message_id"] = NOWHERE
        for path, item in ALL.paths.items():
            known = ALL.methods_at(c.fill(path))
            default = ALL.resolve(next(v for v in item.values() if "responses" in v)
                                  ["responses"]["default"])
            for method in {"GET", "POST", "PUT", "DELETE", "PATCH"} - known:
                answer = c.api.call(method, c.fill(path), None, c.user, check=False)
                assert answer.status == 405, f"{method} {path}: {answer}"
                ALL.hold(f"{method} {path}", answer, default)
                allowed = {m.strip() for m in answer.headers["allow"].split(",")}
                assert allowed - {"HEAD", "OPTIONS"} == known, f"{path}: {answer.headers}"

    def test_unknown_paths_are_refused_in_the_forms_of_the_document(self, server):
        c = new_caller(server, ALL)
        for path in (V1 + "/nowhere", TASKS + "/a/b/c", "/api/nowhere", "/apps/a/b/c/d",
                     "/v1/nowhere", "/health/nowhere"):
            answer = c.api.call("GET", path, None, c.user, check=False)
            assert answer.status == 404, answer
            form = {V1 + "/nowhere": "S0", "/api/nowhere": "S4", "/apps/a/b/c/d": "S2",
                    "/v1/nowhere": "OpenAi"}.get(path, "S3")
            ALL.hold(path, answer, ALL.document["components"]["responses"][form + "Error"])


# What the server takes although the document says no: filters in a body are read as those of a
# query, as text.
TAKEN = {(DEAD + "/requeue-all", m) for m in (
    "conversation_id", "error", "user_id", "kb_id", "kind", "task_type")}


def nobody(path, member):
    """A token would say who the user is."""
    return {"Authorization": None} if member == "user_id" and path.startswith(V1 + "/") \
        and not path.startswith(ADMIN) else None


class TestBodies:
    CONF = CONF

    def test_what_the_document_refuses_is_refused(self, server):
        """Each member of each body, with values of other types."""
        c = new_caller(server, HERE)
        wrong = []
        for method, path, operation in HERE.operations():
            if "requestBody" not in operation or isinstance(HERE.example(operation), list):
                continue
            schema = HERE.body_schema(method, path)
            for member in sorted(m for leaf in HERE.leaves(schema)
                                 for m in leaf.get("properties", {})):
                for value in (7.5, -1, "", "x y", [], [7], {}, True, None):
                    body = {**HERE.example(operation), member: value}
                    if HERE.accepts(body, schema) or (path, member) in TAKEN:
                        continue
                    answer = c.call(method, path, body, headers=nobody(path, member))
                    if answer.status not in (400, 422):
                        wrong.append(f"{method} {path} {member} {value!r}: {answer}")
        assert wrong == []

    def test_what_is_required_is_missed(self, server):
        c = new_caller(server, HERE)
        wrong = []
        for method, path, operation in HERE.operations():
            if "requestBody" not in operation or isinstance(HERE.example(operation), list):
                continue
            for member in HERE.resolve(HERE.body_schema(method, path)).get("required", []):
                body = {k: v for k, v in HERE.example(operation).items() if k != member}
                answer = c.call(method, path, body, headers=nobody(path, member))
                if answer.status not in (400, 422):
                    wrong.append(f"{method} {path} {member}: {answer}")
        assert wrong == []


class TestInNeed:
    """What is new is refused, as the document says, for as long as it must be."""

    CONF = (SECRET + "".join(f"<Location {place}>\nLLMQMaintenance On\n</Location>\n"
                             for place in PLACES)
            + "<Location /metrics>\nRequire all denied\n</Location>\n")

    def test_maintenance(self, server):
        c = Caller(server, ALL, admin=True)
        c.ids = {**UNKNOWN, "level": "low", "worker_id": "worker_1"}
        wrong = []
        for method, path, operation in ALL.operations():
            if "429" in operation["responses"]:
                answer = c.call(method, path, ALL.example(operation))
                if answer.status != 503:
                    wrong.append(f"{method} {path}: {answer}")
        assert wrong == []

    def test_figures_are_not_for_all(self, server):
        c = Caller(server, ALL)
        c.must(403, "GET", "/metrics")
        server.log.expect("AH01630")


class TestTooMany:
    CONF = (SECRET + "".join(f"<Location {place}>\nLLMQRateLimit 1/hour\n</Location>\n"
                             for place in PLACES))

    def test_rate(self, server):
        c = Caller(server, ALL, admin=True)
        c.ids = {**UNKNOWN, "level": "low", "worker_id": "worker_1"}
        wrong = []
        for method, path, operation in ALL.operations():
            if "429" in operation["responses"]:
                c.api.call(method, c.fill(path), ALL.example(operation), c.user, check=False)
                answer = c.call(method, path, ALL.example(operation))
                if answer.status != 429:
                    wrong.append(f"{method} {path}: {answer}")
        assert wrong == []
