/**
 * @file store_sql_job.h
 * SQL texts of jobs. Only store_sql.c includes this.
 */
#ifndef LLMQ_STORE_SQL_JOB_H
#define LLMQ_STORE_SQL_JOB_H

#include "store/store_sql_text.h"

/* The order is that of llmq_store_job_record_e. */
#define RECORD                                                                           \
    "seq, id, tenant, node, owner, chain, user_id, payload, metadata, result, error, "   \
    "created_at, updated_at, run_at, started_at, finished_at, timeout_usec, attempt, "   \
    "retry_count, max_retries, kind, level, status, dead_letter, "                       \
    "fair_key, weight, key_cap, deadline, parallel, "                                    \
    "type, note, lease_token, callback, lease_until, progress, deliveries, charges, "    \
    "gauge"

/* Work of ours that may go on; the first two terms are those of the index llmq_jobs_open. */
#define OPEN "status < 2 AND removed_at IS NULL AND owner IS NULL"

/* What the queue holds: besides, what workers have under a lease. */
#define BACKLOG "status < 2 AND removed_at IS NULL AND (owner IS NULL OR lease_until > 0)"

/* The same for rows that are looked up by their ids. */
#define IS_OPEN IS(OPEN)
#define IS_OURS IS("removed_at IS NULL AND owner IS NULL")

/* ------------------------------------------------------------------ insert, finish, change */

#define INSERT_INTO                                                                      \
    "INSERT INTO llmq_jobs (id, tenant, chain, user_id, payload, metadata, created_at, " \
    "updated_at, run_at, timeout_usec, attempt, max_retries, kind, level, fair_key, "    \
    "weight, "                                                                           \
    "key_cap, deadline, parallel, expires_at, type, callback, charges, "                 \
    "gauge, api_key, node) "

/* Ids are unique for all times, so a row that is there already is this very row, written
 * by the try before: that makes the statement repeatable. */
#define INSERT_LITE                                                                      \
    INSERT_INTO                                                                          \
    "SELECT json_extract(value, '$.i'), json_extract(value, '$.t'), "                    \
    "json_extract(value, '$.c'), json_extract(value, '$.u'), json_extract(value, "       \
    "'$.p'), "                                                                           \
    "json_extract(value, '$.d'), json_extract(value, '$.n'), json_extract(value, "       \
    "'$.n'), "                                                                           \
    "json_extract(value, '$.r'), json_extract(value, '$.o'), json_extract(value, "       \
    "'$.a'), "                                                                           \
    "json_extract(value, '$.m'), json_extract(value, '$.k'), json_extract(value, "       \
    "'$.l'), json_extract(value, '$.f'), json_extract(value, '$.w'), "                   \
    "json_extract(value, '$.x'), json_extract(value, '$.e'), json_extract(value, "       \
    "'$.s'), json_extract(value, '$.h'), json_extract(value, '$.y'), "                   \
    "json_extract(value, '$.b'), json_extract(value, '$.q'), "                           \
    "json_extract(value, '$.g'), json_extract(value, '$.j'), "                           \
    "%s FROM json_each(%s) WHERE true ON CONFLICT (id) DO NOTHING"

#define INSERT_PGSQL_AND(also)                                                           \
    INSERT_INTO                                                                          \
    "SELECT r.i, r.t, r.c, r.u, r.p, r.d, r.n, r.n, r.r, r.o, r.a, r.m, r.k, r.l, r.f, " \
    "r.w, r.x, r.e, r.s, r.h, r.y, r.b, r.q, r.g, r.j, %s "                              \
    "FROM " also "json_to_recordset(CAST(%s AS json)) AS r(i text, t text, c text, u "   \
    "text, p text, d text, n bigint, r bigint, o bigint, a integer, m integer, k "       \
    "smallint, "                                                                         \
    "l smallint, f bigint, w integer, x integer, e bigint, s smallint, h bigint, y "     \
    "text, b text, q text, g bigint, j text) ON "                                        \
    "CONFLICT "                                                                          \
    "(id) DO NOTHING"
#define INSERT_PGSQL INSERT_PGSQL_AND("")

