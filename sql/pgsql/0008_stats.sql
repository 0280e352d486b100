-- What became of the messages that were accepted in a minute (resolution 60) or in ten
-- (resolution 600), by node, tenant and level. bucket is its first second since 1970. A
-- tenant is the hash of its name, as the queue knows no other; waits and runs are
-- histograms as text. Only its node writes a row. The row of a node with resolution 0 holds
-- in accepted the number of the last batch that is in its sums.
CREATE TABLE llmq_stats (
    tenant     text COLLATE "C" NOT NULL,
    resolution integer NOT NULL,
    bucket     bigint NOT NULL,
    level      smallint NOT NULL,
    node       text COLLATE "C" NOT NULL,
    accepted   bigint NOT NULL,
    completed  bigint NOT NULL,
    failed     bigint NOT NULL,
    timeouts   bigint NOT NULL,
    removed    bigint NOT NULL,
    waits      text NOT NULL,
    runs       text NOT NULL,
    PRIMARY KEY (tenant, resolution, bucket, level, node)
);
