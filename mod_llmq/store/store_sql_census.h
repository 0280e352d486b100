/**
 * @file store_sql_census.h
 * SQL texts of what is counted of tasks. Only store_sql.c includes this.
 */
#ifndef LLMQ_STORE_SQL_CENSUS_H
#define LLMQ_STORE_SQL_CENSUS_H

#include "store/store_sql_job.h"

/* One scan for all figures. What is between two attempts waits for a moment to come after
 * having failed. A canceled task has ended, but nobody has finished it. The kind stands there
 * as a number, so that the index llmq_jobs_kb is known to hold all of a knowledge base. */
#define CENSUS(which)                                                                    \
    "SELECT type, status, backing_off, count(*), count(took), sum(took), sum(lately) "   \
    "FROM (SELECT type, status, "                                                        \
    "CASE WHEN status = 0 AND retry_count > 0 AND run_at > CAST(%s AS bigint) "          \
    "THEN 1 ELSE 0 END AS backing_off, "                                                 \
    "CASE WHEN finished_at > 0 AND started_at > 0 THEN finished_at - started_at END "    \
    "AS took, "                                                                          \
    "CASE WHEN status IN (2, 3, 4) AND finished_at >= CAST(%s AS bigint) "               \
    "THEN 1 ELSE 0 END AS lately "                                                       \
    "FROM llmq_jobs WHERE tenant = %s AND kind = 2 AND removed_at IS NULL" which         \
    ") AS t GROUP BY type, status, backing_off ORDER BY type, status, backing_off"
#define CENSUS_ALL CENSUS("")
#define CENSUS_OF  CENSUS(" AND user_id = %s")

/* The first two terms are those of the index llmq_jobs_open. */
#define CENSUS_WAITING(from)                                                             \
    "SELECT count(*) FROM " from " WHERE status < 2 AND removed_at IS NULL "             \
    "AND status = 0 AND tenant = %s AND kind = CAST(%s AS smallint) "                    \
    "AND (%s = '' OR type = %s) "                                                        \
    "AND (CAST(%s AS integer) = 0 OR level = CAST(%s AS integer))"
#define CENSUS_WAITING_LITE  CENSUS_WAITING("llmq_jobs INDEXED BY llmq_jobs_open")
#define CENSUS_WAITING_PGSQL CENSUS_WAITING("llmq_jobs")

/* By the index llmq_jobs_open, whose first column is the node. */
#define CENSUS_OPEN                                                                      \
    "SELECT type, level, status, backing_off, count(*), COALESCE(min(due), 0) "          \
    "FROM (SELECT type, level, status, "                                                 \
    "CASE WHEN status = 0 AND retry_count > 0 AND run_at > CAST(%s AS bigint) "          \
    "THEN 1 ELSE 0 END AS backing_off, "                                                 \
    "CASE WHEN status <> 0 OR run_at > CAST(%s AS bigint) THEN NULL "                    \
    "WHEN run_at > created_at THEN run_at ELSE created_at END AS due "                   \
    "FROM llmq_jobs WHERE node = %s AND status < 2 AND removed_at IS NULL "              \
    "AND kind = CAST(%s AS smallint)) AS t "                                             \
    "GROUP BY type, level, status, backing_off ORDER BY type, level, status"

#define CENSUS_DEAD                                                                      \
    "SELECT count(*) FROM llmq_jobs WHERE dead_letter = 1 AND removed_at IS NULL "       \
    "AND node = %s AND kind = CAST(%s AS smallint)"

#endif /* LLMQ_STORE_SQL_CENSUS_H */
