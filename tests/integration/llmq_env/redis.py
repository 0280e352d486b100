"""A Redis of the tests' own, that they may stop and start."""

import os
import pathlib
import signal
import socket
import subprocess

from .wait import SLOWNESS, until


class Client:
    """One connection, as anybody may have it."""

    def __init__(self, redis):
        self.socket = socket.create_connection(("127.0.0.1", redis.port), 60 * SLOWNESS)
        self.file = self.socket.makefile("rb")
        if redis.password:
            assert self.ask("AUTH", redis.password) == b"OK"

    def close(self):
        self.file.close()
        self.socket.close()

    def send(self, *words):
        words = [word if isinstance(word, bytes) else str(word).encode() for word in words]
        self.socket.sendall(b"*%d\r\n" % len(words) + b"".join(
            b"$%d\r\n%b\r\n" % (len(word), word) for word in words))

    def read(self):
        line = self.file.readline().rstrip()
        kind, rest = line[:1], line[1:]
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        if kind == b"$":
            return self.file.read(int(rest) + 2)[:-2] if int(rest) >= 0 else None
        return int(rest) if kind == b":" else rest

    def ask(self, *words):
        self.send(*words)
        return self.read()

    def publish(self, channel, data):
        """How many have heard it."""
        return self.ask("PUBLISH", channel, data)

    def subscribe(self, channel):
        self.ask("SUBSCRIBE", channel)

    def next(self):
        """Of what was subscribed to."""
        return self.read()[2]


class Redis:
    """One redis-server on a port of its own."""

    def __init__(self, path, port, password=None):
        self.path = pathlib.Path(path)
        self.path.mkdir(exist_ok=True)
        self.unix = self.path / "redis.sock"
        self.port = port
        self.password = password
        self.process = None

    def start(self):
        args = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
                "--appendonly", "no", "--dir", str(self.path), "--unixsocket", str(self.unix),
                "--unixsocketperm", "777"]
        if self.password:
            args += ["--requirepass", self.password]
        self.process = subprocess.Popen(args, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until(self._answers, "redis-server")
        return self

    def _answers(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), 1) as s:
                s.sendall(b"PING\r\n")
                return s.recv(1) in (b"+", b"-")
        except OSError:
            return False

    def stop(self):
        if self.process:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            self.process.wait(60)
            self.process = None

    def client(self):
        return Client(self)

    def freeze(self):
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self):
        os.kill(self.process.pid, signal.SIGCONT)
