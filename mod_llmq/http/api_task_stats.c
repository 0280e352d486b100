/* S3's figures: of a tenant's tasks, of its workers, of what waits. What is counted of tasks
 * is read from the store, so it is true on every node. */
#include "http/api.h"

#include "base/clock.h"
#include "cfg/cfg.h"
#include "core/task.h"
#include "http/query.h"
#include "http/reply.h"
#include "http/workers.h"
#include "store/store_census.h"

#include <apr_strings.h>

#include <string.h>

#define RATE_SPAN apr_time_from_sec(300) /* over which the rate of ends is taken */

/* ---- tasks ---- */

typedef struct {
    const llmq_census_t *row;
    int n;
    apr_int64_t state[LLMQ_TASK_COUNT];
    apr_int64_t total;
    apr_int64_t timed; /* completed ones whose time is known */
    apr_interval_time_t busy;
    apr_int64_t ended_lately;
} tasks_t;

static llmq_task_state_e state_of(const llmq_census_t *row)
{
    llmq_job_t job = {.status = row->status};

    return row->backing_off ? LLMQ_TASK_RETRYING : llmq_task_state(&job, 0);
}

static apr_status_t count_tasks(tasks_t *tasks, const llmq_service_t *service,
                                const char *tenant, const char *user, apr_pool_t *p)
{
    apr_time_t now = llmq_clock_now();
    const llmq_census_filter_t filter = {tenant, user, now - RATE_SPAN, now};
    llmq_census_t *rows;
    apr_status_t rv;
    int i;

    memset(tasks, 0, sizeof(*tasks));
    rv = llmq_store_census_take(&rows, &tasks->n, service->store, &filter, p);
    for (i = 0; rv == APR_SUCCESS && i < tasks->n; i++) {
        llmq_task_state_e state = state_of(&rows[i]);

        tasks->state[state] += rows[i].count;
        tasks->total += rows[i].count;
        tasks->ended_lately += rows[i].ended_lately;
        if (state == LLMQ_TASK_COMPLETED) {
            tasks->timed += rows[i].timed;
            tasks->busy += rows[i].busy;
        }
    }
    tasks->row = rv == APR_SUCCESS ? rows : NULL;
    return rv;
}

/* Those between two attempts wait as the others do. */
static apr_int64_t waiting(const tasks_t *tasks)
{
    return tasks->state[LLMQ_TASK_QUEUED] + tasks->state[LLMQ_TASK_RETRYING];
}

static double seconds_each(apr_interval_time_t all, apr_int64_t n)
{
    return n > 0 ? (double)all / APR_USEC_PER_SEC / (double)n : 0;
}

static void begin(llmq_text_t *t, const char *key)
{
    llmq_json_key(t, key);
    LLMQ_TEXT_LIT(t, "{");
}

/* The rows come by type. */
static void put_types(llmq_text_t *t, const tasks_t *tasks)
{
    int i = 0;

    begin(t, "type_breakdown");
    while (i < tasks->n) {
        const char *type = tasks->row[i].type;
        apr_int64_t n = 0;

        while (i < tasks->n && strcmp(tasks->row[i].type, type) == 0) {
            n += tasks->row[i++].count;
        }
        llmq_json_kv_int(t, type, n);
    }
    LLMQ_TEXT_LIT(t, "}");
}

static void put_tasks(llmq_text_t *t, const tasks_t *tasks)
{
    int s;

    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv_int(t, "total_tasks", tasks->total);
    llmq_json_kv_int(t, "queued_tasks", waiting(tasks));
    llmq_json_kv_int(t, "processing_tasks", tasks->state[LLMQ_TASK_PROCESSING]);
    llmq_json_kv_int(t, "completed_tasks", tasks->state[LLMQ_TASK_COMPLETED]);
    llmq_json_kv_int(t, "failed_tasks", tasks->state[LLMQ_TASK_FAILED]);
    llmq_json_kv_int(t, "canceled_tasks", tasks->state[LLMQ_TASK_CANCELED]);
    llmq_json_kv_double(t, "avg_process_time", seconds_each(tasks->busy, tasks->timed));
    llmq_json_kv_double(t, "success_rate",
                        tasks->total > 0
                            ? 100.0 * (double)tasks->state[LLMQ_TASK_COMPLETED]
                                  / (double)tasks->total
                            : 0);
    begin(t, "status_breakdown");
    for (s = 0; s < LLMQ_TASK_COUNT; s++) {
        llmq_json_kv_int(t, llmq_task_state_name((llmq_task_state_e)s), tasks->state[s]);
    }
    LLMQ_TEXT_LIT(t, "}");
    put_types(t, tasks);
    LLMQ_TEXT_LIT(t, "}");
}

static int reply(request_rec *r, llmq_text_t *t)
{
    LLMQ_TEXT_LIT(t, "\n");
    return llmq_reply_json(r, HTTP_OK, t->data, t->len);
}

int llmq_api_task_stats_get(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_result_t why = {0};
    apr_table_t *query;
    tasks_t tasks;
    llmq_text_t t;
    apr_status_t rv;

    (void)id;
    if (llmq_query_parse(&query, r, &why) != APR_SUCCESS) {
        return llmq_reply_problem(r, &why);
    }
    rv = count_tasks(&tasks, service, llmq_cfg_tenant(llmq_cfg_dir(r)),
                     apr_table_get(query, "kb_id"), r->pool);
    if (rv != APR_SUCCESS) {
        return llmq_reply_status(r, rv);
    }
    llmq_text_init(&t, 1024, r->pool);
    put_tasks(&t, &tasks);
    return reply(r, &t);
}

