/**
 * @file store_sql_usage.h
 * SQL texts of what was used. Only store_sql.c includes this.
 */
#ifndef LLMQ_STORE_SQL_USAGE_H
#define LLMQ_STORE_SQL_USAGE_H

#include "store/store_sql_job.h"

#define USAGE_KEY "tenant, day, caller, api_key, model, node"

/* What can still be ended under this attempt. So what is written twice is counted once. */
#define USAGE_OPEN  IS("j.status < 2 AND j.removed_at IS NULL AND j.owner IS NULL")
#define USAGE_FENCE "j.id = r.i AND " USAGE_OPEN " AND j.attempt = r.a"

/* Of a completion the model that was asked for is its type. */
#define USAGE_SEEN                                                                       \
    "j.tenant, CAST(r.u / 86400000000 AS integer) AS day, "                              \
    "COALESCE(j.user_id, '') AS caller, COALESCE(j.api_key, '') AS api_key, "            \
    "CASE WHEN j.kind = 5 THEN COALESCE(j.type, r.m) ELSE r.m END AS model, "            \
    "r.n, r.p, r.c, r.x"

#define USAGE_INTO                                                                       \
    "INSERT INTO llmq_usage (" USAGE_KEY                                                 \
    ", requests, prompt_tokens, completion_tokens, cost) "                               \
    "SELECT l.tenant, l.day, l.caller, l.api_key, l.model, %s, sum(l.n), sum(l.p), "     \
    "sum(l.c), sum(l.x) FROM "
#define USAGE_ADD                                                                        \
    "GROUP BY l.tenant, l.day, l.caller, l.api_key, l.model "                            \
    "ORDER BY l.tenant, l.day, l.caller, l.api_key, l.model "                            \
    "ON CONFLICT (" USAGE_KEY ") DO UPDATE SET "                                         \
    "requests = llmq_usage.requests + excluded.requests, "                               \
    "prompt_tokens = llmq_usage.prompt_tokens + excluded.prompt_tokens, "                \
    "completion_tokens = llmq_usage.completion_tokens + excluded.completion_tokens, "    \
    "cost = llmq_usage.cost + excluded.cost"

#define USAGE_ADD_LITE                                                                   \
    USAGE_INTO                                                                           \
    "(SELECT " USAGE_SEEN                                                                \
    " FROM (SELECT json_extract(value, '$.i') AS i, json_extract(value, '$.a') AS a, "   \
    "json_extract(value, '$.u') AS u, json_extract(value, '$.m') AS m, "                 \
    "json_extract(value, '$.n') AS n, json_extract(value, '$.p') AS p, "                 \
    "json_extract(value, '$.c') AS c, json_extract(value, '$.x') AS x "                  \
    "FROM json_each(%s)) AS r JOIN llmq_jobs AS j ON " USAGE_FENCE ") AS l "             \
    "WHERE true " USAGE_ADD

/* What is counted is what the update itself has found open, in the very version of the row
 * that it ends: no row has to be locked beforehand or looked up twice. */
#define FINISH_USED_PGSQL                                                                \
    "WITH done AS (" FINISH_SET                                                          \
    "FROM json_to_recordset(CAST(%s AS json)) AS r(" FINISH_ROW                          \
    ", m text, n bigint, p bigint, c bigint, x bigint) WHERE " USAGE_FENCE               \
    " RETURNING j.id, r.m IS NOT NULL AS used, " USAGE_SEEN "), "                        \
    "counted AS (" USAGE_INTO "done AS l WHERE l.used " USAGE_ADD ") "                   \
    "SELECT id FROM done"

/* ---- reading: %s is the first and the last tenant, first and last day, caller twice, the same
 * of api_key and model ---- */

#define USAGE_WHERE                                                                      \
    "FROM llmq_usage WHERE tenant >= %s AND tenant <= %s AND day >= CAST(%s AS "         \
    "integer) "                                                                          \
    "AND day <= CAST(%s AS integer) AND (%s = '' OR caller = %s) "                       \
    "AND (%s = '' OR api_key = %s) AND (%s = '' OR model = %s) "
#define USAGE_SUMS                                                                       \
    "sum(requests) AS n, sum(prompt_tokens) AS p, sum(completion_tokens) AS c, "         \
    "sum(cost) AS x "

#define USAGE_LIST                                                                       \
    "SELECT day, tenant, caller, model, api_key, " USAGE_SUMS USAGE_WHERE                \
    "GROUP BY day, tenant, caller, model, api_key "                                      \
    "ORDER BY day DESC, tenant, caller, model, api_key "                                 \
    "LIMIT CAST(%s AS integer) OFFSET CAST(%s AS bigint)"

/* One row: how many rows the list has, and their sums. */
#define USAGE_TOTAL                                                                      \
    "SELECT count(*), COALESCE(sum(n), 0), COALESCE(sum(p), 0), COALESCE(sum(c), 0), "   \
    "COALESCE(sum(x), 0) FROM (SELECT " USAGE_SUMS USAGE_WHERE                           \
    "GROUP BY day, tenant, caller, model, api_key) AS g"

#endif /* LLMQ_STORE_SQL_USAGE_H */
