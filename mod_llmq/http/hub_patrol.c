#include "http/hub_patrol.h"

#include "http/hub_source.h"

#define MANY 256 /* things of one question */

/* A thing without numbers is read again. @return how many have numbers */
static int mark(llmq_hub_mark_t *marks, llmq_hub_t *hub, llmq_subject_t **subjects, int n)
{
    int n_marks = 0;
    int i;

    llmq_hub_room_lock(hub);
    for (i = 0; i < n; i++) {
        if (llmq_hub_source_of(subjects[i]->kind)->numbered) {
            marks[n_marks++] = (llmq_hub_mark_t){subjects[i], subjects[i]->head};
        }
        else {
            llmq_audience_stir(hub->audience, subjects[i]);
        }
    }
    llmq_hub_room_unlock(hub);
    return n_marks;
}

static apr_status_t ask(llmq_hub_t *hub, llmq_subject_t **subjects, int n,
                        apr_pool_t *scratch)
{
    llmq_audience_round_t nothing = {.whom = LLMQ_OFFER_LIVE};
    llmq_hub_mark_t marks[MANY];
    int n_marks = mark(marks, hub, subjects, n);
    apr_status_t rv = APR_SUCCESS;
    int i;

    if (n_marks) {
        rv = llmq_hub_source_session.grown(marks, &n_marks, hub->service, scratch);
    }
    for (i = 0; rv == APR_SUCCESS && i < n_marks; i++) {
        llmq_hub_room_lock(hub);
        llmq_audience_grow(marks[i].subject, marks[i].seq);
        llmq_hub_room_unlock(hub);
        llmq_hub_room_offer(hub, marks[i].subject, &nothing);
    }
    apr_pool_clear(scratch);
    return rv;
}

static int next(llmq_subject_t **subjects, llmq_hub_t *hub)
{
    int n;

    llmq_hub_room_lock(hub);
    n = llmq_audience_patrol(subjects, hub->audience, MANY);
    llmq_hub_room_unlock(hub);
    return n;
}

apr_status_t llmq_hub_patrol_run(llmq_hub_t *hub, apr_pool_t *scratch)
{
    llmq_subject_t *subjects[MANY];
    apr_status_t rv = APR_SUCCESS;
    int n;

    llmq_hub_room_lock(hub);
    hub->missed = 0;
    llmq_audience_begin_patrol(hub->audience);
    llmq_hub_room_unlock(hub);
    while (rv == APR_SUCCESS && (n = next(subjects, hub))) {
        rv = ask(hub, subjects, n, scratch);
        llmq_hub_room_release(hub, subjects, n);
    }
    if (rv != APR_SUCCESS) {
        llmq_hub_room_lock(hub);
        hub->missed = 1;
        llmq_hub_room_unlock(hub);
    }
    return rv;
}

apr_interval_time_t llmq_hub_patrol_interval(const llmq_hub_t *hub)
{
    int is_alone = llmq_store_conf(hub->service->store)->dialect == LLMQ_DIALECT_SQLITE3;
    llmq_bus_stats_t stats;

    if (!hub->reader) {
        return hub->conf.poll;
    }
    llmq_bus_stats(&stats, hub->service->bus);
    return is_alone || stats.linked ? hub->conf.poll_seldom : hub->conf.poll;
}
