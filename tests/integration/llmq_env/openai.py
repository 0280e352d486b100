"""A client of the OpenAI-compatible gateway that holds every error to OpenAI's form."""

import contextlib
import http.client
import json
import re
import socket

from .conf import places
from .wait import SLOWNESS

ERROR_MEMBERS = {"message", "type", "param", "code"}
REQUEST_ID = re.compile(r"req_[0-9A-Z]{26}")


# Of a backend that answers with as little as it can.
COMPLETION = {"id": "chatcmpl-1", "object": "chat.completion", "choices": []}


def at(**texts):
    """For each name a gateway at /name that is open to all, with the text in its block."""
    return places("llmq-openai", texts)


def chat(content="Hello", model="fake", **more):
    return {"model": model, "messages": [{"role": "user", "content": content}], **more}


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = {}
        for name, value in response.getheaders():
            assert name.lower() not in self.headers, response.getheaders()
            self.headers[name.lower()] = value

    def check(self):
        assert REQUEST_ID.fullmatch(self.headers["x-request-id"]), self.headers
        return self


class Whole(Answer):
    """An answer that is one JSON object."""

    def __init__(self, response):
        super().__init__(response)
        self.body = response.read()
        self.check()
        assert self.headers["content-type"] == "application/json", self
        self.json = json.loads(self.body) if self.body else None
        if self.status >= 400:
            assert set(self.json) == {"error"} and set(self.error) == ERROR_MEMBERS, self
            assert self.error["message"] and self.error["type"], self

    @property
    def error(self):
        return self.json["error"]

    def __repr__(self):
        return f"<{self.status} {self.headers} {self.body[:500]!r}>"


class Stream(Answer):
    """An answer that comes as events; the response is read while they are."""

    def __init__(self, response):
        super().__init__(response)
        self.response = response
        self.comments = []
        self.done = False
        self.check()
        assert self.headers["content-type"] == "text/event-stream; charset=utf-8", self.headers

    def __iter__(self):
        """The data of each event but [DONE]."""
        data = []
        while line := self.response.readline():
            line = line.decode().rstrip("\n")
            if line.startswith(":"):
                self.comments.append(line[2:])
            elif line:
                assert line.startswith("data: "), line
                data.append(line[6:])
            elif data == ["[DONE]"]:
                self.done = True
                data = []
            elif data:
                yield json.loads("\n".join(data))
                data = []
        assert not data, "the stream has broken off within an event"

    def comment(self):
        """The next line, which is a comment."""
        line = self.response.readline().decode()
        assert line.startswith(": ") and self.response.readline() == b"\n", line
        return line[2:-1]


class Gateway:
    """One connection at a time, closed with the object."""

    def __init__(self, port, base="/open", headers=None):
        self.port = port
        self.base = base
        self.headers = headers or {}
        self.connection = None
        self.sock = None

    def open(self):
        self.close()
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port,
                                                     timeout=120 * SLOWNESS)

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None

    def send(self, method, path, body=None, headers=None, new=True):
        if new or not self.connection:
            self.open()
        data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
        more = {"Content-Type": "application/json"} if data is not None else {}
        self.connection.request(method, self.base + path, data,
                                {**more, **self.headers, **(headers or {})})
        self.sock = self.connection.sock  # which it forgets when the server says it closes

    def receive(self):
        response = self.connection.getresponse()
        kind = response.getheader("content-type", "")
        return Stream(response) if kind.startswith("text/event-stream") else Whole(response)

    def call(self, method, path, body=None, headers=None, new=True):
        self.send(method, path, body, headers, new)
        return self.receive()

    def get(self, path, **more):
        return self.call("GET", path, **more)

    def post(self, path, body, headers=None, **more):
        return self.call("POST", path, body, headers, **more)

    def begin(self, content="Hello", headers=None, **more):
        """Ask for a chat and leave the answer for receive()."""
        self.send("POST", "/chat/completions", chat(content, **more), headers)
        return self

    def chat(self, content="Hello", headers=None, **more):
        return self.begin(content, headers, **more).receive()

    def hang_up(self):
        """At once, whatever is on its way."""
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)
        self.close()


def text_of(events):
    """What the pieces of a chat say together."""
    return "".join(choice["delta"].get("content") or ""
                   for event in events for choice in event.get("choices", []))
