#include "http/quota_gauge.h"

#include "base/clock.h"
#include "core/coming.h"
#include "store/store_limit.h"

#include <apr_general.h>

#define LOOKS      40 /* about a second */
#define LOOK_PAUSE apr_time_from_msec(2)

void llmq_quota_gauge_leave(const llmq_service_t *service, apr_uint64_t account,
                            apr_time_t since)
{
    llmq_coming_leave(service->ledger, account, since, llmq_clock_now());
}

/* Different for callers that come at once; longer the longer it takes. */
static apr_interval_time_t some_pause(int look)
{
    unsigned char chance = 0;

    apr_generate_random_bytes(&chance, sizeof(chance));
    return LOOK_PAUSE * (chance % 4 + 1) * (look / 4 + 1);
}

/* Those that came before, until they are through, are as good as accepted. One that does
 * not fit for that alone leaves before it looks again, so that those who look do not keep
 * each other out; so does who has met somebody between his commit and his leaving, who may
 * be slow about it. */
apr_status_t llmq_quota_gauge_enter(apr_time_t *psince, const llmq_service_t *service,
                                    apr_uint64_t account, apr_int64_t limit,
                                    apr_pool_t *p)
{
    apr_int64_t n = 0;
    apr_status_t rv;
    int i;

    *psince = 0;
    for (i = 0; i < LOOKS; i++) {
        apr_time_t now = llmq_clock_now();
        apr_int64_t coming = llmq_coming_enter(service->ledger, account, now);

        rv = llmq_store_limit_count(&n, service->store, account, p);
        if (rv == APR_SUCCESS && n + coming <= limit) {
            *psince = now;
            return rv;
        }
        llmq_quota_gauge_leave(service, account, now);
        if (rv != APR_SUCCESS || n >= limit || coming <= 1) {
            return rv;
        }
        apr_sleep(some_pause(i));
    }
    return APR_SUCCESS;
}
