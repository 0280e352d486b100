#include "store/store_sql.h"

#define WRITES LLMQ_SQL_WRITES
#define REPEAT LLMQ_SQL_REPEAT
#define BATCH  (LLMQ_SQL_WRITES | LLMQ_SQL_REPEAT | LLMQ_SQL_BATCH)

/* One text that both dialects understand. */
#define BOTH(sql)                                                                        \
    {                                                                                    \
        [LLMQ_DIALECT_SQLITE3] = (sql), [LLMQ_DIALECT_PGSQL] = (sql)                     \
    }
#define EACH(lite, pgsql)                                                                \
    {                                                                                    \
        [LLMQ_DIALECT_SQLITE3] = (lite), [LLMQ_DIALECT_PGSQL] = (pgsql)                  \
    }

/* A list of ids in one JSON parameter. PostgreSQL gets an array made once, so that it looks
 * each id up in the index instead of joining with the whole table. */
#define IDS_LITE  "(SELECT value FROM json_each(%s))"
#define IDS_PGSQL "ANY(ARRAY(SELECT json_array_elements_text(CAST(%s AS json))))"

/* The order is that of llmq_store_job_record_e. */
#define RECORD                                                                           \
    "seq, id, tenant, node, owner, chain, user_id, payload, metadata, result, error, "   \
    "created_at, updated_at, run_at, started_at, finished_at, timeout_usec, attempt, "   \
    "retry_count, max_retries, kind, level, status, dead_letter"

/* Work of ours that may go on; the first two terms are those of the index llmq_jobs_open. */
#define OPEN "status < 2 AND removed_at IS NULL AND owner IS NULL"

/* The same for rows that are looked up by their ids: a condition of one number hides the
 * columns from PostgreSQL's planner, which would otherwise, on a table without statistics,
 * believe that next to no row is unremoved, read a whole partial index and compare each row
 * of the table with each of the batch. */
#define IS(condition) "CAST(" condition " AS integer) <> 0"
#define IS_OPEN       IS(OPEN)
#define IS_OURS       IS("removed_at IS NULL AND owner IS NULL")

/* ------------------------------------------------------------------ insert, finish, change */

#define INSERT_INTO                                                                      \
    "INSERT INTO llmq_jobs (id, tenant, chain, user_id, payload, metadata, created_at, " \
    "updated_at, run_at, timeout_usec, attempt, max_retries, kind, level, node) "

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
    "'$.l'), "                                                                           \
    "%s FROM json_each(%s) WHERE true ON CONFLICT (id) DO NOTHING"

#define INSERT_PGSQL                                                                     \
    INSERT_INTO                                                                          \
    "SELECT r.i, r.t, r.c, r.u, r.p, r.d, r.n, r.n, r.r, r.o, r.a, r.m, r.k, r.l, %s "   \
    "FROM json_to_recordset(CAST(%s AS json)) AS r(i text, t text, c text, u text, "     \
    "p text, d text, n bigint, r bigint, o bigint, a integer, m integer, k smallint, "   \
    "l smallint) ON CONFLICT (id) DO NOTHING"

/* An outcome is accepted by an open row at its attempt, and by a row that it has already
 * been written to: so the writer learns the truth when it has to ask twice. */
#define FINISH_SET                                                                       \
    "UPDATE llmq_jobs AS j SET status = r.s, attempt = r.b, retry_count = r.y, "         \
    "dead_letter = r.d, finished_at = r.f, updated_at = r.u, "                           \
    "started_at = CASE WHEN r.t > 0 THEN r.t ELSE j.started_at END, "                    \
    "run_at = CASE WHEN r.r > 0 THEN r.r ELSE j.run_at END, "                            \
    "result = COALESCE(r.o, j.result), "                                                 \
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
    "json_extract(value, '$.o') AS o, json_extract(value, '$.e') AS e "                  \
    "FROM json_each(%s)) AS r " FINISH_WHERE

#define FINISH_PGSQL                                                                     \
    FINISH_SET                                                                           \
    "FROM json_to_recordset(CAST(%s AS json)) AS r(i text, a integer, b integer, "       \
    "s smallint, y integer, d smallint, t bigint, f bigint, r bigint, u bigint, o "      \
    "text, "                                                                             \
    "e text) " FINISH_WHERE

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
    "run_at = CASE WHEN r.z = 1 THEN r.n ELSE j.run_at END "
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

/* ---------------------------------------------------------------------------------- nodes */

#define BEAT_SET                                                                         \
    "ON CONFLICT (node) DO UPDATE SET heartbeat = excluded.heartbeat, started = "        \
    "CASE WHEN llmq_nodes.started = 0 THEN excluded.started ELSE llmq_nodes.started "    \
    "END "                                                                               \
    "RETURNING node"

/* One file has one node: no row comes back while another one lives. */
#define BEAT_LITE                                                                        \
    "INSERT INTO llmq_nodes (node, heartbeat, started) "                                 \
    "SELECT %s, CAST(%s AS bigint), CAST(%s AS bigint) WHERE NOT EXISTS "                \
    "(SELECT 1 FROM llmq_nodes WHERE node <> %s AND heartbeat >= CAST(%s AS "            \
    "bigint)) " BEAT_SET
#define BEAT_PGSQL                                                                       \
    "INSERT INTO llmq_nodes (node, heartbeat, started) "                                 \
    "VALUES (%s, CAST(%s AS bigint), CAST(%s AS bigint)) " BEAT_SET

/* A node may have accepted work before its dispatcher's first heartbeat, so what was
 * touched lately is left alone. */
