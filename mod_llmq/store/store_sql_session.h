/**
 * @file store_sql_session.h
 * SQL texts of sessions and their logs. Only store_sql.c includes this.
 */
#ifndef LLMQ_STORE_SQL_SESSION_H
#define LLMQ_STORE_SQL_SESSION_H

#include "store/store_sql_text.h"

/* The order is that of column_e in store_session.c. */
#define SESSION_COLUMNS                                                                  \
    "id, tenant, owner, name, status, last_seq, last_message_id, last_message_at, "      \
    "last_message_preview, last_message_role, last_message_type, created_at, updated_at"

/* Without an owner it may be anybody's. */
#define SESSION_ONE                                                                      \
    "id = %s AND tenant = %s AND " IS(                                                   \
        "removed_at IS NULL") " "                                                        \
                              "AND (CAST(%s AS text) IS NULL OR owner = %s) "

/* The id is new, so that one that is there was stored by the same call before. */
#define SESSION_CREATE                                                                   \
    "INSERT INTO llmq_sessions (id, tenant, owner, name, name_folded, created_at, "      \
    "updated_at) VALUES (%s, %s, %s, %s, %s, CAST(%s AS bigint), CAST(%s AS bigint)) "   \
    "ON CONFLICT (id) DO NOTHING RETURNING id"

/* What would change nothing is not written, so that updated_at tells of changes. */
#define SESSION_CHANGE                                                                   \
    "UPDATE llmq_sessions SET name = COALESCE(%s, name), "                               \
    "name_folded = COALESCE(%s, name_folded), "                                          \
    "status = COALESCE(CAST(%s AS smallint), status), "                                  \
    "updated_at = CASE WHEN CAST(%s AS bigint) > updated_at THEN CAST(%s AS bigint) "    \
    "ELSE updated_at END WHERE " SESSION_ONE                                             \
    "AND status <> 2 AND (COALESCE(%s, name, '') <> COALESCE(name, '') "                 \
    "OR COALESCE(CAST(%s AS smallint), status) <> status) RETURNING " SESSION_COLUMNS

#define SESSION_OWN "tenant = %s AND owner = %s "
#define SESSION_ALL "tenant = %s "
#define SESSION_FILTER                                                                   \
    "AND removed_at IS NULL "                                                            \
    "AND (CAST(%s AS integer) < 0 OR status = CAST(%s AS integer)) "
#define SESSION_Q_LITE  "AND (%s = '' OR instr(name_folded, %s) > 0) "
#define SESSION_Q_PGSQL "AND (%s = '' OR strpos(name_folded, %s) > 0) "

#define SESSION_TALLY(whose, q)                                                          \
    "SELECT count(*) FROM llmq_sessions WHERE " whose SESSION_FILTER q
#define SESSION_LIST(whose, q)                                                           \
    "SELECT " SESSION_COLUMNS " FROM llmq_sessions WHERE " whose SESSION_FILTER q        \
    "ORDER BY last_message_at DESC, created_at DESC, id DESC "                           \
    "LIMIT CAST(%s AS integer) OFFSET CAST(%s AS bigint)"

/* For people: reads all rows. */
#define SESSION_SURVEY                                                                   \
    "SELECT tenant, status, count(*), CAST(sum(last_seq) AS bigint), "                   \
    "max(last_message_at) FROM llmq_sessions WHERE removed_at IS NULL "                  \
    "AND (%s = '' OR tenant = %s) GROUP BY tenant, status ORDER BY tenant, status"

/* ------------------------------------------------------------------------------ messages */

/* The order is that of message_column_e in store_session.c. */
#define SESSION_MESSAGE                                                                  \
    "SELECT id, session, seq, role, type, content, payload, reply_to, dedupe_key, "      \
    "created_at FROM llmq_session_messages WHERE session = %s AND tenant = %s "
#define SESSION_MESSAGES                                                                 \
    SESSION_MESSAGE "AND seq > CAST(%s AS bigint) ORDER BY seq LIMIT CAST(%s AS "        \
                    "integer)"

