"""S0 6.1, and what health says of each component when it is away."""

import re

import pytest

from llmq_env.api import TIME
from llmq_env.httpd import free_port
from llmq_env.redis import Redis
from llmq_env.wait import until

BODY = {"user_id": "user_1", "content": "Hello"}
GO_DURATION = re.compile(r"(\d+h)?(\d+m)?(\d+(\.\d+)?s)|\d+(\.\d+)?(ms|µs)|0s")
DOCUMENTED = {
    "server": {"port": int, "host": str, "mode": str},
    "queue": {"default_max_size": int, "monitor_interval": "time", "cleanup_interval": "time",
              "enable_metrics": bool, "enable_auto_scaling": bool},
    "scheduler": {"strategy": str, "check_interval": "time", "max_retries": int,
                  "timeout": "time"},
    "loadbalancer": {"algorithm": str, "health_check_interval": "time", "max_failures": int,
                     "enable_session_affinity": bool},
}


class TestConfig:
    CONF = """
        LLMQQueueSize normal 77
        LLMQMaxRetries 5
        LLMQTimeout 90s
        LLMQMaxHeld 9
        LLMQRateLimit 100/min burst=7
        LLMQBalance adaptive_load
        <LLMQBackend secretive>
            LLMQBackendKind openai
            LLMQBackendURL http://127.0.0.1:1/hidden
        </LLMQBackend>
    """

    def test_members_and_types_are_those_of_the_document(self, server, api):
        answer = api.get("/config")
        assert answer.status == 200
        for section, members in DOCUMENTED.items():
            for name, kind in members.items():
                value = answer.data[section][name]
                if kind == "time":
                    assert GO_DURATION.fullmatch(value), (section, name, value)
                else:
                    assert type(value) is kind, (section, name, value)
        assert answer.data["server"]["port"] == server.port
        assert answer.data["scheduler"]["strategy"] == "priority_based"

    def test_values_are_those_in_force(self, api):
        data = api.get("/config").data
        assert data["queue"]["default_max_size"] == 77
        assert data["scheduler"]["max_retries"] == 5
        assert data["scheduler"]["timeout"] == "1m30s"
        assert data["loadbalancer"]["algorithm"] == "adaptive_load"
        limits = data["limits"]
        assert limits["max_waiting_requests"] == 9
        assert limits["rate_limit"] == {"requests": 100, "period": "1m0s", "burst": 7}
        assert limits["queues"]["normal"]["max_size"] == 77
        assert limits["max_content_bytes"] == 65536

    def test_no_secrets(self, server, api):
        text = api.get("/config").body.decode()
        for hidden in ("hidden", "dbname", "llmq.db", "DBD", "sqlite", "password", "secretive"):
            assert hidden not in text

    def test_other_methods(self, api):
        answer = api.post("/config", {})
        answer.refuses(405)
        assert "GET" in answer.headers["allow"]


@pytest.fixture(scope="class")
def redis(request, workspace):
    made = Redis(workspace / f"redis-{free_port()}", free_port(),
                 getattr(request.cls, "PASSWORD", None)).start()
    yield made
    made.stop()


@pytest.fixture(scope="class")
def redis_server(request, store, redis, new_server, workspace):
    password = workspace / f"password-{redis.port}"
    password.write_text((redis.password or "none") + "\n")
    server = new_server(store, request.cls.CONF.replace("{redis}", f"127.0.0.1:{redis.port}")
                        .replace("{password}", str(password)))
    server.start()
    return server


def component(server, name="redis"):
    return server.new_api().get("/health").data["components"][name]


