"""Identity: tokens, Require, LLMQAuth, LLMQAdmin, and who may speak for whom."""

import base64
import hashlib
import re
import time

import pytest

from llmq_env.conf import load
from llmq_env.httpd import ROOT
from llmq_env.tokens import SECRET, bearer, encode, secret_file, token
from llmq_env.wait import until

# mod_auth_basic says so when it is asked and has nothing to ask.
SPOKEN = ("AH01797", "AH01630", "AH01618", "AH01617", "AH01614", "AH01629", "AH01631")


@pytest.fixture(scope="class")
def guarded(request, store, new_server):
    """A server with the class's CONF, in which {dir} is its own folder, that holds the class's
    FILES, too, and with httpd's own MODULES that the class names."""
    server = new_server(store)
    secret_file(server)
    for name, text in getattr(request.cls, "FILES", {}).items():
        (server.dir / name).write_text(text, encoding="utf-8")
    server.configure(load(*getattr(request.cls, "MODULES", ()))
                     + request.cls.CONF.replace("{dir}", str(server.dir)))
    server.start()
    return server


@pytest.fixture
def open_api(guarded):
    return guarded.new_api()


def refused_401(answer, sent=True):
    answer.refuses(401)
    challenge = answer.headers["www-authenticate"]
    assert challenge.startswith('Bearer realm="'), challenge
    assert ('error="invalid_token"' in challenge) == sent, challenge
    return answer


MESSAGE = {"user_id": "user_1", "content": "Hello"}


def attacks():
    """Name and token: each of them is refused wherever it is sent."""
    now = int(time.time())
    good = token()
    head, body, mac = good.split(".")
    return {
        "no exp": token(exp=None),
        "past exp": token(exp=now - 1),
        "exp is a string": token(exp=str(now + 3600)),
        "not yet": token(nbf=now + 3600),
        "no sub": token(sub=None),
        "empty sub": token(sub=""),
        "sub is a number": token(sub=7),
        "other secret": token(secret="a guess"),
        "empty secret": token(secret=""),
        "secret with its line break": token(secret=SECRET + "\n"),
        "other tenant": token(tenant="other"),
        "tenant is a list": token(tenant=["default"]),
        "alg none": encode({"alg": "none"}) + "." + body + ".",
        "alg none, signed": token(header={"alg": "none", "typ": "JWT"}),
        "alg none, old signature": encode({"alg": "none"}) + "." + body + "." + mac,
        "alg HS384": token(alg="HS384"),
        "alg HS512": token(alg="HS512"),
        "alg RS256": token(alg="RS256"),
        "alg in small letters": token(header={"alg": "hs256"}),
        "no alg": token(header={"typ": "JWT"}),
        "critical extension": token(header={"alg": "HS256", "crit": ["exp"]}),
        "truncated signature": good[:-1],
        "half a signature": head + "." + body + "." + mac[:20],
        "empty signature": head + "." + body + ".",
        "no signature": head + "." + body,
        "changed claims": head + "." + encode({"sub": "admin", "exp": now + 3600}) + "." + mac,
        "claims are a list": token(header=None).split(".")[0] + "." + encode([]) + "." + mac,
        "four segments": good + "." + mac,
        "padding": head + "." + body + "." + base64.urlsafe_b64encode(b"x" * 32).decode(),
        "garbage": "garbage",
        "dots": "..",
        "nothing": "",
        "two of them": good + ", " + good,
        "huge": "A" * 8000,
        "unknown key": "llmq_" + "A" * 43,
        "bytes": "\xff\xfe.\xff.\xff",
    }


