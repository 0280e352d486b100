-- Settings that are made while the server runs: rules, pauses and the like. The empty tenant
-- stands for the whole server. changed_at only ever rises, so its maximum tells other nodes
-- whether there is something to load.
CREATE TABLE llmq_settings (
    tenant     TEXT NOT NULL,
    name       TEXT NOT NULL,
    value      TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    PRIMARY KEY (tenant, name)
) STRICT;
