/**
 * @file store_sql_dead.h
 * SQL texts of dead letters and of delayed jobs. Only store_sql.c includes this.
 */
#ifndef LLMQ_STORE_SQL_DEAD_H
#define LLMQ_STORE_SQL_DEAD_H

#include "store/store_sql_job.h"

/* As RECORD, without the texts that may be long: what the queue needs of a job. */
#define NARROW                                                                           \
    "seq, id, tenant, node, owner, chain, user_id, '', '{}', NULL, NULL, "               \
    "created_at, updated_at, run_at, started_at, finished_at, timeout_usec, attempt, "   \
    "retry_count, max_retries, kind, level, status, dead_letter, "                       \
    "fair_key, weight, key_cap, deadline, parallel, "                                    \
    "type, note, lease_token, callback, lease_until, progress, deliveries, charges, "    \
    "gauge"

/* The two terms of the index llmq_jobs_dead. */
#define IS_DEAD "dead_letter = 1 AND removed_at IS NULL"

/* The needle has its wildcards escaped. */
#define DEAD_FILTER                                                                      \
    "FROM llmq_jobs WHERE " IS_DEAD " AND tenant = %s "                                  \
    "AND (CAST(%s AS integer) = 0 OR kind = CAST(%s AS integer)) "                       \
    "AND (%s = '' OR type = %s) "                                                        \
    "AND (CAST(%s AS integer) = 0 OR level = CAST(%s AS integer)) "                      \
    "AND finished_at >= CAST(%s AS bigint) "                                             \
    "AND (%s = '' OR user_id = %s) AND (%s = '' OR chain = %s) "                         \
    "AND (%s = '' OR lower(error) LIKE lower(CAST(%s AS text)) ESCAPE '!') "

#define DEAD_AFTER                                                                       \
    "AND (finished_at, seq) > (CAST(%s AS bigint), CAST(%s AS bigint)) "                 \
    "ORDER BY finished_at, seq LIMIT CAST(%s AS integer)"

/* What comes back starts afresh, and nothing of its former life ends it at once: neither
 * the retries and deliveries it has used up nor a deadline that has passed. */
#define DEAD_REQUEUE_SET                                                                 \
    "UPDATE llmq_jobs AS j SET status = 0, dead_letter = 0, retry_count = 0, "           \
    "attempt = j.attempt + 1, owner = NULL, error = NULL, finished_at = 0, "             \
    "deliveries = 0, lease_token = NULL, lease_until = 0, progress = 0, note = NULL, "   \
    "charges = " CHARGED_AGAIN ", "                                                      \
    "deadline = 0, run_at = r.r, node = %s, updated_at = CAST(%s AS bigint) "
#define DEAD_REQUEUE_WHERE                                                               \
    "WHERE j.id = r.i AND j.tenant = %s AND " IS(                                        \
        "j.dead_letter = 1 AND j.removed_at IS NULL") " RETURNING " NARROW
#define DEAD_REQUEUE_LITE                                                                \
    DEAD_REQUEUE_SET                                                                     \
    "FROM (SELECT json_extract(value, '$.i') AS i, json_extract(value, '$.r') AS r "     \
    "FROM json_each(%s)) AS r " DEAD_REQUEUE_WHERE
#define DEAD_REQUEUE_PGSQL                                                               \
    DEAD_REQUEUE_SET                                                                     \
    "FROM json_to_recordset(CAST(%s AS json)) AS r(i text, r "                           \
    "bigint) " DEAD_REQUEUE_WHERE

#define DEAD_REMOVE                                                                      \
    "UPDATE llmq_jobs SET removed_at = CAST(%s AS bigint), "                             \
    "updated_at = CAST(%s AS bigint), attempt = attempt + 1 "                            \
    "WHERE tenant = %s AND " IS(IS_DEAD) " AND id "

/* The first two terms are those of the index llmq_jobs_open. */
#define IS_DELAYED                                                                       \
    "status < 2 AND removed_at IS NULL AND status = 0 AND owner IS NULL "                \
    "AND run_at > CAST(%s AS bigint) "

/* Runs of agents (kind 3) are their sessions' business. */
#define DELAY_FILTER                                                                     \
    "FROM llmq_jobs WHERE " IS_DELAYED "AND tenant = %s AND kind < 3 "                   \
    "AND (CAST(%s AS integer) = 0 OR kind = CAST(%s AS integer)) "                       \
    "AND (%s = '' OR type = %s) "                                                        \
    "AND (CAST(%s AS integer) = 0 OR level = CAST(%s AS integer)) "                      \
    "AND (CAST(%s AS bigint) = 0 OR run_at < CAST(%s AS bigint)) "

/* Whoever calls it puts it into its own queue, hence the node. */
#define DELAY_HASTEN                                                                     \
    "UPDATE llmq_jobs SET run_at = CAST(%s AS bigint), updated_at = CAST(%s AS "         \
    "bigint), "                                                                          \
    "attempt = attempt + 1, node = %s WHERE id = %s AND tenant = %s "                    \
    "AND kind = CAST(%s AS smallint) AND " IS_DELAYED "RETURNING " NARROW

#define DELAY_REMOVE                                                                     \
    "UPDATE llmq_jobs SET removed_at = CAST(%s AS bigint), "                             \
    "updated_at = CAST(%s AS bigint), attempt = attempt + 1 WHERE id = %s "              \
    "AND tenant = %s AND kind = CAST(%s AS smallint) AND " IS_DELAYED "RETURNING id"

#endif /* LLMQ_STORE_SQL_DEAD_H */
