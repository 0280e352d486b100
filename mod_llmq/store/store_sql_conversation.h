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

/* Who waits for a conversation that another transaction has begun may have the lower seq.
 * Rows that a repeated statement finds there already are not among the new ones, so touching
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
    "first_seq = CASE WHEN excluded.first_seq < c.first_seq OR " OVER                    \
    "THEN excluded.first_seq ELSE c.first_seq END, "                                     \
    "created_at = CASE WHEN " OVER "THEN excluded.created_at ELSE c.created_at END, "    \
    "title = CASE WHEN " OVER "THEN excluded.title ELSE c.title END, "                   \
    "context = CASE WHEN " OVER "THEN excluded.context ELSE c.context END, "             \
    "metadata = CASE WHEN " OVER "THEN excluded.metadata ELSE c.metadata END "

#define ACCEPT_PGSQL                                                                     \
    "WITH new AS (" INSERT_PGSQL " RETURNING seq, tenant, chain, user_id, kind, "        \
    "created_at, expires_at) " CONVERSE_INTO CONVERSE_TOUCH CONVERSE_ANEW

/* ---------------------------------------------------------------------------- by calls of S0 */

/* Messages that are there already under its id belong to an earlier one. */
#define CONVERSATION_CREATE                                                              \
    "INSERT INTO llmq_conversations AS c (tenant, id, user_id, level, first_seq, "       \
    "created_at, updated_at, last_active_at, expires_at, title, context, metadata) "     \
    "SELECT %s, %s, %s, CAST(%s AS smallint), "                                          \
    "(SELECT COALESCE(max(j.seq), 0) + 1 FROM llmq_jobs AS j "                           \
    "WHERE j.tenant = %s AND j.chain = %s), CAST(%s AS bigint), CAST(%s AS bigint), "    \
    "CAST(%s AS bigint), CAST(%s AS bigint), %s, %s, %s WHERE true "                     \
    "ON CONFLICT (tenant, id) DO UPDATE SET user_id = excluded.user_id, "                \
    "level = excluded.level, state = 0, first_seq = excluded.first_seq, "                \
    "created_at = excluded.created_at, updated_at = excluded.updated_at, "               \
    "last_active_at = excluded.last_active_at, expires_at = excluded.expires_at, "       \
    "removed_at = NULL, title = excluded.title, context = excluded.context, "            \
    "metadata = excluded.metadata WHERE " OVER "RETURNING id"

/* Removed or expired is gone. */
#define LIVE "c.removed_at IS NULL AND c.expires_at > CAST(%s AS bigint) "

/* The order is that of column_e in store_conversation.c. */
#define CONVERSATION_COLUMNS                                                             \
    "c.id, c.tenant, c.user_id, c.title, c.context, c.metadata, c.level, c.state, "      \
    "c.first_seq, c.created_at, c.updated_at, c.last_active_at, c.expires_at"

/* First the page, then what its conversations' messages add up to. SQLite has to be told the
 * index, as it is without statistics. */
#define JOBS_LITE  "llmq_jobs AS j INDEXED BY llmq_jobs_chain "
#define JOBS_PGSQL "llmq_jobs AS j "

#define COUNTED_HEAD                                                                     \
    "WITH page AS (SELECT " CONVERSATION_COLUMNS " FROM llmq_conversations AS c WHERE "
#define COUNTED_SUMS                                                                     \
    "), sums AS (SELECT page.id AS k, count(*) AS messages, "                            \
    "sum(CASE WHEN j.status = 2 THEN 1 ELSE 0 END) AS completed, "                       \
    "sum(CASE WHEN j.status <> 2 THEN 0 WHEN j.started_at > 0 "                          \
    "THEN j.finished_at - j.started_at ELSE j.finished_at - j.created_at END) "          \
    "AS processing FROM page JOIN "
#define COUNTED_TAIL                                                                     \
    "ON j.tenant = page.tenant AND j.chain = page.id AND j.seq >= page.first_seq "       \
    "WHERE j.kind = 1 AND j.removed_at IS NULL GROUP BY page.id) "                       \
    "SELECT page.*, COALESCE(messages, 0), COALESCE(completed, 0), "                     \
    "COALESCE(processing, 0) FROM page LEFT JOIN sums ON k = page.id"

