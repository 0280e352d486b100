#include "http/metrics_task.h"

#include "base/clock.h"
#include "core/task.h"
#include "http/metrics_levels.h"

#include <string.h>

#define COUNTER   LLMQ_PROMETHEUS_COUNTER
#define GAUGE     LLMQ_PROMETHEUS_GAUGE
#define HISTOGRAM LLMQ_PROMETHEUS_HISTOGRAM

apr_status_t llmq_metrics_task_gather(llmq_metrics_task_t *m,
                                      const llmq_service_t *service)
{
    apr_status_t rv = llmq_queue_stats(m->queue, service->tasks);

    if (rv == APR_SUCCESS) {
        rv = llmq_queue_figures_times(&m->times, service->tasks);
    }
    m->now = llmq_clock_now();
    llmq_roster_sum(&m->workers, service->roster, NULL, m->now);
    return rv;
}

void llmq_metrics_task_look(llmq_metrics_task_t *m, const llmq_service_t *service,
                            apr_pool_t *p)
{
    if (llmq_store_census_open(&m->open, &m->n_open, service->store, m->now, p)
            != APR_SUCCESS
        || llmq_store_census_dead(&m->dead, service->store, p) != APR_SUCCESS) {
        m->open = NULL;
    }
}

/* ---- by level ---- */

static void waiting(llmq_prometheus_t *w, const llmq_metrics_task_t *m)
{
    int l;

    llmq_prometheus_family(w, GAUGE, "llmq_tasks_waiting",
                           "Tasks that wait: ready to be taken, or scheduled or backing "
                           "off.");
    LLMQ_EACH_LEVEL (l) {
        const char *level = llmq_task_level_name((llmq_level_e)l);
        LLMQ_PROMETHEUS_WITH2(ready, "level", level, "state", "ready");
        LLMQ_PROMETHEUS_WITH2(delayed, "level", level, "state", "delayed");

        llmq_prometheus_count(w, ready, m->queue[l].ready + m->queue[l].blocked);
        llmq_prometheus_count(w, delayed, m->queue[l].delayed);
    }
}

static void queue(llmq_prometheus_t *w, const llmq_metrics_task_t *m)
{
    llmq_prometheus_family(w, COUNTER, "llmq_tasks_queued",
                           "Tasks that were put into the queue, those found in the "
                           "database at start too.");
    llmq_metrics_levels_count(w, m->queue, llmq_task_level_name,
                              LLMQ_METRICS_LEVELS_QUEUED);
    llmq_prometheus_family(w, COUNTER, "llmq_tasks_completed",
                           "Tasks of this node that were completed.");
    llmq_metrics_levels_count(w, m->queue, llmq_task_level_name,
                              LLMQ_METRICS_LEVELS_COMPLETED);
    llmq_prometheus_family(w, COUNTER, "llmq_tasks_failed",
                           "Tasks of this node that failed or timed out for good.");
    llmq_metrics_levels_count(w, m->queue, llmq_task_level_name,
                              LLMQ_METRICS_LEVELS_FAILED);
    waiting(w, m);
    llmq_prometheus_family(w, GAUGE, "llmq_tasks_running",
                           "Tasks in the hands of workers or handlers.");
    llmq_metrics_levels_count(w, m->queue, llmq_task_level_name,
                              LLMQ_METRICS_LEVELS_RUNNING);
    llmq_prometheus_family(w, GAUGE, "llmq_task_queue_size_limit",
                           "Tasks that may wait.");
    llmq_metrics_levels_count(w, m->queue, llmq_task_level_name,
                              LLMQ_METRICS_LEVELS_SIZE);
    llmq_prometheus_family(w, HISTOGRAM, "llmq_task_wait_seconds",
                           "From acceptance, or from when it was due, to the first "
                           "attempt.");
    llmq_metrics_levels_times(w, m->times.waits, llmq_task_level_name);
    llmq_prometheus_family(w, HISTOGRAM, "llmq_task_processing_seconds",
                           "The last attempt of tasks that have ended.");
    llmq_metrics_levels_times(w, m->times.runs, llmq_task_level_name);
}

/* ---- by type ---- */