class TestAttacks:
    """A token that is sent must be valid, on an open mount too, and nothing is stored."""

    CONF = "LLMQTokenSecret {dir}/secret\n"

    @pytest.mark.parametrize("name", attacks())
    def test_token_is_refused(self, open_api, name):
        before = open_api.total()
        bad = {"Authorization": f"Bearer {attacks()[name]}"}
        if name == "nothing":
            bad = {"Authorization": "Bearer"}
        refused_401(open_api.post("/messages", MESSAGE, headers=bad))
        refused_401(open_api.get("/messages", headers=bad))
        assert open_api.total() == before

    @pytest.mark.parametrize("name", ["other secret", "garbage", "past exp"])
    def test_cookie_is_refused_just_so(self, open_api, name):
        cookie = {"Cookie": f"a=b; access_token={attacks()[name]}; c=d"}
        refused_401(open_api.get("/messages", headers=cookie))

    def test_reason_is_told(self, open_api):
        answer = open_api.get("/messages", headers=bearer(attacks()["past exp"]))
        assert refused_401(answer).json["details"]["reason"] == "the token has expired"

    def test_without_a_token_the_mount_is_open(self, open_api):
        assert open_api.post("/messages", MESSAGE).status == 201
        # Another scheme is not for us.
        other = {"Authorization": "Basic dXNlcjpwYXNz"}
        assert open_api.get("/messages", headers=other).status == 200

    def test_unknown_paths_of_the_mount_are_refused_alike(self, open_api):
        refused_401(open_api.get("/nonsense", headers=bearer("garbage")))

    def test_other_paths_are_not_concerned(self, guarded):
        got = guarded.raw(b"GET /index.html HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                          b"Authorization: Bearer garbage\r\n\r\n")
        assert b" 404 " in got.split(b"\r\n")[0]


class TestSpeaker:
    """X9: who is authenticated speaks for itself, an admin for all."""

    CONF = "LLMQTokenSecret {dir}/secret\n"

    def test_own_user_id_is_accepted(self, open_api):
        answer = open_api.post("/messages", MESSAGE, headers=bearer(token("user_1")))
        assert answer.status == 201 and answer.data["user_id"] == "user_1"

    def test_missing_user_id_is_the_speaker(self, open_api):
        for body in ({"content": "x"}, {"content": "x", "user_id": None}):
            answer = open_api.post("/messages", body, headers=bearer(token("ürsula o'x")))
            assert answer.status == 201 and answer.data["user_id"] == "ürsula o'x"

    def test_another_user_id_is_1006(self, open_api):
        before = open_api.total()
        for user in ("user_2", "USER_1", "user_1 ", ""):
            open_api.post("/messages", {**MESSAGE, "user_id": user},
                          headers=bearer(token("user_1"))).refuses(400, 1006, "user_id")
        assert open_api.total() == before

    def test_admin_speaks_for_all(self, open_api):
        answer = open_api.post("/messages", {**MESSAGE, "user_id": "user_2"},
                               headers=bearer(token("root", admin=True)))
        assert answer.status == 201 and answer.data["user_id"] == "user_2"

    @pytest.mark.parametrize("claim", ["true", 1, False, ["admin"]])
    def test_only_true_is_an_admin(self, open_api, claim):
        open_api.post("/messages", {**MESSAGE, "user_id": "user_2"},
                      headers=bearer(token("root", admin=claim))).refuses(400, 1006)

    def test_anonymous_is_trusted_and_must_name_somebody(self, open_api):
        assert open_api.post("/messages", {**MESSAGE, "user_id": "any"}).status == 201
        open_api.post("/messages", {"content": "x"}).refuses(400, 1006)

    def test_cookie_is_as_good_as_the_header(self, open_api):
        cookie = {"Cookie": "x=1; access_token=" + token("user_1")}
        open_api.post("/messages", {**MESSAGE, "user_id": "user_2"},
                      headers=cookie).refuses(400, 1006)
        both = {**cookie, **bearer(token("user_2"))}  # the header wins
        assert open_api.post("/messages", {**MESSAGE, "user_id": "user_2"},
                             headers=both).status == 201

    def test_tenant_claim_of_this_tenant(self, open_api):
        assert open_api.get("/messages", headers=bearer(token(tenant="default"))).status == 200


class TestSettings:
    """Issuer, leeway, rotation and sources, by location."""

    CONF = """
        LLMQTokenSecret {dir}/secret
        LLMQTokenSecret {dir}/new
        LLMQTokenIssuer llmops
        <Location /late>
            SetHandler llmq-queue
            LLMQTokenLeeway 1h
            Require all granted
        </Location>
        <Location /header>
            SetHandler llmq-queue
            LLMQTokenSource header
            Require all granted
        </Location>
        <Location /cookie>
            SetHandler llmq-queue
            LLMQTokenSource query cookie
            Require all granted
        </Location>
        <Location /other>
            SetHandler llmq-queue
            LLMQTenant other
            LLMQTokenSecret {dir}/other
            Require all granted
        </Location>
    """
    FILES = {"new": "new secret\r\n", "other": "secret of the other\n\n"}

    def status(self, server, base, **headers):
        api = server.new_api(base)
        return api.get("/messages", headers=headers).status

    def test_issuer_must_be_the_one(self, guarded):
        for iss, status in (("llmops", 200), ("llmop", 401), (None, 401), ("", 401)):
            assert self.status(guarded, "/api/v1", **bearer(token(iss=iss))) == status, iss

    def test_each_secret_counts(self, guarded):
        for secret, status in ((SECRET, 200), ("new secret", 200), ("new secret\r\n", 401)):
            header = bearer(token(secret=secret, iss="llmops"))
            assert self.status(guarded, "/api/v1", **header) == status

    def test_leeway(self, guarded):
        late = bearer(token(iss="llmops", exp=int(time.time()) - 60))
        assert self.status(guarded, "/late", **late) == 200
        assert self.status(guarded, "/api/v1", **late) == 401

    def test_sources(self, guarded):
        cookie = {"Cookie": "access_token=garbage"}
        header = bearer("garbage")
        assert self.status(guarded, "/header", **cookie) == 200
        assert self.status(guarded, "/header", **header) == 401
        assert self.status(guarded, "/cookie", **cookie) == 401
        assert self.status(guarded, "/cookie", **header) == 200

    def test_tenants_have_their_own_secrets(self, guarded):
        theirs = bearer(token(secret="secret of the other\n", iss="llmops"))
        assert self.status(guarded, "/other", **theirs) == 200
        assert self.status(guarded, "/api/v1", **theirs) == 401
        assert self.status(guarded, "/other", **bearer(token(iss="llmops"))) == 401


class TestRequire:
    """AuthType Bearer works with httpd's own Require, and beside Basic."""

    EXPECT = SPOKEN
    MODULES = ("authz_user", "auth_basic", "authn_file", "authn_core", "authz_core")
    CONF = """
        LLMQTokenSecret {dir}/secret
        <Location /valid>
            SetHandler llmq-queue
            AuthType Bearer
            AuthName "the \\"queue\\""
            Require valid-user
        </Location>
        <Location /user>
            SetHandler llmq-queue
            AuthType bearer
            Require user alice
        </Location>
        <Location /expr>
            SetHandler llmq-queue
            AuthType Bearer
            Require expr "%{REMOTE_USER} == 'alice' && reqenv('LLMQ_SCOPE') == 'read'"
        </Location>
        <Location /scope>
            SetHandler llmq-queue
            AuthType Bearer
            Require llmq-scope "write" other
        </Location>
        <Location /admins>
            SetHandler llmq-queue
            AuthType Bearer
            Require llmq-admin
        </Location>
        <Location /closed>
            SetHandler llmq-queue
            LLMQAuth On
            Require all granted
        </Location>
        <Location /basic>
            SetHandler llmq-queue
            AuthType Basic
            AuthName basic
            AuthBasicProvider file
            AuthUserFile {dir}/users
            Require valid-user
        </Location>
        <Location /password>
            SetHandler llmq-queue
            AuthType Basic
            AuthName basic
            AuthBasicProvider llmq
            Require llmq-scope read
        </Location>
        <Location /plain>
            AuthType Bearer
            Require user alice
        </Location>
    """
    # alice with the password "secret"
    FILES = {"users": "alice:{SHA}" + base64.b64encode(hashlib.sha1(b"secret").digest()).decode()
                      + "\n"}

    def get(self, server, base, *args, **claims):
        api = server.new_api(base)
        headers = bearer(token(*args, **claims)) if args else {}
        return api.get("/messages", headers=headers)

    def test_valid_user(self, guarded):
        assert self.get(guarded, "/valid", "anybody").status == 200
        answer = refused_401(self.get(guarded, "/valid"), sent=False)
        assert answer.headers["www-authenticate"] == 'Bearer realm="the \\"queue\\""'
        answer = guarded.new_api("/valid").get("/messages", headers=bearer("garbage"))
        refused_401(answer)

    def test_user(self, guarded):
        assert self.get(guarded, "/user", "alice").status == 200
        assert self.get(guarded, "/user", "mallory").status in (401, 403)
        refused_401(self.get(guarded, "/user"), sent=False)

    def test_expr_sees_user_and_claims(self, guarded):
        assert self.get(guarded, "/expr", "alice", scope="read").status == 200
        refused_401(self.get(guarded, "/expr", "alice"), sent=False)
        refused_401(self.get(guarded, "/expr", "bob", scope="read"), sent=False)

    def test_scope(self, guarded):
        for scope, good in (("write", 1), ("read write", 1), ("a other b", 1), ("writer", 0),
                            ("", 0), (None, 0)):
            answer = self.get(guarded, "/scope", "u", scope=scope)
            assert (answer.status == 200) == good, scope
        refused_401(self.get(guarded, "/scope"), sent=False)

    def test_admin(self, guarded):
        assert self.get(guarded, "/admins", "u", admin=True).status == 200
        assert self.get(guarded, "/admins", "u").status in (401, 403)

    def test_closed_mount(self, guarded):
        refused_401(self.get(guarded, "/closed"), sent=False)
        assert self.get(guarded, "/closed", "u").status == 200
        api = guarded.new_api("/closed")
        refused_401(api.post("/messages", MESSAGE), sent=False)

    def test_basic_beside(self, guarded):
        api = guarded.new_api("/basic")
        login = {"Authorization": "Basic " + base64.b64encode(b"alice:secret").decode()}
        assert api.get("/messages", headers=login).status == 200
        api.post("/messages", MESSAGE, headers=login).refuses(400, 1006, "user_id")
        answer = api.post("/messages", {"content": "x"}, headers=login)
        assert answer.status == 201 and answer.data["user_id"] == "alice"
        answer = api.get("/messages").refuses(401)
        assert answer.headers["www-authenticate"].startswith("Basic ")
        answer = api.get("/messages", headers=bearer(token())).refuses(401)
        assert answer.headers["www-authenticate"].startswith("Basic ")

    def test_token_as_a_password(self, guarded):
        api = guarded.new_api("/password")

        def login(user, password):
            text = base64.b64encode(f"{user}:{password}".encode()).decode()
            return api.post("/messages", {"content": "x"},
                            headers={"Authorization": "Basic " + text})

        answer = login("alice", token("alice", scope="read"))
        assert answer.status == 201 and answer.data["user_id"] == "alice"
        login("bob", token("alice", scope="read")).refuses(401)
        login("alice", token("alice", scope="read", secret="guess")).refuses(401)
        login("alice", "secret").refuses(401)
        assert login("alice", token("alice")).status in (401, 403)

    def test_files_of_httpd_may_be_guarded_too(self, guarded):
        def ask(header):
            return guarded.raw(b"GET /plain HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                               + header + b"\r\n").split(b"\r\n")[0]

        assert b" 401 " in ask(b"")
        assert b" 401 " in ask(b"Authorization: Bearer garbage\r\n")
        good = f"Authorization: Bearer {token('alice')}\r\n".encode()
        assert b" 404 " in ask(good)  # allowed in, and there is no such file

    def test_access_log_names_the_user(self, guarded):
        self.get(guarded, "/valid", "somebody-else")
        log = (guarded.dir / "logs" / "access.log")
        if log.exists():
            assert token() not in log.read_text()


class TestDatabaseAway:
    """A key that cannot be looked up is not said to be wrong; tokens need no database."""

    EXPECT = ("LLMQ0403", "LLMQ0404")
    CONF = "LLMQTokenSecret {dir}/secret\nLLMQKeyCache 100ms\n"

    def test_key_gets_2001(self, guarded, open_api):
        key = bearer("llmq_" + "A" * 43)
        refused_401(open_api.get("/messages", headers=key))
        guarded.query("ALTER TABLE llmq_keys RENAME TO llmq_gone")

        def away():
            return open_api.get("/messages", headers=key).status == 500

        until(away, "the negative answer to be forgotten")
        answer = open_api.get("/messages", headers=key).refuses(500, 2001)
        assert int(answer.headers["retry-after"]) > 0
        assert "www-authenticate" not in answer.headers
        assert open_api.get("/messages", headers=bearer(token())).status == 200


METHODS = {"M_GET": "GET", "M_POST": "POST", "M_PUT": "PUT", "M_DELETE": "DELETE"}


def admin_routes():
    """(method, path, flags) of every route below /admin, as the module's table has them."""
    text = (ROOT / "mod_llmq" / "http" / "route.c").read_text(encoding="utf-8")
    rows = re.findall(r'\{(M_\w+),\s*"(/admin[^"]*)",\s*\w+,\s*([\w |]+)\}', text)
    return [(METHODS[m], path.replace("*", "none"), flags) for m, path, flags in rows]


class TestAdmin:
    """Calls of administration: the claim, or LLMQAdmin where Require has decided."""

    EXPECT = SPOKEN
    CONF = """
        LLMQTokenSecret {dir}/secret
        LLMQDispatcher Off
        <Location /strict>
            SetHandler llmq-queue
            Require all granted
        </Location>
        <Location /trusting>
            SetHandler llmq-queue
            Require all granted
        </Location>
        <Location /trusting/admin>
            LLMQAdmin On
        </Location>
        <Location /far>
            SetHandler llmq-queue
            Require all granted
        </Location>
        <Location /far/admin>
            LLMQAdmin On
            Require ip 192.0.2.1
            Require llmq-admin
        </Location>
    """

    def test_there_are_such_routes_and_all_are_guarded(self):
        assert len(admin_routes()) >= 6
        assert [r for r in admin_routes() if "ROUTE_ADMIN" not in r[2]] == []

    @pytest.mark.parametrize("method, path", [r[:2] for r in admin_routes()])
    def test_without_the_right_it_is_403(self, guarded, method, path):
        api = guarded.new_api("/strict")
        for headers in ({}, bearer(token()), bearer(token(admin="true")),
                        {"Cookie": "access_token=" + token()}):
            answer = api.call(method, path, {}, headers=headers).refuses(403)
            assert answer.json["error"] == "forbidden"
        refused_401(api.call(method, path, {}, headers=bearer("garbage")))

    @pytest.mark.parametrize("method, path", [r[:2] for r in admin_routes()])
    def test_with_the_right_it_is_not(self, guarded, method, path):
        admin = bearer(token("root", admin=True))
        answer = guarded.new_api("/strict").call(method, path, {}, headers=admin)
        assert answer.status not in (401, 403), answer

    def test_location_may_trust_who_gets_in(self, guarded):
        api = guarded.new_api("/trusting")
        assert api.get("/admin/dead-letter").status == 200
        api.get("/admin/dead-letter", headers=bearer(token())).refuses(403)
        admin = bearer(token("root", admin=True))
        assert api.get("/admin/dead-letter", headers=admin).status == 200

    def test_claim_opens_what_the_address_does_not(self, guarded):
        """403, and not 500 because no AuthType is there to ask for a user."""
        api = guarded.new_api("/far")
        api.get("/admin/dead-letter").refuses(403)
        api.get("/admin/dead-letter", headers=bearer(token())).refuses(403)
        admin = bearer(token("root", admin=True))
        assert api.get("/admin/dead-letter", headers=admin).status == 200

    def test_shipped_location_trusts_this_machine(self, open_api):
        assert open_api.get("/admin/dead-letter").status == 200
        open_api.get("/admin/dead-letter", headers=bearer(token())).refuses(403)


SECRET_FAULTS = [
    ("LLMQTokenSecret /no/such/file", "LLMQTokenSecret"),
    ("LLMQTokenSecret /dev/null", "LLMQTokenSecret"),
    ("LLMQKeyCache 2h", "LLMQKeyCache"),
    ("<Location /x>\nLLMQKeyCache 1s\n</Location>", "LLMQKeyCache"),
    ("LLMQTokenIssuer ''", "LLMQTokenIssuer"),
    ("LLMQTokenLeeway soon", "LLMQTokenLeeway"),
    ("LLMQTokenSource body", "LLMQTokenSource"),
    ("LLMQAuth Maybe", "LLMQAuth"),
    ("LLMQAdmin Maybe", "LLMQAdmin"),
    ("<Location /x>\nRequire llmq-scope\n</Location>", "llmq-scope"),
    ("<Location /x>\nRequire llmq-admin yes\n</Location>", "llmq-admin"),
]


class TestSyntax:
    @pytest.mark.parametrize("text, name", SECRET_FAULTS, ids=[f[0][:40] for f in SECRET_FAULTS])
    def test_bad_value_is_caught(self, idle, text, name):
        idle.refusal(text, name)
