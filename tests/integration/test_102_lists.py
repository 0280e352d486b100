"""S0 2.3: filters, pages, sorting of GET /messages."""

import pytest

from llmq_env.api import LEVELS


class TestLists:
    """Sixty messages: three users, four levels, five conversations in turn."""

    CONF = "LLMQDispatcher Off\n"

    @pytest.fixture(scope="class", autouse=True)
    def messages(self, server):
        api = server.new_api()
        made = [api.send(f"m{i}", user_id=f"user_{i % 3}", priority=LEVELS[i % 4],
                         conversation_id=f"conv_{i % 5}") for i in range(60)]
        for message in made[:8]:
            api.set_status(message["id"], "processing")
        for message in made[:2]:
            api.set_status(message["id"], "completed", result="done")
        for message in made[2:5]:
            api.set_status(message["id"], "failed")
        api.set_status(made[5]["id"], "timeout")
        return made

    @staticmethod
    def listed(api, query):
        answer = api.get(f"/messages?{query}")
        assert answer.status == 200, answer
        return answer.data

    def test_default_is_page_one_of_twenty_newest_first(self, api, messages):
        data = self.listed(api, "")
        assert data["pagination"] == {"page": 1, "page_size": 20, "total": 60, "total_pages": 3}
        assert [m["id"] for m in data["messages"]] == [m["id"] for m in messages[:39:-1]]

    def test_items_have_the_members_of_the_sample(self, api):
        for item in self.listed(api, "")["messages"]:
            assert {"id", "conversation_id", "user_id", "content", "priority", "status",
                    "created_at", "updated_at"} <= set(item)

    def test_pages_cover_everything_once(self, api, messages):
        got = []
        for page in range(1, 10):
            got += [m["id"] for m in
                    self.listed(api, f"page={page}&page_size=7&order=asc")["messages"]]
        assert got == [m["id"] for m in messages]

    def test_page_beyond_the_last_is_empty(self, api):
        for page in (4, 1000, 999999999, 2**31, 2**64):
            data = self.listed(api, f"page={page}")
            assert data["messages"] == [] and data["pagination"]["total"] == 60

    @pytest.mark.parametrize("size", [101, 1000, 2**31, 2**64])
    def test_page_size_is_clamped_to_100(self, api, size):
        data = self.listed(api, f"page_size={size}")
        assert data["pagination"]["page_size"] == 100 and len(data["messages"]) == 60

    @pytest.mark.parametrize("query, field", [
        ("page=0", "page"), ("page=-1", "page"), ("page=x", "page"), ("page=1.5", "page"),
        ("page_size=0", "page_size"), ("page_size=-5", "page_size"), ("page_size=abc", "page_size"),
        ("sort=content", "sort"), ("sort=id;drop", "sort"), ("order=up", "order"),
        ("order=DESC", "order"), ("queue_name=urgent", "queue_name"),
        ("queue_name=high&priority=low", "queue_name"), ("status=done", "status"), ("status=PENDING", "status")])
    def test_bad_parameter_is_400(self, api, query, field):
        api.get(f"/messages?{query}").refuses(400, None, field)

    def test_unknown_priority_is_1003(self, api):
        api.get("/messages?priority=urgent").refuses(400, 1003, "priority")

    @pytest.mark.parametrize("query", ["user_id=%zz", "user_id=%ff", "conversation_id=%00",
                                       "%ff=1"])
    def test_undecodable_query_is_400(self, api, query):
        api.get(f"/messages?{query}").refuses(400)

    @pytest.mark.parametrize("value", ["%27%20OR%201=1--", "%25", "_", "user_%25", "x" * 3000])
    def test_filters_are_values_not_sql_or_patterns(self, api, value):
        for name in ("user_id", "conversation_id"):
            assert self.listed(api, f"{name}={value}")["pagination"]["total"] == 0

    def test_empty_parameters_do_not_filter(self, api):
        data = self.listed(api, "user_id=&status=&priority=&conversation_id=&page=&page_size=")
        assert data["pagination"]["total"] == 60

    @pytest.mark.parametrize("query, expected", [
        ("user_id=user_1", 20), ("conversation_id=conv_3", 12), ("priority=high", 15),
        ("queue_name=high_priority", 15), ("queue_name=low_priority&priority=low", 15),
        ("status=pending", 52), ("status=processing", 2), ("status=completed", 2),
        ("status=failed", 3), ("status=timeout", 1),
        ("user_id=user_0&priority=realtime", 5), ("user_id=nobody", 0),
        ("user_id=user_0&priority=realtime&conversation_id=conv_0&status=completed", 1)])
    def test_filters_narrow_together(self, api, query, expected):
        data = self.listed(api, f"{query}&page_size=100")
        assert data["pagination"]["total"] == len(data["messages"]) == expected
        for name, value in (pair.split("=") for pair in query.split("&")):
            assert all(m[name] == value for m in data["messages"])

    def test_a_queue_goes_by_the_name_of_its_level_too(self, api):
        assert self.listed(api, "queue_name=high") == self.listed(api, "queue_name=high_priority")

    def test_sort_by_priority_starts_with_realtime(self, api):
        got = [m["priority"] for m in
               self.listed(api, "sort=priority&order=asc&page_size=100")["messages"]]
        assert got == sorted(got, key=LEVELS.index)
        got.reverse()
        assert got == [m["priority"] for m in
                       self.listed(api, "sort=priority&order=desc&page_size=100")["messages"]]

    def test_sort_by_updated_at_puts_the_last_change_at_the_end(self, api):
        got = [m["updated_at"] for m in
               self.listed(api, "sort=updated_at&order=asc&page_size=100")["messages"]]
        assert got == sorted(got)
