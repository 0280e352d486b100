"""S0's table of errors (section 7), each number reached once over HTTP: status, code,
error_code, and Retry-After where trying again makes sense."""

import subprocess
import threading

import pytest

from llmq_env.conf import mounts
from llmq_env.errorlog import KILLED
from llmq_env.httpd import free_port
from llmq_env.wait import kill_process, until

BODY = {"user_id": "user_1", "content": "Hello"}
SLOW = "<LLMQBackend slow>\nLLMQBackendKind openai\nLLMQBackendURL {llm}\n</LLMQBackend>\n"


def refused(answer, status, error_code, retry):
    answer.refuses(status, error_code)
    assert answer.json["code"] == status
    assert answer.json["details"]["error_code"] == error_code
    assert ("retry-after" in answer.headers) == retry, answer.headers
    if retry:
        assert int(answer.headers["retry-after"]) >= 1
    return answer


class TestCallers:
    """What a caller does wrong, or must wait for."""

    CONF = SLOW + """
        LLMQQueueSize low 1
        LLMQRetryAfter 3s
    """ + mounts(closed="LLMQMaintenance On", slowly="LLMQRateLimit 1/hour")

    @pytest.mark.parametrize("code, fields", [
        (1001, {"content": ""}), (1002, {"content": "x" * 65537}),
        (1003, {"priority": "urgent"}), (1006, {"user_id": ""})])
    def test_bad_field(self, api, code, fields):
        refused(api.post("/messages", {**BODY, **fields}), 400, code, False)

    def test_1004(self, api):
        refused(api.get("/messages/msg_none"), 404, 1004, False)

    def test_1007(self, api, llm):
        llm.hold()
        for _ in range(40):
            answer = api.post("/messages", {**BODY, "priority": "low"})
            if answer.status != 201:
                break
        assert refused(answer, 503, 1007, True).headers["retry-after"] == "3"
        llm.release()

    def test_1008(self, server):
        refused(server.new_api("/closed").post("/messages", BODY), 503, 1008, True)

    def test_1009(self, server):
        api = server.new_api("/slowly")
        assert api.post("/messages", BODY).status == 201
        refused(api.post("/messages", BODY), 429, 1009, True)

    def test_1010(self, api, llm):
        llm.hold()
        answer = refused(api.post("/messages?wait=0.1", BODY), 408, 1010, False)
        llm.release()
        assert api.until_status(answer.json["details"]["id"])["status"] == "completed"


class TestSystem:
    """What goes wrong behind it."""

    CONF = SLOW + "LLMQAdmin On\nLLMQTimeout 10min\nLLMQMaxWait 10min\n"
    EXPECT = ("LLMQ0403", "LLMQ0706")

    def test_2004(self, server, api, llm):
        server.log.expect(*KILLED)
        llm.hold()
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(
            server.new_api().post("/messages?wait=600", BODY)))
        waiting.start()
        until(lambda: llm.calls, "the call")

        def kill_all():
            for pid in server.dispatchers():
                kill_process(pid)
            return answers
        until(kill_all, "the answer", 120)
        refused(answers[0], 500, 2004, True)
        llm.release()
        api.until_status(answers[0].json["details"]["id"])

    def test_2005(self, server, api):
        server.query("INSERT INTO llmq_settings (tenant, name, value, changed_at) "
                     "VALUES ('default', 'rules', '{not json', 1)")
        refused(api.get("/admin/preprocessor/rules"), 500, 2005, False)
        server.query("DELETE FROM llmq_settings WHERE name = 'rules'")

    def trouble(self, server, text, code):
        if server.store == "sqlite3":
            server.query("CREATE TRIGGER trouble BEFORE INSERT ON llmq_jobs "
                         f"BEGIN SELECT RAISE(ABORT, '{text}'); END")
            return
        server.query("CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS "
                     f"$$ BEGIN RAISE EXCEPTION '{text}' USING ERRCODE = '{code}'; END $$")
        server.query("CREATE TRIGGER trouble BEFORE INSERT ON llmq_jobs FOR EACH ROW "
                     "EXECUTE FUNCTION trouble()")

    def end_trouble(self, server):
        if server.store == "sqlite3":
            server.query("DROP TRIGGER trouble")
        else:
            server.query("DROP FUNCTION trouble CASCADE")

    @pytest.mark.parametrize("number, text, code", [
        (2006, "out of memory", "53200"),
        (2007, 'could not extend file "base/1/2": No space left on device', "53100")])
    def test_2006_and_2007(self, server, api, number, text, code):
        before = api.total()
        self.trouble(server, text, code)
        try:
            refused(api.post("/messages", BODY), 500, number, True)
            assert api.total() == before
        finally:
            self.end_trouble(server)
        until(lambda: api.post("/messages", BODY).status == 201, "its end")


