-- Nodes: the heartbeat is the lease of all jobs of a node. 0 means that it has connected
-- but its dispatcher has not spoken yet.
CREATE TABLE llmq_nodes (
    node      TEXT NOT NULL PRIMARY KEY,
    heartbeat INTEGER NOT NULL DEFAULT 0,
    started   INTEGER NOT NULL DEFAULT 0
) STRICT;
