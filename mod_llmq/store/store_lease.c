#include "store/store_lease.h"

#include "base/json.h"
#include "store/store_job_record.h"

#include <apr_allocator.h>
#include <apr_hash.h>
#include <apr_strings.h>

#include <string.h>

#define ROW_GUESS 256

/* ------------------------------------------------------------------------------------- claims */

/* What travels with the rows of one call. All it holds is in a pool of its own, because the
 * committer may fill it in when its caller has long gone. */
typedef struct {
    apr_pool_t *pool;
    char **ids;
    llmq_job_t **jobs; /* beside the ids; NULL until it is given */
    int n;
} claims_t;

/* Where a row belongs. */
typedef struct {
    claims_t *claims;
    int i;
} place_t;

static const char *copy(const char *text, apr_pool_t *p)
{
    return text ? apr_pstrdup(p, text) : NULL;
}

/* The rows go with the transaction's pool. */
static llmq_job_t *keep(const llmq_job_t *from, apr_pool_t *p)
{
    llmq_job_t *job = apr_pmemdup(p, from, sizeof(*job));

    job->id = copy(from->id, p);
    job->tenant = copy(from->tenant, p);
    job->node = copy(from->node, p);
    job->owner = copy(from->owner, p);
    job->chain = copy(from->chain, p);
    job->user = copy(from->user, p);
    job->payload =
        from->payload ? apr_pmemdup(p, from->payload, from->payload_len + 1) : NULL;
    job->metadata = copy(from->metadata, p);
    job->result = copy(from->result, p);
    job->error = copy(from->error, p);
    job->type = copy(from->type, p);
    job->note = copy(from->note, p);
    job->lease_token = copy(from->lease_token, p);
    job->callback = copy(from->callback, p);
    return job;
}

/* Two rows of one job in one statement would leave one of them unwritten, and its caller
 * would hear what became of the other: such a batch is refused, so that it is halved until
 * they are apart. @return non-zero if there was none of this id yet */
static int remember(apr_hash_t *places, const char *id, const void *place)
{
    if (apr_hash_get(places, id, APR_HASH_KEY_STRING))
        return 0;
    apr_hash_set(places, id, APR_HASH_KEY_STRING, place);
    return 1;
}

static int index_claims(apr_hash_t *places, void *const *things, int n, apr_pool_t *p)
{
    int i, j;

    for (i = 0; i < n; i++) {
        claims_t *claims = things[i];

        for (j = 0; j < claims->n; j++) {
            place_t *place = apr_palloc(p, sizeof(*place));

            place->claims = claims;
            place->i = j;
            if (!remember(places, claims->ids[j], place))
                return 0;
        }
    }
    return 1;
}

static apr_status_t write_claims(llmq_store_t *store, const char *json,
                                 void *const *things, int n, apr_pool_t *p)
{
    apr_hash_t *places = apr_hash_make(p);
    const char *args[] = {json};
    llmq_store_rows_t rows;
    apr_status_t rv;

    if (!index_claims(places, things, n, p))
        return LLMQ_EROW;
    rv = llmq_store_run(&rows, store, LLMQ_SQL_LEASE_CLAIM, args, p);
    while (rv == APR_SUCCESS && llmq_store_run_next(&rows)) {
        llmq_job_t job;
        place_t *place;

        llmq_store_job_record_read(&job, &rows);
        place = apr_hash_get(places, job.id, APR_HASH_KEY_STRING);
        if (place)
            place->claims->jobs[place->i] = keep(&job, place->claims->pool);
    }
    return rv;
}

static int any_given(const claims_t *claims)
{
    int i;

    for (i = 0; i < claims->n; i++) {
        if (claims->jobs[i])
            return 1;
    }
    return 0;
}

static void drop_claims(void *ctx, void *thing)
{
    const llmq_lease_orphans_t *orphans = ctx;
    claims_t *claims = thing;

    if (orphans && any_given(claims))
        orphans->fn(orphans->ctx, claims->jobs, claims->n, claims->pool);
    apr_pool_destroy(claims->pool);
}

