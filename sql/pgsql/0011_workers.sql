-- Workers, by the node that has heard of them: the same name may be heard of by several. Only
-- its node writes a row, whole sums of all times; readers add the rows of a worker up. What
-- every sign of life changes is in no index. Times are microseconds since 1970.
CREATE TABLE llmq_workers (
    tenant     text COLLATE "C" NOT NULL,
    worker     text COLLATE "C" NOT NULL,
    node       text COLLATE "C" NOT NULL,
    started_at bigint NOT NULL,
    seen_at    bigint NOT NULL,
    succeeded  bigint NOT NULL,
    failed     bigint NOT NULL,
    busy_usec  bigint NOT NULL,
    PRIMARY KEY (tenant, worker, node)
) WITH (fillfactor = 70);
