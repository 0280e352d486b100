"""The database goes away: 2001 at once with Retry-After, and everything heals by itself."""

import signal
import time

import pytest

from llmq_env.conf import FAKE
from llmq_env.postgres import Postgres
from llmq_env.wait import until

# What the module and mod_dbd say about a database that is away, and libpq to whoever was just
# about to connect.
AWAY = ("LLMQ0403", "LLMQ0404", "LLMQ0406", "LLMQ0407", "LLMQ0409", "LLMQ0706", "LLMQ0803",
        "WARNING:  terminating connection due to immediate shutdown command",
        "AH00632", "AH00629", "AH00633", "AH00636", "AH00639", "AH02655")
BODY = {"user_id": "u", "content": "c"}


@pytest.fixture(scope="class")
def postgres(workspace):
    own = Postgres(workspace / f"pg-away-{time.monotonic_ns()}").start()
    yield own
    own.stop()


@pytest.mark.mpm
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGQUIT], ids=["fast", "immediate"])
class TestAway:
    EXPECT = AWAY
    CONF = "LLMQRetryAfter 3s\n"

    @pytest.fixture(scope="class")
    def server(self, new_server, postgres):
        made = new_server("pgsql", self.CONF, dsn=postgres.new_database())
        made.start()
        return made

    def test_requests_get_2001_and_it_heals(self, server, postgres, api, how):
        # A child that met the outage before this one refuses for a second after it.
        until(lambda: api.post("/messages", BODY).status == 201, "the children to be ready")
        kept = api.until_status(api.send("kept")["id"], "completed")
        postgres.stop(how)
        for answer in (api.post("/messages", BODY), api.get("/messages"),
                       api.get(f"/messages/{kept['id']}"), api.delete(f"/messages/{kept['id']}"),
                       api.set_status(kept["id"], "pending")):
            answer.refuses(500, 2001)
            assert answer.headers["retry-after"] == "3"
            assert answer.json["message"] == "Database unavailable"
        health = api.get("/health")
        assert health.status == 503
        assert health.data["components"]["database"]["status"] == "unhealthy"
        flat = server.new_api(base="").get("/health", check=False)
        assert (flat.status, flat.json["status"]) == (503, "unhealthy")
        postgres.start()
        until(lambda: api.post("/messages", BODY).status == 201, "the database to be back")
        assert api.message(kept["id"]) == kept
        assert api.until_status(api.send("after")["id"])["status"] == "completed"
        until(lambda: api.get("/health").data["status"] == "healthy", "health")


class TestAwayAtWork:
    """Answers that arrive while the database is away are kept and written when it is back."""

    EXPECT = AWAY
    CONF = FAKE

    def test_answer_in_flight_is_kept(self, new_server, postgres, llm):
        server = new_server("pgsql", self.CONF.replace("{llm}", llm.url),
                            dsn=postgres.new_database())
        server.start()
        api = server.new_api()
        llm.hold()
        ids = [api.send(f"m{i}", user_id=f"u{i}")["id"] for i in range(5)]
        llm.until_calls(5)
        postgres.stop()
        llm.release()
        until(lambda: llm.in_flight == 0, "the backend to have answered")
        api.post("/messages", BODY).refuses(500, 2001)
        postgres.start()
        until(lambda: api.get("/health").status == 200, "health")
        for i, message_id in enumerate(ids):
            done = api.until_status(message_id)
            assert (done["status"], done["result"]["content"]) == ("completed", f"answer to m{i}")
        assert sorted(llm.contents()) == [f"m{i}" for i in range(5)]

    def test_server_starts_without_its_database(self, new_server, postgres):
        dsn = postgres.new_database()
        postgres.stop()
        server = new_server("pgsql", dsn=dsn)
        assert server.start(check=False).returncode == 0
        api = server.new_api()
        api.post("/messages", BODY).refuses(500, 2001)
        assert api.get("/health").status == 503
        postgres.start()
        until(lambda: api.post("/messages", BODY).status == 201, "the database to be back")
        assert api.until_status(api.send()["id"])["status"] == "completed"


class TestSchema:
    """A database of a newer module is left alone."""

    def test_newer_schema_refuses_to_start(self, store, new_server):
        server = new_server(store)
        server.start()
        server.stop()
        server.query("UPDATE llmq_schema SET version = 9999")
        server.log.expect("LLMQ0802", "LLMQ0405", "AH00020")
        done = server.start(check=False)
        assert done.returncode != 0
        assert "newer schema" in done.stdout
        assert server.query("SELECT max(version) FROM llmq_schema")[0][0] == 9999
