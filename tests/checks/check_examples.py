#!/usr/bin/python3
"""docs/workers.md quotes each file of docs/examples whole: behind the link to the file, in the
next block that names a language. --write renews the quotes."""
import re
import sys

from project import Findings, ROOT, exists, line_of, read, under

DOC, FOLDER = "docs/workers.md", "docs/examples/"


def quote(text, name):
    """The match whose group 1 is the block that belongs to a file, or None."""
    link = text.find(f"[examples/{name}](examples/{name})")
    return re.compile(r"^```\w+\n(.*?)^```$", re.M | re.S).search(text, link) \
        if link >= 0 else None


def main():
    found = Findings()
    text = read(DOC) if exists(DOC) else ""
    for path in under(FOLDER):
        block = quote(text, path.removeprefix(FOLDER))
        if not block:
            found.add(path, 1, f"is not quoted in {DOC}")
        elif block[1] != read(path):
            if "--write" in sys.argv:
                text = text[:block.start(1)] + read(path) + text[block.end(1):]
            else:
                found.add(DOC, line_of(text, block.start()),
                          f"is not what {path} says; run {sys.argv[0]} --write")
    if "--write" in sys.argv and exists(DOC):
        (ROOT / DOC).write_text(text, encoding="utf-8")
    return found.finish()


if __name__ == "__main__":
    sys.exit(main())
