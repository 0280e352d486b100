"""A PostgreSQL of the tests' own, that they may stop and kill."""

import grp
import os
import pathlib
import pwd
import signal
import subprocess

import psycopg2

from .wait import ended, until

USER = "postgres"


def _bin_dir():
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    assert found, "PostgreSQL is missing; run scripts/setup.sh test"
    return found[-1].parent


class Postgres:
    """One cluster on a Unix socket. Stock settings: what was committed is on the disk."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.data = self.path / "data"
        self.bin = _bin_dir()
        self.count = 0
        self.path.mkdir()
        if os.getuid() == 0:
            owner = pwd.getpwnam(USER)
            # The children of httpd connect through this folder, nobody else.
            os.chown(self.path, owner.pw_uid, grp.getgrnam("www-data").gr_gid)
            self.path.chmod(0o750)
        self._run("initdb", "-D", self.data, "-U", "llmq", "-A", "trust", "-E", "UTF8",
                  "--locale=C.UTF-8")
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write("listen_addresses = ''\nmax_connections = 200\n"
                       f"unix_socket_directories = '{self.path}'\n")

    def _run(self, program, *args):
        who = {}
        if os.getuid() == 0:
            who = {"user": USER, "group": pwd.getpwnam(USER).pw_gid, "extra_groups": []}
        done = subprocess.run([self.bin / program, *args], cwd="/", check=False, text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, **who)
        assert done.returncode == 0, f"{program}: {done.stdout}"

    def start(self):
        self._run("pg_ctl", "-D", self.data, "-w", "-l", self.path / "server.log", "start")
        return self

    @property
    def pid(self):
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def stop(self, how=signal.SIGQUIT):
        """SIGQUIT drops everything at once, as a crash does; SIGINT says goodbye."""
        if (self.data / "postmaster.pid").exists():
            pid = self.pid
            os.kill(pid, how)
            until(lambda: not (self.data / "postmaster.pid").exists()
                  and ended(pid), "PostgreSQL to end")

    def dsn(self, database):
        return f"host={self.path} user=llmq dbname={database} connect_timeout=5"

    def new_database(self):
        """The DSN of an empty database."""
        self.count += 1
        name = f"llmq_{self.count}"
        self.query("postgres", f"CREATE DATABASE {name}")
        return self.dsn(name)

    def query(self, database, sql):
        return query(self.dsn(database), sql)


def query(dsn, sql):
    connection = psycopg2.connect(dsn, connect_timeout=60)  # httpd's own is shorter
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()
