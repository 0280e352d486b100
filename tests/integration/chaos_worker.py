#!/usr/bin/env python3
"""A worker of docs/examples/worker.py that misbehaves now and then and writes everything
into a ledger: chaos_worker.py BASE NAME LEDGER SEED MEAN_MS. What it does is drawn from SEED."""

import faulthandler
import pathlib
import random
import signal
import sys
import time
import uuid
from datetime import datetime

HERE = pathlib.Path(__file__).resolve().parent
sys.dont_write_bytecode = True
sys.path[:0] = [str(HERE), str(HERE.parents[1] / "docs" / "examples")]

import worker  # noqa: E402
from llmq_env.ledger import Ledger  # noqa: E402

EXTEND = 2
# Of a thousand tasks so many end thus; the rest is completed.
LATER, REFUSED, BACK, ZOMBIE, TWICE = 30, 10, 30, 15, 30
TYPES = ("document_processing", "embedding_generation", "knowledge_indexing")


def expiry(answer):
    text = answer.get("lease_expires_at")
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() if text else None


class Client(worker.Client):
    """Writes down what was sent when, and what the answer was."""

    ledger = None

    def call(self, method, path, body):
        sent = time.time()
        call = path.rsplit("/", 1)[1]
        if call == "heartbeat":
            self.ledger.add(what="heartbeat", token=body["lease_token"], sent=sent,
                            extend=body["extend"])
        status, answer, headers = super().call(method, path, body)
        if call == "claim":
            for task in answer.get("tasks", ()):
                self.ledger.add(what="claim", task=task["id"], token=task["lease_token"],
                                deliveries=task["deliveries"], attempt=task["attempt"],
                                until=expiry(task), got=time.time())
        else:
            self.ledger.add(what="answer", token=body["lease_token"], call=call, sent=sent,
                            status=status, code=answer.get("code"), until=expiry(answer))
        return status, answer, headers


class ChaosWorker(worker.Worker):
    def __init__(self, base, name, ledger, seed, mean):
        super().__init__(base, name, {name: self.process for name in TYPES}, jobs=1,
                         limit=3, wait=5, extend=EXTEND, grace=0.0)
        self.ledger = Client.ledger = ledger
        self.random = random.Random(seed)
        self.mean = mean

    def client(self, timeout=15.0):
        return Client(self.base, self.token, timeout)

    def process(self, task, lease):
        draw = self.random.randrange(1000)
        for share, end in ((LATER, self.later), (REFUSED, self.refused), (BACK, self.back),
                           (ZOMBIE, self.zombie)):
            if draw < share:
                return end(task, lease)
            draw -= share
        time.sleep(self.random.expovariate(1 / self.mean))
        lease.twice = draw < TWICE
        return self.result(task)

    def result(self, task):
        effect = uuid.uuid4().hex
        self.ledger.add(what="effect", token=task["lease_token"], effect=effect)
        self.meant(task, "complete")
        return {"effect": effect, "token": task["lease_token"]}

    def meant(self, task, call):
        self.ledger.add(what="meant", token=task["lease_token"], call=call)

    def later(self, task, lease):
        self.meant(task, "fail")
        raise worker.Later("not today", after=0)

    def refused(self, task, lease):
        self.meant(task, "fail for good")
        raise worker.Hopeless("never")

    def back(self, task, lease):
        self.meant(task, "release")
        raise worker.Stopped("as planned")

    def zombie(self, task, lease):
        """Let the lease end, and tell the result all the same."""
        lease.end()
        lease.lost = "as planned"
        time.sleep(max(0.0, lease.until - time.monotonic()) + self.random.uniform(1.0, 4.0))
        return self.result(task)

    def told(self, lease, call, status, answer):
        super().told(lease, call, status, answer)
        if getattr(lease, "twice", False) and status == 200:
            lease.twice = False
            client = self.client()
            try:
                client.call("POST", f"/tasks/{lease.task['id']}/{call}",
                            lease.body(result={"effect": "twice"}))
            except worker.Away:
                pass
            client.close()


def main():
    base, name, path, seed, mean = sys.argv[1:]
    faulthandler.register(signal.SIGUSR1)  # where does it hang?
    ChaosWorker(base, name, Ledger(path), int(seed), float(mean) / 1000).run()


if __name__ == "__main__":
    main()
