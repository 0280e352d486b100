"""Idempotency-Key: however often a request is sent, it is done once."""

import concurrent.futures
import itertools
import threading

import pytest

from llmq_env.conf import FAKE, mounts
from llmq_env.errorlog import KILLED
from llmq_env.wait import kill_process, until

BODY = {"user_id": "user_1", "content": "Hello"}
serial = itertools.count(1)


@pytest.fixture
def key():
    return f"key-{next(serial)}"


def post(api, key, path="/messages", body=None):
    return api.post(path, body or BODY, headers={"Idempotency-Key": key})


class TestKey:
    CONF = mounts(other="LLMQTenant other", brief="LLMQIdempotencyTTL 1s")

    @pytest.mark.mpm
    def test_replay_is_byte_for_byte(self, api, key):
        before = api.total()
        first = post(api, key)
        assert first.status == 201 and "idempotent-replayed" not in first.headers
        again = post(api, key)
        assert (again.status, again.body) == (first.status, first.body)
        assert again.headers["location"] == first.headers["location"]
        assert again.headers["idempotent-replayed"] == "true"
        assert api.total() == before + 1

    def test_message_has_an_id_like_any_other(self, api, key):
        data = post(api, key).data
        assert data["id"].startswith("msg_") and len(data["id"]) == 30
        assert api.until_status(data["id"])["status"] == "completed"

    def test_replay_stays_what_it_was(self, api, key):
        first = post(api, key)
        api.until_status(first.data["id"])
        assert post(api, key).data["status"] == "pending"

    def test_waiting_answer_is_replayed_without_waiting(self, api, key):
        first = post(api, key, "/messages?wait=30")
        assert first.data["status"] == "completed"
        assert post(api, key, "/messages").body == first.body

    def test_other_body_is_422(self, api, key):
        post(api, key)
        before = api.total()
        post(api, key, body={**BODY, "content": "Other"}).refuses(422, None, "Idempotency-Key")
        assert api.total() == before

    @pytest.mark.parametrize("bad", ["", " ", "a b", "x" * 256, "tab\there", "\xe4", "\x7f"])
    def test_bad_key_is_400(self, api, bad):
        before = api.total()
        assert post(api, bad).status == 400
        assert api.total() == before

    def test_longest_key(self, api):
        long = "~" * 255
        assert post(api, long).body == post(api, long).body

    def test_refused_request_frees_its_key(self, api, key):
        post(api, key, body={**BODY, "content": ""}).refuses(400, 1001)
        assert post(api, key).status == 201

    def test_key_belongs_to_its_tenant(self, server, api, key):
        other = server.new_api("/other")
        assert post(api, key).data["id"] != post(other, key).data["id"]

    def test_key_belongs_to_its_path(self, server, api, key):
        brief = server.new_api("/brief")
        assert post(api, key).data["id"] != post(brief, key).data["id"]

    def test_other_methods_take_no_notice(self, api, key):
        message = post(api, key).data
        headers = {"Idempotency-Key": key}
        assert api.get(f"/messages/{message['id']}", headers=headers).status == 200
        until(lambda: api.message(message["id"])["status"] == "completed", "it to end")
        for _ in range(2):
            assert api.put(f"/messages/{message['id']}/status", {"status": "completed"},
                           headers=headers).status == 200

    def test_expired_key_is_as_new(self, server, key):
        brief = server.new_api("/brief")
        first = post(brief, key)
        until(lambda: post(brief, key).data["id"] != first.data["id"], "the key to expire")

    def test_expired_rows_are_removed(self, server, key):
        post(server.new_api("/brief"), key)
        until(lambda: server.query("SELECT count(*) FROM llmq_idempotency "
                                   "WHERE expires_at - created_at < 2000000")[0][0] == 0,
              "the janitor", 90)

    @pytest.mark.mpm
    def test_fifty_at_once_make_one_message(self, server, api, key):
        before = api.total()

        def once(_):
            mine = server.new_api()
            return until(lambda: (lambda a: a if a.status != 409 else None)(post(mine, key)),
                         "an answer")
        with concurrent.futures.ThreadPoolExecutor(50) as pool:
            answers = list(pool.map(once, range(50)))
        assert {a.status for a in answers} == {201}
        assert len({a.body for a in answers}) == 1
        assert sum("idempotent-replayed" not in a.headers for a in answers) == 1
        assert api.total() == before + 1


class TestTroubles:
    # The lease of a claim is 5 s longer than the store may take.
    CONF = FAKE + "LLMQStoreTimeout 5s\nLLMQTimeout 10min\nLLMQMaxWait 10min\n"

    def test_key_in_use_is_409(self, server, api, llm, key):
        llm.hold()
        answers = []
        waiting = threading.Thread(target=lambda: answers.append(
            post(server.new_api(), key, "/messages?wait=600")))
        waiting.start()
        until(lambda: llm.calls, "the call")
        busy = post(api, key).refuses(409, None, "Idempotency-Key")
        assert int(busy.headers["retry-after"]) >= 1
        post(api, key, body={**BODY, "content": "Other"}).refuses(422)
        llm.release()
        waiting.join()
        assert post(api, key).body == answers[0].body

    def test_retry_after_a_time_out_finds_the_same_message(self, api, llm, key):
        llm.hold()
        before = api.total()
        late = post(api, key, "/messages?wait=0.2").refuses(408, 1010)
        llm.release()
        again = post(api, key, "/messages?wait=600")
        assert again.status == 201
        assert again.data["id"] == late.json["details"]["id"]
        assert again.data["status"] == "completed"
        assert api.total() == before + 1

    @pytest.mark.mpm
    def test_killed_child_and_retry_make_one_message(self, server, api, llm, key):
        server.log.expect(*KILLED)
        llm.hold()
        before = api.total()
        api.close()

        def in_vain():
            try:
                post(server.new_api(), key, "/messages?wait=600")
            except Exception:  # the connection breaks, as it must
                pass
        waiting = threading.Thread(target=in_vain)
        waiting.start()
        until(lambda: llm.calls, "the call")
        for pid in server.workers():
            kill_process(pid)
        waiting.join()
        llm.release()
        fresh = server.new_api()

        def retry():
            try:
                answer = post(fresh, key)
            except OSError:
                return None
            return answer if answer.status != 409 else None
        answer = until(retry, "the lease to end")
        assert answer.status == 201
        fresh.until_status(answer.data["id"])
        assert fresh.total() == before + 1

    def test_claim_left_by_a_crash_before_the_message_makes_it_once(self, server, api, key):
        # As if the process had died between the claim and the commit.
        first = post(api, key)
        server.query("UPDATE llmq_idempotency SET state = 0, body = NULL, "
                           "lease_until = 1 WHERE state = 2")
        before = api.total()
        again = post(api, key)
        assert again.status == 201 and "idempotent-replayed" not in again.headers
        assert again.data["id"] == first.data["id"]
        assert api.total() == before
