#include "dispatch/dispatch.h"

#include "base/log.h"
#include "dispatch/checkup.h"
#include "dispatch/dispatch_inner.h"
#include "dispatch/dispatch_run.h"
#include "dispatch/finisher.h"
#include "dispatch/janitor.h"
#include "dispatch/lease_keeper.h"
#include "dispatch/registry.h"
#include "dispatch/steward.h"
#include "dispatch/tally.h"
#include "store/store_node.h"

#include <apr_atomic.h>

#include <stdatomic.h>
#include <unistd.h>

#define TICK apr_time_from_msec(100)

apr_status_t llmq_dispatch_create(llmq_dispatch_t **pd,
                                  const llmq_dispatch_queues_t *queues,
                                  const llmq_dispatch_conf_t *conf,
                                  const llmq_dispatch_host_t *host, apr_pool_t *p)
{
    llmq_dispatch_t *d = apr_pcalloc(p, sizeof(*d));
    apr_status_t rv;

    d->queue = queues->messages;
    d->tasks = queues->tasks;
    d->conf = conf;
    d->host = *host;
    d->pool = p;
    d->owner = (apr_uint32_t)getpid();
    APR_RING_INIT(&d->in_flight, llmq_attempt_t, in_flight);
    d->pace = llmq_pace_create(d->queue, &conf->pace, p);
    d->drain_store = llmq_dispatch_inner_store(d, p);
    d->janitor_store = llmq_dispatch_inner_store(d, p);
    if (!d->drain_store || !d->janitor_store) {
        return APR_ENOMEM;
    }
    rv = apr_thread_mutex_create(&d->lock, APR_THREAD_MUTEX_DEFAULT, p);
    if (rv == APR_SUCCESS) {
        rv = apr_thread_mutex_create(&d->taking, APR_THREAD_MUTEX_DEFAULT, p);
    }
    if (rv == APR_SUCCESS) {
        llmq_endpoint_conf_t endpoint = conf->endpoint;

        endpoint.writer = d->owner;
        rv = llmq_endpoint_create(&d->endpoints, conf->backends, conf->n_backends,
                                  &endpoint, p);
    }
    if (rv == APR_SUCCESS) {
        rv = llmq_backend_engine_create(&d->engine, p);
    }
    if (rv == APR_SUCCESS) {
        rv = llmq_finisher_create(&d->finisher, d, p);
    }
    if (rv == APR_SUCCESS) {
        *pd = d;
    }
    return rv;
}

void llmq_dispatch_drain(llmq_dispatch_t *d)
{
    int nothing = LLMQ_ASKED_NOTHING;

    atomic_compare_exchange_strong(&d->asked, &nothing, LLMQ_ASKED_DRAIN);
    llmq_queue_wake(d->queue);
}

void llmq_dispatch_stop(llmq_dispatch_t *d)
{
    d->asked = LLMQ_ASKED_STOP;
    llmq_queue_wake(d->queue);
}

/* Draining waits for the calls in flight, stopping does not. */
static void wait_for_calls(llmq_dispatch_t *d)
{
    apr_time_t until = d->conf->grace ? apr_time_now() + d->conf->grace : 0;

    while (d->asked == LLMQ_ASKED_DRAIN && llmq_attempt_count(d) > 0
           && (!until || apr_time_now() < until) && !d->host.orphaned(d->host.ctx)) {
        apr_sleep(apr_time_from_msec(20));
    }
}

static void wind_up(llmq_dispatch_t *d, llmq_tally_t *tally, llmq_registry_t *registry)
{
    apr_status_t rv;

    if (d->drain_thread) {
        llmq_queue_wake(d->queue);
        apr_thread_join(&rv, d->drain_thread);
    }
    wait_for_calls(d);
    apr_atomic_set32(&d->winding_up, 1);
    llmq_backend_engine_stop(d->engine);
    llmq_finisher_stop(d->finisher);
    /* After draining, the next dispatcher of this node is at work already. */
    if (d->asked == LLMQ_ASKED_STOP) {
        llmq_tally_flush(tally);
        llmq_registry_flush(registry);
        llmq_store_node_leave(d->janitor_store, d->pool);
    }
}

static apr_status_t start_draining(llmq_dispatch_t *d)
{
    apr_thread_t *thread = NULL;
    apr_status_t rv =
        apr_thread_create(&thread, NULL, llmq_dispatch_run_drain, d, d->pool);

    if (rv == APR_SUCCESS) {
        d->drain_thread = thread;
    }
    return rv;
}

void llmq_dispatch_work(llmq_dispatch_t *d)
{
    llmq_janitor_t *janitor = llmq_janitor_create(d, d->pool);
    llmq_tally_t *tally = llmq_tally_create(d->queue, d->janitor_store, d->pool);
    llmq_registry_t *registry = llmq_registry_create(d->conf->roster, &d->conf->workers,
                                                     d->janitor_store, d->pool);
    llmq_lease_keeper_t *keeper = llmq_lease_keeper_create(d, d->pool);
    llmq_checkup_t *checkup = llmq_checkup_create(d, d->pool);
    llmq_steward_t *steward = llmq_steward_create(
        d->queue, d->janitor_store, d->conf->store.node_timeout / 3, d->pool);

    if (d->tasks && d->conf->task_types) {
        llmq_steward_add_tasks(steward, d->tasks, d->conf->task_types);
    }
    while (d->asked == LLMQ_ASKED_NOTHING) {
        llmq_checkup_tick(checkup);
        llmq_pace_tick(d->pace);
        /* Draining begins once the queue is whole, so that what waited in the database
         * competes by its level from the first take on. */
        if (llmq_janitor_tick(janitor) == APR_SUCCESS
            && llmq_steward_tick(steward) == APR_SUCCESS) {
            if (!d->drain_thread && start_draining(d) != APR_SUCCESS) {
                LLMQ_LOG(LLMQ_LOG_CRIT, 0,
                         LLMQ_NO(0713) "the drain thread cannot be started");
                break;
            }
            if (keeper) {
                llmq_lease_keeper_tick(keeper);
            }
            llmq_tally_tick(tally);
            llmq_registry_tick(registry);
        }
        if (d->host.orphaned(d->host.ctx)) {
            llmq_dispatch_stop(d);
        }
        if (d->asked == LLMQ_ASKED_NOTHING) {
            apr_sleep(TICK);
        }
    }
    wind_up(d, tally, registry);
}
