#!/usr/bin/python3
"""docs/api.md does not drift: its checklist names each route of http/route.c and tests that
exist, and its tables of problems name each problem of base/result.c with the status and the
number that http/reply.c gives it, the status and the word that http/reply_s3.c does, the status
and the text that http/reply_s4.c does."""
import re
import sys

from project import Findings, exists, line_of, read, under

DOC, ROUTES = "docs/api.md", "mod_llmq/http/route.c"
NAMES, ANSWERS = "mod_llmq/base/result.c", "mod_llmq/http/reply.c"
ANSWERS_S3 = "mod_llmq/http/reply_s3.c"
ANSWERS_S4 = "mod_llmq/http/reply_s4.c"
METHOD = {"M_GET": "GET", "M_POST": "POST", "M_PUT": "PUT", "M_DELETE": "DELETE",
          "M_PATCH": "PATCH"}


def checklist():
    """Offset and text of the part that says what proves what."""
    text = read(DOC)
    head = re.search(r"^## Checklist$", text, re.M)
    return (head.end(), text[head.end():]) if head else (0, "")


def check_routes(found, listed):
    """`{M_GET, "/messages/*", …}` wants `**GET /messages/{id}**` or the like."""
    if not exists(ROUTES):
        return
    told = {re.sub(r"\{[^}]*\}", "*", t) for t in re.findall(r"\*\*([A-Z]+ /[^*]*)\*\*", listed)}
    text = read(ROUTES)
    for row in re.finditer(r"\{\s*(M_\w+),\s*\"([^\"]*)\"", text):
        call = f"{METHOD.get(row[1], row[1])} {row[2]}".replace("**", "*")
        if row[2] and call not in told:
            found.add(ROUTES, line_of(text, row.start()),
                      f"{call} is not in the checklist of {DOC}")


def tests_by_number():
    known = {}
    for path in under("tests/integration/", ".py"):
        number = re.match(r"test_(\d+)", path.rsplit("/", 1)[1])
        if number:
            known.setdefault(number[1], set()).update(
                re.findall(r"^\s*def (test_\w+)", read(path), re.M))
    return known


def check_tests(found, start, listed):
    """A number of a file holds for the tests behind it, until the next number."""
    known = tests_by_number()
    for line in re.finditer(r"^\|.*$", listed, re.M):
        number = None
        for word in re.finditer(r"\b(\d{3})\b(?= `test_)|`(test_\w+)`", line[0]):
            number = word[1] or number
            if word[2] and word[2] not in known.get(number, ()):
                found.add(DOC, line_of(read(DOC), start + line.start()),
                          f"tests/integration/test_{number}_*.py has no {word[2]}")


def check_problems(found):
    if not exists(NAMES) or not exists(ANSWERS):
        return
    names = dict(re.findall(r"\[(LLMQ_PROBLEM_\w+)\]\s*=\s*\"(\w+)\"", read(NAMES)))
    rows = {m[1]: (m[2], m[3]) for m in
            re.finditer(r"^\|\s*(\w+)\s*\|\s*(\d+)\s*\|\s*(\d+|–)\s*\|", read(DOC), re.M)}
    for m in re.finditer(r"\[(LLMQ_PROBLEM_\w+)\]\s*=\s*\{(\d+),\s*(\d+)", read(ANSWERS)):
        name = names.get(m[1])
        wanted = (m[2], m[3] if m[3] != "0" else "–")
        if name in (None, "none"):
            continue
        if rows.get(name) != wanted:
            found.add(DOC, 1, f"the table of problems does not say: {name} {' '.join(wanted)}")


def check_s3_problems(found):
    if not exists(NAMES) or not exists(ANSWERS_S3):
        return
    text = read(ANSWERS_S3)
    words = dict(re.findall(r"#define (\w+)\s+(\"\w+\")", text))
    names = dict(re.findall(r"\[(LLMQ_PROBLEM_\w+)\]\s*=\s*\"(\w+)\"", read(NAMES)))
    rows = {m[1]: (m[2], m[3]) for m in
            re.finditer(r"^\|\s*(\w+)\s*\|\s*(\d+)\s*\|\s*`([A-Z_]+)`\s*\|", read(DOC), re.M)}
    for m in re.finditer(r"\[(LLMQ_PROBLEM_\w+)\]\s*=\s*\{(\d+),\s*\d,\s*(\"?\w+\"?)", text):
        name = names.get(m[1])
        wanted = (m[2], words.get(m[3], m[3]).strip('"'))
        if name not in (None, "none") and rows.get(name) != wanted:
            found.add(DOC, 1, f"the table of S3's problems does not say: {name} {' '.join(wanted)}")


def check_s4_problems(found):
    if not exists(NAMES) or not exists(ANSWERS_S4):
        return
    text = read(ANSWERS_S4)
    words = dict(re.findall(r"#define (\w+)\s+\"([^\"]+)\"", text))
    names = dict(re.findall(r"\[(LLMQ_PROBLEM_\w+)\]\s*=\s*\"(\w+)\"", read(NAMES)))
    rows = {m[1]: (m[2], m[3].strip("`"), m[4]) for m in
            re.finditer(r"^\|\s*(\w+)\s*\|\s*(\d+)\s*\|\s*(the reason|`[^`]* [^`]*`|`[A-Z][a-z]+\.`)"
                        r"\s*\|\s*(yes|no)\s*\|$", read(DOC), re.M)}
    for m in re.finditer(r"\[(LLMQ_PROBLEM_\w+)\]\s*=\s*\{(\d+),\s*(\d),\s*(\w+|\"[^\"]+\")\}", text):
        name = names.get(m[1])
        told = "the reason" if m[4] == "NULL" else words.get(m[4], m[4].strip('"'))
        wanted = (m[2], told, "yes" if m[3] == "1" else "no")
        if name not in (None, "none") and rows.get(name) != wanted:
            found.add(DOC, 1, f"the table of S4's problems does not say: {name} {' '.join(wanted)}")


def main():
    found = Findings()
    if exists(DOC):
        start, listed = checklist()
        check_routes(found, listed)
        check_tests(found, start, listed)
        check_problems(found)
        check_s3_problems(found)
        check_s4_problems(found)
    return found.finish()


if __name__ == "__main__":
    sys.exit(main())
