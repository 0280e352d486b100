-- How a job takes turns: see the fields of the same names in core/job.h. A constant default
-- makes adding them instant, whatever the table's size.
ALTER TABLE llmq_jobs ADD COLUMN fair_key INTEGER NOT NULL DEFAULT 0;

ALTER TABLE llmq_jobs ADD COLUMN weight INTEGER NOT NULL DEFAULT 1;

ALTER TABLE llmq_jobs ADD COLUMN key_cap INTEGER NOT NULL DEFAULT 0;

ALTER TABLE llmq_jobs ADD COLUMN deadline INTEGER NOT NULL DEFAULT 0;

ALTER TABLE llmq_jobs ADD COLUMN parallel INTEGER NOT NULL DEFAULT 0;
