/**
 * @file courier_hosts.h
 * How the receivers of notices are, by host: how many calls run, and who is left alone
 * for a while because it failed. In memory only; what is forgotten is found out again.
 * @threads the courier's
 */
#ifndef LLMQ_COURIER_HOSTS_H
#define LLMQ_COURIER_HOSTS_H

#include "core/retry.h"

#include <apr_pools.h>

typedef struct llmq_courier_hosts_t llmq_courier_hosts_t;

/**
 * @param per_host most calls of one host at once, > 0
 * @param pauses   after one failure, and the longest; each failure in a row doubles it
 * @param p        pool with an allocator of the thread's own, as long as the set
 * @return a set that knows nobody
 */
llmq_courier_hosts_t *
llmq_courier_hosts_create(int per_host, const llmq_retry_conf_t *pauses, apr_pool_t *p);

/**
 * Occupy a place.
 * @param hosts the set
 * @param host  name and port
 * @param now   the present
 * @return non-zero if there was one; llmq_courier_hosts_end() must follow
 */
int llmq_courier_hosts_begin(llmq_courier_hosts_t *hosts, const char *host,
                             apr_time_t now);

/**
 * Give a place back and learn.
 * @param hosts   the set
 * @param host    as it was begun
 * @param failure NULL if it went well; what we ended ourselves teaches nothing
 * @param now     the present
 */
void llmq_courier_hosts_end(llmq_courier_hosts_t *hosts, const char *host,
                            const llmq_failure_t *failure, apr_time_t now);

/**
 * Who need not be asked for: those without a free place and those left alone. Forgets
 * those of whom nothing is worth knowing.
 * @param pn    out: their number
 * @param hosts the set
 * @param now   the present
 * @param p     pool of the list
 * @return list of names
 */
const char *const *llmq_courier_hosts_busy(int *pn, llmq_courier_hosts_t *hosts,
                                           apr_time_t now, apr_pool_t *p);

#endif /* LLMQ_COURIER_HOSTS_H */
