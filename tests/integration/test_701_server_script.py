"""scripts/server.sh itself, and what it promises to those who measure and debug with it."""

import contextlib
import pathlib
import signal
import stat
import time

import psycopg2
import pytest

from llmq_env.wait import ended, until


class TestScript:
    @pytest.fixture(scope="class")
    def own(self, store, new_server):
        """With pgsql: a PostgreSQL of its own, no DSN from outside."""
        server = new_server(store, dsn=None)
        server.start("--redis", "--access-log")
        return server

    def test_writes_what_others_rely_on(self, own):
        for name in ("httpd.conf", "httpd.pid", "jwt.secret", "logs/error.log", "logs/access.log",
                     "redis.pid"):
            assert (own.dir / name).is_file(), name
        secret = own.dir / "jwt.secret"
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600 and secret.stat().st_size >= 32
        assert (own.store == "pgsql") == bool(list(own.dir.glob("*/postmaster.pid")))

    def test_shipped_configuration_is_what_runs(self, own):
        assert "/conf/llmq.conf\"" in (own.dir / "httpd.conf").read_text()

    def test_messages_are_answered(self, own):
        api = own.new_api()
        assert api.until_status(api.send()["id"])["status"] == "completed"
        until(lambda: "POST /api/v1/messages" in (own.dir / "logs/access.log").read_text(),
              "the call in the log")

    def test_status_tells_what_runs(self, own):
        done = own.script("status")
        assert f"pid {own.parent_pid}" in done.stdout and "health: 200" in done.stdout
        assert "Redis runs" in done.stdout
        assert (own.store == "pgsql") == ("PostgreSQL runs" in done.stdout)

    def test_second_start_refuses(self, own):
        done = own.start(check=False)
        assert done.returncode == 1 and "already running" in done.stdout

    def test_stop_ends_everything_and_keeps_the_data(self, own):
        api = own.new_api()
        message_id = api.send("kept")["id"]
        api.until_status(message_id)
        secret = (own.dir / "jwt.secret").read_text()
        pids = [own.parent_pid, *own.dispatchers(), *own.workers()]
        own.stop()
        until(lambda: ended(*pids), "all to end")
        assert not list(own.dir.glob("*/postmaster.pid"))
        assert own.script("status", check=False).returncode == 3
        own.start()
        assert own.new_api().message(message_id)["content"] == "kept"
        assert (own.dir / "jwt.secret").read_text() == secret


class TestProcesses:
    """Names and order that operators and these tests go by."""

    @pytest.mark.mpm
    def test_one_dispatcher_with_the_childrens_user(self, store, server):
        pid, = until(server.dispatchers, "the dispatcher")
        until(lambda: f"dispatcher started, pid {pid}" in server.log.text(), "its word")
        owner = pathlib.Path(f"/proc/{pid}").stat().st_uid
        # A child belongs to root until it has begun.
        until(lambda: owner == pathlib.Path(f"/proc/{server.workers()[0]}").stat().st_uid,
              "the children to have the same user")

    @pytest.mark.mpm
    def test_graceful_replaces_the_dispatcher(self, store, server):
        before, = until(server.dispatchers, "the dispatcher")
        server.graceful()
        after = server.until_dispatcher(other_than=before)
        until(lambda: server.dispatchers() == [after], "the old one to leave")

    def test_terminated_dispatcher_is_started_again(self, store, server, api):
        server.log.expect("LLMQ0807")
        server.until_dispatcher(other_than=server.kill_dispatcher(signal.SIGTERM))
        assert api.until_status(api.send()["id"])["status"] == "completed"

    def test_restart_while_another_one_looks_at_the_schema(self, cluster, new_server):
        """The signal interrupts the wait for the look, which is no reason to give it up."""
        server = new_server("pgsql")
        server.start()
        with contextlib.closing(psycopg2.connect(server.dsn, connect_timeout=60)) as other:
            other.cursor().execute("LOCK TABLE llmq_schema IN ACCESS EXCLUSIVE MODE")
            server.kill_parent(signal.SIGUSR1)
            until(lambda: "llmq-migrate" in server.names(), "the look at the schema")
            server.kill_parent(signal.SIGUSR1)
            time.sleep(0.2)
        until(lambda: server.log.count("resuming normal operations") == 3, "both to be over")
        assert "LLMQ0803" not in server.log.text()
