"""Chromium without a window, led by the calls of W3C's WebDriver."""

import http.client
import json
import os
import signal
import socket
import subprocess

from .httpd import free_port
from .wait import SLOWNESS, until

# It runs as root in containers with small /dev/shm, and has no business in the network.
ARGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--no-first-run", "--no-default-browser-check", "--no-proxy-server",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--window-size=800,600"]


class Browser:
    """One chromedriver with one Chromium; folder becomes its profile."""

    def __init__(self, folder):
        self.port = free_port()
        # A home of its own: whoever runs this may have none.
        folder.mkdir()
        self.process = subprocess.Popen(
            ["chromedriver", f"--port={self.port}"], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
            env={**os.environ, "HOME": str(folder)})
        until(self._listens, "chromedriver")
        options = {"args": [*ARGS, f"--user-data-dir={folder / 'profile'}"]}
        self.session = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options}}})["sessionId"]

    def _listens(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return False

    def _ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120 * SLOWNESS)
        connection.request(method, path, json.dumps(body) if body is not None else None,
                           {"Content-Type": "application/json"})
        answer = json.loads(connection.getresponse().read())["value"]
        connection.close()
        assert not (isinstance(answer, dict) and "error" in answer), answer
        return answer

    def open(self, url):
        self._ask("POST", f"/session/{self.session}/url", {"url": url})

    def run(self, script):
        """What a function with this body returns."""
        return self._ask("POST", f"/session/{self.session}/execute/sync",
                         {"script": script, "args": []})

    def close(self):
        try:
            self._ask("DELETE", f"/session/{self.session}")
        finally:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(60)
