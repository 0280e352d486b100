#!/usr/bin/python3
"""Log tags: every line from DEBUG up has one of its own, LLMQ_NO(nnnn), in the hundred of
its folder, and docs/log-tags.md tells all of them. --write brings that page up to date and
keeps tags that are gone in its list of retired ones, because a number is never reused."""
import dataclasses
import re
import sys

import csource
from project import Findings, ROOT, exists, line_of, read, under

DOC = "docs/log-tags.md"
# mod_llmq.c speaks of the configuration it finds and of the processes it starts.
HUNDREDS = {"cfg": {1}, "http": {2}, "queue": {3}, "store": {4}, "backend": {5}, "bus": {6},
            "dispatch": {7}, "glue": {8}, "mod_llmq.c": {1, 8}}
# The sink hands on lines that have their tags already; log.c and log.h make them.
EXEMPT = {"mod_llmq/glue/glue_log.c", "mod_llmq/base/log.c", "mod_llmq/base/log.h"}
LEVELS = ["EMERG", "ALERT", "CRIT", "ERR", "WARNING", "NOTICE", "INFO", "DEBUG"]
LOG = r"LLMQ_LOG|ap_log_(?:r|c|p|cs)?error|llmq_log_write"
TAG = r"\bLLMQ_NO\s*\(\s*(\w*)\s*\)"
INTRO = """# Log tags

Every line that mod_llmq writes at DEBUG or above begins with a tag of its own. Tags go by
folder (01 cfg, 02 http, 03 queue, 04 store, 05 backend, 06 bus, 07 dispatch, 08 glue) and
are never reused. `%` stands for what a line fills in. What the levels mean: ERR, an operator
must act; WARNING, degraded, heals itself; NOTICE, start and stop; INFO, changes of state of
the process; DEBUG, one line per message transition.

This page is written by `tests/checks/check_log_tags.py --write`.

"""
HEAD = "| tag | level | text |\n|---|---|---|\n"
RETIRED = "\n## Retired\n\n"


@dataclasses.dataclass
class Tag:
    number: str
    path: str
    line: int
    level: str
    text: str

    @property
    def row(self):
        return f"| LLMQ{self.number} | {self.level} | {self.text} |"


def level_of(source):
    words = set(re.findall(r"\b(?:LLMQ_LOG|APLOG)_([A-Z]+)\d?\b", source))
    known = [w for w in LEVELS if w in words]
    return "/".join(known) if known else "TRACE" if "TRACE" in words else "varies"


def text_of(argument):
    """The format without its numbers' widths and types: what a reader searches for."""
    argument = re.sub(r'"\s*\w+_FMT\b\s*"?', lambda m: "d" + '"' * (m[0][-1] != '"'),
                      re.sub(TAG, "", argument))
    parts = [t for _, t in csource.literals(argument)]
    text = "".join(parts[:1])
    text = re.sub(r"%[-+ #0]*[\d*]*(?:\.[\d*]+)?(?:hh|h|ll|l|z|j|t)?[a-zA-Z]", "%", text)
    text = text.replace("%%", "%")
    return text.replace('\\"', '"').replace("|", "\\|").replace("<", "\\<").strip()


def enclosing(code, offset):
    """Where the call begins in whose brackets offset stands."""
    depth = 0
    for i in range(offset - 1, -1, -1):
        if code[i] in ";{}" and depth == 0:
            return i + 1
        depth += (code[i] == ")") - (code[i] == "(")
        if depth < 0:
            return i
    return 0


