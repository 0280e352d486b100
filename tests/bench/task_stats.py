#!/usr/bin/python3
"""What the statistics of tasks cost when there are many.

    scripts/server.sh start --port 8080 --dir build/run [--store pgsql]
    tests/bench/task_stats.py [--port 8080] [--dir build/run] [--tasks 100000] [--rounds 40]

The tasks are written into the store of that server, unless it has some; then it is asked. PostgreSQL is
vacuumed in between, as it does by itself sooner or later: only then it knows that a page of an index needs
no look at its rows.
"""
import argparse
import http.client
import json
import pathlib
import re
import sqlite3
import subprocess
import time

PATHS = ("/api/v1/stats/tasks", "/api/v1/stats/system", "/api/v1/stats/tasks?kb_id=kb_3")
COLUMNS = ("id, tenant, node, user_id, kind, level, status, created_at, updated_at, started_at, "
           "finished_at, payload, metadata, type")
# Of a hundred 94 are completed, 3 wait, 1 is being done, 2 have failed.
VALUES = """'0198a3f2-0000-7000-8000-' || i, 'default', 'elsewhere', 'kb_' || (i % 20), 2, 2,
    CASE WHEN i % 100 < 94 THEN 2 WHEN i % 100 < 97 THEN 0 WHEN i % 100 < 98 THEN 1 ELSE 3 END,
    {now} - i * 1000, {now} - i * 900,
    CASE WHEN i % 100 < 94 OR i % 100 >= 97 THEN {now} - i * 950 ELSE 0 END,
    CASE WHEN i % 100 < 94 OR i % 100 >= 98 THEN {now} - i * 900 ELSE 0 END,
    '{payload}', '{{}}',
    CASE WHEN i % 3 = 0 THEN 'document_processing' ELSE 'embedding_generation' END"""


def fill(dsn, folder, count):
    values = VALUES.format(now=int(time.time() * 1e6), payload=json.dumps({"a": "x" * 490}))
    if dsn:
        psql(dsn, f"INSERT INTO llmq_jobs ({COLUMNS}) SELECT {values} "
                  f"FROM generate_series(1, {count}) AS i")
        return
    path = next(p for p in folder.glob("data/**/*") if p.suffix in (".db", ".sqlite", ".sqlite3"))
    with sqlite3.connect(path) as db:
        db.execute(f"WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {count}) "
                   f"INSERT INTO llmq_jobs ({COLUMNS}) SELECT {values} FROM s")


def psql(dsn, command):
    subprocess.run(["psql", dsn, "-qc", command], check=True)


def ask(connection, path):
    """(milliseconds, answer)"""
    began = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, body
    return (time.perf_counter() - began) * 1000, json.loads(body)


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    options.add_argument("--port", type=int, default=8080)
    options.add_argument("--dir", type=pathlib.Path, default=pathlib.Path("build/run"))
    options.add_argument("--tasks", type=int, default=100000)
    options.add_argument("--rounds", type=int, default=40)
    given = options.parse_args()
    found = re.search(r'^DBDParams "(.*dbname.*)"$', (given.dir / "httpd.conf").read_text(), re.M)
    dsn = found and found[1]
    connection = http.client.HTTPConnection("127.0.0.1", given.port, timeout=60)
    if ask(connection, PATHS[0])[1]["total_tasks"] == 0:
        fill(dsn, given.dir, given.tasks)
    if dsn:
        psql(dsn, "VACUUM ANALYZE llmq_jobs")
    for path in PATHS:
        took = sorted(ask(connection, path)[0] for _ in range(given.rounds))
        print(f"{path}: best {took[0]:.1f} ms, median {took[len(took) // 2]:.1f} ms")


if __name__ == "__main__":
    main()