#define COUNTED_LITE(page, order)                                                        \
    COUNTED_HEAD page COUNTED_SUMS JOBS_LITE COUNTED_TAIL order
#define COUNTED_PGSQL(page, order)                                                       \
    COUNTED_HEAD page COUNTED_SUMS JOBS_PGSQL COUNTED_TAIL order
#define COUNTED(page, order) EACH(COUNTED_LITE(page, order), COUNTED_PGSQL(page, order))

#define CONVERSATION_ONE "c.tenant = %s AND c.id = %s AND " LIVE

#define CONVERSATION_FILTER                                                              \
    "c.tenant = %s AND " LIVE "AND (%s = '' OR c.user_id = %s) "                         \
    "AND (CAST(%s AS integer) < 0 OR c.state = CAST(%s AS integer)) "                    \
    "AND (CAST(%s AS integer) = 0 OR c.level = CAST(%s AS integer)) "
#define CONVERSATION_PAGE(order) CONVERSATION_FILTER " ORDER BY " order PAGE
#define CONVERSATION_LIST(order) COUNTED(CONVERSATION_PAGE(order), " ORDER BY " order)

#define CONVERSATION_CHANGE                                                              \
    "UPDATE llmq_conversations AS c SET "                                                \
    "state = COALESCE(CAST(%s AS smallint), c.state), "                                  \
    "title = COALESCE(%s, c.title), context = COALESCE(%s, c.context), "                 \
    "metadata = COALESCE(%s, c.metadata), updated_at = CAST(%s AS bigint) "              \
    "WHERE c.tenant = %s AND c.id = %s AND " LIVE                                        \
    "AND c.first_seq = CAST(%s AS bigint) AND (%s = '' OR c.metadata = %s) RETURNING id"

#define CONVERSATION_REMOVE                                                              \
    "UPDATE llmq_conversations AS c SET removed_at = CAST(%s AS bigint) "                \
    "WHERE c.tenant = %s AND c.id = %s AND " LIVE "RETURNING id"

#define CONVERSATION_SWEEP                                                               \
    "UPDATE llmq_jobs SET removed_at = CAST(%s AS bigint), "                             \
    "updated_at = CAST(%s AS bigint), attempt = attempt + 1 "                            \
    "WHERE tenant = %s AND chain = %s AND kind = 1 AND removed_at IS NULL "              \
    "AND seq < (SELECT CASE WHEN c.removed_at IS NULL THEN c.first_seq "                 \
    "ELSE 9223372036854775807 END FROM llmq_conversations AS c "                         \
    "WHERE c.tenant = %s AND c.id = %s) RETURNING id, status"

/* --------------------------------------------------------------------------------- the past */

/* What was answered so far, in the order in which it was answered: two processes that take
 * messages of one conversation at the same moment may tell the queue in another order than
 * that of seq. The context comes with the newest turn only, or alone. That turn comes whatever
 * its size; what fits is decided by whoever reads. */
#define TURN_IS_IT                                                                       \
    "tenant = r.t AND chain = r.c AND seq >= c.first_seq AND status = 2 "                \
    "AND removed_at IS NULL AND result IS NOT NULL ORDER BY seq DESC "                   \
    "LIMIT CAST(%s AS integer)"

#define TURNS_LITE                                                                       \
    "SELECT i, CASE WHEN n = 1 THEN context END, payload, result FROM ("                 \
    "SELECT r.i AS i, c.context AS context, j.payload AS payload, "                      \
    "j.result AS result, row_number() OVER w AS n, "                                     \
    "sum(length(j.payload) + length(j.result)) OVER w AS bytes "                         \
    "FROM (SELECT json_extract(value, '$.i') AS i, json_extract(value, '$.t') AS t, "    \
    "json_extract(value, '$.c') AS c FROM json_each(%s)) AS r "                          \
    "JOIN llmq_conversations AS c ON c.tenant = r.t AND c.id = r.c "                     \
    "LEFT JOIN llmq_jobs AS j ON j.seq IN (SELECT seq FROM llmq_jobs "                   \
    "INDEXED BY llmq_jobs_chain WHERE " TURN_IS_IT ") "                                  \
    "WHERE j.seq IS NOT NULL OR c.context <> '' "                                        \
    "WINDOW w AS (PARTITION BY r.i ORDER BY j.finished_at DESC, j.seq DESC "             \
    "ROWS UNBOUNDED PRECEDING)) "                                                        \
    "WHERE n = 1 OR bytes <= CAST(%s AS bigint) ORDER BY i, n DESC"

