"""S4's mount and dialect: which paths there are, and that each refusal is Laravel's."""

import pytest

from llmq_env.conf import sessions
from llmq_env.sessions import NOWHERE, SECRET, Sessions, denies
from llmq_env.tokens import bearer, token

NOT_FOUND = {"message": "Not Found"}
UNAUTHENTICATED = {"message": "Unauthenticated."}


@pytest.mark.mpm
class TestShippedMount:
    CONF = "LLMQDispatcher Off\n" + SECRET

    def test_test_is_open(self, server):
        answer = Sessions(server).get("/test")
        assert (answer.status, answer.json) == (200, {"message": "ok"})
        assert answer.headers["cache-control"] == "no-store"

    @pytest.mark.parametrize("path", ["", "/", "/nope", "/test/more", "/tests", "/v2/messages",
                                      "/v1x", "/test%2F", "/~", "/%00"])
    def test_unknown_path_is_404(self, server, path):
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE"):
            answer = Sessions(server).call(method, path)
            assert (answer.status, answer.json) == (404, NOT_FOUND), answer

    @pytest.mark.parametrize("path", ["/sessions/nope/nope", f"/sessions/{NOWHERE}/nope",
                                      "/sessions/a%2Fb", "/sessions/%00"])
    def test_unknown_path_of_sessions_is_404(self, server, path):
        answer = Sessions(server, "user_1").get(path)
        assert (answer.status, answer.json) == (404, NOT_FOUND), answer

    @pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "BREW"])
    def test_wrong_method_is_405_with_allow(self, server, method):
        answer = Sessions(server).call(method, "/test")
        denies(answer, 405, "Method Not Allowed")
        assert {"GET", "HEAD"} <= {m.strip() for m in answer.headers["allow"].split(",")}

    @pytest.mark.parametrize("path", ["/sessions", f"/sessions/{NOWHERE}", "/sessions/nope",
                                      f"/sessions/{NOWHERE}/messages"])
    def test_sessions_want_a_user(self, server, path):
        for method in ("GET", "POST"):
            answer = Sessions(server).call(method, path)
            assert (answer.status, answer.json) == (401, UNAUTHENTICATED), answer
            assert answer.headers["www-authenticate"].startswith('Bearer realm="')

    def test_bad_token_is_401_where_none_is_wanted(self, server):
        for bad in ("nonsense", token(secret="another secret of thirty-two bytes or more")):
            answer = Sessions(server).get("/test", headers=bearer(bad))
            assert (answer.status, answer.json) == (401, UNAUTHENTICATED), answer
            assert 'error="invalid_token"' in answer.headers["www-authenticate"]

    def test_queue_is_not_swallowed(self, server):
        api = server.new_api()
        assert api.get("/queues/status").status == 200
        api.get("/nope").refuses(404)

    def test_refusal_of_httpd_itself(self, server):
        server.log.expect("AH00565", "AH00561")
        assert Sessions(server).get("/test?x=" + "x" * 9000).status == 414
        answer = Sessions(server).get("/test", headers={"X-Long": "x" * 9000})
        assert answer.status in (400, 431), answer


class TestOtherMounts:
    """The longer path is meant, whatever the order of the sections; any prefix will do."""

    CONF = ("LLMQDispatcher Off\n<Location /late/v1>\nSetHandler llmq-queue\n"
            "Require all granted\n</Location>\n"
            + sessions(late="", other="", closed="")
            + "<Location /closed>\nRequire all denied\n</Location>\n")
    EXPECT = ("AH01630",)

    def test_order_of_sections_does_not_matter(self, server):
        assert server.new_api("/late/v1").get("/queues/status").status == 200
        assert Sessions(server, base="/late").get("/test").status == 200

    def test_any_prefix(self, server):
        assert Sessions(server, base="/other").get("/test").json == {"message": "ok"}

    def test_who_may_not_call_hears_it_in_json(self, server):
        answer = Sessions(server, base="/closed").get("/test")
        denies(answer, 403, "This action is unauthorized.")


class TestFreshServer:
    """The shipped configuration with nothing else: no secret, no user."""

    def test_it_starts_and_sessions_are_closed(self, server):
        assert Sessions(server).get("/test").status == 200
        assert Sessions(server).get("/sessions").json == UNAUTHENTICATED
        assert Sessions(server, "user_1").get("/sessions").json == UNAUTHENTICATED
