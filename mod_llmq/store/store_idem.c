#include "store/store_idem.h"

#include "store/store_run.h"

#include <string.h>

#define MAX_TRIES 3 /* a key may vanish between the claim and the look at its owner */

/* As stored. */
typedef enum { STATE_RUNNING = 0, STATE_OPEN = 1, STATE_DONE = 2 } state_e;

/* @return APR_SUCCESS; APR_NOTFOUND somebody else has it */
static apr_status_t take(llmq_idem_t *idem, llmq_store_t *store, apr_pool_t *p)
{
    const char *args[] = {idem->scope,
                          idem->request,
                          idem->object,
                          number(idem->now, p),
                          number(idem->now + idem->lease, p),
                          number(idem->now + idem->ttl, p)};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_IDEM_CLAIM, args, p);
    const char *object;

    if (rv != APR_SUCCESS)
        return rv;
    if (!llmq_store_run_next(&rows))
        return APR_NOTFOUND;
    idem->claim = llmq_store_run_int(&rows, 0);
    object = llmq_store_run_text(&rows, 1);
    idem->again = strcmp(object, idem->object) != 0;
    idem->object = object;
    return APR_SUCCESS;
}

/* @return what llmq_store_idem_claim() does; APR_NOTFOUND the key is free now */
static apr_status_t look(llmq_idem_t *idem, llmq_idem_answer_t *answer,
                         llmq_store_t *store, apr_pool_t *p)
{
    const char *args[] = {idem->scope};
    llmq_store_rows_t rows;
    apr_int64_t state;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_IDEM_FIND, args, p);

    if (rv != APR_SUCCESS)
        return rv;
    if (!llmq_store_run_next(&rows))
        return APR_NOTFOUND;
    if (strcmp(llmq_store_run_text(&rows, 0), idem->request) != 0)
        return LLMQ_ESTATE;
    state = llmq_store_run_int(&rows, 1);
    if (state == STATE_DONE) {
        answer->status = (int)llmq_store_run_int(&rows, 3);
        answer->body = llmq_store_run_text(&rows, 4);
        answer->location = llmq_store_run_text(&rows, 5);
        return APR_EEXIST;
    }
    if (state == STATE_RUNNING) {
        idem->busy = llmq_store_run_int(&rows, 2) - idem->now;
        return LLMQ_EBUSY;
    }
    return APR_NOTFOUND;
}

apr_status_t llmq_store_idem_claim(llmq_idem_t *idem, llmq_idem_answer_t *answer,
                                   llmq_store_t *store, apr_pool_t *p)
{
    apr_status_t rv = APR_NOTFOUND;
    int tries;

    for (tries = 0; rv == APR_NOTFOUND && tries < MAX_TRIES; tries++) {
        rv = take(idem, store, p);
        if (rv == APR_NOTFOUND)
            rv = look(idem, answer, store, p);
    }
    if (rv == APR_NOTFOUND) {
        idem->busy = 0;
        return LLMQ_EBUSY;
    }
    return rv;
}

apr_status_t llmq_store_idem_settle(llmq_store_t *store, const llmq_idem_t *idem,
                                    const llmq_idem_answer_t *answer, apr_pool_t *p)
{
    const char *args[] = {number(answer ? STATE_DONE : STATE_OPEN, p),
                          number(answer ? answer->status : 0, p),
                          answer ? answer->body : NULL,
                          answer ? answer->location : NULL,
                          idem->scope,
                          number(idem->claim, p)};

    return llmq_store_run_change(store, LLMQ_SQL_IDEM_SETTLE, args, LLMQ_ESTATE, p);
}

apr_status_t llmq_store_idem_free(llmq_store_t *store, const llmq_idem_t *idem,
                                  apr_pool_t *p)
{
    const char *args[] = {idem->scope, number(idem->claim, p)};

    return llmq_store_run_change(store, LLMQ_SQL_IDEM_FREE, args, LLMQ_ESTATE, p);
}

apr_status_t llmq_store_idem_renew(llmq_store_t *store, const llmq_idem_t *idem,
                                   apr_time_t now, apr_pool_t *p)
{
    const char *args[] = {number(now + idem->lease, p), idem->scope,
                          number(idem->claim, p)};

    return llmq_store_run_change(store, LLMQ_SQL_IDEM_RENEW, args, LLMQ_ESTATE, p);
}

apr_status_t llmq_store_idem_prune(int *pn, llmq_store_t *store, apr_time_t now,
                                   int limit, apr_pool_t *p)
{
    const char *when = number(now, p);
    const char *args[] = {when, when, number(limit, p)};
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_IDEM_PRUNE, args, p);

    if (rv == APR_SUCCESS)
        *pn = rows.n;
    return rv;
}
