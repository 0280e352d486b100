"""Configuration: every bad value is caught by the syntax check, by name, file and line."""

import pytest

BACKEND = "<LLMQBackend b>\nLLMQBackendKind openai\nLLMQBackendURL http://127.0.0.1:1/v1\n"

# (text, the line that must be blamed, what must be said)
BAD = [
    ("LLMQDispatcher Maybe", 1, "LLMQDispatcher"),
    ("LLMQQueueSize urgent 10", 1, "LLMQQueueSize"),
    ("LLMQQueueSize high", 1, "LLMQQueueSize"),
    ("LLMQQueueSize high 0", 1, "LLMQQueueSize"),
    ("LLMQQueueSize high -5", 1, "LLMQQueueSize"),
    ("LLMQQueueSize high many", 1, "LLMQQueueSize"),
    ("LLMQQueueSize high 10x", 1, "LLMQQueueSize"),
    ("LLMQQueueSize high 99999999999999999999", 1, "LLMQQueueSize"),
    ("LLMQQueueConcurrency low 0", 1, "LLMQQueueConcurrency"),
    ("LLMQQueueConcurrency lowest 1", 1, "LLMQQueueConcurrency"),
    ("LLMQMaxContent 0", 1, "LLMQMaxContent"),
    ("LLMQMaxContent lots", 1, "LLMQMaxContent"),
    ("LLMQMaxDepth 0", 1, "LLMQMaxDepth"),
    ("LLMQMaxDepth deep", 1, "LLMQMaxDepth"),
    ("LLMQMaxTree 65535", 1, "LLMQMaxTree"),
    ("LLMQMaxTree tall", 1, "LLMQMaxTree"),
    ("LLMQMaxRetries -1", 1, "LLMQMaxRetries"),
    ("LLMQTimeout 0", 1, "LLMQTimeout"),
    ("LLMQTimeout soon", 1, "LLMQTimeout"),
    ("LLMQTimeout 10parsecs", 1, "LLMQTimeout"),
    ("LLMQRetryDelay", 1, "LLMQRetryDelay"),
    ("LLMQRetryDelay x", 1, "LLMQRetryDelay"),
    ("LLMQRetryDelay 10s 1s", None, "LLMQRetryDelay"),
    ("LLMQNode a/b", 1, "LLMQNode"),
    ("LLMQNode ''", 1, "LLMQNode"),
    ("LLMQNodeTimeout never", 1, "LLMQNodeTimeout"),
    ("LLMQTenant 'a b'", 1, "LLMQTenant"),
    ("LLMQTenant " + "x" * 129, 1, "LLMQTenant"),
    ("LLMQStoreTimeout 0", 1, "LLMQStoreTimeout"),
    ("LLMQRetryAfter later", 1, "LLMQRetryAfter"),
    ("LLMQDispatchBatch 0", 1, "LLMQDispatchBatch"),
    ("LLMQDispatchBatch all", 1, "LLMQDispatchBatch"),
    ("LLMQCommitRows 0", 1, "LLMQCommitRows"),
    ("LLMQCommitDelay 1year", 1, "LLMQCommitDelay"),
    ("LLMQCommitDelay 1ms 0", 1, "LLMQCommitDelay"),
    ("LLMQNoSuchThing 1", 1, "LLMQNoSuchThing"),
    ("<LLMQBackend>\n</LLMQBackend>", 1, "LLMQBackend"),
    ("<LLMQBackend a/b>\n</LLMQBackend>", 1, "LLMQBackend"),
    ("<LLMQBackend a b>\n</LLMQBackend>", 1, "LLMQBackend"),
    ("<LLMQBackend b>", 1, "LLMQBackend"),
    (BACKEND + "</LLMQBackend>\n" + BACKEND + "</LLMQBackend>", 5, "LLMQBackend"),
    ("LLMQBackendKind echo", 1, "LLMQBackend"),
    ("<LLMQBackend b>\nLLMQBackendKind oracle\n</LLMQBackend>", 2, "LLMQBackendKind"),
    ("<LLMQBackend b>\nLLMQBackendKind openai\n</LLMQBackend>", 1, "LLMQBackendURL"),
    ("<LLMQBackend b>\nLLMQBackendURL ftp://x/v1\n</LLMQBackend>", 2, "LLMQBackendURL"),
    ("<LLMQBackend b>\nLLMQBackendURL x\n</LLMQBackend>", 2, "LLMQBackendURL"),
    ("<LLMQBackend b>\nLLMQBackendURL http://u:secret@h/\n</LLMQBackend>", 2, "LLMQBackendURL"),
    ("<LLMQBackend b>\nLLMQBackendKeyFile /no/such/file\n</LLMQBackend>", 2,
     "LLMQBackendKeyFile"),
    ("<LLMQBackend b>\nLLMQBackendKeyFile /dev/null\n</LLMQBackend>", 2, "LLMQBackendKeyFile"),
    ("<LLMQBackend b>\nLLMQBackendModel ''\n</LLMQBackend>", 2, "LLMQBackendModel"),
    ("<LLMQBackend b>\nLLMQBackendStream Perhaps\n</LLMQBackend>", 2, "LLMQBackendStream"),
    ("<LLMQBackend b>\nLLMQBackendConcurrency 0\n</LLMQBackend>", 2, "LLMQBackendConcurrency"),
    ("<LLMQBackend b>\nLLMQBackendConnectTimeout x\n</LLMQBackend>", 2,
     "LLMQBackendConnectTimeout"),
    ("<LLMQBackend b>\nLLMQBackendFirstTimeout 0\n</LLMQBackend>", 2, "LLMQBackendFirstTimeout"),
    ("<LLMQBackend b>\nLLMQBackendTotalTimeout -1s\n</LLMQBackend>", 2,
     "LLMQBackendTotalTimeout"),
    ("<LLMQBackend b>\nLLMQBackendMaxAnswer 5\n</LLMQBackend>", 2, "LLMQBackendMaxAnswer"),
    ("<Location /x>\nLLMQDispatcher Off\n</Location>", 2, "LLMQDispatcher"),
    ("<Location /x>\nLLMQQueueSize high 5\n</Location>", 2, "LLMQQueueSize"),
    ("<Location /x>\nSetHandler llmq-nonsense\n</Location>", 2, "llmq-nonsense"),
    ("<Directory /x>\nSetHandler llmq-queue\n</Directory>", 2, "SetHandler"),
]

