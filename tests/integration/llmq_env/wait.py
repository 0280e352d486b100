"""Waiting for a condition with a deadline, instead of sleeping and hoping."""

import http.client
import os
import pathlib
import signal
import time

# Sanitizer builds and busy machines are slower, never differently right.
SLOWNESS = float(os.environ.get("LLMQ_SLOWNESS", 4 if os.environ.get("LLMQ_SAN") else 1))

# How long a condition has to come true: much longer than it takes, which costs a test that
# passes nothing, and shorter than the minute after which a dispatcher walks over the store by
# itself, which would find what a lost wake-up has left.
PATIENCE = 40.0


def until(condition, what, deadline=PATIENCE):
    """Call condition() until it returns something true; return that. Fail after deadline s."""
    end = time.monotonic() + deadline * SLOWNESS
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise AssertionError(f"still waiting for {what} after {deadline * SLOWNESS:.0f} s")
        time.sleep(0.02)


def keep_within_a_day(seconds=60):
    """Wait for the next day (of UTC) if it begins so soon: for what is counted by days."""
    rest = 86400 - time.time() % 86400
    if rest < seconds:
        time.sleep(rest + 0.1)


def reached(call):
    """What call() returns; None if its connection breaks: one that a dying process has taken."""
    try:
        return call()
    except (OSError, http.client.HTTPException):
        return None


def kill_process(pid):
    """Whether it still was there to be killed: a server that turns over or notices a death
    ends processes by itself at the same moment."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def ended(*pids):
    """Whether none of these processes runs any longer. One that only waits for its parent to
    ask how it ended has ended: the parent of an orphan may take its time."""
    def runs(pid):
        try:
            stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return False
        return stat.rpartition(")")[2].split()[0] != "Z"
    return not any(map(runs, pids))
