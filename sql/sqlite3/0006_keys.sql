-- API keys, by their SHA-256 (hexadecimal digits); the keys themselves are nowhere. Times are
-- microseconds since 1970, 0 for never.
CREATE TABLE llmq_keys (
    hash       TEXT NOT NULL PRIMARY KEY,
    id         TEXT NOT NULL UNIQUE,
    tenant     TEXT NOT NULL,
    subject    TEXT NOT NULL,
    scope      TEXT NOT NULL DEFAULT '',
    admin      INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL DEFAULT 0,
    revoked_at INTEGER NOT NULL DEFAULT 0
) STRICT;
