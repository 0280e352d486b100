#include "glue/glue_child.h"

#include "base/log.h"
#include "bus/bus_tell.h"
#include "glue/glue_dbd.h"
#include "glue/glue_log.h"
#include "http/claim.h"
#include "http/claimants.h"
#include "http/descriptors.h"
#include "http/ending.h"
#include "http/gateway.h"
#include "http/hub.h"
#include "http/service.h"
#include "http/shield.h"
#include "http/waiters.h"
#include "store/store_append.h"

#include <ap_mpm.h>
#include <apr_atomic.h>

#define SOCKETS (512 * 1024)         /* bytes that the relay's socket may hold */
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
    llmq_store_commit_stop(service->appends);
    return APR_SUCCESS;
}

/* Before the commits: what clients did not take any more is given back. */
static apr_status_t stop_claimants(void *data)
{
    llmq_claimants_stop(data, PARTING);
    return APR_SUCCESS;
}

/* Before the streams end, by which they hear that their time is over. */
static apr_status_t stop_waiters(void *data)
{
    llmq_waiters_stop(data);
    return APR_SUCCESS;
}

static apr_status_t create_claimants(llmq_service_t *service,
                                     const llmq_cfg_server_t *cfg, apr_pool_t *p)
{
    llmq_claimants_conf_t conf = {cfg->park_buffer};
    int places[LLMQ_STREAM_COUNT] = {cfg->max_parked, cfg->max_streams};
    apr_status_t rv;

    llmq_descriptors_share(places);
    rv = llmq_stream_create(&service->streams, places, p);
    return rv == APR_SUCCESS
               ? llmq_claimants_create(&service->claimants, service, &conf, p)
               : rv;
}

/* Before the streams end, so that each ends in good order. */
static apr_status_t stop_hub(void *data)
{
    llmq_hub_stop(data);
    return APR_SUCCESS;
}

static apr_status_t create_hub(llmq_service_t *service, const llmq_cfg_server_t *cfg,
                               apr_pool_t *p)
{
    const llmq_hub_conf_t conf = {cfg->event_poll, cfg->event_patrol, cfg->stream_buffer};

    return llmq_hub_create(&service->hub, service, &conf, p);
}

/* Whoever waits for a completion cannot come back for it. */
static apr_status_t stop_gateway(void *data)
{
    llmq_gateway_stop(data);
    return APR_SUCCESS;
}

/* After the streams have ended. */
static apr_status_t destroy_gateway(void *data)
{
    llmq_gateway_destroy(data);
    return APR_SUCCESS;
}

static apr_status_t create_gateway(llmq_service_t *service, const llmq_cfg_server_t *cfg,
                                   const llmq_models_t *models, apr_pool_t *p)
{
    const llmq_gateway_conf_t conf = {shm->relay_path, cfg->stream_buffer,
                                      cfg->relay_buffer + SOCKETS, cfg->replay_max,
                                      models};

    return llmq_gateway_create(&service->gateway, service, &conf, p);
}

void llmq_glue_child_stopping(int graceful)
{
    const llmq_service_t *service = llmq_service_get();

    llmq_ending_begin(graceful);
    if (service) {
        llmq_hub_close(service->hub);
    }
}

static int is_threaded(void)
{
    int threaded = 0;

    return ap_mpm_query(AP_MPMQ_IS_THREADED, &threaded) == APR_SUCCESS
           && threaded != AP_MPMQ_NOT_SUPPORTED;
}

/* A message is stored: whoever reads its session hears of it. */
static void tell_append(void *ctx, const char *tenant, const llmq_session_message_t *m)
{
    const llmq_service_t *service = ctx;

    llmq_bus_tell_message(service->bus, tenant, m);
}

static apr_status_t create_committers(llmq_service_t *service,
                                      const llmq_commit_conf_t *conf, apr_pool_t *p)
{
    llmq_commit_writer_t inserts = {llmq_service_store, llmq_service_committed,
                                    llmq_service_dropped, service};
    llmq_lease_orphans_t *orphans = apr_palloc(p, sizeof(*orphans));
    llmq_commit_writer_t claims;
    llmq_commit_writer_t appends;
    int threaded = is_threaded();
    apr_status_t rv = llmq_store_commit_create(&service->commit, service->store, conf,
                                               &inserts, threaded, p);

    orphans->fn = llmq_claim_return;
    orphans->ctx = service;
    llmq_store_lease_claim_writer(&claims, orphans);
    if (rv == APR_SUCCESS) {
        rv = llmq_store_commit_create(&service->claims, service->store, conf, &claims,
                                      threaded, p);
    }
    if (rv == APR_SUCCESS) {
        rv = llmq_store_commit_create(&service->changes, service->store, conf,
                                      llmq_store_lease_changes(), threaded, p);
    }
    llmq_store_append_writer(&appends, tell_append, service, p);
    return rv == APR_SUCCESS ? llmq_store_commit_create(&service->appends, service->store,
                                                        conf, &appends, threaded, p)
                             : rv;
}

