#!/usr/bin/python3
"""Headers keep their word: each compiles by itself, clang finds no comment that names a
parameter that is not there, and each exported function says what it returns and on which
thread or in which phase it may be called. One @threads or @phase in the comment at the top
of a header holds for all its functions that do not say otherwise."""
import concurrent.futures
import os
import re
import subprocess
import sys

import csource
from project import Findings, ROOT, read, under

COMMENT = re.compile(r"/\*\*.*?\*/", re.S)
WHERE = re.compile(r"@(threads|phase)\b")


def flags():
    script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "flags.sh")
    run = subprocess.run(["bash", "-c", f'. "{script}"; printf "%s\\n" "${{FLAGS[@]}}"'],
                         cwd=ROOT, capture_output=True, text=True, check=False)
    return run.stdout.split("\n")[:-1]


def clang(path, options):
    run = subprocess.run(
        ["clang", "-fsyntax-only", "-Wall", "-Wdocumentation", "-Wno-unused-function",
         "-Wdocumentation-unknown-command", "-fcomment-block-commands=threads,phase",
         "-Werror", "-ferror-limit=0", "-fno-caret-diagnostics", *options,
         "-x", "c", "-include", str(path), os.devnull],
        cwd=ROOT, capture_output=True, text=True, check=False)
    for m in re.finditer(r"^([^:\n]+):(\d+):\d+: (?:fatal )?error: (.*)$", run.stderr, re.M):
        yield os.path.normpath(m[1]), int(m[2]), m[3]
    if run.returncode and ": error: " not in run.stderr and "fatal error" not in run.stderr:
        yield path, 1, run.stderr.strip().split("\n")[0]


def check_comments(found, path):
    text = read(path)
    top = COMMENT.search(text)
    if not top or "@file" not in top[0]:
        found.add(path, 1, "does not begin with a comment that says what it is (@file)")
    everywhere = bool(top and WHERE.search(top[0]))
    for f in csource.prototypes(text):
        comment = csource.doc_comment(text, f)
        if not comment or "@file" in comment:
            found.add(path, f.line, f"{f.name}() has no comment of its own")
            continue
        void = re.fullmatch(r"(extern\s+)?void", re.sub(r"\s+", " ", f.head))
        if not void and not re.search(r"@returns?\b", comment):
            found.add(path, f.line, f"{f.name}() does not say what it returns (@return)")
        if not everywhere and not WHERE.search(comment):
            found.add(path, f.line, f"{f.name}() says neither @threads nor @phase")


def main():
    found = Findings()
    headers = under("mod_llmq/", ".h")
    options = flags()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
        for findings in pool.map(lambda h: list(clang(h, options)), headers):
            for path, line, text in findings:
                found.add(path, line, text)
    for path in headers:
        check_comments(found, path)
    return found.finish()


if __name__ == "__main__":
    sys.exit(main())
