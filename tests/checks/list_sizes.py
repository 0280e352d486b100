#!/usr/bin/python3
"""Lists what stands out in size, so that somebody looks. Fails nothing."""
import re
import statistics
import sys

import csource
from project import read, under

FILE_LINES, HEADER_LINES, FUNCTION_LINES, PARAMETERS, NESTING = 400, 200, 45, 5, 3
KEYWORD = re.compile(r"\b(if|for|while|switch|[A-Z][A-Z_]+)\s*$")


def is_block(body, brace):
    """Does this brace open statements, not an initialiser?"""
    before = body[:brace].rstrip()
    if not before or before.endswith((";", "}", "{", ":")) \
            or re.search(r"\b(else|do)$", before):
        return True
    if not before.endswith(")"):
        return False
    depth = 0
    for i in range(len(before) - 1, -1, -1):
        depth += (before[i] == ")") - (before[i] == "(")
        if depth == 0:
            return KEYWORD.search(before[:i]) is not None
    return False


def nesting(body):
    """Deepest nesting of statements; an initialiser inside them does not count."""
    deepest, stack = 0, []
    for m in re.finditer(r"[{}]", body):
        if m[0] == "{":
            stack.append(is_block(body, m.start()))
            deepest = max(deepest, sum(stack))
        elif stack:
            stack.pop()
    return deepest


def look(path, lengths):
    text = read(path)
    lines = text.count("\n")
    limit = FILE_LINES if path.endswith(".c") else HEADER_LINES
    if lines > limit:
        yield 1, f"{lines} lines (> {limit})"
    code = csource.code_only(text)
    for f in csource.functions(text):
        length = f.last_line - f.line + 1
        if path.startswith("mod_llmq/"):
            lengths.append(length)
        deep = nesting(code[f.body[0] + 1:f.body[1]])
        for what, value, most in (("lines", length, FUNCTION_LINES),
                                  ("parameters", len(f.params), PARAMETERS),
                                  ("levels deep", deep, NESTING)):
            if value > most:
                yield f.line, f"{f.name}(): {value} {what} (> {most})"


def main():
    lengths = []
    for path in under("mod_llmq/", ".c", ".h") + under("tests/", ".c", ".h"):
        for line, text in look(path, lengths):
            print(f"{path}:{line}: {text}")
    if lengths:
        lengths.sort()
        print(f"{len(lengths)} functions: median {statistics.median(lengths):g} lines, "
              f"90 % up to {lengths[len(lengths) * 9 // 10]}, longest {lengths[-1]}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
