-- Idempotency keys: who may answer a request, and the answer once it was given. claim
-- numbers the tries and is their fence; object is the id, without its prefix, that whatever
-- the request makes has in every try.
CREATE TABLE llmq_idempotency (
    scope       TEXT NOT NULL PRIMARY KEY,
    request     TEXT NOT NULL,
    object      TEXT NOT NULL,
    state       INTEGER NOT NULL DEFAULT 0,
    claim       INTEGER NOT NULL DEFAULT 1,
    status      INTEGER NOT NULL DEFAULT 0,
    created_at  INTEGER NOT NULL,
    lease_until INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    location    TEXT,
    body        TEXT
) STRICT;

CREATE INDEX llmq_idempotency_expires ON llmq_idempotency (expires_at);