/* ---- workers ---- */

static void put_worker(llmq_text_t *t, const llmq_workers_view_t *view)
{
    const llmq_worker_t *w = &view->worker;
    apr_int64_t processed = w->succeeded + w->failed;

    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "id", w->id);
    llmq_json_kv(t, "status", llmq_worker_state_name(view->state));
    llmq_json_kv(t, "current_task_id", view->latest);
    llmq_json_kv_int(t, "current_tasks", view->holds);
    llmq_json_kv_int(t, "tasks_processed", processed);
    llmq_json_kv_int(t, "tasks_succeeded", w->succeeded);
    llmq_json_kv_int(t, "tasks_failed", w->failed);
    llmq_json_kv_time(t, "last_heartbeat", w->seen);
    llmq_json_kv_time(t, "started_at", w->started);
    llmq_json_kv_double(t, "average_task_time", seconds_each(w->busy, processed));
    LLMQ_TEXT_LIT(t, "}");
}

static void put_system(llmq_text_t *t, const llmq_workers_t *workers,
                       const tasks_t *tasks)
{
    const int *count = workers->count;
    int i;

    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv_int(t, "total_workers", workers->n);
    llmq_json_kv_int(t, "active_workers",
                     count[LLMQ_WORKER_IDLE] + count[LLMQ_WORKER_BUSY]);
    llmq_json_kv_int(t, "idle_workers", count[LLMQ_WORKER_IDLE]);
    llmq_json_kv_int(t, "busy_workers", count[LLMQ_WORKER_BUSY]);
    llmq_json_kv_int(t, "stopped_workers", count[LLMQ_WORKER_STOPPED]);
    llmq_json_kv_int(t, "queue_size", waiting(tasks));
    llmq_json_kv_double(t, "processing_rate",
                        (double)tasks->ended_lately * 60 * APR_USEC_PER_SEC / RATE_SPAN);
    llmq_json_key(t, "workers");
    LLMQ_TEXT_LIT(t, "[");
    for (i = 0; i < workers->n; i++) {
        llmq_text_puts(t, i ? "," : "");
        put_worker(t, workers->view[i]);
    }
    LLMQ_TEXT_LIT(t, "]");
    llmq_json_key(t, "task_stats");
    put_tasks(t, tasks);
    LLMQ_TEXT_LIT(t, "}");
}

int llmq_api_task_stats_system(request_rec *r, const llmq_service_t *service,
                               const char *id)
{
    const char *tenant = llmq_cfg_tenant(llmq_cfg_dir(r));
    llmq_workers_t workers;
    tasks_t tasks;
    llmq_text_t t;
    apr_status_t rv =
        llmq_workers_gather(&workers, service, tenant, llmq_clock_now(), r->pool);

    (void)id;
    if (rv == APR_SUCCESS) {
        rv = count_tasks(&tasks, service, tenant, NULL, r->pool);
    }
    if (rv != APR_SUCCESS) {
        return llmq_reply_status(r, rv);
    }
    llmq_text_init(&t, 1024 + 320 * (apr_size_t)workers.n, r->pool);
    put_system(&t, &workers, &tasks);
    return reply(r, &t);
}

/* ---- what waits ---- */

static apr_status_t read_queue(llmq_census_queue_t *queue, request_rec *r,
                               llmq_result_t *why)
{
    const char *word;
    apr_table_t *query;
    apr_status_t rv = llmq_query_parse(&query, r, why);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    queue->tenant = llmq_cfg_tenant(llmq_cfg_dir(r));
    queue->type = apr_table_get(query, "task_type");
    queue->level = LLMQ_LEVEL_NONE;
    if (queue->type
        && !llmq_task_type_find(llmq_cfg_task_types(r->server), queue->type)) {
        return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, "task_type",
                               "is no known type of task");
    }
    word = apr_table_get(query, "priority");
    if (word && llmq_task_parse_level(&queue->level, word) != APR_SUCCESS) {
        return llmq_result_set(why, LLMQ_PROBLEM_PRIORITY, "priority",
                               "must be low, normal, high or critical");
    }
    return APR_SUCCESS;
}

int llmq_api_task_stats_queue(request_rec *r, const llmq_service_t *service,
                              const char *id)
{
    llmq_census_queue_t queue;
    llmq_result_t why = {0};
    apr_int64_t size = 0;
    llmq_text_t t;
    apr_status_t rv;

    (void)id;
    if (read_queue(&queue, r, &why) != APR_SUCCESS) {
        return llmq_reply_problem(r, &why);
    }
    rv = llmq_store_census_waiting(&size, service->store, &queue, r->pool);
    if (rv != APR_SUCCESS) {
        return llmq_reply_status(r, rv);
    }
    llmq_text_init(&t, 128, r->pool);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv_int(&t, "queue_size", size);
    llmq_json_kv(&t, "queue_key",
                 queue.level == LLMQ_LEVEL_NONE
                     ? "task_queue"
                     : apr_pstrcat(r->pool, "task_queue:",
                                   llmq_task_level_name(queue.level), NULL));
    LLMQ_TEXT_LIT(&t, "}");
    return reply(r, &t);
}
