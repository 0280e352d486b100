/**
 * @file store_sql_census.h
 * SQL texts of what is counted of tasks. Only store_sql.c includes this.
 */
#ifndef LLMQ_STORE_SQL_CENSUS_H
#define LLMQ_STORE_SQL_CENSUS_H

#include "store/store_sql_job.h"

/* One scan for all figures, by the index llmq_jobs_tally, which holds all that is asked for
 * in the order of the groups: grouping by anything else would sort. What is between two
 * attempts waits for a moment to come after having failed. A canceled task has ended, but
 * nobody has finished it. The kind stands there as a number, so that the partial indexes are
 * known to hold all of a tenant or of a knowledge base. */
#define CENSUS_TIMED "finished_at > 0 AND started_at > 0"
#define CENSUS(from, which)                                                              \
    "SELECT type, status, count(*), "                                                    \
    "sum(CASE WHEN status = 0 AND retry_count > 0 AND run_at > CAST(%s AS bigint) "      \
    "THEN 1 ELSE 0 END), "                                                               \
    "sum(CASE WHEN " CENSUS_TIMED " THEN 1 ELSE 0 END), "                                \
    "sum(CASE WHEN " CENSUS_TIMED " THEN finished_at - started_at ELSE 0 END), "         \
    "sum(CASE WHEN status IN (2, 3, 4) AND finished_at >= CAST(%s AS bigint) "           \
    "THEN 1 ELSE 0 END) "                                                                \
    "FROM " from " WHERE tenant = %s AND kind = 2 AND removed_at IS NULL" which          \
    " GROUP BY type, status ORDER BY type, status"
#define CENSUS_ALL      CENSUS("llmq_jobs", "")
#define CENSUS_OF_LITE  CENSUS("llmq_jobs INDEXED BY llmq_jobs_kb", " AND user_id = %s")
#define CENSUS_OF_PGSQL CENSUS("llmq_jobs", " AND user_id = %s")

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
