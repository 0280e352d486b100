"""Errors below S3's paths are told in S3's words, those elsewhere in S0's."""

import json

import pytest

S3 = ["/tasks", "/tasks/", "/tasks/x/y/z", "/stats", "/stats/nope", "/workers", "/workers/w1/nope",
      "/queues/info/more", "/messages/msg_1/heartbeat", "/messages/msg_1/complete",
      "/messages/msg_1/fail", "/messages/msg_1/release"]
S0 = ["/tasksmore", "/statsy", "/workers.json", "/queues/information", "/queues",
      "/messages/msg_1/released", "/messages/msg_1/status/fail", "/conversations/tasks/tasks"]


class TestWords:
    CONF = """
        LLMQDispatcher Off
        LimitRequestBody 5000
        <Location /closed>
          SetHandler llmq-queue
          LLMQAuth On
          Require all granted
        </Location>
        <Location /shut>
          SetHandler llmq-queue
          Require all denied
        </Location>
    """

    @pytest.mark.parametrize("path", S3)
    def test_unknown_route_in_s3(self, api, path):
        answer = api.call("PATCH", path)
        assert answer.status in (404, 405), answer
        code = "NOT_FOUND" if answer.status == 404 else "METHOD_NOT_ALLOWED"
        answer.denies(answer.status, code)

    @pytest.mark.parametrize("path", S0)
    def test_unknown_route_in_s0(self, api, path):
        api.call("PATCH", path).refuses(404)

    @pytest.mark.parametrize("path", ["/health", "/metrics"])
    def test_wrong_method_of_health_and_metrics(self, server, path):
        answer = server.new_api(base="").post(path, {}, check=False)
        answer.check_s3()
        answer.denies(405, "METHOD_NOT_ALLOWED")
        assert "GET" in answer.headers["allow"]

    def test_id_that_httpd_does_not_decode(self, api):
        api.get("/tasks/a%2Fb").denies(404, "TASK_NOT_FOUND")
        api.get("/messages/a%2Fb").refuses(404, 1004)

    def test_undecodable_path(self, server, api):
        server.log.expect("AH10244")
        api.get("/tasks/%zz").denies(400, "INVALID_REQUEST")

    def test_request_line_that_is_too_long(self, server, api):
        server.log.expect("AH00565")
        assert api.get("/tasks?x=" + "x" * 9000).status == 414

    def test_refused_by_httpd(self, server):
        server.log.expect("AH01630")
        api = server.new_api(base="/shut")
        api.get("/tasks").denies(403, "FORBIDDEN")
        assert api.get("/messages").json["error"] == "request refused"

    def test_who_is_not_known(self, server):
        api = server.new_api(base="/closed")
        answer = api.get("/tasks").denies(401, "UNAUTHORIZED")
        assert answer.headers["www-authenticate"].startswith("Bearer")
        api.get("/messages").refuses(401)

    def test_token_that_is_not_valid(self, api):
        answer = api.get("/tasks", headers={"Authorization": "Bearer x.y.z"})
        answer.denies(401, "UNAUTHORIZED")

    def test_bytes_that_are_no_text(self, api):
        answer = api.get("/tasks/%ff%fe")
        assert answer.status in (404, 405), answer
        json.loads(answer.body)
