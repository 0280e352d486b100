#!/usr/bin/python3
"""Checks that find nothing prove nothing: a small tree in order passes each of them, and
the same tree with faults planted is found out, fault by fault."""
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent

CLEAN = {
    "mod_llmq/llmq.h": '/** @file llmq.h Words. */\n#ifndef LLMQ_H\n#define LLMQ_H\n#endif\n',
    "mod_llmq/base/log.h":
        "/** @file log.h Lines. */\n"
        '#define LLMQ_NO(n) "LLMQ" #n ": "\n#define LLMQ_LOG(level, rv, ...) (void)0\n',
    "mod_llmq/queue/queue.h":
        "/** @file queue.h A queue. */\n\n"
        "/** Settings. */\ntypedef struct llmq_queue_conf_t {\n    int size;\n"
        "} llmq_queue_conf_t;\n\n"
        "/**\n * @param n a number\n * @return it\n * @threads any\n */\n"
        "int llmq_queue_put(int n);\n",
    "mod_llmq/queue/queue.c":
        '#include "queue/queue.h"\n\n#include "base/log.h"\n\n#include <apr.h>\n\n'
        "static int same(int n)\n{\n    return n;\n}\n\n"
        "int llmq_queue_put(int n)\n{\n"
        '    LLMQ_LOG(LLMQ_LOG_DEBUG, 0, LLMQ_NO(0301) "put %d", n);\n'
        "    return same(n);\n}\n",
    "mod_llmq/store/store.h": "/** @file store.h Rows. */\n",
    "mod_llmq/store/store_sql.h":
        "/** @file store_sql.h Statements. */\n"
        "typedef enum { LLMQ_DIALECT_SQLITE3, LLMQ_DIALECT_PGSQL } llmq_dialect_e;\n"
        "typedef enum { LLMQ_SQL_PING = 0, LLMQ_SQL_FIND, LLMQ_SQL_COUNT } llmq_store_sql_e;\n"
        "typedef struct llmq_store_sql_t {\n    const char *label;\n"
        "    const char *text[2];\n} llmq_store_sql_t;\n",
    "mod_llmq/store/store_sql.c":
        '#include "store/store_sql.h"\n\n'
        "static const llmq_store_sql_t statements[LLMQ_SQL_COUNT] = {\n"
        '    [LLMQ_SQL_PING] = {"llmq_ping",\n'
        '                       {[LLMQ_DIALECT_SQLITE3] = ("SELECT 1"),\n'
        '                        [LLMQ_DIALECT_PGSQL] = ("SELECT 1")}},\n'
        '    [LLMQ_SQL_FIND] = {"llmq_find",\n'
        '                       {[LLMQ_DIALECT_SQLITE3] = ("SELECT 2"),\n'
        '                        [LLMQ_DIALECT_PGSQL] = ("SELECT 2")}},\n'
        "};\n",
    "mod_llmq/cfg/cfg.h":
        "/** @file cfg.h Settings. */\n#include \"queue/queue.h\"\n\n"
        "typedef struct llmq_cfg_dir_t {\n    int depth; /* LLMQDepth */\n"
        "    const char *tenant;\n} llmq_cfg_dir_t;\n",
    "mod_llmq/cfg/cfg.c":
        '#include "cfg/cfg.h"\n\n'
        "void *llmq_cfg_create_dir(apr_pool_t *p, char *path)\n{\n"
        "    llmq_cfg_dir_t *conf = apr_pcalloc(p, sizeof(*conf));\n\n"
        "    conf->depth = -1;\n    return conf;\n}\n\n"
        "void *llmq_cfg_merge_dir(apr_pool_t *p, void *base, void *add)\n{\n"
        "    conf->depth = a->depth;\n    MERGE_GIVEN(tenant);\n    return conf;\n}\n\n"
        "const command_rec llmq_cfg_cmds[] = {\n"
        '    AP_INIT_TAKE1("LLMQDepth", set_depth, NULL, RSRC_CONF | ACCESS_CONF,\n'
        '                  "the deepest nesting"),\n};\n',
    "docs/api.md":
        "# Calls\n\n| Problem | Status |\n|---|---|\n| bad | 400 | 7 |\n\n## Checklist\n\n"
        "| **GET /things/{id}** | 700 `test_depth` |\n",
    "mod_llmq/http/route.h": "/** @file route.h Routes. */\n",
    "docs/examples/a.sh": "echo a\n",
    "docs/workers.md":
        "# Workers\n\n[examples/a.sh](examples/a.sh):\n\n```\na.sh b\n```\n\n"
        "```bash\necho a\n```\n",
    "mod_llmq/http/route.c":
        '#include "http/route.h"\n\nstatic const row_t queue_routes[] = {\n'
        '    {M_GET, "/things/*", get},\n};\n',
    "docs/openapi.yaml":
        "openapi: 3.1.0\ninfo: {title: Things, version: '1'}\ntags: [{name: things}]\n"
        "paths:\n  /api/v1/things/{id}:\n    parameters:\n"
        "      - {in: path, name: id, required: true, schema: {type: string}}\n    get:\n"
        "      tags: [things]\n      operationId: getThing\n      summary: One thing\n"
        "      responses:\n        '200':\n          description: it\n          content:\n"
        "            application/json:\n"
        "              schema: {$ref: '#/components/schemas/Thing'}\n"
        "              example: {size: 7}\n"
        "components:\n  schemas:\n    Thing:\n      type: object\n"
        "      properties: {size: {type: integer, minimum: 1}}\n",
    "mod_llmq/base/result.h": "/** @file result.h Problems. */\n",
    "mod_llmq/base/result.c":
        '#include "base/result.h"\n\n'
        'static const char *const names[] = {[LLMQ_PROBLEM_BAD] = "bad"};\n',
    "mod_llmq/http/reply.h": "/** @file reply.h Answers. */\n",
    "mod_llmq/http/reply.c":
        '#include "http/reply.h"\n\nstatic const answer_t answers[] = {\n'
        "    [LLMQ_PROBLEM_BAD] = {400, 7, 0, 0},\n};\n",
    "tests/unit/test_result.c":
        "START_TEST(two)\n{\n}\nEND_TEST\n\n"
        "TCase *case_result(void)\n{\n    tcase_add_test(tc, two);\n    return tc;\n}\n",
    "docs/directives.md":
        "# Directives\n\n## LLMQDepth\n\nDescription: The deepest nesting.\n"
        "Syntax: `LLMQDepth n`\nDefault: `LLMQDepth 64`\n"
        "Context: server config, virtual host, directory\nStatus: External\n"
        "Module: mod_llmq\n\n```\nLLMQDepth 3\n```\n",
    "sql/pgsql/0001_a.sql": "CREATE TABLE llmq_a (\n    b text\n);\n",
    "sql/sqlite3/0001_a.sql": "CREATE TABLE llmq_a (\n    b TEXT\n) STRICT;\n",
    "tests/unit/support.h": "#define TEST_CASES(X) X(queue) X(result) X(store_sql)\n",
    "tests/unit/test_queue.c":
        "START_TEST(put_gives_back)\n{\n    ck_assert(1);\n}\nEND_TEST\n\n"
        "TCase *case_queue(void)\n{\n    tcase_add_test(tc, put_gives_back);\n"
        "    return tc;\n}\n",
    "tests/unit/test_store_sql.c":
        "START_TEST(one)\n{\n}\nEND_TEST\n\n"
        "TCase *case_store_sql(void)\n{\n    tcase_add_loop_test(tc, one, 0, 2);\n"
        "    return tc;\n}\n",
    "tests/integration/test_700.py": 'def test_depth():\n    assert "LLMQDepth"\n',
    ".clang-format": "BasedOnStyle: LLVM\nIndentWidth: 4\n",
}

