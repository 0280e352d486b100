"""A reader of event streams that keeps what an EventSource would see, and the comments."""

import json
import socket
import ssl
import threading

from .wait import PATIENCE, until


class Event:
    def __init__(self):
        self.id = None
        self.name = "message"
        self.data = []

    @property
    def json(self):
        return json.loads("\n".join(self.data))

    def __repr__(self):
        return f"{self.name}#{self.id}: {self.data}"


class Stream:
    """One connection that reads an event stream in a thread of its own.

    until_open() waits for the headers; events, comments and retry hold what has come; ended is
    set once the response has, and whole tells if it ended as HTTP wants it to."""

    def __init__(self, port, path, headers=None, last=None, version="1.1", tls=False, buffer=None,
                 method="GET", start=True):
        self.events, self.comments, self.raw = [], [], b""
        self.retry = None
        self.status, self.headers = None, {}
        self.ended, self.whole, self.problem = threading.Event(), False, None
        fields = {"Host": "localhost", "Accept": "text/event-stream", **(headers or {})}
        if last is not None:
            fields["Last-Event-ID"] = str(last)
        head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self.socket = self.connect(port, tls, buffer)
        self.socket.sendall(f"{method} {path} HTTP/{version}\r\n{head}\r\n".encode())
        self._rest, self._event, self._left = b"", Event(), b""
        self.thread = threading.Thread(target=self._run, daemon=True)
        if start:
            self.thread.start()

    def connect(self, port, tls, buffer):
        """The socket to speak through."""
        made = socket.socket()
        if buffer:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        made.settimeout(120)
        made.connect(("127.0.0.1", port))
        if tls:
            context = ssl._create_unverified_context()  # noqa: SLF001
            made = context.wrap_socket(made, server_hostname="localhost")
        return made

    # ---- what a test asks ----

    def until_open(self, status=200):
        until(lambda: self.status is not None or self.ended.is_set(), "the headers")
        assert self.status == status, (self.status, self.raw, self.problem)
        return self

    def until_events(self, n, deadline=PATIENCE):
        until(lambda: len(self.events) >= n or self.ended.is_set(), f"{n} events", deadline)
        assert len(self.events) >= n, (len(self.events), self.problem)
        return self.events

    def until_ended(self, deadline=PATIENCE):
        until(self.ended.is_set, "the end of the stream", deadline)
        return self

    def ids(self, name="message"):
        return [int(e.id) for e in self.events if e.name == name]

    def named(self, name):
        return [e for e in self.events if e.name == name]

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        if self.thread.ident:
            self.thread.join(30)
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # ---- reading ----

    def _more(self):
        block = self.socket.recv(65536)
        if not block:
            raise EOFError
        self.raw = (self.raw + block)[-4096:]
        return block

    def _run(self):
        try:
            self._head()
            if "chunked" in self.headers.get("transfer-encoding", ""):
                self._chunks()
            else:
                self._plain()
        except (EOFError, OSError, ValueError) as problem:
            self.problem = problem
        finally:
            self.ended.set()

    def _head(self):
        got = b""
        while b"\r\n\r\n" not in got:
            got += self._more()
        head, self._rest = got.split(b"\r\n\r\n", 1)
        first, *lines = head.decode().split("\r\n")
        self.headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines)}
        self.status = int(first.split()[1])

    def _chunks(self):
        while True:
            while b"\r\n" not in self._rest:
                self._rest += self._more()
            size, self._rest = self._rest.split(b"\r\n", 1)
            size = int(size, 16)
            while len(self._rest) < size + 2:
                self._rest += self._more()
            assert self._rest[size:size + 2] == b"\r\n", self._rest[:size + 2]
            self._text(self._rest[:size])
            self._rest = self._rest[size + 2:]
            if size == 0:
                self.whole = True
                return

    def _plain(self):
        length = self.headers.get("content-length")
        got = 0
        try:
            while length is None or got < int(length):
                if not self._rest:
                    self._rest = self._more()
                got += len(self._rest)
                self._text(self._rest)
                self._rest = b""
        except EOFError:
            if length is not None:
                raise
        self.whole = True

    def _text(self, data):
        self._left += data
        *lines, self._left = self._left.split(b"\n")
        for line in lines:
            self._line(line.decode())

    def _line(self, line):
        if not line:
            if self._event.data:
                self.events.append(self._event)
            self._event = Event()
            return
        name, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if not name:
            self.comments.append(value)
        elif name == "id":
            self._event.id = value
        elif name == "event":
            self._event.name = value
        elif name == "data":
            self._event.data.append(value)
        elif name == "retry":
            self.retry = int(value)