GOOD = """
    LLMQDispatcher On
    LLMQNode node-1.example:8080
    LLMQNodeTimeout 1min
    LLMQQueueSize realtime 10
    LLMQQueueConcurrency realtime 3
    LLMQRetryDelay 500ms 2min
    LLMQStoreTimeout 3s
    LLMQCommitRows 100
    LLMQDispatchBatch 8
    LLMQCommitDelay 1ms 8
    LLMQMaxContent 1000
    LLMQMaxDepth 10
    LLMQMaxRetries 0
    LLMQTimeout 1h
    LLMQRetryAfter 1s
    LLMQTenant some.tenant
    <LLMQBackend "quoted-name">
        LLMQBackendKind openai
        LLMQBackendURL https://llm.example.com:8443/v1/
        LLMQBackendModel "a model"
        LLMQBackendStream On
        LLMQBackendConcurrency 5
        LLMQBackendConnectTimeout 500ms
        LLMQBackendFirstTimeout 10s
        LLMQBackendTotalTimeout 5min
        LLMQBackendMaxAnswer 1000000
    </LLMQBackend>
    <LLMQBackend spare>
        LLMQBackendKind echo
    </LLMQBackend>
"""


class TestSyntaxCheck:
    """server.sh start runs httpd -t first, as apachectl does."""

    @pytest.mark.parametrize("text, line, name", BAD, ids=[bad[0][:60] for bad in BAD])
    def test_bad_value_is_caught(self, idle, text, line, name):
        assert "secret" not in idle.refusal(text, name, line)

    @pytest.mark.parametrize("length", [4097, 8192])
    def test_key_that_is_too_long_is_not_cut(self, idle, tmp_path, length):
        key = tmp_path / "key"
        key.write_text("k" * length + "\n", encoding="ascii")
        text = f"<LLMQBackend b>\nLLMQBackendKeyFile {key}\n</LLMQBackend>"
        assert "kkkk" not in idle.refusal(text, "LLMQBackendKeyFile", 2)

    def test_good_values_are_accepted(self, new_server):
        new_server("sqlite3", GOOD).start()


class TestBadReload:
    """A faulty configuration never takes a running server down."""

    @pytest.mark.parametrize("how", ["graceful", "restart"])
    def test_running_server_stays(self, store, server, api, how):
        before = server.parent_pid
        server.configure("LLMQQueueSize high none\n")
        done = server.script(how, check=False)
        assert done.returncode != 0 and "LLMQQueueSize" in done.stdout
        assert server.parent_pid == before
        assert api.until_status(api.send()["id"])["status"] == "completed"
        server.configure("")


class TestReload:
    """Directives take effect with a graceful restart, while messages wait."""

    CONF = "LLMQDispatcher Off\nLLMQQueueSize low 3\n"

    def test_level_grows_and_shrinks(self, server, api):
        for _ in range(3):
            api.send(priority="low")
        full = {"user_id": "u", "content": "c", "priority": "low"}
        api.post("/messages", full).refuses(503, 1007)
        server.configure("LLMQDispatcher Off\nLLMQQueueSize low 4\n")
        server.graceful()
        api.send(priority="low")
        api.post("/messages", full).refuses(503, 1007)
        server.configure("LLMQDispatcher Off\nLLMQQueueSize low 2\n")
        server.graceful()
        assert (api.level("low")["size"], api.level("low")["max_size"]) == (4, 2)
        api.post("/messages", full).refuses(503, 1007)
