#include "http/quota_gauge.h"

#include "base/clock.h"
#include "store/store_limit.h"

#include <apr_general.h>

#define LOOKS      25
#define LOOK_PAUSE apr_time_from_msec(2)

/* Those between the count and their commit; who dies there is forgotten with the window. */
static const llmq_ledger_conf_t accepting = {
    .limit = 1 << 30, .period = apr_time_from_sec(10), .carry = 0};

static apr_int64_t book_gauge(const llmq_service_t *service, apr_uint64_t account, int n,
                              apr_time_t now)
{
    llmq_ledger_state_t state = {.account = account};
    llmq_ledger_verdict_t verdict;

    llmq_ledger_book(&verdict, service->ledger, &accepting, account, n, now);
    if (!verdict.known) {
        llmq_ledger_seed(service->ledger, &accepting, &state, now);
        llmq_ledger_book(&verdict, service->ledger, &accepting, account, n, now);
    }
    return verdict.known ? accepting.limit - verdict.remaining : n;
}

void llmq_quota_gauge_leave(const llmq_service_t *service, apr_uint64_t account)
{
    apr_time_t now = llmq_clock_now();

    llmq_ledger_settle(service->ledger, account, -1, llmq_ledger_window(&accepting, now),
                       now);
}

/* Different for callers that come at once. */
static apr_interval_time_t some_pause(void)
{
    unsigned char chance = 0;

    apr_generate_random_bytes(&chance, sizeof(chance));
    return LOOK_PAUSE * (chance % 4 + 1);
}

/* Those that came before, until they are through, are as good as accepted. One that does
 * not fit for that alone leaves before it looks again, so that those who look do not keep
 * each other out; so does who has met somebody between his commit and his leaving. */
apr_status_t llmq_quota_gauge_enter(int *pfits, const llmq_service_t *service,
                                    apr_uint64_t account, apr_int64_t limit,
                                    apr_pool_t *p)
{
    apr_int64_t n = 0;
    apr_status_t rv;
    int i;

    for (i = 0; i < LOOKS; i++) {
        apr_int64_t coming = book_gauge(service, account, 1, llmq_clock_now());

        rv = llmq_store_limit_count(&n, service->store, account, p);
        *pfits = rv == APR_SUCCESS && n + coming <= limit;
        if (*pfits) {
            return rv;
        }
        llmq_quota_gauge_leave(service, account);
        if (rv != APR_SUCCESS || n >= limit || coming <= 1) {
            return rv;
        }
        apr_sleep(some_pause());
    }
    return APR_SUCCESS;
}
