"""Tasks and workers in /metrics, /health and /config."""

import contextlib
import re
import shutil
import subprocess

import pytest

from llmq_env.api import Api
from llmq_env.tasks import create
from llmq_env.wait import until
from llmq_env.workers import Worker

SAMPLE = re.compile(r'([a-z_]+)(?:\{(.*)\})? (\S+)')
LEVELS = ("critical", "high", "normal", "low")


def text(server, accept=None):
    with contextlib.closing(Api(server.port, "")) as api:  # who polls must not fill the server
        answer = api.get("/metrics", check=False, headers={"Accept": accept} if accept else None)
    assert answer.status == 200, answer
    return answer.body.decode()


def samples(server):
    """{'name{labels}': value}"""
    found = {}
    for line in text(server).splitlines():
        if not line.startswith("#"):
            name, labels, value = SAMPLE.fullmatch(line).groups()
            found[f"{name}{{{labels}}}" if labels else name] = float(value)
    return found


def lint(exposed):
    promtool = shutil.which("promtool")
    assert promtool, "promtool is missing; run scripts/setup.sh test"
    done = subprocess.run([promtool, "check", "metrics"], input=exposed, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0 and not done.stdout, done.stdout


def health(server):
    answer = server.new_api(base="").get("/health", check=False)
    assert answer.status == 200, answer
    return answer.json["details"]


@pytest.mark.mpm
class TestFresh:
    def test_families_of_tasks_are_there(self, server):
        got = samples(server)
        for level in LEVELS:
            for name in ("queued_total", "completed_total", "failed_total", "running",
                         "oldest_wait_seconds"):
                assert got[f'llmq_tasks_{name}{{level="{level}"}}'] == 0
            assert got[f'llmq_tasks_waiting{{level="{level}",state="ready"}}'] == 0
            assert got[f'llmq_task_wait_seconds_count{{level="{level}"}}'] == 0
        for status in ("idle", "busy", "stopped"):
            assert got[f'llmq_workers{{status="{status}"}}'] == 0
        for outcome in ("succeeded", "failed", "expired", "released", "canceled"):
            assert got[f'llmq_worker_leases_ended_total{{outcome="{outcome}"}}'] == 0
        assert got["llmq_tasks_dead"] == 0 and got["llmq_worker_deliveries_total"] == 0
        lint(text(server))
        assert text(server, "application/openmetrics-text").endswith("# EOF\n")

    def test_health_has_both_sizes(self, server):
        got = health(server)
        assert got["redis"] == {"status": "disabled", "size": 0}
        assert got["queue"] == {"status": "healthy", "size": 0}

    def test_json_has_tasks_and_workers(self, api):
        got = api.get("/metrics").data["application"]
        assert (got["queued_tasks"], got["processing_tasks"], got["active_workers"]) == (0, 0, 0)


class TestWork:
    def test_it_is_in_the_figures(self, api, server):
        worker = Worker(api)
        for priority in ("critical", "normal", "normal"):
            create(api, priority=priority, max_retries=0)
        first, second = worker.claim(limit=2)
        got = samples(server)
        assert got['llmq_tasks_running{level="critical"}'] == 1
        assert got['llmq_tasks_waiting{level="normal",state="ready"}'] == 1
        kind = 'llmq_tasks_open{type="document_processing",level="normal",status='
        assert got[kind + '"processing"}'] == 1 and got[kind + '"queued"}'] == 1
        assert got['llmq_workers{status="busy"}'] == 1
        assert got["llmq_worker_deliveries_total"] == 2
        assert health(server)["queue"]["size"] == 1 == health(server)["redis"]["size"]
        assert api.get("/metrics").data["application"]["queued_tasks"] == 1
        until(lambda: samples(server)['llmq_tasks_oldest_wait_seconds{level="normal"}'] > 0,
              "the oldest to get older")
        worker.must("complete", first)
        worker.must("fail", second, error="no")
        worker.must("release", worker.get())
        got = samples(server)
        assert got['llmq_tasks_completed_total{level="critical"}'] == 1
        assert got['llmq_tasks_failed_total{level="normal"}'] == 1
        assert got['llmq_task_wait_seconds_count{level="normal"}'] >= 1
        assert got['llmq_task_processing_seconds_count{level="critical"}'] == 1
        for outcome in ("succeeded", "failed", "released"):
            assert got[f'llmq_worker_leases_ended_total{{outcome="{outcome}"}}'] == 1
        assert got["llmq_tasks_dead"] == 1 and got['llmq_workers{status="idle"}'] == 1
        lint(text(server))


class TestConfig:
    CONF = ("LLMQMaxWorkers 100\nLLMQWorkerTimeout 30s\nLLMQWorkerRetention 2h\n"
            "LLMQTaskConcurrency 7\nLLMQTaskQueueSize critical 11\n")

    def test_limits_are_told(self, api):
        limits = api.get("/config").data["limits"]
        assert limits["workers"] == {"max_known": 100, "timeout": "30s", "retention": "2h0m0s"}
        assert limits["tasks"]["max_concurrent"] == 7
        assert limits["tasks"]["queues"]["critical"] == {"max_size": 11}
        assert set(limits["tasks"]["queues"]) == set(LEVELS)
