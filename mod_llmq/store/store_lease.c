#include "store/store_lease.h"

#include "base/json.h"
#include "store/store_job_record.h"
#include "store/store_lease_claim.h"

#include <apr_strings.h>

#include <string.h>

#define ROW_GUESS 256

/* ---- changes ---- */

void llmq_store_lease_init(llmq_lease_change_t *change, apr_time_t now)
{
    memset(change, 0, sizeof(*change));
    change->from = LLMQ_STATUS_PROCESSING;
    change->attempt = change->next = -1;
    change->after = now;
    change->before = APR_INT64_MAX;
    change->to = LLMQ_STATUS_PROCESSING;
    change->progress = change->retry_count = change->deliveries = -1;
    change->now = now;
}

void llmq_store_lease_follow(llmq_lease_change_t *change, const llmq_job_t *job,
                             const llmq_lease_verdict_t *verdict, const char *error)
{
    change->attempt = job->attempt;
    change->to = verdict->status;
    change->retry_count = verdict->retry_count;
    change->deliveries = verdict->deliveries;
    change->run_at = verdict->run_at;
    change->error = error;
    change->dead_letter = verdict->status == LLMQ_STATUS_FAILED;
    if (verdict->status == LLMQ_STATUS_PENDING) {
        change->next = job->attempt + 1;
        change->progress = 0; /* whoever gets it next begins anew */
    }
}

static void change_to_json(llmq_text_t *t, const llmq_lease_change_t *change,
                           const char *node)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "i", change->id);
    llmq_json_kv(t, "t", change->tenant);
    llmq_json_kv(t, "h", node);
    llmq_json_kv(t, "o", change->token);
    llmq_json_kv(t, "m", change->note);
    llmq_json_kv(t, "r", change->result);
    llmq_json_kv(t, "e", change->error);
    llmq_json_kv_int(t, "k", change->kind);
    llmq_json_kv_int(t, "f", change->from);
    llmq_json_kv_int(t, "s", change->to);
    llmq_json_kv_int(t, "a", change->attempt);
    llmq_json_kv_int(t, "b", change->next);
    llmq_json_kv_int(t, "c", change->implicit ? 0 : 1);
    llmq_json_kv_int(t, "d", change->deliveries);
    llmq_json_kv_int(t, "l", change->until);
    llmq_json_kv_int(t, "n", change->now);
    llmq_json_kv_int(t, "p", change->progress);
    llmq_json_kv_int(t, "u", change->run_at);
    llmq_json_kv_int(t, "w", change->before);
    llmq_json_kv_int(t, "x", change->after);
    llmq_json_kv_int(t, "y", change->retry_count);
    llmq_json_kv_int(t, "z", change->dead_letter ? 1 : 0);
    LLMQ_TEXT_LIT(t, "}");
}

/* What travels with a change, and comes back. */
typedef struct {
    char id[LLMQ_ID_MAX + 1];
    int accepted;
    int attempt;
    apr_time_t until;
    apr_time_t started;
    char owner[LLMQ_NAME_MAX + 1];
    char chain[LLMQ_NAME_MAX + 1];
} changed_t;

static void read_changed(changed_t *changed, const llmq_store_rows_t *rows)
{
    const char *owner = llmq_store_run_text(rows, 3);
    const char *chain = llmq_store_run_text(rows, 5);

    changed->accepted = 1;
    changed->attempt = (int)llmq_store_run_int(rows, 1);
    changed->until = llmq_store_run_int(rows, 2);
    changed->started = llmq_store_run_int(rows, 4);
    if (owner)
        apr_cpystrn(changed->owner, owner, sizeof(changed->owner));
    if (chain)
        apr_cpystrn(changed->chain, chain, sizeof(changed->chain));
}

static apr_status_t write_changes(llmq_store_t *store, const char *json,
                                  void *const *things, int n, apr_pool_t *p)
{
    apr_hash_t *places = apr_hash_make(p);
    const char *args[] = {json};
    llmq_store_rows_t rows;
    apr_status_t rv;
    int i;

    for (i = 0; i < n; i++) {
        if (!llmq_store_lease_claim_note(places, ((changed_t *)things[i])->id, things[i]))
            return LLMQ_EROW;
    }
    rv = llmq_store_run(&rows, store, LLMQ_SQL_LEASE_CHANGE, args, p);
    while (rv == APR_SUCCESS && llmq_store_run_next(&rows)) {
        changed_t *changed =
            apr_hash_get(places, llmq_store_run_text(&rows, 0), APR_HASH_KEY_STRING);

        if (changed)
            read_changed(changed, &rows);
    }
    return rv;
}

