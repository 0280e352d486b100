"""Workers may die at any moment: they are killed and stopped beyond their leases, with them
the dispatcher, children and whole generations. A ledger outside the server holds every claim,
every effect and every answer; at the end it is laid beside what the server says.

LLMQ_CHAOS_TASKS and LLMQ_CHAOS_WORKERS make it larger, LLMQ_CHAOS_SEED another one; see
scripts/chaos.sh."""

import json
import os
import time

import pytest

from llmq_env import chaos
from llmq_env.errorlog import KILLED
from llmq_env.ledger import Audit

TASKS = int(os.environ.get("LLMQ_CHAOS_TASKS", "400"))
WORKERS = int(os.environ.get("LLMQ_CHAOS_WORKERS", "8"))
SEED = int(os.environ.get("LLMQ_CHAOS_SEED", "1"))
LARGE = TASKS > 1000
LEASE = 2


@pytest.mark.mpm
class TestChaos:
    CONF = (f"LLMQLease {LEASE}s\nLLMQMaxDeliveries 100\nLLMQNodeTimeout 5s\n"
            "LLMQTaskConcurrency 1000\nGracefulShutdownTimeout 2\n")
    EXPECT = KILLED

    def test_every_task_ends_once_with_the_result_of_its_last_lease(self, server, api):
        ids = chaos.create(api, TASKS)
        ledger = server.dir / "ledger.jsonl"
        crowd = chaos.Crowd(server, ledger, WORKERS, SEED, mean_ms=2 if LARGE else 60)
        turmoil = chaos.Chaos(server, crowd, LEASE, SEED, pace=2.0 if LARGE else 1.0)
        begun = time.monotonic()
        try:
            turmoil.run(lambda: self.unfinished(api) == 0, 1800 if LARGE else 600)
            took = time.monotonic() - begun
            crowd.end()
        finally:
            crowd.abandon()
        api.close()  # a child that was killed had it, perhaps
        found = chaos.tasks(api)
        wrong, audit = chaos.verdict(ids, found, ledger)
        self.report(took, turmoil, audit, found)
        assert not wrong, f"{len(wrong)} findings:\n" + "\n".join(wrong[:50])
        self.check_counts(server, api, found)

    @staticmethod
    def unfinished(api):
        try:
            answer = api.get("/stats/tasks", check=False)
        except Exception:  # its child was killed
            return None
        if answer.status != 200:
            return None
        stats = answer.json
        return stats["total_tasks"] - stats["completed_tasks"] - stats["failed_tasks"]

    @staticmethod
    def report(took, turmoil, audit, found):
        """For who runs it with -s."""
        print(json.dumps({
            "tasks": len(found), "seconds": round(took, 1), **turmoil.counts,
            "claims": len(audit.leases), "effects": sum(audit.effects.values()),
            "completed": audit.count("complete"), "failed": audit.count("fail"),
            "released": audit.count("release"), "heartbeats": audit.count("heartbeat"),
            "stale calls refused": sum(audit.count(call, accepted=False) for call in
                                       ("complete", "fail", "release", "heartbeat"))}))

    @staticmethod
    def check_counts(server, api, found):
        api.close()  # it may have been idle for longer than httpd keeps connections
        stats = api.get("/stats/tasks", check=False).json
        states = [task["status"] for task in found.values()]
        assert stats["total_tasks"] == len(found)
        assert stats["completed_tasks"] == states.count("completed")
        assert stats["failed_tasks"] == states.count("failed")
        assert stats["queued_tasks"] == stats["processing_tasks"] == 0
        assert sum(stats["status_breakdown"].values()) == len(found)
        assert sum(stats["type_breakdown"].values()) == len(found)
        assert server.query("SELECT COUNT(*) FROM llmq_jobs WHERE kind = 2 AND "
                            "(lease_until > 0 OR finished_at = 0)") == [(0,)]


def lease(token, got, deliveries=1, until=None, *, answers=(), meant="complete", effect=None):
    """The lines of one lease of task t; answers are (call, sent, status)."""
    lines = [{"what": "claim", "task": "t", "token": token, "got": got, "attempt": 1,
              "deliveries": deliveries, "until": until or got + 2}]
    if effect:
        lines.append({"what": "effect", "token": token, "effect": effect})
        lines.append({"what": "meant", "token": token, "call": meant})
    return lines + [{"what": "answer", "token": token, "call": call, "sent": sent,
                     "status": status, "until": None} for call, sent, status in answers]


class TestLedger:
    """The audit finds what it is there to find."""

    GOOD = lease("a", 0, answers=[("heartbeat", 1, 200), ("complete", 5, 409)], effect="e") \
        + lease("b", 3, 2, answers=[("complete", 4, 200)], effect="f")

    def test_a_zombie_that_was_refused_is_in_order(self):
        audit = Audit(self.GOOD)
        assert audit.stale() == audit.ended_twice() == []
        assert audit.wrong_result("t", "completed", {"token": "b", "effect": "f"}) is None
        assert (audit.count("complete"), audit.count("complete", accepted=False)) == (1, 1)

    def test_a_claim_that_was_read_late_is_in_order(self):
        audit = Audit(lease("b", 3, 2, answers=[("complete", 4, 200)], effect="f")
                      + lease("a", 5, answers=[("complete", 6, 409)]))
        assert audit.stale() == audit.ended_twice() == []
        assert audit.wrong_result("t", "completed", {"token": "b", "effect": "f"}) is None

    @pytest.mark.parametrize("late", [("heartbeat", 3.5, 200), ("fail", 3.5, 200)])
    def test_a_call_after_the_next_claim_is_found(self, late):
        audit = Audit(lease("a", 0, until=9, answers=[late]) + lease("b", 3, 2))
        assert len(audit.stale()) == 1

    def test_a_call_after_the_end_of_the_lease_is_found(self):
        audit = Audit(lease("a", 0, answers=[("complete", 4, 200)], effect="e"))
        assert len(audit.stale()) == 1

    @pytest.mark.parametrize("status, wrong", [(None, 0), (409, 1)], ids=["unheard", "refused"])
    def test_a_heartbeat_that_nobody_heard_of_may_have_extended(self, status, wrong):
        asked = [{"what": "heartbeat", "token": "a", "sent": 1.5, "extend": 2}]
        said = [("heartbeat", 1.5, status)] if status else []
        good, *late = lease("a", 0, answers=[*said, ("complete", 3.5, 200)], effect="e")
        assert len(Audit([good, *asked, *late]).stale()) == wrong
        late[-1]["sent"] = 5.5
        assert len(Audit([good, *asked, *late]).stale()) == 1

    def test_two_ends_are_found(self):
        audit = Audit(lease("a", 0, answers=[("complete", 1, 200), ("complete", 1.5, 200)]))
        assert len(audit.ended_twice()) == 1
        audit = Audit(lease("a", 0, answers=[("complete", 1, 200)]) + lease("b", 1.5, 2))
        assert len(audit.ended_twice()) == 1

    @pytest.mark.parametrize("status,result", [
        ("completed", {"token": "a", "effect": "e"}), ("completed", {"token": "b", "effect": "e"}),
        ("completed", {"token": "c", "effect": "f"}), ("completed", None), ("failed", None),
        ("processing", None)])
    def test_any_other_result_is_found(self, status, result):
        assert Audit(self.GOOD).wrong_result("t", status, result)
