/**
 * @file endpoint.h
 * The set of backends as the dispatcher sees it: how busy and how well each is, and which
 * one is next. Lives in the dispatcher; all calls are short and take one mutex.
 *
 * A backend is *usable* unless it is drained, ejected (core/health.h) or asked to be left
 * alone for a while (Retry-After). It has *room* while it is usable and below its
 * max_concurrent; a trial after an ejection is one call at a time.
 *
 * The way of a pick:
 *   1. Groups, lowest number first. A later group is used only while no backend of those
 *      before is usable; one that is merely full does not make way unless it may `spill`.
 *   2. What failed this job lately is left out as long as the group has room elsewhere.
 *   3. The backend that the conversation went to last, if it has room.
 *   4. Else the algorithm (core/balance.h), and the conversation stays with its choice.
 * Thus affinity begins with the second message of a conversation and takes no part in the
 * first, so conversations of one message are shared out as the algorithm says.
 *
 * What a call tells of its backend is decided in one place, llmq_endpoint_done().
 * @threads any
 */
#ifndef LLMQ_ENDPOINT_H
#define LLMQ_ENDPOINT_H

#include "backend/backend.h"
#include "backend/endpoint_board.h"

typedef struct llmq_endpoints_t llmq_endpoints_t;

/** Settings beside those of each backend; filled by cfg/ and glue/. */
typedef struct llmq_endpoint_conf_t {
    llmq_balance_conf_t balance;
    llmq_endpoint_board_t *board; /* where to tell; NULL nowhere */
    apr_uint32_t writer;          /* whose gauges they are: our pid */
} llmq_endpoint_conf_t;

/** A place in a backend, from pick to done. */
typedef struct llmq_endpoint_place_t {
    const llmq_backend_conf_t *backend; /* NULL: none was to be had */
    int index;                          /* of the backend in the set */
    int trial;                          /* the one call that an ejected backend gets */
    apr_uint64_t job;                   /* hash of the job's id, 0 for a check */
    apr_uint64_t among;                 /* the backends that could have it; 0: all */
} llmq_endpoint_place_t;

/**
 * @param pe       out
 * @param backends the configured backends; borrowed
 * @param n        their number, 1 to LLMQ_BALANCE_MAX
 * @param conf     settings; copied
 * @param p        pool, as long as the set
 * @return APR_SUCCESS; APR_EINVAL no backends or too many; else there is no mutex
 * @phase dispatcher; @threads single
 */
apr_status_t llmq_endpoint_create(llmq_endpoints_t **pe,
                                  const llmq_backend_conf_t *const *backends, int n,
                                  const llmq_endpoint_conf_t *conf, apr_pool_t *p);

/**
 * @param e the set
 * @return how many picks would succeed now
 */
int llmq_endpoint_free(llmq_endpoints_t *e);

/**
 * How many picks would succeed now, for several lists of backends.
 * @param rooms out: of each list
 * @param e     the set
 * @param among the lists: bit i is the i-th backend; 0: all
 * @param n     number of the lists
 * @return how many would succeed if none of them needed the places of another
 */
int llmq_endpoint_rooms(int *rooms, llmq_endpoints_t *e, const apr_uint64_t *among,
                        int n);

/**
 * Choose a backend and occupy a place in it.
 * @param place out: the place; its backend is NULL when there is none
 * @param e     the set
 * @param id    of the job
 * @param chain hash of its conversation, 0 none
 */
void llmq_endpoint_pick(llmq_endpoint_place_t *place, llmq_endpoints_t *e, const char *id,
                        apr_uint64_t chain);

/**
 * llmq_endpoint_pick() out of some of the backends, in the order of their groups.
 * @param place out: the place; its backend is NULL when there is none
 * @param e     the set
 * @param id    of the job
 * @param among bit i is the i-th backend; 0: all
 */
void llmq_endpoint_pick_among(llmq_endpoint_place_t *place, llmq_endpoints_t *e,
                              const char *id, apr_uint64_t among);

/**
 * Give a place back whose call was never begun. The backend is known no better.
 * @param e     the set
 * @param place what llmq_endpoint_pick() gave
 */
void llmq_endpoint_back(llmq_endpoints_t *e, const llmq_endpoint_place_t *place);

/**
 * Give the place back and learn from the outcome: health, latency, and a Retry-After,
 * during which (at most five minutes) nobody is sent there. If the job can go to another
 * backend at once, or sooner than the Retry-After says, the failure is told so.
 * @param e     the set
 * @param place what llmq_endpoint_pick() gave
 * @param call  the call, ended; retry_after and elsewhere of its failure may change
 */
void llmq_endpoint_done(llmq_endpoints_t *e, const llmq_endpoint_place_t *place,
                        llmq_call_t *call);

/**
 * Is a check due? It is then under way until llmq_endpoint_checked().
 * @param place out: of which backend; its backend is NULL when none is due
 * @param e     the set
 */
void llmq_endpoint_check(llmq_endpoint_place_t *place, llmq_endpoints_t *e);

/**
 * A check has ended.
 * @param e       the set
 * @param place   what llmq_endpoint_check() gave
 * @param failure NULL if it was good
 */
void llmq_endpoint_checked(llmq_endpoints_t *e, const llmq_endpoint_place_t *place,
                           const llmq_failure_t *failure);

/**
 * Let a backend's calls finish and begin no more, or use it again.
 * @param e    the set
 * @param name of the backend
 * @param on   non-zero: drain
 * @return APR_SUCCESS; APR_NOTFOUND no backend of this name
 */
apr_status_t llmq_endpoint_drain(llmq_endpoints_t *e, const char *name, int on);

/**
 * Drain exactly those that a stored setting names.
 * @param e    the set
 * @param json `{"name":true,…}`; NULL or nonsense drains none
 * @param p    scratch
 */
void llmq_endpoint_drain_only(llmq_endpoints_t *e, const char *json, apr_pool_t *p);

#endif /* LLMQ_ENDPOINT_H */
