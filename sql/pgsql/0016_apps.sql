-- Apps and their configurations: of each app a draft (status 0) and a published one (1) at
-- most. An app that was removed has removed_at; its rows stay.
--
-- summary is the long-term memory; summary_rev counts its versions, so that who makes a new
-- one of an old one writes nothing when somebody else was faster; summary_upto is the end of
-- the last turn that is in it. memory_due is when the last turn with memory was accepted,
-- 0 once nothing is left to be remembered: the few apps with one are looked at now and then.
CREATE TABLE llmq_apps (
    id           text COLLATE "C" NOT NULL PRIMARY KEY,
    tenant       text COLLATE "C" NOT NULL,
    owner        text COLLATE "C" NOT NULL,
    name         text NOT NULL,
    icon         text NOT NULL,
    description  text NOT NULL,
    conversation text COLLATE "C",
    summary      text NOT NULL DEFAULT '',
    summary_rev  bigint NOT NULL DEFAULT 0,
    summary_upto bigint NOT NULL DEFAULT 0,
    memory_due   bigint NOT NULL DEFAULT 0,
    created_at   bigint NOT NULL,
    updated_at   bigint NOT NULL,
    removed_at   bigint
);

CREATE INDEX llmq_apps_owner ON llmq_apps (tenant, owner) WHERE removed_at IS NULL;

CREATE INDEX llmq_apps_due ON llmq_apps (memory_due) WHERE memory_due > 0;

CREATE TABLE llmq_app_configs (
    app          text COLLATE "C" NOT NULL,
    status       smallint NOT NULL,
    id           text COLLATE "C" NOT NULL,
    dialog_round integer NOT NULL,
    memory_mode  smallint NOT NULL,
    model_config text NOT NULL,
    created_at   bigint NOT NULL,
    updated_at   bigint NOT NULL,
    PRIMARY KEY (app, status)
);
