#!/usr/bin/env python3
"""A worker of mod_llmq in Python's standard library.

    worker.py [options] TYPE[,TYPE...] COMMAND [ARGUMENT...]

For each task COMMAND is started with the task as JSON on its standard input. Exit status 0:
what it has printed, JSON, is the result. 75: it failed and is to be tried again. Any other:
it failed for good. SIGTERM and SIGINT: no more tasks are claimed, those at work have
--grace seconds to end, the rest is given back.

A program of your own imports this file and gives Worker a function for each type:

    def process(task, lease):
        for step, page in enumerate(pages_of(task["payload"]["file_path"])):
            lease.check()              # ends the work when the task is not ours any more
            index(page)
        return {"pages": step + 1}

    Worker("http://localhost:8084/api/v1", "worker_001", {"document_processing": process}).run()
"""

import argparse
import email.utils
import http.client
import json
import logging
import os
import random
import signal
import socket
import subprocess
import threading
import time
import urllib.parse
from datetime import datetime

log = logging.getLogger("worker")


class Away(Exception):
    """The server cannot answer now. after: seconds that it asked us to wait."""

    def __init__(self, why, after=0.0):
        super().__init__(why)
        self.after = after


class Lost(Exception):
    """The task is not ours any more: canceled, or the lease has ended."""


class Stopped(Exception):
    """The worker is to end before the task has; it is given back."""


class Hopeless(Exception):
    """For handlers: this task will never succeed."""


class Later(Exception):
    """For handlers: this task may succeed later. after: seconds until then, None: as the
    server thinks best. Any other exception means the same."""

    def __init__(self, why, after=None):
        super().__init__(why)
        self.after = after


class Client:
    """JSON calls of one thread over one connection, which is opened again when it broke."""

    def __init__(self, base, token=None, timeout=15.0):
        url = urllib.parse.urlsplit(base.rstrip("/"))
        self.path = url.path
        self.headers = {"Content-Type": "application/json"}
        if token:
            self.headers["Authorization"] = f"Bearer {token}"
        kind = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
        self.connection = kind[url.scheme](url.hostname, url.port, timeout=timeout)

    def call(self, method, path, body):
        """Status, body and headers of the answer. Away: none, or one to be asked for again."""
        try:
            self.connection.request(method, self.path + path, json.dumps(body), self.headers)
            response = self.connection.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException) as problem:
            self.connection.close()
            raise Away(repr(problem)) from problem
        if response.status >= 500 or response.status == 429:
            after = response.headers.get("Retry-After", "0")
            raise Away(f"answer {response.status}", float(after) if after.isdigit() else 0.0)
        try:
            return response.status, json.loads(text or b"{}"), response.headers
        except ValueError as problem:
            raise Away("an answer that is no JSON") from problem

    def half_close(self):
        """Say that no answer is wanted any more, but read one that is already on its way. From
        any thread. TLS knows no half-closed connection; then the answer is waited for."""
        sock = self.connection.sock
        if sock and not isinstance(self.connection, http.client.HTTPSConnection):
            try:
                sock.shutdown(socket.SHUT_WR)
            except OSError:
                pass  # it was closed meanwhile

    def close(self):
        self.connection.close()


class Backoff:
    """Pauses that grow, each drawn at random, so that a thousand workers do not come back
    in the same moment."""

    def __init__(self, first=0.5, most=30.0):
        self.first = first
        self.most = most
        self.bound = first

    def reset(self):
        self.bound = self.first

    def pause(self, event, after=0.0):
        event.wait(after + random.uniform(0, self.bound))
        self.bound = min(self.most, 2 * self.bound)


def seconds_left(answer, headers):
    """How long a lease lasts from now on, by the server's clock alone: ours may be wrong.
    Date has whole seconds, so the lease may end up to one second sooner."""
    until = datetime.fromisoformat(answer["lease_expires_at"].replace("Z", "+00:00"))
    now = email.utils.parsedate_to_datetime(headers["Date"])
    return (until - now).total_seconds() - 1.0


