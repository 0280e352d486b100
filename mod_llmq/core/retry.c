#include "core/retry.h"

#define CHANCE_MAX 0xFFFF

/* A backend must not be able to put work off for ever. */
#define RETRY_AFTER_MAX apr_time_from_sec(24 * 3600)

static int is_final_status(int http_status)
{
    switch (http_status) {
    case 408:
    case 409:
    case 425:
    case 429: return 0;
    default: return http_status >= 400 && http_status < 500;
    }
}

static int is_final(const llmq_failure_t *failure)
{
    if (failure->kind == LLMQ_FAILURE_STATUS)
        return is_final_status(failure->http_status);
    return failure->kind == LLMQ_FAILURE_REQUEST;
}

/* base × 2^n without overflow: the doubling stops where the next step would pass max. */
static apr_interval_time_t full_delay(const llmq_retry_conf_t *conf, int n)
{
    apr_interval_time_t delay = conf->base;
    int i;

    for (i = 0; i < n && delay <= conf->max / 2; i++)
        delay *= 2;
    return i < n || delay > conf->max ? conf->max : delay;
}

/* Half is fixed, the other half grows with chance. The division comes first in part, so
 * that no delay can overflow. */
static apr_interval_time_t jittered(apr_interval_time_t delay, unsigned int chance)
{
    apr_interval_time_t half = delay / 2;
    apr_interval_time_t share = chance & CHANCE_MAX;

    return delay - half + half / CHANCE_MAX * share
           + half % CHANCE_MAX * share / CHANCE_MAX;
}

static apr_interval_time_t lower_bound(apr_interval_time_t retry_after)
{
    return retry_after < RETRY_AFTER_MAX ? retry_after : RETRY_AFTER_MAX;
}

int llmq_retry_is_final(const llmq_failure_t *failure)
{
    return is_final(failure);
}

void llmq_retry_decide(llmq_verdict_t *verdict, const llmq_retry_conf_t *conf,
                       const llmq_failure_t *failure, const llmq_job_t *job,
                       apr_time_t now, unsigned int chance)
{
    apr_interval_time_t delay, least;

    verdict->run_at = 0;
    verdict->counts = 0;
    if (failure->kind == LLMQ_FAILURE_UNREACHABLE) {
        verdict->status = LLMQ_STATUS_PENDING;
        verdict->run_at = now;
        return;
    }
    if (is_final(failure) || job->retry_count >= job->max_retries) {
        verdict->status = failure->kind == LLMQ_FAILURE_TIMEOUT ? LLMQ_STATUS_TIMEOUT
                                                                : LLMQ_STATUS_FAILED;
        return;
    }
    delay = jittered(full_delay(conf, job->retry_count), chance);
    least = lower_bound(failure->retry_after);
    verdict->status = LLMQ_STATUS_PENDING;
    verdict->counts = 1;
    if (failure->elsewhere) {
        verdict->run_at = now;
        return;
    }
    verdict->run_at = now + (delay > least ? delay : least);
}

void llmq_retry_notice(llmq_verdict_t *verdict, const llmq_retry_notice_t *conf,
                       const llmq_failure_t *failure, int tries, apr_time_t now,
                       unsigned int chance)
{
    apr_interval_time_t delay = jittered(full_delay(&conf->delay, tries - 1), chance);
    apr_interval_time_t least = lower_bound(failure->retry_after);

    verdict->counts = 1;
    verdict->run_at = 0;
    if (failure->kind == LLMQ_FAILURE_REQUEST || failure->http_status == 410
        || tries > conf->max) {
        verdict->status = LLMQ_STATUS_FAILED;
        return;
    }
    verdict->status = LLMQ_STATUS_PENDING;
    verdict->run_at = now + (delay > least ? delay : least);
}