/* LATERAL with OFFSET 0 is looked up row by row, whatever the planner believes. */
#define TURNS_PGSQL                                                                      \
    "SELECT r.i, CASE WHEN y.n IS NULL OR y.n = 1 THEN c.context END, y.payload, "       \
    "y.result FROM json_to_recordset(CAST(%s AS json)) AS r(i text, t text, c text) "    \
    "CROSS JOIN LATERAL (SELECT first_seq, context FROM llmq_conversations "             \
    "WHERE tenant = r.t AND id = r.c OFFSET 0) AS c "                                    \
    "LEFT JOIN LATERAL (SELECT x.payload, x.result, row_number() OVER w AS n, "          \
    "sum(octet_length(x.payload) + octet_length(x.result)) OVER w AS bytes "             \
    "FROM (SELECT seq, payload, result, finished_at FROM llmq_jobs "                     \
    "WHERE " TURN_IS_IT ") AS x WINDOW w AS (ORDER BY x.finished_at DESC, x.seq DESC "   \
    "ROWS UNBOUNDED PRECEDING)) AS y ON y.n = 1 OR y.bytes <= CAST(%s AS bigint) "       \
    "WHERE y.n IS NOT NULL OR c.context <> '' ORDER BY r.i, y.n DESC"

/* -------------------------------------------------------------------------------- clean-up */

/* Nothing waits or runs in it. */
#define AT_REST                                                                          \
    "NOT EXISTS (SELECT 1 FROM llmq_jobs AS j WHERE j.tenant = c.tenant "                \
    "AND j.chain = c.id AND j.status < 2 AND j.removed_at IS NULL) "
#define EXPIRED "c.expires_at <= CAST(%s AS bigint) "

#define REAP_FIND                                                                        \
    "SELECT c.tenant, c.id FROM llmq_conversations AS c WHERE " EXPIRED "AND " AT_REST   \
    "LIMIT CAST(%s AS integer)"

#define NAMES_LITE                                                                       \
    "(SELECT json_extract(value, '$.t') AS t, json_extract(value, '$.c') AS c "          \
    "FROM json_each(%s)) AS r "
#define NAMES_PGSQL "json_to_recordset(CAST(%s AS json)) AS r(t text, c text) "

/* The conversation is looked at once more: a message may have begun it anew meanwhile. */
#define REAPED_JOBS                                                                      \
    "JOIN llmq_conversations AS c ON c.tenant = r.t AND c.id = r.c AND " EXPIRED         \
    "JOIN llmq_jobs AS d ON d.tenant = r.t AND d.chain = r.c "                           \
    "AND (d.status >= 2 OR d.removed_at IS NOT NULL) "                                   \
    "WHERE " AT_REST "LIMIT CAST(%s AS integer)"
#define REAP_JOBS_LITE                                                                   \
    "DELETE FROM llmq_jobs WHERE id IN (SELECT d.id FROM " NAMES_LITE REAPED_JOBS        \
    ") RETURNING 1"
#define REAP_JOBS_PGSQL                                                                  \
    "DELETE FROM llmq_jobs WHERE id = ANY(ARRAY(SELECT d.id FROM " NAMES_PGSQL           \
        REAPED_JOBS ")) AND (status >= 2 OR removed_at IS NOT NULL) RETURNING 1"

#define REAP_EMPTY                                                                       \
    "DELETE FROM llmq_conversations AS c WHERE (c.tenant, c.id) IN (SELECT r.t, r.c "    \
    "FROM "
#define IS_EMPTY                                                                         \
    ") AND " EXPIRED "AND NOT EXISTS (SELECT 1 FROM llmq_jobs AS j "                     \
    "WHERE j.tenant = c.tenant AND j.chain = c.id) RETURNING 1"
#define REAP_EMPTY_LITE  REAP_EMPTY NAMES_LITE IS_EMPTY
#define REAP_EMPTY_PGSQL REAP_EMPTY NAMES_PGSQL IS_EMPTY

#endif /* LLMQ_STORE_SQL_CONVERSATION_H */
