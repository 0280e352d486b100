/**
 * @file store_sql_setting.h
 * SQL texts of settings. Only store_sql.c includes this.
 */
#ifndef LLMQ_STORE_SQL_SETTING_H
#define LLMQ_STORE_SQL_SETTING_H

#include "store/store_sql_text.h"

#define SETTING_COLUMNS "tenant, name, value, changed_at"

/* The clock of the node that changes it may be behind that of the one before: a change must
 * never look older than what it replaces, or other nodes would not see it. */
#define SETTING_PUT                                                                      \
    "INSERT INTO llmq_settings (" SETTING_COLUMNS ") "                                   \
    "VALUES (%s, %s, %s, CAST(%s AS bigint)) "                                           \
    "ON CONFLICT (tenant, name) DO UPDATE SET value = excluded.value, changed_at = "     \
    "CASE WHEN excluded.changed_at > llmq_settings.changed_at "                          \
    "THEN excluded.changed_at ELSE llmq_settings.changed_at + 1 END RETURNING name"

/* The same, unless somebody else was faster. Nothing is as old as 0, so that stands for a
 * setting that nobody has made yet. */
#define SETTING_SWAP                                                                     \
    "INSERT INTO llmq_settings (" SETTING_COLUMNS ") "                                   \
    "VALUES (%s, %s, %s, CAST(%s AS bigint)) "                                           \
    "ON CONFLICT (tenant, name) DO UPDATE SET value = excluded.value, changed_at = "     \
    "CASE WHEN excluded.changed_at > llmq_settings.changed_at "                          \
    "THEN excluded.changed_at ELSE llmq_settings.changed_at + 1 END "                    \
    "WHERE llmq_settings.changed_at = CAST(%s AS bigint) RETURNING name"

#endif /* LLMQ_STORE_SQL_SETTING_H */
