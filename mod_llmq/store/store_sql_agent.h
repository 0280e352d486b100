/**
 * @file store_sql_agent.h
 * SQL texts of runs of agents. Only store_sql.c includes this.
 */
#ifndef LLMQ_STORE_SQL_AGENT_H
#define LLMQ_STORE_SQL_AGENT_H

#include "store/store_sql_job.h"

/* The order is that of read_run(). */
#define RUN_OF(r)                                                                        \
    r "id, " r "tenant, " r "session, " r "trigger_id, " r "agent, " r "user_id, " r     \
      "status, " r "told, " r "rolled_back, " r "attempts, " r "latency_msec, " r        \
      "error, " r "created_at, " r "finished_at, " r "terms"
#define RUN_RECORD RUN_OF("")

/* Not yet at an end, or the log does not tell of it; the term of the index
 * llmq_runs_untold. */
#define RUN_UNTOLD "told = 0"

/* The first run of a session begins at once; while another is open, only one that waits
 * may come. The indexes see to it that there is one of a trigger and one that is RUNNING,
 * whoever inserts at the same time. */
#define RUN_INSERT                                                                       \
    "INSERT INTO llmq_runs (id, tenant, session, trigger_id, agent, user_id, status, "   \
    "created_at, terms) SELECT CAST(%s AS text), CAST(%s AS text), CAST(%s AS text), "   \
    "CAST(%s AS text), CAST(%s AS text), CAST(%s AS text), CAST(%s AS smallint), "       \
    "CAST(%s AS bigint), CAST(%s AS text) WHERE CAST(%s AS integer) = 1 OR NOT EXISTS "  \
    "(SELECT 1 FROM llmq_runs WHERE session = %s AND " RUN_UNTOLD " AND status < 2) "    \
    "ON CONFLICT DO NOTHING RETURNING id"

#define RUN_OPEN                                                                         \
    "SELECT " RUN_RECORD " FROM llmq_runs WHERE session = %s AND tenant = %s "           \
    "AND " RUN_UNTOLD " AND status < 2 ORDER BY status, seq"

/* The next that waits of each session where none is RUNNING. */
#define RUN_PROMOTE(values)                                                              \
    "UPDATE llmq_runs SET status = 0 WHERE " RUN_UNTOLD " AND status = 1 AND id IN "     \
    "(SELECT (SELECT q.id FROM llmq_runs AS q WHERE q.session = s.value "                \
    "AND q.told = 0 AND q.status = 1 ORDER BY q.seq LIMIT 1) FROM " values " AS s) "     \
    "AND NOT EXISTS (SELECT 1 FROM llmq_runs AS o WHERE o.session = llmq_runs.session "  \
    "AND o.status = 0) RETURNING " RUN_RECORD
#define RUN_PROMOTE_LITE RUN_PROMOTE("json_each(%s)")
#define RUN_PROMOTE_PGSQL                                                                \
    RUN_PROMOTE("(SELECT value FROM json_array_elements_text(CAST(%s AS json)))")

#define RUN_DISMISS                                                                      \
    "UPDATE llmq_runs SET status = 4, finished_at = CAST(%s AS bigint) WHERE id = %s "   \
    "AND tenant = %s AND status = 1 RETURNING id"

/* Whoever runs it runs on in vain: the fence is raised. */
#define RUN_STOP                                                                         \
    "UPDATE llmq_jobs SET status = CAST(%s AS smallint), error = CAST(%s AS text), "     \
    "attempt = attempt + 1, finished_at = CAST(%s AS bigint), "                          \
    "updated_at = CAST(%s AS bigint) WHERE id = %s AND tenant = %s AND kind = 3 "        \
    "AND " IS("removed_at IS NULL AND status < 2") " RETURNING " RECORD

#define RUN_SETTLE_SET                                                                   \
    "UPDATE llmq_runs AS r SET status = x.s, told = 1, error = x.e, "                    \
    "latency_msec = x.l, attempts = x.n, finished_at = x.f, "                            \
    "rolled_back = x.z FROM "
#define RUN_SETTLE_WHERE " AS x WHERE r.id = x.i AND r.told = 0 RETURNING id"
#define RUN_SETTLE_LITE                                                                  \
    RUN_SETTLE_SET                                                                       \
    "(SELECT json_extract(value, '$.i') AS i, json_extract(value, '$.s') AS s, "         \
    "json_extract(value, '$.e') AS e, json_extract(value, '$.l') AS l, "                 \
    "json_extract(value, '$.n') AS n, json_extract(value, '$.f') AS f, "                 \
    "json_extract(value, '$.z') AS z FROM json_each(%s))" RUN_SETTLE_WHERE
#define RUN_SETTLE_PGSQL                                                                 \
    RUN_SETTLE_SET                                                                       \
    "(SELECT * FROM json_to_recordset(CAST(%s AS json)) AS y(i text, s smallint, "       \
    "e text, l bigint, n integer, f bigint, z smallint))" RUN_SETTLE_WHERE

/* What somebody has left undone: an end that the log does not tell, a run without its job,
 * one that waits for nobody. What is young may still be under way. */
#define RUN_SWEEP                                                                        \
    "SELECT " RUN_OF(                                                                    \
        "r.") ", COALESCE(j.status, -1), j.result, j.error, "                            \
              "COALESCE(j.retry_count, 0), COALESCE(j.started_at, 0), "                  \
              "COALESCE(j.finished_at, 0) FROM llmq_runs AS r "                          \
              "LEFT JOIN llmq_jobs AS j ON j.id = r.id "                                 \
              "WHERE r.told = 0 AND r.created_at < CAST(%s AS bigint) "                  \
              "AND (r.status >= 2 OR (r.status = 0 AND (j.id IS NULL OR (j.status >= 2 " \
              "AND j.updated_at < CAST(%s AS bigint)))) OR (r.status = 1 "               \
              "AND NOT EXISTS (SELECT 1 FROM llmq_runs AS o "                            \
              "WHERE o.session = r.session AND o.status = 0))) "                         \
              "ORDER BY r.seq LIMIT CAST(%s AS integer)"

#endif /* LLMQ_STORE_SQL_AGENT_H */
