#include "dispatch/walk.h"

#include "base/log.h"
#include "queue/queue_job.h"
#include "store/store_job.h"

#define PAGE 1000 /* rows of one step */

/* A walk under way. */
typedef struct {
    llmq_queue_t *q;
    llmq_store_t *store;
    llmq_backlog_page_t page;
    int n; /* rows of the last page */
    apr_pool_t *scratch;
} walk_t;

static void entry_of_row(llmq_entry_t *e, const llmq_backlog_t *row)
{
    llmq_job_t job = {0};

    job.id = row->id;
    job.tenant = row->tenant;
    job.type = row->type;
    job.chain = row->chain;
    job.user = row->user;
    job.created_at = row->created_at;
    job.run_at = row->run_at;
    job.attempt = row->attempt;
    job.kind = row->kind;
    job.level = row->level;
    job.fair_key = row->fair_key;
    job.weight = row->weight;
    job.key_cap = row->key_cap;
    job.deadline = row->deadline;
    job.parallel = row->parallel;
    llmq_queue_job_entry(e, &job);
    e->lease_until = row->lease_until;
    e->taken_at = row->lease_until ? row->started_at : 0;
}

static apr_status_t put_page(walk_t *w)
{
    llmq_backlog_t *rows;
    llmq_entry_t *entries;
    int i;
    apr_status_t rv =
        llmq_store_job_backlog(&rows, &w->n, w->store, &w->page, w->scratch);

    if (rv != APR_SUCCESS || w->n == 0) {
        return rv;
    }
    entries = apr_palloc(w->scratch, sizeof(*entries) * (apr_size_t)w->n);
    for (i = 0; i < w->n; i++) {
        entry_of_row(&entries[i], &rows[i]);
    }
    w->page.after = rows[w->n - 1].seq;
    rv = llmq_queue_put(w->q, entries, w->n, LLMQ_PUT_WALK);
    if (rv == APR_EINVAL) {
        /* Not of this version's making; whoever wrote it must mend it. */
        LLMQ_LOG(LLMQ_LOG_ERR, 0,
                 LLMQ_NO(0714) "the database holds a message without a proper id or level"
                               " (seq up to %" APR_INT64_T_FMT "), it is passed over",
                 w->page.after);
        rv = APR_SUCCESS;
    }
    return rv;
}

apr_status_t llmq_walk_if_needed(llmq_dispatch_t *d, llmq_kind_e kind,
                                 apr_pool_t *scratch)
{
    walk_t w = {llmq_dispatch_inner_queue(d, kind),
                d->janitor_store,
                {kind, 0, PAGE},
                0,
                scratch};
    apr_status_t rv;

    if (!llmq_queue_needs_rebuild(w.q)) {
        return APR_SUCCESS;
    }
    llmq_queue_rebuild_begin(w.q);
    do {
        rv = put_page(&w);
        apr_pool_clear(scratch);
    } while (rv == APR_SUCCESS && w.n == PAGE && d->asked == LLMQ_ASKED_NOTHING);
    llmq_queue_rebuild_end(w.q, rv == APR_SUCCESS && w.n < PAGE);
    LLMQ_LOG(LLMQ_LOG_DEBUG, rv, LLMQ_NO(0712) "walked over the database's backlog");
    return rv;
}
