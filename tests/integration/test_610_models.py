"""LLMQModel, and what becomes of completions that nobody waits for."""

import json
import time

import pytest

from llmq_env.wait import until

BAD = [
    ("LLMQModel", 1, "LLMQModel"),
    ("LLMQModel gpt", 1, "LLMQModel"),
    ('LLMQModel "" a', 1, "LLMQModel"),
    (f"LLMQModel {'x' * 129} a", 1, "LLMQModel"),
    ("LLMQCompletionTTL", 1, "LLMQCompletionTTL"),
    ("LLMQCompletionTTL never", 1, "LLMQCompletionTTL"),
    ("LLMQCompletionTTL 500ms", 1, "LLMQCompletionTTL"),
    ("LLMQModel gpt a=", 1, "LLMQModel"),
    ("LLMQModel gpt =b", 1, "LLMQModel"),
    ("<VirtualHost *:1>\nLLMQModel gpt a\n</VirtualHost>", 2, "LLMQModel"),
    ("<LLMQBackend a>\n</LLMQBackend>\n"
     + "".join(f"LLMQModel m{i} a\n" for i in range(257)), 259, "256 models"),
]

# Found when all is read.
WRONG = [
    ("LLMQModel gpt a", 1, "there is no such backend"),
    ("LLMQModel gpt a b\n<LLMQBackend a>\n</LLMQBackend>", 1, "there is no such backend"),
    ("<LLMQBackend a>\n</LLMQBackend>\nLLMQModel gpt echo", 3, "there is no such backend"),
    ("<LLMQBackend a>\n</LLMQBackend>\nLLMQModel gpt a a=b", 3, "it was named before"),
    ("<LLMQBackend a>\nLLMQBackendKind http\nLLMQBackendURL http://127.0.0.1:1\n"
     "</LLMQBackend>\nLLMQModel gpt a", 5, "a backend of kind http has no models"),
]

GOOD = """
    LLMQCompletionTTL 0
    LLMQCompletionTTL 87840h
    LLMQModel gpt a=gpt-4o b
    LLMQModel gpt c
    LLMQModel "a model/with: signs" a
    <LLMQBackend a>
    </LLMQBackend>
    <LLMQBackend b>
        LLMQBackendModel llama
    </LLMQBackend>
    <LLMQBackend c>
    </LLMQBackend>
"""


class TestSyntaxCheck:
    @pytest.mark.parametrize("text, line, name", BAD, ids=[bad[0][:60] for bad in BAD])
    def test_bad_value_is_caught(self, idle, text, line, name):
        idle.refusal(text, name, line)

    @pytest.mark.parametrize("text, line, why", WRONG, ids=[wrong[2] + str(i) for i, wrong
                                                      in enumerate(WRONG)])
    def test_wrong_backends_are_caught(self, idle, text, line, why):
        idle.refusal(text, why, line)

    def test_good_values_are_accepted(self, new_server):
        new_server("sqlite3", GOOD).start()

    def test_the_built_in_backend_can_be_named(self, new_server):
        new_server("sqlite3", "LLMQModel gpt echo=small").start()


class TestLeftovers:
    """Rows of a server that died: nobody can be waiting for them."""

    def test_what_nobody_waits_for_is_canceled(self, store, new_server):
        server = new_server(store, "LLMQNode here")
        server.start()
        api = server.new_api()
        # It has ended, so that the server is stopped with nothing under way.
        api.until_status(api.send(user_id="u")["id"])
        server.stop()
        now = int(time.time() * 1e6)
        body = json.dumps({"model": "echo", "messages": [{"role": "user", "content": "hi"}]})
        metadata = json.dumps({"path": "/chat/completions", "stream": True})
        server.query(
            "INSERT INTO llmq_jobs (id, tenant, user_id, payload, metadata, created_at,"
            " updated_at, run_at, timeout_usec, attempt, max_retries, kind, level, type, node)"
            f" VALUES ('cmpl_left', 'default', 'u', '{body}', '{metadata}', {now}, {now},"
            f" {now}, 60000000, 0, 3, 5, 3, 'echo', 'here')")
        server.start()

        def status():
            return server.query("SELECT status, dead_letter, retry_count FROM llmq_jobs"
                                " WHERE id = 'cmpl_left'")[0]

        until(lambda: int(status()[0]) >= 2, "the end of what was left")
        assert [int(n) for n in status()] == [5, 0, 0]
        # S0 knows nothing of it.
        api = server.new_api()
        assert api.total("&user_id=u") == 1
        assert api.get("/messages/cmpl_left").status == 404
