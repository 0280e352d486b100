"""S4's sessions: create, list, show, change, archive."""

import re
import urllib.parse

import pytest

from llmq_env.api import TIME
from llmq_env.sessions import NOWHERE, SECRET, SESSION, UUID, Sessions, denies
from llmq_env.tokens import secret_file
from test_262_tenants import routes

PAGE = {"current_page", "from", "last_page", "path", "per_page", "to", "total"}


@pytest.fixture
def alice(server, request):
    """A user of each test's own."""
    return Sessions(server, re.sub(r"\W", "_", request.node.name)[:100])


class Base:
    CONF = "LLMQDispatcher Off\n" + SECRET


@pytest.mark.mpm
class TestCreate(Base):
    def test_created_as_the_document_says(self, server, alice):
        answer = alice.post("/sessions", {"session_name": "Support ☎"})
        assert answer.status == 201, answer
        got = answer.json
        assert set(got) == SESSION
        assert UUID.fullmatch(got["session_id"])
        assert TIME.fullmatch(got["created_at"]) and got["updated_at"] == got["created_at"]
        assert {k: got[k] for k in SESSION - {"session_id", "created_at", "updated_at"}} == {
            "session_name": "Support ☎", "status": "OPEN", "last_seq": 0, "last_message_id": None,
            "last_message_at": None, "last_message_preview": "", "last_message_role": None,
            "last_message_type": None}
        assert answer.headers["location"] == f"/api/sessions/{got['session_id']}"
        assert alice.get_session(got["session_id"]) == got

    def test_body_may_be_missing(self, alice):
        for headers in ({}, {"Content-Type": "application/json"},
                        {"Content-Type": "application/x-www-form-urlencoded"}):
            answer = alice.post("/sessions", headers=headers)
            assert (answer.status, answer.json["session_name"]) == (201, None), answer

    @pytest.mark.parametrize("body", ["{}", '{"session_name":null}', '{"session_name":""}',
                                      '{"else":[1]}'])
    def test_name_may_be_missing(self, alice, body):
        answer = alice.post("/sessions", body, headers={"Content-Type": "application/json"})
        assert (answer.status, answer.json["session_name"]) == (201, None), answer

    def test_name_of_255_characters(self, alice):
        assert alice.session(session_name="é" * 255)["session_name"] == "é" * 255
        denies(alice.post("/sessions", {"session_name": "é" * 256}), 422,
               "The session name field must not be greater than 255 characters.",
               session_name="The session name field must not be greater than 255 characters.")

    def test_repeated_request_makes_one(self, alice):
        key = {"Idempotency-Key": "one"}
        first = alice.post("/sessions", {"session_name": "once"}, headers=key)
        again = alice.post("/sessions", {"session_name": "once"}, headers=key)
        assert (first.status, again.status) == (201, 201)
        assert again.body == first.body
        assert again.headers["idempotent-replayed"] == "true"
        assert "idempotent-replayed" not in first.headers
        assert alice.get("/sessions").json["meta"]["total"] == 1
        answer = alice.post("/sessions", {"session_name": "twice"}, headers=key)
        assert answer.status == 422 and "Idempotency-Key" in answer.json["errors"], answer


