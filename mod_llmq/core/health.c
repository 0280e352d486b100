#include "core/health.h"

/* Pauses of a backend that cannot be reached. */
#define AWAY_FIRST apr_time_from_sec(1)
#define AWAY_MAX   apr_time_from_sec(30)

static const char *const names[] = {
    [LLMQ_HEALTH_HEALTHY] = "healthy",
    [LLMQ_HEALTH_EJECTED] = "ejected",
    [LLMQ_HEALTH_HALF_OPEN] = "half_open",
};
_Static_assert(sizeof(names) / sizeof(names[0]) == LLMQ_HEALTH_STATE_COUNT,
               "a word for each state");

llmq_health_state_e llmq_health_state(const llmq_health_t *h, apr_time_t now)
{
    if (h->cause == LLMQ_HEALTH_CAUSE_NONE) {
        return LLMQ_HEALTH_HEALTHY;
    }
    return h->until > now ? LLMQ_HEALTH_EJECTED : LLMQ_HEALTH_HALF_OPEN;
}

const char *llmq_health_name(llmq_health_state_e state)
{
    return (unsigned)state < LLMQ_HEALTH_STATE_COUNT ? names[state] : "unknown";
}

int llmq_health_limit(const llmq_health_t *h, apr_time_t now)
{
    llmq_health_state_e state = llmq_health_state(h, now);

    if (state == LLMQ_HEALTH_HEALTHY) {
        return -1;
    }
    return state == LLMQ_HEALTH_HALF_OPEN && !h->trying;
}

int llmq_health_begin(llmq_health_t *h)
{
    if (h->cause == LLMQ_HEALTH_CAUSE_NONE) {
        return 0;
    }
    h->trying = 1;
    return 1;
}

llmq_health_event_e llmq_health_event(const llmq_failure_t *failure)
{
    if (!failure) {
        return LLMQ_HEALTH_OK;
    }
    if (failure->ours) {
        return LLMQ_HEALTH_NOTHING;
    }
    switch (failure->kind) {
    case LLMQ_FAILURE_UNREACHABLE: return LLMQ_HEALTH_UNREACHABLE;
    case LLMQ_FAILURE_REQUEST: return LLMQ_HEALTH_NOTHING;
    case LLMQ_FAILURE_STATUS:
        if (failure->http_status < 500) {
            return LLMQ_HEALTH_OK;
        }
        return failure->retry_after > 0 ? LLMQ_HEALTH_NOTHING : LLMQ_HEALTH_FAILED;
    case LLMQ_FAILURE_CONNECT:
    case LLMQ_FAILURE_TIMEOUT:
    case LLMQ_FAILURE_PROTOCOL: break;
    }
    return LLMQ_HEALTH_FAILED;
}

/* Back in service. Failures are forgotten only by a success: whoever is reachable again
 * and still fails is ejected at once. */
static llmq_health_news_e close_circuit(llmq_health_t *h)
{
    h->cause = LLMQ_HEALTH_CAUSE_NONE;
    h->pause = 0;
    h->until = 0;
    return LLMQ_HEALTH_NEWS_BACK;
}

static llmq_health_news_e open_circuit(llmq_health_t *h, llmq_health_cause_e cause,
                                       apr_interval_time_t first,
                                       apr_interval_time_t longest, apr_time_t now)
{
    int again = h->cause == cause;

    h->pause = again ? h->pause * 2 : first;
    if (h->pause > longest) {
        h->pause = longest;
    }
    h->until = now + h->pause;
    h->cause = cause;
    if (again) {
        return LLMQ_HEALTH_NEWS_NONE;
    }
    return cause == LLMQ_HEALTH_CAUSE_UNREACHABLE ? LLMQ_HEALTH_NEWS_AWAY
                                                  : LLMQ_HEALTH_NEWS_EJECTED;
}

static llmq_health_news_e go_away(llmq_health_t *h, apr_time_t now)
{
    return open_circuit(h, LLMQ_HEALTH_CAUSE_UNREACHABLE, AWAY_FIRST, AWAY_MAX, now);
}

static void count_failure(llmq_health_t *h, const llmq_health_conf_t *conf)
{
    h->failures += h->failures < conf->max_failures;
}

static int too_many(const llmq_health_t *h, const llmq_health_conf_t *conf)
{
    return conf->max_failures > 0 && h->failures >= conf->max_failures;
}

static llmq_health_news_e fail(llmq_health_t *h, const llmq_health_conf_t *conf,
                               int others, apr_time_t now)
{
    count_failure(h, conf);
    if (too_many(h, conf) && others) {
        return open_circuit(h, LLMQ_HEALTH_CAUSE_FAILING, conf->cooldown, conf->longest,
                            now);
    }
    return h->cause != LLMQ_HEALTH_CAUSE_NONE ? close_circuit(h) : LLMQ_HEALTH_NEWS_NONE;
}

static llmq_health_news_e apply(llmq_health_t *h, const llmq_health_conf_t *conf,
                                llmq_health_event_e event, int others, apr_time_t now)
{
    if (event == LLMQ_HEALTH_UNREACHABLE) {
        return go_away(h, now);
    }
    if (event == LLMQ_HEALTH_FAILED) {
        return fail(h, conf, others, now);
    }
    if (event != LLMQ_HEALTH_OK) {
        return LLMQ_HEALTH_NEWS_NONE;
    }
    h->failures = 0;
    return h->cause != LLMQ_HEALTH_CAUSE_NONE ? close_circuit(h) : LLMQ_HEALTH_NEWS_NONE;
}

llmq_health_news_e llmq_health_end(llmq_health_t *h, const llmq_health_conf_t *conf,
                                   llmq_health_event_e event, int trial, int others,
                                   apr_time_t now)
{
    if (trial) {
        h->trying = 0;
    }
    if (!trial && h->cause != LLMQ_HEALTH_CAUSE_NONE) {
        return LLMQ_HEALTH_NEWS_NONE;
    }
    return apply(h, conf, event, others, now);
}

llmq_health_news_e llmq_health_checked(llmq_health_t *h, const llmq_health_conf_t *conf,
                                       llmq_health_event_e event, int others,
                                       apr_time_t now)
{
    int bad = event == LLMQ_HEALTH_FAILED || event == LLMQ_HEALTH_UNREACHABLE;

    if (h->cause == LLMQ_HEALTH_CAUSE_NONE) {
        return bad ? apply(h, conf, event, others, now) : LLMQ_HEALTH_NEWS_NONE;
    }
    if (event == LLMQ_HEALTH_OK && h->cause == LLMQ_HEALTH_CAUSE_UNREACHABLE) {
        return close_circuit(h);
    }
    if (event == LLMQ_HEALTH_OK && h->until > now) {
        h->until = now;
    }
    else if (bad && others && !h->trying) {
        h->until = now + h->pause; /* it stays away; only trials make the pauses grow */
    }
    return LLMQ_HEALTH_NEWS_NONE;
}
