#include "core/lease.h"

#include <apr_general.h>
#include <apr_strings.h>

#include <string.h>

#define RANDOM_BYTES 16
#define BASE32_CHARS 26 /* of 128 bits */
#define PREFIX       "lease_"
#define PREFIX_OWN   "own_"

static void give_up(llmq_lease_verdict_t *v)
{
    v->status = LLMQ_STATUS_FAILED;
    v->run_at = 0;
}

static void again(llmq_lease_verdict_t *v, apr_time_t run_at)
{
    v->status = LLMQ_STATUS_PENDING;
    v->run_at = run_at;
}

/* The rule for attempts of backends holds for those of workers. */
static void apply_retry_rule(llmq_lease_verdict_t *v, const llmq_lease_conf_t *conf,
                             const llmq_lease_end_t *end, const llmq_job_t *job,
                             apr_time_t now, unsigned int chance)
{
    llmq_failure_t failure = {
        .kind = end->how == LLMQ_LEASE_TIMED_OUT ? LLMQ_FAILURE_TIMEOUT
                : end->final                     ? LLMQ_FAILURE_REQUEST
                                                 : LLMQ_FAILURE_PROTOCOL,
        .retry_after = end->retry_after,
    };
    llmq_verdict_t verdict;

    llmq_retry_decide(&verdict, &conf->retry, &failure, job, now, chance);
    if (verdict.status != LLMQ_STATUS_PENDING) {
        give_up(v);
        return;
    }
    again(v, verdict.run_at);
    v->retry_count += verdict.counts ? 1 : 0;
}

void llmq_lease_decide(llmq_lease_verdict_t *verdict, const llmq_lease_conf_t *conf,
                       const llmq_lease_end_t *end, const llmq_job_t *job, apr_time_t now,
                       unsigned int chance)
{
    memset(verdict, 0, sizeof(*verdict));
    verdict->retry_count = job->retry_count;
    verdict->deliveries = job->deliveries;
    switch (end->how) {
    case LLMQ_LEASE_RELEASED:
        again(verdict, now);
        verdict->deliveries -= job->deliveries > 0 ? 1 : 0;
        break;
    case LLMQ_LEASE_EXPIRED:
        verdict->poison = job->deliveries - job->retry_count >= conf->max_deliveries;
        if (verdict->poison) {
            give_up(verdict);
        }
        else {
            again(verdict, now);
        }
        break;
    case LLMQ_LEASE_FAILED:
    case LLMQ_LEASE_TIMED_OUT:
        apply_retry_rule(verdict, conf, end, job, now, chance);
        break;
    }
}

static int has_limit(const llmq_job_t *job)
{
    return job->kind == LLMQ_KIND_TASK && job->timeout > 0;
}

llmq_lease_end_e llmq_lease_silence(const llmq_job_t *job, apr_time_t now)
{
    if (llmq_lease_is_implicit(job->lease_token)
        || (has_limit(job) && job->started_at + job->timeout <= now)) {
        return LLMQ_LEASE_TIMED_OUT;
    }
    return LLMQ_LEASE_EXPIRED;
}

apr_time_t llmq_lease_until(const llmq_job_t *job, apr_interval_time_t lease,
                            apr_time_t now)
{
    apr_time_t until = now + lease;
    apr_time_t limit = job->started_at + job->timeout;

    if (!has_limit(job)) {
        return until;
    }
    if (llmq_lease_is_implicit(job->lease_token)) {
        return now + job->timeout;
    }
    return until < limit ? until : limit;
}

const char *llmq_lease_token(int implicit, apr_pool_t *p)
{
    static const char digits[] = "0123456789abcdefghjkmnpqrstvwxyz";
    unsigned char bytes[RANDOM_BYTES + 1] = {0};
    char text[BASE32_CHARS + 1];
    int i;

    if (apr_generate_random_bytes(bytes, RANDOM_BYTES) != APR_SUCCESS) {
        return NULL;
    }
    for (i = 0; i < BASE32_CHARS; i++) {
        unsigned at = (unsigned)i * 5;
        unsigned pair = (unsigned)bytes[at / 8] << 8 | bytes[at / 8 + 1];

        text[i] = digits[pair >> (11 - at % 8) & 31];
    }
    text[BASE32_CHARS] = '\0';
    return apr_pstrcat(p, implicit ? PREFIX_OWN : PREFIX, text, NULL);
}

int llmq_lease_is_implicit(const char *token)
{
    return token && strncmp(token, PREFIX_OWN, sizeof(PREFIX_OWN) - 1) == 0;
}

int llmq_lease_is_held(const llmq_job_t *job)
{
    return job->status == LLMQ_STATUS_PROCESSING && job->lease_until > 0;
}
