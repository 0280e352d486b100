"""A client that holds every answer to the contract: S0's envelope, and the form of S3's errors
where S3 is spoken."""

import contextlib
import http.client
import json
import re
import select
import time

from .wait import PATIENCE, SLOWNESS, until

# A connection that was not used for so long is not used again: httpd closes it after 30 s.
IDLE = 10
LEVELS = ("realtime", "high", "normal", "low")
FINAL = ("completed", "failed", "timeout")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")
PROBLEM_MEMBERS = {"code", "message", "error", "details", "timestamp"}
S3_PATH = re.compile(r"/(tasks|stats|workers|queues/info)([/?]|$)"
                     r"|/messages/[^/]+/(heartbeat|complete|fail|release)([/?]|$)")


class Answer:
    """Status, headers (lower-case names) and body of one response."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def data(self):
        return self.json["data"]

    def __repr__(self):
        return f"<Answer {self.status} {self.body[:300]!r}>"

    def check_envelope(self):
        """S0 1.2 and 1.4: never HTML, code is the HTTP status, a time, a reason."""
        assert self.headers.get("content-type", "").startswith("application/json"), self
        got = self.json
        assert got["code"] == self.status, self
        assert TIME.fullmatch(got["timestamp"]), self
        assert got["message"], self
        if self.status < 400 or "status" in (got.get("data") or {}):
            assert "data" in got, self  # an unhealthy answer is 503 with the same body
            return
        assert PROBLEM_MEMBERS <= set(got), self
        assert got["details"]["reason"], self
        assert got.get("error_code") == got["details"].get("error_code"), self

    def check_s3(self):
        """S3's errors are objects with exactly these members, and `cancel` at times."""
        assert self.headers.get("content-type", "").startswith("application/json"), self
        got = self.json
        if self.status >= 400:
            assert set(got) - {"cancel"} == {"error", "message", "code", "details"}, self
            assert got["error"] and got["message"], self
            assert re.fullmatch(r"[A-Z]+(_[A-Z0-9]+)*", got["code"]), self
            assert isinstance(got["details"], dict), self

    def denies(self, status, code, field=None, **details):
        """refuses() for S3."""
        assert self.status == status, self
        got = self.json
        assert got["code"] == code, self
        assert got["details"].get("field") == field, self
        for name, value in details.items():
            assert got["details"].get(name) == value, self
        return self

    def refuses(self, status, error_code=None, field=None):
        """Assert that this is the refusal we expect; return it for more questions."""
        assert self.status == status, self
        assert self.json.get("error_code") == error_code, self
        if field:
            assert self.json["details"].get("field") == field, self
        return self


class Api:
    """Calls below one mount. One connection at a time; make one Api per thread."""

    def __init__(self, port, base="/api/v1"):
        self.port = port
        self.base = base
        self.connection = None
        self.used = 0

    def close(self):
        if self.connection:
            self.connection.close()
            self.connection = None

    def call(self, method, path, body=None, headers=None, check=True):
        """body: bytes or str as they are, anything else as JSON."""
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        if isinstance(body, str):
            body = body.encode()
        answer = self._send(method, self.base + path, body, headers)
        if check and method != "HEAD" and answer.status != 204:
            if S3_PATH.match(path):
                answer.check_s3()
            else:
                answer.check_envelope()
        return answer

    def _is_stale(self):
        """Whether the server has closed the kept connection, or may do so any moment."""
        if not self.connection.sock or time.monotonic() - self.used > IDLE:
            return True
        readable = select.poll()
        readable.register(self.connection.sock, select.POLLIN)
        return bool(readable.poll(0))

    def _send(self, method, path, body, headers):
        if self.connection and self._is_stale():
            self.close()
        if not self.connection:
            self.connection = http.client.HTTPConnection(
                "127.0.0.1", self.port, timeout=120 * SLOWNESS)
        try:
            # Who refuses a request may close before all of it was sent, and has answered then.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.connection.request(method, path, body, headers)
            got = self.connection.getresponse()
            answer = Answer(got.status, {k.lower(): v for k, v in got.getheaders()}, got.read())
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        self.used = time.monotonic()
        if got.will_close:
            self.close()
        return answer

    def get(self, path, **more):
        return self.call("GET", path, **more)

    def post(self, path, body=None, **more):
        return self.call("POST", path, body, **more)

    def put(self, path, body=None, **more):
        return self.call("PUT", path, body, **more)

    def delete(self, path, **more):
        return self.call("DELETE", path, **more)

    # -- messages --------------------------------------------------------------------

    def send(self, content="Hello", **fields):
        """Post a message that must be accepted; its data."""
        body = {"user_id": "user_1", "content": content, **fields}
        answer = self.post("/messages", body)
        assert answer.status == 201, answer
        return answer.data

    def message(self, message_id):
        answer = self.get(f"/messages/{message_id}")
        assert answer.status == 200, answer
        return answer.data

    def set_status(self, message_id, status, **fields):
        return self.put(f"/messages/{message_id}/status", {"status": status, **fields})

    def until_status(self, message_id, *wanted, deadline=PATIENCE):
        """The message, once its status is one of wanted (default: a final one)."""
        wanted = wanted or FINAL

        def look():
            message = self.message(message_id)
            return message if message["status"] in wanted else None

        return until(look, f"{message_id} to be {' or '.join(wanted)}", deadline)

    def total(self, query=""):
        answer = self.get(f"/messages?page_size=1{query}")
        assert answer.status == 200, answer
        return answer.data["pagination"]["total"]

    def queues(self):
        answer = self.get("/queues/status")
        assert answer.status == 200, answer
        return answer.data

    def level(self, name):
        return next(q for q in self.queues()["queues"] if q["name"] == name)
