#include "dispatch/context.h"

#include "store/store_app_turn.h"
#include "store/store_turn.h"

#include <string.h>

/* The database looks for the newest by their numbers, which may differ from the order of the
 * answers where messages came at the same moment: so many more are looked at. */
#define MORE_TURNS 32

static int loose_turns(const llmq_chat_conf_t *conf)
{
    return conf->max_turns > 0 ? conf->max_turns + MORE_TURNS : 0;
}

/* How the database may count a turn: escaped, the six-fold, and with what a result holds
 * beside its content. It only keeps far too much from being read; the rest is cut here. */
#define LOOSE_BYTES(conf)                                                                \
    (8 * (apr_int64_t)(conf)->max_bytes + 4096 * (apr_int64_t)loose_turns(conf))

/* The turns of one message, which stand together. A turn without an answer is none. */
static int read_past(llmq_chat_past_t *past, const llmq_turn_t *turns, int n,
                     apr_pool_t *p)
{
    llmq_chat_turn_t *list = apr_palloc(p, sizeof(*list) * (apr_size_t)n);
    int i;

    past->turns = list;
    for (i = 0; i < n && strcmp(turns[i].job, turns[0].job) == 0; i++) {
        const char *answer =
            turns[i].prompt ? llmq_chat_answer(turns[i].result, p) : NULL;

        if (turns[i].context) {
            past->context = turns[i].context;
        }
        if (answer) {
            list[past->n].prompt = turns[i].prompt;
            list[past->n].answer = answer;
            past->n++;
        }
    }
    return i;
}

static llmq_chat_past_t *past_of(llmq_chat_past_t *pasts, llmq_job_t *const *jobs, int n,
                                 const char *id)
{
    int i;

    for (i = 0; i < n; i++) {
        if (jobs[i] && strcmp(jobs[i]->id, id) == 0) {
            return &pasts[i];
        }
    }
    return NULL;
}

/* Of a debug turn: as many turns as it asks for, the newest first, and the memory. */
static int read_debug(llmq_chat_past_t *past, const llmq_job_t *job,
                      const llmq_turn_t *turns, int n, apr_size_t max_bytes,
                      apr_pool_t *p)
{
    llmq_chat_turn_t *list = apr_palloc(p, sizeof(*list) * (apr_size_t)n);
    llmq_chat_conf_t conf;
    llmq_app_mark_t mark;
    int end = 0;
    int i;

    llmq_app_turn_mark(&mark, job, p);
    conf.max_turns = mark.rounds;
    conf.max_bytes = max_bytes;
    past->context = llmq_app_turn_recall(turns[0].context, p);
    past->turns = list;
    while (end < n && strcmp(turns[end].job, turns[0].job) == 0) {
        end++;
    }
    for (i = end - 1; i >= 0; i--) {
        const char *answer =
            turns[i].prompt ? llmq_chat_answer(turns[i].result, p) : NULL;

        if (answer) {
            list[past->n].prompt = turns[i].prompt;
            list[past->n++].answer = answer;
        }
    }
    llmq_chat_cut(past, &conf);
    return end;
}

static int index_of(llmq_job_t *const *jobs, int n, const char *id)
{
    int i;

    for (i = 0; i < n && !(jobs[i] && strcmp(jobs[i]->id, id) == 0); i++)
        ;
    return i;
}

static apr_status_t load_debug(llmq_chat_past_t *pasts, llmq_store_t *store,
                               llmq_job_t *const *jobs, int n, apr_size_t max_bytes,
                               apr_pool_t *p)
{
    llmq_turn_t *turns = NULL;
    int n_turns = 0;
    int i = 0;
    apr_status_t rv = llmq_store_app_turn_past(&turns, &n_turns, store, jobs, n, p);

    while (rv == APR_SUCCESS && i < n_turns) {
        int k = index_of(jobs, n, turns[i].job);

        if (k == n) {
            return APR_EGENERAL; /* the store answers only what was asked */
        }
        i += read_debug(&pasts[k], jobs[k], turns + i, n_turns - i, max_bytes, p);
    }
    return rv;
}

apr_status_t llmq_context_load(llmq_chat_past_t **ppasts, llmq_store_t *store,
                               llmq_job_t *const *jobs, int n,
                               const llmq_chat_conf_t *conf, apr_pool_t *p)
{
    llmq_chat_past_t *pasts = apr_pcalloc(p, sizeof(*pasts) * (apr_size_t)(n + 1));
    llmq_turn_t *turns = NULL;
    int n_turns = 0;
    int i = 0;
    apr_status_t rv = llmq_store_turn_load(&turns, &n_turns, store, jobs, n,
                                           loose_turns(conf), LOOSE_BYTES(conf), p);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    while (i < n_turns) {
        llmq_chat_past_t none = {0};
        llmq_chat_past_t *past = past_of(pasts, jobs, n, turns[i].job);

        past = past ? past : &none;
        i += read_past(past, turns + i, n_turns - i, p);
        llmq_chat_cut(past, conf);
    }
    *ppasts = pasts;
    return load_debug(pasts, store, jobs, n, conf->max_bytes, p);
}