/* For this transaction alone, which needs no statement more. */
#define INSERT_LIGHT_PGSQL                                                               \
    INSERT_PGSQL_AND(                                                                    \
        "(SELECT set_config('synchronous_commit', 'off', true)) AS light CROSS JOIN ")

/* An outcome is accepted by an open row at its attempt, and by a row that it has already
 * been written to: so the writer learns the truth when it has to ask twice. */
#define FINISH_SET                                                                       \
    "UPDATE llmq_jobs AS j SET status = r.s, attempt = r.b, retry_count = r.y, "         \
    "dead_letter = r.d, finished_at = r.f, updated_at = r.u, "                           \
    "started_at = CASE WHEN r.t > 0 THEN r.t ELSE j.started_at END, "                    \
    "run_at = CASE WHEN r.r > 0 THEN r.r ELSE j.run_at END, "                            \
    "result = COALESCE(r.o, j.result), "                                                 \
    "progress = CASE WHEN r.s = 2 AND j.type IS NOT NULL THEN 100 ELSE j.progress END, " \
    "charges = CASE WHEN r.q = 1 AND r.s >= 2 AND j.status < 2 THEN '!' || j.charges "   \
    "ELSE j.charges END, "                                                               \
    "error = CASE WHEN r.s = 2 THEN r.e ELSE COALESCE(r.e, j.error) END "
#define FINISH_WHERE                                                                     \
    "WHERE j.id = r.i AND " IS(                                                          \
        "j.removed_at IS NULL AND j.owner IS NULL") " "                                  \
                                                    "AND ((j.status < 2 AND j.attempt "  \
                                                    "= r.a) OR (j.status = r.s AND "     \
                                                    "j.attempt = r.b "                   \
                                                    "AND j.finished_at = r.f AND (r.f "  \
                                                    "> 0 OR j.run_at = r.r))) "          \
                                                    "RETURNING id"

#define FINISH_LITE                                                                      \
    FINISH_SET                                                                           \
    "FROM (SELECT json_extract(value, '$.i') AS i, json_extract(value, '$.a') AS a, "    \
    "json_extract(value, '$.b') AS b, json_extract(value, '$.s') AS s, "                 \
    "json_extract(value, '$.y') AS y, json_extract(value, '$.d') AS d, "                 \
    "json_extract(value, '$.t') AS t, json_extract(value, '$.f') AS f, "                 \
    "json_extract(value, '$.r') AS r, json_extract(value, '$.u') AS u, "                 \
    "json_extract(value, '$.q') AS q, "                                                  \
    "json_extract(value, '$.o') AS o, json_extract(value, '$.e') AS e "                  \
    "FROM json_each(%s)) AS r " FINISH_WHERE

#define FINISH_ROW                                                                       \
    "i text, a integer, b integer, s smallint, y integer, d smallint, t bigint, "        \
    "f bigint, r bigint, u bigint, q smallint, o text, e text"
#define FINISH_PGSQL                                                                     \
    FINISH_SET                                                                           \
    "FROM json_to_recordset(CAST(%s AS json)) AS r(" FINISH_ROW ") " FINISH_WHERE

/* Of a final row that is let run again (core/charge.h). */
#define CHARGED_AGAIN                                                                    \
    "CASE WHEN substr(j.charges, 1, 1) = '!' THEN '+' || ltrim(j.charges, '!+') "        \
    "ELSE j.charges END"

/* A final row keeps the name of who finished it. Whoever puts a row back to pending also
 * puts it into its own queue, hence the node. */
