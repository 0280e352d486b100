#include "http/give_back.h"

#include "base/clock.h"
#include "http/lease_tell.h"
#include "store/store_lease.h"

#include <apr_strings.h>

#include <stdlib.h>

llmq_given_t *llmq_give_back_note(const llmq_job_t *const *jobs, int n)
{
    llmq_given_t *given = calloc((size_t)n, sizeof(*given));
    int i;

    for (i = 0; given && i < n; i++) {
        given[i].kind = jobs[i]->kind;
        apr_cpystrn(given[i].id, jobs[i]->id, sizeof(given[i].id));
        apr_cpystrn(given[i].token, jobs[i]->lease_token, sizeof(given[i].token));
    }
    return given;
}

/* As POST …/release does it. */
static void describe(llmq_lease_change_t *change, const llmq_given_t *given,
                     const char *tenant, const llmq_job_t *job, apr_time_t now)
{
    llmq_lease_end_t end = {LLMQ_LEASE_RELEASED, 0, 0};
    llmq_lease_verdict_t verdict;

    llmq_store_lease_init(change, now);
    change->tenant = tenant;
    change->kind = given->kind;
    change->id = given->id;
    change->token = given->token;
    llmq_lease_decide(&verdict, NULL, &end, job, now, 0);
    llmq_store_lease_follow(change, job, &verdict, NULL);
}

int llmq_give_back(const llmq_service_t *service, const char *tenant,
                   const llmq_given_t *given, int n, apr_pool_t *p)
{
    const char **ids = apr_palloc(p, sizeof(*ids) * (apr_size_t)n);
    llmq_lease_change_t *changes = apr_palloc(p, sizeof(*changes) * (apr_size_t)n);
    const llmq_job_t **of = apr_palloc(p, sizeof(*of) * (apr_size_t)n);
    llmq_job_t **jobs;
    apr_time_t now = llmq_clock_now();
    int left = 0;
    int back = 0;
    int i;

    for (i = 0; i < n; i++) {
        ids[i] = given[i].id;
    }
    if (llmq_store_lease_look(&jobs, NULL, service->store, ids, n, p) != APR_SUCCESS) {
        return 0;
    }
    for (i = 0; i < n; i++) {
        if (jobs[i]) {
            describe(&changes[left], &given[i], tenant, jobs[i], now);
            of[left++] = jobs[i];
        }
    }
    if (left == 0
        || llmq_store_lease_change_all(changes, left, service->store, p) != APR_SUCCESS) {
        return 0;
    }
    for (i = 0; i < left; i++) {
        if (changes[i].accepted) {
            llmq_lease_tell(service, &changes[i], of[i]);
            back++;
        }
    }
    return back;
}