# Check: (path, old text, new text, what must be found). An old text of None: a new file.
FAULTS = {
    "layers": [
        ("mod_llmq/queue/queue.h", "\n\n", '\n#include "store/store.h"\n',
         "queue may not include store/store.h"),
        ("mod_llmq/queue/queue.c", "<apr.h>", "<httpd.h>", "<httpd.h>: httpd belongs to"),
        ("mod_llmq/queue/queue.c", "<apr.h>", "<apr_dbd.h>", "apr_dbd belongs to glue, store"),
        ("mod_llmq/queue/queue.c", "<apr.h>", "<curl/curl.h>", "libcurl belongs to backend"),
        ("mod_llmq/queue/queue.c", "<apr.h>", "<foo/bar.h>", "does not know"),
        ("mod_llmq/queue/queue.c", '#include "queue/queue.h"\n', "",
         "does not include its own queue/queue.h first"),
        ("mod_llmq/base/log.h", "#define LLMQ_NO", '#include "cfg/cfg.h"\n#define LLMQ_NO',
         "base may not include cfg/cfg.h"),
        ("mod_llmq/cfg/cfg.h", "queue/queue.h", "store/store.h", "declares no settings"),
        ("tests/unit/test_queue.c", "START", "#include <http_log.h>\nSTART",
         "unit tests do without httpd"),
    ],
    "basenames": [
        ("mod_llmq/store/queue.c", None, "\n", "shares its name with mod_llmq/queue/queue.c"),
        ("mod_llmq/queue/queue.c", "static int same", "int same", "same() is exported"),
        ("mod_llmq/queue/queue.c", "same(", "llmq_same(", "is static: no llmq_ prefix"),
        ("mod_llmq/queue/queue.c", "llmq_queue_put", "llmq_store_sql_put",
         "llmq_store_sql_put() belongs into store_sql.c"),
        ("mod_llmq/queue/queue_heap.c", None, "\n", "no tests/unit/test_queue_heap.c"),
        ("mod_llmq/queue/queue_heap.c", None, "\n", "no X(queue_heap)"),
        ("tests/unit/support.h", "X(queue)", "X(queue) X(gone)", "X(gone) but no"),
        ("tests/unit/support.h", "X(queue) X(result)", "X(result) X(queue)",
         "not sorted"),
    ],
    "examples": [
        ("docs/examples/a.sh", "echo", "exec echo", "is not what docs/examples/a.sh says"),
        ("docs/examples/b.sh", None, "echo b\n", "b.sh:1: is not quoted in docs/workers.md"),
        ("docs/workers.md", "```bash", "```", "is not quoted"),
    ],
    "registered": [
        ("tests/unit/test_queue.c", "tcase_add_test(tc, put_gives_back);", "",
         "put_gives_back is never added"),
        ("tests/unit/test_queue.c", "case_queue", "case_other", "does not define case_queue()"),
        ("tests/integration/test_700.py", "def", "def test_depth():\n    pass\n\ndef",
         "test_depth hides line 1"),
        ("tests/integration/test_700.py", "test_depth", "depth", "holds no test"),
    ],
    "directives": [
        ("docs/directives.md", "## LLMQDepth", "## LLMQGone", "LLMQGone is no directive"),
        ("docs/directives.md", "## LLMQDepth", "## LLMQGone",
         "LLMQDepth has no entry in docs"),
        ("docs/directives.md", "Default:", "Usually:", "LLMQDepth has no Default line"),
        ("docs/directives.md", "virtual host, directory", "virtual host",
         'disagree about "directory"'),
        ("docs/directives.md", "```\nLLMQDepth 3\n```", "", "has no example"),
        ("docs/directives.md", "The deepest nesting", "Depth",
         "Description is not the help text"),
        ("docs/api.md", None, "Set LLMQDeep.\n", "LLMQDeep is no directive"),
        ("tests/integration/test_700.py", "LLMQDepth", "", "no test names LLMQDepth"),
        ("mod_llmq/cfg/cfg.c", "    conf->depth = -1;\n", "", "depth gets no default"),
        ("mod_llmq/cfg/cfg.c", "    MERGE_GIVEN(tenant);\n", "", "tenant is not merged"),
        ("mod_llmq/cfg/cfg.c", "RSRC_CONF | ACCESS_CONF", "OR_ALL", "no OR_*"),
    ],
    "api": [
        ("mod_llmq/http/route.c", "/things/*", "/things",
         "GET /things is not in the checklist"),
        ("docs/api.md", "test_depth", "test_deep", "has no test_deep"),
        ("docs/api.md", "700 ", "701 ", "has no test_depth"),
        ("docs/api.md", "| 7 |", "| 8 |", "does not say: bad 400 7"),
    ],
    "openapi": [
        ("mod_llmq/http/route.c", "/things/*", "/things", "GET /api/v1/things is not in docs"),
        ("mod_llmq/http/route.c", "/things/*", "/things", "GET /api/v1/things/* is no route"),
        ("mod_llmq/http/route.c", "queue_routes", "more_routes", "does not know where more_routes"),
        ("docs/openapi.yaml", "openapi: 3.1.0", "openapi: 3.0.3", "is not OpenAPI 3.1"),
        ("docs/openapi.yaml", "schemas/Thing", "schemas/Other", "schemas/Other leads nowhere"),
        ("docs/openapi.yaml", "schemas/Thing", "schemas/Other", "nobody uses schemas/Thing"),
        ("docs/openapi.yaml", "size: 7", "size: 0", "the example does not fit: size"),
        ("docs/openapi.yaml", "type: integer", "type: whole", "no schema of JSON Schema 2020-12"),
        ("docs/openapi.yaml", "type: integer", "nullable: true", "a word of OpenAPI 3.0"),
        ("docs/openapi.yaml", "minimum: 1", "description: one, or more", "or more is no word of"),
        ("docs/openapi.yaml", "description: it", "description: 7", "its description is no text"),
        ("docs/openapi.yaml", "name: id", "name: other", "other parameters are declared"),
        ("docs/openapi.yaml", ", required: true", "", "of the path but not required"),
        ("docs/openapi.yaml", "'200'", "'404'", "no response is a success"),
        ("docs/openapi.yaml", "'200'", "200", "200 is no status"),
        ("docs/openapi.yaml", "description: it", "summary: it", "a response without description"),
        ("docs/openapi.yaml", "      operationId: getThing\n", "", "without operationId"),
        ("docs/openapi.yaml", "tags: [things]", "tags: [others]", "nobody knows the tag others"),
        ("docs/openapi.yaml", "    get:", "    x-more: 1\n    gets: {}\n    get:", "has no gets"),
        ("docs/openapi.yaml", "    get:", "    put:\n      tags: [things]\n"
         "      operationId: getThing\n      summary: x\n      responses: {}\n    get:",
         "getThing is there 2 times"),
    ],
    "log_tags": [
        ("mod_llmq/queue/queue.c", "LLMQ_NO(0301) ", "", "a line at DEBUG without a tag"),
        ("mod_llmq/queue/queue.c", "0301", "0401", "not in the hundred of queue"),
        ("mod_llmq/queue/queue.c", "0301", "", "four digits"),
        ("mod_llmq/queue/queue.c", "0301", "0302", "LLMQ0302 is not in docs/log-tags.md"),
        ("mod_llmq/queue/queue.c", "0301", "0302", "LLMQ0301 is gone from the code"),
        ("mod_llmq/queue/queue.c", "put %d", "got %d", "LLMQ0301 is told otherwise"),
        ("mod_llmq/queue/queue.c", "    return same(n)",
         '    LLMQ_LOG(LLMQ_LOG_ERR, 0, LLMQ_NO(0301) "no");\n    return same(n)',
         "LLMQ0301 is taken by mod_llmq/queue/queue.c:14"),
    ],
    "sql": [
        ("mod_llmq/store/store_sql.c", '                        [LLMQ_DIALECT_PGSQL] = '
         '("SELECT 2")', "", "llmq_find has no text for LLMQ_DIALECT_PGSQL"),
        ("mod_llmq/store/store_sql.c", "llmq_find", "llmq_ping", "llmq_ping is there twice"),
        ("mod_llmq/store/store_sql.h", "LLMQ_SQL_FIND,", "LLMQ_SQL_FIND, LLMQ_SQL_NEW,",
         "LLMQ_SQL_NEW has no statement"),
        ("mod_llmq/queue/queue.c", '"put %d"', '"DELETE " "FROM x"', "SQL outside store/"),
        ("sql/pgsql/0001_a.sql", "b text", "c text", "column llmq_a.b is not in sql/pgsql"),
        ("sql/pgsql/0003_b.sql", None, "\n", "has no counterpart in sql/sqlite3"),
        ("sql/pgsql/0003_b.sql", None, "\n", "numbered without a gap"),
    ],
    "hygiene": [
        ("docs/api.md", None, "TO" "DO: more\n", "finish it"),
        ("docs/api.md", None, "see /wo" "rk/main/x\n", "a path of one machine"),
        ("docs/api.md", None, "from https://pypi.o" "rg/x\n", "a package registry"),
        ("docs/api.md", None, "no end", "no newline at the end"),
        ("mod_llmq/llmq.h", "#endif", "\t#endif", "a tab"),
        ("run.sh", None, "#!/bin/sh\n", "is not executable"),
        ("docs/api.md", None, b"\xff\n", "is not UTF-8"),
    ],
    "format": [
        ("mod_llmq/queue/queue.h", "    int size", "  int size", "not formatted"),
    ],
    "python": [
        ("tests/test_it.py", None, "def test_it():\n    assert nowhere\n",
         "undefined name 'nowhere'"),
    ],
    "docs": [
        ("mod_llmq/queue/queue.h", "@param n", "@param m", "parameter 'm' not found"),
        ("mod_llmq/queue/queue.h", " * @return it\n", "", "does not say what it returns"),
        ("mod_llmq/queue/queue.h", " * @threads any\n", "", "neither @threads nor @phase"),
        ("mod_llmq/queue/queue.h", "int llmq_queue_put", "size_t llmq_queue_put",
         "unknown type name"),
        ("mod_llmq/queue/queue.h", "int llmq_queue_put(int n);",
         "int llmq_queue_put(int n);\nint llmq_queue_take(void);",
         "llmq_queue_take() has no comment"),
    ],
}