class TestRedisBeside:
    """Not required: away means degraded, and nothing else. Who is away refuses connections at
    once, however long an answer may take."""

    CONF = "LLMQRedis {redis} timeout=10s\n"

    def test_it_is_measured(self, redis_server):
        answer = redis_server.new_api().get("/health")
        assert answer.data["status"] == "healthy"
        redis = answer.data["components"]["redis"]
        assert redis["status"] == "healthy"
        assert GO_DURATION.fullmatch(redis["response_time"]) and redis["response_time"] != "0s"
        assert TIME.fullmatch(redis["last_check"])
        assert redis_server.new_api("").get("/health", check=False).json["details"]["redis"][
            "status"] == "healthy"

    def test_metrics_say_how_it_is_doing(self, redis_server):
        redis = redis_server.new_api().get("/metrics").data["redis"]
        assert redis["connected_clients"] >= 1
        assert re.fullmatch(r"\d+(\.\d+)?[KMG]?B", redis["used_memory"])
        assert redis["used_memory"] != "0B"

    def test_away_is_degraded_and_back_is_healthy(self, redis_server, redis):
        redis_server.log.expect("LLMQ0601")
        redis_server.log.expect("LLMQ0603")
        api = redis_server.new_api()
        redis.stop()
        until(lambda: component(redis_server)["status"] == "unhealthy", "it to be missed")
        until(lambda: all(api.get("/health").data["status"] == "degraded" for _ in range(5)),
              "every child to know")
        assert api.get("/health").status == 200
        assert api.post("/messages", BODY).status == 201
        redis.start()
        until(lambda: all(api.get("/health").data["status"] == "healthy" for _ in range(5)),
              "it to be back")


class TestRedisFrozen:
    CONF = "LLMQRedis {redis} timeout=200ms\n"
    EXPECT = ("LLMQ0601", "LLMQ0603")  # also where it is merely slow

    def test_frozen_is_away_too(self, redis_server, redis):
        until(lambda: component(redis_server)["status"] == "healthy", "it to be found")
        redis.freeze()
        until(lambda: component(redis_server)["status"] == "unhealthy", "it to be missed")
        redis.thaw()
        until(lambda: component(redis_server)["status"] == "healthy", "it to be back")


class TestRedisRequired:
    PASSWORD = "quite secret"
    CONF = "LLMQRedis {redis} required timeout=10s\nLLMQRedisPasswordFile {password}\n"

    @pytest.mark.mpm
    def test_away_is_2002_for_new_messages_only(self, redis_server, redis):
        redis_server.log.expect("LLMQ0601")
        redis_server.log.expect("LLMQ0603")
        api = redis_server.new_api()
        assert api.post("/messages", BODY).status == 201
        redis.stop()
        refused = until(lambda: (lambda a: a if a.status == 500 else None)(
            api.post("/messages", BODY)), "the refusal")
        refused.refuses(500, 2002)
        assert int(refused.headers["retry-after"]) >= 1
        assert api.get("/messages").status == 200
        api.close()
        unwell = until(lambda: (lambda a: a if a.status == 503 else None)(api.get("/health")),
                       "health to say so")
        assert unwell.data["status"] == "unhealthy" and unwell.json["code"] == 503
        redis.start()
        until(lambda: api.post("/messages", BODY).status == 201, "it to be back")
        assert "quite secret" not in redis_server.log.text()


class TestWithoutRedis:
    def test_it_is_disabled(self, server):
        redis = component(server)
        assert (redis["status"], redis["response_time"]) == ("disabled", "0s")


class TestDeadDatabase:
    """More in test_501; here the shapes."""

    def test_unhealthy_has_the_same_body_and_503(self, store, new_server, cluster, workspace):
        if store != "pgsql":
            pytest.skip("a database that can be away")
        server = new_server(store, "", dsn="host=/nonexistent dbname=none")
        server.log.always.update(("LLMQ", "AH", "DBD", "dbd", "nonexistent", "connection to"))
        server.start(check=False)
        api = server.new_api()
        answer = until(lambda: api.get("/health", check=False), "an answer")
        assert answer.status == 503 and answer.json["code"] == 503
        assert answer.data["status"] == "unhealthy"
        assert answer.data["components"]["database"]["status"] == "unhealthy"
        flat = server.new_api("").get("/health", check=False)
        assert flat.status == 503 and flat.json["status"] == "unhealthy"
        api.post("/messages", BODY, check=False).refuses(500, 2001)


class TestDirectives:
    @pytest.mark.parametrize("line", [
        "LLMQRedis", "LLMQRedis localhost", "LLMQRedis localhost:0", "LLMQRedis :6379",
        "LLMQRedis localhost:99999", "LLMQRedis unix:relative", "LLMQRedis localhost:1 maybe",
        "LLMQRedis localhost:1 timeout=1h", "LLMQRedis localhost:1 required timeout=1s more",
        "LLMQRedisPasswordFile /no/such/file", "LLMQRedisPasswordFile /dev/null"])
    def test_bad_value_is_caught(self, idle, line):
        idle.refusal(line)