@pytest.mark.mpm
class TestList(Base):
    def test_empty_list(self, server, alice):
        got = alice.get("/sessions").json
        url = f"http://127.0.0.1:{server.port}/api/sessions"
        assert got == {"data": [],
                       "links": {"first": url + "?page=1", "last": url + "?page=1",
                                 "prev": None, "next": None},
                       "meta": {"current_page": 1, "from": None, "last_page": 1, "path": url,
                                "per_page": 15, "to": None, "total": 0}}

    def test_pages_by_their_links(self, alice):
        made = [alice.session(session_name=f"s{i}")["session_id"] for i in range(7)]
        seen, metas = [], []
        url = "/sessions?per_page=3"
        while url:
            got = alice.get(url).json
            seen += [s["session_id"] for s in got["data"]]
            metas.append(got["meta"])
            assert set(got) == {"data", "links", "meta"} and set(got["meta"]) == PAGE
            url = got["links"]["next"] and got["links"]["next"].split("/api", 1)[1]
        assert seen == made[::-1]
        assert [(m["current_page"], m["from"], m["to"]) for m in metas] == [
            (1, 1, 3), (2, 4, 6), (3, 7, 7)]
        assert all(m["last_page"] == 3 and m["total"] == 7 and m["per_page"] == 3 for m in metas)
        beyond = alice.get("/sessions?per_page=3&page=9").json
        assert beyond["data"] == [] and beyond["links"]["next"] is None
        assert (beyond["meta"]["from"], beyond["meta"]["to"]) == (None, None)
        assert beyond["meta"]["current_page"] == 9

    def test_links_keep_the_query_and_follow_the_host(self, alice):
        alice.session(session_name="a&b ü")
        query = urllib.parse.urlencode({"q": "A&b Ü", "status": "OPEN", "page": 1, "more": "x"})
        got = alice.get(f"/sessions?{query}", headers={"Host": "chat.example.com:8443"}).json
        assert len(got["data"]) == 1
        first = urllib.parse.urlsplit(got["links"]["first"])
        assert (first.scheme, first.netloc) == ("http", "chat.example.com:8443")
        assert urllib.parse.parse_qsl(first.query) == [
            ("q", "A&b Ü"), ("status", "OPEN"), ("more", "x"), ("page", "1")]
        assert got["meta"]["path"] == got["links"]["first"].split("?")[0]

    def test_token_does_not_stand_in_links(self, alice):
        assert "secret" not in alice.get("/sessions?access_token=secret").body.decode()

    def test_per_page_is_clamped_to_100(self, alice):
        assert alice.get("/sessions?per_page=1000").json["meta"]["per_page"] == 100
        assert alice.get("/sessions?per_page=99999999999999999999").json["meta"][
            "per_page"] == 100

    @pytest.mark.parametrize("query,errors", [
        ("page=0", {"page": "The page field must be at least 1."}),
        ("page=x", {"page": "The page field must be an integer."}),
        ("per_page=-1", {"per_page": "The per page field must be at least 1."}),
        ("per_page=1.5", {"per_page": "The per page field must be an integer."}),
        ("status=open", {"status": "The selected status is invalid."}),
        ("page=-&per_page=0&status=X", {
            "page": "The page field must be an integer.",
            "per_page": "The per page field must be at least 1.",
            "status": "The selected status is invalid."})])
    def test_bad_parameter_is_422(self, alice, query, errors):
        answer = alice.get(f"/sessions?{query}")
        more = len(errors) - 1
        denies(answer, 422, next(iter(errors.values()))
               + (f" (and {more} more errors)" if more else ""), **errors)

    def test_undecodable_query_is_400(self, alice):
        assert alice.get("/sessions?q=%ff").status == 400

    def test_filters(self, alice):
        ids = {name: alice.session(session_name=name)["session_id"]
               for name in ("Alpha 100%", "alpha_1", "beta", "Ünicode")}
        alice.patch(f"/sessions/{ids['beta']}", {"status": "LOCKED"})
        alice.post(f"/sessions/{ids['alpha_1']}/archive")

        def names(query):
            return {s["session_name"] for s in alice.get(f"/sessions?{query}").json["data"]}

        assert names("q=ALPHA") == {"Alpha 100%", "alpha_1"}
        assert names("q=0%25") == {"Alpha 100%"}
        assert names("q=_") == {"alpha_1"}
        assert names("q=%25") == {"Alpha 100%"}
        assert names("q=' OR 1=1 --".replace(" ", "%20")) == set()
        assert names("status=LOCKED") == {"beta"}
        assert names("status=CLOSED&q=alpha") == {"alpha_1"}
        assert names("status=OPEN") == {"Alpha 100%", "Ünicode"}
        assert names("status=&q=") == set(ids)

    def test_latest_message_comes_first(self, alice):
        first, second, third = (alice.session()["session_id"] for _ in range(3))
        alice.append(second)
        alice.append(first)
        assert [s["session_id"] for s in alice.get("/sessions").json["data"]] == [
            first, second, third]


@pytest.mark.mpm
class TestChange(Base):
    def test_rename_and_status(self, alice):
        made = alice.session(session_name="old")
        answer = alice.patch(f"/sessions/{made['session_id']}",
                             {"session_name": "new", "status": "LOCKED"})
        assert answer.status == 200, answer
        got = answer.json
        assert (got["session_name"], got["status"]) == ("new", "LOCKED")
        assert got["updated_at"] >= made["updated_at"]
        assert alice.get_session(made["session_id"]) == got
        back = alice.patch(f"/sessions/{made['session_id']}", {"status": "OPEN"}).json
        assert (back["session_name"], back["status"]) == ("new", "OPEN")

    @pytest.mark.parametrize("body", [None, "", "{}", '{"else":1}', "[]", "null"])
    def test_empty_change_changes_nothing(self, alice, body):
        made = alice.session(session_name="old")
        answer = alice.patch(f"/sessions/{made['session_id']}", body,
                             headers={"Content-Type": "application/json"})
        assert (answer.status, answer.json) == (200, made), answer

    def test_closed_takes_only_closed(self, alice):
        made = alice.session(session_name="old")["session_id"]
        closed = alice.patch(f"/sessions/{made}", {"status": "CLOSED"}).json
        assert closed["status"] == "CLOSED"
        for body in ({"status": "OPEN"}, {"status": "LOCKED"}, {"session_name": "new"},
                     {"session_name": "old"}, {"session_name": "new", "status": "CLOSED"}):
            denies(alice.patch(f"/sessions/{made}", body), 403, "Session is closed")
        for body in ({"status": "CLOSED"}, {}):
            answer = alice.patch(f"/sessions/{made}", body)
            assert (answer.status, answer.json) == (200, closed), answer
        assert alice.get_session(made) == closed

    def test_archive_is_idempotent(self, alice):
        made = alice.session()["session_id"]
        first = alice.post(f"/sessions/{made}/archive")
        again = alice.post(f"/sessions/{made}/archive")
        assert (first.status, again.status) == (200, 200)
        assert first.json["status"] == "CLOSED" and again.json == first.json

    @pytest.mark.parametrize("body,errors", [
        ('{"session_name":""}', {"session_name":
                                 "The session name field must be at least 1 characters."}),
        ('{"session_name":null}', {"session_name":
                                   "The session name field must be a string."}),
        ('{"session_name":7,"status":"DONE"}', {
            "session_name": "The session name field must be a string.",
            "status": "The selected status is invalid."}),
        ('{"status":null}', {"status": "The selected status is invalid."}),
        ('{"status":1}', {"status": "The selected status is invalid."})])
    def test_bad_change_is_422_and_changes_nothing(self, alice, body, errors):
        made = alice.session(session_name="old")
        answer = alice.patch(f"/sessions/{made['session_id']}", body,
                             headers={"Content-Type": "application/json"})
        assert answer.status == 422, answer
        assert {k: v[0] for k, v in answer.json["errors"].items()} == errors
        assert alice.get_session(made["session_id"]) == made

    def test_id_in_upper_case_is_the_same(self, alice):
        made = alice.session()
        assert alice.get_session(made["session_id"].upper()) == made


