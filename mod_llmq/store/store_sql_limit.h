/**
 * @file store_sql_limit.h
 * SQL texts of accounts (core/ledger.h). Only store_sql.c includes this.
 */
#ifndef LLMQ_STORE_SQL_LIMIT_H
#define LLMQ_STORE_SQL_LIMIT_H

#include "store/store_sql_text.h"

#define LIMIT_INTO                                                                       \
    "INSERT INTO llmq_limits (account, node, used, level, window_at, updated_at) "
#define LIMIT_CONFLICT                                                                   \
    "ON CONFLICT (account, node) DO UPDATE SET used = excluded.used, "                   \
    "level = excluded.level, window_at = excluded.window_at, "                           \
    "updated_at = excluded.updated_at"

#define LIMIT_SAVE_LITE                                                                  \
    LIMIT_INTO                                                                           \
    "SELECT json_extract(value, '$.a'), %s, json_extract(value, '$.u'), "                \
    "json_extract(value, '$.l'), json_extract(value, '$.w'), "                           \
    "json_extract(value, '$.n') FROM json_each(%s) WHERE true " LIMIT_CONFLICT
#define LIMIT_SAVE_PGSQL                                                                 \
    LIMIT_INTO                                                                           \
    "SELECT r.a, %s, r.u, r.l, r.w, r.n FROM json_to_recordset(CAST(%s AS json)) "       \
    "AS r(a bigint, u bigint, l bigint, w bigint, n bigint) ORDER BY "                   \
    "r.a " LIMIT_CONFLICT

#define LIMIT_OTHERS      "SELECT account, sum(used) FROM llmq_limits WHERE account "
#define LIMIT_OTHERS_LITE LIMIT_OTHERS "IN " IDS_LITE " AND node <> %s GROUP BY account"
#define LIMIT_OTHERS_PGSQL                                                               \
    LIMIT_OTHERS "= ANY(ARRAY(SELECT CAST(json_array_elements_text("                     \
                 "CAST(%s AS json)) AS bigint))) AND node <> %s GROUP BY account"

/* The terms are those of the index llmq_jobs_gauge. */
#define LIMIT_COUNT                                                                      \
    "SELECT count(*) FROM llmq_jobs WHERE gauge = CAST(%s AS bigint) "                   \
    "AND gauge IS NOT NULL AND status < 2 AND removed_at IS NULL"

/* The terms are those of the index llmq_jobs_unsettled; the marks those of core/charge.h. */
#define UNSETTLED                                                                        \
    "charges IS NOT NULL AND substr(charges, 1, 1) <> '!' "                              \
    "AND (status >= 2 OR removed_at IS NOT NULL)"

#define LIMIT_UNSETTLED "SELECT 1 FROM llmq_jobs WHERE " UNSETTLED " LIMIT 1"

/* Whose node they are of does not matter: one node marks them, and that one settles. */
#define LIMIT_SETTLE                                                                     \
    "UPDATE llmq_jobs SET charges = '!' || charges WHERE " UNSETTLED " AND seq IN "      \
    "(SELECT seq FROM llmq_jobs WHERE " UNSETTLED " ORDER BY seq "                       \
    "LIMIT CAST(%s AS integer)) RETURNING charges, "                                     \
    "CASE WHEN status = 2 THEN COALESCE(result, '{}') END"

#endif /* LLMQ_STORE_SQL_LIMIT_H */
