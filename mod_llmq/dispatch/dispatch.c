#include "dispatch/dispatch.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "dispatch/agents_end.h"
#include "dispatch/remember.h"
#include "dispatch/checkup.h"
#include "dispatch/completions.h"
#include "dispatch/courier.h"
#include "dispatch/dispatch_inner.h"
#include "dispatch/dispatch_run.h"
#include "dispatch/ears.h"
#include "dispatch/exchange.h"
#include "dispatch/finisher.h"
#include "dispatch/janitor.h"
#include "dispatch/lease_keeper.h"
#include "dispatch/registry.h"
#include "dispatch/steward.h"
#include "dispatch/tally.h"
#include "dispatch/ways.h"
#include "store/store_node.h"

#include <apr_atomic.h>

#include <stdatomic.h>
#include <unistd.h>

#define TICK apr_time_from_msec(100)

/* What the first thread looks after. */
typedef struct {
    llmq_janitor_t *janitor;
    llmq_tally_t *tally;
    llmq_registry_t *registry;
    llmq_exchange_t *exchange;
    llmq_lease_keeper_t *keeper; /* NULL: out of memory */
    llmq_checkup_t *checkup;
    llmq_steward_t *steward;
    apr_pool_t *runs; /* scratch of the sweeps */
} chores_t;

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

static apr_status_t open_backends(llmq_dispatch_t *d, apr_pool_t *p)
{
    const llmq_dispatch_conf_t *conf = d->conf;
    llmq_endpoint_conf_t endpoint = conf->endpoint;
    apr_status_t rv;

    endpoint.writer = d->owner;
    rv = llmq_endpoint_create(&d->endpoints, conf->backends, conf->n_backends, &endpoint,
                              p);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    d->places = llmq_places_create(conf->models, d->endpoints, p);
    return llmq_backend_engine_create(&d->engine, p);
}

/* Its own record, and what its threads share. */
static apr_status_t open_inner(llmq_dispatch_t *d, apr_pool_t *p)
{
    apr_status_t rv;

    APR_RING_INIT(&d->in_flight, llmq_attempt_t, in_flight);
    d->pace = llmq_pace_create(d->queue, &d->conf->pace, p);
    d->janitor_store = llmq_dispatch_inner_store(d, p);
    d->attempts = llmq_stash_create(p);
    if (!d->janitor_store || !d->attempts) {
        return APR_ENOMEM;
    }
    rv = apr_thread_mutex_create(&d->lock, APR_THREAD_MUTEX_DEFAULT, p);
    if (rv == APR_SUCCESS) {
        rv = open_line(d, LLMQ_KIND_MESSAGE, p);
    }
    if (rv == APR_SUCCESS) {
        rv = open_line(d, LLMQ_KIND_TASK, p);
    }
    return rv == APR_SUCCESS ? open_backends(d, p) : rv;
}

