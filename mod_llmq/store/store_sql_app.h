/**
 * @file store_sql_app.h
 * SQL texts of apps, their debug turns and their memories. Only store_sql.c includes this.
 */
#ifndef LLMQ_STORE_SQL_APP_H
#define LLMQ_STORE_SQL_APP_H

#include "store/store_sql_job.h"

/* The order is that of column_e in store_app.c. */
#define APP_COLUMNS                                                                      \
    "a.id, a.tenant, a.owner, a.name, a.icon, a.description, a.conversation, "           \
    "a.summary, a.created_at, a.updated_at, "                                            \
    "d.id, d.model_config, d.dialog_round, d.memory_mode, d.created_at, d.updated_at, "  \
    "p.id, p.model_config, p.dialog_round, p.memory_mode, p.created_at, p.updated_at "
#define APP_CONFIGS                                                                      \
    "LEFT JOIN llmq_app_configs AS d ON d.app = a.id AND d.status = 0 "                  \
    "LEFT JOIN llmq_app_configs AS p ON p.app = a.id AND p.status = 1 "
#define APP_FIND                                                                         \
    "SELECT " APP_COLUMNS "FROM llmq_apps AS a " APP_CONFIGS                             \
    "WHERE a.id = %s AND a.tenant = %s AND a.removed_at IS NULL"

#define APP_OWN "WHERE a.tenant = %s AND a.owner = %s AND a.removed_at IS NULL "
#define APP_ALL "WHERE a.tenant = %s AND a.removed_at IS NULL "
#define APP_LIST(whose)                                                                  \
    "SELECT " APP_COLUMNS "FROM llmq_apps AS a " APP_CONFIGS whose                       \
    "ORDER BY a.created_at / 1000000 DESC, a.id DESC " PAGE

/* The id is new, so that one that is there was stored by the same call before. */
#define APP_CREATE                                                                       \
    "INSERT INTO llmq_apps (id, tenant, owner, name, icon, description, created_at, "    \
    "updated_at) VALUES (%s, %s, %s, %s, %s, %s, CAST(%s AS bigint), "                   \
    "CAST(%s AS bigint)) ON CONFLICT (id) DO NOTHING RETURNING id"

#define APP_THIS "WHERE id = %s AND tenant = %s AND " IS("removed_at IS NULL") " "

#define APP_CHANGE                                                                       \
    "UPDATE llmq_apps SET name = COALESCE(%s, name), icon = COALESCE(%s, icon), "        \
    "description = COALESCE(%s, description), "                                          \
    "updated_at = CAST(%s AS bigint) " APP_THIS "RETURNING id"
#define APP_REMOVE                                                                       \
    "UPDATE llmq_apps SET removed_at = CAST(%s AS bigint), memory_due = 0 " APP_THIS     \
    "RETURNING id"

/* ---------------------------------------------------------------------- configurations */

#define APP_CONFIG_INTO                                                                  \
    "INSERT INTO llmq_app_configs (app, status, id, dialog_round, memory_mode, "         \
    "model_config, created_at, updated_at) "
#define APP_CONFIG_ANEW                                                                  \
    "ON CONFLICT (app, status) DO UPDATE SET dialog_round = excluded.dialog_round, "     \
    "memory_mode = excluded.memory_mode, model_config = excluded.model_config, "         \
    "updated_at = excluded.updated_at RETURNING id"

#define APP_DRAFT                                                                        \
    APP_CONFIG_INTO                                                                      \
    "SELECT id, 0, CAST(%s AS text), CAST(%s AS integer), CAST(%s AS smallint), "        \
    "CAST(%s AS text), CAST(%s AS bigint), CAST(%s AS bigint) "                          \
    "FROM llmq_apps " APP_THIS APP_CONFIG_ANEW

#define APP_PUBLISH                                                                      \
    APP_CONFIG_INTO                                                                      \
    "SELECT d.app, 1, CAST(%s AS text), d.dialog_round, d.memory_mode, "                 \
    "d.model_config, CAST(%s AS bigint), CAST(%s AS bigint) "                            \
    "FROM llmq_app_configs AS d JOIN llmq_apps AS a ON a.id = d.app "                    \
    "WHERE d.app = %s AND d.status = 0 AND a.tenant = %s "                               \
    "AND a.removed_at IS NULL " APP_CONFIG_ANEW

#define APP_WITHDRAW                                                                     \
    "DELETE FROM llmq_app_configs WHERE app = %s AND status = 1 AND EXISTS "             \
    "(SELECT 1 FROM llmq_apps AS a WHERE a.id = app AND a.tenant = %s "                  \
    "AND a.removed_at IS NULL) RETURNING id"

