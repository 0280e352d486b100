"""The acceptance load: messages by 64 connections while the dispatcher is killed every
second and the server restarted gracefully every two. LLMQ_SOAK=10000 is the full number."""

import http.client
import itertools
import os
import signal
import threading
import time

import pytest

from llmq_env.errorlog import KILLED
from llmq_env.wait import kill_process

from test_500_deaths import until_all_completed

COUNT = int(os.environ.get("LLMQ_SOAK", "2000"))
CONNECTIONS = 64
# Between two messages of a connection, so that the load outlasts several kills and restarts.
PAUSE = 0.2
LEVELS = ("realtime", "high", "normal", "low")


class Load:
    """COUNT messages that got a 201, however often they had to be offered."""

    def __init__(self, server):
        self.server = server
        self.ids = []
        self.refused = 0
        self.broken = 0
        self.turn = itertools.count()
        self.threads = [threading.Thread(target=self._post) for _ in range(CONNECTIONS)]

    def _post(self):
        api = self.server.new_api()
        while (i := next(self.turn)) < COUNT:
            body = {"conversation_id": f"conv-{i % 1000}", "user_id": f"user-{i % 100}",
                    "content": f"message {i}", "priority": LEVELS[i % 4]}
            while not self._offer(api, body):
                time.sleep(0.05)
            time.sleep(PAUSE)

    def _offer(self, api, body):
        try:
            answer = api.post("/messages", body, check=False)
        except (OSError, http.client.HTTPException):
            self.broken += 1
            return False
        if answer.status != 201:
            assert answer.status == 503, answer
            self.refused += 1
            return False
        self.ids.append(answer.data["id"])
        return True

    def run_with(self, *disturbances):
        """Disturb until everything was accepted; each is (seconds, function)."""
        for thread in self.threads:
            thread.start()
        due = [time.monotonic() + every for every, _ in disturbances]
        while any(thread.is_alive() for thread in self.threads):
            for i, (every, disturb) in enumerate(disturbances):
                if time.monotonic() >= due[i]:
                    disturb()
                    due[i] = time.monotonic() + every
            time.sleep(0.02)
        return self.ids


@pytest.mark.soak
@pytest.mark.mpm
class TestSoak:
    EXPECT = KILLED
    def test_every_201_ends_completed_once(self, server):
        deaths = []

        def kill():
            running = server.dispatchers()
            if running and kill_process(running[-1]):
                deaths.append(running[-1])

        load = Load(server)
        ids = load.run_with((1.0, kill), (2.0, lambda: server.kill_parent(signal.SIGUSR1)))
        assert len(ids) == COUNT and deaths
        print(f"{COUNT} accepted, {load.refused} refused, {load.broken} broken connections, "
              f"{len(deaths)} dispatchers killed")
        until_all_completed(server, ids, 600)
        extra = len(server.query("SELECT id FROM llmq_jobs")) - COUNT
        assert 0 <= extra <= load.broken  # stored, but the answer was cut
