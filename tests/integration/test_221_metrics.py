"""S0 5.2 and /metrics: the figures of the server, as JSON and for Prometheus."""

import re
import shutil
import socket
import subprocess

import pytest

from llmq_env.api import LEVELS
from llmq_env.conf import FAKE
from llmq_env.httpd import ROOT
from llmq_env.wait import until

RATE = re.compile(r"\d+\.\d+ MB/s")
OPEN = "application/openmetrics-text"
SAMPLE = re.compile(r'([a-z_]+)(?:\{(.*)\})? (\S+)')


def metrics(api):
    answer = api.get("/metrics")
    assert answer.status == 200, answer
    return answer.data


def scrape(server, accept=None, path="/metrics"):
    answer = server.new_api(base="").get(path, check=False,
                                         headers={"Accept": accept} if accept else None)
    assert answer.status == 200, answer
    return answer


def samples(server, **more):
    """{'name{labels}': value}"""
    found = {}
    for line in scrape(server, **more).body.decode().splitlines():
        if line.startswith("#"):
            continue
        name, labels, value = SAMPLE.fullmatch(line).groups()
        key = f"{name}{{{labels}}}" if labels else name
        assert key not in found, f"twice: {key}"
        found[key] = float(value)
    return found


def until_sample(server, key, value):
    """What follows from an event is counted a moment after it can be seen elsewhere."""
    until(lambda: samples(server)[key] == value, f"{key} to be {value}")


