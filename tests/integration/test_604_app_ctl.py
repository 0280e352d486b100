"""llmqctl app: apps and tokens for them without a server's help."""

import json

import pytest

from llmq_env.apps import NOWHERE, SECRET, UUID, Apps
from llmq_env.ctl import FAILED, USAGE, ctl_of, run
from llmq_env.tokens import bearer


@pytest.fixture
def ctl(server):
    return ctl_of(server)


class TestApps:
    CONF = SECRET

    def test_made_listed_and_used(self, server, ctl):
        app = ctl("app", "create", "--sub", "ann", "--name", "聊天机器人", "--icon", "i").stdout.strip()
        assert UUID.fullmatch(app)
        other = ctl("app", "create", "--sub", "bob", "--name", "Bot").stdout.strip()
        listed = ctl("app", "list").stdout
        assert app in listed and other in listed and "聊天机器人" in listed
        [only] = json.loads(ctl("app", "list", "--sub", "ann", "--json").stdout)
        assert (only["id"], only["sub"], only["tenant"]) == (app, "ann", "default")
        assert json.loads(ctl("app", "list", "--tenant", "other", "--json").stdout) == []
        secret = str(server.dir / "secret")
        token = ctl("app", "token", app, "--secret-file", secret, "--exp", "5min").stdout.strip()
        client = Apps(server)
        client.headers = bearer(token)
        assert client.show(app)["name"] == "聊天机器人"
        assert client.get(f"/{other}").status == 403
        assert client.debug(app)["answer"] == "Echo: Hello"
        assert "debug" in ctl("status").stdout

    def test_apps_that_are_not_there(self, server, ctl):
        secret = str(server.dir / "secret")
        done = ctl("app", "token", NOWHERE, "--secret-file", secret, code=FAILED)
        assert NOWHERE in done.stderr and not done.stdout

    @pytest.mark.parametrize("args", [
        ("app",), ("app", "create"), ("app", "create", "--sub", "x"), ("app", "token"),
        ("app", "create", "--sub", "x", "--name", " "), ("app", "list", "--limit", "0"),
        ("app", "create", "--sub", "x", "--name", "y" * 513), ("app", "list", "--name", "x")],
        ids=lambda args: " ".join(args)[:40])
    def test_wrong_calls(self, args):
        done = run(*args)
        assert done.returncode == USAGE and done.stderr and not done.stdout, done
