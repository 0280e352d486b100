/**
 * @file queue_table.h
 * The hash tables of the segment, private to queue/: slots by id, key records by (tenant,
 * level, key), chain records by chain. Each record is in its table from the moment it is made
 * until it is freed; buckets are singly linked, and records come from free lists.
 */
#ifndef LLMQ_QUEUE_TABLE_H
#define LLMQ_QUEUE_TABLE_H

#include "queue/queue_layout.h"

/**
 * @param q  the queue
 * @param id NUL-terminated
 * @return its slot, 0 if there is none
 * @threads locked
 */
apr_uint32_t llmq_queue_table_find(llmq_queue_t *q, const char *id);

/**
 * Make a slot for an id that is not there yet.
 * @param q  the queue
 * @param id 1 to LLMQ_ID_MAX bytes
 * @return the slot, zeroed but for the id and its hash; 0 if all are in use
 * @threads locked
 */
apr_uint32_t llmq_queue_table_add(llmq_queue_t *q, const char *id);

/**
 * Free a slot that is in no list any more.
 * @param q the queue
 * @param i the slot
 * @threads locked
 */
void llmq_queue_table_remove(llmq_queue_t *q, apr_uint32_t i);

/**
 * Find or make the record of a slot's key in its lane. A new one has empty lists.
 * @param q    the queue
 * @param slot tenant, level and key are read
 * @return the key record
 * @threads locked
 */
apr_uint32_t llmq_queue_table_get_key(llmq_queue_t *q, const llmq_queue_slot_t *slot);

/**
 * Free an empty key record that is in no ring any more and of which nothing runs.
 * @param q the queue
 * @param k the key record
 * @threads locked
 */
void llmq_queue_table_remove_key(llmq_queue_t *q, apr_uint32_t k);

/**
 * @param q     the queue
 * @param chain the chain, not 0
 * @return its record, 0 if there is none
 * @threads locked
 */
apr_uint32_t llmq_queue_table_find_chain(llmq_queue_t *q, apr_uint64_t chain);

/**
 * Find or make the record of a chain. A new one is empty.
 * @param q     the queue
 * @param chain the chain, not 0
 * @return the chain record
 * @threads locked
 */
apr_uint32_t llmq_queue_table_get_chain(llmq_queue_t *q, apr_uint64_t chain);

/**
 * Free an empty chain record.
 * @param q the queue
 * @param c the chain record
 * @threads locked
 */
void llmq_queue_table_remove_chain(llmq_queue_t *q, apr_uint32_t c);

#endif /* LLMQ_QUEUE_TABLE_H */