# Every call that names a session, with {id}.
BY_ID = [("GET", "/sessions/{id}", None), ("PATCH", "/sessions/{id}", {"session_name": "mine"}),
         ("PATCH", "/sessions/{id}", {"status": "nonsense"}), ("POST", "/sessions/{id}/archive", None),
         ("GET", "/sessions/{id}/messages", None), ("GET", "/sessions/{id}/messages?limit=x", None),
         ("POST", "/sessions/{id}/messages", {"role": "USER", "type": "user.prompt"}),
         ("POST", "/sessions/{id}/messages", {"role": "nobody"}),
         ("GET", "/sessions/{id}/messages/" + NOWHERE, None), ("GET", "/sessions/{id}/sse", None),
         ("POST", "/sessions/{id}/runs", {"trigger_message_id": NOWHERE}),
         ("GET", "/sessions/{id}/runs/" + NOWHERE, None),
         ("POST", f"/sessions/{{id}}/runs/{NOWHERE}/cancel", None)]


def test_every_call_of_the_table_that_names_a_session_is_tried():
    named = {r for r in routes() if r[1].startswith("/sessions/*")}
    assert named == {(method, re.sub(r"\{id\}|" + NOWHERE, "*", path.split("?")[0]))
                     for method, path, _ in BY_ID}


def host(port, tenant):
    return (f"<VirtualHost 127.0.0.1:{port}>\nServerName {tenant}.example.com\n"
            f"LLMQTenant {tenant}\n</VirtualHost>\n")


@pytest.mark.mpm
class TestOwners(Base):
    """Somebody else's session is one that does not exist."""

    @pytest.fixture(scope="class")
    def server(self, store, new_server):
        server = new_server(store)
        secret_file(server)
        server.configure(self.CONF.replace("{dir}", str(server.dir)) + host(server.port, "acme")
                         + host(server.port, "rival"))
        server.start()
        return server

    @pytest.mark.parametrize("method,path,body", BY_ID)
    def test_foreign_session_is_404(self, server, alice, method, path, body):
        made = alice.session(session_name="hers")
        alice.append(made["session_id"])
        before = alice.get_session(made["session_id"])
        for other in (Sessions(server, "mallory"), Sessions(server, "eve", tenant="acme")):
            for session in (made["session_id"], NOWHERE, "1", "nope", made["session_id"] + "0"):
                answer = other.call(method, path.replace("{id}", session), body)
                assert (answer.status, answer.json) == (404, {"message": "Not Found"}), answer
        assert alice.get_session(made["session_id"]) == before
        assert len(alice.messages(made["session_id"])) == 1

    def test_lists_hold_only_ones_own(self, server, alice):
        made = alice.session(session_name="hers")
        assert made["session_id"] not in Sessions(server, "mallory").get(
            "/sessions?per_page=100").body.decode()

    @pytest.mark.parametrize("method,path,body", BY_ID)
    def test_session_of_another_tenant_is_404(self, server, method, path, body):
        user = Sessions(server, "alice")
        here, there = {"Host": "acme.example.com"}, {"Host": "rival.example.com"}
        made = user.post("/sessions", {"session_name": "acme's"}, headers=here).json
        where = path.replace("{id}", made["session_id"])
        for who in (user, Sessions(server, "root", admin=True)):
            answer = who.call(method, where, body, headers=there)
            assert (answer.status, answer.json) == (404, {"message": "Not Found"}), answer
        assert user.get(f"/sessions/{made['session_id']}", headers=here).json == made
        assert user.get("/sessions", headers=there).json["meta"]["total"] == 0

    def test_admin_claim_reaches_all_of_the_tenant(self, server, alice):
        made = alice.session(session_name="hers")["session_id"]
        admin = Sessions(server, "root", admin=True)
        assert admin.get_session(made)["session_name"] == "hers"
        assert admin.append(made, role="SYSTEM")["seq"] == 1
        assert admin.post(f"/sessions/{made}/archive").json["status"] == "CLOSED"
        assert made not in admin.get("/sessions?per_page=100").body.decode()
