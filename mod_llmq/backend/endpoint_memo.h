/**
 * @file endpoint_memo.h
 * A memory of bounded size: hash → a few words, where what is not used is forgotten. It
 * holds which backend a conversation went to, and which ones a job was tried at. To forget
 * costs quality, never correctness.
 *
 * The table is made of sets of four slots; a hash has its place in one set. In a full set
 * the new one takes the place of the one that was not met for longest, those that were met
 * only once first: so a flood of conversations with a single message does not push out the
 * long ones.
 *
 * No lock: the owner guards it.
 */
#ifndef LLMQ_ENDPOINT_MEMO_H
#define LLMQ_ENDPOINT_MEMO_H

#include <apr.h>
#include <apr_pools.h>

typedef struct llmq_endpoint_memo_t llmq_endpoint_memo_t;

/**
 * @param n how many it remembers at most, >= 1; rounded up to a power of two, 24 bytes each
 * @param p pool, as long as the memory
 * @return an empty memory
 * @phase dispatcher; @threads single
 */
llmq_endpoint_memo_t *llmq_endpoint_memo_create(int n, apr_pool_t *p);

/**
 * @param m    the memory; NULL remembers nothing
 * @param hash of the thing, not 0
 * @return what was put last; 0 if it is not known
 * @threads the owner's
 */
apr_uint64_t llmq_endpoint_memo_find(const llmq_endpoint_memo_t *m, apr_uint64_t hash);

/**
 * @param m     the memory; NULL allowed
 * @param hash  of the thing, not 0
 * @param value what to remember; 0 forgets it
 * @threads the owner's
 */
void llmq_endpoint_memo_put(llmq_endpoint_memo_t *m, apr_uint64_t hash,
                            apr_uint64_t value);

#endif /* LLMQ_ENDPOINT_MEMO_H */
