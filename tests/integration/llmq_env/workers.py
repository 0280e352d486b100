"""Workers outside: claims and what follows, as a test wants them."""

import uuid

from .tasks import create, fetch
from .wait import until

def leave_to_workers(api):
    """The one backend there is takes no messages any more."""
    assert api.post("/admin/backends/echo/drain").status == 200
    until(lambda: api.get("/admin/backends/echo").data["draining"], "the dispatcher to read it")


def add_task(api, task_type="document_processing", **fields):
    """Post a task that must be accepted; its JSON."""
    return create(api, task_type=task_type, **fields)


task = fetch


def until_task(api, task_id, status):
    """The task, once it stands so."""
    def look():
        shown = task(api, task_id)
        return shown if shown["status"] == status else None

    return until(look, f"task {task_id} is {status}")


class Worker:
    """A worker with a name of its own."""

    def __init__(self, api, name=None, kind="task"):
        self.api = api
        self.name = name or "worker_" + uuid.uuid4().hex[:8]
        self.kind = kind

    def ask(self, **body):
        """A claim as it is answered."""
        return self.api.post(f"/workers/{self.name}/claim", {"kinds": [self.kind], **body})

    def claim(self, **body):
        answer = self.ask(**body)
        assert answer.status == 200, answer
        return answer.json["tasks"]

    def get(self, **body):
        """One job, as soon as there is one."""
        return until(lambda: self.claim(**body), f"{self.name} gets a {self.kind}")[0]

    def say(self, call, job, **body):
        """heartbeat, complete, fail or release."""
        body.setdefault("lease_token", job["lease_token"])
        return self.api.post(f"/{job['kind']}s/{job['id']}/{call}", body)

    def must(self, call, job, **body):
        answer = self.say(call, job, **body)
        assert answer.status == 200, answer
        return answer.json
