/**
 * @file claimants_inner.h
 * The record of the claimants, shared by its files. Private to http/claimants*.c.
 */
#ifndef LLMQ_CLAIMANTS_INNER_H
#define LLMQ_CLAIMANTS_INNER_H

#include "base/thread.h"
#include "http/claimants.h"
#include "queue/queue_bell.h"

#include <apr_thread_mutex.h>

#define LLMQ_CLAIMANTS_QUEUES 2

struct llmq_claimants_t {
    const llmq_service_t *service;
    llmq_claimants_conf_t conf;
    apr_thread_mutex_t *lock;
    llmq_claim_room_t room;              /* under lock */
    struct llmq_claim_list_t given_back; /* under lock: not taken by their clients */
    llmq_thread_t thread;                /* under lock until it has begun */
    int stopping;                        /* under lock */
    int asleep;                          /* under lock: on armed bells... */
    apr_time_t until;                    /* under lock: ...and until then */
    int again;                           /* under lock: somebody came meanwhile */
    unsigned round;                      /* the thread's */
    apr_time_t paused;                   /* the thread's: no tries before */
    apr_interval_time_t patience;        /* of the stop */
    llmq_queue_bell_t
        *bells[LLMQ_CLAIMANTS_QUEUES]; /* the thread's; NULL: there are no more */
    llmq_queue_t *queues[LLMQ_CLAIMANTS_QUEUES];
    int wake; /* eventfd */
};

/* ---- http/claimants.c ---- */

/**
 * @param all the claimants
 * @threads any
 */
void llmq_claimants_lock(llmq_claimants_t *all);

/**
 * @param all the claimants
 * @threads the one that has locked it
 */
void llmq_claimants_unlock(llmq_claimants_t *all);

/**
 * Answer a claim that is out of the room. Whoever hears of it may free the record at once.
 * @param c      the claim
 * @param answer what it gets; NULL: an empty list
 * @threads locked
 */
void llmq_claimants_answer_locked(llmq_claimant_t *c, const llmq_claim_answer_t *answer);

/**
 * A claim was tried: it got something, or its client has left meanwhile.
 * @param all    the claimants
 * @param c      the claim
 * @param answer what was claimed for it
 * @threads locked
 */
void llmq_claimants_settle_locked(llmq_claimants_t *all, llmq_claimant_t *c,
                                  const llmq_claim_answer_t *answer);

/**
 * Give back what clients did not take.
 * @param all the claimants, not locked
 * @threads its own
 */
void llmq_claimants_return_all(llmq_claimants_t *all);

/* ---- http/claimants_look.c ---- */

/**
 * The thread: it ends when `stopping` is set.
 * @param thread its own
 * @param data   the claimants
 * @return NULL
 * @threads its own
 */
void *APR_THREAD_FUNC llmq_claimants_look_run(apr_thread_t *thread, void *data);

#endif /* LLMQ_CLAIMANTS_INNER_H */
