/**
 * @file store_sql_task.h
 * SQL texts of tasks. Only store_sql.c includes this.
 */
#ifndef LLMQ_STORE_SQL_TASK_H
#define LLMQ_STORE_SQL_TASK_H

#include "store/store_sql_job.h"

/* S3's words of states; what a task in back-off is called depends on the present. */
#define TASK_STATE                                                                       \
    "CASE status WHEN 0 THEN CASE WHEN retry_count > 0 "                                 \
    "AND run_at > CAST(%s AS bigint) THEN 'retrying' ELSE 'queued' END "                 \
    "WHEN 1 THEN 'processing' WHEN 2 THEN 'completed' WHEN 5 THEN 'canceled' "           \
    "ELSE 'failed' END"

/* The terms of the indexes llmq_jobs_list and llmq_jobs_kb. */
#define TASK_FILTER                                                                      \
    "llmq_jobs WHERE tenant = %s AND kind = 2 AND removed_at IS NULL "                   \
    "AND created_at >= CAST(%s AS bigint) "                                              \
    "AND (%s = '' OR type = %s) "                                                        \
    "AND (CAST(%s AS integer) = 0 OR level = CAST(%s AS integer)) "                      \
    "AND (%s = '' OR " TASK_STATE " = %s) "
#define TASK_FILTER_KB TASK_FILTER "AND user_id = %s "

#define TASK_TALLY(from)       "SELECT count(*) FROM " from
#define TASK_LIST(from, order) LIST(from, order)

/* Whoever ran it runs on in vain: the fence is raised and the lease has ended. */
#define TASK_CANCEL                                                                      \
    "UPDATE llmq_jobs SET status = 5, attempt = attempt + 1, lease_until = 0, "          \
    "finished_at = CAST(%s AS bigint), updated_at = CAST(%s AS bigint) "                 \
    "WHERE id = %s AND tenant = %s AND kind = 2 AND " IS(                                \
        "removed_at IS NULL AND status < 2") " RETURNING " RECORD

/* It may be tried once more, whatever it has used up. Nothing of its former life ends it at
 * once, the number of workers it has killed neither. Whoever calls it puts it into its own
 * queue, hence the node. */
#define TASK_RETRY                                                                       \
    "UPDATE llmq_jobs SET status = 0, attempt = attempt + 1, "                           \
    "retry_count = retry_count + 1, "                                                    \
    "max_retries = CASE WHEN max_retries <= retry_count THEN retry_count + 1 "           \
    "ELSE max_retries END, "                                                             \
    "deliveries = CASE WHEN deliveries > retry_count + 1 THEN retry_count + 1 "          \
    "ELSE deliveries END, "                                                              \
    "dead_letter = 0, owner = NULL, lease_token = NULL, lease_until = 0, "               \
    "progress = 0, note = NULL, error = NULL, deadline = 0, started_at = 0, "            \
    "finished_at = 0, node = %s, run_at = CAST(%s AS bigint), "                          \
    "updated_at = CAST(%s AS bigint) "                                                   \
    "WHERE id = %s AND tenant = %s AND kind = 2 AND " IS(                                \
        "removed_at IS NULL AND status IN (3, 4)") " RETURNING " RECORD

#endif /* LLMQ_STORE_SQL_TASK_H */
