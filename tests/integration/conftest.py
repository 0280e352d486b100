"""Fixtures. A class of tests shares one httpd; its attribute CONF is that server's own
configuration, in which {llm} is the address of the fake LLM, {bad} that of one whose bytes a
test writes, and {dir} the server's own folder,
which then holds the file "secret" of llmq_env/tokens.py; its attribute EXPECT names the
log lines that any of its tests may cause. Every test runs on each store, under the MPM of
--mpm, and fails if the error log holds what was not announced."""

import contextlib
import itertools
import os
import pathlib
import re
import shutil
import signal
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from llmq_env.apps import Apps  # noqa: E402
from llmq_env.badllm import BadLLM  # noqa: E402
from llmq_env.fakellm import FakeLLM  # noqa: E402
from llmq_env.httpd import Server, module_path  # noqa: E402
from llmq_env.openai import Gateway  # noqa: E402
from llmq_env.postgres import Postgres  # noqa: E402
from llmq_env.receiver import Receiver  # noqa: E402
from llmq_env.relay import Relay  # noqa: E402
from llmq_env.tokens import secret_file  # noqa: E402
from llmq_env.wait import keep_within_a_day  # noqa: E402

live_servers = []


def pytest_addoption(parser):
    parser.addoption("--store", default="sqlite3,pgsql", help="stores, separated by commas")
    parser.addoption("--mpm", default="event", help="event, worker or prefork")
    parser.addoption("--keep", action="store_true", help="leave the servers' folders behind")


def pytest_report_header(config):
    return f"mod_llmq: {module_path()}, {config.getoption('mpm')}, {config.getoption('store')}"


def pytest_sessionstart(session):
    # So that a run which is told to end ends its servers, too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if not module_path().exists():
        pytest.exit(f"{module_path()} is missing: run make first", 2)


def stores(config):
    # pytest 7 compares parameters by identity to see whether fixtures can live on.
    return [sys.intern(store) for store in config.getoption("store").split(",")]


def pytest_generate_tests(metafunc):
    if "store" in metafunc.fixturenames:
        metafunc.parametrize("store", stores(metafunc.config), scope="session")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """Store by store and class by class, in the order of the files, so that a class starts its
    server once: pytest 7 mixes the classes as soon as a test has parameters of its own, and
    tests that two classes inherit stand in one place."""
    order = stores(config)
    classes = {}
    for item in items:
        classes.setdefault((item.fspath, item.cls), len(classes))

    def place(item):
        params = item.callspec.params if hasattr(item, "callspec") else {}
        store = order.index(params["store"]) if "store" in params else -1
        return store, str(item.fspath), classes[item.fspath, item.cls], item.location[1]

    items.sort(key=place)


@pytest.fixture(scope="session")
def mpm(request):
    return request.config.getoption("mpm")


@pytest.fixture(scope="session")
def workspace(request):
    """A folder that www-data and postgres can reach, with a name short enough for sockets."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="llmq-test-", dir="/tmp"))
    path.chmod(0o755)
    yield path
    if request.config.getoption("keep"):
        print(f"\nkept: {path}")
    else:
        shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def cluster(workspace):
    """The PostgreSQL that most servers share, each with a database of its own."""
    postgres = Postgres(workspace / "pg").start()
    yield postgres
    postgres.stop()


serial = itertools.count(1)


@pytest.fixture(scope="class")
def new_server(request, workspace, mpm, llm):
    """Makes servers that end with the class (or module): new_server(store, conf, ...). The
    fake LLM outlives them, as they would log that their backend has gone."""
    made = []

    def make(store, conf="", **more):
        if store == "pgsql" and "dsn" not in more:
            more["dsn"] = request.getfixturevalue("cluster").new_database()
        server = Server(workspace / f"s{next(serial)}", store, more.pop("mpm", mpm), conf, **more)
        server.log.always.update(getattr(request.cls, "EXPECT", ()))
        made.append(server)
        live_servers.append(server)
        return server

    yield make
    leftovers = []
    for server in made:
        server.stop()
        # httpd's own: a stop closes the event MPM's set while a worker gives a connection back.
        server.log.expect("AH03093")
        leftovers += server.log.unexpected()
        live_servers.remove(server)
    assert not leftovers, "unannounced in the error log while stopping:\n" + "\n".join(leftovers)


@pytest.fixture(scope="class")
def llm():
    fake = FakeLLM()
    yield fake
    fake.close()


@pytest.fixture(scope="class")
def badllm():
    made = BadLLM()
    yield made
    made.close()


@pytest.fixture(scope="class")
def server(request, store, new_server):
    conf = getattr(request.cls, "CONF", "")
    if "{llm}" in conf:
        conf = conf.replace("{llm}", request.getfixturevalue("llm").url)
    if "{bad}" in conf:
        conf = conf.replace("{bad}", request.getfixturevalue("badllm").url)
    made = new_server(store, conf)
    if "{dir}" in conf:
        secret_file(made)
        made.configure(conf.replace("{dir}", str(made.dir)))
    made.start()
    return made


@pytest.fixture(scope="class")
def idle(new_server):
    """For bad configurations: it has run once, so that the syntax check alone speaks. What
    the check says does not depend on the store."""
    server = new_server("sqlite3")
    server.start()
    server.stop()
    return server


@pytest.fixture
def api(server):
    client = server.new_api()
    yield client
    client.close()
    server.apis.remove(client)


@pytest.fixture
def ann(server, request):
    """An owner of apps whom no other test has."""
    return Apps(server, re.sub(r"\W", "_", request.node.name)[:100])


@pytest.fixture
def app(ann):
    return ann.app()


@pytest.fixture
def gateway(server):
    """A client of what openai.at(open=...) is."""
    with contextlib.closing(Gateway(server.port)) as made:
        yield made


@pytest.fixture
def slow(server):
    """A client of what openai.at(slow=...) is."""
    with contextlib.closing(Gateway(server.port, "/slow")) as made:
        yield made


@pytest.fixture
def within_a_day():
    """For tests whose counts begin anew at midnight."""
    keep_within_a_day()


@pytest.fixture(scope="class")
def relay(server):
    """Instead of the dispatcher of a server with LLMQDispatcher Off."""
    made = Relay(server)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def error_log_holds_no_surprise(request):
    yield
    found = []
    for server in live_servers:
        found += server.log.unexpected()
        server.log.forget()
    assert not found, "unannounced in the error log:\n" + "\n".join(found)


@pytest.fixture(scope="module")
def bot():
    """What an agent's URL leads to."""
    receiver = Receiver()
    yield receiver
    receiver.close()


@pytest.fixture(autouse=True)
def far_ends_are_reset(request):
    yield
    for name in {"llm", "bot", "badllm"}.intersection(request.fixturenames):
        request.getfixturevalue(name).reset()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Show the end of the error logs beside a failure."""
    report = (yield).get_result()
    if report.failed:
        for server in live_servers:
            tail = server.log.text().splitlines()[-25:]
            report.sections.append((f"error log of {server.dir.name} ({server.store})",
                                    "\n".join(tail)))


if os.environ.get("LLMQ_SAN") not in (None, "", "address"):
    pytest.exit("LLMQ_SAN may be address", 2)
