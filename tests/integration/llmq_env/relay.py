"""A dispatcher of the tests' own, as the children reach it: it takes the place of the relay's
socket and says what a test wants it to. Frames are those of bus/relay_frame.h."""

import contextlib
import json
import os
import queue
import socket
import struct
import threading

from .wait import SLOWNESS, until

LISTEN, CANCEL, FORGET, BEGUN, PIECE, END, LEAVING, LOST, HOLD, GO = range(1, 11)
HEAD = struct.Struct("=IBBBB")


def frame(kind, job="", data=b""):
    job = job.encode()
    return HEAD.pack(HEAD.size - 4 + len(job) + len(data), 1, kind, len(job), 0) + job + data


class Child:
    """The connection of one child of httpd."""

    def __init__(self, relay, sock):
        self.relay = relay
        self.sock = sock
        threading.Thread(target=self._read, daemon=True).start()

    def say(self, kind, job="", data=b""):
        self.sock.sendall(frame(kind, job, data))

    def _exactly(self, n):
        got = b""
        while len(got) < n:
            block = self.sock.recv(n - len(got))
            if not block:
                raise ConnectionError
            got += block
        return got

    def _read(self):
        try:
            while True:
                length, version, kind, size, _ = HEAD.unpack(self._exactly(HEAD.size))
                assert version == 1 and length == HEAD.size - 4 + size, (length, size)
                self.relay.heard(self, kind, self._exactly(size).decode())
        except OSError:
            self.relay.left(self)
        finally:
            self.sock.close()


class Relay:
    """Sits where the server's dispatchers would. The server runs with LLMQDispatcher Off."""

    def __init__(self, server):
        self.path, = (server.dir / "run").glob("llmq-relay.*")
        self.jobs = queue.Queue()       # of Job, as they are listened to
        self.listening = {}
        self.canceled = []
        self.children = []
        self._lock = threading.Lock()
        self._open()

    def _open(self):
        new = self.path.with_suffix(".new")     # a child that comes meanwhile meets somebody
        self.door = socket.socket(socket.AF_UNIX)
        self.door.bind(str(new))
        os.chmod(new, 0o666)
        self.door.listen(1024)
        new.rename(self.path)
        self._accepting = threading.Thread(target=self._accept, args=(self.door,), daemon=True)
        self._accepting.start()

    def _accept(self, door):
        while True:
            try:
                sock, _ = door.accept()
            except OSError:
                return
            with self._lock:
                self.children.append(Child(self, sock))

    @staticmethod
    def _shut(sock):
        """Whoever waits at it is woken: else one that is stopped there and goes on would wait at
        the next socket that gets its number."""
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    def close(self):
        """As if the dispatcher were killed."""
        self._shut(self.door)
        self._accepting.join()
        self.door.close()
        with self._lock:
            children, self.children = self.children, []
            self.listening = {}
        for child in children:
            self._shut(child.sock)

    def replace(self):
        """Another dispatcher comes after this one was killed."""
        door, accepting = self.door, self._accepting
        self._open()
        self._shut(door)
        accepting.join()
        door.close()
        with self._lock:
            children = list(self.children)
            self.listening = {}
        for child in children:
            self._shut(child.sock)

    def heard(self, child, kind, name):
        with self._lock:
            if kind == LISTEN:
                self.listening[name] = child
                self.jobs.put(Job(self, name))
            elif kind not in (HOLD, GO):
                self.listening.pop(name, None)
                if kind == CANCEL:
                    self.canceled.append(name)

    def left(self, child):
        with self._lock:
            if child in self.children:
                self.children.remove(child)

    def job(self):
        return self.jobs.get(timeout=60 * SLOWNESS)

    def until_canceled(self, name):
        until(lambda: name in self.canceled, f"the end of {name}")


class Job:
    def __init__(self, relay, name):
        self.relay = relay
        self.name = name

    def say(self, kind, data=b""):
        self.relay.listening[self.name].say(kind, self.name, data)

    def begin(self):
        self.say(BEGUN, b"1")

    def piece(self, content):
        data = content if isinstance(content, bytes) else json.dumps(
            {"object": "chat.completion.chunk",
             "choices": [{"index": 0, "delta": {"content": content}}]}).encode()
        self.say(PIECE, data)

    def end(self, body=b"", status=200, headers=b"", tokens=(-1, -1)):
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.say(END, struct.pack("=IIii", status, len(headers), *tokens) + headers + body)

    def lose(self):
        self.say(LOST)