static apr_status_t create_store(llmq_service_t *service,
                                 const llmq_dispatch_conf_t *conf, server_rec *s,
                                 apr_pool_t *p)
{
    llmq_store_source_t source;
    apr_status_t rv = llmq_glue_dbd_source(&source, s);

    return rv == APR_SUCCESS
               ? llmq_store_create(&service->store, &source, &conf->store, p)
               : rv;
}

/* What all processes share and what the configuration says. */
static void describe_service(llmq_service_t *service, const llmq_cfg_server_t *cfg,
                             apr_pool_t *p)
{
    service->queue = shm->messages.queue;
    service->tasks = shm->tasks.queue;
    service->board = shm->board;
    service->backends = (const llmq_backend_conf_t *const *)(void *)cfg->backends->elts;
    service->n_backends = cfg->backends->nelts;
    service->agents = (const llmq_run_agent_t *)(void *)cfg->run_agents->elts;
    service->n_agents = cfg->run_agents->nelts;
    service->lease.max_deliveries = cfg->max_deliveries;
    service->lease.retry = cfg->retry;
    service->chat = &cfg->chat;
    service->task_types = cfg->task_types;
    service->started_at = shm->started_at;
    service->has_dispatcher = cfg->dispatcher;
    service->dispatcher_alive = dispatcher_alive;
    service->dispatcher_deaths = dispatcher_deaths;
    service->limiter = shm->limiter;
    service->ledger = shm->ledger;
    service->usage_meter = shm->usage_meter;
    service->roster = shm->roster;
    service->bus = shm->bus;
    service->worker_timeout = cfg->roster.timeout;
    service->held = shm->held;
    service->n_held = shm->n_held;
    if (cfg->redis.host || cfg->redis.path) {
        llmq_redis_create(&service->redis, &cfg->redis, p);
    }
}

/* What comes later uses what came before. */
static apr_status_t create_service(llmq_service_t *service,
                                   const llmq_dispatch_conf_t *conf, server_rec *s,
                                   apr_pool_t *p)
{
    const llmq_cfg_server_t *cfg = llmq_cfg_server(s);
    apr_status_t rv;

    describe_service(service, cfg, p);
    if ((rv = llmq_glue_shm_attach(shm, p)) != APR_SUCCESS
        || (rv = create_claimants(service, cfg, p)) != APR_SUCCESS
        || (rv = create_hub(service, cfg, p)) != APR_SUCCESS
        || (rv = llmq_waiters_create(&service->waiters, service, p)) != APR_SUCCESS
        || (rv = create_gateway(service, cfg, conf->models, p)) != APR_SUCCESS
        || (rv = create_store(service, conf, s, p)) != APR_SUCCESS
        || (rv = llmq_keycache_create(&service->keys, cfg->key_cache, p))
               != APR_SUCCESS) {
        return rv;
    }
    return create_committers(service, &cfg->commit, p);
}

void llmq_glue_child_init(llmq_glue_shm_t *g, const llmq_dispatch_conf_t *conf,
                          server_rec *s, apr_pool_t *p)
{
    llmq_service_t *service = apr_pcalloc(p, sizeof(*service));
    apr_status_t rv;

    shm = g;
    llmq_glue_log_attach(s);
    rv = create_service(service, conf, s, p);
    if (rv != APR_SUCCESS) {
        LLMQ_LOG(
            LLMQ_LOG_ERR, rv,
            LLMQ_NO(0809) "this child cannot serve the queue, its requests get 2003");
        return;
    }
    apr_pool_pre_cleanup_register(p, service, stop_commits);
    apr_pool_pre_cleanup_register(p, service->gateway, destroy_gateway);
    apr_pool_pre_cleanup_register(p, service->claimants, stop_claimants);
    apr_pool_pre_cleanup_register(p, service->hub, stop_hub);
    apr_pool_pre_cleanup_register(p, service->waiters, stop_waiters);
    apr_pool_pre_cleanup_register(p, service->gateway, stop_gateway);
    llmq_shield_init(is_threaded());
    llmq_service_set(service);
}