/* What the app is tried out with becomes the draft of its copy. */
#define APP_COPY_CONFIG                                                                  \
    APP_CONFIG_INTO                                                                      \
    "SELECT CAST(%s AS text), 0, CAST(%s AS text), d.dialog_round, d.memory_mode, "      \
    "d.model_config, CAST(%s AS bigint), CAST(%s AS bigint) "                            \
    "FROM llmq_app_configs AS d WHERE d.app = %s ORDER BY d.status LIMIT 1 "             \
    "ON CONFLICT (app, status) DO NOTHING RETURNING id"

/* ------------------------------------------------------------------------- debug turns */

#define APP_BEGIN                                                                        \
    "UPDATE llmq_apps SET conversation = COALESCE(conversation, CAST(%s AS text)), "     \
    "memory_due = CASE WHEN CAST(%s AS bigint) > 0 THEN CAST(%s AS bigint) "             \
    "ELSE memory_due END " APP_THIS "RETURNING conversation"

#define TURN_OF_CHAIN                                                                    \
    "tenant = %s AND chain = %s AND kind = 4 AND status = 2 AND removed_at IS NULL "
#define TURN_LIST(hint)                                                                  \
    "SELECT " RECORD " FROM llmq_jobs " hint "WHERE " TURN_OF_CHAIN                      \
    "ORDER BY created_at / 1000000 DESC, id DESC " PAGE
#define TURN_TALLY(hint) "SELECT count(*) FROM llmq_jobs " hint "WHERE " TURN_OF_CHAIN
#define BY_CHAIN_LITE    "INDEXED BY llmq_jobs_chain "

#define TURN_REMOVE                                                                      \
    "UPDATE llmq_jobs SET removed_at = CAST(%s AS bigint), "                             \
    "updated_at = CAST(%s AS bigint), attempt = attempt + 1 WHERE id = %s "              \
    "AND tenant = %s AND chain = %s AND kind = 4 AND " IS(                               \
        "removed_at IS NULL") " "                                                        \
                              "RETURNING " RECORD

/* Whoever runs it runs on in vain: the fence is raised. */
#define TURN_CANCEL(ids)                                                                 \
    "UPDATE llmq_jobs SET status = 5, attempt = attempt + 1, "                           \
    "finished_at = CAST(%s AS bigint), updated_at = CAST(%s AS bigint) WHERE " ids       \
    "AND kind = 4 AND " IS("removed_at IS NULL AND status < 2") " RETURNING " RECORD

/* What was answered before a turn, the newest first; and the memory, where it is wanted. */
#define PAST_TURN                                                                        \
    "tenant = r.t AND chain = r.c AND kind = 4 AND status = 2 AND removed_at IS NULL "   \
    "AND result IS NOT NULL ORDER BY seq DESC LIMIT CAST(%s AS integer)"
#define APP_PAST_LITE                                                                    \
    "SELECT r.i, CASE WHEN r.m = 1 THEN a.summary END, j.payload, j.result "             \
    "FROM (SELECT json_extract(value, '$.i') AS i, json_extract(value, '$.t') AS t, "    \
    "json_extract(value, '$.c') AS c, json_extract(value, '$.a') AS a, "                 \
    "json_extract(value, '$.m') AS m FROM json_each(%s)) AS r "                          \
    "JOIN llmq_apps AS a ON a.id = r.a LEFT JOIN llmq_jobs AS j ON j.seq IN "            \
    "(SELECT seq FROM llmq_jobs " BY_CHAIN_LITE "WHERE " PAST_TURN ") "                  \
    "ORDER BY r.i, j.finished_at DESC, j.seq DESC"
#define APP_PAST_PGSQL                                                                   \
    "SELECT r.i, CASE WHEN r.m = 1 THEN a.summary END, j.payload, j.result "             \
    "FROM json_to_recordset(CAST(%s AS json)) "                                          \
    "AS r(i text, t text, c text, a text, m smallint) "                                  \
    "CROSS JOIN LATERAL (SELECT summary FROM llmq_apps WHERE id = r.a OFFSET 0) AS a "   \
    "LEFT JOIN LATERAL (SELECT seq, payload, result, finished_at FROM llmq_jobs "        \
    "WHERE " PAST_TURN ") AS j ON true ORDER BY r.i, j.finished_at DESC, j.seq DESC"

/* ---------------------------------------------------------------------------- memories */

/* The memory of an app, and what was said since it was written, the oldest first. */
#define SAID_SINCE                                                                       \
    "tenant = r.t AND chain = r.c AND kind = 4 AND status = 2 AND removed_at IS NULL "   \
    "AND result IS NOT NULL AND finished_at > a.summary_upto "                           \
    "ORDER BY seq LIMIT CAST(%s AS integer)"
#define RECALL_HEAD                                                                      \
    "SELECT r.i, a.summary, a.summary_rev, a.summary_upto, "                             \
    "COALESCE(d.memory_mode, p.memory_mode, 0), j.payload, j.result, j.finished_at "     \
    "FROM "
