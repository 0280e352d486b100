-- Sessions and their logs. A session's row is the lock of its log: whoever appends holds it,
-- so last_seq says which number comes next. 0 stands for "no message yet", which sorts last
-- in the owner's list. What a search compares with is the name without regard to case, made
-- by the server, as databases differ in what they take for case. A session that is being
-- removed has removed_at: nobody sees it any more, its messages go in portions.
--
-- What an append changes is in no index, so the list of an owner is sorted when it is read:
-- it is counted as a whole anyway, and appends are many more.
CREATE TABLE llmq_sessions (
    id                   text COLLATE "C" NOT NULL PRIMARY KEY,
    tenant               text COLLATE "C" NOT NULL,
    owner                text COLLATE "C" NOT NULL,
    name                 text,
    name_folded          text COLLATE "C",
    status               smallint NOT NULL DEFAULT 0,
    last_seq             bigint NOT NULL DEFAULT 0,
    last_message_id      text COLLATE "C",
    last_message_at      bigint NOT NULL DEFAULT 0,
    last_message_preview text NOT NULL DEFAULT '',
    last_message_role    smallint NOT NULL DEFAULT -1,
    last_message_type    text,
    created_at           bigint NOT NULL,
    updated_at           bigint NOT NULL,
    removed_at           bigint
) WITH (fillfactor = 70);

CREATE INDEX llmq_sessions_owner ON llmq_sessions (tenant, owner) WHERE removed_at IS NULL;

CREATE INDEX llmq_sessions_removed ON llmq_sessions (id) WHERE removed_at IS NOT NULL;

-- A log is read in the order of its numbers; a message is looked up by its id, which grows
-- with time, or by the key under which it must exist only once in its session.
CREATE TABLE llmq_session_messages (
    session    text COLLATE "C" NOT NULL,
    seq        bigint NOT NULL,
    id         text COLLATE "C" NOT NULL,
    tenant     text COLLATE "C" NOT NULL,
    role       smallint NOT NULL,
    type       text NOT NULL,
    content    text,
    payload    text,
    reply_to   text COLLATE "C",
    dedupe_key text COLLATE "C",
    created_at bigint NOT NULL,
    PRIMARY KEY (session, seq)
);

CREATE UNIQUE INDEX llmq_session_messages_id ON llmq_session_messages (id);

CREATE UNIQUE INDEX llmq_session_messages_key ON llmq_session_messages (session, dedupe_key)
    WHERE dedupe_key IS NOT NULL;