class TestFullDisk:
    """SQLite on a small file system that is filled to the last byte."""

    EXPECT = ("LLMQ0403", "LLMQ0404", "LLMQ0706", "LLMQ0707")

    def test_2007(self, store, server, api):
        data = (server.dir / "data").resolve()
        if store != "sqlite3" or not self.mount(server, data):
            pytest.skip("SQLite, and the right to mount")
        try:
            assert api.post("/messages", BODY).status == 201
            filler = data / "filler"
            with open(filler, "wb", buffering=0) as f:
                try:
                    while f.write(b"x" * 4096) == 4096:
                        pass
                except OSError:
                    pass
            full = until(lambda: (lambda a: a if a.status != 201 else None)(
                api.post("/messages", {**BODY, "content": "x" * 60000})), "the end of the room")
            refused(full, 500, 2007, True)
            filler.unlink()
            until(lambda: api.post("/messages", BODY).status == 201, "room")
        finally:
            server.stop()
            subprocess.run(["umount", "-l", data], check=False)

    def mount(self, server, data):
        server.stop()
        owner = data.stat()
        done = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size=16m,uid={owner.st_uid},gid={owner.st_gid},"
             f"mode={owner.st_mode & 0o777:o}", "none", data], check=False, capture_output=True)
        server.start()
        return done.returncode == 0


class TestNoRedis:
    CONF = f"LLMQRedis 127.0.0.1:{free_port()} required timeout=100ms\n"
    EXPECT = ("LLMQ0601", "LLMQ0603")

    def test_2002(self, api):
        refused(api.post("/messages", BODY), 500, 2002, True)


class TestNoDatabase:
    EXPECT = ("LLMQ", "AH", "dbd")

    def test_2001(self, new_server):
        server = new_server("pgsql", "", dsn="host=/nonexistent dbname=none")
        server.log.always.update(("nonexistent", "connection to", "Is the server"))
        server.start(check=False)
        api = server.new_api()
        refused(until(lambda: api.post("/messages", BODY), "an answer"), 500, 2001, True)


class TestNoBackend:
    CONF = ("LLMQAdmin On\n<LLMQBackend gone>\nLLMQBackendKind openai\n"
            f"LLMQBackendURL http://127.0.0.1:{free_port()}/v1\n</LLMQBackend>\n")
    EXPECT = ("LLMQ05",)

    def test_2008(self, api):
        refused(api.post("/admin/backends/gone/check"), 500, 2008, False)


class TestNoPlace:
    CONF = SLOW + "LLMQMaxHeld 1\nLLMQTimeout 10min\nLLMQMaxWait 10min\n"

    def test_2003(self, server, api, llm):
        llm.hold()
        waiting = threading.Thread(
            target=lambda: server.new_api().post("/messages?wait=600", BODY,
                                                headers={"Idempotency-Key": "held-1"}))
        waiting.start()
        until(lambda: llm.calls, "the call")
        refused(api.post("/messages?wait=1", BODY, headers={"Idempotency-Key": "held-2"}),
                503, 2003, True)
        llm.release()
        waiting.join()
