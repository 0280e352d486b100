"""What the checks share: which files there are, and how a finding is told."""
import functools
import os
import pathlib
import subprocess
import sys

sys.dont_write_bytecode = True

# LLMQ_CHECK_ROOT lets selftest.py point the checks at a tree with planted faults.
ROOT = pathlib.Path(os.environ.get("LLMQ_CHECK_ROOT",
                                   pathlib.Path(__file__).resolve().parents[2]))
# Folders of the library side, lowest first.
LIBRARY = ("base", "core", "queue", "store", "backend", "bus", "dispatch")


def _git(*args):
    try:
        run = subprocess.run(["git", "-C", str(ROOT), "ls-files", "-z", *args],
                             capture_output=True, check=False)
    except FileNotFoundError:
        return None
    return run.stdout.decode().split("\0") if run.returncode == 0 else None


def _walk():
    for folder, names, found in os.walk(ROOT):
        names[:] = [n for n in names if n not in ("build", ".git", "__pycache__")]
        yield from (os.path.relpath(os.path.join(folder, f), ROOT) for f in found)


@functools.lru_cache(maxsize=None)
def files(tracked=False):
    """Paths relative to ROOT, sorted. A source archive has no git: then all there are."""
    names = _git("--cached") if tracked else \
        _git("--cached", "--others", "--exclude-standard")
    return tuple(sorted({n for n in (_walk() if names is None else names)
                         if n and (ROOT / n).is_file()}))


def under(prefix, *suffixes, tracked=False):
    return [f for f in files(tracked)
            if f.startswith(prefix) and (not suffixes or f.endswith(suffixes))]


@functools.lru_cache(maxsize=None)
def read(path):
    return (ROOT / path).read_text(encoding="utf-8", errors="replace")


def exists(path):
    return (ROOT / path).is_file()


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


class Findings:
    """Collects findings; finish() prints them by file and line and gives the exit code."""

    def __init__(self):
        self.all = set()

    def add(self, path, line, text):
        self.all.add((path, line, text))

    def finish(self):
        for path, line, text in sorted(self.all):
            print(f"{path}:{line}: {text}")
        return 1 if self.all else 0