#define ADOPT                                                                            \
    "UPDATE llmq_jobs SET node = %s, attempt = attempt + 1, status = 0, "                \
    "updated_at = CAST(%s AS bigint) WHERE " OPEN                                        \
    " AND updated_at < CAST(%s AS bigint) AND node "
#define SILENT                                                                           \
    "SELECT n.node FROM llmq_nodes AS n WHERE n.node <> %s "                             \
    "AND n.heartbeat < CAST(%s AS bigint)"
#define ADOPT_LITE  ADOPT "IN (" SILENT ") RETURNING 1"
#define ADOPT_PGSQL ADOPT "= ANY(ARRAY(" SILENT ")) RETURNING 1"

/* ---------------------------------------------------------------------------------- lists */

#define FILTER                                                                           \
    "WHERE tenant = %s AND kind = CAST(%s AS smallint) AND removed_at IS NULL "          \
    "AND (%s = '' OR user_id = %s) "                                                     \
    "AND (CAST(%s AS integer) < 0 OR status = CAST(%s AS integer)) "                     \
    "AND (CAST(%s AS integer) = 0 OR level = CAST(%s AS integer)) "
#define PAGE "LIMIT CAST(%s AS integer) OFFSET CAST(%s AS bigint)"

/* Without statistics SQLite takes the index that saves the sort and reads every job of the
 * tenant to find one conversation's. */
#define CHAIN_LITE "llmq_jobs INDEXED BY llmq_jobs_chain " FILTER "AND chain = %s "
#define CHAIN      "llmq_jobs " FILTER "AND chain = %s "
#define ALL        "llmq_jobs " FILTER

#define LIST(from, order) "SELECT " RECORD " FROM " from "ORDER BY " order PAGE
#define SLOT(n)           [LLMQ_SQL_LIST + (n)]
#define LISTS(slot, name, up, down)                                                      \
    SLOT(slot) = {"llmq_list_" name, REPEAT, BOTH(LIST(ALL, up))},                       \
    SLOT(slot + 1) = {"llmq_list_" name "_down", REPEAT, BOTH(LIST(ALL, down))},         \
    SLOT(slot + 2) = {"llmq_list_" name "_chain", REPEAT,                                \
                      EACH(LIST(CHAIN_LITE, up), LIST(CHAIN, up))},                      \
    SLOT(slot + 3) = {"llmq_list_" name "_chain_down", REPEAT,                           \
                      EACH(LIST(CHAIN_LITE, down), LIST(CHAIN, down))}

#define BY_CREATED      "created_at, seq "
#define BY_CREATED_DOWN "created_at DESC, seq DESC "
#define BY_UPDATED      "updated_at, seq "
#define BY_UPDATED_DOWN "updated_at DESC, seq DESC "

static const llmq_store_sql_t statements[LLMQ_SQL_COUNT] = {
    [LLMQ_SQL_PING] = {"llmq_ping", REPEAT, BOTH("SELECT version FROM llmq_schema")},
    [LLMQ_SQL_BEAT] = {"llmq_beat", WRITES | REPEAT, EACH(BEAT_LITE, BEAT_PGSQL)},
    [LLMQ_SQL_LEAVE] = {"llmq_leave", WRITES | REPEAT,
                        BOTH("UPDATE llmq_nodes SET heartbeat = 0 WHERE node = %s "
                             "RETURNING node")},
    [LLMQ_SQL_ADOPT] = {"llmq_adopt", WRITES, EACH(ADOPT_LITE, ADOPT_PGSQL)},
    [LLMQ_SQL_INSERT] = {"llmq_insert", BATCH, EACH(INSERT_LITE, INSERT_PGSQL)},
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
                               "run_at, attempt, kind, level, status FROM llmq_jobs "
                               "WHERE node = %s AND " OPEN
                               " AND seq > CAST(%s AS bigint) ORDER BY seq "
                               "LIMIT CAST(%s AS integer)")},
    [LLMQ_SQL_TOTALS] = {"llmq_totals", REPEAT,
                         BOTH("SELECT level, status, count(*) FROM llmq_jobs "
                              "WHERE node = %s AND status >= 2 GROUP BY level, status")},
    [LLMQ_SQL_FIND] = {"llmq_find", REPEAT,
                       BOTH("SELECT " RECORD " FROM llmq_jobs WHERE id = %s "
                            "AND tenant = %s AND kind = CAST(%s AS smallint) "
                            "AND removed_at IS NULL")},
    [LLMQ_SQL_CHANGE] = {"llmq_change", WRITES, EACH(CHANGE_LITE, CHANGE_PGSQL)},
    [LLMQ_SQL_REMOVE] = {"llmq_remove", WRITES,
                         BOTH("UPDATE llmq_jobs SET removed_at = CAST(%s AS bigint), "
                              "updated_at = CAST(%s AS bigint), attempt = attempt + 1 "
                              "WHERE id = %s AND tenant = %s "
                              "AND kind = CAST(%s AS smallint) "
                              "AND removed_at IS NULL RETURNING id")},
    [LLMQ_SQL_TALLY] = {"llmq_tally", REPEAT, BOTH("SELECT count(*) FROM " ALL)},
    [LLMQ_SQL_TALLY_CHAIN] = {"llmq_tally_chain", REPEAT,
                              EACH("SELECT count(*) FROM " CHAIN_LITE,
                                   "SELECT count(*) FROM " CHAIN)},
    LISTS(0, "created", BY_CREATED, BY_CREATED_DOWN),
    LISTS(4, "updated", BY_UPDATED, BY_UPDATED_DOWN),
    LISTS(8, "level", "level, " BY_CREATED, "level DESC, " BY_CREATED_DOWN),
};

const llmq_store_sql_t *llmq_store_sql_get(llmq_store_sql_e what)
{
    return &statements[what];
}