const llmq_commit_writer_t *llmq_store_lease_changes(void)
{
    static const llmq_commit_writer_t writer = {write_changes, NULL, NULL, NULL};

    return &writer;
}

static void changed_init(changed_t *changed, const llmq_lease_change_t *change)
{
    memset(changed, 0, sizeof(*changed));
    apr_cpystrn(changed->id, change->id, sizeof(changed->id));
}

static void tell(llmq_lease_change_t *change, const changed_t *changed, apr_pool_t *p)
{
    change->accepted = changed->accepted;
    change->stored_attempt = changed->attempt;
    change->stored_until = changed->until;
    change->stored_started = changed->started;
    change->stored_owner = apr_pstrdup(p, changed->owner);
    change->stored_chain = apr_pstrdup(p, changed->chain);
}

apr_status_t llmq_store_lease_change(llmq_lease_change_t *change, llmq_store_t *store,
                                     llmq_commit_t *c, apr_pool_t *p)
{
    changed_t changed;
    llmq_text_t t;
    apr_status_t rv;

    changed_init(&changed, change);
    llmq_text_init(&t, 2 * ROW_GUESS + (change->result ? strlen(change->result) : 0), p);
    change_to_json(&t, change, store->conf.node);
    rv = llmq_store_commit_write(c, t.data, t.len, &changed, sizeof(changed));
    if (rv == APR_SUCCESS)
        tell(change, &changed, p);
    return rv;
}

apr_status_t llmq_store_lease_change_all(llmq_lease_change_t *changes, int n,
                                         llmq_store_t *store, apr_pool_t *p)
{
    changed_t *changed = apr_palloc(p, sizeof(*changed) * (apr_size_t)n);
    void **things = apr_palloc(p, sizeof(*things) * (apr_size_t)n);
    llmq_text_t t;
    apr_status_t rv;
    int i;

    llmq_text_init(&t, (apr_size_t)n * 2 * ROW_GUESS, p);
    for (i = 0; i < n; i++) {
        changed_init(&changed[i], &changes[i]);
        things[i] = &changed[i];
        llmq_text_add(&t, i ? "," : "[", 1);
        change_to_json(&t, &changes[i], store->conf.node);
    }
    LLMQ_TEXT_LIT(&t, "]");
    rv = write_changes(store, t.data, things, n, p);
    for (i = 0; rv == APR_SUCCESS && i < n; i++)
        tell(&changes[i], &changed[i], p);
    return rv;
}

/* ---- look ---- */

apr_status_t llmq_store_lease_look(llmq_job_t ***pjobs, int **premoved,
                                   llmq_store_t *store, const char *const *ids, int n,
                                   apr_pool_t *p)
{
    int *removed = apr_pcalloc(p, sizeof(*removed) * (apr_size_t)n);
    llmq_job_t **jobs = apr_pcalloc(p, sizeof(*jobs) * (apr_size_t)n);
    apr_hash_t *places = apr_hash_make(p);
    llmq_store_rows_t rows;
    const char *args[1];
    llmq_text_t t;
    apr_status_t rv;
    int i;

    llmq_text_init(&t, (apr_size_t)n * (LLMQ_ID_MAX + 3) + 3, p);
    llmq_json_strings(&t, ids, n);
    args[0] = t.data;
    for (i = 0; i < n; i++)
        apr_hash_set(places, ids[i], APR_HASH_KEY_STRING, &jobs[i]);
    rv = llmq_store_run(&rows, store, LLMQ_SQL_LEASE_LOOK, args, p);
    while (rv == APR_SUCCESS && llmq_store_run_next(&rows)) {
        llmq_job_t *job = apr_palloc(p, sizeof(*job));
        llmq_job_t **place;

        llmq_store_job_record_read(job, &rows);
        place = apr_hash_get(places, job->id, APR_HASH_KEY_STRING);
        if (place) {
            *place = job;
            removed[place - jobs] =
                llmq_store_run_int(&rows, LLMQ_JOB_RECORD_COLUMNS) > 0;
        }
    }
    if (rv == APR_SUCCESS) {
        *pjobs = jobs;
        if (premoved)
            *premoved = removed;
    }
    return rv;
}
