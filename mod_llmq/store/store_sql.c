/* The table of statements. The texts that take more than a few lines stand in headers by
 * noun. */
#include "store/store_sql.h"

#include "store/store_sql_agent.h"
#include "store/store_sql_app.h"
#include "store/store_sql_census.h"
#include "store/store_sql_dead.h"
#include "store/store_sql_idem.h"
#include "store/store_sql_conversation.h"
#include "store/store_sql_job.h"
#include "store/store_sql_key.h"
#include "store/store_sql_lease.h"
#include "store/store_sql_limit.h"
#include "store/store_sql_node.h"
#include "store/store_sql_outbox.h"
#include "store/store_sql_session.h"
#include "store/store_sql_setting.h"
#include "store/store_sql_stat.h"
#include "store/store_sql_task.h"
#include "store/store_sql_usage.h"
#include "store/store_sql_worker.h"

/* One text that both dialects understand. */
#define BOTH(sql)                                                                        \
    {                                                                                    \
        [LLMQ_DIALECT_SQLITE3] = (sql), [LLMQ_DIALECT_PGSQL] = (sql)                     \
    }
#define EACH(lite, pgsql)                                                                \
    {                                                                                    \
        [LLMQ_DIALECT_SQLITE3] = (lite), [LLMQ_DIALECT_PGSQL] = (pgsql)                  \
    }

#define SLOT(n) [LLMQ_SQL_LIST + (n)]
#define LISTS(slot, name, up, down)                                                      \
    SLOT(slot) = {"llmq_list_" name, REPEAT, BOTH(LIST(ALL, up))},                       \
    SLOT(slot + 1) = {"llmq_list_" name "_down", REPEAT, BOTH(LIST(ALL, down))},         \
    SLOT(slot + 2) = {"llmq_list_" name "_chain", REPEAT,                                \
                      EACH(LIST(CHAIN_LITE, up), LIST(CHAIN, up))},                      \
    SLOT(slot + 3) = {"llmq_list_" name "_chain_down", REPEAT,                           \
                      EACH(LIST(CHAIN_LITE, down), LIST(CHAIN, down))}

#define TASKS(n, label, from, order)                                                     \
    [LLMQ_SQL_TASK_LIST + (n)] = {"llmq_task_list_" label, REPEAT,                       \
                                  BOTH(TASK_LIST(from, order))}
#define TASK_LISTS(slot, name, up, down)                                                 \
    TASKS(slot, name, TASK_FILTER, up),                                                  \
        TASKS(slot + 1, name "_down", TASK_FILTER, down),                                \
        TASKS(slot + 2, name "_kb", TASK_FILTER_KB, up),                                 \
        TASKS(slot + 3, name "_kb_down", TASK_FILTER_KB, down)

#define CONVERSATION_LISTS(slot, name, up, down)                                         \
    [LLMQ_SQL_CONVERSATION_LIST                                                          \
        + (slot)] = {"llmq_conversation_list_" name, REPEAT, CONVERSATION_LIST(up)},     \
          [LLMQ_SQL_CONVERSATION_LIST + (slot) + 1] = {                                  \
              "llmq_conversation_list_" name "_down", REPEAT, CONVERSATION_LIST(down)}

