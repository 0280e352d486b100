"""What S3's document shows: its samples run as they stand but for host and port, beside a
worker that knows no more than this document; each answer has the shape of its sample. Then the
workers of docs/examples, as docs/workers.md shows them."""

import json
import os
import pathlib
import signal
import subprocess
from datetime import datetime
from email.utils import parsedate_to_datetime

import pytest

from llmq_env.shape import differences
from llmq_env.wait import SLOWNESS, until

SAMPLES = pathlib.Path(__file__).parent / "samples"
EXAMPLES = pathlib.Path(__file__).parents[2] / "docs" / "examples"
SHAPES = json.loads((SAMPLES / "s3_shapes.json").read_text(encoding="utf-8"))
LEASE = 6
DOCUMENT = {"task_type": "document_processing", "kb_id": "kb_123456", "priority": "high",
            "payload": {"file_path": "/srv/uploads/document.pdf", "chunk_size": 1000}}
# Of a task as JSON on standard input: what is done depends on payload.do.
PROGRAM = """
task=$(cat)
case $(jq -r '.payload.do // "ok"' <<<"$task") in
ok) jq -c '{file: .payload.file_path, attempt: .attempt}' <<<"$task" ;;
again) [ "$(jq .attempt <<<"$task")" -ge 2 ] || exit 75; echo '{"attempt": 2}' ;;
never) exit 3 ;;
slow) : >"$1.$(jq -r .id <<<"$task")"; sleep 60 ;;
esac
"""


