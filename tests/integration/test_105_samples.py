"""The calls that S0's documents show, by the clients that its readers use."""

import json
import os
import pathlib
import subprocess
import sys

import pytest

SAMPLES = pathlib.Path(__file__).parent / "samples"
CLIENTS = {"curl.sh": ["sh"], "client.js": ["node"], "client.py": [sys.executable]}


@pytest.mark.mpm
class TestSamples:
    @pytest.mark.parametrize("sample", CLIENTS)
    def test_sample_runs(self, server, api, sample):
        env = {**os.environ, "BASE": f"http://127.0.0.1:{server.port}/api/v1"}
        done = subprocess.run([*CLIENTS[sample], SAMPLES / sample], env=env, text=True,
                              capture_output=True, timeout=300, check=False)
        assert done.returncode == 0, done.stderr
        sent, *rest = [json.loads(line) for line in done.stdout.splitlines()]
        assert sent["code"] == 201 and rest
        assert all(answer["code"] == 200 for answer in rest)
        assert api.until_status(sent["data"]["id"])["status"] == "completed"

    def test_s1_message_without_a_conversation(self, api):
        answer = api.post("/messages", {
            "content": "Hello, how can you help me?", "user_id": "user123",
            "priority": "normal", "metadata": {"source": "web"}})
        assert answer.status == 201
        assert answer.data["conversation_id"].startswith("conv_")
