"""llmqctl as an operator runs it."""

import os
import stat
import subprocess

from .httpd import module_path

OK, FAILED, USAGE = 0, 1, 2


def ctl_path():
    return module_path().parent / "llmqctl"


def run(*args, env=None, **more):
    clean = {k: v for k, v in os.environ.items() if not k.startswith("LLMQ_DB_")}
    return subprocess.run([ctl_path(), *args], env={**clean, **(env or {})}, text=True,
                          check=False, timeout=120, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, **more)


def database(server):
    """(driver, params) as httpd's configuration has them."""
    if server.store == "pgsql":
        return "pgsql", server.dsn
    return "sqlite3", str((server.dir / "data").resolve() / "llmq.db")


def ctl_of(server):
    """Runs llmqctl on the server's database; the file is only for its owner."""
    conf = server.dir / "llmqctl.conf"
    driver, params = database(server)
    conf.write_text(f"# where\ndriver = {driver}\n\n  params =  {params}  \n", encoding="utf-8")
    conf.chmod(stat.S_IRUSR | stat.S_IWUSR)

    def call(*args, code=OK):
        done = run(*args, "--conf", str(conf))
        assert done.returncode == code, (args, done.stdout, done.stderr)
        return done

    return call
