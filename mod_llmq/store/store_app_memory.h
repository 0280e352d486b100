/**
 * @file store_app_memory.h
 * Long-term memories of apps. Each has a *version*: who makes a new one of an old one
 * stores it only while the old one is the present one, so that what somebody wrote by hand
 * meanwhile stays. `upto` is the end of the last turn that a memory covers.
 */
#ifndef LLMQ_STORE_APP_MEMORY_H
#define LLMQ_STORE_APP_MEMORY_H

#include "core/app_turn.h"
#include "store/store_app.h"

/** Turns that one memory is made of at most; the rest comes with the next. */
#define LLMQ_APP_MEMORY_TURNS 20

/**
 * Write a memory by hand.
 * @param store   the store
 * @param ref     of the app
 * @param summary the memory
 * @param now     the present: it covers all turns that have ended
 * @param p       scratch
 * @return APR_SUCCESS; APR_NOTFOUND; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_app_memory_remember(llmq_store_t *store,
                                            const llmq_app_ref_t *ref,
                                            const char *summary, apr_time_t now,
                                            apr_pool_t *p);

/** What an app remembers, and what was said since. */
typedef struct llmq_app_recall_t {
    const char *job; /* who asks; NULL: the app is gone */
    const char *summary;
    apr_int64_t version;
    apr_time_t upto; /* end of the last turn in it */
    llmq_app_memory_e mode;
    llmq_chat_turn_t *turns; /* oldest first */
    apr_time_t *ends;        /* of each */
    int n;
} llmq_app_recall_t;

/**
 * Look for jobs of kind MEMORY what they are to be made of.
 * @param precalls out: in the order of @a jobs
 * @param store    the store
 * @param jobs     jobs; NULL and other kinds are passed over
 * @param n        their number
 * @param p        pool
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_app_memory_recall(llmq_app_recall_t **precalls,
                                          llmq_store_t *store, llmq_job_t *const *jobs,
                                          int n, apr_pool_t *p);

/** A memory that was made of another one. */
typedef struct llmq_app_lesson_t {
    const char *app;
    const char *tenant;
    const char *chain; /* of the jobs that make memories of it */
    const char *summary;
    apr_int64_t version; /* of the one that it was made of */
    apr_time_t upto;
} llmq_app_lesson_t;

/**
 * Store memories; one whose former one has changed is passed over, as is one that was
 * stored already.
 * @param store   the store
 * @param lessons of as many apps
 * @param n       their number
 * @param p       scratch
 * @return APR_SUCCESS; LLMQ_EROW one cannot be written, none was; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_app_memory_learn(llmq_store_t *store,
                                         const llmq_app_lesson_t *lessons, int n,
                                         apr_pool_t *p);

/**
 * Forget the jobs whose turns are in a memory.
 * @param store  the store
 * @param lesson a memory that was stored
 * @param p      scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_app_memory_tidy(llmq_store_t *store,
                                        const llmq_app_lesson_t *lesson, apr_pool_t *p);

/** A turn that nobody has begun to remember. */
typedef struct llmq_app_forgotten_t {
    llmq_job_t turn; /* id, tenant, chain, user, finished_at */
    const char *app;
} llmq_app_forgotten_t;

/**
 * Find turns whose memory was not begun, as a process died; then tick off the apps of
 * which none is left.
 * @param pfound out: array in @a p
 * @param pn     out: their number
 * @param store  the store
 * @param before only what ended before
 * @param limit  most, > 0
 * @param p      pool
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_app_memory_forgotten(llmq_app_forgotten_t **pfound, int *pn,
                                             llmq_store_t *store, apr_time_t before,
                                             int limit, apr_pool_t *p);

#endif /* LLMQ_STORE_APP_MEMORY_H */
