"""Everything below a mounted path is answered in JSON: 404, 405 with Allow, any prefix."""

import json

import pytest

ROUTES = {"/messages": {"GET", "POST"}, "/messages/msg_1": {"GET", "DELETE"},
          "/messages/msg_1/status": {"PUT"}, "/conversations": {"GET", "POST"},
          "/conversations/conv_1": {"GET", "PUT", "DELETE"}, "/conversations/conv_1/state": {"PUT"},
          "/conversations/conv_1/messages": {"GET", "POST"},
          "/queues/status": {"GET"}, "/health": {"GET"}}


@pytest.mark.mpm
class TestRoutes:
    CONF = "LLMQDispatcher Off\n"

    @pytest.mark.parametrize("path", [
        "", "/", "/nope", "/messages/msg_1/nope", "/messages/msg_1/status/more", "/queues",
        "/queues/nope", "/health/more", "/Messages", "/messagesmore", "/messages.json", "/~", "/:",
        "/messages/msg_1/status2", "/conversation%7a"])
    def test_unknown_path_is_404(self, api, path):
        for method in ("GET", "POST", "PUT", "DELETE", "PATCH"):
            api.call(method, path).refuses(404)

    @pytest.mark.parametrize("path", ROUTES)
    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "BREW"])
    def test_wrong_method_is_405_with_allow(self, api, path, method):
        if method in ROUTES[path]:
            return
        answer = api.call(method, path).refuses(405)
        allowed = {m.strip() for m in answer.headers["allow"].split(",")}
        assert allowed - {"HEAD", "OPTIONS"} == ROUTES[path]

    @pytest.mark.parametrize("path", ROUTES)
    def test_options_names_the_methods(self, api, path):
        answer = api.call("OPTIONS", path, check=False)
        assert answer.status in (200, 204)
        allowed = {m.strip() for m in answer.headers["allow"].split(",")}
        assert ROUTES[path] <= allowed

    def test_trace_is_not_served(self, server, api):
        answer = api.call("TRACE", "/messages", check=False)
        assert answer.status == 405 and b"<html" not in answer.body.lower()

    def test_head_is_get_without_a_body(self, api):
        got = api.get("/queues/status")
        answer = api.call("HEAD", "/queues/status")
        assert (answer.status, answer.body) == (200, b"")
        assert answer.headers["content-type"] == got.headers["content-type"]

    @pytest.mark.parametrize("path", ["/messages/", "/queues/status/", "/health/"])
    def test_final_slash_does_not_matter(self, api, path):
        assert api.get(path).status == 200

    def test_get_with_a_content_type_is_fine(self, api):
        assert api.get("/messages", headers={"Content-Type": "text/plain"}).status == 200

    def test_request_line_that_is_too_long_is_refused_in_json(self, server, api):
        server.log.expect("AH00565")
        answer = api.get("/messages?x=" + "x" * 9000)
        assert answer.status == 414, answer

    def test_header_that_is_too_long_is_refused_in_json(self, server, api):
        server.log.expect("AH00561")
        answer = api.get("/messages", headers={"X-Long": "x" * 9000})
        assert answer.status in (400, 431), answer

    def test_answers_are_not_cached(self, api):
        assert api.get("/queues/status").headers["cache-control"] == "no-store"

    def test_other_paths_stay_httpds_own(self, server):
        answer = server.new_api(base="").get("/elsewhere", check=False)
        assert answer.status == 404 and b"<html" in answer.body.lower()


class TestOtherMounts:
    """Any prefix, any number of mounts, each with its own access rule and tenant."""

    CONF = """
        LLMQDispatcher Off
        <Location /queue/blue>
            SetHandler llmq-queue
            LLMQTenant blue
            Require all granted
        </Location>
        <Location /queue/red/>
            SetHandler llmq-queue
            LLMQTenant red
            Require all granted
        </Location>
        <Location /queue/shut>
            SetHandler llmq-queue
            Require all denied
        </Location>
    """

    def test_tenants_do_not_see_each_other(self, server):
        blue, red = server.new_api("/queue/blue"), server.new_api("/queue/red")
        message_id = blue.send("blue")["id"]
        assert blue.message(message_id)["content"] == "blue"
        assert blue.total() == 1
        for other in (red, server.new_api()):
            other.get(f"/messages/{message_id}").refuses(404, 1004)
            other.delete(f"/messages/{message_id}").refuses(404, 1004)
            other.set_status(message_id, "processing").refuses(404, 1004)
            assert other.total() == 0
        assert blue.message(message_id)["status"] == "pending"

    def test_location_header_names_the_mount(self, server):
        answer = server.new_api("/queue/blue").post("/messages", {"user_id": "u", "content": "c"})
        assert answer.headers["location"] == f"/queue/blue/messages/{answer.data['id']}"

    def test_httpds_own_refusal_is_json_too(self, server):
        server.log.expect("AH01630")
        for method in ("GET", "POST"):
            answer = server.new_api("/queue/shut").call(method, "/messages", {})
            assert answer.status == 403, answer
            assert json.loads(answer.body)["code"] == 403