#define SESSION_GROWN_LITE                                                               \
    "SELECT r.k, s.last_seq FROM (SELECT key AS k, json_extract(value, '$.t') AS t, "    \
    "json_extract(value, '$.i') AS i, json_extract(value, '$.q') AS q "                  \
    "FROM json_each(%s)) AS r JOIN llmq_sessions AS s ON s.id = r.i "                    \
    "WHERE s.tenant = r.t AND s.last_seq > r.q AND " IS("s.removed_at IS NULL")
/* LATERAL with OFFSET 0 is looked up row by row, whatever the planner believes. */
#define SESSION_GROWN_PGSQL                                                              \
    "SELECT r.k, s.last_seq FROM json_to_recordset(CAST(%s AS json)) "                   \
    "AS r(k integer, t text, i text, q bigint) CROSS JOIN LATERAL "                      \
    "(SELECT tenant, last_seq, removed_at FROM llmq_sessions WHERE id = r.i OFFSET 0) "  \
    "AS s "                                                                              \
    "WHERE s.tenant = r.t AND s.last_seq > r.q AND " IS("s.removed_at IS NULL")

/* -------------------------------------------------------------------------------- append */

#define APPEND_LOCK                                                                      \
    "SELECT id, tenant, owner, status, last_seq FROM llmq_sessions "                     \
    "WHERE " IS("removed_at IS NULL") " AND id "
#define APPEND_LOCK_LITE APPEND_LOCK "IN " IDS_LITE
/* The rows are locked in the order in which they leave the sort. */
#define APPEND_LOCK_PGSQL APPEND_LOCK "= " IDS_PGSQL " ORDER BY id FOR UPDATE"

/* What is asked for is a key (d) or an id (i) of a session (s). */
#define APPEND_LOOK_LITE                                                                 \
    "SELECT m.session, m.seq, m.id, m.dedupe_key, r.i FROM "                             \
    "(SELECT json_extract(value, '$.s') AS s, json_extract(value, '$.d') AS d, "         \
    "json_extract(value, '$.i') AS i FROM json_each(%s)) AS r "                          \
    "JOIN llmq_session_messages AS m ON m.session = r.s "                                \
    "AND ((r.i IS NOT NULL AND m.id = r.i) OR (r.d IS NOT NULL AND m.dedupe_key = r.d))"
#define APPEND_LOOK_PGSQL                                                                \
    "SELECT m.session, m.seq, m.id, m.dedupe_key, r.i "                                  \
    "FROM json_to_recordset(CAST(%s AS json)) AS r(s text, d text, i text) "             \
    "CROSS JOIN LATERAL ("                                                               \
    "SELECT session, seq, id, dedupe_key FROM llmq_session_messages "                    \
    "WHERE r.i IS NOT NULL AND session = r.s AND id = r.i UNION ALL "                    \
    "SELECT session, seq, id, dedupe_key FROM llmq_session_messages "                    \
    "WHERE r.d IS NOT NULL AND session = r.s AND dedupe_key = r.d OFFSET 0) AS m"

/* The rows come as their callers wrote them, and beside them a list of numbers: that of each
 * row, 0 for one that is not to be stored. */
#define APPEND_INTO                                                                      \
    "INSERT INTO llmq_session_messages (session, seq, id, tenant, role, type, content, " \
    "payload, reply_to, dedupe_key, created_at) "
#define APPEND_INSERT_LITE                                                               \
    APPEND_INTO                                                                          \
    "SELECT json_extract(value, '$.s'), q, json_extract(value, '$.i'), "                 \
    "json_extract(value, '$.t'), json_extract(value, '$.o'), json_extract(value, "       \
    "'$.y'), "                                                                           \
    "json_extract(value, '$.c'), json_extract(value, '$.p'), json_extract(value, "       \
    "'$.r'), "                                                                           \
    "json_extract(value, '$.d'), json_extract(value, '$.n') FROM "                       \
    "(SELECT r.value AS value, json_extract(s.value, '$[' || r.key || ']') AS q "        \
    "FROM json_each(%s) AS r, (SELECT %s AS value) AS s) WHERE q > 0"
