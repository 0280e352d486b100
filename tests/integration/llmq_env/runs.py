"""Runs of agents as the tests see them: what is asked for, and what a log must say of it."""

import json

from . import errorlog
from .receiver import Reply
from .wait import PATIENCE, until

STATUS = {"run_id", "status", "trigger_message_id", "error"}
ERROR = {"run_id", "message", "retryable", "http_status", "provider", "latency_ms",
         "raw_message"}
RUN = {"run_id", "session_id", "trigger_message_id", "status", "error", "provider", "latency_ms",
       "attempts", "created_at", "finished_at"}
FINAL = ("DONE", "FAILED", "CANCELED")

# What httpd and the module say when a process is killed.
KILLED = (*errorlog.KILLED, "LLMQ0504")


def agent(name, url, *lines):
    """An agent of kind http, with more lines of its block."""
    return "\n".join([f"<LLMQAgent {name}>", "LLMQBackendKind http", f"LLMQBackendURL {url}",
                      *lines, "</LLMQAgent>\n"])


def says(content, **more):
    """An agent's answer."""
    return Reply(body=json.dumps({"content": content, **more}).encode(),
                 headers={"Content-Type": "application/json"})


def start(api, session, trigger, query="", **more):
    return api.post(f"/sessions/{session}/runs{query}", {"trigger_message_id": trigger}, **more)


def started(api, session, trigger, query=""):
    answer = start(api, session, trigger, query)
    assert answer.status == 201, answer
    assert RUN <= set(answer.json), answer
    return answer.json["run_id"]


def run(api, session, run_id):
    answer = api.get(f"/sessions/{session}/runs/{run_id}")
    assert answer.status == 200 and set(answer.json) == RUN, answer
    return answer.json


def until_final(api, session, run_id, deadline=PATIENCE):
    def look():
        got = run(api, session, run_id)
        return got if got["status"] in FINAL else None
    return until(look, f"run {run_id} to end", deadline)


def told(api, session, run_id):
    """What the log says of a run, as (type, status) in order. Each is there once."""
    found = [m for m in api.messages(session, "?limit=200")
             if (m["payload"] or {}).get("run_id") == run_id and m["type"] != "run.cancel"]
    for m in found:
        assert m["role"] == ("AGENT" if m["type"] == "agent.message" else "SYSTEM"), m
        if m["type"] == "run.status":
            assert STATUS <= set(m["payload"]), m
        if m["type"] == "run.error":
            assert set(m["payload"]) == ERROR, m
    return [(m["type"], m["payload"].get("status")) for m in found]


def said_of(api, session, run_id, kind):
    """The one message of a type of a run."""
    found = [m for m in api.messages(session, "?limit=200")
             if m["type"] == kind and (m["payload"] or {}).get("run_id") == run_id]
    assert len(found) == 1, found
    return found[0]


DONE = [("run.status", "RUNNING"), ("agent.message", None), ("run.status", "DONE")]
FAILED = [("run.status", "RUNNING"), ("run.error", None), ("run.status", "FAILED")]
CANCELED = [("run.status", "RUNNING"), ("run.status", "CANCELED")]


def check_log(api, session, ends):
    """The log has no gap and no double; ends are the words of each run, as it ended."""
    log = api.messages(session, "?limit=200")
    assert [m["seq"] for m in log] == list(range(1, len(log) + 1))
    for run_id, words in ends.items():
        assert told(api, session, run_id) == words, run_id