#define CHANGE_SET                                                                       \
    "UPDATE llmq_jobs AS j SET status = r.s, attempt = j.attempt + 1, updated_at = "     \
    "r.n, "                                                                              \
    "owner = CASE WHEN r.s >= 2 THEN j.owner ELSE r.o END, "                             \
    "node = CASE WHEN r.s = 0 THEN r.h ELSE j.node END, "                                \
    "metadata = COALESCE(r.d, j.metadata), result = COALESCE(r.r, j.result), "           \
    "started_at = CASE WHEN r.s = 1 THEN r.n ELSE j.started_at END, "                    \
    "finished_at = CASE WHEN r.s >= 2 THEN r.n ELSE 0 END, "                             \
    "retry_count = CASE WHEN r.z = 1 THEN 0 ELSE j.retry_count END, "                    \
    "dead_letter = CASE WHEN r.z = 1 THEN 0 ELSE j.dead_letter END, "                    \
    "error = CASE WHEN r.z = 1 THEN NULL ELSE j.error END, "                             \
    "deadline = CASE WHEN r.z = 1 THEN 0 ELSE j.deadline END, "                          \
    "charges = CASE WHEN r.z = 1 THEN " CHARGED_AGAIN " ELSE j.charges END, "            \
    "deliveries = CASE WHEN r.z = 1 THEN 0 ELSE j.deliveries END, lease_until = 0, "     \
    "run_at = CASE WHEN r.s = 0 THEN r.n ELSE j.run_at END "
#define CHANGE_WHERE                                                                     \
    "WHERE j.id = r.i AND j.tenant = r.t AND j.kind = r.k "                              \
    "AND " IS("j.removed_at IS NULL") " AND j.status = r.f AND j.attempt = r.a "         \
                                      "RETURNING id"

#define CHANGE_LITE                                                                      \
    CHANGE_SET                                                                           \
    "FROM (SELECT json_extract(value, '$.i') AS i, json_extract(value, '$.t') AS t, "    \
    "json_extract(value, '$.h') AS h, json_extract(value, '$.o') AS o, "                 \
    "json_extract(value, '$.d') AS d, json_extract(value, '$.r') AS r, "                 \
    "json_extract(value, '$.k') AS k, json_extract(value, '$.f') AS f, "                 \
    "json_extract(value, '$.s') AS s, json_extract(value, '$.a') AS a, "                 \
    "json_extract(value, '$.n') AS n, json_extract(value, '$.z') AS z "                  \
    "FROM json_each(%s)) AS r " CHANGE_WHERE

#define CHANGE_PGSQL                                                                     \
    CHANGE_SET                                                                           \
    "FROM json_to_recordset(CAST(%s AS json)) AS r(i text, t text, h text, o text, "     \
    "d text, r text, k smallint, f smallint, s smallint, a integer, n bigint, "          \
    "z smallint) " CHANGE_WHERE

/* ---------------------------------------------------------------------------------- lists */

#define FILTER                                                                           \
    "WHERE tenant = %s AND kind = CAST(%s AS smallint) AND removed_at IS NULL "          \
    "AND (%s = '' OR user_id = %s) "                                                     \
    "AND (CAST(%s AS integer) < 0 OR status = CAST(%s AS integer)) "                     \
    "AND (CAST(%s AS integer) = 0 OR level = CAST(%s AS integer)) "
#define PAGE "LIMIT CAST(%s AS integer) OFFSET CAST(%s AS bigint)"

#define CHAINED "AND chain = %s AND seq >= CAST(%s AS bigint) "

/* Without statistics SQLite takes the index that saves the sort and reads every job of the
 * tenant to find one conversation's. */
#define CHAIN_LITE "llmq_jobs INDEXED BY llmq_jobs_chain " FILTER CHAINED
#define CHAIN      "llmq_jobs " FILTER CHAINED
#define ALL        "llmq_jobs " FILTER

#define LIST(from, order) "SELECT " RECORD " FROM " from "ORDER BY " order PAGE
#define BY_CREATED        "created_at, seq "
#define BY_CREATED_DOWN   "created_at DESC, seq DESC "
#define BY_UPDATED        "updated_at, seq "
#define BY_UPDATED_DOWN   "updated_at DESC, seq DESC "

/* The terms are those of the index llmq_jobs_completions. */
#define REAP_COMPLETIONS                                                                 \
    "DELETE FROM llmq_jobs WHERE id IN (SELECT id FROM llmq_jobs "                       \
    "WHERE kind = 5 AND status >= 2 AND finished_at < CAST(%s AS bigint) "               \
    "LIMIT CAST(%s AS integer)) RETURNING 1"

#endif /* LLMQ_STORE_SQL_JOB_H */