class Process:
    """A worker of docs/examples with a program to run."""

    def __init__(self, server, worker, *args, **env):
        self.mark = server.dir / f"slow-{worker}"
        self.output = open(server.dir / f"{worker}.log", "ab")
        program = ["bash", "-c", PROGRAM, "program", str(self.mark)]
        self.process = subprocess.Popen(
            [EXAMPLES / worker, *args, *program], stdin=subprocess.DEVNULL,
            stdout=self.output, stderr=self.output, start_new_session=True,
            env={**os.environ, "LLMQ_BASE": f"http://127.0.0.1:{server.port}/api/v1", **env})

    def until_slow(self, task_id):
        until(pathlib.Path(f"{self.mark}.{task_id}").exists, "the program to run")

    def stop(self, signum=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(signum)
        code = self.process.wait(120 * SLOWNESS)
        self.output.close()
        return code


@pytest.fixture
def worker(server):
    """worker(NAME, argument...) of docs/examples; they end with the test."""
    running = []

    def start(name, *args, **env):
        running.append(Process(server, name, *args, **env))
        return running[-1]

    yield start
    for process in running:
        process.stop()


def sample(server, name):
    """Run a sample with this host and port; its output. One of them waits for a worker."""
    text = (SAMPLES / name).read_text(encoding="utf-8")
    here = f"http://127.0.0.1:{server.port}"
    assert "http://localhost:8084" in text
    done = subprocess.run(["bash", "-c", text.replace("http://localhost:8084", here)],
                          text=True, capture_output=True, timeout=300 * SLOWNESS, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def documents(text):
    """The JSON values that stand one after another in a text."""
    decoder, at, found = json.JSONDecoder(), 0, []
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, at = decoder.raw_decode(text, at)
        found.append(value)
    return found


def create(api, **fields):
    answer = api.post("/tasks", {**DOCUMENT, **fields}, check=False)
    assert answer.status == 201, answer
    return answer.json


def until_status(api, task_id, *wanted):
    def look():
        task = api.get(f"/tasks/{task_id}", check=False).json
        return task if task["status"] in wanted else None

    return until(look, f"{task_id} to be {' or '.join(wanted)}")


def age(api, task):
    """Seconds since a task was started, by the server's clock."""
    now = parsedate_to_datetime(api.get("/health").headers["date"])
    started = datetime.fromisoformat(task["started_at"].replace("Z", "+00:00"))
    return (now - started).total_seconds()


@pytest.mark.mpm
class TestSamples:
    def test_document_flow(self, server, api, worker):
        worker("worker-s3.sh", "document_processing", LLMQ_WORKER="worker_001")
        lines = sample(server, "s3_flow.txt").splitlines()
        task_id = lines[0].removeprefix("Task ID: ")
        assert "Status: completed, Progress: 100%" in lines
        result = json.loads("".join(line for line in lines[1:]
                                    if not line.startswith("Status: ")))
        assert result["file"].endswith("/uploads/report.pdf")
        task = api.get(f"/tasks/{task_id}", check=False).json
        assert (task["worker_id"], task["result"]) == ("worker_001", result)

    def test_batch_and_statistics(self, server, api, worker):
        before = documents(sample(server, "s3_stats.txt"))
        batch = json.loads(sample(server, "s3_batch.txt"))
        assert batch["count"] == len(batch["tasks"]) == 2
        worker("worker-s3.sh", "document_processing")
        for task in batch["tasks"]:
            until_status(api, task["id"], "completed")

        def counted():
            system, stats = documents(sample(server, "s3_stats.txt"))
            done = stats["total"] == before[1]["total"] + 2 and system["queue"] == 0
            return (system, stats) if done and system["workers"] else None

        system, stats = until(counted, "the figures of the two")
        assert system["rate"] > 0
        assert stats["success_rate"] == 100
        assert stats["avg_time"] >= 0


class TestShapes:
    def fits(self, name, value):
        found = differences(SHAPES[name], value)
        assert not found, f"{found} in {json.dumps(value)}"

    def answer(self, got, status=200):
        assert got.status == status, got
        return got.json

    def test_health(self, server):
        root = server.new_api("")
        self.fits("health", self.answer(root.get("/health", check=False)))

    def test_created(self, api):
        self.fits("created", create(api))

    def test_task_at_work_and_when_it_is_done(self, api):
        task_id = create(api)["id"]
        said = {"progress": 65, "worker_id": "worker_001", "message": "Processing embeddings..."}
        self.answer(api.put(f"/tasks/{task_id}/progress", said, check=False))
        task = self.answer(api.get(f"/tasks/{task_id}", check=False))
        self.fits("task", {**task, "result": {}})  # there is none yet
        assert (task["status"], task["progress"]) == ("processing", 65)
        self.answer(api.put(f"/tasks/{task_id}/progress",
                            {**said, "progress": 100, "result": {"chunks": 3}}, check=False))
        task = self.answer(api.get(f"/tasks/{task_id}", check=False))
        self.fits("task", task)
        assert (task["status"], task["result"]) == ("completed", {"chunks": 3})

    def test_list(self, api):
        create(api)
        found = self.answer(api.get("/tasks?kb_id=kb_123456&page=1&page_size=20", check=False))
        self.fits("list", found)
        for task in found["tasks"]:
            self.fits("created", task)

    def test_canceled(self, api):
        task_id = create(api)["id"]
        gone = self.answer(api.delete(f"/tasks/{task_id}", check=False))
        self.fits("canceled", gone)
        assert gone == {**gone, "message": "Task canceled successfully", "task_id": task_id}

    def test_batch(self, api):
        batch = self.answer(api.post("/tasks/batch", [DOCUMENT, DOCUMENT], check=False), 201)
        self.fits("batch", batch)
        for task in batch["tasks"]:
            self.fits("created", task)

    def test_stats(self, api):
        create(api)
        self.fits("task_stats", self.answer(api.get("/stats/tasks?kb_id=kb_123456", check=False)))

    def test_system(self, api):
        task_id = create(api)["id"]
        self.answer(api.put(f"/tasks/{task_id}/progress",
                            {"progress": 1, "worker_id": "worker_007"}, check=False))

        def seen():
            stats = self.answer(api.get("/stats/system", check=False))
            return stats if any(w["id"] == "worker_007" for w in stats["workers"]) else None

        stats = until(seen, "the worker to be seen")
        self.fits("system_stats", {**stats, "workers": [
            worker for worker in stats["workers"] if worker["id"] == "worker_007"]})
        self.fits("task_stats", stats["task_stats"])

    def test_queue(self, api):
        info = self.answer(api.get("/queues/info?task_type=document_processing&priority=high",
                                   check=False))
        self.fits("queue", info)
        assert info["queue_key"] == "task_queue:high"

    def test_problem(self, api):
        problem = self.answer(api.get("/tasks/invalid_id", check=False), 404)
        self.fits("problem", problem)
        assert problem["code"] == "TASK_NOT_FOUND"
        assert problem["details"]["task_id"] == "invalid_id"


def start(worker, name, *types, extend=60):
    """A worker of docs/examples that has the name w1."""
    if name == "worker.py":
        return worker(name, "--name", "w1", "--wait", "2", "--extend", str(extend), "--grace", "0",
                      ",".join(types))
    return worker(name, ",".join(types), LLMQ_WORKER="w1", LLMQ_WAIT="2", LLMQ_EXTEND=str(extend))


@pytest.mark.parametrize("name", ["worker.sh", "worker.py"])
class TestExamples:
    CONF = "LLMQRetryDelay 100ms 1s\n"

    def test_results_retries_and_failures(self, api, worker, name):
        tasks = {do: create(api, payload={"do": do, "file_path": "a b"})["id"]
                 for do in ("ok", "again", "never")}
        tasks["other"] = create(api, task_type="knowledge_indexing")["id"]
        start(worker, name, "document_processing", "knowledge_indexing")
        assert until_status(api, tasks["ok"], "completed")["result"] == \
            {"file": "a b", "attempt": 1}
        assert until_status(api, tasks["again"], "completed")["retry_count"] == 1
        failed = until_status(api, tasks["never"], "failed")
        assert failed["error_message"] == "exit status 3"
        assert until_status(api, tasks["other"], "completed")["worker_id"] == "w1"

    def test_a_stop_gives_the_task_back(self, api, worker, name):
        task_id = create(api, payload={"do": "slow"})["id"]
        process = start(worker, name, "document_processing")
        process.until_slow(task_id)
        assert process.stop() == 0
        task = until_status(api, task_id, "queued")
        assert (task["retry_count"], task["worker_id"]) == (0, "")
        api.delete(f"/tasks/{task_id}", check=False)

    def test_a_canceled_task_is_dropped_and_the_next_one_done(self, api, worker, name):
        slow = create(api, payload={"do": "slow"})["id"]
        process = start(worker, name, "document_processing", extend=2)
        process.until_slow(slow)
        after = create(api)["id"]
        assert api.delete(f"/tasks/{slow}", check=False).status == 200
        assert until_status(api, after, "completed")
        assert api.get(f"/tasks/{slow}", check=False).json["status"] == "canceled"


@pytest.mark.parametrize("name", ["worker.sh", "worker.py"])
class TestHeartbeats:
    CONF = f"LLMQLease {LEASE}s\n"

    def test_they_outlast_the_lease(self, api, worker, name):
        task_id = create(api, payload={"do": "slow"})["id"]
        process = start(worker, name, "document_processing", extend=LEASE)
        process.until_slow(task_id)
        first = api.get(f"/tasks/{task_id}", check=False).json
        until(lambda: age(api, first) > LEASE + 1, "the first lease to be over")
        now = api.get(f"/tasks/{task_id}", check=False).json
        assert (now["status"], now["started_at"]) == ("processing", first["started_at"])
        process.stop()
        api.delete(f"/tasks/{task_id}", check=False)
