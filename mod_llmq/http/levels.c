#include "http/levels.h"

apr_status_t llmq_levels_begin(llmq_text_t *t, llmq_queue_stats_t *stats,
                               const llmq_service_t *service, apr_uint64_t tenant,
                               llmq_levels_put_fn_t *put, apr_pool_t *p)
{
    apr_status_t rv = llmq_queue_tenant_stats(stats, service->queue, tenant);
    int l;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    llmq_text_init(t, 2048, p);
    LLMQ_TEXT_LIT(t, "{\"queues\":[");
    LLMQ_EACH_LEVEL (l) {
        llmq_level_e level = (llmq_level_e)l;

        if (l > LLMQ_LEVEL_REALTIME) {
            LLMQ_TEXT_LIT(t, ",");
        }
        put(t, level, &stats[l], llmq_queue_is_paused(service->queue, tenant, level));
    }
    LLMQ_TEXT_LIT(t, "]");
    return APR_SUCCESS;
}
