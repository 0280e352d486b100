"""The registry of workers: who is known, how long, and what is counted of each."""

import pytest


class TestDirectives:
    @pytest.mark.parametrize("line,name", [
        ("LLMQMaxWorkers 15", "LLMQMaxWorkers"), ("LLMQMaxWorkers 1000001", "LLMQMaxWorkers"),
        ("LLMQMaxWorkers many", "LLMQMaxWorkers"), ("LLMQMaxWorkers", "LLMQMaxWorkers"),
        ("LLMQWorkerTimeout 0", "LLMQWorkerTimeout"), ("LLMQWorkerTimeout 25h", "LLMQWorkerTimeout"),
        ("LLMQWorkerTimeout soon", "LLMQWorkerTimeout"),
        ("LLMQWorkerRetention 500ms", "LLMQWorkerRetention"),
        ("LLMQWorkerRetention 9000h", "LLMQWorkerRetention"),
        ("<Location /x>\nLLMQMaxWorkers 100\n</Location>", "LLMQMaxWorkers"),
        ("<Location /x>\nLLMQWorkerTimeout 10s\n</Location>", "LLMQWorkerTimeout"),
        ("<Location /x>\nLLMQWorkerRetention 10s\n</Location>", "LLMQWorkerRetention")])
    def test_bad_values_are_named(self, idle, line, name):
        idle.refusal(line, name)
