#include "dispatch/settle.h"

#include "base/clock.h"
#include "core/charge.h"
#include "store/store_limit.h"

#define BATCH 256

/* ---- one job ---- */

/* By how much a charge was wrong. */
static apr_int64_t difference(const llmq_charge_t *charge, const llmq_settle_t *used)
{
    switch (charge->what) {
    case LLMQ_CHARGE_COST: return used->cost;
    case LLMQ_CHARGE_TOKENS: return used->tokens < 0 ? 0 : used->tokens - charge->n;
    case LLMQ_CHARGE_REQUESTS: break;
    }
    return 0;
}

static void settle(const llmq_charge_t *charge, apr_int64_t more, llmq_ledger_t *ledger,
                   llmq_store_t *store, apr_pool_t *p)
{
    llmq_ledger_state_t state = {.account = charge->account};
    apr_time_t now = llmq_clock_now();

    if (llmq_ledger_settle(ledger, charge->account, more, charge->window, now)
        || llmq_store_limit_load(&state, store, p) != APR_SUCCESS) {
        return;
    }
    llmq_ledger_seed(ledger, &charge->rule, &state, now);
    llmq_ledger_settle(ledger, charge->account, more, charge->window, now);
}

void llmq_settle_job(const char *text, const llmq_settle_t *used, llmq_ledger_t *ledger,
                     llmq_store_t *store, apr_pool_t *p)
{
    llmq_charge_t charges[LLMQ_CHARGES_MAX];
    int n = llmq_charge_parse(charges, text);
    int i;

    for (i = 0; i < n; i++) {
        apr_int64_t more = difference(&charges[i], used);

        if (more) {
            settle(&charges[i], more, ledger, store, p);
        }
    }
}

/* ---- what nobody has settled ---- */

apr_status_t llmq_settle_sweep(llmq_ledger_t *ledger, llmq_store_t *store, apr_pool_t *p)
{
    llmq_unsettled_t *list = NULL;
    apr_status_t rv;
    int n = 0;
    int i;

    do {
        rv = llmq_store_limit_unsettled(&list, &n, store, BATCH, p);
        for (i = 0; rv == APR_SUCCESS && i < n; i++) {
            llmq_settle_t used = {
                .tokens = list[i].result ? llmq_charge_tokens(list[i].result, p) : 0};

            llmq_settle_job(list[i].charges, &used, ledger, store, p);
        }
        apr_pool_clear(p);
    } while (rv == APR_SUCCESS && n == BATCH);
    return rv;
}
