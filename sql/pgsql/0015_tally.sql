-- What is counted of tasks: all that the census asks for, in the order of its groups, so
-- that it reads no row. Messages cost this index nothing; a task pays for it with a fifth
-- more of what an update writes.
CREATE INDEX llmq_jobs_tally ON llmq_jobs (tenant, type, status)
    INCLUDE (retry_count, run_at, started_at, finished_at)
    WHERE kind = 2 AND removed_at IS NULL;
