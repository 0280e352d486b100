-- Nodes: the heartbeat is the lease of all jobs of a node. 0 means that it has connected
-- but its dispatcher has not spoken yet.
CREATE TABLE llmq_nodes (
    node      text COLLATE "C" NOT NULL PRIMARY KEY,
    heartbeat bigint NOT NULL DEFAULT 0,
    started   bigint NOT NULL DEFAULT 0
);
