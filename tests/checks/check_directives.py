#!/usr/bin/python3
"""Directives do not drift: what the table in cfg/ takes is documented in docs/directives.md
in httpd's form, what is documented exists, settings have defaults and are merged, and each
directive is named by some test."""
import dataclasses
import re
import sys

import csource
from project import Findings, exists, line_of, read, under

DOC = "docs/directives.md"
FIELDS = ("Description", "Syntax", "Default", "Context", "Status", "Module")
# Our words in httpd's names of contexts.
SERVER, DIRECTORY = "server config", "directory"


@dataclasses.dataclass
class Directive:
    name: str
    path: str
    line: int
    where: str  # the context argument with the file's own macros replaced
    help: str


def macros(text):
    return dict(re.findall(r"^#define\s+(\w+)\s+(.+?)\s*$", text, re.M))


def table():
    """The directives of the AP_INIT_* lines; those of other modules, heard too, left out."""
    for path in under("mod_llmq/cfg/", ".c"):
        text = read(path)
        known = macros(text)
        for call in csource.calls(text, r"AP_INIT_\w+"):
            name = re.match(r'"<?/?(LLMQ\w+)>?"', call.args[0])
            if name:
                where = known.get(call.args[3], call.args[3])
                texts = csource.literals(call.args[4])
                yield Directive(name[1], path, call.line, where,
                                texts[0][1] if texts else "")


def sections():
    """Name: (line, text) of each documented directive, by its heading."""
    text = read(DOC)
    heads = list(re.finditer(r"^##+[ \t]+(.*)$", text, re.M))
    for head, after in zip(heads, heads[1:] + [None]):
        name = re.match(r"(?:[\\`<]|&lt;)*(LLMQ\w+)\b", head[1])
        if name:
            end = after.start() if after else len(text)
            yield name[1], line_of(text, head.start()), text[head.end():end]


def field(section, name):
    found = re.search(rf"^[ \t|*_-]*{name}[*_]*[ \t]*[:|][ \t*_]*(.*)$", section, re.M | re.I)
    return found[1].strip(" \t|") if found else None


def plain(text):
    return re.sub(r"[`*\\]|\.$", "", re.sub(r"\s+", " ", text)).strip().lower()


def check_section(found, directive, line, section):
    name = directive.name
    values = {f: field(section, f) for f in FIELDS}
    for key in (f for f in FIELDS if not values[f] and f != "Description"):
        found.add(DOC, line, f"{name} has no {key} line")
    if values["Description"] and plain(values["Description"]) != plain(directive.help):
        found.add(DOC, line, f"{name}: Description is not the help text, "
                             f"\"{directive.help}\"")
    context = (values["Context"] or "").lower()
    for flag, word in (("RSRC_CONF", SERVER), ("ACCESS_CONF", DIRECTORY)):
        if context and (flag in directive.where) != (word in context):
            found.add(DOC, line, f"{name}: Context and {flag} in {directive.path} disagree "
                                 f"about \"{word}\"")
    if values["Status"] and "external" not in values["Status"].lower():
        found.add(DOC, line, f"{name}: Status of a module from outside is External")
    if values["Module"] and "mod_llmq" not in values["Module"].replace("\\", ""):
        found.add(DOC, line, f"{name}: Module is mod_llmq")
    examples = re.findall(r"^```.*?^```", section, re.M | re.S)
    if not any(name in example for example in examples):
        found.add(DOC, line, f"{name} has no example")


def check_documented(found, directives):
    if not exists(DOC):
        found.add(DOC, 1, f"is not there; {len(directives)} directives want an entry")
        return
    documented = {}
    for name, line, section in sections():
        if name in documented:
            found.add(DOC, line, f"{name} is there twice")
        documented[name] = line
        if name not in directives:
            found.add(DOC, line, f"{name} is no directive of this module")
        else:
            check_section(found, directives[name], line, section)
    for d in directives.values():
        if d.name not in documented:
            found.add(d.path, d.line, f"{d.name} has no entry in {DOC}")


def check_words(found, directives):
    """Pages and configurations name only directives that exist; a * ends a prefix."""
    pages = [p for p in under("", ".md", ".conf", ".load", ".conf.in")
             if not p.startswith("docs/changes/")]
    for path in pages:
        text = read(path)
        for m in re.finditer(r"(?<![\w/])LLMQ[A-Z][A-Za-z]*[a-z][A-Za-z]*(?![\w*…(])", text):
            if m[0] not in directives:
                found.add(path, line_of(text, m.start()), f"{m[0]} is no directive")


