#!/usr/bin/python3
"""Who may include whom: folders are layers, and each outside library has its places.

docs/architecture.md has the table in words. A lower layer never includes a higher one, the
five in the middle never one another, and httpd stays on its side."""
import re
import sys

import csource
from project import Findings, LIBRARY, ROOT, read, under

LOW = {"base", "core"}
# Folder: the folders it may include besides itself. mod_llmq.c stands for itself.
MAY = {
    "base": set(),
    "core": {"base"},
    "queue": LOW, "store": LOW, "backend": LOW, "bus": LOW,
    "dispatch": LOW | {"queue", "store", "backend", "bus"},
    "cfg": set(LIBRARY),
    "http": LOW | {"queue", "store", "bus", "cfg"},
    "glue": set(LIBRARY) | {"cfg"},
    "tools": set(LIBRARY),  # llmqctl stands on the library alone
    "mod_llmq.c": {"base", "cfg", "http", "glue", "dispatch"},
}
# Single headers beyond that, each for a reason.
ALSO = {
    # Reads how backends are, for its answers, and tries whether one can be reached.
    "http": {"backend/endpoint.h", "backend/endpoint_board.h", "backend/backend_check.h",
             # Workers are given messages with what was said before, as backends are.
             "dispatch/context.h"},
    # Both are filled in child_init with what the handlers of a child work with.
    # ... and the hooks of authentication ask what handlers ask.
    # ... and the threads that look after what waits are stopped with the child.
    "glue": {"http/service.h", "http/claim.h", "http/shield.h", "http/identity.h",
             "http/claimants.h", "http/hub.h", "http/waiters.h", "http/gateway.h",
             "http/descriptors.h", "http/ending.h"},
}
# cfg/ fills settings: of the library it takes base/, headers with a *_conf_t, and these.
CFG_WORDS = {"core/priority.h",     # the words of the levels, which directives name
             "core/callback.h",     # URLs of httpd.conf are spelled as those of callers
             "core/ruleset.h"}      # rules of httpd.conf are sets as those of a tenant

HTTPD_SIDE = {"cfg", "http", "glue", "mod_llmq.c"}
# Header pattern, library, places. The first match counts.
LIBRARIES = [
    (r"apr_dbd\.h", "apr_dbd", {"store", "glue", "tools"}),
    (r"(apr|apu)(_\w+)?\.h", "APR", None),
    (r"(httpd|http_\w+|ap_\w+|mod_\w+|util_\w+|scoreboard|mpm_common|unixd)\.h", "httpd",
     HTTPD_SIDE),
    (r"(json-c/.+|json\w*\.h)", "json-c", {"base", "core", "backend", "http"}),
    (r"curl/.+", "libcurl", {"backend"}),
    (r"hiredis/.+|hiredis\.h", "hiredis", {"bus"}),
    (r"jwt(/.+|\.h)", "libjwt", {"core"}),
    (r"openssl/(ssl|bio|err)\.h", "libssl", {"base", "http"}),
    (r"openssl/.+", "libcrypto", {"core"}),
]
SYSTEM = re.compile(
    r"(sys|netinet|arpa|net|linux)/\w+\.h|"
    r"(assert|ctype|dirent|dlfcn|errno|fcntl|fenv|float|grp|inttypes|limits|locale|math|"
    r"netdb|poll|pthread|pwd|sched|semaphore|getopt|setjmp|signal|stdalign|stdarg|stdatomic|"
    r"stdbool|stddef|stdint|stdio|stdlib|string|strings|syslog|time|unistd|wchar|wctype)\.h")


def folder_of(path):
    """mod_llmq/store/store.c → store; mod_llmq/llmq.h → llmq.h"""
    return path.split("/")[1]


def project_header(name):
    return (ROOT / "mod_llmq" / name).is_file()


def check_project(found, path, line, name):
    here, there = folder_of(path), name.split("/")[0]
    if name == "llmq.h" or there == here or name in ALSO.get(here, ()):
        return
    if there not in MAY.get(here, set()):
        found.add(path, line, f"{here} may not include {name}")
    elif here == "cfg" and there != "base" and name not in CFG_WORDS \
            and not re.search(r"}\s*llmq_\w+_conf_t\s*;", read("mod_llmq/" + name)):
        found.add(path, line, f"cfg includes {name}, which declares no settings (*_conf_t)")


def check_outside(found, path, line, name):
    here = folder_of(path)
    for pattern, library, places in LIBRARIES:
        if re.fullmatch(pattern, name):
            if places is not None and here not in places:
                found.add(path, line, f"<{name}>: {library} belongs to "
                                      f"{', '.join(sorted(places))} only")
            return
    if not SYSTEM.fullmatch(name):
        found.add(path, line, f"<{name}>: a library that check_layers.py does not know")


def check_order(found, path, names):
    """Own header first (it stands alone), then the project's, then the others."""
    own = path[len("mod_llmq/"):-1] + "h"
    quoted = [(line, name) for line, name, _ in names if project_header(name)]
    if path.endswith(".c") and project_header(own):
        line, first = (names[0][0], names[0][1]) if names else (1, "")
        if first != own:
            found.add(path, line, f"does not include its own {own} first")
    outside = [line for line, name, _ in names if not project_header(name)]
    if quoted and outside and quoted[-1][0] > outside[0]:
        found.add(path, quoted[-1][0], f"{quoted[-1][1]} comes after outside headers")


def main():
    found = Findings()
    for path in under("mod_llmq/", ".c", ".h"):
        names = list(csource.includes(read(path)))
        for line, name, quoted in names:
            if project_header(name):
                check_project(found, path, line, name)
                if not quoted:
                    found.add(path, line, f"<{name}> is our own: use quotes")
            elif quoted:
                found.add(path, line, f'"{name}" is not in mod_llmq/ (paths start there)')
            else:
                check_outside(found, path, line, name)
        check_order(found, path, names)
    for path in under("tests/unit/", ".c", ".h"):
        for line, name, _ in csource.includes(read(path)):
            top = name.split("/")[0]
            if re.fullmatch(LIBRARIES[2][0], name) or \
                    (project_header(name) and top in HTTPD_SIDE):
                found.add(path, line, f"{name}: unit tests do without httpd")
    return found.finish()


if __name__ == "__main__":
    sys.exit(main())
