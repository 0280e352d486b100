#include "dispatch/bridge.h"

#include "base/thread.h"
#include "bus/bus_redis.h"
#include "dispatch/dispatch_inner.h"

#include <stdatomic.h>

#define STEP apr_time_from_msec(500)

struct llmq_bridge_t {
    llmq_bus_redis_t *link;
    apr_thread_t *thread; /* NULL once it has ended */
    atomic_int ended;
};

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *data)
{
    llmq_bridge_t *bridge = data;

    (void)thread;
    while (!atomic_load(&bridge->ended)) {
        llmq_bus_redis_step(bridge->link, STEP);
    }
    llmq_bus_redis_step(bridge->link, 0);
    llmq_bus_redis_close(bridge->link);
    return NULL;
}

apr_status_t llmq_bridge_create(llmq_bridge_t **pbridge, const llmq_dispatch_conf_t *conf,
                                apr_pool_t *p)
{
    llmq_bridge_t *bridge;
    apr_pool_t *own;
    apr_status_t rv;

    *pbridge = NULL;
    if (!conf->bus || !conf->redis) {
        return APR_SUCCESS;
    }
    own = llmq_dispatch_inner_pool(p);
    if (!own) {
        return APR_ENOMEM;
    }
    bridge = apr_pcalloc(p, sizeof(*bridge));
    rv = llmq_bus_redis_create(&bridge->link, conf->bus, conf->redis, conf->store.node,
                               own);
    if (rv != APR_SUCCESS) {
        return APR_SUCCESS; /* it was logged */
    }
    rv = llmq_thread_start(&bridge->thread, run, bridge, p);
    if (rv == APR_SUCCESS) {
        *pbridge = bridge;
    }
    return rv;
}

void llmq_bridge_stop(llmq_bridge_t *bridge)
{
    apr_status_t rv;

    if (!bridge || !bridge->thread) {
        return;
    }
    atomic_store(&bridge->ended, 1);
    llmq_bus_redis_wake(bridge->link);
    apr_thread_join(&rv, bridge->thread);
    bridge->thread = NULL;
}
