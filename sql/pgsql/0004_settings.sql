-- Settings that are made while the server runs: rules, pauses and the like. The empty tenant
-- stands for the whole server. changed_at only ever rises, so its maximum tells other nodes
-- whether there is something to load.
CREATE TABLE llmq_settings (
    tenant     text COLLATE "C" NOT NULL,
    name       text COLLATE "C" NOT NULL,
    value      text NOT NULL,
    changed_at bigint NOT NULL,
    PRIMARY KEY (tenant, name)
);