#define RECALL_TAIL "ORDER BY r.i, j.finished_at, j.seq"
#define APP_RECALL_LITE                                                                  \
    RECALL_HEAD                                                                          \
    "(SELECT json_extract(value, '$.i') AS i, json_extract(value, '$.t') AS t, "         \
    "json_extract(value, '$.c') AS c, json_extract(value, '$.a') AS a "                  \
    "FROM json_each(%s)) AS r JOIN llmq_apps AS a ON a.id = r.a "                        \
    "AND a.removed_at IS NULL " APP_CONFIGS "LEFT JOIN llmq_jobs AS j ON j.seq IN "      \
    "(SELECT seq FROM llmq_jobs " BY_CHAIN_LITE "WHERE " SAID_SINCE ") " RECALL_TAIL
#define APP_RECALL_PGSQL                                                                 \
    RECALL_HEAD                                                                          \
    "json_to_recordset(CAST(%s AS json)) AS r(i text, t text, c text, a text) "          \
    "CROSS JOIN LATERAL (SELECT id, summary, summary_rev, summary_upto FROM llmq_apps "  \
    "WHERE id = r.a AND removed_at IS NULL OFFSET 0) AS a " APP_CONFIGS                  \
    "LEFT JOIN LATERAL (SELECT seq, payload, result, finished_at FROM llmq_jobs "        \
    "WHERE " SAID_SINCE ") AS j ON true " RECALL_TAIL

/* By hand: whatever is being made of an older one comes too late. */
#define APP_REMEMBER                                                                     \
    "UPDATE llmq_apps SET summary = %s, summary_rev = summary_rev + 1, "                 \
    "summary_upto = CAST(%s AS bigint) " APP_THIS "RETURNING id"

#define APP_LEARN                                                                        \
    "UPDATE llmq_apps AS a SET summary = r.s, summary_rev = a.summary_rev + 1, "         \
    "summary_upto = r.u FROM "
#define APP_LEARN_WHERE                                                                  \
    "WHERE a.id = r.a AND a.summary_rev = r.v AND " IS(                                  \
        "a.removed_at IS NULL") " "                                                      \
                                "RETURNING id"
#define APP_LEARN_LITE                                                                   \
    APP_LEARN                                                                            \
    "(SELECT json_extract(value, '$.a') AS a, json_extract(value, '$.s') AS s, "         \
    "json_extract(value, '$.v') AS v, json_extract(value, '$.u') AS u "                  \
    "FROM json_each(%s)) AS r " APP_LEARN_WHERE
#define APP_LEARN_PGSQL                                                                  \
    APP_LEARN                                                                            \
    "json_to_recordset(CAST(%s AS json)) AS r(a text, s text, v bigint, u "              \
    "bigint) " APP_LEARN_WHERE

/* Turns that are to be remembered and for which nobody has begun to. */
#define APP_FORGOTTEN(hint, find)                                                        \
    "SELECT j.id, j.tenant, j.chain, j.user_id, j.finished_at, a.id "                    \
    "FROM llmq_apps AS a JOIN llmq_jobs AS j " hint "ON j.tenant = a.tenant "            \
    "AND j.chain = 'debug/' || a.conversation "                                          \
    "WHERE a.memory_due > 0 AND a.memory_due < CAST(%s AS bigint) "                      \
    "AND j.kind = 4 AND j.status = 2 AND j.removed_at IS NULL "                          \
    "AND j.finished_at > a.summary_upto AND j.finished_at < CAST(%s AS bigint) "         \
    "AND " find "(j.metadata, '\"memory\":true') > 0 "                                   \
    "AND NOT EXISTS (SELECT 1 FROM llmq_jobs AS m WHERE m.id = 'mem_' || j.id) "         \
    "ORDER BY j.seq LIMIT CAST(%s AS integer)"

/* Nothing is under way and nothing is left. */
#define APP_SETTLED(hint)                                                                \
    "UPDATE llmq_apps SET memory_due = 0 WHERE memory_due > 0 "                          \
    "AND memory_due < CAST(%s AS bigint) "                                               \
    "AND NOT EXISTS (SELECT 1 FROM llmq_jobs AS j " hint                                 \
    "WHERE j.tenant = llmq_apps.tenant AND j.chain = 'debug/' || "                       \
    "llmq_apps.conversation "                                                            \
    "AND j.removed_at IS NULL AND (j.status < 2 OR (j.status = 2 "                       \
    "AND j.finished_at > llmq_apps.summary_upto AND NOT EXISTS "                         \
    "(SELECT 1 FROM llmq_jobs AS m WHERE m.id = 'mem_' || j.id)))) RETURNING id"

/* Jobs of memories that have done what they are for. */
#define APP_SPENT                                                                        \
    "DELETE FROM llmq_jobs WHERE kind = 6 AND status >= 2 AND tenant = %s "              \
    "AND chain = %s AND created_at <= CAST(%s AS bigint) RETURNING 1"

#endif /* LLMQ_STORE_SQL_APP_H */
