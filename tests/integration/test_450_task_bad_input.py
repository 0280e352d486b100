"""Bad input in every call of S3 and of the worker protocol: the error body of S3, the right
code, the field that is at fault, and nothing changed."""

import json
import random
import uuid

import pytest

from llmq_env.workers import Worker, add_task, task

JSON = {"Content-Type": "application/json"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TASK = {"task_type": "health_check", "kb_id": "kb_bad", "payload": {"n": 1}}
SQL = "x'); DROP TABLE llmq_jobs; --"
NOBODY = str(uuid.uuid4())
HUGE = 10 ** 30

# Name, method, path, a body that the call accepts ({id} and {token} are a leased task's).
BODIES = {
    "create": ("POST", "/tasks", TASK),
    "batch": ("POST", "/tasks/batch", [TASK]),
    "progress": ("PUT", "/tasks/{id}/progress", {"progress": 10, "lease_token": "{token}"}),
    "heartbeat": ("POST", "/tasks/{id}/heartbeat", {"lease_token": "{token}", "extend": 30}),
    "complete": ("POST", "/tasks/{id}/complete", {"lease_token": "{token}", "result": {"a": 1}}),
    "fail": ("POST", "/tasks/{id}/fail", {"lease_token": "{token}", "error": "e",
                                          "retryable": True, "retry_after": 1}),
    "release": ("POST", "/tasks/{id}/release", {"lease_token": "{token}"}),
    "claim": ("POST", "/workers/w1/claim", {"task_types": ["vector_storage"], "limit": 1,
                                            "wait": 0, "kinds": ["task"]}),
}
LEASED = ("progress", "heartbeat", "complete", "fail", "release")

BROKEN = [
    b"{", b"{]", b"{'a':1}", b'{"a":1,}', b'{"a":NaN}', b'{"a":Infinity}', b'{"a":01}', b'{"a":+1}',
    b'{"a":1}}', b'{"a":1} x', b'{"a":"\xff"}', b'{"a":"\xed\xa0\x80"}', b'{"a":"\x01"}',
    b'{"a":"\x00"}', b'{"kb_id":"a\\u0000b"}', b'{a:1}', b'// c\n{}', b'{"a":tru}',
    b'"', b'\xef\xbb\xbf{}', b'{"a"}',
    b"[" * 65 + b"]" * 65, b'{"a":' * 65 + b"1" + b"}" * 65]
NO_OBJECT = [b"null", b"true", b"7", b'"x"', b"-0.5"]

# Members by call: (member, values that are refused with its name).
WORDS = [7, True, [], {}, "nonsense", SQL, "é" * 70]
NUMBERS = ["1", "", SQL, [], [1], {}, True, HUGE, -HUGE]
REFUSED = {
    "create": [("task_type", [None, *WORDS]),
               ("kb_id", [None, 7, True, [], {}, "", " \t", "x" * 129,
                                                         "a\u0085b", "a\nb"]),
               ("payload", [None, [], "x", 1, True]), ("priority", [*WORDS, "realtime", "High"]),
               ("max_retries", [*NUMBERS, -1, 1001, 0.5]),
               ("timeout", [*NUMBERS, 0, -1, 86401, 1e308]),
               ("schedule_for", [*WORDS, "2025-02-30T00:00:00Z", "2025-01-01",
                                 "9999-01-01T00:00:00Z",
                                 "2025-01-01T00:00:00", 1753713000])],
    "progress": [("progress", [None, *NUMBERS, -1, 101, 50.5, 1e308]),
                 ("message", [7, True, [], {}]),
                 ("worker_id", [7, [], SQL, "a/b", "x" * 129]), ("lease_token", [7, [], {}])],
    "heartbeat": [("lease_token", [None, "", 7, True, [], {}]),
                  ("extend", [*NUMBERS, 0, -1, 86401])],
    "complete": [("lease_token", [None, "", 7, []])],
    "fail": [("lease_token", [None, "", 7, []]), ("error", [7, True, []]),
             ("retryable", [1, "true", [], {}]), ("retry_after", [*NUMBERS, -1, 86401])],
    "release": [("lease_token", [None, "", 7, []])],
    "claim": [("task_types", [7, True, {}, "x", [], [7], [None], ["nonsense"], [SQL],
                              ["vector_storage", "no"]]),
              ("limit", [*NUMBERS, 0, -1, 101, 1.5]), ("wait", [*NUMBERS, -1, 61]),
              ("kinds", [7, {}, "task", [], ["tasks"], [7], [SQL]])],
}
NULL_IS_ABSENT = {("progress", "message"), ("claim", "limit")}

FIELDS = [(call, member, value) for call, members in REFUSED.items()
          for member, values in members for value in values]


def name_of(case):
    call, member, value = case
    return f"{call} {member}={json.dumps(value)[:40]}"


class Rig:
    """A task under a lease, and calls about it."""

    def __init__(self, server, api):
        self.server, self.api = server, api
        self.id = add_task(api, "vector_storage", timeout=3600)["id"]  # longer than all tests
        self.job = Worker(api, "owner").get(task_types=["vector_storage"], lease=3600)
        assert self.job["id"] == self.id

    def fill(self, text):
        return text.replace("{id}", self.id).replace("{token}", self.job["lease_token"])

    def body(self, call):
        return json.loads(self.fill(json.dumps(BODIES[call][2])))

    def send(self, call, body, headers=None):
        method, path, _ = BODIES[call]
        return self.api.call(method, self.fill(path), body, headers=headers)

    def state(self):
        """All that a refused call might have changed."""
        row = self.server.query("SELECT status, attempt, retry_count, deliveries, progress, "
                                "lease_token, lease_until, owner, note, result FROM llmq_jobs "
                                f"WHERE id = '{self.id}'")
        count = self.server.query("SELECT count(*), sum(status) FROM llmq_jobs")
        return [list(map(str, r)) for r in (*row, *count)]


@pytest.fixture(scope="class")
def rig(server):
    return Rig(server, server.new_api())


class TestBodies:
    CONF = ("<Location /api/v1>\nLimitRequestBody 200000\nLLMQTaskMaxPayload 50000\n"
            "</Location>\n")

    @pytest.mark.parametrize("call", BODIES)
    def test_broken_json(self, rig, call):
        before = rig.state()
        for text in BROKEN:
            rig.send(call, text, JSON).denies(400, "INVALID_REQUEST")
        assert rig.state() == before

    @pytest.mark.parametrize("call", BODIES)
    def test_json_of_another_kind(self, rig, call):
        before = rig.state()
        for text in (*NO_OBJECT, b"{}" if call == "batch" else b"[]"):
            answer = rig.send(call, text, JSON)
            answer.denies(400, "INVALID_REQUEST", answer.json["details"].get("field"))
        assert rig.state() == before

    @pytest.mark.parametrize("call", BODIES)
    def test_other_content_types(self, rig, call):
        before = rig.state()
        text = json.dumps(rig.body(call)).encode()
        for kind in ("text/plain", "application/xml", "multipart/form-data; boundary=x",
                     "application/jsonx", "text/json, application/json", *FORM.values()):
            if call == "progress" and kind in FORM.values():
                continue  # S3's own software takes forms here
            answer = rig.send(call, text, {"Content-Type": kind})
            answer.denies(415, "UNSUPPORTED_MEDIA_TYPE", "Content-Type")
        assert rig.state() == before

    @pytest.mark.parametrize("call", BODIES)
    def test_body_that_is_too_large(self, rig, call, server):
        server.log.expect("AH01587", "AH01588")
        before = rig.state()
        text = json.dumps(rig.body(call)).encode() + b" " * 200001
        rig.send(call, text, JSON).denies(413, "PAYLOAD_TOO_LARGE")
        assert rig.state() == before

    @pytest.mark.parametrize("call", ["create", "batch"])
    def test_payload_that_is_too_large(self, rig, call):
        before = rig.state()
        large = {**TASK, "payload": {"x": "é" * 25000}}
        answer = rig.send(call, [TASK, large] if call == "batch" else large)
        answer.denies(413, "PAYLOAD_TOO_LARGE", "payload")
        assert call == "create" or answer.json["details"]["index"] == 1
        assert rig.state() == before

    @pytest.mark.parametrize("case", FIELDS, ids=map(name_of, FIELDS))
    def test_member_is_refused_and_named(self, rig, case):
        call, member, value = case
        before = rig.state()
        rig.send(call, {**rig.body(call), member: value}).denies(400, "INVALID_REQUEST", member)
        assert rig.state() == before

    @pytest.mark.parametrize("case", [c for c in FIELDS if c[0] == "create"][::5], ids=name_of)
    def test_a_batch_says_which(self, rig, case):
        _, member, value = case
        before = rig.state()
        for index in (0, 3):
            items = [dict(TASK) for _ in range(5)]
            items[index][member] = value
            answer = rig.send("batch", items).denies(400, "INVALID_REQUEST", member)
            assert answer.json["details"]["index"] == index
        assert rig.state() == before

    @pytest.mark.parametrize("text", [
        b"", b"progress=", b"progress=x", b"progress=-1", b"progress=101", b"progress=1e1",
        b"progress=%00", b"progress=%zz", b"progress=5&message=%ff", b"progress=5&worker_id=a%2Fb",
        b"progress=0x5", b"progress=99999999999999999999", b"message=only", b"&&&", b"=5"])
    def test_form_that_says_no_progress(self, rig, text):
        before = rig.state()
        answer = rig.send("progress", text, FORM)
        answer.denies(400, "INVALID_REQUEST", answer.json["details"].get("field"))
        assert rig.state() == before

    def test_progress_without_the_token_of_the_lease(self, rig):
        """Whoever has no token, or another one, does not touch what a worker has."""
        before = rig.state()
        for body in ({"progress": 5}, {"progress": 100, "result": 1}, {"progress": 5,
                     "lease_token": "lease_" + "0" * 26}, {"progress": 5, "worker_id": "other"}):
            rig.send("progress", body).denies(409, "STALE_LEASE", task_id=rig.id)
        assert rig.send("progress", b"progress=5", FORM).status == 409
        assert rig.state() == before

    def test_text_that_looks_like_sql_is_text(self, rig, api):
        for text in (SQL, "' OR '1'='1", "%s %d {} ${x}", "\\'; --", "1;SELECT pg_sleep(9)"):
            made = api.post("/tasks", {**TASK, "kb_id": text, "payload": {text: text}})
            assert made.status == 201
            shown = task(api, made.json["id"])
            assert (shown["kb_id"], shown["payload"]) == (text, {text: text})
            assert api.delete(f"/tasks/{made.json['id']}").status == 200
        assert api.get("/tasks").status == 200


class TestPaths:
    IDS = ["0", "nope", NOBODY, NOBODY.upper() + "0", "msg_01ARZ3NDEKTSV4RRFFQ69G5FAV", "x" * 300,
           "%27%20OR%201%3D1--", "%3B%20DROP%20TABLE%20llmq_jobs", "%C3%A9", "%ff", "-1", "..%5C",
           "%7B%7D", "*"]
    CALLS = [("GET", "/tasks/%s", None), ("DELETE", "/tasks/%s", None),
             ("POST", "/tasks/%s/retry", None), ("PUT", "/tasks/%s/progress", {"progress": 5})] + \
        [("POST", f"/tasks/%s/{call}", {"lease_token": "lease_x"})
         for call in ("heartbeat", "complete", "fail", "release")]

    @pytest.mark.parametrize("method, path, body", CALLS)
    def test_unknown_ids(self, api, method, path, body):
        for one in self.IDS:
            api.call(method, path % one, body).denies(404, "TASK_NOT_FOUND")

    @pytest.mark.parametrize("worker", ["a%20b", "%27--", "x" * 129, "%C3%A9", "a%3Bb", "%ff"])
    def test_names_of_workers(self, api, worker):
        api.post(f"/workers/{worker}/claim", {}).denies(400, "INVALID_REQUEST", "worker_id")

    @pytest.mark.parametrize("path", [
        "/tasks/a/b", "/tasks/a/retry/b", "/tasks/a/Retry", "/tasks/a/progress/5", "/tasks/batch/x",
        "/workers/a/claims", "/workers/a/b/claim", "/stats", "/stats/tasks/x", "/stats/none",
        "/queues/info/x", "/tasks/a/leases", "/workers//claim"])
    def test_unknown_routes(self, api, path):
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
            api.call(method, path).denies(404, "NOT_FOUND")

    @pytest.mark.parametrize("path, methods", [
        ("/tasks", "GET HEAD POST"), ("/tasks/x/retry", "POST"), ("/tasks/x", "DELETE GET HEAD"),
        ("/tasks/x/progress", "PUT"), ("/tasks/x/heartbeat", "POST"), ("/tasks/x/complete", "POST"),
        ("/tasks/x/fail", "POST"), ("/tasks/x/release", "POST"), ("/workers/w/claim", "POST"),
        ("/stats/tasks", "GET HEAD"), ("/stats/system", "GET HEAD"), ("/queues/info", "GET HEAD")])
    def test_wrong_methods(self, api, path, methods):
        for method in ("PATCH", "BREW", *{"GET", "POST", "PUT", "DELETE"} - set(methods.split())):
            answer = api.call(method, path).denies(405, "METHOD_NOT_ALLOWED")
            allowed = {word.strip() for word in answer.headers["allow"].split(",")}
            assert allowed == {*methods.split(), "OPTIONS"}
        answer = api.call("OPTIONS", path, check=False)
        assert answer.status == 204 and "OPTIONS" in answer.headers["allow"]

    @pytest.mark.parametrize("path, query, field", [
        ("/tasks", f"{name}={value}", name) for name, values in {
            "page": ("0", "-1", "x", "1.5", "1%27"), "page_size": ("0", "-5", "all"),
            "status": ("pending", "QUEUED", "%27", "timeout"),
            "priority": ("realtime", "1", "HIGH"),
            "task_type": ("x", "%27%3B--", "Health_check"), "sort_order": ("up", "DESC", "1"),
            "sort_by": ("id", "created_at%3B--", "created_at%20DESC", "1", "payload"),
            "created_after": ("x", "1", "-1h", "2025-13-01T00:00:00Z")}.items() for value in values
    ] + [("/queues/info", "task_type=x", "task_type"),
         ("/queues/info", "priority=urgent", "priority"),
         ("/queues/info", "priority=%27", "priority"), ("/tasks", "kb_id=%ff", None),
         ("/tasks", "kb_id=%00", None), ("/tasks", "kb_id=%zz", None),
         ("/stats/tasks", "kb_id=%ff", None),
         ("/tasks", "wait=x", None)])
    def test_parameters(self, api, path, query, field):
        if query == "wait=x":  # of the POST
            api.post(f"{path}?{query}", TASK).denies(400, "INVALID_REQUEST", "wait")
            return
        answer = api.get(f"{path}?{query}")
        answer.denies(400, "INVALID_REQUEST", field or answer.json["details"].get("field"))

    def test_pages_beyond_the_last_are_empty_and_long_ones_are_cut(self, api):
        got = api.get("/tasks?page=999999&page_size=1000").json
        assert got["tasks"] == [] and got["pagination"]["page_size"] == 100


class TestChance:
    """Bodies that chance has spoilt: whatever comes, the answer is JSON of S3 and never the
    server's fault. The seed is fixed, so that a failure can be had again."""

    ROUNDS = 120
    PIECES = [b"{", b"}", b"[", b"]", b'"', b":", b",", b"null", b"-1", b"1e999", b"\\u0000",
              b"\xff", b"\xc2\x85", b"true", b"\\", b"'", b"\x00", b"999999999999999999999",
              b'"lease_token"']

    def spoil(self, chance, text):
        text = bytearray(text)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(text) + 1)
            what = chance.randrange(4)
            if what == 0:
                text[at:at + chance.randint(1, 8)] = b""
            elif what == 1:
                text[at:at] = chance.choice(self.PIECES)
            elif what == 2 and at < len(text):
                text[at] = chance.randrange(256)
            else:
                text[at:at] = text[:chance.randrange(12)]
        return bytes(text)

    @pytest.mark.parametrize("call", BODIES)
    def test_answers_are_of_s3(self, rig, call):
        chance = random.Random(f"450 {call}")
        path = BODIES[call][1].replace("{id}", NOBODY)
        seeds = [json.dumps(rig.body(call)).encode()]
        seeds += [json.dumps({**rig.body(call), m: v}).encode() for c, m, v in FIELDS if c == call]
        for _ in range(self.ROUNDS):
            text = self.spoil(chance, chance.choice(seeds))
            answer = rig.api.call(BODIES[call][0], path, text, headers=JSON)
            assert answer.status in (200, 201, 400, 404, 409, 413), (text, answer)
        assert rig.api.get("/stats/tasks").status == 200

    def test_forms(self, rig):
        chance = random.Random("450 forms")
        for _ in range(self.ROUNDS):
            text = self.spoil(chance, b"progress=5&message=half%20way&worker_id=w1&result=%7B%7D")
            answer = rig.api.call("PUT", f"/tasks/{NOBODY}/progress", text, headers=FORM)
            assert answer.status in (400, 404), (text, answer)
