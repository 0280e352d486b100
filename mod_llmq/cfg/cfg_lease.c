/* Directives of leases: what workers outside may have, and for how long. */
#include "cfg/cfg_set.h"

#include "cfg/cfg_parse.h"

#define MIN_LEASE      apr_time_from_sec(1)
#define MAX_LEASE      apr_time_from_sec(7 * 86400)
#define MAX_CLAIM      1000
#define MAX_DELIVERIES 1000

#define USUAL_LEASE     apr_time_from_sec(60)
#define USUAL_MAX_LEASE apr_time_from_sec(3600)
#define USUAL_CLAIM     100

const char *llmq_cfg_lease_set_deliveries(cmd_parms *cmd, void *dummy, const char *arg)
{
    const char *err = llmq_cfg_parse_global(cmd);
    apr_int64_t n = 0;

    (void)dummy;
    if (!err && !(err = llmq_cfg_parse_number(&n, cmd, arg, 1, MAX_DELIVERIES))) {
        llmq_cfg_parse_server(cmd)->max_deliveries = (int)n;
    }
    return err;
}

const char *llmq_cfg_lease_set_time(cmd_parms *cmd, void *dir, const char *arg)
{
    return llmq_cfg_parse_duration(LLMQ_CFG_AT(apr_interval_time_t, dir, cmd), cmd, arg,
                                   MIN_LEASE, MAX_LEASE);
}

const char *llmq_cfg_lease_set_limit(cmd_parms *cmd, void *dir, const char *arg)
{
    apr_int64_t n = 0;
    const char *err = llmq_cfg_parse_number(&n, cmd, arg, 1, MAX_CLAIM);

    if (!err) {
        ((llmq_cfg_dir_t *)dir)->claim_limit = (int)n;
    }
    return err;
}

apr_interval_time_t llmq_cfg_lease_max(const llmq_cfg_dir_t *dir)
{
    return dir->max_lease >= 0 ? dir->max_lease : USUAL_MAX_LEASE;
}

apr_interval_time_t llmq_cfg_lease_usual(const llmq_cfg_dir_t *dir)
{
    apr_interval_time_t lease = dir->lease >= 0 ? dir->lease : USUAL_LEASE;
    apr_interval_time_t most = llmq_cfg_lease_max(dir);

    return lease < most ? lease : most;
}

int llmq_cfg_lease_claim_limit(const llmq_cfg_dir_t *dir)
{
    return dir->claim_limit >= 0 ? dir->claim_limit : USUAL_CLAIM;
}