static const llmq_store_sql_t statements[LLMQ_SQL_COUNT] = {
    [LLMQ_SQL_PING] = {"llmq_ping", REPEAT, BOTH("SELECT version FROM llmq_schema")},
    [LLMQ_SQL_BEAT] = {"llmq_beat", WRITES | REPEAT, EACH(BEAT_LITE, BEAT_PGSQL)},
    [LLMQ_SQL_LEAVE] = {"llmq_leave", WRITES | REPEAT,
                        BOTH("UPDATE llmq_nodes SET heartbeat = 0 WHERE node = %s "
                             "RETURNING node")},
    [LLMQ_SQL_ADOPT] = {"llmq_adopt", WRITES, EACH(ADOPT_LITE, ADOPT_PGSQL)},
    [LLMQ_SQL_INSERT] = {"llmq_insert", BATCH, EACH(INSERT_LITE, ACCEPT_PGSQL)},
    [LLMQ_SQL_INSERT_LIGHT] = {"llmq_insert_light", BATCH | LLMQ_SQL_LIGHT,
                               EACH(INSERT_LITE, INSERT_LIGHT_PGSQL)},
    [LLMQ_SQL_LOAD] = {"llmq_load", REPEAT,
                       EACH("SELECT " RECORD " FROM llmq_jobs WHERE id IN " IDS_LITE
                            " AND " IS_OURS,
                            "SELECT " RECORD " FROM llmq_jobs WHERE id = " IDS_PGSQL
                            " AND " IS_OURS)},
    [LLMQ_SQL_FINISH] = {"llmq_finish", BATCH, EACH(FINISH_LITE, FINISH_PGSQL)},
    [LLMQ_SQL_FINISH_USED] = {"llmq_finish_used", BATCH,
                              EACH(USAGE_ADD_LITE, FINISH_USED_PGSQL)},
    /* Raising a fence once more takes nothing from anybody. */
    [LLMQ_SQL_FENCE] = {"llmq_fence", WRITES | REPEAT,
                        EACH("UPDATE llmq_jobs SET attempt = attempt + 1, status = 0, "
                             "updated_at = CAST(%s AS bigint) WHERE id IN " IDS_LITE
                             " AND " IS_OPEN,
                             "UPDATE llmq_jobs SET attempt = attempt + 1, status = 0, "
                             "updated_at = CAST(%s AS bigint) WHERE id = " IDS_PGSQL
                             " AND " IS_OPEN)},
    [LLMQ_SQL_BACKLOG] = {"llmq_backlog", REPEAT,
                          BOTH("SELECT seq, id, tenant, chain, user_id, created_at, "
                               "run_at, attempt, kind, level, status, fair_key, weight, "
                               "key_cap, deadline, parallel, type, lease_until, "
                               "started_at FROM llmq_jobs "
                               "WHERE node = %s "
                               "AND CASE WHEN kind IN (2, 3) THEN 2 ELSE 1 END "
                               "= CAST(%s AS smallint) AND " BACKLOG
                               " AND seq > CAST(%s AS bigint) ORDER BY seq "
                               "LIMIT CAST(%s AS integer)")},
    [LLMQ_SQL_TOTALS] = {"llmq_totals", REPEAT,
                         BOTH("SELECT tenant, level, status, count(*) FROM llmq_jobs "
                              "WHERE node = %s AND kind NOT IN (2, 3) AND status >= 2 "
                              "GROUP BY tenant, level, status ORDER BY tenant")},
    [LLMQ_SQL_FIND] = {"llmq_find", REPEAT,
                       BOTH("SELECT " RECORD " FROM llmq_jobs WHERE id = %s "
                            "AND tenant = %s AND kind = CAST(%s AS smallint) "
                            "AND " IS("removed_at IS NULL"))},
    [LLMQ_SQL_CHANGE] = {"llmq_change", WRITES, EACH(CHANGE_LITE, CHANGE_PGSQL)},
    [LLMQ_SQL_REMOVE] = {"llmq_remove", WRITES,
                         BOTH("UPDATE llmq_jobs SET removed_at = CAST(%s AS bigint), "
                              "updated_at = CAST(%s AS bigint), attempt = attempt + 1 "
                              "WHERE id = %s AND tenant = %s "
                              "AND kind = CAST(%s AS smallint) "
                              "AND " IS("removed_at IS NULL") " RETURNING id")},
    [LLMQ_SQL_LEASE_CLAIM] = {"llmq_lease_claim", BATCH, EACH(CLAIM_LITE, CLAIM_PGSQL)},
    [LLMQ_SQL_LEASE_CHANGE] = {"llmq_lease_change", BATCH, EACH(LEASE_LITE, LEASE_PGSQL)},
    [LLMQ_SQL_LEASE_LOOK] = {"llmq_lease_look", REPEAT,
                             EACH(LEASE_LOOK "IN " IDS_LITE, LEASE_LOOK "= " IDS_PGSQL)},
    [LLMQ_SQL_IDEM_CLAIM] = {"llmq_idem_claim", WRITES, BOTH(IDEM_CLAIM)},
    [LLMQ_SQL_IDEM_FIND] = {"llmq_idem_find", REPEAT,
                            BOTH("SELECT request, state, lease_until, status, body, "
                                 "location FROM llmq_idempotency WHERE scope = %s")},
    [LLMQ_SQL_IDEM_SETTLE] = {"llmq_idem_settle", WRITES | REPEAT,
                              BOTH("UPDATE llmq_idempotency SET "
                                   "state = CAST(%s AS smallint), "
                                   "status = CAST(%s AS integer), body = %s, "
                                   "location = %s, lease_until = 0 " IDEM_MINE)},
    [LLMQ_SQL_IDEM_FREE] = {"llmq_idem_free", WRITES | REPEAT,
                            BOTH("DELETE FROM llmq_idempotency " IDEM_MINE_RUNNING)},
    [LLMQ_SQL_IDEM_RENEW] = {"llmq_idem_renew", WRITES | REPEAT,
                             BOTH("UPDATE llmq_idempotency SET "
                                  "lease_until = CAST(%s AS bigint) " IDEM_MINE)},
    [LLMQ_SQL_IDEM_PRUNE] = {"llmq_idem_prune", WRITES | REPEAT,
                             BOTH("DELETE FROM llmq_idempotency WHERE scope IN "
                                  "(SELECT scope FROM llmq_idempotency "
                                  "WHERE expires_at <= CAST(%s AS bigint) "
                                  "AND lease_until <= CAST(%s AS bigint) "
                                  "LIMIT CAST(%s AS integer)) RETURNING scope")},
    [LLMQ_SQL_TALLY] = {"llmq_tally", REPEAT, BOTH("SELECT count(*) FROM " ALL)},
    [LLMQ_SQL_TALLY_CHAIN] = {"llmq_tally_chain", REPEAT,
                              EACH("SELECT count(*) FROM " CHAIN_LITE,
                                   "SELECT count(*) FROM " CHAIN)},
    [LLMQ_SQL_KEY_SAVE] = {"llmq_key_save", WRITES | REPEAT, BOTH(KEY_SAVE)},
    [LLMQ_SQL_KEY_FIND] = {"llmq_key_find", REPEAT,
                           BOTH("SELECT " KEY_COLUMNS " FROM llmq_keys WHERE hash = %s")},
    [LLMQ_SQL_KEY_LIST] = {"llmq_key_list", REPEAT,
                           BOTH("SELECT " KEY_COLUMNS " FROM llmq_keys "
                                "WHERE (tenant = %s OR %s = '') ORDER BY id")},
    [LLMQ_SQL_KEY_REVOKE] = {"llmq_key_revoke", WRITES | REPEAT, BOTH(KEY_REVOKE)},
    [LLMQ_SQL_SURVEY_JOBS] = {"llmq_survey_jobs", REPEAT,
                              BOTH("SELECT tenant, level, status, dead_letter, count(*), "
                                   "min(created_at), kind FROM llmq_jobs "
                                   "WHERE removed_at IS NULL "
                                   "AND (tenant = %s OR %s = '') "
                                   "GROUP BY tenant, kind, level, status, dead_letter "
                                   "ORDER BY tenant, kind, level, status, dead_letter")},
    [LLMQ_SQL_SURVEY_SESSIONS] = {"llmq_survey_sessions", REPEAT, BOTH(SESSION_SURVEY)},
    [LLMQ_SQL_SURVEY_NODES] = {"llmq_survey_nodes", REPEAT,
                               BOTH("SELECT node, heartbeat, started FROM llmq_nodes "
                                    "ORDER BY node")},
    [LLMQ_SQL_SETTING_PUT] = {"llmq_setting_put", WRITES | REPEAT, BOTH(SETTING_PUT)},
    [LLMQ_SQL_SETTING_SWAP] = {"llmq_setting_swap", WRITES, BOTH(SETTING_SWAP)},
    [LLMQ_SQL_SETTING_GET] = {"llmq_setting_get", REPEAT,
                              BOTH("SELECT " SETTING_COLUMNS " FROM llmq_settings "
                                   "WHERE tenant = %s AND name = %s")},
    [LLMQ_SQL_SETTING_LIST] = {"llmq_setting_list", REPEAT,
                               BOTH("SELECT " SETTING_COLUMNS " FROM llmq_settings "
                                    "WHERE name = %s ORDER BY tenant")},
    [LLMQ_SQL_SETTING_NEWEST] = {"llmq_setting_newest", REPEAT,
                                 BOTH("SELECT COALESCE(max(changed_at), 0) "
                                      "FROM llmq_settings")},
    [LLMQ_SQL_STAT_SAVE] = {"llmq_stat_save", WRITES | REPEAT,
                            EACH(STAT_SAVE_LITE, STAT_SAVE_PGSQL)},
    [LLMQ_SQL_STAT_LOAD] = {"llmq_stat_load", REPEAT,
                            EACH(STAT_LOAD_LITE, STAT_LOAD_PGSQL)},
    [LLMQ_SQL_STAT_SUM] = {"llmq_stat_sum", REPEAT, BOTH(STAT_SUM)},
    [LLMQ_SQL_STAT_PRUNE] = {"llmq_stat_prune", WRITES | REPEAT, BOTH(STAT_PRUNE)},
    [LLMQ_SQL_WORKER_LIST] = {"llmq_worker_list", REPEAT, BOTH(WORKER_LIST)},
    [LLMQ_SQL_WORKER_LOAD] = {"llmq_worker_load", REPEAT,
                              EACH(WORKER_LOAD_LITE, WORKER_LOAD_PGSQL)},
    [LLMQ_SQL_WORKER_SAVE] = {"llmq_worker_save", WRITES | REPEAT,
                              EACH(WORKER_SAVE_LITE, WORKER_SAVE_PGSQL)},
    [LLMQ_SQL_WORKER_PRUNE] = {"llmq_worker_prune", WRITES | REPEAT, BOTH(WORKER_PRUNE)},
    [LLMQ_SQL_WORKER_HANDS] = {"llmq_worker_hands", REPEAT,
                               EACH(WORKER_HANDS_LITE, WORKER_HANDS_PGSQL)},
    [LLMQ_SQL_CENSUS] = {"llmq_census", REPEAT, BOTH(CENSUS_ALL)},
    [LLMQ_SQL_CENSUS_OF] = {"llmq_census_of", REPEAT,
                            EACH(CENSUS_OF_LITE, CENSUS_OF_PGSQL)},
    [LLMQ_SQL_CENSUS_OPEN] = {"llmq_census_open", REPEAT, BOTH(CENSUS_OPEN)},
    [LLMQ_SQL_CENSUS_DEAD] = {"llmq_census_dead", REPEAT, BOTH(CENSUS_DEAD)},
    [LLMQ_SQL_CENSUS_WAITING] = {"llmq_census_waiting", REPEAT,
                                 EACH(CENSUS_WAITING_LITE, CENSUS_WAITING_PGSQL)},
    [LLMQ_SQL_DEAD_TALLY] = {"llmq_dead_tally", REPEAT,
                             BOTH("SELECT count(*) " DEAD_FILTER)},
    [LLMQ_SQL_DEAD_LIST] = {"llmq_dead_list", REPEAT,
                            BOTH("SELECT " RECORD " " DEAD_FILTER
                                 "ORDER BY finished_at, seq " PAGE)},
    [LLMQ_SQL_DEAD_LIST_DOWN] = {"llmq_dead_list_down", REPEAT,
                                 BOTH("SELECT " RECORD " " DEAD_FILTER
                                      "ORDER BY finished_at DESC, seq DESC " PAGE)},
    [LLMQ_SQL_DEAD_PAGE] = {"llmq_dead_page", REPEAT,
                            BOTH("SELECT " NARROW " " DEAD_FILTER DEAD_AFTER)},
    [LLMQ_SQL_DEAD_REQUEUE] = {"llmq_dead_requeue", WRITES,
                               EACH(DEAD_REQUEUE_LITE, DEAD_REQUEUE_PGSQL)},
    [LLMQ_SQL_DEAD_REMOVE] = {"llmq_dead_remove", WRITES,
                              EACH(DEAD_REMOVE "IN " IDS_LITE " RETURNING id",
                                   DEAD_REMOVE "= " IDS_PGSQL " RETURNING id")},
    [LLMQ_SQL_DELAY_TALLY] = {"llmq_delay_tally", REPEAT,
                              BOTH("SELECT count(*) " DELAY_FILTER)},
    [LLMQ_SQL_DELAY_LIST] = {"llmq_delay_list", REPEAT,
                             BOTH("SELECT " RECORD " " DELAY_FILTER
                                  "ORDER BY run_at, seq " PAGE)},
    [LLMQ_SQL_DELAY_HASTEN] = {"llmq_delay_hasten", WRITES, BOTH(DELAY_HASTEN)},
    [LLMQ_SQL_DELAY_REMOVE] = {"llmq_delay_remove", WRITES, BOTH(DELAY_REMOVE)},
    [LLMQ_SQL_CONVERSATION_CREATE] = {"llmq_conversation_create", WRITES,
                                      BOTH(CONVERSATION_CREATE)},
    [LLMQ_SQL_CONVERSATION_FIND] = {"llmq_conversation_find", REPEAT,
                                    COUNTED(CONVERSATION_ONE, "")},
    [LLMQ_SQL_CONVERSATION_PEEK] = {"llmq_conversation_peek", REPEAT,
                                    BOTH("SELECT c.user_id, c.level, c.first_seq "
                                         "FROM llmq_conversations AS c "
                                         "WHERE " CONVERSATION_ONE)},
    [LLMQ_SQL_CONVERSATION_CHANGE] = {"llmq_conversation_change", WRITES,
                                      BOTH(CONVERSATION_CHANGE)},
    [LLMQ_SQL_CONVERSATION_REMOVE] = {"llmq_conversation_remove", WRITES,
                                      BOTH(CONVERSATION_REMOVE)},
    [LLMQ_SQL_CONVERSATION_SWEEP] = {"llmq_conversation_sweep", WRITES,
                                     BOTH(CONVERSATION_SWEEP)},
    [LLMQ_SQL_CONVERSATION_TALLY] = {"llmq_conversation_tally", REPEAT,
                                     BOTH("SELECT count(*) FROM llmq_conversations AS c "
                                          "WHERE " CONVERSATION_FILTER)},
    CONVERSATION_LISTS(0, "created", "created_at, id ", "created_at DESC, id DESC "),
    CONVERSATION_LISTS(2, "updated", "updated_at, id ", "updated_at DESC, id DESC "),
    CONVERSATION_LISTS(4, "active", "last_active_at, id ",
                       "last_active_at DESC, id DESC "),
    CONVERSATION_LISTS(6, "level", "level, created_at, id ",
                       "level DESC, created_at DESC, id DESC "),
    [LLMQ_SQL_TURNS] = {"llmq_turns", REPEAT, EACH(TURNS_LITE, TURNS_PGSQL)},
    [LLMQ_SQL_REAP_FIND] = {"llmq_reap_find", REPEAT, BOTH(REAP_FIND)},
    [LLMQ_SQL_REAP_JOBS] = {"llmq_reap_jobs", WRITES | REPEAT,
                            EACH(REAP_JOBS_LITE, REAP_JOBS_PGSQL)},
    [LLMQ_SQL_REAP_EMPTY] = {"llmq_reap_empty", WRITES | REPEAT,
                             EACH(REAP_EMPTY_LITE, REAP_EMPTY_PGSQL)},
    [LLMQ_SQL_REAP_COMPLETIONS] = {"llmq_reap_completions", WRITES | REPEAT,
                                   BOTH(REAP_COMPLETIONS)},
    [LLMQ_SQL_TASK_CANCEL] = {"llmq_task_cancel", WRITES, BOTH(TASK_CANCEL)},
    [LLMQ_SQL_TASK_RETRY] = {"llmq_task_retry", WRITES, BOTH(TASK_RETRY)},
    [LLMQ_SQL_TASK_TALLY] = {"llmq_task_tally", REPEAT, BOTH(TASK_TALLY(TASK_FILTER))},
    [LLMQ_SQL_TASK_TALLY_KB] = {"llmq_task_tally_kb", REPEAT,
                                BOTH(TASK_TALLY(TASK_FILTER_KB))},
    TASK_LISTS(0, "created", BY_CREATED, BY_CREATED_DOWN),
    TASK_LISTS(4, "updated", BY_UPDATED, BY_UPDATED_DOWN),
    TASK_LISTS(8, "level", "level, " BY_CREATED, "level DESC, " BY_CREATED_DOWN),
    TASK_LISTS(12, "status", "status, " BY_CREATED, "status DESC, " BY_CREATED_DOWN),
    TASK_LISTS(16, "progress", "progress, " BY_CREATED,
               "progress DESC, " BY_CREATED_DOWN),
    [LLMQ_SQL_SESSION_CREATE] = {"llmq_session_create", WRITES | REPEAT,
                                 BOTH(SESSION_CREATE)},
    [LLMQ_SQL_SESSION_FIND] = {"llmq_session_find", REPEAT,
                               BOTH("SELECT " SESSION_COLUMNS
                                    " FROM llmq_sessions WHERE " SESSION_ONE)},
    [LLMQ_SQL_SESSION_CHANGE] = {"llmq_session_change", WRITES | REPEAT,
                                 BOTH(SESSION_CHANGE)},
    [LLMQ_SQL_SESSION_TALLY] = {"llmq_session_tally", REPEAT,
                                EACH(SESSION_TALLY(SESSION_OWN, SESSION_Q_LITE),
                                     SESSION_TALLY(SESSION_OWN, SESSION_Q_PGSQL))},
    [LLMQ_SQL_SESSION_TALLY_ALL] = {"llmq_session_tally_all", REPEAT,
                                    EACH(SESSION_TALLY(SESSION_ALL, SESSION_Q_LITE),
                                         SESSION_TALLY(SESSION_ALL, SESSION_Q_PGSQL))},
    [LLMQ_SQL_SESSION_LIST] = {"llmq_session_list", REPEAT,
                               EACH(SESSION_LIST(SESSION_OWN, SESSION_Q_LITE),
                                    SESSION_LIST(SESSION_OWN, SESSION_Q_PGSQL))},
    [LLMQ_SQL_SESSION_LIST_ALL] = {"llmq_session_list_all", REPEAT,
                                   EACH(SESSION_LIST(SESSION_ALL, SESSION_Q_LITE),
                                        SESSION_LIST(SESSION_ALL, SESSION_Q_PGSQL))},
    [LLMQ_SQL_SESSION_MESSAGES] = {"llmq_session_messages", REPEAT,
                                   BOTH(SESSION_MESSAGES)},
    [LLMQ_SQL_SESSION_MESSAGE] = {"llmq_session_message", REPEAT,
                                  BOTH(SESSION_MESSAGE "AND id = %s")},
    [LLMQ_SQL_SESSION_GROWN] = {"llmq_session_grown", REPEAT,
                                EACH(SESSION_GROWN_LITE, SESSION_GROWN_PGSQL)},
    [LLMQ_SQL_SESSION_WALK] = {"llmq_session_walk", REPEAT, BOTH(SESSION_WALK)},
    [LLMQ_SQL_SESSION_MARK] = {"llmq_session_mark", WRITES | REPEAT,
                               EACH(SESSION_MARK_LITE, SESSION_MARK_PGSQL)},
    [LLMQ_SQL_SESSION_REAP_MESSAGES] = {"llmq_session_reap_messages", WRITES | REPEAT,
                                        EACH(SESSION_REAP_MESSAGES_LITE,
                                             SESSION_REAP_MESSAGES_PGSQL)},
    [LLMQ_SQL_SESSION_REAP_EMPTY] = {"llmq_session_reap_empty", WRITES | REPEAT,
                                     BOTH(SESSION_REAP_EMPTY)},
    /* These four make a transaction, which has the writers' lock from its beginning. */
    [LLMQ_SQL_APPEND_LOCK] = {"llmq_append_lock", REPEAT,
                              EACH(APPEND_LOCK_LITE, APPEND_LOCK_PGSQL)},
    [LLMQ_SQL_APPEND_LOOK] = {"llmq_append_look", REPEAT,
                              EACH(APPEND_LOOK_LITE, APPEND_LOOK_PGSQL)},
    [LLMQ_SQL_APPEND_INSERT] = {"llmq_append_insert", BATCH,
                                EACH(APPEND_INSERT_LITE, APPEND_INSERT_PGSQL)},
    [LLMQ_SQL_APPEND_GROW] = {"llmq_append_grow", BATCH,
                              EACH(APPEND_GROW_LITE, APPEND_GROW_PGSQL)},
    [LLMQ_SQL_RUN_INSERT] = {"llmq_run_insert", WRITES, BOTH(RUN_INSERT)},
    [LLMQ_SQL_RUN_FIND] = {"llmq_run_find", REPEAT,
                           BOTH("SELECT " RUN_RECORD " FROM llmq_runs WHERE id = %s "
                                "AND session = %s AND tenant = %s")},
    [LLMQ_SQL_RUN_LOOK] = {"llmq_run_look", REPEAT,
                           EACH("SELECT " RUN_RECORD
                                " FROM llmq_runs WHERE id IN " IDS_LITE,
                                "SELECT " RUN_RECORD
                                " FROM llmq_runs WHERE id = " IDS_PGSQL)},
    [LLMQ_SQL_RUN_OF_TRIGGER] = {"llmq_run_of_trigger", REPEAT,
                                 BOTH("SELECT " RUN_RECORD " FROM llmq_runs "
                                      "WHERE trigger_id = %s AND session = %s "
                                      "AND tenant = %s")},
    [LLMQ_SQL_RUN_OPEN] = {"llmq_run_open", REPEAT, BOTH(RUN_OPEN)},
    [LLMQ_SQL_RUN_PROMOTE] = {"llmq_run_promote", WRITES | LLMQ_SQL_BATCH,
                              EACH(RUN_PROMOTE_LITE, RUN_PROMOTE_PGSQL)},
    [LLMQ_SQL_RUN_DISMISS] = {"llmq_run_dismiss", WRITES, BOTH(RUN_DISMISS)},
    [LLMQ_SQL_RUN_STOP] = {"llmq_run_stop", WRITES, BOTH(RUN_STOP)},
    [LLMQ_SQL_RUN_SETTLE] = {"llmq_run_settle", WRITES | REPEAT,
                             EACH(RUN_SETTLE_LITE, RUN_SETTLE_PGSQL)},
    [LLMQ_SQL_RUN_SWEEP] = {"llmq_run_sweep", REPEAT, BOTH(RUN_SWEEP)},
    [LLMQ_SQL_RUN_UNDONE] = {"llmq_run_undone", REPEAT,
                             BOTH("SELECT trigger_id FROM llmq_runs WHERE session = %s "
                                  "AND rolled_back = 1")},
    [LLMQ_SQL_OUTBOX_DUE] = {"llmq_outbox_due", REPEAT,
                             EACH(OUTBOX_DUE_LITE, OUTBOX_DUE_PGSQL)},
    [LLMQ_SQL_OUTBOX_CLAIM] = {"llmq_outbox_claim", WRITES,
                               EACH(OUTBOX_CLAIM "IN " IDS_LITE " RETURNING seq",
                                    OUTBOX_CLAIM "= " OUTBOX_SEQS_PGSQL
                                                 " RETURNING seq")},
    [LLMQ_SQL_OUTBOX_JOBS] = {"llmq_outbox_jobs", REPEAT,
                              EACH("SELECT " RECORD
                                   " FROM llmq_jobs WHERE id IN " IDS_LITE,
                                   "SELECT " RECORD
                                   " FROM llmq_jobs WHERE id = " IDS_PGSQL)},
    [LLMQ_SQL_OUTBOX_GONE] =
        {"llmq_outbox_gone", WRITES | REPEAT,
         EACH("DELETE FROM llmq_outbox WHERE seq IN " IDS_LITE " RETURNING seq",
              "DELETE FROM llmq_outbox WHERE seq = " OUTBOX_SEQS_PGSQL " RETURNING seq")},
    [LLMQ_SQL_OUTBOX_LATER] = {"llmq_outbox_later", WRITES | REPEAT,
                               EACH(OUTBOX_LATER_LITE, OUTBOX_LATER_PGSQL)},
    [LLMQ_SQL_APP_CREATE] = {"llmq_app_create", WRITES | REPEAT, BOTH(APP_CREATE)},
    [LLMQ_SQL_APP_FIND] = {"llmq_app_find", REPEAT, BOTH(APP_FIND)},
    [LLMQ_SQL_APP_TALLY] = {"llmq_app_tally", REPEAT,
                            BOTH("SELECT count(*) FROM llmq_apps AS a " APP_OWN)},
    [LLMQ_SQL_APP_TALLY_ALL] = {"llmq_app_tally_all", REPEAT,
                                BOTH("SELECT count(*) FROM llmq_apps AS a " APP_ALL)},
    [LLMQ_SQL_APP_LIST] = {"llmq_app_list", REPEAT, BOTH(APP_LIST(APP_OWN))},
    [LLMQ_SQL_APP_LIST_ALL] = {"llmq_app_list_all", REPEAT, BOTH(APP_LIST(APP_ALL))},
    [LLMQ_SQL_APP_CHANGE] = {"llmq_app_change", WRITES | REPEAT, BOTH(APP_CHANGE)},
    [LLMQ_SQL_APP_REMOVE] = {"llmq_app_remove", WRITES, BOTH(APP_REMOVE)},
    [LLMQ_SQL_APP_DRAFT] = {"llmq_app_draft", WRITES | REPEAT, BOTH(APP_DRAFT)},
    [LLMQ_SQL_APP_PUBLISH] = {"llmq_app_publish", WRITES | REPEAT, BOTH(APP_PUBLISH)},
    [LLMQ_SQL_APP_WITHDRAW] = {"llmq_app_withdraw", WRITES, BOTH(APP_WITHDRAW)},
    [LLMQ_SQL_APP_COPY_CONFIG] = {"llmq_app_copy_config", WRITES | REPEAT,
                                  BOTH(APP_COPY_CONFIG)},
    [LLMQ_SQL_APP_BEGIN] = {"llmq_app_begin", WRITES | REPEAT, BOTH(APP_BEGIN)},
    [LLMQ_SQL_APP_REMEMBER] = {"llmq_app_remember", WRITES | REPEAT, BOTH(APP_REMEMBER)},
    [LLMQ_SQL_APP_PAST] = {"llmq_app_past", REPEAT, EACH(APP_PAST_LITE, APP_PAST_PGSQL)},
    [LLMQ_SQL_APP_RECALL] = {"llmq_app_recall", REPEAT,
                             EACH(APP_RECALL_LITE, APP_RECALL_PGSQL)},
    [LLMQ_SQL_APP_LEARN] = {"llmq_app_learn", BATCH,
                            EACH(APP_LEARN_LITE, APP_LEARN_PGSQL)},
    [LLMQ_SQL_APP_FORGOTTEN] = {"llmq_app_forgotten", REPEAT,
                                EACH(APP_FORGOTTEN(BY_CHAIN_LITE, "instr"),
                                     APP_FORGOTTEN("", "strpos"))},
    [LLMQ_SQL_APP_SETTLED] = {"llmq_app_settled", WRITES | REPEAT,
                              EACH(APP_SETTLED(BY_CHAIN_LITE), APP_SETTLED(""))},
    [LLMQ_SQL_APP_SPENT] = {"llmq_app_spent", WRITES | REPEAT, BOTH(APP_SPENT)},
    [LLMQ_SQL_TURN_LIST] = {"llmq_turn_list", REPEAT,
                            EACH(TURN_LIST(BY_CHAIN_LITE), TURN_LIST(""))},
    [LLMQ_SQL_TURN_TALLY] = {"llmq_turn_tally", REPEAT,
                             EACH(TURN_TALLY(BY_CHAIN_LITE), TURN_TALLY(""))},
    [LLMQ_SQL_TURN_REMOVE] = {"llmq_turn_remove", WRITES, BOTH(TURN_REMOVE)},
    [LLMQ_SQL_TURN_CANCEL] = {"llmq_turn_cancel", WRITES,
                              EACH(TURN_CANCEL("id IN " IDS_LITE " "),
                                   TURN_CANCEL("id = " IDS_PGSQL " "))},
    [LLMQ_SQL_USAGE_LIST] = {"llmq_usage_list", REPEAT, BOTH(USAGE_LIST)},
    [LLMQ_SQL_USAGE_TOTAL] = {"llmq_usage_total", REPEAT, BOTH(USAGE_TOTAL)},
    [LLMQ_SQL_LIMIT_LOAD] = {"llmq_limit_load", REPEAT,
                             BOTH("SELECT node, used, level, window_at FROM llmq_limits "
                                  "WHERE account = CAST(%s AS bigint)")},
    [LLMQ_SQL_LIMIT_SAVE] = {"llmq_limit_save", WRITES | REPEAT,
                             EACH(LIMIT_SAVE_LITE, LIMIT_SAVE_PGSQL)},
    [LLMQ_SQL_LIMIT_OTHERS] = {"llmq_limit_others", REPEAT,
                               EACH(LIMIT_OTHERS_LITE, LIMIT_OTHERS_PGSQL)},
    [LLMQ_SQL_LIMIT_COUNT] = {"llmq_limit_count", REPEAT, BOTH(LIMIT_COUNT)},
    [LLMQ_SQL_LIMIT_UNSETTLED] = {"llmq_limit_unsettled", REPEAT, BOTH(LIMIT_UNSETTLED)},
    [LLMQ_SQL_LIMIT_SETTLE] = {"llmq_limit_settle", WRITES, BOTH(LIMIT_SETTLE)},
    [LLMQ_SQL_LIMIT_PRUNE] = {"llmq_limit_prune", WRITES | REPEAT,
                              BOTH("DELETE FROM llmq_limits "
                                   "WHERE updated_at < CAST(%s AS bigint)")},
    LISTS(0, "created", BY_CREATED, BY_CREATED_DOWN),
    LISTS(4, "updated", BY_UPDATED, BY_UPDATED_DOWN),
    LISTS(8, "level", "level, " BY_CREATED, "level DESC, " BY_CREATED_DOWN),
};

const llmq_store_sql_t *llmq_store_sql_get(llmq_store_sql_e what)
{
    return &statements[what];
}
