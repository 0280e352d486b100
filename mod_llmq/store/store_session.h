/**
 * @file store_session.h
 * Sessions and their messages, but for appending (store_append.h).
 */
#ifndef LLMQ_STORE_SESSION_H
#define LLMQ_STORE_SESSION_H

#include "core/session.h"
#include "store/store.h"

/** Whose session. */
typedef struct llmq_session_ref_t {
    const char *tenant;
    const char *owner; /* NULL: anybody's of the tenant */
    const char *id;
} llmq_session_ref_t;

/**
 * @param store where to
 * @param s     the session: id, tenant, owner, name, created_at; the rest begins empty
 * @param p     scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_session_create(llmq_store_t *store, const llmq_session_t *s,
                                       apr_pool_t *p);

/**
 * @param ps    out: in @a p
 * @param store the store
 * @param ref   which
 * @param p     pool
 * @return APR_SUCCESS; APR_NOTFOUND none of this tenant and owner; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_session_find(llmq_session_t **ps, llmq_store_t *store,
                                     const llmq_session_ref_t *ref, apr_pool_t *p);

/** What to change. */
typedef struct llmq_session_patch_t {
    const char *name; /* NULL: stays */
    int status;       /* llmq_session_status_e; -1: stays */
} llmq_session_patch_t;

/**
 * Change a session (D6): a CLOSED one takes only the status CLOSED, without a name, and
 * stays as it is; what changes nothing leaves updated_at alone (D19).
 * @param ps    out: as it is now
 * @param store the store
 * @param ref   which
 * @param patch what to change
 * @param now   the present
 * @param p     pool
 * @return APR_SUCCESS; APR_NOTFOUND; LLMQ_ESTATE it is CLOSED; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_session_change(llmq_session_t **ps, llmq_store_t *store,
                                       const llmq_session_ref_t *ref,
                                       const llmq_session_patch_t *patch, apr_time_t now,
                                       apr_pool_t *p);

/** Which sessions of an owner. */
typedef struct llmq_session_query_t {
    const char *tenant;
    const char *owner;
    int status;    /* -1: all */
    const char *q; /* the name contains this, whatever the case; NULL: all */
    int page;      /* from 1 */
    int per_page;  /* > 0 */
} llmq_session_query_t;

/**
 * Sessions, the one with the latest message first (D21).
 * @param pitems out: array in @a p
 * @param pn     out: their number
 * @param ptotal out: how many there are on all pages
 * @param store  the store
 * @param query  which
 * @param p      pool
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_session_list(llmq_session_t **pitems, int *pn,
                                     apr_int64_t *ptotal, llmq_store_t *store,
                                     const llmq_session_query_t *query, apr_pool_t *p);

/**
 * Messages behind a number, in order. The session is not looked at.
 * @param pitems out: array in @a p
 * @param pn     out: their number
 * @param store  the store
 * @param ref    of the session; owner is not looked at
 * @param after  seq after which to begin, >= 0
 * @param limit  most, > 0
 * @param p      pool
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_session_messages(llmq_session_message_t **pitems, int *pn,
                                         llmq_store_t *store,
                                         const llmq_session_ref_t *ref, apr_int64_t after,
                                         int limit, apr_pool_t *p);

/**
 * @param pm    out: in @a p
 * @param store the store
 * @param ref   of the session; owner is not looked at
 * @param id    of the message
 * @param p     pool
 * @return APR_SUCCESS; APR_NOTFOUND not in this session; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_session_message(llmq_session_message_t **pm, llmq_store_t *store,
                                        const llmq_session_ref_t *ref, const char *id,
                                        apr_pool_t *p);

/** How far a log is known. */
typedef struct llmq_session_mark_t {
    const char *tenant;
    const char *id;
    apr_int64_t seq; /* in: known so far; out: the last one */
} llmq_session_mark_t;

/**
 * Which of many logs have grown? One statement.
 * @param marks in: what is known; out: those that have grown, in front
 * @param pn    in: their number; out: how many have grown
 * @param store the store
 * @param p     scratch
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_session_grown(llmq_session_mark_t *marks, int *pn,
                                      llmq_store_t *store, apr_pool_t *p);

#endif /* LLMQ_STORE_SESSION_H */
