-- Jobs: the hot table. A statement ends with a semicolon at the end of a line, and comments
-- have lines of their own; the migrator splits the file there.
--
-- Each index costs every accept and every finish, so there are no more than reads need:
-- the id, the turns of a conversation, unfinished work, and the list in order of time.
-- seq needs none of its own: nothing looks a row up by seq alone. fillfactor stays as it
-- is: finishing changes a column of llmq_jobs_open, so its updates cannot be HOT anyway.
CREATE TABLE llmq_jobs (
    seq          bigint GENERATED ALWAYS AS IDENTITY,
    id           text COLLATE "C" NOT NULL PRIMARY KEY,
    tenant       text COLLATE "C" NOT NULL,
    node         text COLLATE "C" NOT NULL,
    owner        text,
    chain        text COLLATE "C",
    user_id      text COLLATE "C",
    kind         smallint NOT NULL,
    level        smallint NOT NULL,
    status       smallint NOT NULL DEFAULT 0,
    dead_letter  smallint NOT NULL DEFAULT 0,
    attempt      integer NOT NULL DEFAULT 0,
    retry_count  integer NOT NULL DEFAULT 0,
    max_retries  integer NOT NULL DEFAULT 0,
    timeout_usec bigint NOT NULL DEFAULT 0,
    run_at       bigint NOT NULL DEFAULT 0,
    created_at   bigint NOT NULL,
    updated_at   bigint NOT NULL,
    started_at   bigint NOT NULL DEFAULT 0,
    finished_at  bigint NOT NULL DEFAULT 0,
    removed_at   bigint,
    payload      text NOT NULL,
    metadata     text NOT NULL,
    result       text,
    error        text
);

CREATE INDEX llmq_jobs_chain ON llmq_jobs (chain, seq) WHERE chain IS NOT NULL;

CREATE INDEX llmq_jobs_open ON llmq_jobs (node, seq) WHERE status < 2 AND removed_at IS NULL;

CREATE INDEX llmq_jobs_list ON llmq_jobs (tenant, kind, created_at, seq) WHERE removed_at IS NULL;
