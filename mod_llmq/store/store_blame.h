/**
 * @file store_blame.h
 * What a failed statement's text says of its cause. apr_dbd tells that something failed and
 * a text, no code.
 * @threads any
 */
#ifndef LLMQ_STORE_BLAME_H
#define LLMQ_STORE_BLAME_H

#include "store/store_sql.h"

/**
 * Is what was to be written to blame? SQLite's texts are fixed, so its refusals are listed.
 * PostgreSQL's may be in the operator's language; there the troubles of the database are
 * listed, which keeps one bad row from failing its neighbours whatever the language.
 * @param sql     the statement; only a batch can have a bad row
 * @param dialect whose text it is
 * @param message the text
 * @return non-zero if so
 */
int llmq_store_blame_is_row(const llmq_store_sql_t *sql, llmq_dialect_e dialect,
                            const char *message);

/**
 * Would the same statement fail in the same way if it were tried at once?
 * @param message the text
 * @return non-zero if so
 */
int llmq_store_blame_is_lasting(const char *message);

/**
 * Which trouble is the database in?
 * @param message the text
 * @return LLMQ_EDISK, LLMQ_EMEMORY or LLMQ_ESTORE
 */
apr_status_t llmq_store_blame_trouble(const char *message);

#endif /* LLMQ_STORE_BLAME_H */
