-- Tasks, and what outside workers have under a lease: see the fields of the same names in
-- core/job.h. Columns without a value cost a row nothing but a bit.
ALTER TABLE llmq_jobs ADD COLUMN type text COLLATE "C";

ALTER TABLE llmq_jobs ADD COLUMN note text;

ALTER TABLE llmq_jobs ADD COLUMN lease_token text COLLATE "C";

ALTER TABLE llmq_jobs ADD COLUMN callback text;

ALTER TABLE llmq_jobs ADD COLUMN lease_until bigint NOT NULL DEFAULT 0;

ALTER TABLE llmq_jobs ADD COLUMN progress smallint NOT NULL DEFAULT 0;

ALTER TABLE llmq_jobs ADD COLUMN deliveries integer NOT NULL DEFAULT 0;
