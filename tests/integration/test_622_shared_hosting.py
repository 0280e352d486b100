"""Two customers of one server, as conf/examples/hosting.conf sets them up: neither sees, holds up
or pays for the other. And models that are not for everybody."""

import contextlib
import json
import select

import pytest

from llmq_env import openai
from llmq_env.conf import fake, load
from llmq_env.ctl import ctl_of
from llmq_env.fakellm import Plan
from llmq_env.httpd import ROOT
from llmq_env.openai import Gateway, chat
from llmq_env.wait import until

EXAMPLE = ROOT / "conf" / "examples" / "hosting.conf"
USERS = {"acme": "alice", "other": "bob"}
# httpd says so when Require refuses.
SPOKEN = ("AH01630", "AH01629", "AH01631")
CANCELED = 5


class Customer:
    """Makes connections to a customer's host, with a key of the customer's."""

    def __init__(self, server, tenant, stack):
        made = ctl_of(server)("key", "create", "--tenant", tenant, "--sub", USERS[tenant])
        self.key = made.stdout.strip()
        self.tenant, self.server, self.stack = tenant, server, stack

    def gateway(self, key=None):
        return self.stack.enter_context(contextlib.closing(Gateway(
            self.server.port, "/v1", {"Host": f"{self.tenant}.example.com",
                                      "Authorization": f"Bearer {key or self.key}"})))

    def chat(self, content="Hello", model="small", **more):
        return self.gateway().chat(content, model=model, **more)

    def send(self, content, model="small", **more):
        gateway = self.gateway()
        gateway.send("POST", "/chat/completions", chat(content, model=model, **more))
        return gateway

    def models(self):
        return [model["id"] for model in self.gateway().get("/models").json["data"]]


@pytest.fixture(scope="class")
def hosted(request, store, new_server, llm):
    server = new_server(store)
    server.configure(f"Define LLMQ_HOSTING_URL {llm.url}\nDefine LLMQ_HOSTING_PORT {server.port}\n"
                     + load("headers") + request.cls.CONF + f"Include {EXAMPLE}\n")
    server.log.always.update(SPOKEN)
    server.start()
    return server


@pytest.fixture
def customers(hosted):
    with contextlib.ExitStack() as stack:
        yield [Customer(hosted, tenant, stack) for tenant in USERS]


def has_answer(gateway):
    """Whether anything has come for what was sent."""
    readable = select.poll()
    readable.register(gateway.sock, select.POLLIN)
    return bool(readable.poll(0))


def rows(server, condition="1 = 1"):
    return server.query(f"SELECT tenant, user_id FROM llmq_jobs WHERE {condition}")


class TestApart:
    CONF = ""

    def test_each_has_models_of_its_own(self, customers, llm):
        acme, other = customers
        assert acme.models() == ["small", "large"] and other.models() == ["small"]
        assert acme.gateway().get("/models/large").status == 200
        assert other.gateway().get("/models/large").error["code"] == "model_not_found"
        assert acme.chat(model="large").status == 200
        assert llm.calls[-1].body["model"] == "llama3:70b"
        calls = len(llm.calls)
        refused = other.chat(model="large")
        assert (refused.status, refused.error["code"]) == (404, "model_not_found")
        unknown = other.chat(model="largo")
        assert refused.body.replace(b"large", b"largo") == unknown.body, "it tells that it exists"
        assert len(llm.calls) == calls

    def test_a_key_is_worth_nothing_elsewhere(self, customers):
        acme, other = customers
        for mine, theirs in ((acme, other), (other, acme)):
            assert mine.gateway().get("/models").status == 200
            refused = mine.gateway(theirs.key).chat(model="small")
            assert (refused.status, refused.error["code"]) == (401, "invalid_api_key")

    def test_rows_belong_to_the_host(self, hosted, customers):
        for customer in customers:
            name = customer.chat(user="somebody else").headers["x-request-id"]
            assert rows(hosted, f"id = '{name}'") == [(customer.tenant, USERS[customer.tenant])]

    @pytest.mark.parametrize("path", [
        "/api/v1/messages", "/api/v1/admin/usage", "/api/v1/admin/backends", "/api/v1/config",
        "/api/sessions", "/apps", "/metrics", "/"])
    def test_all_else_is_closed(self, customers, path):
        """Also for programs of customers on the same machine."""
        for customer in customers:
            gateway = customer.gateway()
            gateway.base = ""
            gateway.send("GET", path)
            response = gateway.connection.getresponse()
            assert response.status in (401, 403), (path, response.status)

    def test_health_is_open(self, hosted):
        for path in ("/health", "/api/v1/health"):
            with contextlib.closing(Gateway(hosted.port, "")) as gateway:
                gateway.send("GET", path)
                body = json.loads(gateway.connection.getresponse().read())
            assert "healthy" in json.dumps(body)


