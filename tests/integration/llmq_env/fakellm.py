"""An OpenAI-compatible server that misbehaves on request and remembers every call."""

import dataclasses
import http.server
import json
import socket
import threading
import time

from .wait import PATIENCE, until


@dataclasses.dataclass
class Plan:
    """What to do with one call. Times in seconds."""

    content: str = None         # None: "answer to " and the last user message
    status: int = 200
    headers: dict = dataclasses.field(default_factory=dict)
    body: bytes = None          # instead of a proper answer
    delay: float = 0            # before anything is sent
    silent: bool = False        # say nothing as long as the caller listens
    drop: str = None         # cut the connection: "before" any byte, "headers" only, "body" half
    pieces: list = None         # a stream's pieces of content, else split by words
    chunks: list = None         # a stream's chunks as they are, texts, instead of all that
    stall: int = None           # stream: say nothing more after so many pieces
    done: bool = True           # stream: end with [DONE]
    usage: tuple = (3, 5)


@dataclasses.dataclass
class Call:
    """One request as it arrived."""

    at: float
    headers: dict
    body: dict
    content: str
    raw: bytes = b""            # the body as it came
    path: str = ""
    left: bool = False      # whoever called has hung up while it was held or stalled
    over: bool = False      # it is being answered, or cut off


class FakeLLM:
    """plans are used up first, one per call; then default: a Plan or a function of the Call."""

    def __init__(self, port=0):
        self.calls = []
        self.plans = []
        self.default = Plan()
        self.checks = []            # paths that were asked for with GET, as they arrived
        self.check = Plan(body=b'{"object":"list","data":[]}')
        self.in_flight = 0
        self.most_in_flight = 0
        self._lock = threading.Lock()
        self._open = threading.Event()
        self._open.set()
        self._ended = threading.Event()
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.llm = self
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self._ended.set()
        self._open.set()
        self._server.shutdown()
        self._server.server_close()

    def reset(self):
        with self._lock:
            self.calls = []
            self.plans = []
            self.default = Plan()
            self.checks = []
            self.check = Plan(body=b'{"object":"list","data":[]}')
            self.most_in_flight = self.in_flight
        self._open.set()

    def hold(self):
        """Let calls arrive but answer none until release()."""
        self._open.clear()

    def release(self):
        self._open.set()

    def contents(self):
        with self._lock:
            return [call.content for call in self.calls]

    def until_calls(self, n, deadline=PATIENCE):
        until(lambda: len(self.calls) >= n, f"{n} calls at the backend", deadline)

    # -- the handler's side ------------------------------------------------------------

    def begin(self, call, connection):
        with self._lock:
            self.calls.append(call)
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            plan = self.plans.pop(0) if self.plans else self.default
        while not self._open.wait(0.05):
            call.left = call.left or _has_left(connection)
        return plan(call) if callable(plan) else plan

    def end(self, call):
        """The first time counts. It comes before the caller has its answer: who has, may call
        again before this thread runs on, and that would look like two calls at once."""
        with self._lock:
            self.in_flight -= not call.over
            call.over = True

    def pause(self, seconds):
        """A delay that ends with the server."""
        self._ended.wait(seconds)

    def stall(self, call, connection):
        """Say nothing more, until the server or the caller ends."""
        while not call.left and not self._ended.wait(0.05):
            call.left = _has_left(connection)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request, client_address):
        """Clients that go away are the tests' own doing."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    call = None     # that is being answered

    def _is_over(self):
        """Said before what ends the call for whoever made it."""
        if self.call:
            self.server.llm.end(self.call)

    def log_message(self, *args):
        pass

    def do_GET(self):
        """A check of health; check is its Plan, it is no call."""
        llm = self.server.llm
        self.call = None
        llm.checks.append(self.path)
        if llm.check.delay:
            llm.pause(llm.check.delay)
        if llm.check.drop == "before":
            return self._cut()
        return self._send(llm.check)

    def do_POST(self):
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.loads(raw)
        content = [m["content"] for m in body.get("messages", []) if m["role"] == "user"]
        call = Call(time.monotonic(), dict(self.headers), body, content[-1] if content else None,
                    raw, self.path)
        self.call = call
        plan = self.server.llm.begin(call, self.connection)
        try:
            self._answer(plan, call)
        finally:
            self._is_over()

    def _answer(self, plan, call):
        if plan.delay:
            self.server.llm.pause(plan.delay)
        if plan.silent:
            self.close_connection = True
            self.server.llm.stall(call, self.connection)
        elif plan.drop == "before":
            self._cut()
        elif plan.chunks is not None:
            self._stream(plan, call)
        elif plan.body is None and self.path != "/v1/chat/completions":
            self._send(Plan(status=404, body=b'{"error":{"message":"no such path"}}'))
        elif plan.status == 200 and plan.body is None and call.body.get("stream"):
            self._stream(plan, call)
        else:
            self._send(plan, call)

    def _cut(self):
        self._is_over()
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def _send(self, plan, call=None):
        body = plan.body
        if body is None:
            body = json.dumps(_completion(plan, call) if plan.status == 200 else
                              {"error": {"message": "as planned", "type": "test"}}).encode()
        self._is_over()
        self.send_response(plan.status)
        for name, value in {"Content-Type": "application/json", **plan.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if plan.drop == "headers":
            return self._cut()
        if plan.drop == "body":
            self.wfile.write(body[:len(body) // 2])
            return self._cut()
        return self.wfile.write(body)

    def _stream(self, plan, call):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        for name, value in plan.headers.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        if plan.chunks is not None:
            return self._chunks(plan, call)
        pieces = plan.pieces or [word + " " for word in _content(plan, call).split()]
        for i, piece in enumerate(pieces):
            if plan.stall is not None and i >= plan.stall:
                return self.server.llm.stall(call, self.connection)
            role = {} if i else {"role": "assistant"}
            self._event({"choices": [{"index": 0, "delta": {**role, "content": piece}}]}, call)
        if plan.drop == "body":
            return self._cut()
        self._is_over()
        self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}, call)
        self._event({"choices": [], "usage": _usage(plan)}, call)
        if plan.done:
            self.wfile.write(b"data: [DONE]\n\n")
        return None

    def _chunks(self, plan, call):
        for i, chunk in enumerate(plan.chunks):
            if plan.stall is not None and i >= plan.stall:
                return self.server.llm.stall(call, self.connection)
            if i + 1 == len(plan.chunks):
                self._is_over()
            self.wfile.write(b"data: " + chunk.encode() + b"\n\n")
            self.wfile.flush()
        if plan.done:
            self.wfile.write(b"data: [DONE]\n\n")
        return None

    def _event(self, chunk, call):
        chunk = {"object": "chat.completion.chunk", "model": call.body["model"], **chunk}
        self.wfile.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        self.wfile.flush()


def _has_left(connection):
    try:
        return connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def _content(plan, call):
    return f"answer to {call.content}" if plan.content is None else plan.content


def _usage(plan):
    prompt, completion = plan.usage
    return {"prompt_tokens": prompt, "completion_tokens": completion,
            "total_tokens": prompt + completion}


def _completion(plan, call):
    return {"id": "chatcmpl-1", "object": "chat.completion", "model": call.body["model"],
            "choices": [{"index": 0, "finish_reason": "stop",
                         "message": {"role": "assistant", "content": _content(plan, call)}}],
            "usage": _usage(plan)}
