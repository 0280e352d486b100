-- How a job takes turns: see the fields of the same names in core/job.h. A constant default
-- makes adding them instant, whatever the table's size.
ALTER TABLE llmq_jobs ADD COLUMN fair_key bigint NOT NULL DEFAULT 0;

ALTER TABLE llmq_jobs ADD COLUMN weight integer NOT NULL DEFAULT 1;

ALTER TABLE llmq_jobs ADD COLUMN key_cap integer NOT NULL DEFAULT 0;

ALTER TABLE llmq_jobs ADD COLUMN deadline bigint NOT NULL DEFAULT 0;

ALTER TABLE llmq_jobs ADD COLUMN parallel smallint NOT NULL DEFAULT 0;
