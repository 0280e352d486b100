"""llmqctl: real runs against the database of a server, and keys that work and stop working."""

import json
import subprocess

import pytest

from llmq_env.conf import sessions
from llmq_env.ctl import FAILED, OK, USAGE, ctl_of, ctl_path, database, run
from llmq_env.fakellm import Plan
from llmq_env.sessions import Sessions
from llmq_env.tasks import create
from llmq_env.tokens import SECRET, bearer, secret_file, token
from llmq_env.wait import until
from llmq_env.workers import Worker


@pytest.fixture
def ctl(server):
    return ctl_of(server)


class TestCall:
    """How it wants to be called: nothing here needs a database."""

    def test_help_and_version(self):
        done = run("--help")
        assert done.returncode == OK and "usage: llmqctl" in done.stdout and not done.stderr
        for command in ("token", "key create", "key list", "key revoke", "dead-letter list",
                        "dead-letter requeue", "dead-letter delete", "app create", "app list", "app token",
                        "status", "migrate"):
            assert f"  {command} " in done.stdout
        assert run("--version").stdout.startswith("llmqctl ")

    @pytest.mark.parametrize("args", [
        (), ("nonsense",), ("key",), ("key", "nonsense"), ("key", "revoke"),
        ("key", "revoke", "a", "b"), ("status", "extra"), ("--nonsense",), ("status", "--sub", "x"),
        ("token", "--sub", "x"), ("token", "--secret-file", "/dev/null"),
        ("token", "--conf", "x", "--sub", "x"), ("key", "create"), ("status", "--conf"),
        ("key", "create", "--sub", ""), ("key", "create", "--sub", "a\nb"),
        ("key", "create", "--sub", "x" * 129), ("key", "create", "--sub", "x", "--tenant", "a b"),
        ("key", "create", "--sub", "x", "--exp", "soon"), ("key", "create", "--sub", "x", "--exp", "0"),
        ("key", "create", "--sub", "x", "--exp", "-1h"), ("dead-letter", "requeue"),
        ("dead-letter", "delete", "--all", "id"), ("dead-letter", "list", "--limit", "0"),
        ("key", "create", "--sub", "x", "--scope", "y" * 513), ("status",),
        ("key", "create", "--sub", "x", "--exp", "99999999999999999999h"),
    ], ids=lambda args: " ".join(args)[:40] or "nothing")
    def test_wrong_calls_end_with_2(self, args):
        done = run(*args)
        assert done.returncode == USAGE, done
        assert done.stderr and not done.stdout

    @pytest.mark.parametrize("text", ["", "driver = mysql\nparams = x\n", "driver = pgsql\n",
                                      "params = x\n", "#driver = pgsql\n#params = x\n"])
    def test_faulty_settings(self, tmp_path, text):
        (tmp_path / "c").write_text(text)
        assert run("status", "--conf", str(tmp_path / "c")).returncode == USAGE

    def test_missing_files(self, tmp_path):
        gone = str(tmp_path / "gone")
        assert run("status", "--conf", gone).returncode == FAILED
        assert run("token", "--sub", "x", "--secret-file", gone).returncode == FAILED
        assert run("token", "--sub", "x", "--secret-file", "/dev/null").returncode == FAILED

    def test_parameters_are_no_part_of_complaints(self, tmp_path):
        (tmp_path / "c").write_text(f"driver = pgsql\nparams = host={tmp_path} password=geheim\n")
        done = run("status", "--conf", str(tmp_path / "c"))
        assert done.returncode == FAILED and done.stderr
        assert "geheim" not in done.stderr + done.stdout

    def test_full_output_is_a_failure(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([ctl_path(), "--help"], stdout=full, check=False)
        assert done.returncode in (OK, FAILED)


class TestTokens:
    CONF = "LLMQTokenIssuer ctl\n"

    @pytest.fixture(scope="class")
    def server(self, store, new_server):
        server = new_server(store)
        secret = secret_file(server)
        server.configure(f"LLMQTokenSecret {secret}\nLLMQTokenIssuer ctl\n")
        server.start()
        return server

    def make(self, server, *args):
        done = run("token", "--secret-file", str(server.dir / "secret"), *args)
        assert done.returncode == OK and not done.stderr, done
        assert SECRET not in done.stdout
        return done.stdout.strip()

    def test_token_is_accepted(self, server, api):
        text = self.make(server, "--sub", "alice", "--iss", "ctl", "--exp", "1min")
        answer = api.post("/messages", {"content": "x"}, headers=bearer(text))
        assert answer.status == 201 and answer.data["user_id"] == "alice"

    def test_claims_are_in_it(self, server, api):
        other = self.make(server, "--sub", "a", "--iss", "ctl", "--tenant", "other")
        api.get("/messages", headers=bearer(other)).refuses(401)
        api.get("/messages", headers=bearer(self.make(server, "--sub", "a"))).refuses(401)
        admin = self.make(server, "--sub", "a", "--iss", "ctl", "--admin")
        body = {"content": "x", "user_id": "b"}
        assert api.post("/messages", body, headers=bearer(admin)).status == 201
        plain = self.make(server, "--sub", "a", "--iss", "ctl", "--scope", "x")
        api.post("/messages", body, headers=bearer(plain)).refuses(400, 1006)


class TestKeys:
    """Two locations, two tenants; a child forgets what it knows of a key after 100 ms."""

    CONF = """
        LLMQKeyCache 100ms
        <Location /other>
            SetHandler llmq-queue
            LLMQTenant other
            Require all granted
        </Location>
        <Location /scoped>
            SetHandler llmq-queue
            AuthType Bearer
            Require llmq-scope write
        </Location>
    """

    def create(self, ctl, *args):
        made = json.loads(ctl("key", "create", "--json", *args).stdout)
        assert made["key"].startswith("llmq_") and len(made["key"]) == 48
        return made

    def test_key_alone_on_stdout(self, ctl):
        done = ctl("key", "create", "--sub", "robot")
        assert done.stdout.startswith("llmq_") and len(done.stdout) == 49
        assert done.stderr.startswith("key_") and done.stdout.strip() not in done.stderr

    def test_key_speaks_for_its_subject(self, ctl, api):
        key = bearer(self.create(ctl, "--sub", "robot")["key"])
        answer = api.post("/messages", {"content": "x"}, headers=key)
        assert answer.status == 201 and answer.data["user_id"] == "robot"
        api.post("/messages", {"content": "x", "user_id": "you"}, headers=key).refuses(400, 1006)
        admin = bearer(self.create(ctl, "--sub", "root", "--admin")["key"])
        body = {"content": "x", "user_id": "you"}
        assert api.post("/messages", body, headers=admin).status == 201

    def test_key_is_of_one_tenant(self, server, ctl, api):
        key = bearer(self.create(ctl, "--sub", "robot", "--tenant", "other")["key"])
        api.get("/messages", headers=key).refuses(401)
        assert server.new_api("/other").get("/messages", headers=key).status == 200

    def test_scope_of_a_key(self, server, ctl):
        api = server.new_api("/scoped")
        server.log.always.update(("AH01630", "AH01629"))
        for scope, good in (("read write", True), ("read", False)):
            key = self.create(ctl, "--sub", "robot", "--scope", scope)["key"]
            assert (api.get("/messages", headers=bearer(key)).status == 200) == good

    def test_revoked_key_stops_working(self, ctl, api):
        made = self.create(ctl, "--sub", "robot")
        assert api.get("/messages", headers=bearer(made["key"])).status == 200
        ctl("key", "revoke", made["id"])
        ctl("key", "revoke", made["id"])

        def refused():
            return api.get("/messages", headers=bearer(made["key"])).status == 401

        until(refused, "the key to be refused")
        ctl("key", "revoke", "key_none", code=FAILED)
        ctl("key", "revoke", made["key"], code=FAILED)

    def test_expired_key_is_refused(self, server, ctl, api):
        made = self.create(ctl, "--sub", "robot", "--exp", "1h")
        assert api.get("/messages", headers=bearer(made["key"])).status == 200
        expired = self.create(ctl, "--sub", "robot", "--exp", "1s")

        def refused():
            return api.get("/messages", headers=bearer(expired["key"])).status == 401

        until(refused, "the key to expire")

    def test_database_holds_only_the_hash(self, server, ctl):
        made = self.create(ctl, "--sub", "robot")
        rows = server.query("SELECT hash, id, subject, scope FROM llmq_keys")
        assert made["id"] in str(rows)
        assert made["key"] not in str(rows) and made["key"][5:] not in str(rows)

    def test_list_shows_records_and_no_secrets(self, ctl):
        made = self.create(ctl, "--sub", "lister", "--tenant", "listed", "--scope", "a b",
                           "--exp", "1d")
        shown = json.loads(ctl("key", "list", "--json", "--tenant", "listed").stdout)
        assert len(shown) == 1
        del made["key"]
        assert shown == [made]
        assert shown[0]["sub"] == "lister" and shown[0]["revoked_at"] is None
        text = ctl("key", "list").stdout
        assert made["id"] in text and "llmq_" not in text

    def test_tokens_and_keys_stay_out_of_the_log(self, server, ctl, api):
        key = self.create(ctl, "--sub", "robot")["key"]
        api.get("/messages", headers=bearer(key))
        api.get("/messages", headers=bearer(key[:-1] + "_")).refuses(401)
        bad = token()
        api.get("/messages", headers=bearer(bad)).refuses(401)
        for path in (server.dir / "logs").iterdir():
            text = path.read_text(errors="replace")
            assert key[5:30] not in text and bad[-20:] not in text, path

    def test_other_ways_to_the_database(self, server, tmp_path):
        driver, params = database(server)
        env = {"LLMQ_DB_DRIVER": driver, "LLMQ_DB_PARAMS": params}
        assert run("status", env=env).returncode == OK
        conf = tmp_path / "httpd.conf"
        conf.write_text(f"<IfModule x>\n  DBDriver {driver}\n dbdparams \"{params}\"\n</IfModule>\n")
        assert run("status", "--httpd-conf", str(conf)).returncode == OK
        assert run("status", "--httpd-conf", "/dev/null").returncode == USAGE


class TestStatus:
    CONF = "LLMQDispatcher Off\n"

    def test_backlog_and_nodes(self, server, ctl, api):
        for level in ("high", "low", "low"):
            api.send(priority=level)
        shown = json.loads(ctl("status", "--json").stdout)
        counts = {(j["tenant"], j["priority"], j["status"]): j["count"] for j in shown["jobs"]}
        assert counts == {("default", "high", "pending"): 1, ("default", "low", "pending"): 2}
        assert len(shown["nodes"]) == 1  # llmqctl itself is none
        assert json.loads(ctl("status", "--json", "--tenant", "x").stdout)["jobs"] == []
        assert "low" in ctl("status").stdout

    def test_migrate_says_where_it_is(self, ctl):
        first = ctl("migrate").stdout.split()
        assert first[:2] == ["schema", "version"] and first[2].rstrip(",") == first[4]


class TestStatusOfTasks:
    def test_tasks_and_workers_are_shown(self, server, ctl, api):
        worker = Worker(api, "steady")
        for priority in ("critical", "normal", "normal"):
            create(api, priority=priority)
        first, second = worker.claim(limit=2)
        worker.must("complete", first)
        worker.must("fail", second, error="no", retryable=False)
        until(lambda: server.query("SELECT worker FROM llmq_workers WHERE failed = 1"),
              "the worker to be stored")
        shown = json.loads(ctl("status", "--json").stdout)
        assert {(j["kind"], j["priority"], j["status"]): j["count"] for j in shown["jobs"]} == {
            ("task", "critical", "completed"): 1, ("task", "normal", "queued"): 1,
            ("task", "normal", "dead"): 1}
        assert [(w["worker"], w["succeeded"], w["failed"]) for w in shown["workers"]] == [
            ("steady", 1, 1)]
        assert "steady" in ctl("status").stdout


class TestStatusOfSessions:
    CONF = "LLMQDispatcher Off\n" + sessions(chat="")

    def test_sessions_and_their_messages_are_counted(self, server, ctl):
        api = Sessions(server, base="/chat")
        ids = [api.session()["session_id"] for _ in range(3)]
        last = [api.append(ids[0]) for _ in range(4)][-1]
        api.post(f"/sessions/{ids[1]}/archive")
        shown = json.loads(ctl("status", "--json").stdout)["sessions"]
        assert [(s["tenant"], s["status"], s["count"], s["messages"]) for s in shown] == [
            ("default", "OPEN", 2, 4), ("default", "CLOSED", 1, 0)]
        assert shown[0]["latest"][:19] == last["created_at"][:19] and shown[1]["latest"] is None
        assert "CLOSED" in ctl("status").stdout
        assert json.loads(ctl("status", "--json", "--tenant", "x").stdout)["sessions"] == []



class TestDeadLetters:
    CONF = """
        LLMQMaxRetries 0
        <LLMQBackend fake>
            LLMQBackendKind openai
            LLMQBackendURL {llm}
            LLMQBackendModel tiny
        </LLMQBackend>
    """
    def give_up(self, api, llm, n):
        llm.default = Plan(status=400)
        ids = [api.send()["id"] for _ in range(n)]
        for message_id in ids:
            assert api.until_status(message_id)["status"] == "failed"
        llm.default = Plan()
        return ids

    def test_list_requeue_delete(self, server, ctl, api, llm):
        ids = self.give_up(api, llm, 3)
        shown = json.loads(ctl("dead-letter", "list", "--json").stdout)
        assert {i["id"] for i in shown["items"]} == set(ids) and shown["total"] == 3
        assert len(json.loads(ctl("dead-letter", "list", "--json", "--limit", "1").stdout)["items"]) == 1
        assert json.loads(ctl("dead-letter", "list", "--json", "--tenant", "x").stdout)["total"] == 0
        ctl("dead-letter", "requeue", "--tenant", "x", ids[0], code=FAILED)
        assert ctl("dead-letter", "delete", ids[0]).stdout == "deleted 1\n"
        api.get(f"/messages/{ids[0]}").refuses(404, 1004)
        assert ctl("dead-letter", "requeue", ids[1]).stdout == "requeued 1\n"
        ctl("dead-letter", "requeue", ids[1], "msg_none", code=FAILED)
        assert ctl("dead-letter", "requeue", "--all").stdout == "requeued 1\n"
        api.close()
        server.graceful()  # the walk that the server makes by itself once a minute
        for message_id in ids[1:]:
            done = api.until_status(message_id, "completed")
            assert done["retry_count"] == 0 and "dead_letter" not in done["metadata"]
