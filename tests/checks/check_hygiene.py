#!/usr/bin/python3
"""Small things that should not be in a tree: open ends, paths and hosts of whoever wrote
it, tabs in C, bytes that are not UTF-8, files without a final newline."""
import os
import re
import sys

from project import Findings, ROOT, files

# Corpora are meant to be wrong; the licence and the samples of others are quoted as they are.
SKIP = re.compile(r"^(tests/fuzz/corpus/|tests/integration/samples/.*\.txt$|LICENSE$)|\.(png|ico|gz|bin)$")
# Written in pieces, so that this file does not find itself.
OPEN_ENDS = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
FOREIGN = re.compile(r"(?<![\w./~$}-])/(?:wo" r"rk|ho" r"me|ro" r"ot|Us" r"ers|t" r"mp|var/t" r"mp)"
                     r"(?:/[^\s\"'`)\]>,;:]*|(?=[\s\"'`)\]>,;:]|$))")
HOSTS = re.compile(r"\b(?:pypi\.or" r"g|pythonhosted\.or" r"g|registry\.npm|npmjs\.(?:or" r"g|com)"
                   r"|crates\.i" r"o|rubygems\.or" r"g|proxy\.golang|(?:deb|ftp)\.debian\.or" r"g"
                   r"|archive\.ubuntu|conda\.anaconda|repo1?\.maven|docker\.i" r"o)")
MARKERS = re.compile(r"^(<{7}|>{7}|={7})( |$)")
# The places for temporary files themselves, and names in them that differ by process, also
# as a pattern that finds them again.
TEMPORARY = re.compile(r"/(var/)?t" r"mp(/?|/[\w.-]*(X{6}|%[dlu]|\$\$|\*)[\w.%-]*)$")
# (path, pattern): other paths that a file names on purpose.
RUNTIME = ()


def check_line(found, path, number, line):
    m = OPEN_ENDS.search(line)
    if m:
        found.add(path, number, f"{m[0]}: finish it or write it down as an issue")
    for m in FOREIGN.finditer(line):
        if not TEMPORARY.match(m[0]) \
                and not any(path == p and re.match(r, m[0]) for p, r in RUNTIME):
            found.add(path, number, f"{m[0]}: a path of one machine")
    m = HOSTS.search(line)
    if m:
        found.add(path, number, f"{m[0]}: a package registry")
    if "\t" in line and path.endswith((".c", ".h", ".py", ".md", ".sql", ".conf")):
        found.add(path, number, "a tab")
    if line != line.rstrip() and not path.endswith(".md"):
        found.add(path, number, "blanks at the end of the line")
    if MARKERS.match(line) and not path.endswith(".md"):
        found.add(path, number, "a marker of a merge")


def check_file(found, path):
    data = (ROOT / path).read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        found.add(path, data.count(b"\n", 0, error.start) + 1, "is not UTF-8")
        return
    if "\0" in text:
        found.add(path, 1, "holds NUL bytes")
        return
    if text.startswith("\ufeff"):
        found.add(path, 1, "begins with a byte order mark")
    lines = text.split("\n")
    if text and lines[-1]:
        found.add(path, len(lines), "no newline at the end")
    if len(lines) > 2 and not lines[-1] and not lines[-2]:
        found.add(path, len(lines) - 1, "empty lines at the end")
    for number, line in enumerate(lines, 1):
        check_line(found, path, number, line)
    if text.startswith("#!") and not os.access(ROOT / path, os.X_OK):
        found.add(path, 1, "has an interpreter line and is not executable")


def main():
    found = Findings()
    for path in files():
        if not SKIP.search(path):
            check_file(found, path)
    return found.finish()


if __name__ == "__main__":
    sys.exit(main())
