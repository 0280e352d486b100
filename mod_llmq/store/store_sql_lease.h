/**
 * @file store_sql_lease.h
 * SQL texts of what workers have under a lease. Only store_sql.c includes this.
 */
#ifndef LLMQ_STORE_SQL_LEASE_H
#define LLMQ_STORE_SQL_LEASE_H

#include "store/store_sql_job.h"

#define LEASE_UNTIL                                                                      \
    "CASE WHEN r.s = 1 THEN " LEASE_CAP("j.started_at", "r.l") " ELSE 0 END"
#define LEASE_THERE IS("j.removed_at IS NULL")

/* A task is nobody's beyond the time-out of its attempt. */
#define LEASE_CAP(begin, until)                                                          \
    "CASE WHEN r.c = 1 AND j.kind = 2 AND j.timeout_usec > 0 "                           \
    "AND " begin " + j.timeout_usec < " until " THEN " begin " + j.timeout_usec "        \
    "ELSE " until " END"

/* Claimed is what waits as it was taken, and what this very claim has got already: so the
 * writer learns the truth when it has to ask twice. */
#define CLAIM_SET                                                                        \
    "UPDATE llmq_jobs AS j SET "                                                         \
    "deliveries = j.deliveries + CASE WHEN j.status = 0 THEN 1 ELSE 0 END, status = 1, " \
    "owner = r.o, lease_token = r.k, "                                                   \
    "lease_until = " LEASE_CAP("r.n", "r.l") ", started_at = r.n, updated_at = r.n "
#define CLAIM_WHERE                                                                      \
    "WHERE j.id = r.i AND j.tenant = r.t AND " LEASE_THERE " "                           \
    "AND ((j.status = 0 AND j.attempt = r.a AND j.owner IS NULL) "                       \
    "OR (j.status = 1 AND j.lease_token = r.k AND j.started_at = r.n)) "                 \
    "RETURNING " RECORD

#define CLAIM_LITE                                                                       \
    CLAIM_SET                                                                            \
    "FROM (SELECT json_extract(value, '$.i') AS i, json_extract(value, '$.t') AS t, "    \
    "json_extract(value, '$.o') AS o, json_extract(value, '$.k') AS k, "                 \
    "json_extract(value, '$.a') AS a, json_extract(value, '$.n') AS n, "                 \
    "json_extract(value, '$.l') AS l, json_extract(value, '$.c') AS c "                  \
    "FROM json_each(%s)) AS r " CLAIM_WHERE
#define CLAIM_PGSQL                                                                      \
    CLAIM_SET                                                                            \
    "FROM json_to_recordset(CAST(%s AS json)) AS r(i text, t text, o text, k text, "     \
    "a integer, n bigint, l bigint, c smallint) " CLAIM_WHERE

/* Numbers below 0 leave a column as it is. Whoever puts a row back to pending also puts it
 * into its own queue, hence the node. The token stays behind: it tells a worker that comes
 * too late from one that never had the job, and a change that is asked for twice. */
#define LEASE_SET                                                                        \
    "UPDATE llmq_jobs AS j SET status = r.s, "                                           \
    "attempt = CASE WHEN r.b >= 0 THEN r.b ELSE j.attempt END, "                         \
    "owner = CASE WHEN r.s = 0 THEN NULL ELSE j.owner END, "                             \
    "node = CASE WHEN r.s = 0 THEN r.h ELSE j.node END, "                                \
    "lease_until = " LEASE_UNTIL ", "                                                    \
    "progress = CASE WHEN r.p >= 0 THEN r.p ELSE j.progress END, "                       \
    "note = COALESCE(r.m, j.note), result = COALESCE(r.r, j.result), "                   \
    "error = CASE WHEN r.s = 2 THEN NULL ELSE COALESCE(r.e, j.error) END, "              \
    "retry_count = CASE WHEN r.y >= 0 THEN r.y ELSE j.retry_count END, "                 \
    "deliveries = CASE WHEN r.d >= 0 THEN r.d ELSE j.deliveries END, "                   \
    "dead_letter = r.z, "                                                                \
    "run_at = CASE WHEN r.u > 0 THEN r.u ELSE j.run_at END, "                            \
    "finished_at = CASE WHEN r.s >= 2 THEN r.n ELSE 0 END, updated_at = r.n "
#define LEASE_WHERE                                                                      \
    "WHERE j.id = r.i AND j.tenant = r.t AND j.kind = r.k AND " LEASE_THERE " "          \
    "AND ((j.status = r.f AND j.lease_until > r.x AND j.lease_until <= r.w "             \
    "AND (r.a < 0 OR j.attempt = r.a) AND (r.f = 0 OR j.lease_token = r.o)) "            \
    "OR (j.status = r.s AND j.lease_token = r.o AND j.updated_at = r.n)) "               \
    "RETURNING id, attempt, lease_until, owner, started_at, chain"

#define LEASE_LITE                                                                       \
    LEASE_SET                                                                            \
    "FROM (SELECT json_extract(value, '$.i') AS i, json_extract(value, '$.t') AS t, "    \
    "json_extract(value, '$.h') AS h, json_extract(value, '$.k') AS k, "                 \
    "json_extract(value, '$.o') AS o, json_extract(value, '$.m') AS m, "                 \
    "json_extract(value, '$.r') AS r, json_extract(value, '$.e') AS e, "                 \
    "json_extract(value, '$.f') AS f, "                                                  \
    "json_extract(value, '$.s') AS s, json_extract(value, '$.a') AS a, "                 \
    "json_extract(value, '$.b') AS b, json_extract(value, '$.c') AS c, "                 \
    "json_extract(value, '$.d') AS d, json_extract(value, '$.l') AS l, "                 \
    "json_extract(value, '$.n') AS n, json_extract(value, '$.p') AS p, "                 \
    "json_extract(value, '$.u') AS u, json_extract(value, '$.w') AS w, "                 \
    "json_extract(value, '$.x') AS x, json_extract(value, '$.y') AS y, "                 \
    "json_extract(value, '$.z') AS z FROM json_each(%s)) AS r " LEASE_WHERE
#define LEASE_PGSQL                                                                      \
    LEASE_SET                                                                            \
    "FROM json_to_recordset(CAST(%s AS json)) AS r(i text, t text, h text, o text, "     \
    "m text, r text, e text, k smallint, f smallint, s smallint, a integer, b integer, " \
    "c smallint, d integer, l bigint, n bigint, p smallint, u bigint, w bigint, "        \
    "x bigint, y integer, z smallint) " LEASE_WHERE

#define LEASE_LOOK "SELECT " RECORD ", removed_at FROM llmq_jobs WHERE id "

#endif /* LLMQ_STORE_SQL_LEASE_H */
