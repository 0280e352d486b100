-- What became of the messages that were accepted in a minute (resolution 60) or in ten
-- (resolution 600), by node, tenant and level. bucket is its first second since 1970. A
-- tenant is the hash of its name, as the queue knows no other; waits and runs are
-- histograms as text. Only its node writes a row. The row of a node with resolution 0 holds
-- in accepted the number of the last batch that is in its sums.
CREATE TABLE llmq_stats (
    tenant     TEXT NOT NULL,
    resolution INTEGER NOT NULL,
    bucket     INTEGER NOT NULL,
    level      INTEGER NOT NULL,
    node       TEXT NOT NULL,
    accepted   INTEGER NOT NULL,
    completed  INTEGER NOT NULL,
    failed     INTEGER NOT NULL,
    timeouts   INTEGER NOT NULL,
    removed    INTEGER NOT NULL,
    waits      TEXT NOT NULL,
    runs       TEXT NOT NULL,
    PRIMARY KEY (tenant, resolution, bucket, level, node)
) STRICT, WITHOUT ROWID;
