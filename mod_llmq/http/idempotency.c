#include "http/idempotency.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "cfg/cfg.h"
#include "core/digest.h"
#include "http/body.h"

#include <apr_strings.h>
#include <http_log.h>

APLOG_USE_MODULE(llmq);

#define CLAIM_KEY   "llmq_idempotency"
#define MAX_KEY     255
#define LEASE_SLACK apr_time_from_sec(5) /* beyond the store's own timeout */

/* The claim of a request; hangs on its pool. */
typedef struct {
    llmq_idem_t idem;
    const llmq_service_t *service;
    apr_time_t renewed_at;
    int settled;
} claim_t;

static claim_t *claim_of(request_rec *r)
{
    void *claim = NULL;

    apr_pool_userdata_get(&claim, CLAIM_KEY, r->pool);
    return claim;
}

const char *llmq_idempotency_id(request_rec *r, const char *prefix, const char *id)
{
    const claim_t *claim = claim_of(r);

    return claim ? apr_pstrcat(r->pool, prefix, claim->idem.object, NULL) : id;
}

int llmq_idempotency_is_again(request_rec *r)
{
    const claim_t *claim = claim_of(r);

    return claim && claim->idem.again;
}

/* ---- the end of a try ---- */

static void log_trouble(request_rec *r, apr_status_t rv)
{
    if (rv != APR_SUCCESS) {
        /* The next try makes the same object, or the lease runs out first. */
        ap_log_rerror(APLOG_MARK, APLOG_INFO, rv == LLMQ_ESTATE ? 0 : rv, r,
                      LLMQ_NO(0250) "the answer to an idempotent request is not kept%s",
                      rv == LLMQ_ESTATE ? ": its lease was over" : "");
    }
}

/* Who was refused may mend the request and use the key again, unless an earlier try left
 * something behind that only this key leads to. */
static int is_free(const claim_t *claim, int status)
{
    return status >= 400 && status < 500 && status != HTTP_REQUEST_TIME_OUT
           && !claim->idem.again;
}

void llmq_idempotency_settle(request_rec *r, int status, const char *body)
{
    claim_t *claim = claim_of(r);
    llmq_idem_answer_t answer;
    apr_status_t rv;

    if (!claim || claim->settled) {
        return;
    }
    claim->settled = 1;
    answer.status = status;
    answer.body = body;
    answer.location = apr_table_get(r->headers_out, "Location");
    rv = is_free(claim, status)
             ? llmq_store_idem_free(claim->service->store, &claim->idem, r->pool)
             : llmq_store_idem_settle(claim->service->store, &claim->idem,
                                      status < 300 ? &answer : NULL, r->pool);
    log_trouble(r, rv);
}

void llmq_idempotency_renew(request_rec *r)
{
    claim_t *claim = claim_of(r);
    apr_time_t now = llmq_clock_now();

    if (claim && !claim->settled && now - claim->renewed_at > claim->idem.lease / 3) {
        claim->renewed_at = now;
        log_trouble(
            r, llmq_store_idem_renew(claim->service->store, &claim->idem, now, r->pool));
    }
}

/* ---- an answer that others keep ---- */

apr_status_t llmq_idempotency_lend(const char **pscope, apr_int64_t *pclaim,
                                   request_rec *r, apr_interval_time_t lease)
{
    claim_t *claim = claim_of(r);

    *pscope = claim ? claim->idem.scope : NULL;
    *pclaim = claim ? claim->idem.claim : 0;
    if (!claim) {
        return APR_SUCCESS;
    }
    claim->idem.lease = lease;
    return llmq_store_idem_renew(claim->service->store, &claim->idem, llmq_clock_now(),
                                 r->pool);
}

void llmq_idempotency_hand_over(request_rec *r)
{
    claim_t *claim = claim_of(r);

    if (claim) {
        claim->settled = 1;
    }
}

/* ---- the beginning ---- */

static apr_status_t check_key(const char *key, llmq_result_t *why)
{
    apr_size_t len = strlen(key);
    apr_size_t i;

    for (i = 0; i < len && key[i] > ' ' && key[i] <= '~'; i++)
        ;
    if (len == 0 || len > MAX_KEY || i < len) {
        return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, "Idempotency-Key",
                               "must be 1 to 255 visible ASCII characters");
    }
    return APR_SUCCESS;
}

static apr_status_t identify(llmq_idem_t *idem, request_rec *r, const char *key,
                             llmq_result_t *why)
{
    const llmq_digest_part_t scope[] = {
        LLMQ_DIGEST_TEXT(llmq_cfg_tenant(llmq_cfg_dir(r))), LLMQ_DIGEST_TEXT(r->user),
        LLMQ_DIGEST_TEXT(r->method), LLMQ_DIGEST_TEXT(r->uri), LLMQ_DIGEST_TEXT(key)};
    llmq_digest_part_t body;
    const char *data;
    apr_status_t rv = check_key(key, why);

    if (rv != APR_SUCCESS
        || (rv = llmq_body_read(&data, &body.len, r, why)) != APR_SUCCESS) {
        return rv;
    }
    body.data = data;
    idem->scope = llmq_digest_hex(scope, sizeof(scope) / sizeof(scope[0]), r->pool);
    idem->request = llmq_digest_hex(&body, 1, r->pool);
    return idem->scope && idem->request ? APR_SUCCESS : APR_EGENERAL;
}

static claim_t *create_claim(request_rec *r, const llmq_service_t *service)
{
    claim_t *claim = apr_pcalloc(r->pool, sizeof(*claim));

    claim->service = service;
    claim->idem.object = llmq_id_create("", r->pool);
    claim->idem.now = claim->renewed_at = llmq_clock_now();
    claim->idem.lease = llmq_store_conf(service->store)->timeout + LEASE_SLACK;
    claim->idem.ttl = llmq_cfg_idempotency_ttl(llmq_cfg_dir(r));
    return claim;
}

apr_status_t llmq_idempotency_claim(llmq_idem_answer_t *answer, request_rec *r,
                                    const llmq_service_t *service, const char *key,
                                    llmq_result_t *why)
{
    claim_t *claim = create_claim(r, service);
    apr_status_t rv = identify(&claim->idem, r, key, why);

    if (rv == APR_SUCCESS) {
        rv = llmq_store_idem_claim(&claim->idem, answer, service->store, r->pool);
    }
    if (rv == APR_SUCCESS) {
        apr_pool_userdata_setn(claim, CLAIM_KEY, NULL, r->pool);
    }
    return rv;
}