def check_tested(found, directives):
    tests = "".join(read(p) for p in under("tests/integration/") + under("tests/unit/")
                    if p.endswith((".py", ".c", ".conf")))
    for d in directives.values():
        if not re.search(rf"\b{d.name}\b", tests):
            found.add(d.path, d.line, f"no test names {d.name}")


def members(text):
    """Struct name: [(member, line, is_pointer)] of the plain typedefs of a header."""
    code = csource.code_only(text)
    for m in re.finditer(r"typedef\s+struct\s*\w*\s*{([^{}]*)}\s*(\w+)\s*;", code):
        found = []
        for d in re.finditer(r"([^;]+?)(\w+)\s*(?:\[[^\]]*\])?\s*;", m[1]):
            found.append((d[2], code.count("\n", 0, m.start(1) + d.start(2)) + 1,
                          "*" in d[1]))
        yield m[2], found


def named(text, body):
    """What a body says with a word: the macros without values and the tables of defaults that
    it names. Of a table only the outer members count."""
    for m in re.finditer(r"^#define\s+(\w+)\(X\)((?:\\\n|.)*)", text, re.M):
        if re.search(rf"\b{m[1]}\(", body):
            yield m[2]
    code = csource.code_only(text)
    for m in re.finditer(r"^static const \w+ (\w+) = {", code, re.M):
        if re.search(rf"&{m[1]}\b", body):
            table = code[m.end():csource.matching(code, m.end() - 1)]
            while "{" in table:
                table = re.sub(r"{[^{}]*}", "", table)
            yield re.sub(r"\.(?=\w+ *=)", "->", table)


def bodies(pattern):
    """(path, line, text) of the functions of cfg/ whose name matches."""
    for path in under("mod_llmq/cfg/", ".c"):
        text = read(path)
        for f in csource.functions(text):
            if re.fullmatch(pattern, f.name):
                body = csource.code_only(text)[f.body[0]:f.body[1]]
                yield path, f.line, " ".join([body, *named(text, body)])


def sets(body, member):
    """A store to ->member or a part of it, or a macro of merging that names it."""
    return re.search(rf"->{member}\b|\b[A-Z_]+\(\s*{member}\b", body)


def check_settings(found):
    """Each llmq_cfg_<x>_t with llmq_cfg_create_<x>(): unset or default values for all that
    is no pointer (those start as NULL), and a merge of each member."""
    for header in under("mod_llmq/cfg/", ".h"):
        for struct, fields in members(read(header)):
            what = re.fullmatch(r"llmq_cfg_(\w+)_t", struct)
            creators = list(bodies(f"llmq_cfg_create_{what[1]}")) if what else []
            if not creators:
                continue
            mergers = list(bodies(f"llmq_cfg_merge_{what[1]}"))
            if not mergers:
                found.add(creators[0][0], creators[0][1], f"no llmq_cfg_merge_{what[1]}()")
            for member, line, pointer in fields:
                if not pointer and not any(sets(b, member) for _, _, b in creators):
                    found.add(header, line, f"{struct}.{member} gets no default")
                # A copy of the whole base stands for the members it does not name.
                if mergers and not any(sets(b, member) or "memdup" in b or "*conf = *" in b
                                       for _, _, b in mergers):
                    found.add(header, line, f"{struct}.{member} is not merged")


def main():
    found = Findings()
    directives = {}
    for d in table():
        if d.name in directives:
            found.add(d.path, d.line, f"{d.name} is in the table twice")
        directives[d.name] = d
        if not d.help:
            found.add(d.path, d.line, f"{d.name} has no help text")
        if "OR_" in d.where:
            found.add(d.path, d.line, f"{d.name}: no OR_*, .htaccess sets nothing of ours")
    if not directives and under("mod_llmq/cfg/", ".c"):
        found.add("mod_llmq/cfg", 1, "no AP_INIT_* line was found")
    check_documented(found, directives)
    check_words(found, directives)
    check_tested(found, directives)
    check_settings(found)
    return found.finish()


if __name__ == "__main__":
    sys.exit(main())
