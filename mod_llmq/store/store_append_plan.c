#include "store/store_append_plan.h"

#include <apr_strings.h>

#include <string.h>

void llmq_store_append_plan_init(llmq_append_plan_t *plan, apr_pool_t *p)
{
    plan->pool = p;
    plan->by_id = apr_hash_make(p);
    plan->logs = apr_array_make(p, 16, sizeof(llmq_append_log_t *));
    plan->keys = apr_hash_make(p);
    plan->ids = apr_hash_make(p);
    plan->accepted = 0;
}

void llmq_store_append_plan_session(llmq_append_plan_t *plan,
                                    const llmq_append_log_t *log)
{
    llmq_append_log_t *own = apr_pmemdup(plan->pool, log, sizeof(*log));

    apr_hash_set(plan->by_id, own->id, APR_HASH_KEY_STRING, own);
    APR_ARRAY_PUSH(plan->logs, llmq_append_log_t *) = own;
}

/* The id of a session has no line break, so no two pairs are joined to the same text. */
static const char *joined(const llmq_append_plan_t *plan, const char *session,
                          const char *name)
{
    return apr_pstrcat(plan->pool, session, "\n", name, NULL);
}

static void remember(llmq_append_plan_t *plan, apr_hash_t *names, const char *session,
                     const char *name, apr_int64_t seq)
{
    if (name)
        apr_hash_set(names, joined(plan, session, name), APR_HASH_KEY_STRING,
                     apr_pmemdup(plan->pool, &seq, sizeof(seq)));
}

/* @return its number, 0 if there is none */
static apr_int64_t recall(const llmq_append_plan_t *plan, apr_hash_t *names,
                          const char *session, const char *name)
{
    const apr_int64_t *seq =
        name ? apr_hash_get(names, joined(plan, session, name), APR_HASH_KEY_STRING)
             : NULL;

    return seq ? *seq : 0;
}

void llmq_store_append_plan_message(llmq_append_plan_t *plan,
                                    const llmq_append_known_t *known)
{
    remember(plan, plan->ids, known->session, known->id, known->seq);
    remember(plan, plan->keys, known->session, known->dedupe_key, known->seq);
}

static int is_theirs(const llmq_append_log_t *log, const llmq_append_t *append)
{
    return strcmp(log->tenant, append->tenant) == 0
           && (!append->owner || strcmp(log->owner, append->owner) == 0);
}

static int end(llmq_append_t *append, llmq_append_e outcome, apr_int64_t seq)
{
    append->outcome = outcome;
    append->seq = seq;
    if (outcome == LLMQ_APPEND_STORED)
        append->message.seq = seq;
    return 0;
}

static int store(llmq_append_plan_t *plan, llmq_append_log_t *log, llmq_append_t *append)
{
    const llmq_session_message_t *m = &append->message;

    log->last_seq++;
    log->last = m;
    remember(plan, plan->keys, m->session, m->dedupe_key, log->last_seq);
    remember(plan, plan->ids, m->session, m->id, log->last_seq);
    plan->accepted++;
    end(append, LLMQ_APPEND_STORED, log->last_seq);
    return 1;
}

/* What was stored before counts before the gate does: who only asks again whether his message
 * has arrived may hear so at any time. */
int llmq_store_append_plan_decide(llmq_append_plan_t *plan, llmq_append_t *append)
{
    const llmq_session_message_t *m = &append->message;
    llmq_append_log_t *log = apr_hash_get(plan->by_id, m->session, APR_HASH_KEY_STRING);
    apr_int64_t seq;

    if (!log || !is_theirs(log, append))
        return end(append, LLMQ_APPEND_NO_SESSION, 0);
    if ((seq = recall(plan, plan->ids, m->session, m->id)) != 0)
        return end(append, LLMQ_APPEND_STORED, seq);
    if ((seq = recall(plan, plan->keys, m->session, m->dedupe_key)) != 0)
        return end(append, LLMQ_APPEND_DUPLICATE, seq);
    if (!append->force && !llmq_session_admits(log->status, m->role))
        return end(append,
                   log->status == LLMQ_SESSION_CLOSED ? LLMQ_APPEND_CLOSED
                                                      : LLMQ_APPEND_LOCKED,
                   0);
    if (m->reply_to && !recall(plan, plan->ids, m->session, m->reply_to))
        return end(append, LLMQ_APPEND_NO_REPLY_TO, 0);
    return store(plan, log, append);
}
