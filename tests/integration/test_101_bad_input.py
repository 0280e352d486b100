"""What must not go in: the right refusal, never a 500, never HTML, and nothing stored."""

import json

import pytest

GOOD = {"user_id": "user_1", "content": "Hello"}


def body(**fields):
    return {**GOOD, **fields}


@pytest.mark.mpm
class TestBadMessages:
    """No call of this class may leave a message behind."""

    CONF = "LLMQDispatcher Off\n"

    @pytest.fixture(autouse=True)
    def nothing_is_stored(self, api):
        yield
        assert api.total() == 0
        assert api.queues()["total_size"] == 0

    @pytest.mark.parametrize("content", ["", " ", "\t\r\n", "\u00a0\u2003\u3000"])
    def test_empty_content_is_1001(self, api, content):
        answer = api.post("/messages", body(content=content)).refuses(400, 1001, "content")
        assert answer.json["message"] == "Invalid request parameters"
        assert answer.json["error"] == "validation failed"
        assert answer.json["details"]["reason"] == "content cannot be empty"

    def test_missing_content_is_1001(self, api):
        api.post("/messages", {"user_id": "u"}).refuses(400, 1001, "content")
        api.post("/messages", body(content=None)).refuses(400, 1001, "content")

    @pytest.mark.parametrize("content", ["x" * 65537, "ä" * 32768 + "x"])
    def test_content_of_65537_bytes_is_1002(self, api, content):
        api.post("/messages", body(content=content)).refuses(400, 1002, "content")

    @pytest.mark.parametrize("priority", [
        "urgent", "critical", "NORMAL", "", " normal", 0, 5, -1, 1.5, "1", True, [], {}, 2**70])
    def test_unknown_priority_is_1003(self, api, priority):
        api.post("/messages", body(priority=priority)).refuses(400, 1003, "priority")

    @pytest.mark.parametrize("user", [None, "", "x" * 129, 7, [], {}, True, "a\u0007b", "a\nb"])
    def test_bad_user_is_1006(self, api, user):
        api.post("/messages", body(user_id=user)).refuses(400, 1006, "user_id")

    def test_missing_user_is_1006(self, api):
        api.post("/messages", {"content": "c"}).refuses(400, 1006, "user_id")

    @pytest.mark.parametrize("content", [1, True, [], {}, ["text"], 1.5])
    def test_content_of_another_type_is_400(self, api, content):
        api.post("/messages", body(content=content)).refuses(400, None, "content")

    @pytest.mark.parametrize("conversation", [
        7, True, [], {}, "with space", "semi;colon", "sl/ash", "ümlaut", "x" * 129, "a'b", "a\nb"])
    def test_bad_conversation_id_is_400(self, api, conversation):
        api.post("/messages", body(conversation_id=conversation)).refuses(
            400, None, "conversation_id")

    @pytest.mark.parametrize("metadata", ["text", 1, True, [], [{}]])
    def test_metadata_must_be_an_object(self, api, metadata):
        api.post("/messages", body(metadata=metadata)).refuses(400, None, "metadata")

    @pytest.mark.parametrize("text", [
        b"", b" ", b"{", b"}", b"[", b"nonsense", b"{'user_id':'u'}", b'{"user_id":"u",}',
        b'{"user_id":"u" "content":"c"}', b'{"user_id":"u","content":"c"} trailing',
        b'{"user_id":"u","content":"c"}{}', b'{"user_id":"u","content":NaN}',
        b'{"user_id":"u","content":Infinity}', b'{"user_id":"u","content":"c"/*c*/}',
        b'{"user_id":"u","content":"unfinished', b'{"user_id":"u","content":"bad \\x escape"}',
        b'{"user_id":"u","content":"c","n":01}', b'{"user_id":"u","content":"c","n":+1}',
        b'\xef\xbb\xbf{"user_id":"u","content":"c"',
    ])
    def test_broken_json_is_400(self, api, text):
        self.refuse_text(api, text)

    @pytest.mark.parametrize("text", [
        b'{"user_id":"u","content":"\xff"}', b'{"user_id":"u","content":"\xc3("}',
        b'{"user_id":"u","content":"\xc0\xaf"}', b'{"user_id":"u","content":"\xed\xa0\x80"}',
        b'{"user_id":"u","content":"\xf4\x90\x80\x80"}', b'{"user_id":"\xe4","content":"c"}',
        b'{"user_id":"u","content":"c","metadata":{"\xfe":1}}',
        b'{"user_id":"u","content":"\\ud800"}', b'{"user_id":"u","content":"\\udc00\\ud800"}',
    ])
    def test_invalid_utf8_is_400(self, api, text):
        self.refuse_text(api, text)

    @pytest.mark.parametrize("text", [
        b'{"user_id":"u","content":"a\x00b"}', b'{"user_id":"u","content":"c"}\x00',
        b'\x00{"user_id":"u","content":"c"}', b'{"user_id":"u","content":"a\\u0000b"}',
        b'{"user_id":"u\\u0000","content":"c"}',
        b'{"user_id":"u","content":"c","metadata":{"k":"\\u0000"}}',
        b'{"user_id":"u","content":"c","metadata":{"\\u0000":1}}',
        b'{"user_id":"u","content":"raw \x01 control"}', b'{"user_id":"u","content":"raw \n"}',
    ])
    def test_nul_and_raw_control_bytes_are_400(self, api, text):
        self.refuse_text(api, text)

    @pytest.mark.parametrize("depth", [64, 65, 1000, 100000])
    def test_too_deep_nesting_is_400(self, api, depth):
        text = '{"user_id":"u","content":"c","metadata":%s%s}' % (
            '{"a":' * depth + "1", "}" * depth)
        self.refuse_text(api, text.encode())
        self.refuse_text(api, b"[" * depth + b"]" * depth)

    @pytest.mark.parametrize("value", ["[]", '"text"', "1", "true", "null", "[{}]"])
    def test_body_must_be_an_object(self, api, value):
        self.refuse_text(api, value.encode())

    @staticmethod
    def refuse_text(api, text):
        answer = api.post("/messages", text, headers={"Content-Type": "application/json"})
        answer.refuses(400)

    @pytest.mark.parametrize("content_type", [
        "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
        "application/xml", "application/jsonx", "json", "application/json; charset=iso-8859-1"])
    def test_other_content_types_are_415(self, api, content_type):
        api.post("/messages", json.dumps(GOOD), headers={"Content-Type": content_type}).refuses(415)

    def test_compressed_body_is_415(self, api):
        api.post("/messages", b"\x1f\x8b\x08", headers={
            "Content-Type": "application/json", "Content-Encoding": "gzip"}).refuses(415)

    def test_unfinished_body_stores_nothing(self, server):
        server.raw(b"POST /api/v1/messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                   b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
                   b'{"user_id":"u","content":"c"}')

    @pytest.mark.parametrize("framing", [
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        b"Content-Length: nonsense\r\n\r\n{}",
        b"Content-Length: -1\r\n\r\n{}",
        b"Transfer-Encoding: nonsense\r\n\r\n{}",
    ])
    def test_bad_framing_is_refused_in_json(self, server, framing):
        server.log.expect("AH01585", "AH02432", "AH01593", "AH10122")
        got = server.raw(b"POST /api/v1/messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                         b"Content-Type: application/json\r\n" + framing)
        head, _, text = got.partition(b"\r\n\r\n")
        assert head.split()[1] in (b"400", b"501"), got
        assert json.loads(text)["code"] == int(head.split()[1])


class TestOddIds:
    """Ids in the path: an id that cannot be is a message that does not exist."""

    CONF = "LLMQDispatcher Off\n"

    ODD = ["nope", "msg_", "msg_00000000000000000000000000", "x" * 129, "x" * 2000, "a%20b",
           "%F0%9F%9A%80", "%ff%fe", "a'b", "a%22b", "a;b", "%25", "..", "...", "msg_%0a",
           "1%20OR%201=1", "%27%20OR%20%27%27=%27", "%2e%2e", "a%5cb", "*", "$(id)", "%7B%7D"]

    @pytest.mark.parametrize("odd", ODD)
    def test_odd_id_is_a_404(self, api, odd):
        for answer in (api.get(f"/messages/{odd}"), api.delete(f"/messages/{odd}"),
                       api.set_status(odd, "processing")):
            assert answer.status == 404, answer
            assert answer.json.get("error_code") in (1004, None), answer

    @pytest.mark.parametrize("odd", ["%00", "a%00b", "a%2fb", "%zz", "%"])
    def test_undecodable_path_is_refused_in_json(self, server, api, odd):
        server.log.expect("AH00026", "AH10244", "AH10513")
        answer = api.get(f"/messages/{odd}")
        assert answer.status in (400, 404), answer


class TestLimits:
    """The limits are the administrator's to change."""

    CONF = """
        LLMQDispatcher Off
        <Location /api/v1>
            LimitRequestBody 4096
            LLMQMaxContent 100
            LLMQMaxDepth 3
            LLMQMaxRetries 7
            LLMQTimeout 90s
        </Location>
    """

    def test_body_above_limit_is_413(self, api):
        answer = api.post("/messages", body(content="c", metadata={"pad": "x" * 5000}))
        answer.refuses(413)
        assert api.total() == 0

    def test_chunked_body_above_limit_is_413(self, server, api):
        chunk = b"1000\r\n" + b" " * 4096 + b"\r\n"
        got = server.raw(b"POST /api/v1/messages HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                         b"Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
                         + chunk * 3 + b"0\r\n\r\n")
        assert got.startswith(b"HTTP/1.1 413 "), got
        assert b'"code":413' in got
        assert api.total() == 0

    def test_content_above_limit_is_1002(self, api):
        api.post("/messages", body(content="x" * 101)).refuses(400, 1002, "content")

    def test_depth_above_limit_is_400(self, api):
        api.post("/messages", body(metadata={"a": {"b": 1}}))
        api.post("/messages", body(metadata={"a": {"b": {"c": 1}}})).refuses(400)

    def test_message_shows_its_limits(self, api):
        data = api.send(content="x" * 100)
        assert (data["max_retries"], data["timeout"]) == (7, "1m30s")
