/**
 * @file exchange.h
 * Tells other nodes once a second what keys have used here (core/ledger.h), and hears what
 * they have used there, after it has settled what is over (dispatch/settle.h). It is also
 * what a restart finds again.
 */
#ifndef LLMQ_EXCHANGE_H
#define LLMQ_EXCHANGE_H

#include "core/ledger.h"
#include "store/store.h"

typedef struct llmq_exchange_t llmq_exchange_t;

/**
 * @param ledger the table; NULL: there is nothing to do
 * @param store  of the thread that will call
 * @param p      pool, as long as the exchange
 * @return the exchange; NULL if out of memory
 * @phase dispatcher; @threads the first thread
 */
llmq_exchange_t *llmq_exchange_create(llmq_ledger_t *ledger, llmq_store_t *store,
                                      apr_pool_t *p);

/**
 * Do what is due.
 * @param x the exchange
 * @return APR_SUCCESS; LLMQ_ESTORE: it is tried again the next time
 * @threads the first thread
 */
apr_status_t llmq_exchange_tick(llmq_exchange_t *x);

/**
 * Write what was used, as the segment may be about to go.
 * @param x the exchange
 * @return as llmq_exchange_tick()
 * @threads the first thread
 */
apr_status_t llmq_exchange_flush(llmq_exchange_t *x);

#endif /* LLMQ_EXCHANGE_H */
