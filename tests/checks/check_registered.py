#!/usr/bin/python3
"""A test that is not added never runs and never fails. Every START_TEST is added to a case,
every case function is listed, and no Python test hides another of its name."""
import ast
import pathlib
import re
import sys

import csource
from project import Findings, read, under


def check_c(found, path):
    text = read(path)
    code = csource.code_only(text)
    added = {c.args[1] for c in csource.calls(text, r"tcase_add_\w*test\w*")
             if len(c.args) > 1}
    names = set()
    for m in re.finditer(r"\bSTART_TEST\s*\(\s*(\w+)\s*\)", code):
        line = code.count("\n", 0, m.start()) + 1
        if m[1] in names:
            found.add(path, line, f"{m[1]} is there twice")
        names.add(m[1])
        # A table or a local macro may add it too: any other mention counts.
        if m[1] not in added and len(re.findall(rf"\b{m[1]}\b", code)) < 2:
            found.add(path, line, f"{m[1]} is never added to its case")
    if not names:
        found.add(path, 1, "holds no test")
    stem = pathlib.PurePath(path).stem[len("test_"):]
    case = "case_" + stem
    # A second file of tests for one source has no source of its name and no own case.
    has_source = any(pathlib.PurePath(p).stem == stem for p in under("mod_llmq/", ".c"))
    if has_source and case not in {f.name for f in csource.functions(text)}:
        found.add(path, 1, f"does not define {case}()")


def check_scope(found, path, body):
    seen = {}
    for node in body:
        if isinstance(node, ast.ClassDef):
            check_scope(found, path, node.body)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            if node.name in seen:
                found.add(path, node.lineno, f"{node.name} hides line {seen[node.name]}")
            seen[node.name] = node.lineno


def check_python(found, path):
    try:
        tree = ast.parse(read(path))
    except SyntaxError as error:
        found.add(path, error.lineno or 1, f"does not parse: {error.msg}")
        return
    check_scope(found, path, tree.body)
    tests = sum(isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef))
                and n.name.startswith("test_") for n in ast.walk(tree))
    if pathlib.PurePath(path).name.startswith("test_") and not tests:
        found.add(path, 1, "holds no test")


def main():
    found = Findings()
    for path in under("tests/unit/test_", ".c"):
        check_c(found, path)
    for path in under("tests/integration/", ".py"):
        check_python(found, path)
    return found.finish()


if __name__ == "__main__":
    sys.exit(main())
