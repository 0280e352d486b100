/**
 * @file endpoint_spot.h
 * One backend as its dispatcher sees it, a *spot*, and what a list of spots can take. Only
 * endpoint.c, whose lock guards them, and its choice include this.
 */
#ifndef LLMQ_ENDPOINT_SPOT_H
#define LLMQ_ENDPOINT_SPOT_H

#include "backend/backend.h"
#include "core/balance.h"

typedef struct llmq_endpoint_spot_t {
    const llmq_backend_conf_t *backend;
    int record;              /* on the board */
    int busy;                /* places taken */
    int drained;             /* told to begin no calls */
    int checking;            /* a check is under way */
    apr_time_t check_at;     /* when the next one is due */
    apr_time_t paused_until; /* as its Retry-After said; 0 never */
    llmq_health_t health;
    apr_interval_time_t latency; /* moving mean of whole answers, 0 none yet */
    apr_interval_time_t first;   /* and to the first byte */
    apr_time_t sampled_at;       /* of the last answer */
} llmq_endpoint_spot_t;

/** The spots of one group, as candidates; those of other groups are not usable. */
typedef struct llmq_endpoint_group_t {
    apr_uint64_t among;   /* in: the spots that count, by their bits; 0: all */
    apr_uint64_t members; /* those of the group */
    int number;
    int room;  /* places free */
    int holds; /* non-zero: no later group may be used */
    llmq_balance_candidate_t c[LLMQ_BALANCE_MAX];
} llmq_endpoint_group_t;

/**
 * How soon another one can be used.
 * @param spots the spots
 * @param n     their number
 * @param but   the one not to look at
 * @param among the others, by their bits; 0: all
 * @param now   the present
 * @return microseconds, 0 at once; -1 not known: all others are drained or ejected
 * @threads under the owner's lock
 */
apr_interval_time_t llmq_endpoint_spot_wait(const llmq_endpoint_spot_t *spots, int n,
                                            int but, apr_uint64_t among, apr_time_t now);

/**
 * @param spot a spot
 * @param now  the present
 * @return its free places
 * @threads under the owner's lock
 */
int llmq_endpoint_spot_room(const llmq_endpoint_spot_t *spot, apr_time_t now);

/**
 * Find the next group.
 * @param g     out: the group; zeroed by the caller before the first, but for among
 * @param spots the spots
 * @param n     their number, at most LLMQ_BALANCE_MAX
 * @param after number of the group before, -1 for the first
 * @param now   the present
 * @return non-zero if there is one
 * @threads under the owner's lock
 */
int llmq_endpoint_spot_group(llmq_endpoint_group_t *g, const llmq_endpoint_spot_t *spots,
                             int n, int after, apr_time_t now);

/**
 * Learn from a call that has ended: how fast the backend is, and whether it wants to be
 * left alone (five minutes at most).
 * @param spot its backend
 * @param call the call
 * @param now  the present
 * @threads under the owner's lock
 */
void llmq_endpoint_spot_learn(llmq_endpoint_spot_t *spot, const llmq_call_t *call,
                              apr_time_t now);

#endif /* LLMQ_ENDPOINT_SPOT_H */