def lint(text):
    promtool = shutil.which("promtool")
    assert promtool, "promtool is missing; run scripts/setup.sh test"
    done = subprocess.run([promtool, "check", "metrics"], input=text, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0 and not done.stdout, done.stdout


@pytest.mark.mpm
class TestJson:
    CONF = "LLMQSlowQuery 1h\n"  # no statement is slow, however slow the machine

    def test_all_members_of_the_document_are_there(self, api):
        data = metrics(api)
        assert set(data) == {"system", "application", "database", "redis"}
        assert set(data["system"]) >= {"cpu_usage", "memory_usage", "disk_usage", "network_in",
                                       "network_out", "goroutines", "gc_pause", "threads"}
        assert set(data["application"]) >= {
            "requests_per_second", "avg_response_time", "error_rate", "active_connections",
            "queue_depth", "processing_messages"}
        assert set(data["database"]) >= {"connections_active", "connections_idle",
                                         "query_duration_avg", "slow_queries"}
        assert set(data["redis"]) >= {"connected_clients", "used_memory", "hit_rate",
                                      "ops_per_second"}

    def test_the_machine_is_measured(self, api):
        system = metrics(api)["system"]
        assert 0 <= system["cpu_usage"] <= 100
        assert 0 < system["memory_usage"] < 100
        disk = shutil.disk_usage("/tmp")
        assert system["disk_usage"] == pytest.approx(
            100 * disk.used / (disk.used + disk.free), abs=2)
        with open("/proc/meminfo", encoding="ascii") as text:
            memory = dict(re.findall(r"(\w+): +(\d+)", text.read()))
        used = 100 * (1 - int(memory["MemAvailable"]) / int(memory["MemTotal"]))
        assert system["memory_usage"] == pytest.approx(used, abs=10)
        assert RATE.fullmatch(system["network_in"]) and RATE.fullmatch(system["network_out"])
        assert system["gc_pause"] == "0ms"

    def test_threads_and_connections_come_from_the_scoreboard(self, api):
        data = metrics(api)
        assert 1 <= data["system"]["goroutines"] <= data["system"]["threads"]
        assert data["application"]["active_connections"] >= 1  # this one
        others = [socket.create_connection(("127.0.0.1", api.port)) for _ in range(3)]
        try:
            for other in others:
                other.sendall(b"GET /api/v1/health HTTP/1.1\r\nHost: ")  # more follows late
            until(lambda: metrics(api)["application"]["active_connections"] >= 4,
                  "the connections to be seen")
            until(lambda: metrics(api)["system"]["goroutines"] >= 4, "their threads to be seen")
        finally:
            for other in others:
                other.close()

    def test_the_database_is_metered(self, api):
        before = metrics(api)["database"]
        api.until_status(api.send()["id"], "completed")
        after = metrics(api)["database"]
        assert after["connections_active"] + after["connections_idle"] >= 2
        assert after["connections_active"] >= 0
        assert after["query_duration_avg"] != "0s"
        assert after["slow_queries"] == before["slow_queries"] == 0

    def test_redis_that_is_not_configured_is_zero(self, api):
        assert metrics(api)["redis"] == {"connected_clients": 0, "used_memory": "0B",
                                         "hit_rate": 0, "ops_per_second": 0}

    def test_other_formats_are_refused(self, api):
        for word in ("xml", "JSON", "text"):
            api.get(f"/metrics?format={word}").refuses(400, field="format")
        assert api.get("/metrics?format=json").status == 200


class TestCounts:
    CONF = FAKE + "LLMQMaxRetries 0\n"

    def test_depth_and_running_are_those_of_the_queue(self, api, llm, server):
        llm.hold()
        ids = [api.send(f"m{i}", priority="high", conversation_id="one")["id"] for i in range(3)]
        llm.until_calls(1)
        application = metrics(api)["application"]
        assert (application["queue_depth"], application["processing_messages"]) == (2, 1)
        got = samples(server)
        assert got['llmq_messages_waiting{level="high",state="blocked"}'] == 2
        assert got['llmq_messages_running{level="high"}'] == 1
        assert got['llmq_messages_queued_total{level="high"}'] == 3
        assert got['llmq_queue_size_limit{level="high"}'] == 5000
        llm.release()
        for message_id in ids:
            api.until_status(message_id, "completed")
        until_sample(server, 'llmq_messages_completed_total{level="high"}', 3)

    def test_times_are_histograms(self, api, server):
        got = samples(server)
        for name in ("wait", "processing"):
            family = f"llmq_message_{name}_seconds"
            assert got[f'{family}_count{{level="high"}}'] == 3
            assert got[f'{family}_sum{{level="high"}}'] > 0
            buckets = [v for k, v in got.items()
                       if k.startswith(f'{family}_bucket{{level="high"')]
            assert len(buckets) == 29 and buckets == sorted(buckets) and buckets[-1] == 3

    def test_backends_are_labelled(self, api, llm, server):
        got = samples(server)
        assert got['llmq_backend_calls_total{backend="fake"}'] == 3
        assert got['llmq_backend_call_failures_total{backend="fake"}'] == 0
        assert got['llmq_backend_call_seconds_count{backend="fake"}'] == 3
        assert got['llmq_backend_up{backend="fake"}'] == 1
        llm.default.status = 500
        api.until_status(api.send("fails")["id"], "failed")
        got = samples(server)
        assert got['llmq_backend_calls_total{backend="fake"}'] == 4
        assert got['llmq_backend_call_failures_total{backend="fake"}'] == 1

    def test_requests_are_counted_by_class_and_only_ours(self, api, server):
        def seen(kind):
            return samples(server)[f'llmq_http_requests_total{{class="{kind}"}}']

        bad, good = seen("4xx"), seen("2xx")
        for _ in range(5):
            assert api.get("/messages/none").status == 404
        server.new_api(base="").call("GET", "/elsewhere", check=False)
        until(lambda: seen("4xx") == bad + 5, "the requests to be counted")
        assert seen("2xx") > good

    def test_rates_follow_the_requests(self, api):
        """They are those between two readings a second or more apart, so a look may still see
        the refusals of the test before, or a second in which the machine had other things to do."""
        def rate():
            for _ in range(20):
                api.get("/queues/status")
            seen = metrics(api)["application"]
            good = seen["requests_per_second"] > 1 and seen["error_rate"] == 0
            return seen if good else None

        assert until(rate, "a rate without errors")["avg_response_time"] != "0s"

    def test_counts_outlive_a_graceful_restart(self, api, server):
        before = samples(server)
        server.graceful()
        api.close()
        after = samples(server)
        for key, value in before.items():
            if key.split("{")[0].endswith(("_total", "_count", "_sum")):
                assert after[key] >= value, key
        assert after['llmq_messages_completed_total{level="high"}'] == 3


@pytest.mark.mpm
class TestText:
    def test_it_is_prometheus_by_default(self, server):
        answer = scrape(server)
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        assert answer.headers["cache-control"] == "no-store"
        assert "accept" in answer.headers["vary"].lower()
        lint(answer.body.decode())
        assert b"# EOF" not in answer.body

    def test_every_level_is_there(self, server):
        got = samples(server)
        for level in LEVELS:
            for name in ("queued_total", "completed_total", "failed_total", "running"):
                assert f'llmq_messages_{name}{{level="{level}"}}' in got
        assert got['llmq_build_info{version="1.0.0"}'] == 1
        assert got["llmq_dispatcher_up"] == 1

    def test_the_api_gives_the_same_text(self, server):
        own = samples(server)
        same = samples(server, path="/api/v1/metrics?format=prometheus")
        assert set(own) == set(same)

    @pytest.mark.parametrize("accept,wanted", [
        (OPEN + ";version=1.0.0,text/plain;q=0.5", True), (OPEN, True),
        (OPEN + ";q=0.2", True), (OPEN + ";q=0", False), (OPEN + ";q=0.0,text/plain", False),
        ("text/plain", False), ("*/*", False)])
    def test_accept_decides_between_the_forms(self, server, accept, wanted):
        answer = scrape(server, accept)
        assert answer.headers["content-type"].startswith(OPEN if wanted else "text/plain")
        assert answer.body.endswith(b"# EOF\n") == wanted
        if wanted:
            assert b"# TYPE llmq_http_requests counter\n" in answer.body
            assert b"\nllmq_http_requests_total{" in answer.body

    def test_only_get(self, server):
        answer = server.new_api(base="").post("/metrics", {}, check=False)
        assert answer.status == 405 and "GET" in answer.headers["allow"]

    def test_strangers_are_kept_out_by_the_shipped_location(self):
        shipped = (ROOT / "conf" / "llmq.conf").read_text()
        block = re.search(r"<Location /metrics>(.*?)</Location>", shipped, re.S)[1]
        assert "SetHandler llmq-metrics" in block and "Require local" in block


class TestSlowQueries:
    CONF = "LLMQSlowQuery 1ms\nLogLevel llmq:info\n"

    def test_what_takes_longer_is_counted_and_named(self, api, server):
        def slow():
            for i in range(20):
                api.send(f"m{i}")
            return metrics(api)["database"]["slow_queries"] > 0

        until(slow, "a statement that takes a millisecond")
        until(lambda: server.log.count("LLMQ0420"), "it to be named")
        assert re.search(r"LLMQ0420: llmq_\w+ took \d+ ms", server.log.text())


class TestDirective:
    @pytest.mark.parametrize("line", ["LLMQSlowQuery 0", "LLMQSlowQuery never",
                                      "LLMQSlowQuery 2h", "LLMQSlowQuery"])
    def test_bad_values_are_named(self, idle, line):
        idle.refusal(line)
