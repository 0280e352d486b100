"""Types of tasks and the limits that the configuration sets."""

import pytest

from llmq_env.wait import until
from llmq_env.workers import Worker, add_task, task

# (text, the line that must be blamed, what must be said)
BAD = [
    ("LLMQTaskType", 1, "LLMQTaskType"),
    ("LLMQTaskType 'a b'", 1, "LLMQTaskType"),
    ("LLMQTaskType ''", 1, "LLMQTaskType"),
    ("LLMQTaskType " + "x" * 129, 1, "LLMQTaskType"),
    ("LLMQTaskType x quickly", 1, "max-payload=BYTES"),
    ("LLMQTaskType x timeout=0", 1, "must be a time"),
    ("LLMQTaskType x timeout=999ms", 1, "999ms"),
    ("LLMQTaskType x timeout=169h", 1, "169h"),
    ("LLMQTaskType x timeout=soon", 1, "soon"),
    ("LLMQTaskType x retries=-1", 1, "-1"),
    ("LLMQTaskType x retries=1001", 1, "1001"),
    ("LLMQTaskType x concurrency=0", 1, "from 1"),
    ("LLMQTaskType x concurrency=", 1, "from 1"),
    ("LLMQTaskType x max-payload=1", 1, "from 2"),
    ("LLMQTaskType x max-payload=4k", 1, "4k"),
    ("\n".join(f"LLMQTaskType t{n}" for n in range(59)), 59, "there are 64 types already"),
    ("<Location /x>\nLLMQTaskType x\n</Location>", 2, "LLMQTaskType"),
    ("LLMQTaskConcurrency 0", 1, "LLMQTaskConcurrency"),
    ("LLMQTaskConcurrency many", 1, "LLMQTaskConcurrency"),
    ("<Location /x>\nLLMQTaskConcurrency 5\n</Location>", 2, "LLMQTaskConcurrency"),
    ("LLMQTaskQueueSize 5", 1, "LLMQTaskQueueSize"),
    ("LLMQTaskQueueSize urgent 5", 1, "critical, high, normal, low or all"),
    ("LLMQTaskQueueSize all 0", 1, "from 1"),
    ("LLMQTaskQueueSize high 10000001", 1, "10000001"),
    ("<Location /x>\nLLMQTaskQueueSize all 5\n</Location>", 2, "LLMQTaskQueueSize"),
    ("LLMQTaskMaxPayload 1", 1, "LLMQTaskMaxPayload"),
    ("LLMQTaskMaxPayload much", 1, "LLMQTaskMaxPayload"),
    ("LLMQTaskMaxBatch 0", 1, "LLMQTaskMaxBatch"),
    ("LLMQTaskMaxBatch 10001", 1, "LLMQTaskMaxBatch"),
    ("LLMQTaskMaxRetries -1", 1, "LLMQTaskMaxRetries"),
    ("LLMQTaskMaxRetries 3 1001", 1, "1001"),
    ("LLMQTaskMaxRetries 6 5", 1, "from 0 to 5"),
    ("LLMQTaskMaxRetries 1 2 3", 1, "LLMQTaskMaxRetries"),
    ("LLMQTaskTimeout 0", 1, "LLMQTaskTimeout"),
    ("LLMQTaskTimeout later", 1, "LLMQTaskTimeout"),
    ("LLMQTaskMaxTimeout 169h", 1, "LLMQTaskMaxTimeout"),
]


class TestAdministration:
    CONF = ("LLMQTaskType document_processing concurrency=4\nLLMQTaskType thumbnails\n"
            "LLMQTaskQueueSize low 77\n")

    def test_queues_of_tasks_are_shown(self, api):
        got = api.get("/admin/queues").data
        assert [q["name"] for q in got["task_queues"]] == ["realtime", "high", "normal", "low"]
        assert [q["max_size"] for q in got["task_queues"]] == [50000, 50000, 50000, 77]
        assert all(q["ready"] == q["delayed"] == q["processing_count"] == 0
                   for q in got["task_queues"])
        types = {t["name"]: t for t in got["task_types"]}
        assert types["document_processing"]["max_concurrent"] == 4
        assert "max_concurrent" not in types["vector_storage"]
        assert len(types) == 7 and "thumbnails" in types

    def test_a_paused_level_is_paused_for_tasks_too(self, api, server):
        def paused():
            return [q["name"] for q in api.get("/admin/queues").data["task_queues"] if q["paused"]]

        assert api.post("/admin/queues/high/pause").status == 200
        assert paused() == ["high"]
        # A type that comes later is paused with the others.
        server.configure(self.CONF + "LLMQTaskType another\n")
        api.close()
        server.graceful()
        until(lambda: paused() == ["high"], "the new server to know")
        assert api.post("/admin/queues/high/resume").status == 200
        assert paused() == []


