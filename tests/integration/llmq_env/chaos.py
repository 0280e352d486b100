"""Workers, the dispatcher and children that are killed and stopped at random while tasks are
done. Everything is drawn from one seed, so that a run can be had again, as far as processes
repeat themselves."""

import collections
import pathlib
import random
import signal
import subprocess
import sys
import time

from .ledger import Audit, read
from .wait import SLOWNESS, kill_process, until

WORKER = pathlib.Path(__file__).resolve().parents[1] / "chaos_worker.py"
TYPES = ("document_processing", "embedding_generation", "knowledge_indexing")
PRIORITIES = ("low", "normal", "high", "critical")


class Crowd:
    """So many processes of chaos_worker.py; one that was killed is replaced."""

    def __init__(self, server, ledger, size, seed, mean_ms=2):
        self.server = server
        self.ledger = ledger
        self.random = random.Random(seed)
        self.mean_ms = mean_ms
        self.output = open(server.dir / "workers.log", "ab")
        self.born = 0
        self.stopped = []  # (when to continue, process)
        self.killed = 0
        self.paused = 0
        self.processes = [self._spawn() for _ in range(size)]

    def _spawn(self):
        self.born += 1
        return subprocess.Popen(
            [sys.executable, WORKER, f"http://127.0.0.1:{self.server.port}/api/v1",
             f"worker-{self.born}", self.ledger, str(self.random.randrange(2 ** 32)),
             str(self.mean_ms)],
            stdin=subprocess.DEVNULL, stdout=self.output, stderr=self.output)

    def running(self):
        stopped = [process for _, process in self.stopped]
        return [process for process in self.processes if process not in stopped]

    def kill(self):
        victim = self.random.choice(self.processes)
        victim.kill()
        victim.wait()
        self.stopped = [pair for pair in self.stopped if pair[1] is not victim]
        self.processes[self.processes.index(victim)] = self._spawn()
        self.killed += 1

    def pause(self, seconds):
        running = self.running()
        if len(running) > len(self.processes) // 2:
            victim = self.random.choice(running)
            victim.send_signal(signal.SIGSTOP)
            self.stopped.append((time.monotonic() + seconds, victim))
            self.paused += 1

    def resume(self, everyone=False):
        now = time.monotonic()
        for pair in [pair for pair in self.stopped if everyone or pair[0] <= now]:
            pair[1].send_signal(signal.SIGCONT)
            self.stopped.remove(pair)

    def tend(self):
        """Continue who was stopped long enough. Nobody ends by himself."""
        self.resume()
        ended = [process.args[3] for process in self.processes if process.poll() is not None]
        assert not ended, f"{ended} ended: see workers.log"

    def end(self):
        self.resume(everyone=True)
        for process in self.processes:
            process.terminate()
        codes = [self._code(process) for process in self.processes]
        self.output.close()
        # One that was born a moment ago does not listen yet.
        assert set(codes) <= {0, -signal.SIGTERM}, codes

    @staticmethod
    def _code(process):
        try:
            return process.wait(120 * SLOWNESS)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGUSR1)  # its threads go to workers.log
            raise

    def abandon(self):
        """After a failure: nobody is left behind."""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
                process.wait()


class Chaos:
    """Disturbs until done(): each disturbance has a mean pause and comes at random."""

    def __init__(self, server, crowd, lease, seed, pace=1.0):
        self.server = server
        self.crowd = crowd
        self.lease = lease
        self.random = random.Random(seed)
        self.counts = collections.Counter()
        self.disturbances = {
            "worker killed": (0.4 * pace, crowd.kill),
            "worker stopped": (0.5 * pace, self._pause),
            "dispatcher killed": (2.5 * pace, self._kill_dispatcher),
            "child killed": (3.0 * pace, self._kill_child),
            "graceful restart": (7.0 * pace, server.graceful),
        }

    def _pause(self):
        self.crowd.pause(self.random.uniform(0.2, 2.0) * self.lease)

    def _kill_dispatcher(self):
        running = self.server.dispatchers()
        if running:
            kill_process(running[-1])

    def _kill_child(self):
        running = self.server.workers()
        if running:
            kill_process(self.random.choice(running))

    def run(self, done, deadline):
        """So long until each disturbance was there and all is done."""
        due = {name: time.monotonic() + self.random.expovariate(1 / mean)
               for name, (mean, _) in self.disturbances.items()}
        end = time.monotonic() + deadline * SLOWNESS
        look = 0.0
        while True:
            now = time.monotonic()
            assert now < end, "the tasks do not end"
            if now >= look:
                if done():
                    return
                look = now + 0.5
            for name, (mean, disturb) in self.disturbances.items():
                if now >= due[name]:
                    disturb()
                    self.counts[name] += 1
                    due[name] = time.monotonic() + self.random.expovariate(1 / mean)
            self.crowd.tend()
            time.sleep(0.02)


def create(api, count, max_retries=50):
    """So many tasks of several types and priorities, by batches; their ids."""
    ids = []
    for first in range(0, count, 100):
        batch = [{"task_type": TYPES[i % len(TYPES)], "kb_id": f"kb_{i % 7}",
                  "priority": PRIORITIES[i % 4], "payload": {"number": i},
                  "max_retries": max_retries}
                 for i in range(first, min(first + 100, count))]

        def accepted(batch=batch):
            answer = api.post("/tasks/batch", batch, check=False)
            if answer.status == 503:
                return None
            assert answer.status == 201, answer
            return answer.json["tasks"]

        ids += [task["id"] for task in until(accepted, "a batch to be accepted", 60)]
    return ids


def tasks(api):
    """All tasks by id, as the list shows them."""
    found = {}
    for page in range(1, 10_000):
        api.close()  # a child that ends would close it
        answer = api.get(f"/tasks?page={page}&page_size=100&sort_by=created_at&sort_order=asc",
                         check=False)
        assert answer.status == 200, answer
        for task in answer.json["tasks"]:
            assert task["id"] not in found, "in two pages"
            found[task["id"]] = task
        if page >= answer.json["pagination"]["total_pages"]:
            return found
    raise AssertionError("the list does not end")


def verdict(ids, found, ledger):
    """What is wrong, line by line, and the audit."""
    audit = Audit(read(ledger))
    wrong = [f"{task}: is gone" for task in ids if task not in found]
    wrong += [f"{task}: was never created" for task in found if task not in set(ids)]
    wrong += audit.stale() + audit.ended_twice()
    for task in found.values():
        problem = audit.wrong_result(task["id"], task["status"], task.get("result"))
        if problem:
            wrong.append(problem)
    return wrong, audit
