/**
 * @file store_sql_node.h
 * SQL texts of nodes. Only store_sql.c includes this.
 */
#ifndef LLMQ_STORE_SQL_NODE_H
#define LLMQ_STORE_SQL_NODE_H

#include "store/store_sql_job.h"

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

/* What a worker has under a lease stays the worker's: its lease is looked after here from
 * now on. A node may have accepted work before its dispatcher's first heartbeat, so what was
 * touched lately is left alone. */
#define ADOPT                                                                            \
    "UPDATE llmq_jobs SET node = %s, "                                                   \
    "attempt = CASE WHEN lease_until > 0 THEN attempt ELSE attempt + 1 END, "            \
    "status = CASE WHEN lease_until > 0 THEN status ELSE 0 END, "                        \
    "updated_at = CAST(%s AS bigint) WHERE " BACKLOG                                     \
    " AND updated_at < CAST(%s AS bigint) AND node "
#define SILENT                                                                           \
    "SELECT n.node FROM llmq_nodes AS n WHERE n.node <> %s "                             \
    "AND n.heartbeat < CAST(%s AS bigint)"
#define ADOPT_LITE  ADOPT "IN (" SILENT ") RETURNING 1"
#define ADOPT_PGSQL ADOPT "= ANY(ARRAY(" SILENT ")) RETURNING 1"

#endif /* LLMQ_STORE_SQL_NODE_H */
