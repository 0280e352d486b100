#!/usr/bin/python3
"""SQL stays in store/, and the dialects stay together: every statement of store_sql.c has a
label of its own and a text for each dialect, and the migrations of both make the same
tables, columns and indexes."""
import re
import subprocess
import sys

import csource
from project import Findings, ROOT, exists, line_of, read, under

TABLE = "mod_llmq/store/store_sql.c"
DIALECTS = {"LLMQ_DIALECT_SQLITE3", "LLMQ_DIALECT_PGSQL"}
SQL = re.compile(
    r"\b(SELECT\s.*\bFROM\b|SELECT\s+[%\d(]|INSERT\s+(OR\s+\w+\s+)?INTO\b|UPDATE\s+\w+\s+SET\b|"
    r"DELETE\s+FROM\b|(CREATE|DROP|ALTER)\s+(UNIQUE\s+)?(TABLE|INDEX|VIEW)\b|"
    r"PRAGMA\s+\w+|BEGIN\s+IMMEDIATE|ON\s+CONFLICT\b|ORDER\s+BY\b|"
    r"insert\s+into\s+\w+\s*\(|delete\s+from\s+\w+\s+where|update\s+\w+\s+set\s)", re.S)


def preprocessed(path):
    """The file with its macros replaced; what it includes is there too, harmlessly."""
    flags = subprocess.run(["pkg-config", "--cflags", "apr-1", "apr-util-1", "json-c"],
                           capture_output=True, text=True, check=False).stdout.split()
    run = subprocess.run(["clang", "-E", "-P", "-std=gnu11", "-D_GNU_SOURCE",
                          "-I" + str(ROOT / "mod_llmq"), *flags, str(ROOT / path)],
                         capture_output=True, text=True, check=False)
    return run.stdout if run.returncode == 0 else None


def slots(text):
    """Names of the enum in order, with the room that NAME_LAST = NAME + n makes."""
    body = re.search(r"typedef\s+enum\s*{([^}]*)}\s*llmq_store_sql_e\s*;",
                     csource.code_only(text))
    names = {}
    for item in (body[1].split(",") if body else []):
        m = re.match(r"\s*(\w+)\s*(?:=\s*(?:(\w+)\s*\+\s*)?(\d+))?\s*$", item)
        if m:
            base = names.get(m[2], 0) if m[2] else 0
            names[m[1]] = base + int(m[3]) if m[3] else \
                (max(names.values()) + 1 if names else 0)
    return names


def entries(code, raw):
    """(designator, label, dialects, line-free text) of each row of the table."""
    table = re.search(r"llmq_store_sql_t\s+statements\s*\[[^\]]*\]\s*=\s*{", code)
    if not table:
        return
    start = table.end() - 1
    for a, b in csource.split_args(code, start + 1, csource.matching(code, start)):
        row = re.match(r'\s*\[([^\]]+)\]\s*=\s*{\s*((?:"[^"]*"\s*)+)', raw[a:b])
        if row:
            texts = dict(re.findall(r"\[\s*(LLMQ_DIALECT_\w+)\s*\]\s*=\s*\(?\s*(\"|\w+)",
                                    raw[a:b]))
            yield row[1], re.sub(r'"\s*"?', "", row[2]), texts


def slot_number(designator, names):
    total = 0
    for word in re.findall(r"\w+", designator):
        total += int(word) if word.isdigit() else names.get(word, 0)
    return total


def check_table(found):
    raw = preprocessed(TABLE)
    if raw is None:
        found.add(TABLE, 1, "cannot be preprocessed")
        return
    names = slots(raw)
    text, labels, taken = read(TABLE), set(), set()
    for designator, label, texts in entries(csource.code_only(raw), raw):
        line = line_of(text, max(0, text.find(f'"{label}"')))
        taken.add(slot_number(designator, names))
        if label in labels:
            found.add(TABLE, line, f"label {label} is there twice")
        labels.add(label)
        if not label.startswith("llmq_"):
            found.add(TABLE, line, f"label {label} wants the prefix llmq_, as mod_dbd's "
                                   "labels are shared with others")
        for dialect in sorted(DIALECTS):
            if texts.get(dialect) != '"':
                found.add(TABLE, line, f"{label} has no text for {dialect}")
    if not labels:
        found.add(TABLE, 1, "no table of statements was found")
        return
    for slot in sorted(set(range(names.get("LLMQ_SQL_COUNT", 0))) - taken):
        name = next((n for n, v in names.items() if v == slot), f"slot {slot}")
        found.add(TABLE, 1, f"{name} has no statement")


def check_places(found):
    for path in under("mod_llmq/", ".c", ".h"):
        if path.startswith("mod_llmq/store/"):
            continue
        source = csource.without_comments(read(path))
        for offset, text in csource.literals(source):
            if SQL.search(text):
                found.add(path, line_of(source, offset), "SQL outside store/")


def schema(dialect):
    """Table.column and index names that the migrations of a dialect make: name → place."""
    things = {}
    for path in under(f"sql/{dialect}/", ".sql"):
        text = re.sub(r"--[^\n]*", lambda m: " " * len(m[0]), read(path))
        for m in re.finditer(r"CREATE\s+TABLE\s+(?:IF NOT EXISTS\s+)?(\w+)\s*\(", text, re.I):
            end = csource.matching(text, m.end() - 1)
            for a, b in csource.split_args(text, m.end(), end):
                word = re.match(r"\s*(\w+)", text[a:b])
                if word and word[1].upper() not in ("PRIMARY", "UNIQUE", "FOREIGN", "CHECK",
                                                    "CONSTRAINT"):
                    place = path, line_of(text, a + word.start(1))
                    things[f"column {m[1]}.{word[1]}"] = place
        for m in re.finditer(r"CREATE\s+(?:UNIQUE\s+)?INDEX\s+(?:IF NOT EXISTS\s+)?(\w+)|"
                             r"ALTER\s+TABLE\s+(\w+)\s+ADD\s+(?:COLUMN\s+)?(\w+)", text, re.I):
            name = f"index {m[1]}" if m[1] else f"column {m[2]}.{m[3]}"
            things[name] = path, line_of(text, m.start())
    return things


def check_migrations(found):
    names = {}
    for dialect in ("pgsql", "sqlite3"):
        paths = under(f"sql/{dialect}/", ".sql")
        names[dialect] = {p.split("/")[-1] for p in paths}
        for i, path in enumerate(paths, 1):
            if not re.fullmatch(rf"{i:04d}_\w+\.sql", path.split("/")[-1]):
                found.add(path, 1, f"migrations are numbered without a gap: {i:04d}_name.sql")
    for here, there in (("pgsql", "sqlite3"), ("sqlite3", "pgsql")):
        for name in names[here] - names[there]:
            found.add(f"sql/{here}/{name}", 1, f"has no counterpart in sql/{there}")
        mine, other = schema(here), schema(there)
        for thing in mine.keys() - other.keys():
            found.add(*mine[thing], f"{thing} is not in sql/{there}")


def main():
    found = Findings()
    if exists(TABLE):
        check_table(found)
    elif under("mod_llmq/store/", ".c"):
        found.add(TABLE, 1, "is not there")
    check_places(found)
    check_migrations(found)
    return found.finish()


if __name__ == "__main__":
    sys.exit(main())
