"""A real httpd with the module, through scripts/server.sh as a user would start it."""

import contextlib
import itertools
import os
import pathlib
import random
import re
import signal
import socket
import sqlite3
import subprocess

from . import postgres
from .api import Api
from .errorlog import KILLED, ErrorLog
from .wait import PATIENCE, SLOWNESS, ended, until

ROOT = pathlib.Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "scripts" / "server.sh"
DISPATCHER = "llmq-dispatch"

# More than one child, for what several processes can do to each other; with a thread for
# each of 64 connections in either. And room for old generations that are slow to end.
SHAPES = {"event": "StartServers 2\nServerLimit 16\nThreadsPerChild 80\n"
                   "MaxRequestWorkers 160\nMaxSpareThreads 160\n",
          "worker": "", "prefork": ""}


# A child of httpd's event MPM that ends closes its pollset while a thread of its may be about
# to put a connection there. One that has not ended after three seconds is told again; after
# nine it is killed, and that is a surprise.
AT_STOP = ("(9)Bad file descriptor: AH03092", "(9)Bad file descriptor: AH03093", "AH00045")

# The event MPM's own, while it has not let go of as many requests as come at once.
BUSY = ("AH00484", "AH10159")


def module_path():
    if os.environ.get("LLMQ_MODULE"):
        return pathlib.Path(os.environ["LLMQ_MODULE"])
    return ROOT / "build" / os.environ.get("LLMQ_SAN", "release") / "mod_llmq.so"


def _share():
    """A number that no other process of tests on this machine has, as long as this one lives:
    the kernel knows the names of such sockets and forgets those of the dead."""
    begin = random.randrange(SHARES)
    for share in (*range(begin, SHARES), *range(begin)):
        claim = socket.socket(socket.AF_UNIX)
        with contextlib.suppress(OSError):
            claim.bind(f"\0llmq-test-ports-{share}")
            CLAIMS.append(claim)
            return share
        claim.close()
    return begin


def _ports():
    """Ports for this process of tests alone, none of those that the kernel gives to
    connections and to listeners on port 0: such a one may be somebody's before it is used,
    and a test that counts on a silent port would find it answered."""
    low, high = map(int, pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range")
                    .read_text().split())
    nobodys = [port for port in (*range(10000, 20000), *range(30000, 65536))
               if not low <= port <= high] or range(10000, 65536)
    ours = nobodys[_share()::SHARES]
    begin = random.randrange(len(ours))
    return itertools.cycle([*ours[begin:], *ours[:begin]])


def free_port():
    for port in PORTS:
        with contextlib.suppress(OSError), socket.socket() as s:
            s.bind(("127.0.0.1", port))
            return port


SHARES = 32
CLAIMS = []
PORTS = _ports()


