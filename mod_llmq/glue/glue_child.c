#include "glue/glue_child.h"

#include "base/log.h"
#include "glue/glue_dbd.h"
#include "glue/glue_log.h"
#include "http/claim.h"
#include "http/claimants.h"
#include "http/park.h"
#include "http/service.h"
#include "http/shield.h"

#include <ap_mpm.h>
#include <apr_atomic.h>

#define PARTING apr_time_from_sec(1) /* for answers that are on their way at the end */

static llmq_glue_shm_t *shm;

static int dispatcher_alive(void)
{
    return apr_atomic_read32(&shm->shared->current) != 0;
}

static apr_uint32_t dispatcher_deaths(void)
{
    return apr_atomic_read32(&shm->shared->deaths);
}

/* Request threads have ended when the child's pool goes; what they handed over must be
 * committed while the pool and mod_dbd still stand. */
static apr_status_t stop_commits(void *data)
{
    llmq_service_t *service = data;

    llmq_store_commit_stop(service->commit);
    llmq_store_commit_stop(service->claims);
    llmq_store_commit_stop(service->changes);
    return APR_SUCCESS;
}

/* Before the commits: what clients did not take any more is given back. */
static apr_status_t stop_claimants(void *data)
{
    llmq_claimants_stop(data, PARTING);
    return APR_SUCCESS;
}

static apr_status_t create_claimants(llmq_service_t *service,
                                     const llmq_cfg_server_t *cfg, apr_pool_t *p)
{
    llmq_claimants_conf_t conf = {cfg->park_buffer};
    apr_status_t rv =
        llmq_stream_create(&service->streams, llmq_park_limit(cfg->max_parked), p);

    return rv == APR_SUCCESS
               ? llmq_claimants_create(&service->claimants, service, &conf, p)
               : rv;
}

static int is_threaded(void)
{
    int threaded = 0;

    return ap_mpm_query(AP_MPMQ_IS_THREADED, &threaded) == APR_SUCCESS
           && threaded != AP_MPMQ_NOT_SUPPORTED;
}

static apr_status_t create_committers(llmq_service_t *service,
                                      const llmq_commit_conf_t *conf, apr_pool_t *p)
{
    llmq_commit_writer_t inserts = {llmq_store_commit_insert, llmq_service_committed,
                                    llmq_service_dropped, service};
    llmq_lease_orphans_t *orphans = apr_palloc(p, sizeof(*orphans));
    llmq_commit_writer_t claims;
    int threaded = is_threaded();
    apr_status_t rv = llmq_store_commit_create(&service->commit, service->store, conf,
                                               &inserts, threaded, p);

    orphans->fn = llmq_claim_return;
    orphans->ctx = service;
    llmq_store_lease_claims(&claims, orphans);
    if (rv == APR_SUCCESS) {
        rv = llmq_store_commit_create(&service->claims, service->store, conf, &claims,
                                      threaded, p);
    }
    return rv == APR_SUCCESS
               ? llmq_store_commit_create(&service->changes, service->store, conf,
                                          llmq_store_lease_changes(), threaded, p)
               : rv;
}

static apr_status_t create_service(llmq_service_t *service, const llmq_store_conf_t *conf,
                                   server_rec *s, apr_pool_t *p)
{
    const llmq_cfg_server_t *cfg = llmq_cfg_server(s);
    llmq_store_source_t source;
    apr_status_t rv;

    service->queue = shm->messages.queue;
    service->tasks = shm->tasks.queue;
    service->board = shm->board;
    service->backends = (const llmq_backend_conf_t *const *)(void *)cfg->backends->elts;
    service->n_backends = cfg->backends->nelts;
    service->lease.max_deliveries = cfg->max_deliveries;
    service->lease.retry = cfg->retry;
    service->chat = &cfg->chat;
    service->started_at = shm->started_at;
    service->has_dispatcher = cfg->dispatcher;
    service->dispatcher_alive = dispatcher_alive;
    service->dispatcher_deaths = dispatcher_deaths;
    service->limiter = shm->limiter;
    service->roster = shm->roster;
    service->worker_timeout = cfg->roster.timeout;
    service->held = shm->held;
    service->n_held = shm->n_held;
    if (cfg->redis.host || cfg->redis.path) {
        llmq_redis_create(&service->redis, &cfg->redis, p);
    }
    rv = llmq_glue_shm_attach(shm, p);
    if (rv == APR_SUCCESS) {
        rv = create_claimants(service, cfg, p);
    }
    if (rv == APR_SUCCESS) {
        rv = llmq_glue_dbd_source(&source, s);
    }
    if (rv == APR_SUCCESS) {
        rv = llmq_store_create(&service->store, &source, conf, p);
    }
    if (rv == APR_SUCCESS) {
        rv = llmq_keycache_create(&service->keys, cfg->key_cache, p);
    }
    return rv == APR_SUCCESS ? create_committers(service, &cfg->commit, p) : rv;
}

void llmq_glue_child_init(llmq_glue_shm_t *g, const llmq_store_conf_t *store,
                          server_rec *s, apr_pool_t *p)
{
    llmq_service_t *service = apr_pcalloc(p, sizeof(*service));
    apr_status_t rv;

    shm = g;
    llmq_glue_log_attach(s);
    rv = create_service(service, store, s, p);
    if (rv != APR_SUCCESS) {
        LLMQ_LOG(
            LLMQ_LOG_ERR, rv,
            LLMQ_NO(0809) "this child cannot serve the queue, its requests get 2003");
        return;
    }
    apr_pool_pre_cleanup_register(p, service, stop_commits);
    apr_pool_pre_cleanup_register(p, service->claimants, stop_claimants);
    llmq_shield_init(is_threaded());
    llmq_service_set(service);
}
