"""Waiting for a condition with a deadline, instead of sleeping and hoping."""

import os
import time

# Sanitizer builds and busy machines are slower, never differently right.
SLOWNESS = float(os.environ.get("LLMQ_SLOWNESS", 4 if os.environ.get("LLMQ_SAN") else 1))


def until(condition, what, deadline=15.0):
    """Call condition() until it returns something true; return that. Fail after deadline s."""
    end = time.monotonic() + deadline * SLOWNESS
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise AssertionError(f"still waiting for {what} after {deadline * SLOWNESS:.0f} s")
        time.sleep(0.02)
