"""A backend down to its bytes: what it sends is written by a test, well-formed or not."""

import collections
import contextlib
import dataclasses
import json
import socket
import struct
import threading


@dataclasses.dataclass
class Asked:
    """One request as it arrived."""

    line: str
    headers: dict
    body: dict


class BadLLM:
    """acts are used up first, one per request; then default. An act is a function of the
    connection and the request, after which the connection is closed."""

    def __init__(self):
        self.asked = []
        self.acts = collections.deque()
        self.default = say(answer())
        self.left = 0       # connections that were closed at the other end, as an act noticed
        self._lock = threading.Lock()
        self._door = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port = self._door.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/v1"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        with contextlib.suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()

    def reset(self):
        with self._lock:
            self.asked = []
            self.acts.clear()
            self.default = say(answer())
            self.left = 0

    def _accept(self):
        while True:
            try:
                near = self._door.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(near,), daemon=True).start()

    def _serve(self, near):
        with near:
            try:
                asked = self._read(near)
                if asked.line.startswith("GET "):   # whether we are there
                    near.sendall(http(body=b'{"object":"list","data":[]}'))
                    return
            except OSError:     # no act's: one that asks whether we are there may give up, too
                return
            with self._lock:
                self.asked.append(asked)
                act = self.acts.popleft() if self.acts else self.default
            try:
                act(near, asked)
            except OSError:
                with self._lock:
                    self.left += 1

    @staticmethod
    def _read(near):
        with near.makefile("rb") as lines:
            line = lines.readline().decode().strip()
            headers = {}
            while (header := lines.readline().decode().strip()):
                name, value = header.split(":", 1)
                headers[name.lower()] = value.strip()
            body = lines.read(int(headers["content-length"])) if "content-length" in headers \
                else b"null"
        if not line:
            raise ConnectionError
        return Asked(line, headers, json.loads(body))


def backend(name, url, *lines):
    """A backend's block, with more lines; the url may be {bad}, see conftest.py."""
    return "\n".join([f"<LLMQBackend {name}>", "LLMQBackendKind openai", f"LLMQBackendURL {url}",
                      *lines, "</LLMQBackend>\n"])


# -- acts ----------------------------------------------------------------------------------

def say(*blocks):
    """These bytes, then the end of the connection."""
    def act(near, _):
        for block in blocks:
            near.sendall(block)
        near.shutdown(socket.SHUT_WR)
        wait_for_the_end(near)
    return act


def break_off(*blocks):
    """These bytes, then a reset."""
    def act(near, _):
        for block in blocks:
            near.sendall(block)
        near.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return act


def fall_silent(*blocks):
    """These bytes, then nothing as long as somebody listens."""
    def act(near, _):
        for block in blocks:
            near.sendall(block)
        wait_for_the_end(near)
    return act


def go_on_for_ever(head, block):
    def act(near, _):
        near.sendall(head)
        while True:
            near.sendall(block)
    return act


def wait_for_the_end(near):
    near.settimeout(300)
    while near.recv(65536):
        pass


# -- bytes ---------------------------------------------------------------------------------

def http(status="200 OK", body=b"", headers=(), length=None, version="1.1"):
    size = len(body) if length is None else length
    lines = [f"HTTP/{version} {status}", "Content-Type: application/json", *headers]
    if size >= 0:
        lines.append(f"Content-Length: {size}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def completion(content="well"):
    return {"id": "chatcmpl-1", "object": "chat.completion", "model": "m",
            "choices": [{"index": 0, "finish_reason": "stop",
                         "message": {"role": "assistant", "content": content}}],
            "usage": {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}}


def answer(content="well", **more):
    return http(body=json.dumps(completion(content)).encode(), **more)


def error(message, status="500 Internal Server Error", headers=(), **more):
    body = {"error": {"message": message, "type": "x", "param": None, "code": None, **more}}
    return http(status, json.dumps(body).encode(), headers)


def chunk(content=None, finish=None):
    return json.dumps({"id": "c", "object": "chat.completion.chunk", "model": "m",
                       "choices": [{"index": 0, "finish_reason": finish,
                                    "delta": {"content": content} if content else {}}]})


def events(*datas, end="\n"):
    return "".join(f"data: {data}{end}{end}" for data in datas).encode()


STREAM = (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
          b"Connection: close\r\n\r\n")
CHUNKED = STREAM.replace(b"Connection: close", b"Transfer-Encoding: chunked")
