/* Administration of dead letters: remove one or many. */
#include "http/api.h"

#include "base/clock.h"
#include "http/dead_call.h"
#include "http/reply.h"
#include "store/store_dead.h"

#include <string.h>

static const char *const remove_params[] = {LLMQ_DEAD_CALL_FILTERS, "confirm", NULL};

int llmq_api_dead_remove(request_rec *r, const llmq_service_t *service, const char *id)
{
    int reply = OK;
    llmq_job_t *job = llmq_dead_call_find(&reply, r, service, id);
    apr_status_t rv;
    int n = 0;

    if (!job) {
        return reply;
    }
    rv = llmq_store_dead_remove(&n, service->store, job->tenant, &job->id, 1,
                                llmq_clock_now(), r->pool);
    if (rv != APR_SUCCESS) {
        return llmq_reply_status(r, rv);
    }
    llmq_service_tell(service, job);
    return n ? llmq_reply_data(r, HTTP_OK, "Deleted successfully", NULL)
             : llmq_dead_call_no_longer(r);
}

static apr_status_t remove_all(llmq_dead_sum_t *sum, const llmq_service_t *service,
                               const llmq_dead_call_t *call, apr_pool_t *p)
{
    llmq_job_t *jobs = NULL;
    apr_status_t rv;
    int n = 0;

    do {
        const char **ids = apr_palloc(p, sizeof(*ids) * LLMQ_DEAD_CALL_PAGE);
        int gone = 0;
        int i;

        rv = llmq_store_dead_page(&jobs, &n, service->store, &call->query,
                                  n ? &jobs[n - 1] : NULL, LLMQ_DEAD_CALL_PAGE, p);
        for (i = 0; rv == APR_SUCCESS && i < n; i++) {
            ids[i] = jobs[i].id;
        }
        if (rv == APR_SUCCESS && n) {
            rv = llmq_store_dead_remove(&gone, service->store, call->query.tenant, ids, n,
                                        llmq_clock_now(), p);
        }
        for (i = 0; gone && i < n; i++) {
            llmq_service_tell(service, &jobs[i]);
        }
        sum->done += gone;
    } while (rv == APR_SUCCESS && n == LLMQ_DEAD_CALL_PAGE
             && sum->done < LLMQ_DEAD_CALL_MOST);
    return rv;
}

int llmq_api_dead_remove_all(request_rec *r, const llmq_service_t *service,
                             const char *id)
{
    llmq_result_t why = {0};
    const char *confirm;
    llmq_dead_call_t call;
    llmq_dead_sum_t sum = {0};
    apr_status_t rv;

    (void)id;
    if (llmq_dead_call_params(&call, r, remove_params, &why) != APR_SUCCESS
        || llmq_dead_call_filters(&call, r, &why) != APR_SUCCESS) {
        return llmq_reply_problem(r, &why);
    }
    confirm = apr_table_get(call.params, "confirm");
    if (!confirm || strcmp(confirm, "all") != 0) {
        llmq_result_set(&why, LLMQ_PROBLEM_REQUEST, "confirm",
                        "confirm=all removes all that match");
        return llmq_reply_problem(r, &why);
    }
    rv = llmq_store_dead_count(&sum.total, service->store, &call.query, r->pool);
    if (rv == APR_SUCCESS) {
        rv = remove_all(&sum, service, &call, r->pool);
    }
    if (rv != APR_SUCCESS) {
        return llmq_reply_status(r, rv);
    }
    return llmq_dead_call_sum(r, "deleted", "Deleted successfully", &sum, 0);
}
