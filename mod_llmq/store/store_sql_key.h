/**
 * @file store_sql_key.h
 * SQL texts of API keys. Only store_sql.c includes this.
 */
#ifndef LLMQ_STORE_SQL_KEY_H
#define LLMQ_STORE_SQL_KEY_H

#include "store/store_sql_text.h"

#define KEY_COLUMNS                                                                      \
    "hash, id, tenant, subject, scope, admin, created_at, expires_at, revoked_at"

#define KEY_SAVE                                                                         \
    "INSERT INTO llmq_keys (" KEY_COLUMNS ") VALUES (%s, %s, %s, %s, %s, "               \
    "CAST(%s AS smallint), CAST(%s AS bigint), CAST(%s AS bigint), 0) "                  \
    "ON CONFLICT (hash) DO NOTHING RETURNING id"

#define KEY_REVOKE                                                                       \
    "UPDATE llmq_keys SET revoked_at = CASE WHEN revoked_at > 0 THEN revoked_at "        \
    "ELSE CAST(%s AS bigint) END WHERE id = %s RETURNING id"

#endif /* LLMQ_STORE_SQL_KEY_H */
