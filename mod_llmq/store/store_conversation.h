/**
 * @file store_conversation.h
 * Conversations in the store. Their rows are also made and touched by the statement that
 * stores messages (llmq_store_job_insert()), in the same transaction.
 * One that has expired or was removed is not there for any of these calls.
 * @threads any
 */
#ifndef LLMQ_STORE_CONVERSATION_H
#define LLMQ_STORE_CONVERSATION_H

#include "core/conversation.h"
#include "store/store.h"

/** Which conversation, and when is now. */
typedef struct llmq_conversation_ref_t {
    const char *tenant;
    const char *id;
    apr_time_t now;
} llmq_conversation_ref_t;

/**
 * Store a new one.
 * @param store the store
 * @param c     the conversation
 * @param p     scratch
 * @return APR_SUCCESS; APR_EEXIST its id is in use; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_conversation_create(llmq_store_t *store,
                                            const llmq_conversation_t *c, apr_pool_t *p);

/**
 * Read one, its messages counted.
 * @param pc    out
 * @param store the store
 * @param ref   which
 * @param p     pool of the record
 * @return APR_SUCCESS; APR_NOTFOUND; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_conversation_find(llmq_conversation_t **pc, llmq_store_t *store,
                                          const llmq_conversation_ref_t *ref,
                                          apr_pool_t *p);

/**
 * Is it there? Reads what a new message needs to know: user, level and first_seq; nothing is
 * counted.
 * @param c     out: those fields
 * @param store the store
 * @param ref   which
 * @param p     pool of the texts
 * @return APR_SUCCESS; APR_NOTFOUND; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_conversation_peek(llmq_conversation_t *c, llmq_store_t *store,
                                          const llmq_conversation_ref_t *ref,
                                          apr_pool_t *p);

/**
 * Apply a change.
 * @param store the store
 * @param c     as it was read: metadata is merged into what it has here
 * @param patch the change
 * @param now   becomes updated_at
 * @param p     scratch
 * @return APR_SUCCESS; LLMQ_ESTATE it has gone, or its metadata has changed: look again;
 *         LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_conversation_change(llmq_store_t *store,
                                            const llmq_conversation_t *c,
                                            const llmq_conversation_patch_t *patch,
                                            apr_time_t now, apr_pool_t *p);

/**
 * Remove it and its messages softly: nobody sees them any more, nothing runs them.
 * @param pids  out: ids of the messages that were not final, which the queue must drop
 * @param store the store
 * @param ref   which
 * @param p     pool of the ids
 * @return APR_SUCCESS; APR_NOTFOUND; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_conversation_remove(apr_array_header_t **pids,
                                            llmq_store_t *store,
                                            const llmq_conversation_ref_t *ref,
                                            apr_pool_t *p);

typedef enum {
    LLMQ_CONVERSATION_SORT_CREATED = 0,
    LLMQ_CONVERSATION_SORT_UPDATED,
    LLMQ_CONVERSATION_SORT_ACTIVE,
    LLMQ_CONVERSATION_SORT_LEVEL, /* ascending = most urgent first */
    LLMQ_CONVERSATION_SORT_COUNT
} llmq_conversation_sort_e;

/** A question to the list. NULL and 0 filters do not filter. */
typedef struct llmq_conversation_query_t {
    const char *tenant;
    const char *user;
    int state; /* llmq_conversation_state_e, or -1 */
    llmq_level_e level;
    llmq_conversation_sort_e sort;
    int descending;
    int page;      /* >= 1 */
    int page_size; /* >= 1 */
    apr_time_t now;
} llmq_conversation_query_t;

/**
 * @param pitems out: array of the page's conversations, whole
 * @param pn     out: their number
 * @param ptotal out: how many match in all
 * @param store  the store
 * @param query  the question
 * @param p      pool of the records
 * @return APR_SUCCESS; LLMQ_ESTORE
 * @threads any
 */
apr_status_t llmq_store_conversation_list(llmq_conversation_t **pitems, int *pn,
                                          apr_int64_t *ptotal, llmq_store_t *store,
                                          const llmq_conversation_query_t *query,
                                          apr_pool_t *p);

#endif /* LLMQ_STORE_CONVERSATION_H */
