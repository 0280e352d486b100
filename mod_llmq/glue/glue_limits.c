#include "glue/glue_limits.h"

#include "cfg/cfg.h"

#include <ap_mpm.h>

/* Half of the workers, so that as many as wait are left for everything else. */
static int default_held(void)
{
    int children = 0;
    int threads = 0;

    ap_mpm_query(AP_MPMQ_MAX_DAEMONS, &children);
    ap_mpm_query(AP_MPMQ_MAX_THREADS, &threads);
    children = children * (threads > 0 ? threads : 1) / 2;
    return children > 0 ? children : 1;
}

apr_status_t llmq_glue_limits_post_config(llmq_glue_shm_t *g, server_rec *s)
{
    const llmq_cfg_server_t *cfg = llmq_cfg_server(s);
    void *area = NULL;
    apr_status_t rv;

    rv = llmq_glue_shm_area(&area, g, "limiter", llmq_limiter_size(cfg->rate_keys));
    if (rv != APR_SUCCESS) {
        return rv;
    }
    g->limiter = llmq_limiter_init(area, cfg->rate_keys);
    rv = llmq_glue_shm_area(&area, g, "ledger", llmq_ledger_size(cfg->quota_keys));
    if (rv != APR_SUCCESS) {
        return rv;
    }
    g->ledger = llmq_ledger_init(area, cfg->quota_keys);
    rv = llmq_glue_shm_area(&area, g, "usage", llmq_usage_meter_size());
    if (rv != APR_SUCCESS) {
        return rv;
    }
    g->usage_meter = llmq_usage_meter_init(area);
    rv = llmq_glue_shm_area(&area, g, "roster", llmq_roster_size(cfg->roster.max));
    if (rv != APR_SUCCESS) {
        return rv;
    }
    g->roster = llmq_roster_init(area, cfg->roster.max, cfg->roster.timeout);
    g->n_held = cfg->max_held ? cfg->max_held : default_held();
    rv = llmq_glue_shm_area(&area, g, "held", sizeof(*g->held) * (apr_size_t)g->n_held);
    g->held = area;
    return rv;
}
