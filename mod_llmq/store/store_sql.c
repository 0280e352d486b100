/* The table of statements. The texts that take more than a few lines stand in headers by
 * noun. */
#include "store/store_sql.h"

#include "store/store_sql_census.h"
#include "store/store_sql_dead.h"
#include "store/store_sql_idem.h"
#include "store/store_sql_conversation.h"
#include "store/store_sql_job.h"
#include "store/store_sql_key.h"
#include "store/store_sql_lease.h"
#include "store/store_sql_node.h"
#include "store/store_sql_outbox.h"
#include "store/store_sql_setting.h"
#include "store/store_sql_stat.h"
#include "store/store_sql_task.h"
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
    [LLMQ_SQL_LOAD] = {"llmq_load", REPEAT,
                       EACH("SELECT " RECORD " FROM llmq_jobs WHERE id IN " IDS_LITE
                            " AND " IS_OURS,
                            "SELECT " RECORD " FROM llmq_jobs WHERE id = " IDS_PGSQL
                            " AND " IS_OURS)},
    [LLMQ_SQL_FINISH] = {"llmq_finish", BATCH, EACH(FINISH_LITE, FINISH_PGSQL)},
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
                               "WHERE node = %s AND kind = CAST(%s AS smallint) "
                               "AND " BACKLOG
                               " AND seq > CAST(%s AS bigint) ORDER BY seq "
                               "LIMIT CAST(%s AS integer)")},
    [LLMQ_SQL_TOTALS] = {"llmq_totals", REPEAT,
                         BOTH("SELECT tenant, level, status, count(*) FROM llmq_jobs "
                              "WHERE node = %s AND kind = 1 AND status >= 2 "
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
                            BOTH("DELETE FROM llmq_idempotency " IDEM_MINE)},
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
    [LLMQ_SQL_CENSUS_OF] = {"llmq_census_of", REPEAT, BOTH(CENSUS_OF)},
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
    LISTS(0, "created", BY_CREATED, BY_CREATED_DOWN),
    LISTS(4, "updated", BY_UPDATED, BY_UPDATED_DOWN),
    LISTS(8, "level", "level, " BY_CREATED, "level DESC, " BY_CREATED_DOWN),
};

const llmq_store_sql_t *llmq_store_sql_get(llmq_store_sql_e what)
{
    return &statements[what];
}
