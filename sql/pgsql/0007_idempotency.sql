-- Idempotency keys: who may answer a request, and the answer once it was given. claim
-- numbers the tries and is their fence; object is the id, without its prefix, that whatever
-- the request makes has in every try.
CREATE TABLE llmq_idempotency (
    scope       text COLLATE "C" NOT NULL PRIMARY KEY,
    request     text COLLATE "C" NOT NULL,
    object      text COLLATE "C" NOT NULL,
    state       smallint NOT NULL DEFAULT 0,
    claim       bigint NOT NULL DEFAULT 1,
    status      integer NOT NULL DEFAULT 0,
    created_at  bigint NOT NULL,
    lease_until bigint NOT NULL,
    expires_at  bigint NOT NULL,
    location    text,
    body        text
);

CREATE INDEX llmq_idempotency_expires ON llmq_idempotency (expires_at);