class Server:
    """One private httpd. conf is text that is included after the shipped configuration."""

    def __init__(self, path, store="sqlite3", mpm="event", conf="", dsn=None):
        self.dir = pathlib.Path(path)
        self.dir.mkdir()
        self.dir.chmod(0o755)
        self.store = store
        self.mpm = mpm
        self.dsn = dsn  # None with pgsql: server.sh starts a PostgreSQL of its own
        self.port = free_port()
        self.shape_file = self.dir / "shape.conf"
        self.shape_file.write_text(SHAPES[mpm], encoding="ascii")
        self.conf_file = self.dir / "test.conf"
        self.configure(conf)
        self.log = ErrorLog(self.dir / "logs" / "error.log")
        self.apis = []

    # -- configuration and life ----------------------------------------------------------

    def configure(self, conf):
        """Takes effect with the next start, graceful or restart."""
        self.conf_file.write_text(conf, encoding="utf-8")

    def script(self, action, *args, check=True):
        env = {**os.environ, "LLMQ_MODULE": str(module_path()),
               "LLMQ_DEADLINE": str(int(90 * SLOWNESS)),
               "LLMQ_PATIENCE": str(int((30 if check else 5) * SLOWNESS))}
        env.pop("LLMQ_PG_DSN", None)
        if self.dsn:
            env["LLMQ_PG_DSN"] = self.dsn
        done = subprocess.run([SCRIPT, action, "--dir", self.dir, *args], env=env, text=True,
                              check=False, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=300 * SLOWNESS)
        assert not check or done.returncode == 0, f"server.sh {action}:\n{done.stdout}"
        return done

    def start(self, *more, check=True):
        return self.script("start", "--port", str(self.port), "--store", self.store,
                           "--mpm", self.mpm, "--conf", self.shape_file,
                           "--conf", self.conf_file, *more, check=check)

    def refusal(self, conf, name=None, line=None):
        """What the syntax check says as it refuses to start with this configuration. It must
        name the fault (the first of our directives unless told) and its line if one is given."""
        self.configure(conf + "\n")
        done = self.start(check=False)
        assert done.returncode != 0, f"started with {conf}:\n{done.stdout}"
        blamed = done.stdout.split("server.sh:")[0]
        assert (name or re.search(r"LLMQ\w+", conf)[0]) in blamed, blamed
        if line:
            assert f"Syntax error on line {line} of {self.conf_file}" in blamed \
                or f"{self.conf_file}:{line}:" in blamed, blamed
        return blamed

    def stop(self):
        for api in self.apis:
            api.close()
        self.log.expect(*AT_STOP)
        return self.script("stop")

    def graceful(self):
        return self.script("graceful")

    def restart(self):
        self.log.expect(*AT_STOP)
        return self.script("restart")

    def kill(self):
        """All processes at once, as if the machine had lost its power: also one that is just
        being born."""
        pids = [self.parent_pid, *self.workers(), *self.dispatchers()]
        os.killpg(self.parent_pid, signal.SIGKILL)
        for api in self.apis:
            api.close()
        until(lambda: ended(*pids), "their end")

    def kill_parent(self, signum):
        """To the parent, without waiting for what it does."""
        if signum in (signal.SIGTERM, signal.SIGHUP):
            self.log.expect(*AT_STOP)
        os.kill(self.parent_pid, signum)

    # -- clients -------------------------------------------------------------------------

    def new_api(self, base="/api/v1"):
        api = Api(self.port, base)
        self.apis.append(api)
        return api

    def raw(self, data, deadline=PATIENCE):
        """Send bytes as they are; everything that comes back until the server closes."""
        with socket.create_connection(("127.0.0.1", self.port), deadline * SLOWNESS) as s:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            got = b""
            while block := s.recv(65536):
                got += block
            return got

    # -- processes -----------------------------------------------------------------------

    @property
    def parent_pid(self):
        return int((self.dir / "httpd.pid").read_text())

    def _children(self):
        """(started, pid, name) of the parent's children, oldest first."""
        found = []
        parent = self.parent_pid
        for entry in pathlib.Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue  # it has just ended
            name, rest = re.search(r"\((.*)\) (.*)", stat, re.S).groups()
            fields = rest.split()
            if int(fields[1]) == parent and fields[0] not in "ZX":
                found.append((int(fields[19]), int(entry.name), name))
        return sorted(found)

    def names(self):
        """What the parent's children are called."""
        return [name for _, _, name in self._children()]

    def dispatchers(self):
        return [pid for _, pid, name in self._children() if name == DISPATCHER]

    def workers(self):
        return [pid for _, pid, name in self._children() if name != DISPATCHER]

    def kill_dispatcher(self, signum=signal.SIGKILL):
        """Kill the newest one; its pid. What a sudden death makes others say is no surprise,
        wherever it met the process."""
        if signum == signal.SIGKILL:
            self.log.always.update(KILLED)

        def strike():
            for pid in self.dispatchers()[-1:]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signum)
                    return pid
            return None

        return until(strike, "a dispatcher")

    def halt_dispatcher(self):
        """Stop the one there is while it writes nothing, as nobody else could write then; its
        pid."""
        pid = until(self.dispatchers, "a dispatcher")[-1]

        def is_halted():
            os.kill(pid, signal.SIGSTOP)
            until(lambda: self._state(pid) == "T", "it to stop")
            if not self._is_written():
                return True
            os.kill(pid, signal.SIGCONT)
            return False

        until(is_halted, "a moment without writes")
        return pid

    @staticmethod
    def _state(pid):
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0]

    def until_dispatcher(self, other_than=None):
        def look():
            return [pid for pid in self.dispatchers() if pid != other_than]
        return until(look, "a new dispatcher")[-1]

    # -- the store, behind the module's back ---------------------------------------------

    def _is_written(self):
        """Whether somebody is within a transaction just now."""
        if self.store == "pgsql":
            return self.query("SELECT 1 FROM pg_stat_activity WHERE state <> 'idle' AND datname ="
                              " current_database() AND pid <> pg_backend_pid()") != []
        path = (self.dir / "data").resolve() / "llmq.db"
        with contextlib.closing(sqlite3.connect(path, timeout=0)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                return True
            connection.rollback()
            return False

    def query(self, sql):
        if self.store == "pgsql":
            dsn = self.dsn or f"host={(self.dir / 'pgsock').resolve()} user=llmq dbname=llmq"
            return postgres.query(dsn, sql)
        path = (self.dir / "data").resolve() / "llmq.db"
        with sqlite3.connect(path, timeout=60) as connection:
            return connection.execute(sql).fetchall()