def scan(found, path):
    text = read(path)
    code, source = csource.code_only(text), csource.without_comments(text)
    seen = set()
    for call in csource.calls(text, LOG):
        level = level_of(call.args[0] if call.name == "LLMQ_LOG" else
                         call.args[1] if len(call.args) > 1 else "")
        tags = list(re.finditer(TAG, code[call.offset:call.end]))
        seen.update(call.offset + t.start() for t in tags)
        if call.name == "llmq_log_write":
            found.add(path, call.line, "log through LLMQ_LOG(), not llmq_log_write()")
        if not tags and level != "TRACE":
            found.add(path, call.line, f"a line at {level} without a tag")
        if len(tags) > 1:
            found.add(path, call.line, "one line, several tags")
        for t in tags[:1]:
            argument = next(a for a in call.args if re.search(TAG, a))
            yield Tag(t[1], path, call.line, level, text_of(argument))
    # Tags handed to a function that logs: the level is what that call names, if any.
    for m in re.finditer(TAG, code):
        if m.start() not in seen:
            start = enclosing(code, m.start())
            end = csource.matching(code, start) if code[start] == "(" else m.end()
            after = source[m.end():end]
            begin, stop = next(iter(csource.split_args(
                csource.code_only(after), 0, len(after))), (0, 0))
            yield Tag(m[1], path, line_of(code, m.start()), level_of(source[start:end]),
                      text_of(after[begin:stop]))


def check_numbers(found, tags):
    first = {}
    for tag in tags:
        folder = tag.path.split("/")[1]
        if not re.fullmatch(r"\d{4}", tag.number):
            found.add(tag.path, tag.line, f"LLMQ_NO({tag.number}): four digits")
            continue
        if int(tag.number) // 100 not in HUNDREDS.get(folder, ()):
            found.add(tag.path, tag.line, f"LLMQ{tag.number} is not in the hundred of {folder}"
                      + ("" if folder in HUNDREDS else ", which has none and does not log"))
        if tag.number in first:
            other = first[tag.number]
            found.add(tag.path, tag.line,
                      f"LLMQ{tag.number} is taken by {other.path}:{other.line}")
        first.setdefault(tag.number, tag)
        if not tag.text:
            found.add(tag.path, tag.line, f"LLMQ{tag.number} has no text of its own")
    return first


def page_rows(text):
    return {m[1]: (line_of(text, m.start()), m[0])
            for m in re.finditer(r"^\| LLMQ(\d{4}) \|.*\|$", text, re.M)}


def split_page():
    text = read(DOC) if exists(DOC) else ""
    current, _, retired = text.partition(RETIRED)
    return text, page_rows(current), page_rows(retired)


def write(tags):
    _, current, retired = split_page()
    gone = {n: row for n, (_, row) in {**retired, **current}.items() if n not in tags}
    rows = [tags[n].row for n in sorted(tags)]
    page = INTRO + HEAD + "".join(r + "\n" for r in rows)
    if gone:
        page += RETIRED + HEAD + "".join(gone[n] + "\n" for n in sorted(gone))
    (ROOT / "docs").mkdir(exist_ok=True)
    (ROOT / DOC).write_text(page, encoding="utf-8")
    print(f"{DOC}: {len(rows)} tags, {len(gone)} retired")


def check_page(found, tags):
    if not exists(DOC):
        found.add(DOC, 1, "is not there: check_log_tags.py --write")
        return
    text, current, retired = split_page()
    for number, tag in tags.items():
        if number in retired:
            found.add(tag.path, tag.line, f"LLMQ{number} is retired, take another number")
        elif number not in current:
            found.add(tag.path, tag.line, f"LLMQ{number} is not in {DOC} (--write)")
        elif current[number][1] != tag.row:
            found.add(DOC, current[number][0], f"LLMQ{number} is told otherwise in "
                                               f"{tag.path}:{tag.line} (--write)")
    for number, (line, _) in current.items():
        if number not in tags:
            found.add(DOC, line, f"LLMQ{number} is gone from the code (--write)")


def main():
    found = Findings()
    tags = check_numbers(found, [t for p in under("mod_llmq/", ".c", ".h")
                                 if p not in EXEMPT for t in scan(found, p)])
    if "--write" in sys.argv[1:]:
        write(tags)
    else:
        check_page(found, tags)
    return found.finish()


if __name__ == "__main__":
    sys.exit(main())
