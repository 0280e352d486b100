-- Dead letters are few among many finished jobs: the list of them must not read the others.
-- Rows that never die cost this index nothing.
CREATE INDEX llmq_jobs_dead ON llmq_jobs (tenant, finished_at, seq)
    WHERE dead_letter = 1 AND removed_at IS NULL;
