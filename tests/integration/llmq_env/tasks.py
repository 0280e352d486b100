"""What the tests of S3 share: bodies of tasks, and a client that knows their calls."""

BODY = {"task_type": "document_processing", "kb_id": "kb_1", "payload": {"file_path": "docs/a.pdf"}}

SHAPE = {"id", "task_type", "status", "priority", "kb_id", "payload", "result", "progress",
         "progress_message", "retry_count", "max_retries", "timeout", "deliveries", "error_message",
         "worker_id", "created_at", "updated_at", "started_at", "completed_at", "schedule_for",
         "scheduled_for", "estimated_completion", "queue_position"}


def create(api, **fields):
    """A task that must be accepted."""
    answer = api.post("/tasks", {**BODY, **fields})
    assert answer.status == 201, answer
    return answer.json


def fetch(api, task_id):
    answer = api.get(f"/tasks/{task_id}")
    assert answer.status == 200, answer
    return answer.json


def lasting(task):
    """Without what is another guess at each look."""
    return {name: value for name, value in task.items() if name != "estimated_completion"}


def total(api, query=""):
    answer = api.get(f"/tasks?page_size=1{query}")
    assert answer.status == 200, answer
    return answer.json["total"]


def listed(api, query=""):
    """The ids of a page."""
    answer = api.get("/tasks" + query)
    assert answer.status == 200, answer
    return [task["id"] for task in answer.json["tasks"]]
