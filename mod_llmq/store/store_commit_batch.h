/**
 * @file store_commit_batch.h
 * The rows that a group commit collects: one growing JSON array and, beside it, whose row
 * lies where, so that any part can be written alone. Only store_commit.c includes this.
 *
 * A batch has no lock of its own: its owner hands it from the threads that fill it to the
 * one that writes it.
 * @threads the one that has the batch
 */
#ifndef LLMQ_STORE_COMMIT_BATCH_H
#define LLMQ_STORE_COMMIT_BATCH_H

#include "base/text.h"

#include <apr_tables.h>

/** A row within the text of its batch. */
typedef struct llmq_store_commit_row_t {
    void *waiter;          /* the owner's */
    apr_size_t begin, end; /* bytes */
} llmq_store_commit_row_t;

typedef struct llmq_store_commit_batch_t {
    apr_pool_t *pool; /* cleared when the batch is done */
    llmq_text_t text;
    apr_array_header_t *rows; /* llmq_store_commit_row_t */
    int sparse;               /* rows were taken out, so the text holds too much */
} llmq_store_commit_batch_t;

/** One row of a batch, by its number. */
#define LLMQ_STORE_COMMIT_ROW(b, i) (&((llmq_store_commit_row_t *)(b)->rows->elts)[i])

/**
 * A pool with an allocator of its own, for threads that share nothing else.
 * @param parent ends it at the latest
 * @param keep   bytes the allocator holds back when the pool is cleared
 * @param tag    name for debuggers
 * @return the pool
 * @threads the parent's
 */
apr_pool_t *llmq_store_commit_batch_pool(apr_pool_t *parent, apr_size_t keep,
                                         const char *tag);

/**
 * @param p parent of its pool
 * @return an empty batch
 */
llmq_store_commit_batch_t *llmq_store_commit_batch_create(apr_pool_t *p);

/**
 * Empty it.
 * @param b the batch
 */
void llmq_store_commit_batch_clear(llmq_store_commit_batch_t *b);

/**
 * Append a row.
 * @param b      the batch
 * @param waiter whose row it is; borrowed
 * @param data   JSON object; copied
 * @param len    its bytes
 */
void llmq_store_commit_batch_add(llmq_store_commit_batch_t *b, void *waiter,
                                 const char *data, apr_size_t len);

/**
 * No row follows: the text becomes a complete array.
 * @param b the batch
 */
void llmq_store_commit_batch_end(llmq_store_commit_batch_t *b);

/**
 * @param b    the batch, ended
 * @param from first row
 * @param to   the row after the last, > from
 * @param p    pool of the text, where it is not the batch's own
 * @return the JSON array of these rows
 */
const char *llmq_store_commit_batch_json(llmq_store_commit_batch_t *b, int from, int to,
                                         apr_pool_t *p);

/**
 * @param b         the batch
 * @param from      first row of a statement
 * @param max_rows  rows a statement may have, > 0
 * @param max_bytes bytes it may have, a single row apart
 * @return the row after its last
 */
int llmq_store_commit_batch_part(const llmq_store_commit_batch_t *b, int from,
                                 int max_rows, apr_size_t max_bytes);

#endif /* LLMQ_STORE_COMMIT_BATCH_H */
