"""The npm package `openai`, unmodified, in a process of its own. Debian has no package of it;
whoever wants these tests runs `npm install openai` in a folder of their choice and gives its name
in the environment variable LLMQ_OPENAI_SDK. Without one node looks where it always does."""

import contextlib
import itertools
import json
import os
import pathlib
import queue
import shutil
import subprocess
import threading

import pytest

from .wait import SLOWNESS

SCRIPT = pathlib.Path(__file__).resolve().parents[1] / "openai_sdk.mjs"
HOW_TO = "run `npm install openai` in a folder and set LLMQ_OPENAI_SDK to its name"


class Failure(Exception):
    """The SDK has thrown something; kinds are the names of its class and of those above it."""

    def __init__(self, line):
        super().__init__(line["message"])
        self.kinds = line["kinds"]
        self.__dict__.update({name: line.get(name) for name in
                              ("status", "type", "param", "code", "request_id", "attempts")})


class Call:
    """One command under way."""

    def __init__(self, sdk, number):
        self.sdk = sdk
        self.number = number
        self.lines = queue.Queue()
        self.attempts = []

    def next(self, *kinds):
        while True:
            line = self.lines.get(timeout=120 * SLOWNESS)
            assert line is not None, "node has ended"
            if line["is"] == "error":
                raise Failure(line)
            if line["is"] in kinds:
                return line

    def piece(self):
        return self.next("piece")["piece"]

    def result(self):
        line = self.next("result")
        self.attempts = line["attempts"]
        return line["result"]

    def failure(self):
        with pytest.raises(Failure) as caught:
            self.next("result")
        return caught.value

    def began_at_the_gateway(self):
        """Non-zero once the headers of its answer are there; not when pieces have been read."""
        return any(line["is"] == "headers" for line in list(self.lines.queue))

    def abort(self):
        self.sdk.tell({"abort": self.number})

    def stop(self):
        self.sdk.tell({"stop": self.number})


class Sdk:
    """begin() starts a command, call() waits for what it returns."""

    def __init__(self):
        if not shutil.which("node"):
            pytest.skip("the npm package openai needs node")
        self.calls = {}
        self.numbers = itertools.count(1)
        self.process = subprocess.Popen(
            ["node", SCRIPT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "NO_PROXY": "*"})
        first = self.process.stdout.readline()
        if not first:
            assert self.process.wait(120 * SLOWNESS) == 3, "node failed"
            pytest.skip(f"the npm package openai is not installed: {HOW_TO}")
        self.version = json.loads(first)["version"]
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.process.stdout:
            said = json.loads(line)
            self.calls[said["id"]].lines.put(said)
        for call in list(self.calls.values()):
            call.lines.put(None)

    def tell(self, command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def begin(self, client, path, *args, how="plain"):
        call = Call(self, next(self.numbers))
        self.calls[call.number] = call
        self.tell({"id": call.number, "path": path, "args": args, "how": how, "client": client})
        call.next("begun")
        return call

    def close(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.wait(120 * SLOWNESS)
