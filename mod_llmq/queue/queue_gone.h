/**
 * @file queue_gone.h
 * What left during a walk over the store, private to queue/. A walk reads a page of rows
 * and then puts them; a job that ends in between would be put again and done in vain. So
 * each entry that leaves marks its id, with the number of the latest walk, and a put that
 * comes from a walk skips marked ids. A mark is 32 bits in a table of one per bucket: a
 * collision overwrites the older mark, which costs one vain take, never a job; a mark
 * that fits by chance (1 in 2^32) costs a job the rest of the walk, as the next walk
 * knows it under another number.
 */
#ifndef LLMQ_QUEUE_GONE_H
#define LLMQ_QUEUE_GONE_H

#include "queue/queue_layout.h"

/**
 * Remember that an entry has left.
 * @param q    the queue
 * @param hash of its id
 * @threads locked
 */
void llmq_queue_gone_mark(llmq_queue_t *q, apr_uint64_t hash);

/**
 * @param q    the queue
 * @param id   an id
 * @return non-zero if it left since the latest walk began
 * @threads locked
 */
int llmq_queue_gone_is_marked(llmq_queue_t *q, const char *id);

#endif /* LLMQ_QUEUE_GONE_H */