/* Those who deliver; some of them are threads. */
static apr_status_t open_hands(llmq_dispatch_t *d, apr_pool_t *p)
{
    const llmq_dispatch_conf_t *conf = d->conf;
    apr_status_t rv = llmq_finisher_create(&d->finisher, d, p);

    if (rv == APR_SUCCESS && conf->n_handlers > 0) {
        rv = llmq_handlers_create(&d->line[LLMQ_KIND_TASK].handlers, conf, p);
    }
    if (rv == APR_SUCCESS && conf->courier.concurrency > 0) {
        rv = llmq_courier_create(&d->courier, d, p);
    }
    if (rv == APR_SUCCESS) {
        rv = llmq_bridge_create(&d->bridge, conf, p);
    }
    return rv == APR_SUCCESS ? llmq_completions_open(d, p) : rv;
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
    d->ways = llmq_ways();
    d->bus = conf->bus;
    d->host = *host;
    d->pool = p;
    d->owner = (apr_uint32_t)getpid();
    rv = open_inner(d, p);
    if (rv == APR_SUCCESS) {
        rv = open_hands(d, p);
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
    apr_interval_time_t until = d->conf->grace ? llmq_clock_steady() + d->conf->grace : 0;

    while (d->asked == LLMQ_ASKED_DRAIN && llmq_attempt_count(d) > 0
           && (!until || llmq_clock_steady() < until) && !d->host.orphaned(d->host.ctx)) {
        apr_sleep(apr_time_from_msec(20));
    }
}

static void wind_up(llmq_dispatch_t *d, const chores_t *chores)
{
    apr_status_t rv;
    int kind;

    /* After draining, the next dispatcher of this node has a bridge of its own. */
    if (d->asked == LLMQ_ASKED_DRAIN) {
        llmq_bridge_stop(d->bridge);
    }
    llmq_ears_leave(d);
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
    llmq_ears_close(d);
    if (d->courier) {
        llmq_courier_stop(d->courier,
                          d->asked == LLMQ_ASKED_DRAIN ? d->conf->courier.timeout : 0);
    }
    llmq_bridge_stop(d->bridge);
    /* After draining, the next dispatcher of this node is at work already. */
    if (d->asked == LLMQ_ASKED_STOP) {
        llmq_tally_flush(chores->tally);
        llmq_registry_flush(chores->registry);
        llmq_store_node_leave(d->janitor_store, d->pool);
    }
    llmq_exchange_flush(chores->exchange);
}

static apr_status_t start_taking(llmq_line_t *line)
{
    return llmq_thread_start(&line->thread, llmq_dispatch_run_drain, line, line->d->pool);
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

static void begin_chores(chores_t *chores, llmq_dispatch_t *d)
{
    const llmq_dispatch_conf_t *conf = d->conf;
    llmq_store_t *store = d->janitor_store;

    chores->runs = llmq_dispatch_inner_pool(d->pool);
    chores->janitor = llmq_janitor_create(d, d->pool);
    chores->tally = llmq_tally_create(d->queue, store, d->pool);
    chores->registry = llmq_registry_create(conf->roster, &conf->workers, store, d->pool);
    chores->exchange = llmq_exchange_create(conf->ledger, store, d->pool);
    chores->keeper = llmq_lease_keeper_create(d, d->pool);
    chores->checkup = llmq_checkup_create(d, d->pool);
    chores->steward =
        llmq_steward_create(d->queue, store, conf->store.node_timeout / 3, d->pool);
    if (d->tasks && conf->task_types) {
        llmq_steward_add_tasks(chores->steward, d->tasks, conf->task_types);
    }
}

static void sweep_runs(llmq_dispatch_t *d, apr_pool_t *scratch)
{
    llmq_agents_end_sweep(d, d->janitor_store, llmq_clock_now(), scratch);
    llmq_remember_sweep(d, d->janitor_store, llmq_clock_now(), scratch);
    apr_pool_clear(scratch);
}

/* Returns 0 if there is no thread to draw from the queue. */
static int do_chores(const chores_t *chores, llmq_dispatch_t *d)
{
    llmq_checkup_tick(chores->checkup);
    llmq_pace_tick(d->pace);
    /* Draining begins once the queue is whole, so that what waited in the database competes
     * by its level from the first take on. */
    if (llmq_janitor_tick(chores->janitor) != APR_SUCCESS
        || llmq_steward_tick(chores->steward) != APR_SUCCESS) {
        return 1;
    }
    if (!d->line[LLMQ_KIND_MESSAGE].thread && start_draining(d) != APR_SUCCESS) {
        LLMQ_LOG(LLMQ_LOG_CRIT, 0, LLMQ_NO(0713) "the drain thread cannot be started");
        return 0;
    }
    if (chores->keeper) {
        llmq_lease_keeper_tick(chores->keeper);
    }
    llmq_tally_tick(chores->tally);
    llmq_registry_tick(chores->registry);
    llmq_exchange_tick(chores->exchange);
    sweep_runs(d, chores->runs);
    return 1;
}

void llmq_dispatch_work(llmq_dispatch_t *d)
{
    chores_t chores;

    begin_chores(&chores, d);
    while (d->asked == LLMQ_ASKED_NOTHING && do_chores(&chores, d)) {
        if (d->host.orphaned(d->host.ctx)) {
            llmq_dispatch_stop(d);
        }
        if (d->asked == LLMQ_ASKED_NOTHING) {
            apr_sleep(TICK);
        }
    }
    wind_up(d, &chores);
}
