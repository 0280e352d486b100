"""What a reader of S0, S1 and S3 tries who has never seen the inside."""

import pytest

from llmq_env.ctl import run

TASK = {"task_type": "health_check", "kb_id": "kb_1", "payload": {}}


@pytest.mark.mpm
class TestPaths:
    """Odd paths and methods are answered as the document of that path has it."""

    CONF = "LLMQDispatcher Off\n"

    @pytest.mark.parametrize("path, allow", [
        ("/messages", {"GET", "HEAD", "POST"}),
        ("/messages/msg_1", {"GET", "HEAD", "DELETE"}),
        ("/messages/msg_1/status", {"PUT"}),
        ("/tasks/batch/", {"GET", "HEAD", "POST", "DELETE"}),
        ("/queues/info", {"GET", "HEAD"}),
        ("/admin/queues", {"GET", "HEAD"}),
    ])
    def test_trace_is_405_with_allow(self, api, path, allow):
        answer = api.call("TRACE", path, check=False)
        assert answer.status == 405, answer
        assert set(answer.headers["allow"].split(", ")) == allow | {"OPTIONS"}

    def test_trace_of_what_is_not_there(self, api):
        answer = api.call("TRACE", "/nothing", check=False)
        assert answer.status in (404, 405) and answer.json["code"] == answer.status

    @pytest.mark.parametrize("path", ["a%2Fb", "%2F", "%00", "conv_1%00", "%ff", "..%2f", "a%20b"])
    def test_id_of_a_conversation_that_cannot_be_one(self, api, path):
        for method in ("GET", "PUT", "DELETE"):
            body = {"title": "t"} if method == "PUT" else None
            api.call(method, f"/conversations/{path}", body).refuses(404, 1005, "conversation_id")
        api.post(f"/conversations/{path}/messages", {"content": "c"}).refuses(404, 1005)

    @pytest.mark.parametrize("path", ["a%2Fb", "%00"])
    def test_other_ids_that_cannot_be_one(self, api, path):
        api.get(f"/messages/{path}").refuses(404, 1004, "message_id")
        api.get(f"/tasks/{path}").denies(404, "TASK_NOT_FOUND")

    @pytest.mark.parametrize("charset", ["utf-8", "UTF-8", '"utf-8"', "utf8", "UTF8"])
    def test_utf8_by_all_its_names(self, api, charset):
        headers = {"Content-Type": f"application/json; charset={charset}"}
        answer = api.post("/messages", {"user_id": "u", "content": "消息"}, headers=headers)
        assert answer.status == 201 and answer.data["content"] == "消息"
        assert api.post("/tasks", TASK, headers=headers).status == 201

    def test_whole_number_with_a_point(self, api):
        """Clients without whole numbers write 3.0; to JSON that is 3."""
        assert api.send(max_retries=3e0)["max_retries"] == 3
        answer = api.post("/tasks", {**TASK, "max_retries": 2.0})
        assert answer.status == 201 and answer.json["max_retries"] == 2
        assert api.post("/workers/w/claim", {"limit": 1.0}).status == 200
        api.post("/workers/w/claim", {"limit": 1.5}).denies(400, "INVALID_REQUEST", "limit")
        api.post("/tasks", {**TASK, "max_retries": 2.5}).denies(400, "INVALID_REQUEST",
                                                                "max_retries")

    def test_byte_that_is_no_utf8_is_named(self, api):
        answer = api.call("POST", "/messages", b'{"user_id":"\xe6\xb6\x88\xff"}')
        assert "at byte 15)" in answer.refuses(400).json["details"]["reason"]

    @pytest.mark.parametrize("charset", ["utf-16", "latin1", "gbk", "utf"])
    def test_no_other_charset(self, api, charset):
        headers = {"Content-Type": f"application/json; charset={charset}"}
        api.post("/messages", {"user_id": "u", "content": "c"}, headers=headers).refuses(415)

    @pytest.mark.parametrize("wanted", ["bytes=0-3", "bytes=0-1,5-6", "bytes=999999-"])
    def test_answers_are_whole(self, api, wanted):
        for path in ("/queues/status", "/tasks", "/messages/msg_1"):
            answer = api.get(path, headers={"Range": wanted})
            assert answer.status in (200, 404) and answer.json, answer


# (a configuration, the line that must be blamed, what must be named)
STRAY = [
    ("<LLMQBackend b>\nLLMQMaxContent 5\n</LLMQBackend>", 2, "LLMQMaxContent"),
    ("<LLMQBackend b>\nLLMQBackendKind echo\nTimeout 5\n</LLMQBackend>", 3, "Timeout"),
    ("<LLMQBackend b>\nSetHandler llmq-queue\n</LLMQBackend>", 2, "SetHandler"),
    ("<LLMQBackend b>\n<LLMQBackend c>\n</LLMQBackend>\n</LLMQBackend>", 2, "<LLMQBackend"),
    ("<LLMQBackend b>\n<IfModule llmq_module>\nLLMQAuth On\n</IfModule>\n</LLMQBackend>", 3,
     "LLMQAuth"),
    ("<LLMQBackend b>\nLLMQAgentRetries 3\n</LLMQBackend>", 2, "LLMQAgentRetries"),
    ("<LLMQAgent a>\nLLMQRunConflict reuse\n</LLMQAgent>", 2, "LLMQRunConflict"),
]


class TestSections:
    """A section of a backend or agent takes its own lines; others would be obeyed, in silence,
    for the whole server."""

    @pytest.mark.parametrize("text, line, name", STRAY, ids=[stray[2] for stray in STRAY])
    def test_line_that_does_not_belong_there(self, idle, text, line, name):
        idle.refusal(text, name, line)

    def test_conditions_and_any_case_are_fine(self, new_server):
        new_server("sqlite3", """
            <LLMQBackend b>
                <IfModule llmq_module>
                    llmqbackendkind echo
                </IfModule>
                Define LLMQ_HERE 5
                LLMQBackendConcurrency ${LLMQ_HERE}
            </LLMQBackend>
            <LLMQAgent a>
                LLMQBackendKind echo
                LLMQAgentRetries 1
            </LLMQAgent>
        """).start()


class TestCtl:
    """llmqctl says what it has not understood."""

    @pytest.mark.parametrize("args, said", [
        (("nonsense",), "llmqctl: there is no command nonsense\n"),
        (("key", "nonsense"), "llmqctl: there is no command key nonsense\n"),
        (("key",), "llmqctl: there is no command key\n"), ((), "llmqctl: name a command\n"),
    ], ids=["noun", "verb", "no verb", "nothing"])
    def test_unknown_command(self, args, said):
        done = run(*args)
        assert done.returncode == 2 and not done.stdout
        assert done.stderr.startswith("usage: ") and done.stderr.endswith(said)
