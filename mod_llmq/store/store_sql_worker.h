/**
 * @file store_sql_worker.h
 * SQL texts of workers and of what is counted of tasks. Only store_sql.c includes this.
 */
#ifndef LLMQ_STORE_SQL_WORKER_H
#define LLMQ_STORE_SQL_WORKER_H

#include "store/store_sql_job.h"

#define WORKER_COLUMNS                                                                   \
    "w.tenant, w.worker, w.node, w.started_at, w.seen_at, w.succeeded, w.failed, "       \
    "w.busy_usec"

#define WORKER_LIST                                                                      \
    "SELECT " WORKER_COLUMNS " FROM llmq_workers AS w "                                  \
    "WHERE (%s = '' OR w.tenant = %s) AND (%s = '' OR w.node = %s) "                     \
    "ORDER BY w.tenant, w.worker, w.node"

#define WORKER_LOAD_LITE                                                                 \
    "SELECT " WORKER_COLUMNS " FROM json_each(%s) AS k JOIN llmq_workers AS w "          \
    "ON w.tenant = json_extract(k.value, '$.t') "                                        \
    "AND w.worker = json_extract(k.value, '$.w') AND w.node = %s"
#define WORKER_LOAD_PGSQL                                                                \
    "SELECT " WORKER_COLUMNS " FROM json_to_recordset(CAST(%s AS json)) "                \
    "AS k(t text, w text) JOIN llmq_workers AS w "                                       \
    "ON w.tenant = k.t AND w.worker = k.w AND w.node = %s"

/* A dispatcher that is told to end may be slow about its last statement. */
#define WORKER_INTO                                                                      \
    "INSERT INTO llmq_workers (node, tenant, worker, started_at, seen_at, succeeded, "   \
    "failed, busy_usec) "
#define WORKER_CONFLICT                                                                  \
    "ON CONFLICT (tenant, worker, node) DO UPDATE SET "                                  \
    "started_at = excluded.started_at, seen_at = excluded.seen_at, "                     \
    "succeeded = excluded.succeeded, failed = excluded.failed, "                         \
    "busy_usec = excluded.busy_usec WHERE excluded.seen_at >= llmq_workers.seen_at"
#define WORKER_SAVE_LITE                                                                 \
    WORKER_INTO                                                                          \
    "SELECT %s, json_extract(value, '$.t'), json_extract(value, '$.w'), "                \
    "json_extract(value, '$.s'), json_extract(value, '$.n'), "                           \
    "json_extract(value, '$.o'), json_extract(value, '$.f'), "                           \
    "json_extract(value, '$.b') FROM json_each(%s) WHERE true " WORKER_CONFLICT
#define WORKER_SAVE_PGSQL                                                                \
    WORKER_INTO                                                                          \
    "SELECT %s, r.t, r.w, r.s, r.n, r.o, r.f, r.b "                                      \
    "FROM json_to_recordset(CAST(%s AS json)) AS r(t text, w text, s bigint, n bigint, " \
    "o bigint, f bigint, b bigint) " WORKER_CONFLICT

#define WORKER_PRUNE "DELETE FROM llmq_workers WHERE seen_at < CAST(%s AS bigint)"

/* The first two terms are those of the index llmq_jobs_open: only unfinished rows are read.
 * SQLite takes the column beside max() from the row that has it. */
#define HANDS_WHERE                                                                      \
    "WHERE status < 2 AND removed_at IS NULL AND status = 1 AND lease_until > 0 "        \
    "AND tenant = %s AND owner <> '' GROUP BY owner ORDER BY owner"
#define WORKER_HANDS_LITE                                                                \
    "SELECT owner, n, id FROM (SELECT owner, count(*) AS n, id, max(started_at) "        \
    "FROM llmq_jobs INDEXED BY llmq_jobs_open " HANDS_WHERE ")"
#define WORKER_HANDS_PGSQL                                                               \
    "SELECT owner, count(*), (array_agg(id ORDER BY started_at DESC, seq DESC))[1] "     \
    "FROM llmq_jobs " HANDS_WHERE

#endif /* LLMQ_STORE_SQL_WORKER_H */
