"""Those who write into a session and those who listen to it while servers come and go: neither
gives up, as no client of ours should."""

import http.client
import itertools
import threading

from .sessions import Sessions
from .sse import Stream
from .tokens import bearer, token
from .wait import until


class Writer(threading.Thread):
    """Appends until told to stop, a known number at least. Each is offered until it is accepted,
    with the same key, so that nothing is stored twice. With @a pause seconds between two."""

    def __init__(self, server, session, name, least=0, pause=0.02):
        super().__init__(daemon=True)
        self.client = Sessions(server, "user_1")
        self.session, self.name_, self.least, self.pause = session, name, least, pause
        self.enough = threading.Event()
        self.written = 0
        self.start()

    def run(self):
        for i in itertools.count(1):
            if self.enough.is_set() and self.written >= self.least:
                break
            until(lambda i=i: self._accepted(f"{self.name_}{i}"), f"append {self.name_}{i}")
            self.written = i
            self.enough.wait(self.pause)

    def _accepted(self, key):
        try:
            return self.client.try_append(self.session, key, dedupe_key=key).status == 201
        except (OSError, http.client.HTTPException):
            self.client.close()
            return False

    def finish(self):
        """How many it has written."""
        self.enough.set()
        self.join()
        return self.written


class Reader(threading.Thread):
    """Listens as an EventSource does: comes back with the last id that it has seen. seen holds
    (number, content) of each message, came how often it had to come."""

    def __init__(self, server, session):
        super().__init__(daemon=True)
        self.port, self.session = server.port, session
        self.seen, self.came = [], 0
        self.enough = threading.Event()
        self.start()

    def run(self):
        while not self.enough.is_set():
            try:
                with Stream(self.port, f"/api/sessions/{self.session}/sse",
                            headers=bearer(token("user_1")),
                            last=self.seen[-1][0] if self.seen else None) as stream:
                    self._follow(stream)
            except OSError:
                self.enough.wait(0.05)

    def _follow(self, stream):
        taken = 0
        while not self.enough.is_set():
            ended = stream.ended.is_set()  # asked first: nothing comes after it
            for event in stream.events[taken:]:
                taken += 1
                if event.name == "message":
                    self.seen.append((int(event.id), event.json["content"]))
            if ended:
                break
            self.enough.wait(0.01)
        self.came += stream.status == 200

    def until_seen(self, n):
        until(lambda: len(self.seen) >= n, f"{n} events")

    def finish(self):
        self.enough.set()
        self.join()
        return self.seen
