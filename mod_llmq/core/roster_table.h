/**
 * @file roster_table.h
 * Where roster.h keeps its workers: the places, and how one is found, made and given to
 * somebody else. Private to core/roster*.c.
 *
 *     [ llmq_roster_t | place 1 … place max | heads of the chains ]
 *
 * Places with the same bits of their hash form a chain. Chains and hashes change under the
 * table's lock only, but are walked without it: one that changes hands while somebody walks
 * leads him into another chain, at worst past what he looks for, and then he looks again
 * under the lock.
 */
#ifndef LLMQ_ROSTER_TABLE_H
#define LLMQ_ROSTER_TABLE_H

#include "base/spin.h"
#include "core/worker.h"

typedef struct llmq_roster_t llmq_roster_t;

typedef struct llmq_roster_place_t {
    _Alignas(64) llmq_spin_t lock; /* of all that is not atomic */
    _Atomic(apr_uint32_t)
        next; /* in its chain, 0 = none; changed under the table's lock */
    _Atomic(apr_uint64_t) hash; /* 0 = free; changed under both locks */
    apr_uint32_t version;       /* grows with each change */
    apr_uint32_t stored;        /* version that the store has */
    int restored;               /* what the store has is in the counts */
    llmq_worker_t worker;
} llmq_roster_place_t;

struct llmq_roster_t {
    _Alignas(64) apr_uint32_t max;
    apr_uint32_t buckets; /* a power of two */
    _Atomic(apr_int64_t) timeout;
    _Atomic(apr_uint64_t) ends[LLMQ_WORKER_ENDS];
    _Atomic(apr_uint64_t) deliveries;
    _Atomic(apr_uint64_t) missed;
    llmq_spin_t lock;            /* of the table */
    _Atomic(apr_uint32_t) used;  /* places 1 … used have been used at least once */
    llmq_roster_place_t place[]; /* by number - 1; behind them the heads */
};

/**
 * @param max workers
 * @return number of the chains
 * @threads any
 */
apr_uint32_t llmq_roster_table_buckets(int max);

/**
 * @param r      the table
 * @param tenant of the worker
 * @param worker its name
 * @return its place, locked; NULL if it was not found
 * @threads any
 */
llmq_roster_place_t *llmq_roster_table_find(llmq_roster_t *r, const char *tenant,
                                            const char *worker);

/**
 * As llmq_roster_table_find(), but one that is not known becomes so.
 * @param r      the table
 * @param tenant of the worker
 * @param worker its name
 * @param now    the present; 0: nobody is displaced
 * @return its place, locked; NULL if there is no room
 * @threads any
 */
llmq_roster_place_t *llmq_roster_table_make(llmq_roster_t *r, const char *tenant,
                                            const char *worker, apr_time_t now);

/**
 * llmq_roster_forget() of a table that is there.
 * @param r      the table
 * @param before when
 * @threads any
 */
void llmq_roster_table_forget(llmq_roster_t *r, apr_time_t before);

#endif /* LLMQ_ROSTER_TABLE_H */