static void open_tasks(llmq_prometheus_t *w, const llmq_metrics_task_t *m)
{
    int i;

    llmq_prometheus_family(w, GAUGE, "llmq_tasks_open",
                           "Unfinished tasks of this node, as the database has them.");
    for (i = 0; i < m->n_open; i++) {
        const llmq_backlog_sum_t *s = &m->open[i];
        llmq_prometheus_label_t labels[] = {
            {"type", s->type},
            {"level", llmq_task_level_name(s->level)},
            {"status", llmq_task_state_name(s->backing_off ? LLMQ_TASK_RETRYING
                                            : s->status == LLMQ_STATUS_PROCESSING
                                                ? LLMQ_TASK_PROCESSING
                                                : LLMQ_TASK_QUEUED)},
            {NULL, NULL}};

        llmq_prometheus_count(w, labels, (apr_uint64_t)s->count);
    }
}

/* Since when the oldest of a level has been due, 0 if none is. */
static apr_time_t oldest_due(const llmq_metrics_task_t *m, int level)
{
    apr_time_t oldest = 0;
    int i;

    for (i = 0; i < m->n_open; i++) {
        apr_time_t due = m->open[i].oldest_due;

        if ((int)m->open[i].level == level && due && (!oldest || due < oldest)) {
            oldest = due;
        }
    }
    return oldest;
}

static void oldest(llmq_prometheus_t *w, const llmq_metrics_task_t *m)
{
    int l;

    llmq_prometheus_family(w, GAUGE, "llmq_tasks_oldest_wait_seconds",
                           "How long the task that waits the longest has been due.");
    LLMQ_EACH_LEVEL (l) {
        apr_time_t due = oldest_due(m, l);
        LLMQ_PROMETHEUS_WITH(labels, "level", llmq_task_level_name((llmq_level_e)l));

        llmq_prometheus_seconds(w, labels, due && due < m->now ? m->now - due : 0);
    }
}

static void stored(llmq_prometheus_t *w, const llmq_metrics_task_t *m)
{
    if (!m->open) {
        return;
    }
    open_tasks(w, m);
    oldest(w, m);
    llmq_prometheus_family(w, GAUGE, "llmq_tasks_dead",
                           "Tasks of this node that were given up and can be sent back.");
    llmq_prometheus_count(w, NULL, (apr_uint64_t)m->dead);
}

/* ---- workers ---- */

static void workers(llmq_prometheus_t *w, const llmq_metrics_task_t *m)
{
    static const char *const ends[] = {
        [LLMQ_WORKER_SUCCEEDED] = "succeeded", [LLMQ_WORKER_FAILED] = "failed",
        [LLMQ_WORKER_EXPIRED] = "expired",     [LLMQ_WORKER_RELEASED] = "released",
        [LLMQ_WORKER_CANCELED] = "canceled",
    };
    _Static_assert(sizeof(ends) / sizeof(ends[0]) == LLMQ_WORKER_ENDS, "a word for each");
    int i;

    llmq_prometheus_family(w, GAUGE, "llmq_workers",
                           "Workers that this server has heard of.");
    for (i = 0; i < LLMQ_WORKER_COUNT; i++) {
        LLMQ_PROMETHEUS_WITH(labels, "status", llmq_worker_state_name((llmq_worker_e)i));
        llmq_prometheus_count(w, labels, m->workers.workers[i]);
    }
    llmq_prometheus_family(w, COUNTER, "llmq_worker_deliveries",
                           "Tasks and messages that were handed out to workers.");
    llmq_prometheus_count(w, NULL, m->workers.deliveries);
    llmq_prometheus_family(w, COUNTER, "llmq_worker_leases_ended",
                           "How leases have ended.");
    for (i = 0; i < LLMQ_WORKER_ENDS; i++) {
        LLMQ_PROMETHEUS_WITH(labels, "outcome", ends[i]);
        llmq_prometheus_count(w, labels, m->workers.ends[i]);
    }
    llmq_prometheus_family(w, COUNTER, "llmq_worker_calls_missed",
                           "Calls of workers that are not counted, for lack of room.");
    llmq_prometheus_count(w, NULL, m->workers.missed);
}

void llmq_metrics_task_expose(llmq_prometheus_t *w, const llmq_metrics_task_t *m)
{
    queue(w, m);
    stored(w, m);
    workers(w, m);
}
