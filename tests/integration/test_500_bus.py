"""The bus between the processes of a server."""
import pytest


class TestBadDirectives:
    @pytest.mark.parametrize("conf", [
        "LLMQEventRing 65535", "LLMQEventRing 1073741825", "LLMQEventRing 4M",
        "LLMQEventRing", "<Location /x>\nLLMQEventRing 65536\n</Location>",
    ])
    def test_they_are_refused(self, idle, conf):
        idle.refusal(conf)