class Lease(threading.Thread):
    """A task that is ours. The thread keeps it so by a heartbeat whenever a third of what is
    left has passed, and tells the handler when it failed."""

    def __init__(self, worker, task, seconds):
        super().__init__(daemon=True, name=f"lease of {task['id']}")
        self.worker = worker
        self.task = task
        self.until = time.monotonic() + seconds
        self.lost = None  # why
        self.ended = threading.Event()

    def body(self, **more):
        return {"lease_token": self.task["lease_token"], **more}

    def run(self):
        client = self.worker.client(timeout=5.0)
        while not self.ended.wait(self._pause()):
            sent = time.monotonic()
            if sent >= self.until:
                self.lost = "its lease has ended"
                break
            try:
                status, answer, headers = client.call(
                    "POST", f"/tasks/{self.task['id']}/heartbeat",
                    self.body(extend=self.worker.extend))
            except Away as problem:
                log.warning("%s: heartbeat: %s", self.task["id"], problem)
                continue
            if status != 200 or answer.get("cancel"):
                self.lost = "canceled" if answer.get("cancel") else f"answer {status}"
                break
            self.until = sent + seconds_left(answer, headers)
        client.close()

    def _pause(self):
        left = min(self.until - time.monotonic(), self.worker.extend)
        return max(0.05, left / 3 * random.uniform(0.8, 1.0))

    def check(self):
        """Lost or Stopped if the work is to end now. Handlers call it between their steps."""
        if self.lost:
            raise Lost(self.lost)
        if self.worker.out_of_grace():
            raise Stopped("the worker is stopping")

    def progress(self, percent, message=""):
        """Show how far the task is (0 to 99). What cannot be said now is not said."""
        client = self.worker.client(timeout=5.0)
        try:
            client.call("PUT", f"/tasks/{self.task['id']}/progress",
                        self.body(progress=percent, message=message,
                                  worker_id=self.worker.name))
        except Away as problem:
            log.warning("%s: progress: %s", self.task["id"], problem)
        finally:
            client.close()

    def end(self):
        self.ended.set()


