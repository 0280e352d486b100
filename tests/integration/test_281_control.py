"""Pause and resume of levels, and maintenance."""

import pytest

from llmq_env.api import LEVELS
from llmq_env.conf import FAKE, OTHERS
from llmq_env.errorlog import KILLED
from llmq_env.wait import until


def pause(api, level, how="pause"):
    answer = api.post(f"/admin/queues/{level}/{how}")
    assert answer.status == 200, answer
    return answer.data


def paused(api):
    return [q["name"] for q in api.get("/admin/queues").data["queues"] if q["paused"]]


def maintenance(api, on, **more):
    answer = api.post("/admin/maintenance", {"enabled": on, **more})
    assert answer.status == 200, answer
    return answer.data


@pytest.fixture(autouse=True)
def all_goes_on_again(server, request):
    yield
    api = server.new_api()
    for level in LEVELS:
        pause(api, level, "resume")
    maintenance(api, False)


class TestPause:
    CONF = FAKE + OTHERS

    @pytest.mark.parametrize("level", LEVELS)
    def test_paused_level_waits_and_others_go_on(self, api, llm, level):
        other = "low" if level != "low" else "high"
        assert pause(api, level) == {"name": level, "paused": True}
        waits = api.send("waits", priority=level)["id"]
        assert api.until_status(api.send("goes", priority=other)["id"])["status"] == "completed"
        assert llm.contents() == ["goes"]
        assert api.message(waits)["status"] == "pending"
        assert api.level(level)["paused"] is True and api.level(other)["paused"] is False
        assert pause(api, level, "resume") == {"name": level, "paused": False}
        assert api.until_status(waits)["status"] == "completed"

    def test_names_of_both_kinds_and_repetition(self, api):
        assert pause(api, "high_priority")["name"] == "high"
        assert pause(api, "high")["paused"] is True
        assert pause(api, "low")["paused"] is True
        assert paused(api) == ["high", "low"]
        pause(api, "high", "resume")
        pause(api, "high_priority", "resume")
        assert paused(api) == ["low"]

    def test_what_runs_goes_on_and_status_may_be_told(self, api, llm):
        llm.hold()
        runs = api.send("runs")["id"]
        llm.until_calls(1)
        pause(api, "normal")
        waits = api.send("waits")["id"]
        assert api.set_status(waits, "processing").status == 200
        assert api.set_status(waits, "completed").status == 200
        llm.release()
        assert api.until_status(runs)["status"] == "completed"
        assert llm.contents() == ["runs"]

    def test_restart_and_death_of_the_dispatcher_keep_it(self, server, api, llm):
        pause(api, "normal")
        waits = api.send("waits")["id"]
        server.log.expect(*KILLED)
        server.until_dispatcher(server.kill_dispatcher())
        api.until_status(api.send("after death", priority="low")["id"])
        server.restart()
        api.close()
        until(lambda: api.level("normal")["size"] == 1, "the backlog to be read again")
        api.until_status(api.send("after restart", priority="low")["id"])
        assert paused(api) == ["normal"] and llm.contents() == ["after death", "after restart"]
        pause(api, "normal", "resume")
        api.until_status(waits, "completed")

    @pytest.mark.parametrize("level", ["urgent", "High", "high_", "1", "_priority", "x" * 200])
    def test_unknown_level_is_1003(self, api, level):
        for how in ("pause", "resume"):
            api.post(f"/admin/queues/{level}/{how}").refuses(400, 1003, "level")

    def test_only_own_tenant_and_only_administrators(self, server, api, llm):
        other = server.new_api("/other")
        pause(other, "normal")
        assert paused(other) == ["normal"] and paused(api) == []
        waits = other.send("waits")["id"]
        api.until_status(api.send("mine")["id"], "completed")
        assert other.message(waits)["status"] == "pending"
        pause(other, "normal", "resume")
        other.until_status(waits, "completed")
        stranger = server.new_api("/open")
        stranger.get("/admin/queues").refuses(403)
        stranger.post("/admin/queues/normal/pause").refuses(403)
        stranger.post("/admin/queues/normal/resume").refuses(403)
        stranger.get("/admin/maintenance").refuses(403)
        stranger.post("/admin/maintenance", {"enabled": True}).refuses(403)
        assert paused(api) == []


class TestMaintenance:
    CONF = FAKE + OTHERS

    def test_nothing_new_is_taken_and_the_rest_goes_on(self, api, llm):
        llm.hold()
        runs = api.send("runs")["id"]
        waits = api.send("waits", delay=1)["id"]
        began = maintenance(api, True, message="back at six")
        assert began["enabled"] is True and began["message"] == "back at six"
        answer = api.post("/messages", {"user_id": "u", "content": "c"}).refuses(503, 1008)
        assert answer.json["details"]["reason"] == "back at six"
        assert int(answer.headers["retry-after"]) >= 1
        assert api.get("/admin/maintenance").data == began
        assert api.get("/admin/queues").data["maintenance"] is True
        assert api.total() >= 2
        llm.release()
        assert api.until_status(runs)["status"] == "completed"
        assert api.until_status(waits)["status"] == "completed"
        maintenance(api, False)
        assert api.until_status(api.send("new")["id"])["status"] == "completed"

    def test_repetition_and_defaults(self, api):
        assert api.get("/admin/maintenance").data["enabled"] is False
        for _ in range(2):
            assert maintenance(api, True)["enabled"] is True
        assert api.get("/admin/maintenance").data["message"] == ""
        for _ in range(2):
            assert maintenance(api, False)["enabled"] is False
        assert maintenance(api, True, message=None)["message"] == ""

    @pytest.mark.parametrize("body, field", [
        ({}, "enabled"), ({"enabled": None}, "enabled"), ({"enabled": 1}, "enabled"),
        ({"enabled": "true"}, "enabled"), ({"enabled": True, "message": 5}, "message"),
        ({"enabled": True, "message": "x" * 501}, "message"), ([], None), ("on", None)])
    def test_bad_body_is_400_and_changes_nothing(self, api, body, field):
        api.post("/admin/maintenance", body,
                 headers={"Content-Type": "application/json"}).refuses(400, None, field)
        assert api.get("/admin/maintenance").data["enabled"] is False

    def test_restart_keeps_it_and_other_tenants_go_on(self, server, api):
        maintenance(api, True)
        server.restart()
        api.close()
        until(lambda: api.get("/admin/queues").data["maintenance"] is True, "the setting")
        api.post("/messages", {"user_id": "u", "content": "c"}).refuses(503, 1008)
        other = server.new_api("/other")
        assert other.until_status(other.send("mine")["id"])["status"] == "completed"


class TestTwoNodes:
    """Another node hears of it through the database."""

    CONF = FAKE

    def test_other_nodes_hear_of_it(self, store, server, api, new_server, llm):
        if store != "pgsql":
            pytest.skip("SQLite has one node")
        conf = FAKE.replace("{llm}", llm.url) + "LLMQNodeTimeout 1s\n"
        second = new_server("pgsql", conf, dsn=server.dsn)
        second.start()
        there = second.new_api()
        pause(api, "normal")
        maintenance(api, True)
        until(lambda: paused(there) == ["normal"], "the pause to be heard")
        until(lambda: there.get("/admin/queues").data["maintenance"], "the maintenance")
        pause(api, "normal", "resume")
        until(lambda: paused(there) == [], "the end of it")
