-- Runs of agents. What is done is a job of kind 3 under the same id; here stands what a
-- session knows of it. told is 0 until the end of the run is in the session's log: those
-- rows are few, and all that is still to be done is found among them. status: see
-- core/run.h; 0 is RUNNING, of which a session has one at most.
CREATE TABLE llmq_runs (
    seq          bigint GENERATED ALWAYS AS IDENTITY,
    id           text COLLATE "C" NOT NULL PRIMARY KEY,
    tenant       text COLLATE "C" NOT NULL,
    session      text COLLATE "C" NOT NULL,
    trigger_id   text COLLATE "C" NOT NULL,
    agent        text COLLATE "C" NOT NULL,
    user_id      text COLLATE "C" NOT NULL,
    status       smallint NOT NULL DEFAULT 0,
    told         smallint NOT NULL DEFAULT 0,
    rolled_back  smallint NOT NULL DEFAULT 0,
    attempts     integer NOT NULL DEFAULT 0,
    latency_msec bigint NOT NULL DEFAULT -1,
    error        text,
    created_at   bigint NOT NULL,
    finished_at  bigint NOT NULL DEFAULT 0
);

CREATE UNIQUE INDEX llmq_runs_trigger ON llmq_runs (session, trigger_id);

CREATE UNIQUE INDEX llmq_runs_running ON llmq_runs (session) WHERE status = 0;

CREATE INDEX llmq_runs_untold ON llmq_runs (session, seq) WHERE told = 0;
