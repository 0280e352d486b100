-- The outbox: a row for each URL that is to hear of a job's end. The trigger writes it in the
-- transaction in which the job becomes final, whoever does that and in whatever way, so no
-- notice is lost and none is sent of what did not happen. A row leaves when its notice was
-- taken or given up; due_at is when it may be tried (again), and lies ahead while somebody
-- tries it.
--
-- URLs are kept as `scheme://host[:port]/path` (core/callback), so the host is what stands
-- between the second and the third slash. The index serves "the next ones of each host".
CREATE TABLE llmq_outbox (
    seq          INTEGER PRIMARY KEY AUTOINCREMENT,
    tenant       text NOT NULL,
    job          text NOT NULL,
    kind         integer NOT NULL,
    status       integer NOT NULL,
    url          text NOT NULL,
    host         text NOT NULL,
    happened_at  integer NOT NULL,
    due_at       integer NOT NULL,
    tries        integer NOT NULL DEFAULT 0
);

CREATE INDEX llmq_outbox_due ON llmq_outbox (host, due_at, seq);

CREATE TRIGGER llmq_jobs_outbox AFTER UPDATE OF status ON llmq_jobs
WHEN NEW.status >= 2 AND OLD.status < 2 AND NEW.callback IS NOT NULL
BEGIN
INSERT INTO llmq_outbox (tenant, job, kind, status, url, host, happened_at, due_at)
SELECT NEW.tenant, NEW.id, NEW.kind, NEW.status, u.value,
substr(u.value, instr(u.value, '://') + 3, instr(substr(u.value, instr(u.value, '://') + 3), '/') - 1),
NEW.updated_at, 0 FROM json_each(NEW.callback) AS u ; END;
