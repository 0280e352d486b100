/**
 * @file stash.h
 * Pools for things that are made and ended all the time, and that travel from thread to
 * thread meanwhile: each pool has an allocator of its own, so a new one costs system calls
 * for its memory, and its end gives that back. A stash keeps some pools that were given back,
 * empty, with a bounded part of their memory.
 */
#ifndef LLMQ_STASH_H
#define LLMQ_STASH_H

#include <apr_pools.h>

#define LLMQ_STASH_MAX  64          /* pools that are kept */
#define LLMQ_STASH_KEEP (32 * 1024) /* bytes that each of them keeps, about */

typedef struct llmq_stash_t llmq_stash_t;

/**
 * @param p pool of the stash; what is kept goes with it
 * @return the stash; NULL if out of memory
 * @threads single
 */
llmq_stash_t *llmq_stash_create(apr_pool_t *p);

/**
 * @param s the stash
 * @return an empty pool, the caller's until llmq_stash_give() or apr_pool_destroy(); one
 *         thread at a time may use it; NULL if out of memory
 * @threads any
 */
apr_pool_t *llmq_stash_take(llmq_stash_t *s);

/**
 * Clear a pool and keep it, or destroy it where enough are kept.
 * @param s    the stash
 * @param pool of llmq_stash_take(); not the caller's any more
 * @threads any
 */
void llmq_stash_give(llmq_stash_t *s, apr_pool_t *pool);

#endif /* LLMQ_STASH_H */
