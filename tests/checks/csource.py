"""A small scanner of this project's C: enough to see functions, prototypes and calls, by
blanking what is not code. It knows nothing of macros; both sides of an #if are read."""
import dataclasses
import re

_NOT_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:\\.|[^\n\\])*", re.M | re.S)
_ATTRIBUTE = re.compile(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)")
_LITERAL = re.compile(r'"((?:\\.|[^"\\\n])*)"')


def _spaces(text):
    return re.sub(r"[^\n]", " ", text)


def without_comments(text):
    """Comments become blanks; every offset and line stays where it was."""
    return _NOT_CODE.sub(lambda m: _spaces(m[0]) if m[0][0] == "/" else m[0], text)


def code_only(text, directives=False):
    """Comments, contents of literals and (unless asked for) directives become blanks."""
    def blank(match):
        s = match[0]
        return _spaces(s) if s[0] == "/" else s[0] + _spaces(s[1:-1]) + s[-1]
    text = _NOT_CODE.sub(blank, text)
    return text if directives else _DIRECTIVE.sub(lambda m: _spaces(m[0]), text)


def matching(code, start):
    """Offset of the bracket that closes the one at start; len(code) if none does."""
    pairs = {"(": ")", "{": "}", "[": "]"}
    opening, closing = code[start], pairs[code[start]]
    depth = 0
    for m in re.compile("[" + re.escape(opening + closing) + "]").finditer(code, start):
        depth += 1 if m[0] == opening else -1
        if depth == 0:
            return m.start()
    return len(code)


def split_args(code, start, end):
    """Spans (begin, end) of the arguments between two brackets, cut at outer commas."""
    spans, depth, begin = [], 0, start
    for m in re.compile(r"[(){}\[\],]").finditer(code, start, end):
        if m[0] in "({[":
            depth += 1
        elif m[0] in ")}]":
            depth -= 1
        elif depth == 0:
            spans.append((begin, m.start()))
            begin = m.end()
    if code[begin:end].strip() or spans:
        spans.append((begin, end))
    return spans


@dataclasses.dataclass
class Function:
    name: str
    line: int          # of the name
    offset: int        # of the name
    head: str          # what stands before the name
    params: list       # texts of the parameters, [] for (void)
    begin: int         # offset after the declaration before it
    body: tuple = None  # offsets of { and }, None for a prototype
    last_line: int = 0

    @property
    def static(self):
        return re.search(r"\bstatic\b", self.head) is not None


def _declarator(code, begin, end):
    """The function that code[begin:end] declares, or None."""
    decl = _ATTRIBUTE.sub(lambda m: _spaces(m[0]), code[begin:end])
    decl = re.sub(r"\bEND_TEST\b", "        ", decl)
    stop = len(decl.rstrip())
    if not stop or decl[stop - 1] != ")" or "typedef" in decl:
        return None
    depth, start = 0, -1
    for i in range(stop - 1, -1, -1):
        depth += (decl[i] == ")") - (decl[i] == "(")
        if depth == 0:
            start = i
            break
    name = re.search(r"(\w+)\s*$", decl[:start]) if start > 0 else None
    if not name or "=" in decl[:start] or "(" in decl[:name.start()]:
        return None
    params = [decl[a:b].strip() for a, b in split_args(decl, start + 1, stop - 1)]
    offset = begin + name.start()
    return Function(name[1], code.count("\n", 0, offset) + 1, offset,
                    decl[:name.start()].strip(), [p for p in params if p != "void"], begin)


def _declarations(text):
    """Each function or prototype at file level, in order."""
    code = code_only(text)
    begin = pos = 0
    mark = re.compile(r"[{;]")
    while m := mark.search(code, pos):
        found = _declarator(code, begin, m.start())
        pos = m.end()
        if m[0] == "{":
            end = matching(code, m.start())
            pos = end + 1
            if not found:
                continue  # a struct or an initialiser: its declaration goes on
            found.body = (m.start(), end)
            found.last_line = code.count("\n", 0, end) + 1
        if found:
            yield found
        begin = pos


def functions(text):
    return [f for f in _declarations(text) if f.body]


def prototypes(text):
    """Declared, not defined; uses of macros are not taken for declarations."""
    return [f for f in _declarations(text)
            if not f.body and re.search(r"\w", f.head) and not f.name.isupper()]


@dataclasses.dataclass
class Call:
    name: str
    line: int
    offset: int
    end: int
    args: list  # texts, comments blanked


def calls(text, pattern):
    """Calls of functions or macros whose name matches pattern, outside of directives."""
    code, source = code_only(text), without_comments(text)
    for m in re.finditer(r"\b(" + pattern + r")\s*\(", code):
        end = matching(code, m.end() - 1)
        yield Call(m[1], code.count("\n", 0, m.start()) + 1, m.start(), end,
                   [source[a:b].strip() for a, b in split_args(code, m.end(), end)])


def literals(source):
    """Runs of adjacent string literals, joined: (offset, text). Comments must be gone."""
    runs = []
    last = None
    for m in _LITERAL.finditer(source):
        if last is not None and re.fullmatch(r"\s*(?:\w+\s*)?", source[last:m.start()]):
            runs[-1] = (runs[-1][0], runs[-1][1] + m[1])
        else:
            runs.append((m.start(), m[1]))
        last = m.end()
    return runs


def includes(text):
    """(line, name, quoted) of each #include."""
    for m in re.finditer(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"\n]+)[>"]',
                         without_comments(text), re.M):
        yield text.count("\n", 0, m.start(2)) + 1, m[2], m[1] == '"'


def doc_comment(text, function):
    """The comment that stands right before a declaration, or None."""
    before = text[function.begin:function.offset]
    found = None
    for m in re.finditer(r"/\*\*.*?\*/", before, re.S):
        found = m
    if not found or re.search(r"^[ \t]*#", before[found.end():], re.M):
        return None
    return found[0]
