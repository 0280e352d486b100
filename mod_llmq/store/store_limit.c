#include "store/store_limit.h"

#include "base/json.h"
#include "store/store_page.h"
#include "store/store_run.h"

#include <apr_hash.h>

#include <string.h>

#define ROW_GUESS 160

/* The newest window counts, and in it whoever has seen most of the others. */
static void take_in(llmq_ledger_state_t *state, apr_int64_t level, apr_time_t window)
{
    if (window > state->window) {
        state->window = window;
        state->level = level;
    }
    else if (window == state->window && level > state->level) {
        state->level = level;
    }
}

apr_status_t llmq_store_limit_load(llmq_ledger_state_t *state, llmq_store_t *store,
                                   apr_pool_t *p)
{
    const char *args[] = {number((apr_int64_t)state->account, p)};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_LIMIT_LOAD, args, p);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    state->used = state->others = state->level = 0;
    state->window = 0;
    while (llmq_store_run_next(&rows)) {
        apr_int64_t used = llmq_store_run_int(&rows, 1);

        if (strcmp(llmq_store_run_text(&rows, 0), store->conf.node) == 0) {
            state->used = used;
        }
        else {
            state->others += used;
        }
        take_in(state, llmq_store_run_int(&rows, 2), llmq_store_run_int(&rows, 3));
    }
    return APR_SUCCESS;
}

apr_status_t llmq_store_limit_save(llmq_store_t *store, const llmq_ledger_state_t *states,
                                   int n, apr_time_t now, apr_pool_t *p)
{
    const char *args[] = {store->conf.node, NULL};
    llmq_store_rows_t none;
    llmq_text_t t;
    int i;

    llmq_text_init(&t, (apr_size_t)n * ROW_GUESS, p);
    LLMQ_TEXT_LIT(&t, "[");
    for (i = 0; i < n; i++) {
        if (i) {
            LLMQ_TEXT_LIT(&t, ",");
        }
        LLMQ_TEXT_LIT(&t, "{");
        llmq_json_kv_int(&t, "a", (apr_int64_t)states[i].account);
        llmq_json_kv_int(&t, "u", states[i].used);
        llmq_json_kv_int(&t, "l", states[i].level);
        llmq_json_kv_int(&t, "w", states[i].window);
        llmq_json_kv_int(&t, "n", now);
        LLMQ_TEXT_LIT(&t, "}");
    }
    LLMQ_TEXT_LIT(&t, "]");
    args[1] = t.data;
    return llmq_store_run(&none, store, LLMQ_SQL_LIMIT_SAVE, args, p);
}

static const char *accounts(apr_hash_t *by_account, llmq_ledger_state_t *states, int n,
                            apr_pool_t *p)
{
    llmq_text_t t;
    int i;

    llmq_text_init(&t, (apr_size_t)n * 24, p);
    LLMQ_TEXT_LIT(&t, "[");
    for (i = 0; i < n; i++) {
        if (i) {
            LLMQ_TEXT_LIT(&t, ",");
        }
        llmq_text_puts(&t, number((apr_int64_t)states[i].account, p));
        apr_hash_set(by_account, &states[i].account, sizeof(states[i].account),
                     &states[i]);
    }
    LLMQ_TEXT_LIT(&t, "]");
    return t.data;
}

apr_status_t llmq_store_limit_others(llmq_ledger_state_t *states, int n,
                                     llmq_store_t *store, apr_pool_t *p)
{
    apr_hash_t *by_account = apr_hash_make(p);
    const char *args[] = {accounts(by_account, states, n, p), store->conf.node};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_LIMIT_OTHERS, args, p);
    int i;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    for (i = 0; i < n; i++) {
        states[i].others = 0;
    }
    while (llmq_store_run_next(&rows)) {
        apr_uint64_t account = (apr_uint64_t)llmq_store_run_int(&rows, 0);
        llmq_ledger_state_t *state = apr_hash_get(by_account, &account, sizeof(account));

        if (state) {
            state->others = llmq_store_run_int(&rows, 1);
        }
    }
    return APR_SUCCESS;
}

apr_status_t llmq_store_limit_count(apr_int64_t *pn, llmq_store_t *store,
                                    apr_uint64_t gauge, apr_pool_t *p)
{
    const char *args[] = {number((apr_int64_t)gauge, p)};

    return llmq_store_page_count(pn, store, LLMQ_SQL_LIMIT_COUNT, args, p);
}

/* Most of the time there is none: that is found out without a lock. */
apr_status_t llmq_store_limit_unsettled(llmq_unsettled_t **plist, int *pn,
                                        llmq_store_t *store, int max, apr_pool_t *p)
{
    const char *args[] = {number(max, p)};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_LIMIT_UNSETTLED, NULL, p);

    *pn = 0;
    if (rv != APR_SUCCESS || !llmq_store_run_next(&rows)) {
        return rv;
    }
    rv = llmq_store_run(&rows, store, LLMQ_SQL_LIMIT_SETTLE, args, p);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    *plist = apr_palloc(p, sizeof(**plist) * ((apr_size_t)rows.n + 1));
    while (llmq_store_run_next(&rows)) {
        (*plist)[*pn].charges = llmq_store_run_text(&rows, 0);
        (*plist)[(*pn)++].result = llmq_store_run_text(&rows, 1);
    }
    return APR_SUCCESS;
}

apr_status_t llmq_store_limit_prune(llmq_store_t *store, apr_time_t before, apr_pool_t *p)
{
    const char *args[] = {number(before, p)};
    llmq_store_rows_t none;

    return llmq_store_run(&none, store, LLMQ_SQL_LIMIT_PRUNE, args, p);
}