class Worker:
    """Claims tasks and gives them to handlers, {type: function(task, lease) -> result}, in
    so many threads (jobs). wait: how long a claim waits for a task; limit: how many tasks
    it takes at once; extend: what heartbeats ask for; grace: time to end after stop()."""

    def __init__(self, base, name, handlers, *, token=None, jobs=1, limit=1, wait=20,
                 extend=60, grace=20.0):
        self.base = base
        self.name = name
        self.handlers = handlers
        self.token = token
        self.jobs = jobs
        self.limit = limit
        self.wait = wait
        self.extend = extend
        self.grace = grace
        self.stopping = threading.Event()
        self.stopped_at = None
        self.waiting = set()  # clients whose claim has not been answered

    def client(self, timeout=15.0):
        return Client(self.base, self.token, timeout)

    # -- life ------------------------------------------------------------------------------

    def run(self):
        """Work until SIGTERM or SIGINT. From the main thread."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self.stop())
        threads = [threading.Thread(target=self.work) for _ in range(self.jobs)]
        for thread in threads:
            thread.start()
        for thread in threads:
            # The kernel may give a signal to any thread, but Python calls stop() in this one
            # and only once it wakes up: so it does not sleep for ever.
            while thread.is_alive():
                thread.join(1.0)

    def stop(self):
        self.stopped_at = time.monotonic()
        self.stopping.set()
        for client in list(self.waiting):
            client.half_close()

    def out_of_grace(self):
        return self.stopping.is_set() and time.monotonic() >= self.stopped_at + self.grace

    # -- tasks -----------------------------------------------------------------------------

    def work(self):
        """What each thread does: claim, work, tell; over and over."""
        client = self.client(timeout=self.wait + 15.0)
        backoff = Backoff()
        while not self.stopping.is_set():
            try:
                leases = self.claim(client)
                backoff.reset()
            except Away as problem:
                if not self.stopping.is_set():
                    log.warning("claim: %s", problem)
                    backoff.pause(self.stopping, problem.after)
                continue
            for lease in leases:
                self.handle(client, lease)
        client.close()

    def claim(self, client):
        self.waiting.add(client)
        try:
            status, answer, headers = client.call(
                "POST", f"/workers/{urllib.parse.quote(self.name)}/claim",
                {"task_types": sorted(self.handlers), "limit": self.limit,
                 "wait": 0 if self.stopping.is_set() else self.wait})
        finally:
            self.waiting.discard(client)
            if self.stopping.is_set():
                client.close()  # it may be half-closed
        if status != 200:  # an unknown type, a bad token: wait until somebody has put it right
            raise Away(f"answer {status}: {answer.get('message')}", 10.0)
        leases = [Lease(self, task, seconds_left(task, headers)) for task in answer["tasks"]]
        for lease in leases:
            lease.start()
        return leases

    def handle(self, client, lease):
        try:
            call, body = self.outcome(lease)
            if call:
                self.tell(client, lease, call, lease.body(**body))
        finally:
            lease.end()

    def outcome(self, lease):
        """Which call tells what became of the task, and its body."""
        task = lease.task
        try:
            if self.stopping.is_set():
                raise Stopped("the worker is stopping")
            return "complete", {"result": self.handlers[task["task_type"]](task, lease)}
        except Lost as reason:
            log.info("%s: dropped, %s", task["id"], reason)
            return None, None
        except Stopped:
            return "release", {}
        except Hopeless as problem:
            return "fail", {"error": str(problem), "retryable": False}
        except Exception as problem:  # whatever else happens in a handler
            log.warning("%s: %r", task["id"], problem)
            after = getattr(problem, "after", None)
            body = {"error": str(problem) or repr(problem), "retryable": True}
            return "fail", body if after is None else {**body, "retry_after": after}

    def tell(self, client, lease, call, body):
        """Until the server has answered or the lease has ended, while the heartbeats go on. A
        second try of a call that had arrived is answered with 409 and changes nothing."""
        backoff = Backoff(first=0.2, most=5.0)
        while True:
            try:
                status, answer, _ = client.call("POST", f"/tasks/{lease.task['id']}/{call}", body)
                return self.told(lease, call, status, answer)
            except Away as problem:
                log.warning("%s: %s: %s", lease.task["id"], call, problem)
                if lease.lost or self.out_of_grace():
                    return self.told(lease, call, 0, {})
                backoff.pause(lease.ended, problem.after)

    def told(self, lease, call, status, answer):
        """The last word about a lease. 200: it counts. 409: the task was canceled, finished
        or given to another, and this call changed nothing. 0: nobody has heard it."""
        log.info("%s: %s: %d %s", lease.task["id"], call, status, answer.get("code", ""))


class Command:
    """A handler that runs a program."""

    AGAIN = 75  # EX_TEMPFAIL of sysexits.h

    def __init__(self, argv):
        self.argv = argv

    def __call__(self, task, lease):
        process = subprocess.Popen(self.argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                   text=True, start_new_session=True)
        try:
            output = self._converse(process, json.dumps(task), lease)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            raise
        if process.returncode == self.AGAIN:
            raise Later("exit status 75")
        if process.returncode != 0:
            raise Hopeless(f"exit status {process.returncode}")
        try:
            return json.loads(output or "null")
        except ValueError:
            return {"output": output}

    def _converse(self, process, text, lease):
        while True:
            try:
                return process.communicate(text, timeout=0.2)[0]
            except subprocess.TimeoutExpired:
                text = None  # what is left of it goes on
                lease.check()


def main():
    parser = argparse.ArgumentParser(description="Runs COMMAND for each task of mod_llmq.")
    parser.add_argument("--base", default=os.environ.get(
        "LLMQ_BASE", "http://localhost:8084/api/v1"), help="default: $LLMQ_BASE")
    parser.add_argument("--name", default=f"{socket.gethostname()}-{os.getpid()}",
                        help="of this worker, in /stats/system")
    parser.add_argument("--token-file", help="holds a Bearer token or an API key")
    parser.add_argument("--jobs", type=int, default=1, help="tasks at the same time")
    parser.add_argument("--wait", type=int, default=20, help="seconds that a claim waits")
    parser.add_argument("--extend", type=int, default=60, help="lease, in seconds")
    parser.add_argument("--grace", type=float, default=20.0, help="seconds after SIGTERM")
    parser.add_argument("types", metavar="TYPE[,TYPE...]")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    if not args.command:
        parser.error("COMMAND is missing")
    token = None
    if args.token_file:
        with open(args.token_file, encoding="utf-8") as file:
            token = file.read().strip()
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    command = Command(args.command)
    Worker(args.base, args.name, {name: command for name in args.types.split(",")},
           token=token, jobs=args.jobs, wait=args.wait, extend=args.extend,
           grace=args.grace).run()


if __name__ == "__main__":
    main()
