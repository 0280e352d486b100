-- What is counted of tasks: all that the census asks for, in the order of its groups, so
-- that it reads no row. kind and removed_at say the same in every entry, but SQLite reads
-- the row where it does not find them. Messages cost this index nothing.
CREATE INDEX llmq_jobs_tally
    ON llmq_jobs (tenant, kind, type, status, retry_count, run_at, started_at, finished_at,
                  removed_at)
    WHERE kind = 2 AND removed_at IS NULL;
