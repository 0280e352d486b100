#!/usr/bin/python3
"""Event streams over TLS under the event MPM, in one child with 25 threads.

  tests/bench/tls_streams.py [STREAMS [EVENTS [INTERVAL_MS]]]

opens STREAMS (2000) streams of one session, appends EVENTS (100) messages, one each INTERVAL_MS (300),
and prints one line of JSON: memory of the child per stream (proportional set size), events that were
lost or doubled, how late they came in milliseconds, and what the MPM counts as its connections.
The module is LLMQ_MODULE or build/release/mod_llmq.so. Client and server share the machine."""

import json
import pathlib
import re
import resource
import selectors
import shutil
import ssl
import sys
import tempfile
import threading
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "integration"))

from llmq_env import tls  # noqa: E402
from llmq_env.conf import sessions  # noqa: E402
from llmq_env.httpd import Server  # noqa: E402
from llmq_env.sessions import Sessions  # noqa: E402

CONF = sessions(open="") + f"""
LLMQDispatcher Off
LoadModule status_module {tls.MODULES}/mod_status.so
<Location /server-status>
    SetHandler server-status
    Require local
</Location>
ServerLimit 1
StartServers 1
ThreadsPerChild 25
MaxRequestWorkers 25
MaxSpareThreads 25
"""
EVENT = re.compile(rb'id: (\d+)\nevent: message\ndata: .*?usec=(\d+)')


def pss(pid):
    text = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    return int(re.search(r"Pss:\s+(\d+)", text)[1])


def threads(pid):
    return len(list(pathlib.Path(f"/proc/{pid}/task").iterdir()))


def connections(server):
    with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/server-status?auto") as answer:
        return int(re.search(r"ConnsTotal: (\d+)", answer.read().decode())[1])


class Crowd:
    """Clients that listen; run() reads for all of them in one thread."""

    def __init__(self, server, path):
        self.server, self.path = server, path
        self.context = ssl._create_unverified_context()  # noqa: SLF001
        self.selector = selectors.DefaultSelector()
        self.last, self.late, self.doubled, self.broken = {}, [], 0, 0
        self.over = threading.Event()

    def add(self, n):
        for _ in range(n):
            made = self.context.wrap_socket(tls.plain(self.server.tls_port))
            made.sendall(f"GET {self.path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            got = b""
            while b": connected" not in got:
                got += made.recv(4096)
            made.setblocking(False)
            self.last[made] = 0
            self.selector.register(made, selectors.EVENT_READ)

    def run(self):
        while not self.over.is_set():
            for key, _ in self.selector.select(0.2):
                self.read(key.fileobj)

    def read(self, client):
        try:
            while got := client.recv(65536):
                self.hear(client, got)
            self.broken += 1
            self.selector.unregister(client)
        except ssl.SSLWantReadError:
            pass

    def hear(self, client, got):
        now = time.monotonic_ns() // 1000
        for seq, sent in EVENT.findall(got):
            seq = int(seq)
            self.doubled += seq <= self.last[client]
            self.last[client] = seq
            self.late.append(now - int(sent))


def main():
    n, events, interval = (int(a) for a in [*sys.argv[1:], *["2000", "100", "300"][len(sys.argv) - 1:]])
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    folder = pathlib.Path(tempfile.mkdtemp(prefix="llmq-bench-", dir="/tmp"))
    folder.chmod(0o755)
    port, host = tls.host(folder)
    server = Server(folder / "s", "sqlite3", "event", CONF + host)
    server.tls_port = port
    server.shape_file.write_text("", encoding="ascii")
    server.start()
    try:
        client = Sessions(server, base="/open")
        session = client.session()["session_id"]
        child = server.workers()[0]
        crowd = Crowd(server, f"/open/sessions/{session}/sse")
        crowd.add(50)  # what the first ones cost is the child's
        time.sleep(1)
        found = {"streams": n, "events": events, "pss_before_kb": pss(child)}
        crowd.add(n)
        time.sleep(1)
        found["pss_open_kb"] = pss(child)
        found["kb_per_stream"] = round((found["pss_open_kb"] - found["pss_before_kb"]) / n, 1)
        found["threads"], found["mpm_connections"] = threads(child), connections(server)
        reader = threading.Thread(target=crowd.run)
        reader.start()
        for i in range(events):
            client.append(session, f"event {i} usec={time.monotonic_ns() // 1000}")
            time.sleep(interval / 1000)
        end = time.monotonic() + 60
        while min(crowd.last.values()) < events and time.monotonic() < end:
            time.sleep(0.1)
        crowd.over.set()
        reader.join()
        late = sorted(crowd.late)
        found.update(received=len(late), lost=(n + 50) * events - len(late), doubled=crowd.doubled,
                     broken=crowd.broken, late_p50_ms=late[len(late) // 2] / 1000,
                     late_p99_ms=late[len(late) * 99 // 100] / 1000,
                     pss_after_events_kb=pss(child))
        for made in crowd.last:
            made.close()
        time.sleep(3)
        found["pss_closed_kb"] = pss(child)
        found["mpm_connections_closed"] = connections(server)
        print(json.dumps(found))
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
