#!/usr/bin/python3
"""File names are prefixes: what x.c exports is called llmq_x_*, the longest file name that
fits wins, and llmq_ means exported. Each library file has its unit test."""
import collections
import pathlib
import re
import sys

import csource
from project import Findings, LIBRARY, exists, files, line_of, read, under

SUPPORT = "tests/unit/support.h"
# File: the file whose test covers it, for parts that have no promise of their own.
TESTED_WITH = {
    "backend_scrub": "backend_openai",
    "backend_sse": "backend_openai",
    "completions_end": "completions",
    "ears": "completions",
    "json_scan": "json",
    "longcall": "finisher",
    "store_commit_batch": "store_commit",
    "store_job_record": "store_job",
    "store_run": "store",
}


def check_unique(found):
    seen = collections.defaultdict(list)
    for path in files():
        if path.endswith((".c", ".h")):
            seen[pathlib.PurePath(path).name].append(path)
    for paths in seen.values():
        for path in paths[1:]:
            found.add(path, 1, f"shares its name with {paths[0]}")


def owner(name, stems):
    """The longest file name that the name of a function begins with."""
    fits = [s for s in stems if name == "llmq_" + s or name.startswith(f"llmq_{s}_")]
    return max(fits, key=len, default=None)


def check_names(found):
    sources = under("mod_llmq/", ".c", ".h")
    stems = {pathlib.PurePath(p).stem for p in sources}
    for path in sources:
        stem = pathlib.PurePath(path).stem
        for f in csource.functions(read(path)):
            if f.static and path.endswith(".c") and f.name.startswith("llmq_"):
                found.add(path, f.line, f"{f.name}() is static: no llmq_ prefix")
            elif f.name == "main" and path.startswith("mod_llmq/tools/"):
                continue  # the program begins here
            elif f.static and not f.name.startswith("llmq_"):
                continue  # in a header too: inline helpers of one folder
            elif not f.name.startswith("llmq_"):
                found.add(path, f.line, f"{f.name}() is exported: wants llmq_{stem}_")
            elif owner(f.name, stems) != stem:
                place = owner(f.name, stems)
                found.add(path, f.line, f"{f.name}() "
                          + (f"belongs into {place}.c" if place else
                             f"wants the prefix llmq_{stem}_"))


def check_tests(found):
    sources = [p for d in LIBRARY for p in under(f"mod_llmq/{d}/", ".c")]
    text = read(SUPPORT) if exists(SUPPORT) else ""
    listed = {m[1]: line_of(text, m.start()) for m in re.finditer(r"\bX\((\w+)\)", text)}
    for path in sources:
        stem = pathlib.PurePath(path).stem
        stem = TESTED_WITH.get(stem, stem)
        if not exists(f"tests/unit/test_{stem}.c"):
            found.add(path, 1, f"no tests/unit/test_{stem}.c")
        if stem not in listed:
            found.add(path, 1, f"no X({stem}) in {SUPPORT}")
    stems = {pathlib.PurePath(p).stem for p in sources}
    for stem, line in listed.items():
        if stem not in stems and not exists(f"tests/unit/test_{stem}.c"):
            found.add(SUPPORT, line, f"X({stem}) but no tests/unit/test_{stem}.c")
    if list(listed) != sorted(listed):
        found.add(SUPPORT, min(listed.values()), "the cases are not sorted")


def main():
    found = Findings()
    check_unique(found)
    check_names(found)
    check_tests(found)
    return found.finish()


if __name__ == "__main__":
    sys.exit(main())