void llmq_store_lease_claims(llmq_commit_writer_t *writer, llmq_lease_orphans_t *orphans)
{
    writer->write = write_claims;
    writer->done = NULL;
    writer->drop = drop_claims;
    writer->ctx = orphans;
}

static apr_status_t claims_create(claims_t *claims, const llmq_lease_claim_t *from, int n)
{
    apr_allocator_t *allocator;
    apr_status_t rv = apr_allocator_create(&allocator);
    int i;

    if (rv != APR_SUCCESS)
        return rv;
    rv = apr_pool_create_unmanaged_ex(&claims->pool, NULL, allocator);
    if (rv != APR_SUCCESS) {
        apr_allocator_destroy(allocator);
        return rv;
    }
    apr_allocator_owner_set(allocator, claims->pool);
    claims->ids = apr_palloc(claims->pool, sizeof(*claims->ids) * (apr_size_t)n);
    claims->jobs = apr_pcalloc(claims->pool, sizeof(*claims->jobs) * (apr_size_t)n);
    claims->n = n;
    for (i = 0; i < n; i++)
        claims->ids[i] = apr_pstrdup(claims->pool, from[i].id);
    return APR_SUCCESS;
}

static void claim_to_json(llmq_text_t *t, const llmq_lease_claim_t *claim)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "i", claim->id);
    llmq_json_kv(t, "t", claim->tenant);
    llmq_json_kv(t, "o", claim->owner);
    llmq_json_kv(t, "k", claim->token);
    llmq_json_kv_int(t, "a", claim->attempt);
    llmq_json_kv_int(t, "n", claim->now);
    llmq_json_kv_int(t, "l", claim->until);
    llmq_json_kv_int(t, "c", 1);
    LLMQ_TEXT_LIT(t, "}");
}

static apr_status_t destroy_pool(void *data)
{
    apr_pool_destroy(data);
    return APR_SUCCESS;
}

apr_status_t llmq_store_lease_claim(llmq_job_t ***pjobs, llmq_commit_t *c,
                                    const llmq_lease_claim_t *from, int n, apr_pool_t *p)
{
    claims_t claims;
    llmq_text_t t;
    apr_status_t rv = claims_create(&claims, from, n);
    int i;

    if (rv != APR_SUCCESS)
        return rv;
    llmq_text_init(&t, (apr_size_t)n * ROW_GUESS, p);
    for (i = 0; i < n; i++) {
        if (i)
            LLMQ_TEXT_LIT(&t, ",");
        claim_to_json(&t, &from[i]);
    }
    rv = llmq_store_commit_write(c, t.data, t.len, &claims, sizeof(claims));
    if (rv != APR_SUCCESS)
        return rv;
    apr_pool_cleanup_register(p, claims.pool, destroy_pool, apr_pool_cleanup_null);
    *pjobs = claims.jobs;
    return APR_SUCCESS;
}

/* ------------------------------------------------------------------------------------ changes */

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
} changed_t;

static apr_status_t write_changes(llmq_store_t *store, const char *json,
                                  void *const *things, int n, apr_pool_t *p)
{
    apr_hash_t *places = apr_hash_make(p);
    const char *args[] = {json};
    llmq_store_rows_t rows;
    apr_status_t rv;
    int i;

    for (i = 0; i < n; i++) {
        if (!remember(places, ((changed_t *)things[i])->id, things[i]))
            return LLMQ_EROW;
    }
    rv = llmq_store_run(&rows, store, LLMQ_SQL_LEASE_CHANGE, args, p);
    while (rv == APR_SUCCESS && llmq_store_run_next(&rows)) {
        changed_t *changed =
            apr_hash_get(places, llmq_store_run_text(&rows, 0), APR_HASH_KEY_STRING);

        if (changed) {
            changed->accepted = 1;
            changed->attempt = (int)llmq_store_run_int(&rows, 1);
            changed->until = llmq_store_run_int(&rows, 2);
            changed->started = llmq_store_run_int(&rows, 4);
            if (llmq_store_run_text(&rows, 3))
                apr_cpystrn(changed->owner, llmq_store_run_text(&rows, 3),
                            sizeof(changed->owner));
        }
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

/* --------------------------------------------------------------------------------------- look */

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
