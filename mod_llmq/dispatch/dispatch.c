#include "dispatch/dispatch.h"

#include "base/log.h"
#include "dispatch/checkup.h"
#include "dispatch/courier.h"
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

static apr_status_t open_line(llmq_dispatch_t *d, llmq_kind_e kind, apr_pool_t *p)
{
    llmq_line_t *line = &d->line[kind];

    line->d = d;
    line->queue = llmq_dispatch_inner_queue(d, kind);
    line->store = llmq_dispatch_inner_store(d, p);
    if (!line->store) {
        return APR_ENOMEM;
    }
    return apr_thread_mutex_create(&line->taking, APR_THREAD_MUTEX_DEFAULT, p);
}

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
    d->janitor_store = llmq_dispatch_inner_store(d, p);
    if (!d->janitor_store) {
        return APR_ENOMEM;
    }
    rv = apr_thread_mutex_create(&d->lock, APR_THREAD_MUTEX_DEFAULT, p);
    if (rv == APR_SUCCESS) {
        rv = open_line(d, LLMQ_KIND_MESSAGE, p);
    }
    if (rv == APR_SUCCESS) {
        rv = open_line(d, LLMQ_KIND_TASK, p);
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
    if (rv == APR_SUCCESS && conf->n_handlers > 0) {
        rv = llmq_handlers_create(&d->line[LLMQ_KIND_TASK].handlers, conf, p);
    }
    if (rv == APR_SUCCESS && conf->courier.concurrency > 0) {
        rv = llmq_courier_create(&d->courier, d, p);
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
    llmq_dispatch_inner_wake(d);
}

void llmq_dispatch_stop(llmq_dispatch_t *d)
{
    d->asked = LLMQ_ASKED_STOP;
    llmq_dispatch_inner_wake(d);
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
    int kind;

    llmq_dispatch_inner_wake(d);
    for (kind = 0; kind < LLMQ_KIND_COUNT; kind++) {
        if (d->line[kind].thread) {
            apr_thread_join(&rv, d->line[kind].thread);
        }
    }
    wait_for_calls(d);
    apr_atomic_set32(&d->winding_up, 1);
    llmq_backend_engine_stop(d->engine);
    llmq_finisher_stop(d->finisher);
    if (d->courier) {
        llmq_courier_stop(d->courier,
                          d->asked == LLMQ_ASKED_DRAIN ? d->conf->courier.timeout : 0);
    }
    /* After draining, the next dispatcher of this node is at work already. */
    if (d->asked == LLMQ_ASKED_STOP) {
        llmq_tally_flush(tally);
        llmq_registry_flush(registry);
        llmq_store_node_leave(d->janitor_store, d->pool);
    }
}

static apr_status_t start_taking(llmq_line_t *line)
{
    apr_thread_t *thread = NULL;
    apr_status_t rv =
        apr_thread_create(&thread, NULL, llmq_dispatch_run_drain, line, line->d->pool);

    if (rv == APR_SUCCESS) {
        line->thread = thread;
    }
    return rv;
}

/* Tasks are only taken where somebody does them; else they wait for workers. */
static apr_status_t start_draining(llmq_dispatch_t *d)
{
    apr_status_t rv = start_taking(&d->line[LLMQ_KIND_MESSAGE]);

    if (rv == APR_SUCCESS && d->line[LLMQ_KIND_TASK].handlers) {
        rv = start_taking(&d->line[LLMQ_KIND_TASK]);
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
            if (!d->line[LLMQ_KIND_MESSAGE].thread && start_draining(d) != APR_SUCCESS) {
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
