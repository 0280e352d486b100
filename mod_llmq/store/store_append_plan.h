/**
 * @file store_append_plan.h
 * What becomes of appends, once it is known what the store holds: no I/O, so that all of it
 * can be tried without a database. Whoever has locked the sessions tells the plan of them and
 * of the messages that matter, and then has it decide about the appends, one after another in
 * their order: each sees what those before it have done.
 * @threads one at a time
 */
#ifndef LLMQ_STORE_APPEND_PLAN_H
#define LLMQ_STORE_APPEND_PLAN_H

#include "store/store_append.h"

#include <apr_hash.h>
#include <apr_tables.h>

/** A session that is locked. */
typedef struct llmq_append_log_t {
    const char *id;
    const char *tenant;
    const char *owner;
    llmq_session_status_e status;
    apr_int64_t last_seq;
    const llmq_session_message_t *last; /* the last that was accepted; NULL: none */
} llmq_append_log_t;

typedef struct llmq_append_plan_t {
    apr_pool_t *pool;
    apr_hash_t *by_id;        /* of a session → llmq_append_log_t */
    apr_array_header_t *logs; /* llmq_append_log_t *, as they were told */
    apr_hash_t *keys;         /* session and dedupe key → number */
    apr_hash_t *ids;          /* session and message id → number */
    int accepted;             /* out: how many are to be stored */
} llmq_append_plan_t;

/**
 * @param plan out: knows of nothing
 * @param p    pool, as long as the plan
 */
void llmq_store_append_plan_init(llmq_append_plan_t *plan, apr_pool_t *p);

/**
 * There is this session.
 * @param plan the plan
 * @param log  copied, its strings borrowed
 */
void llmq_store_append_plan_session(llmq_append_plan_t *plan,
                                    const llmq_append_log_t *log);

/** A message that is stored. */
typedef struct llmq_append_known_t {
    const char *session;
    const char *id;         /* NULL: nobody asked for its id */
    const char *dedupe_key; /* NULL: nobody asked for its key, or it has none */
    apr_int64_t seq;
} llmq_append_known_t;

/**
 * There is this message.
 * @param plan  the plan
 * @param known copied
 */
void llmq_store_append_plan_message(llmq_append_plan_t *plan,
                                    const llmq_append_known_t *known);

/**
 * Decide: outcome and seq of the append, and message.seq of one that is to be stored. One
 * whose own id is stored was so by an earlier try whose end remained unknown.
 * @param plan   the plan
 * @param append in/out
 * @return non-zero if it is to be stored now
 */
int llmq_store_append_plan_decide(llmq_append_plan_t *plan, llmq_append_t *append);

#endif /* LLMQ_STORE_APPEND_PLAN_H */