class TestShares:
    CONF = "LLMQQueueSize normal 24\n"

    def one_more(self, hosted, acme, flood):
        """Sends it; what it was answered if it was not accepted."""
        gateway = acme.send(f"flood {len(flood)}", stream=True)

        def is_accepted():
            return len(rows(hosted, "tenant = 'acme'")) > len(flood)

        until(lambda: is_accepted() or has_answer(gateway), "it to be accepted or refused")
        if is_accepted():
            flood.append(gateway)
            return None
        return gateway.receive()

    def test_who_floods_waits_for_itself(self, hosted, customers, llm):
        """acme sends what the server takes: it fills its share, and no more."""
        acme, other = customers
        llm.hold()
        flood = [acme.send(f"flood {i}", stream=True) for i in range(6)]
        llm.until_calls(6)
        refused = None
        while refused is None and len(flood) < 60:
            refused = self.one_more(hosted, acme, flood)
        assert (refused.status, refused.error["code"]) == (503, "queue_full")
        assert refused.headers["retry-after"] and len(llm.calls) == 6
        quiet = []
        for i in range(2):
            quiet.append(other.send(f"quiet {i}"))
            llm.until_calls(7 + i)
        assert llm.contents()[6:] == ["quiet 0", "quiet 1"]
        llm.release()
        for gateway in quiet:
            assert gateway.receive().status == 200
        for gateway in flood:
            assert list(gateway.receive())

    def test_who_leaves_takes_its_own_along(self, hosted, customers, llm):
        acme, other = customers
        llm.hold()
        mine, theirs = acme.send("mine", stream=True), other.send("theirs")
        llm.until_calls(2)
        mine.hang_up()
        until(lambda: rows(hosted, f"status = {CANCELED} AND tenant = 'acme'"), "its end")
        assert not rows(hosted, f"status = {CANCELED} AND tenant = 'other'")
        llm.release()
        assert theirs.receive().status == 200

    def test_who_has_spent_its_money(self, customers, llm):
        """20 a month: two answers of 50 million tokens at 0.60 a million are more."""
        acme, other = customers
        llm.default = Plan(usage=(0, 50_000_000))
        assert other.chat().status == 200
        refused = until(lambda: (got := other.chat()).status == 429 and got, "it is spent")
        assert refused.error["code"] == "insufficient_quota" and refused.headers["retry-after"]
        llm.default = Plan()
        assert acme.chat().status == 200


class TestModelUse:
    CONF = (fake() + "LLMQModel a fake\nLLMQModel b fake\nLLMQModel c fake\nLLMQModelUse a b\n"
            + openai.at(server="", inner="LLMQModelUse b\nLLMQModelUse c", all="LLMQModelUse all"))

    def test_sections_replace_and_lines_add_up(self, server):
        wanted = {"server": ["a", "b"], "inner": ["b", "c"], "all": ["a", "b", "c"]}
        for name, models in wanted.items():
            with contextlib.closing(Gateway(server.port, f"/{name}")) as gateway:
                assert [m["id"] for m in gateway.get("/models").json["data"]] == models
                assert gateway.chat(model="c").status == (200 if "c" in models else 404)

    @pytest.mark.parametrize("line", ["LLMQModelUse", "LLMQModelUse large", "LLMQModelUse echo x",
                                      "<Location /v1>\nLLMQModelUse all echo\n</Location>"])
    def test_bad_lines(self, idle, line):
        idle.refusal(line, "LLMQModelUse", line.count("\n") and 2 or 1)

    def test_own_models_of_backends_are_known(self, new_server):
        new_server("sqlite3", "<LLMQBackend x>\n</LLMQBackend>\n<LLMQBackend y>\n"
                   "LLMQBackendModel small\n</LLMQBackend>\nLLMQModelUse x small").start()
