#include "store/store_lease_claim.h"

#include "base/json.h"
#include "store/store_job_record.h"

#include <apr_allocator.h>
#include <apr_strings.h>

#include <string.h>

#define ROW_GUESS 192

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

int llmq_store_lease_claim_note(apr_hash_t *places, const char *id, const void *place)
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
            if (!llmq_store_lease_claim_note(places, claims->ids[j], place))
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

void llmq_store_lease_claim_writer(llmq_commit_writer_t *writer,
                                   llmq_lease_orphans_t *orphans)
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
