/**
 * @file store_sql_conversation.h
 * SQL texts of conversations. Only store_sql.c includes this.
 */
#ifndef LLMQ_STORE_SQL_CONVERSATION_H
#define LLMQ_STORE_SQL_CONVERSATION_H

#include "store/store_sql_job.h"

/* ------------------------------------------------------------------------ made and touched */

/* What was there is over: whatever comes now begins anew. */
#define OVER "c.removed_at IS NOT NULL OR c.expires_at <= excluded.created_at "

/* Rows that a repeated statement finds there already are not among the new ones, so touching
 * happens once. Two committers that touch the same conversations do so in the same order, or
 * they would wait for one another. SQLite has a trigger for this, see its migration. */
#define CONVERSE_INTO                                                                    \
    "INSERT INTO llmq_conversations AS c (tenant, id, user_id, level, first_seq, "       \
    "created_at, updated_at, last_active_at, expires_at) "                               \
    "SELECT tenant, chain, COALESCE((array_agg(user_id ORDER BY seq))[1], ''), 3, "      \
    "min(seq), min(created_at), max(created_at), max(created_at), max(expires_at) "      \
    "FROM new WHERE chain IS NOT NULL AND kind = 1 GROUP BY tenant, chain "              \
    "ORDER BY tenant, chain ON CONFLICT (tenant, id) DO UPDATE SET "

#define CONVERSE_TOUCH                                                                   \
    "state = 0, removed_at = NULL, "                                                     \
    "updated_at = CASE WHEN excluded.updated_at > c.updated_at "                         \
    "THEN excluded.updated_at ELSE c.updated_at END, "                                   \
    "last_active_at = CASE WHEN excluded.last_active_at > c.last_active_at "             \
    "THEN excluded.last_active_at ELSE c.last_active_at END, "                           \
    "expires_at = CASE WHEN excluded.last_active_at >= c.last_active_at "                \
    "OR c.removed_at IS NOT NULL THEN excluded.expires_at ELSE c.expires_at END, "

#define CONVERSE_ANEW                                                                    \
    "user_id = CASE WHEN " OVER "THEN excluded.user_id ELSE c.user_id END, "             \
    "level = CASE WHEN " OVER "THEN excluded.level ELSE c.level END, "                   \
    "first_seq = CASE WHEN " OVER "THEN excluded.first_seq ELSE c.first_seq END, "       \
    "created_at = CASE WHEN " OVER "THEN excluded.created_at ELSE c.created_at END, "    \
    "title = CASE WHEN " OVER "THEN excluded.title ELSE c.title END, "                   \
    "context = CASE WHEN " OVER "THEN excluded.context ELSE c.context END, "             \
    "metadata = CASE WHEN " OVER "THEN excluded.metadata ELSE c.metadata END "

#define ACCEPT_PGSQL                                                                     \
    "WITH new AS (" INSERT_PGSQL " RETURNING seq, tenant, chain, user_id, kind, "        \
    "created_at, expires_at) " CONVERSE_INTO CONVERSE_TOUCH CONVERSE_ANEW

#endif /* LLMQ_STORE_SQL_CONVERSATION_H */
