#include "dispatch/replays.h"

#include "base/log.h"
#include "dispatch/dispatch_inner.h"
#include "store/store_idem.h"

#include <string.h>

struct llmq_replay_t {
    const char *key; /* NULL: only the row's metadata know */
    apr_int64_t claim;
    llmq_text_t text; /* of a stream: its events */
    int too_large;
    int ended; /* the text is whole */
};

static apr_size_t most(const llmq_attempt_t *a)
{
    return a->d->conf->replay_max;
}

void llmq_replays_begin(llmq_attempt_t *a, const llmq_job_t *job)
{
    llmq_completion_t asked = {0};

    if (!most(a)
        || (job->metadata
            && (llmq_completion_read(&asked, job->metadata, a->pool) != APR_SUCCESS
                || !asked.key))) {
        return;
    }
    a->replay = apr_pcalloc(a->pool, sizeof(*a->replay));
    a->replay->key = asked.key;
    a->replay->claim = asked.claim;
    llmq_text_init(&a->replay->text, 1024, a->pool);
}

void llmq_replays_hear(llmq_attempt_t *a, const char *data, apr_size_t len)
{
    llmq_replay_t *replay = a->replay;

    if (!replay || replay->too_large) {
        return;
    }
    if (replay->text.len + len > most(a)) {
        replay->too_large = 1;
        return;
    }
    llmq_completion_event_write(&replay->text, data, len);
}

/* ---- the end of a claim ---- */

/* @return the claim; NULL: there is none, or nobody knows any more */
static const llmq_idem_t *claim_of(llmq_idem_t *idem, llmq_store_t *store,
                                   const llmq_attempt_t *a, apr_pool_t *p)
{
    llmq_completion_t asked = {0};
    llmq_job_t **jobs = NULL;

    asked.key = a->replay->key;
    asked.claim = a->replay->claim;
    if (!asked.key && llmq_store_job_load(&jobs, store, &a->job.id, 1, p) == APR_SUCCESS
        && jobs[0] && jobs[0]->metadata) {
        llmq_completion_read(&asked, jobs[0]->metadata, p);
    }
    memset(idem, 0, sizeof(*idem));
    idem->scope = asked.key;
    idem->claim = asked.claim;
    return asked.key ? idem : NULL;
}

/* @return the answer as a client had it; NULL: it is too large */
static const char *text_of(llmq_attempt_t *a)
{
    const llmq_raw_t *raw = a->call.raw;
    llmq_replay_t *replay = a->replay;

    if (!raw || replay->too_large) {
        return NULL;
    }
    if (raw->body) {
        return raw->body_len <= most(a) ? raw->body : NULL;
    }
    if (!replay->ended) { /* this may be another try */
        llmq_completion_event_write(&replay->text, LLMQ_COMPLETION_DONE,
                                    strlen(LLMQ_COMPLETION_DONE));
        replay->ended = 1;
    }
    return replay->text.data;
}

static void free_key(llmq_store_t *store, const llmq_idem_t *idem, const char *id,
                     apr_pool_t *p)
{
    apr_status_t rv = llmq_store_idem_free(store, idem, p);

    if (rv != APR_SUCCESS && rv != LLMQ_ESTATE) {
        LLMQ_LOG(LLMQ_LOG_INFO, rv,
                 LLMQ_NO(0763) "msg[%s]: its idempotency key stays in use for a while",
                 id);
    }
}

static apr_status_t keep(llmq_store_t *store, llmq_attempt_t *a, apr_pool_t *p)
{
    llmq_idem_answer_t answer = {.status = 200};
    llmq_idem_t idem;
    apr_status_t rv = APR_SUCCESS;

    if (!claim_of(&idem, store, a, p)) {
        return APR_SUCCESS;
    }
    answer.body = text_of(a);
    if (answer.body) {
        rv = llmq_store_idem_settle(store, &idem, &answer, p);
    }
    if (!answer.body || rv == LLMQ_EROW) {
        free_key(store, &idem, a->job.id, p);
        return APR_SUCCESS;
    }
    return rv == LLMQ_ESTATE ? APR_SUCCESS : rv; /* the claim has run out */
}

apr_status_t llmq_replays_keep(const llmq_batch_t *batch)
{
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < batch->n && rv == APR_SUCCESS; i++) {
        if (batch->as[i]->replay && batch->o[i].status == LLMQ_STATUS_COMPLETED) {
            rv = keep(batch->store, batch->as[i], batch->p);
        }
    }
    return rv;
}

void llmq_replays_free(const llmq_batch_t *batch)
{
    llmq_idem_t idem;
    int i;

    for (i = 0; i < batch->n; i++) {
        const llmq_attempt_t *a = batch->as[i];
        const llmq_outcome_t *o = &batch->o[i];

        if (a->replay && o->accepted && o->status != LLMQ_STATUS_COMPLETED
            && llmq_job_is_final(o->status)
            && claim_of(&idem, batch->store, a, batch->p)) {
            free_key(batch->store, &idem, o->id, batch->p);
        }
    }
}
