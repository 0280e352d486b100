"""Pieces of answers, passed on while they come."""

import pytest


class TestBadDirectives:
    @pytest.mark.parametrize("conf", [
        "LLMQDeltaInterval -1", "LLMQDeltaInterval 11s", "LLMQDeltaInterval x", "LLMQDeltaInterval",
        "<Location /x>\nLLMQDeltaInterval 50ms\n</Location>",
    ])
    def test_they_are_refused(self, idle, conf):
        idle.refusal(conf)
