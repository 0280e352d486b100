-- Sessions and their logs. A session's row is the lock of its log: whoever appends holds it,
-- so last_seq says which number comes next. 0 stands for "no message yet", which sorts last
-- in the owner's list. What a search compares with is the name without regard to case, made
-- by the server, as databases differ in what they take for case. A session that is being
-- removed has removed_at: nobody sees it any more, its messages go in portions.
--
-- What an append changes is in no index, so the list of an owner is sorted when it is read:
-- it is counted as a whole anyway, and appends are many more.
CREATE TABLE llmq_sessions (
    id                   TEXT NOT NULL PRIMARY KEY,
    tenant               TEXT NOT NULL,
    owner                TEXT NOT NULL,
    name                 TEXT,
    name_folded          TEXT,
    status               INTEGER NOT NULL DEFAULT 0,
    last_seq             INTEGER NOT NULL DEFAULT 0,
    last_message_id      TEXT,
    last_message_at      INTEGER NOT NULL DEFAULT 0,
    last_message_preview TEXT NOT NULL DEFAULT '',
    last_message_role    INTEGER NOT NULL DEFAULT -1,
    last_message_type    TEXT,
    created_at           INTEGER NOT NULL,
    updated_at           INTEGER NOT NULL,
    removed_at           INTEGER
) STRICT;

CREATE INDEX llmq_sessions_owner ON llmq_sessions (tenant, owner) WHERE removed_at IS NULL;

CREATE INDEX llmq_sessions_removed ON llmq_sessions (id) WHERE removed_at IS NOT NULL;

-- A log is read in the order of its numbers; a message is looked up by its id, which grows
-- with time, or by the key under which it must exist only once in its session.
CREATE TABLE llmq_session_messages (
    session    TEXT NOT NULL,
    seq        INTEGER NOT NULL,
    id         TEXT NOT NULL,
    tenant     TEXT NOT NULL,
    role       INTEGER NOT NULL,
    type       TEXT NOT NULL,
    content    TEXT,
    payload    TEXT,
    reply_to   TEXT,
    dedupe_key TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (session, seq)
) STRICT;

CREATE UNIQUE INDEX llmq_session_messages_id ON llmq_session_messages (id);

CREATE UNIQUE INDEX llmq_session_messages_key ON llmq_session_messages (session, dedupe_key)
    WHERE dedupe_key IS NOT NULL;