def lay(root, tree):
    for path, text in tree.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(text if isinstance(text, bytes) else text.encode())


def run(check, root, *args):
    script = next(p for p in (HERE / f"check_{check}.py", HERE / f"check_{check}.sh")
                  if p.exists())
    done = subprocess.run([str(script), *args], capture_output=True, text=True, check=False,
                          env={**os.environ, "LLMQ_CHECK_ROOT": str(root),
                               "GIT_CEILING_DIRECTORIES": str(root.parent)})
    return done.returncode, done.stdout + done.stderr


def settle(check, root):
    """What a tree needs besides its files before a check looks at it."""
    if check == "log_tags" and not (root / "docs/log-tags.md").exists():
        run(check, root, "--write")
    if check == "format":
        subprocess.run(["git", "init", "-q", str(root)], check=True, capture_output=True)
        subprocess.run(["git", "-C", str(root), "add", "mod_llmq/queue/queue.h"],
                       check=True, capture_output=True)


def one_fault(check, path, old, new, wanted, root):
    tree = dict(CLEAN)
    if old is not None and old not in tree[path]:
        return f"{check}: the fault \"{wanted}\" cannot be planted"
    tree[path] = new if old is None else tree[path].replace(old, new)
    lay(root, {path: tree[path]})
    code, output = run(check, root)
    if code == 0 or wanted not in output:
        return f"{check} does not find \"{wanted}\" ({code}): {output.strip() or 'silent'}"
    return None


def restore(path, root):
    if path in CLEAN:
        lay(root, {path: CLEAN[path]})
    else:
        (root / path).unlink()


def try_check(check, root):
    """The complaints about one check, in a tree of its own."""
    lay(root, CLEAN)
    settle(check, root)
    code, output = run(check, root)
    if code != 0:
        return [f"{check} complains about a tree in order: {output.strip()}"]
    wrong = []
    for path, old, new, wanted in FAULTS[check]:
        wrong.append(one_fault(check, path, old, new, wanted, root))
        restore(path, root)
    return [w for w in wrong if w]


def main():
    wrong = []
    folder = pathlib.Path(tempfile.mkdtemp(prefix="llmq-checks-"))
    try:
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 2) as pool:
            for complaints in pool.map(lambda c: try_check(c, folder / c), FAULTS):
                wrong += complaints
    finally:
        shutil.rmtree(folder)
    for text in wrong:
        print("tests/checks/selftest.py:1: " + text.replace("\n", "\n  "))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
