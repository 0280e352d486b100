-- Apps and their configurations: of each app a draft (status 0) and a published one (1) at
-- most. An app that was removed has removed_at; its rows stay.
--
-- summary is the long-term memory; summary_rev counts its versions, so that who makes a new
-- one of an old one writes nothing when somebody else was faster; summary_upto is the end of
-- the last turn that is in it. memory_due is when the last turn with memory was accepted,
-- 0 once nothing is left to be remembered: the few apps with one are looked at now and then.
CREATE TABLE llmq_apps (
    id           TEXT NOT NULL PRIMARY KEY,
    tenant       TEXT NOT NULL,
    owner        TEXT NOT NULL,
    name         TEXT NOT NULL,
    icon         TEXT NOT NULL,
    description  TEXT NOT NULL,
    conversation TEXT,
    summary      TEXT NOT NULL DEFAULT '',
    summary_rev  INTEGER NOT NULL DEFAULT 0,
    summary_upto INTEGER NOT NULL DEFAULT 0,
    memory_due   INTEGER NOT NULL DEFAULT 0,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    removed_at   INTEGER
) STRICT;

CREATE INDEX llmq_apps_owner ON llmq_apps (tenant, owner) WHERE removed_at IS NULL;

CREATE INDEX llmq_apps_due ON llmq_apps (memory_due) WHERE memory_due > 0;

CREATE TABLE llmq_app_configs (
    app          TEXT NOT NULL,
    status       INTEGER NOT NULL,
    id           TEXT NOT NULL,
    dialog_round INTEGER NOT NULL,
    memory_mode  INTEGER NOT NULL,
    model_config TEXT NOT NULL,
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    PRIMARY KEY (app, status)
) STRICT;
