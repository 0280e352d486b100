/**
 * @file store_sql_stat.h
 * SQL texts of the statistics. Only store_sql.c includes this.
 */
#ifndef LLMQ_STORE_SQL_STAT_H
#define LLMQ_STORE_SQL_STAT_H

#include "store/store_sql_text.h"

#define STAT_KEY    "tenant, level, resolution, bucket"
#define STAT_COUNTS "accepted, completed, failed, timeouts, removed, waits, runs"
#define STAT_INTO   "INSERT INTO llmq_stats (" STAT_KEY ", " STAT_COUNTS ", node) "

/* Sums are written whole, so a second try writes the same; and a batch that is in the sums
 * is not written again, whoever asks: the guard and the sums are one statement. */
#define STAT_GUARD                                                                       \
    "WHERE NOT EXISTS (SELECT 1 FROM llmq_stats AS m WHERE m.tenant = '' "               \
    "AND m.resolution = 0 AND m.node = %s AND m.accepted >= CAST(%s AS bigint)) "        \
    "ON CONFLICT (tenant, resolution, bucket, level, node) DO UPDATE SET "               \
    "accepted = excluded.accepted, completed = excluded.completed, "                     \
    "failed = excluded.failed, timeouts = excluded.timeouts, "                           \
    "removed = excluded.removed, waits = excluded.waits, runs = excluded.runs"

#define STAT_SAVE_LITE                                                                   \
    STAT_INTO                                                                            \
    "SELECT json_extract(value, '$.t'), json_extract(value, '$.l'), "                    \
    "json_extract(value, '$.r'), json_extract(value, '$.b'), "                           \
    "json_extract(value, '$.a'), json_extract(value, '$.c'), "                           \
    "json_extract(value, '$.f'), json_extract(value, '$.o'), "                           \
    "json_extract(value, '$.d'), json_extract(value, '$.w'), "                           \
    "json_extract(value, '$.p'), %s FROM json_each(%s) " STAT_GUARD
#define STAT_SAVE_PGSQL                                                                  \
    STAT_INTO                                                                            \
    "SELECT r.t, r.l, r.r, r.b, r.a, r.c, r.f, r.o, r.d, r.w, r.p, %s "                  \
    "FROM json_to_recordset(CAST(%s AS json)) AS r(t text, l smallint, r integer, "      \
    "b bigint, a bigint, c bigint, f bigint, o bigint, d bigint, w text, p "             \
    "text) " STAT_GUARD

#define STAT_COLUMNS                                                                     \
    "s.tenant, s.level, s.resolution, s.bucket, s.accepted, s.completed, s.failed, "     \
    "s.timeouts, s.removed, s.waits, s.runs"

#define STAT_LOAD_LITE                                                                   \
    "SELECT " STAT_COLUMNS " FROM json_each(%s) AS k JOIN llmq_stats AS s "              \
    "ON s.tenant = json_extract(k.value, '$.t') "                                        \
    "AND s.resolution = json_extract(k.value, '$.r') "                                   \
    "AND s.bucket = json_extract(k.value, '$.b') "                                       \
    "AND s.level = json_extract(k.value, '$.l') AND s.node = %s"
#define STAT_LOAD_PGSQL                                                                  \
    "SELECT " STAT_COLUMNS " FROM json_to_recordset(CAST(%s AS json)) "                  \
    "AS k(t text, l smallint, r integer, b bigint) JOIN llmq_stats AS s "                \
    "ON s.tenant = k.t AND s.resolution = k.r AND s.bucket = k.b AND s.level = k.l "     \
    "AND s.node = %s"

/* The sums and the number of the last batch in them, from one snapshot. */
#define STAT_SUM                                                                         \
    "SELECT " STAT_COLUMNS " FROM llmq_stats AS s WHERE s.tenant = %s "                  \
    "AND s.resolution = CAST(%s AS integer) AND s.bucket >= CAST(%s AS bigint) "         \
    "UNION ALL SELECT " STAT_COLUMNS " FROM llmq_stats AS s WHERE s.tenant = '' "        \
    "AND s.resolution = 0 AND s.node = %s"

#define STAT_PRUNE                                                                       \
    "DELETE FROM llmq_stats WHERE (resolution = 60 AND bucket < CAST(%s AS bigint)) "    \
    "OR (resolution = 600 AND bucket < CAST(%s AS bigint))"

#endif /* LLMQ_STORE_SQL_STAT_H */
