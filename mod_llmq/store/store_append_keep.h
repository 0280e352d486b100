/**
 * @file store_append_keep.h
 * A copy of an append that outlives its caller: the committer may need it when the request
 * that made it has gone.
 */
#ifndef LLMQ_STORE_APPEND_KEEP_H
#define LLMQ_STORE_APPEND_KEEP_H

#include "store/store_append.h"

/**
 * @param append an append
 * @return a copy with all its texts in one piece of memory, for free(); NULL: no memory
 * @threads any
 */
llmq_append_t *llmq_store_append_keep(const llmq_append_t *append);

#endif /* LLMQ_STORE_APPEND_KEEP_H */
