-- API keys, by their SHA-256 (hexadecimal digits); the keys themselves are nowhere. Times are
-- microseconds since 1970, 0 for never.
CREATE TABLE llmq_keys (
    hash       text COLLATE "C" NOT NULL PRIMARY KEY,
    id         text COLLATE "C" NOT NULL UNIQUE,
    tenant     text COLLATE "C" NOT NULL,
    subject    text NOT NULL,
    scope      text NOT NULL DEFAULT '',
    admin      smallint NOT NULL DEFAULT 0,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL DEFAULT 0,
    revoked_at bigint NOT NULL DEFAULT 0
);
