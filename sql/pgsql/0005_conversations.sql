-- Conversations: a row each, made or touched in the transaction that accepts a message, so the
-- columns that every message changes (last_active_at, expires_at, updated_at, state) are in no
-- index and pages have room: such an update stays on its page and touches no index (HOT).
--
-- first_seq: messages before it belong to an earlier conversation of the same id, which has
-- expired or was removed. What can be counted from the messages is not stored.
CREATE TABLE llmq_conversations (
    tenant         text COLLATE "C" NOT NULL,
    id             text COLLATE "C" NOT NULL,
    user_id        text COLLATE "C" NOT NULL,
    level          smallint NOT NULL,
    state          smallint NOT NULL DEFAULT 0,
    first_seq      bigint NOT NULL,
    created_at     bigint NOT NULL,
    updated_at     bigint NOT NULL,
    last_active_at bigint NOT NULL,
    expires_at     bigint NOT NULL,
    removed_at     bigint,
    title          text NOT NULL DEFAULT '',
    context        text NOT NULL DEFAULT '',
    metadata       text NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant, id)
) WITH (fillfactor = 70);

CREATE INDEX llmq_conversations_list ON llmq_conversations (tenant, created_at, id);

-- How long a message keeps its conversation; as far away as can be: for ever.
ALTER TABLE llmq_jobs ADD COLUMN expires_at bigint NOT NULL DEFAULT 9223372036854775807;

-- The tenant first: conversations of the same name in different tenants have nothing in common.
DROP INDEX llmq_jobs_chain;

CREATE INDEX llmq_jobs_chain ON llmq_jobs (tenant, chain, seq) WHERE chain IS NOT NULL;

-- Conversations that began before there was this table; 15 days is the default of their time.
INSERT INTO llmq_conversations (tenant, id, user_id, level, first_seq, created_at, updated_at, last_active_at, expires_at)
SELECT tenant, chain, COALESCE((array_agg(user_id ORDER BY seq))[1], ''), 3, min(seq), min(created_at), max(created_at), max(created_at), max(created_at) + 1296000000000
FROM llmq_jobs WHERE chain IS NOT NULL AND kind = 1 AND removed_at IS NULL GROUP BY tenant, chain;
