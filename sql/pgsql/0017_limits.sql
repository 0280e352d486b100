-- What was used: a row for each day (since 1970), caller (the job's user) and model of a
-- tenant. Only its node writes a row, so that nodes do not wait for one another; who reads
-- adds them up. cost is in millionths of the money that LLMQPrice is given in.
CREATE TABLE llmq_usage (
    tenant            text COLLATE "C" NOT NULL,
    day               integer NOT NULL,
    caller            text COLLATE "C" NOT NULL,
    model             text COLLATE "C" NOT NULL,
    node              text COLLATE "C" NOT NULL,
    requests          bigint NOT NULL,
    prompt_tokens     bigint NOT NULL,
    completion_tokens bigint NOT NULL,
    cost              bigint NOT NULL,
    PRIMARY KEY (tenant, day, caller, model, node)
);

-- What keys have used of what LLMQLimit and LLMQBudget allow them. account is the hash of
-- tenant, limit and key. used is the running total of the node, which alone writes the row;
-- level is what was booked in the window that began at window_at, as that node saw it.
CREATE TABLE llmq_limits (
    account    bigint NOT NULL,
    node       text COLLATE "C" NOT NULL,
    used       bigint NOT NULL,
    level      bigint NOT NULL,
    window_at  bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (account, node)
);

-- What a job has been charged with, to be settled when it ends; and the account of which the
-- unfinished jobs are counted.
ALTER TABLE llmq_jobs ADD COLUMN charges text;
ALTER TABLE llmq_jobs ADD COLUMN gauge bigint;

CREATE INDEX llmq_jobs_gauge ON llmq_jobs (gauge)
    WHERE gauge IS NOT NULL AND status < 2 AND removed_at IS NULL;