#define APPEND_INSERT_PGSQL                                                              \
    APPEND_INTO "SELECT s, CAST(q AS bigint), i, t, o, y, c, p, r, d, n FROM ROWS FROM " \
                "(json_to_recordset(CAST(%s AS json)) AS (s text, i text, t text, o "    \
                "smallint, y text, "                                                     \
                "c text, p text, r text, d text, n bigint), "                            \
                "json_array_elements_text(CAST(%s AS json))) AS x(s, i, t, o, y, c, p, " \
                "r, d, n, q) "                                                           \
                "WHERE CAST(q AS bigint) > 0"

#define APPEND_GROW                                                                      \
    "UPDATE llmq_sessions AS s SET last_seq = r.q, last_message_id = r.i, "              \
    "last_message_at = r.n, last_message_preview = r.p, last_message_role = r.o, "       \
    "last_message_type = r.y, "                                                          \
    "updated_at = CASE WHEN r.n > s.updated_at THEN r.n ELSE s.updated_at END "
#define APPEND_GROW_LITE                                                                 \
    APPEND_GROW "FROM (SELECT json_extract(value, '$.s') AS s, "                         \
                "json_extract(value, '$.q') AS q, json_extract(value, '$.i') AS i, "     \
                "json_extract(value, '$.n') AS n, json_extract(value, '$.p') AS p, "     \
                "json_extract(value, '$.o') AS o, json_extract(value, '$.y') AS y FROM " \
                "json_each(%s)) "                                                        \
                "AS r WHERE s.id = r.s"
#define APPEND_GROW_PGSQL                                                                \
    APPEND_GROW                                                                          \
    "FROM json_to_recordset(CAST(%s AS json)) AS r(s text, q bigint, i text, "           \
    "n bigint, p text, o smallint, y text) WHERE s.id = r.s"

/* -------------------------------------------------------------------------------- clean-up */

#define SESSION_WALK                                                                     \
    "SELECT id, created_at, updated_at FROM llmq_sessions WHERE id > %s AND " IS(        \
        "removed_at IS NULL") " ORDER BY id LIMIT CAST(%s AS integer)"

/* What somebody has locked is in use. */
#define SESSION_MARK      "UPDATE llmq_sessions SET removed_at = CAST(%s AS bigint) WHERE id "
#define SESSION_IDLE      "AND updated_at < CAST(%s AS bigint) AND " IS("removed_at IS NULL")
#define SESSION_MARK_LITE SESSION_MARK "IN " IDS_LITE " " SESSION_IDLE " RETURNING 1"
#define SESSION_MARK_PGSQL                                                               \
    SESSION_MARK "= ANY(ARRAY(SELECT id FROM llmq_sessions WHERE id = " IDS_PGSQL        \
                 " " SESSION_IDLE " FOR UPDATE SKIP LOCKED)) RETURNING 1"

/* The first ones, so that a piece of work is bounded however many there are. */
#define SESSION_MARKED                                                                   \
    "(SELECT id FROM llmq_sessions WHERE removed_at IS NOT NULL ORDER BY id LIMIT "      \
    "CAST(%s AS integer)) AS s "
#define SESSION_REAP_MESSAGES_LITE                                                       \
    "DELETE FROM llmq_session_messages WHERE rowid IN (SELECT m.rowid "                  \
    "FROM " SESSION_MARKED "JOIN llmq_session_messages AS m ON m.session = s.id "        \
    "LIMIT CAST(%s AS integer)) RETURNING 1"
#define SESSION_REAP_MESSAGES_PGSQL                                                      \
    "DELETE FROM llmq_session_messages WHERE ctid = ANY(ARRAY(SELECT m.c "               \
    "FROM " SESSION_MARKED                                                               \
    "CROSS JOIN LATERAL (SELECT ctid AS c FROM llmq_session_messages "                   \
    "WHERE session = s.id OFFSET 0) AS m LIMIT CAST(%s AS integer))) RETURNING 1"
#define SESSION_REAP_EMPTY                                                               \
    "DELETE FROM llmq_sessions WHERE id IN (SELECT s.id FROM " SESSION_MARKED            \
    "WHERE NOT EXISTS (SELECT 1 FROM llmq_session_messages AS m WHERE m.session = "      \
    "s.id)) RETURNING 1"

#endif /* LLMQ_STORE_SQL_SESSION_H */
