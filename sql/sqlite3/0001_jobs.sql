-- Jobs: the hot table. A statement ends with a semicolon at the end of a line, and comments
-- have lines of their own; the migrator splits the file there.
--
-- STRICT (SQLite 3.37) makes a value of the wrong type an error as PostgreSQL does. seq is
-- the rowid; AUTOINCREMENT is not needed, because rows are only removed softly.
CREATE TABLE llmq_jobs (
    seq          INTEGER PRIMARY KEY,
    id           TEXT NOT NULL UNIQUE,
    tenant       TEXT NOT NULL,
    node         TEXT NOT NULL,
    owner        TEXT,
    chain        TEXT,
    user_id      TEXT,
    kind         INTEGER NOT NULL,
    level        INTEGER NOT NULL,
    status       INTEGER NOT NULL DEFAULT 0,
    dead_letter  INTEGER NOT NULL DEFAULT 0,
    attempt      INTEGER NOT NULL DEFAULT 0,
    retry_count  INTEGER NOT NULL DEFAULT 0,
    max_retries  INTEGER NOT NULL DEFAULT 0,
    timeout_usec INTEGER NOT NULL DEFAULT 0,
    run_at       INTEGER NOT NULL DEFAULT 0,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    started_at   INTEGER NOT NULL DEFAULT 0,
    finished_at  INTEGER NOT NULL DEFAULT 0,
    removed_at   INTEGER,
    payload      TEXT NOT NULL,
    metadata     TEXT NOT NULL,
    result       TEXT,
    error        TEXT
) STRICT;

CREATE INDEX llmq_jobs_chain ON llmq_jobs (chain, seq) WHERE chain IS NOT NULL;

CREATE INDEX llmq_jobs_open ON llmq_jobs (node, seq) WHERE status < 2 AND removed_at IS NULL;

CREATE INDEX llmq_jobs_list ON llmq_jobs (tenant, kind, created_at, seq) WHERE removed_at IS NULL;
