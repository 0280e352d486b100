/**
 * @file store_sql_outbox.h
 * SQL texts of the outbox. Only store_sql.c includes this.
 */
#ifndef LLMQ_STORE_SQL_OUTBOX_H
#define LLMQ_STORE_SQL_OUTBOX_H

#include "store/store_sql_text.h"

/* From host to host through the index, however many rows one of them has. */
#define OUTBOX_HOSTS                                                                     \
    "WITH RECURSIVE hosts(host) AS (SELECT min(host) FROM llmq_outbox UNION ALL "        \
    "SELECT (SELECT min(n.host) FROM llmq_outbox AS n WHERE n.host > hosts.host) "       \
    "FROM hosts WHERE hosts.host IS NOT NULL) "                                          \
    "SELECT o.seq, o.tenant, o.job, o.kind, o.status, o.url, o.host, o.happened_at, "    \
    "o.tries FROM hosts "

#define OUTBOX_OF_HOST(columns)                                                          \
    "(SELECT " columns " FROM llmq_outbox AS x WHERE x.host = hosts.host "               \
    "AND x.due_at <= CAST(%s AS bigint) ORDER BY x.due_at, x.seq "                       \
    "LIMIT CAST(%s AS integer)) "

#define OUTBOX_ORDER "ORDER BY o.due_at, o.seq LIMIT CAST(%s AS integer)"

#define OUTBOX_DUE_LITE                                                                  \
    OUTBOX_HOSTS "JOIN llmq_outbox AS o ON o.seq IN " OUTBOX_OF_HOST(                    \
        "x.seq") "WHERE hosts.host NOT IN " IDS_LITE " " OUTBOX_ORDER

#define OUTBOX_DUE_PGSQL                                                                 \
    OUTBOX_HOSTS "CROSS JOIN LATERAL " OUTBOX_OF_HOST(                                   \
        "x.*") "AS o WHERE hosts.host <> ALL(ARRAY(SELECT json_array_elements_text("     \
               "CAST(%s AS json)))) " OUTBOX_ORDER

#define OUTBOX_SEQS_PGSQL                                                                \
    "ANY(ARRAY(SELECT CAST(e AS bigint) FROM json_array_elements_text("                  \
    "CAST(%s AS json)) AS s(e)))"

/* Of two nodes that want the same row, the second finds it due no more. */
#define OUTBOX_CLAIM                                                                     \
    "UPDATE llmq_outbox SET due_at = CAST(%s AS bigint) "                                \
    "WHERE due_at <= CAST(%s AS bigint) AND seq "

#define OUTBOX_LATER "UPDATE llmq_outbox AS o SET due_at = r.d, tries = r.t FROM "
#define OUTBOX_LATER_LITE                                                                \
    OUTBOX_LATER                                                                         \
    "(SELECT json_extract(value, '$.s') AS s, json_extract(value, '$.d') AS d, "         \
    "json_extract(value, '$.t') AS t FROM json_each(%s)) AS r WHERE o.seq = r.s "        \
    "RETURNING seq"
#define OUTBOX_LATER_PGSQL                                                               \
    OUTBOX_LATER                                                                         \
    "json_to_recordset(CAST(%s AS json)) AS r(s bigint, d bigint, t integer) "           \
    "WHERE o.seq = r.s RETURNING seq"

#endif /* LLMQ_STORE_SQL_OUTBOX_H */
