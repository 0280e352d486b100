-- Conversations: a row each, made or touched in the transaction that accepts a message.
--
-- first_seq: messages before it belong to an earlier conversation of the same id, which has
-- expired or was removed. What can be counted from the messages is not stored.
CREATE TABLE llmq_conversations (
    tenant         TEXT NOT NULL,
    id             TEXT NOT NULL,
    user_id        TEXT NOT NULL,
    level          INTEGER NOT NULL,
    state          INTEGER NOT NULL DEFAULT 0,
    first_seq      INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL,
    last_active_at INTEGER NOT NULL,
    expires_at     INTEGER NOT NULL,
    removed_at     INTEGER,
    title          TEXT NOT NULL DEFAULT '',
    context        TEXT NOT NULL DEFAULT '',
    metadata       TEXT NOT NULL DEFAULT '{}',
    PRIMARY KEY (tenant, id)
) STRICT;

CREATE INDEX llmq_conversations_list ON llmq_conversations (tenant, created_at, id);

-- How long a message keeps its conversation; as far away as can be: for ever.
ALTER TABLE llmq_jobs ADD COLUMN expires_at INTEGER NOT NULL DEFAULT 9223372036854775807;

-- The tenant first: conversations of the same name in different tenants have nothing in common.
DROP INDEX llmq_jobs_chain;

CREATE INDEX llmq_jobs_chain ON llmq_jobs (tenant, chain, seq) WHERE chain IS NOT NULL;

-- Conversations that began before there was this table; 15 days is the default of their time.
-- A bare column beside min() comes from the row of the minimum.
INSERT INTO llmq_conversations (tenant, id, user_id, level, first_seq, created_at, updated_at, last_active_at, expires_at)
SELECT tenant, chain, COALESCE(user_id, ''), 3, min(seq), created_at, created_at, created_at, created_at + 1296000000000
FROM llmq_jobs WHERE chain IS NOT NULL AND kind = 1 AND removed_at IS NULL GROUP BY tenant, chain;

UPDATE llmq_conversations AS c SET last_active_at = j.at, updated_at = j.at, expires_at = j.at + 1296000000000
FROM (SELECT tenant, chain, max(created_at) AS at FROM llmq_jobs WHERE chain IS NOT NULL GROUP BY tenant, chain) AS j
WHERE c.tenant = j.tenant AND c.id = j.chain;

-- What PostgreSQL does within the statement that accepts messages (CONVERSE_PGSQL in
-- store/store_sql_conversation.h says why and is the same in every column). It runs for rows
-- that are new, not for those that a repeated statement finds there already.
CREATE TRIGGER llmq_jobs_converse AFTER INSERT ON llmq_jobs
WHEN NEW.chain IS NOT NULL AND NEW.kind = 1
BEGIN
INSERT INTO llmq_conversations (tenant, id, user_id, level, first_seq, created_at, updated_at, last_active_at, expires_at)
VALUES (NEW.tenant, NEW.chain, COALESCE(NEW.user_id, ''), 3, NEW.seq, NEW.created_at, NEW.created_at, NEW.created_at, NEW.expires_at)
ON CONFLICT (tenant, id) DO UPDATE SET
state = 0,
removed_at = NULL,
updated_at = CASE WHEN excluded.updated_at > updated_at THEN excluded.updated_at ELSE updated_at END,
last_active_at = CASE WHEN excluded.last_active_at > last_active_at THEN excluded.last_active_at ELSE last_active_at END,
expires_at = CASE WHEN excluded.last_active_at >= last_active_at OR removed_at IS NOT NULL THEN excluded.expires_at ELSE expires_at END,
user_id = CASE WHEN removed_at IS NOT NULL OR expires_at <= excluded.created_at THEN excluded.user_id ELSE user_id END,
level = CASE WHEN removed_at IS NOT NULL OR expires_at <= excluded.created_at THEN excluded.level ELSE level END,
first_seq = CASE WHEN removed_at IS NOT NULL OR expires_at <= excluded.created_at THEN excluded.first_seq ELSE first_seq END,
created_at = CASE WHEN removed_at IS NOT NULL OR expires_at <= excluded.created_at THEN excluded.created_at ELSE created_at END,
title = CASE WHEN removed_at IS NOT NULL OR expires_at <= excluded.created_at THEN '' ELSE title END,
context = CASE WHEN removed_at IS NOT NULL OR expires_at <= excluded.created_at THEN '' ELSE context END,
metadata = CASE WHEN removed_at IS NOT NULL OR expires_at <= excluded.created_at THEN '{}' ELSE metadata END ; END;
