-- Runs of agents. What is done is a job of kind 3 under the same id; here stands what a
-- session knows of it. told is 0 until the end of the run is in the session's log: those
-- rows are few, and all that is still to be done is found among them. status: see
-- core/run.h; 0 is RUNNING, of which a session has one at most.
CREATE TABLE llmq_runs (
    seq          INTEGER PRIMARY KEY,
    id           TEXT NOT NULL UNIQUE,
    tenant       TEXT NOT NULL,
    session      TEXT NOT NULL,
    trigger_id   TEXT NOT NULL,
    agent        TEXT NOT NULL,
    user_id      TEXT NOT NULL,
    status       INTEGER NOT NULL DEFAULT 0,
    told         INTEGER NOT NULL DEFAULT 0,
    rolled_back  INTEGER NOT NULL DEFAULT 0,
    attempts     INTEGER NOT NULL DEFAULT 0,
    latency_msec INTEGER NOT NULL DEFAULT -1,
    error        TEXT,
    created_at   INTEGER NOT NULL,
    finished_at  INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE UNIQUE INDEX llmq_runs_trigger ON llmq_runs (session, trigger_id);

CREATE UNIQUE INDEX llmq_runs_running ON llmq_runs (session) WHERE status = 0;

CREATE INDEX llmq_runs_untold ON llmq_runs (session, seq) WHERE told = 0;
