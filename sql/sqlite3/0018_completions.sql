-- Completions that have ended are removed by their age; nobody comes back for them.
CREATE INDEX llmq_jobs_completions ON llmq_jobs (finished_at) WHERE kind = 5 AND status >= 2;
