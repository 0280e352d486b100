-- Workers, by the node that has heard of them: the same name may be heard of by several. Only
-- its node writes a row, whole sums of all times; readers add the rows of a worker up. What
-- every sign of life changes is in no index. Times are microseconds since 1970.
CREATE TABLE llmq_workers (
    tenant     TEXT NOT NULL,
    worker     TEXT NOT NULL,
    node       TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    seen_at    INTEGER NOT NULL,
    succeeded  INTEGER NOT NULL,
    failed     INTEGER NOT NULL,
    busy_usec  INTEGER NOT NULL,
    PRIMARY KEY (tenant, worker, node)
) STRICT, WITHOUT ROWID;
