-- Tasks, and what outside workers have under a lease: see the fields of the same names in
-- core/job.h. Columns without a value cost a row nothing but a bit.
ALTER TABLE llmq_jobs ADD COLUMN type text COLLATE "C";

ALTER TABLE llmq_jobs ADD COLUMN note text;

ALTER TABLE llmq_jobs ADD COLUMN lease_token text COLLATE "C";

ALTER TABLE llmq_jobs ADD COLUMN callback text;

ALTER TABLE llmq_jobs ADD COLUMN lease_until bigint NOT NULL DEFAULT 0;

ALTER TABLE llmq_jobs ADD COLUMN progress smallint NOT NULL DEFAULT 0;

ALTER TABLE llmq_jobs ADD COLUMN deliveries integer NOT NULL DEFAULT 0;

-- The tasks of a knowledge base: lists and statistics are asked for by its name, and would
-- otherwise read all tasks of the tenant. Messages cost this index nothing. kind is in it so
-- that SQLite, without statistics, sees more of a query met than by llmq_jobs_list.
CREATE INDEX llmq_jobs_kb ON llmq_jobs (tenant, kind, user_id, created_at, seq)
    WHERE kind = 2 AND removed_at IS NULL;