class TestChanges:
    """A graceful restart changes the types that there are."""

    CONF = "LLMQTaskType thumbnails concurrency=1 timeout=9min\n"

    def restart(self, server, api, conf):
        api.close()
        server.configure(conf)
        server.graceful()

    def claim(self, api, **body):
        return Worker(api).claim(limit=100, **body)

    def test_a_type_that_goes_and_comes_back(self, server, api):
        made = [add_task(api, "thumbnails") for _ in range(3)]
        assert made[0]["timeout"] == 540
        worker = Worker(api, "w1")
        held = worker.claim(limit=3, task_types=["thumbnails"], lease=540)
        assert len(held) == 1
        self.restart(server, api, "")
        body = {"task_type": "thumbnails", "kb_id": "k", "payload": {}}

        def refused():
            return api.post("/tasks", body).status == 400

        until(refused, "the new server")
        # What is there stays, can be read and cancelled, and is given to nobody.
        assert task(api, made[1]["id"])["status"] == "queued"
        assert self.claim(api) == []
        api.post("/workers/w2/claim", {"task_types": ["thumbnails"]}).denies(
            400, "INVALID_REQUEST", "task_types")
        worker.must("complete", held[0], result="done")
        assert task(api, held[0]["id"])["status"] == "completed"
        left = [t["id"] for t in made if t["id"] != held[0]["id"]]
        assert api.delete(f"/tasks/{left[0]}").status == 200
        # With another bound it comes back.
        self.restart(server, api, "LLMQTaskType thumbnails concurrency=2 timeout=5min\n")
        until(lambda: api.post("/tasks", body).status == 201, "the type to be back")
        add_task(api, "thumbnails")
        got = self.claim(api)
        assert len(got) == 2 and left[1] in [job["id"] for job in got]
        assert self.claim(api) == []
        for job in got:
            worker.must("complete", job)

    def test_off_unless_configured(self, server, api):
        body = {"task_type": "url_download_processing", "kb_id": "k", "payload": {}}
        self.restart(server, api, self.CONF)
        until(lambda: api.post("/tasks", body).status == 400, "the new server")
        self.restart(server, api, self.CONF + "LLMQTaskType url_download_processing\n")
        until(lambda: api.post("/tasks", body).status == 201, "the type to be there")
        assert [job["task_type"] for job in self.claim(
            api, task_types=["url_download_processing"])] == ["url_download_processing"]


class TestSyntax:
    @pytest.mark.parametrize("text, line, said", BAD, ids=[bad[0][:60] for bad in BAD])
    def test_bad_value_is_caught(self, idle, text, line, said):
        assert said in idle.refusal(text, line=line)

    def test_good_values_are_accepted(self, new_server):
        server = new_server("sqlite3", "\n".join([
            "LLMQTaskType thumbnails timeout=7s retries=0 concurrency=2 max-payload=2",
            "LLMQTaskType document_processing concurrency=100000",
            "LLMQTaskType document_processing timeout=168h",
            *(f"LLMQTaskType t{n}" for n in range(57)),
            "LLMQTaskConcurrency 100000",
            "LLMQTaskQueueSize all 10000",
            "LLMQTaskQueueSize critical 1",
            "LLMQTaskQueueSize realtime 2",
            "LLMQTaskQueueSize low 200000",
            "LLMQTaskMaxPayload 1073741824",
            "LLMQTaskMaxBatch 10000",
            "LLMQTaskMaxRetries 0",
            "<Location /api/v1>", "LLMQTaskMaxRetries 5 5", "LLMQTaskTimeout 1s",
            "LLMQTaskMaxTimeout 168h", "</Location>"]))
        server.start()
