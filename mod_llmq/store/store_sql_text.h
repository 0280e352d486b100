/**
 * @file store_sql_text.h
 * What the SQL texts of all nouns share. The texts stand in headers by noun (store_sql_job.h
 * …), which only store_sql.c includes: the table there is the one list of statements.
 */
#ifndef LLMQ_STORE_SQL_TEXT_H
#define LLMQ_STORE_SQL_TEXT_H

#include "store/store_sql.h"

#define WRITES LLMQ_SQL_WRITES
#define REPEAT LLMQ_SQL_REPEAT
#define BATCH  (LLMQ_SQL_WRITES | LLMQ_SQL_REPEAT | LLMQ_SQL_BATCH)

/* A list of ids in one JSON parameter. PostgreSQL gets an array made once, so that it looks
 * each id up in the index instead of joining with the whole table. */
#define IDS_LITE  "(SELECT value FROM json_each(%s))"
#define IDS_PGSQL "ANY(ARRAY(SELECT json_array_elements_text(CAST(%s AS json))))"

/* A condition on rows that are looked up by their ids: one of a number hides the columns from
 * PostgreSQL's planner, which would otherwise, on a table without statistics, believe that
 * next to no row is unremoved, read a whole partial index and compare each row of the table
 * with each of the batch. */
#define IS(condition) "CAST(" condition " AS integer) <> 0"

#endif /* LLMQ_STORE_SQL_TEXT_H */
