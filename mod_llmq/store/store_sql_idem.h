/**
 * @file store_sql_idem.h
 * SQL texts of idempotency keys. Only store_sql.c includes this.
 */
#ifndef LLMQ_STORE_SQL_IDEM_H
#define LLMQ_STORE_SQL_IDEM_H

#include "store/store_sql_text.h"

/* A key is there for the taking when it is new or has expired, when its last try was left
 * open, or when that try's process has died; the latter two for the same request only. The
 * object of an expired key is a new one. */
#define IDEM_CLAIM                                                                       \
    "INSERT INTO llmq_idempotency AS k (scope, request, object, created_at, "            \
    "lease_until, expires_at) VALUES (%s, %s, %s, CAST(%s AS bigint), "                  \
    "CAST(%s AS bigint), CAST(%s AS bigint)) ON CONFLICT (scope) DO UPDATE SET "         \
    "request = excluded.request, state = 0, status = 0, body = NULL, location = NULL, "  \
    "claim = k.claim + 1, lease_until = excluded.lease_until, "                          \
    "created_at = excluded.created_at, expires_at = excluded.expires_at, "               \
    "object = CASE WHEN k.expires_at <= excluded.created_at THEN excluded.object "       \
    "ELSE k.object END WHERE k.lease_until <= excluded.created_at AND "                  \
    "(k.expires_at <= excluded.created_at "                                              \
    "OR (k.request = excluded.request AND k.state < 2)) RETURNING claim, object"

/* Whose answer is kept cannot be freed. */
#define IDEM_MINE_RUNNING                                                                \
    "WHERE scope = %s AND claim = CAST(%s AS bigint) AND state = 0 RETURNING scope"

#define IDEM_MINE "WHERE scope = %s AND claim = CAST(%s AS bigint) RETURNING scope"

#endif /* LLMQ_STORE_SQL_IDEM_H */
