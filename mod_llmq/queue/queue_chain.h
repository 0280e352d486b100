/**
 * @file queue_chain.h
 * Chains, private to queue/: entries that run one at a time. A chain lists its entries in
 * the order in which they will run; the head is ready, delayed or running, all others are
 * blocked. Only queue_entry.c changes states; here is nothing but the lists.
 */
#ifndef LLMQ_QUEUE_CHAIN_H
#define LLMQ_QUEUE_CHAIN_H

#include "queue/queue_layout.h"

typedef enum {
    LLMQ_QUEUE_CHAIN_ACCEPTED, /* before those with a later put_at that nobody took yet */
    LLMQ_QUEUE_CHAIN_FIRST     /* before all others */
} llmq_queue_chain_e;

/**
 * Hang a slot into the chain that its entry names, making the record if need be.
 * @param q     the queue
 * @param i     slot with entry.chain not 0
 * @param where its place
 * @threads locked
 */
void llmq_queue_chain_add(llmq_queue_t *q, apr_uint32_t i, llmq_queue_chain_e where);

/**
 * Take a slot out of its chain; the record goes with the last.
 * @param q the queue
 * @param i a slot, in a chain or in none
 * @return the slot that has become the head by this, 0 if none
 * @threads locked
 */
apr_uint32_t llmq_queue_chain_remove(llmq_queue_t *q, apr_uint32_t i);

/**
 * @param q     the queue
 * @param chain the chain, not 0
 * @return its head, 0 if it has no entries
 * @threads locked
 */
apr_uint32_t llmq_queue_chain_head(llmq_queue_t *q, apr_uint64_t chain);

#endif /* LLMQ_QUEUE_CHAIN_H */
