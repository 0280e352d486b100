#include "dispatch/exchange.h"

#include "base/clock.h"
#include "dispatch/dispatch_inner.h"
#include "dispatch/settle.h"
#include "store/store_limit.h"

#define INTERVAL       apr_time_from_sec(1)
#define PRUNE_INTERVAL apr_time_from_sec(3600)
#define KEEP           apr_time_from_sec(40 * 86400) /* longer than any window */
#define MAX_STATES     1024                          /* of a statement */

struct llmq_exchange_t {
    llmq_ledger_t *ledger;
    llmq_store_t *store;
    apr_pool_t *scratch;
    apr_time_t next;
    apr_time_t next_prune;
    llmq_ledger_state_t states[MAX_STATES];
};

llmq_exchange_t *llmq_exchange_create(llmq_ledger_t *ledger, llmq_store_t *store,
                                      apr_pool_t *p)
{
    llmq_exchange_t *x = apr_pcalloc(p, sizeof(*x));

    x->ledger = ledger;
    x->store = store;
    x->scratch = llmq_dispatch_inner_pool(p);
    return x->scratch ? x : NULL;
}

/* What is booked while this writes is sent the next time. */
static apr_status_t send_batch(llmq_exchange_t *x, int n, apr_time_t now)
{
    apr_status_t rv;
    int i;

    if (n == 0) {
        return APR_SUCCESS;
    }
    rv = llmq_store_limit_save(x->store, x->states, n, now, x->scratch);
    for (i = 0; rv == APR_SUCCESS && i < n; i++) {
        llmq_ledger_sent(x->ledger, &x->states[i]);
    }
    return rv;
}

static apr_status_t hear_batch(llmq_exchange_t *x, int n, apr_time_t now)
{
    apr_status_t rv;
    int i;

    if (n == 0) {
        return APR_SUCCESS;
    }
    rv = llmq_store_limit_others(x->states, n, x->store, x->scratch);
    for (i = 0; rv == APR_SUCCESS && i < n; i++) {
        llmq_ledger_hear(x->ledger, x->states[i].account, x->states[i].others, now);
    }
    return rv;
}

typedef apr_status_t batch_fn_t(llmq_exchange_t *x, int n, apr_time_t now);

static apr_status_t walk(llmq_exchange_t *x, batch_fn_t *fn, int dirty, apr_time_t now)
{
    apr_size_t cursor = 0;
    apr_status_t rv;

    do {
        int n = llmq_ledger_walk(x->states, MAX_STATES, x->ledger, &cursor, dirty, now);

        rv = fn(x, n, now);
        apr_pool_clear(x->scratch);
    } while (rv == APR_SUCCESS && cursor > 0);
    return rv;
}

apr_status_t llmq_exchange_flush(llmq_exchange_t *x)
{
    return x && x->ledger ? walk(x, send_batch, 1, llmq_clock_now()) : APR_SUCCESS;
}

static apr_status_t prune(llmq_exchange_t *x, apr_time_t now)
{
    apr_status_t rv = llmq_store_limit_prune(x->store, now - KEEP, x->scratch);

    apr_pool_clear(x->scratch);
    x->next_prune = now + PRUNE_INTERVAL;
    return rv;
}

apr_status_t llmq_exchange_tick(llmq_exchange_t *x)
{
    apr_time_t now = llmq_clock_now();
    apr_status_t rv;

    if (!x || !x->ledger || now < x->next) {
        return APR_SUCCESS;
    }
    x->next = now + INTERVAL;
    rv = llmq_settle_sweep(x->ledger, x->store, x->scratch);
    if (rv == APR_SUCCESS) {
        rv = walk(x, send_batch, 1, now);
    }
    if (rv == APR_SUCCESS) {
        rv = walk(x, hear_batch, 0, now);
    }
    return rv == APR_SUCCESS && now >= x->next_prune ? prune(x, now) : rv;
}
