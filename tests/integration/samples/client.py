"""What a Python user does. BASE is http://host:port/api/v1; prints one JSON answer a line."""

import json
import os

import requests


class Client:
    def __init__(self, base_url):
        self.base_url = base_url
        self.session = requests.Session()
        # Sent with every call, also with those that have no body.
        self.session.headers.update({"Content-Type": "application/json"})

    def send_message(self, conversation_id, user_id, content, priority="normal"):
        data = {"conversation_id": conversation_id, "user_id": user_id,
                "content": content, "priority": priority}
        return self.session.post(f"{self.base_url}/messages", json=data).json()

    def get(self, path):
        return self.session.get(f"{self.base_url}{path}").json()


client = Client(os.environ["BASE"])
sent = client.send_message(conversation_id="conv_123", user_id="user_456",
                           content="Hello from Python!", priority="high")
print(json.dumps(sent))
for where in (f"/messages/{sent['data']['id']}", "/queues/status", "/health"):
    print(json.dumps(client.get(where)))
