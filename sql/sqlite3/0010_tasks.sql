-- Tasks, and what outside workers have under a lease: see the fields of the same names in
-- core/job.h. Columns without a value cost a row nothing but a bit.
ALTER TABLE llmq_jobs ADD COLUMN type TEXT;

ALTER TABLE llmq_jobs ADD COLUMN note TEXT;

ALTER TABLE llmq_jobs ADD COLUMN lease_token TEXT;

ALTER TABLE llmq_jobs ADD COLUMN callback TEXT;

ALTER TABLE llmq_jobs ADD COLUMN lease_until INTEGER NOT NULL DEFAULT 0;

ALTER TABLE llmq_jobs ADD COLUMN progress INTEGER NOT NULL DEFAULT 0;

ALTER TABLE llmq_jobs ADD COLUMN deliveries INTEGER NOT NULL DEFAULT 0;
