-- The API key that a job came with, so that what was used can be told by key, not only by
-- who speaks with it. '' in what was used: there was none.
ALTER TABLE llmq_jobs ADD COLUMN api_key text COLLATE "C";

CREATE TABLE llmq_usage_by_key (
    tenant            text COLLATE "C" NOT NULL,
    day               integer NOT NULL,
    caller            text COLLATE "C" NOT NULL,
    api_key           text COLLATE "C" NOT NULL,
    model             text COLLATE "C" NOT NULL,
    node              text COLLATE "C" NOT NULL,
    requests          bigint NOT NULL,
    prompt_tokens     bigint NOT NULL,
    completion_tokens bigint NOT NULL,
    cost              bigint NOT NULL,
    PRIMARY KEY (tenant, day, caller, api_key, model, node)
);

INSERT INTO llmq_usage_by_key SELECT tenant, day, caller, '', model, node, requests,
    prompt_tokens, completion_tokens, cost FROM llmq_usage;

DROP TABLE llmq_usage;

ALTER TABLE llmq_usage_by_key RENAME TO llmq_usage;

-- What a run's job will count on (core/run_terms.h); a run that waits has no job yet.
ALTER TABLE llmq_runs ADD COLUMN terms text;

-- Charges of jobs that are over and were not settled by who ended them: there are few at any
-- moment. What is settled begins with a '!'.
UPDATE llmq_jobs SET charges = '!' || charges
    WHERE charges IS NOT NULL AND (status >= 2 OR removed_at IS NOT NULL);

CREATE INDEX llmq_jobs_unsettled ON llmq_jobs (seq)
    WHERE charges IS NOT NULL AND substr(charges, 1, 1) <> '!'
    AND (status >= 2 OR removed_at IS NOT NULL);
