"""Whoever tasks and notices are POSTed to: remembers every request, checks signatures by the
book of Standard Webhooks and not with our code, and misbehaves on request."""

import base64
import dataclasses
import hashlib
import hmac
import http.server
import json
import select
import socket
import threading
import time

from .wait import PATIENCE, until


@dataclasses.dataclass
class Reply:
    """What to do with one request. Times in seconds."""

    status: int = 200
    body: bytes = b""
    headers: dict = dataclasses.field(default_factory=dict)
    delay: float = 0
    hang_up: bool = False
    raw: bytes = None   # instead of all of the above but the delay; then it hangs up


@dataclasses.dataclass
class Post:
    """One request as it arrived."""

    path: str
    headers: dict   # names in lower case
    raw: bytes

    @property
    def json(self):
        return json.loads(self.raw)

    @property
    def event(self):
        return self.headers["webhook-id"]

    def signed_with(self, *secrets):
        """Is there a signature by each of these keys, and by no others?"""
        said = (f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}."
                .encode() + self.raw)
        wanted = []
        for secret in secrets:
            key = (base64.b64decode(secret[6:]) if secret.startswith("whsec_")
                   else secret.encode())
            mac = hmac.new(key, said, hashlib.sha256).digest()
            wanted.append("v1," + base64.b64encode(mac).decode())
        return self.headers["webhook-signature"].split(" ") == wanted


class Receiver:
    """replies are used up first, one per request; then default: a Reply or a function of the
    Post."""

    def __init__(self, host="127.0.0.1"):
        self.posts = []
        self.replies = []
        self.default = Reply()
        self.in_flight = 0
        self.most_in_flight = 0
        self.left = []   # those whose client went away while they were kept waiting
        self._lock = threading.Lock()
        self._open = threading.Event()
        self._open.set()
        self._ended = threading.Event()
        self._server = _Server((host, 0), _Handler)
        self._server.receiver = self
        self.port = self._server.server_address[1]
        self.url = f"http://{host}:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()

    def reset(self):
        with self._lock:
            self.posts = []
            self.replies = []
            self.default = Reply()
            self.left = []
            self.most_in_flight = self.in_flight
        self._open.set()

    def hold(self):
        """Let requests arrive but answer none until release()."""
        self._open.clear()

    def release(self):
        self._open.set()

    def at(self, path):
        with self._lock:
            return [post for post in self.posts if post.path == path]

    def until_posts(self, n, path=None, deadline=PATIENCE):
        def look():
            found = self.at(path) if path else list(self.posts)
            return found if len(found) >= n else None
        return until(look, f"{n} requests at the receiver", deadline)

    # -- the handler's side ------------------------------------------------------------

    def begin(self, post, connection):
        with self._lock:
            self.posts.append(post)
            left = self.left  # the list of its own test, should that be over by then
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            reply = self.replies.pop(0) if self.replies else self.default
        reply = reply(post) if callable(reply) else reply
        stayed = self._keep_waiting(connection, lambda: not self._open.is_set())
        then = time.monotonic() + reply.delay
        if not (stayed and self._keep_waiting(connection, lambda: time.monotonic() < then)):
            left.append(post)
        return reply

    def _keep_waiting(self, connection, goes_on):
        """Returns False if the client has left meanwhile."""
        while goes_on() and not self._ended.is_set():
            readable = select.poll()
            readable.register(connection, select.POLLIN)
            if readable.poll(20):
                return False
        return True

    def end(self):
        with self._lock:
            self.in_flight -= 1


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, request, client_address):
        pass  # a client that hung up


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        length = int(self.headers.get("Content-Length") or 0)
        post = Post(self.path, {k.lower(): v for k, v in self.headers.items()},
                    self.rfile.read(length))
        reply = self.server.receiver.begin(post, self.connection)
        self.server.receiver.end()
        if reply.raw is not None:
            self.wfile.write(reply.raw)
        if reply.hang_up or reply.raw is not None:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, *args):
        pass
