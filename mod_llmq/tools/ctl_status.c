/* llmqctl status, migrate. */
#include "base/json.h"
#include "core/job.h"
#include "core/priority.h"
#include "core/session.h"
#include "core/task.h"
#include "store/store_schema.h"
#include "store/store_survey.h"
#include "store/store_worker.h"
#include "tools/ctl_args.h"
#include "tools/ctl_store.h"

#include <apr_strings.h>

#include <stdio.h>

typedef struct {
    llmq_survey_t *jobs;
    llmq_survey_node_t *nodes;
    llmq_worker_row_t *workers; /* one for each node that has heard of a worker */
    llmq_survey_session_t *sessions;
    int n_jobs;
    int n_nodes;
    int n_workers;
    int n_sessions;
} view_t;

/* In the words of the API that the job came by. */
static const char *level_name(const llmq_survey_t *s)
{
    if (s->level <= LLMQ_LEVEL_NONE || s->level >= LLMQ_LEVEL_COUNT) {
        return "?";
    }
    return s->kind == LLMQ_KIND_TASK ? llmq_task_level_name(s->level)
                                     : llmq_priority_name(s->level);
}

static const char *status_name(const llmq_survey_t *s)
{
    const llmq_job_t job = {.status = s->status};

    if (s->dead) {
        return "dead";
    }
    if ((unsigned)s->status >= LLMQ_STATUS_COUNT) {
        return "?";
    }
    return s->kind == LLMQ_KIND_TASK ? llmq_task_state_name(llmq_task_state(&job, 0))
                                     : llmq_job_status_name(s->status);
}

static const char *kind_name(const llmq_survey_t *s)
{
    static const char *const names[] = {
        [LLMQ_KIND_NONE] = "?",        [LLMQ_KIND_MESSAGE] = "message",
        [LLMQ_KIND_TASK] = "task",     [LLMQ_KIND_RUN] = "run",
        [LLMQ_KIND_DEBUG] = "debug",   [LLMQ_KIND_COMPLETION] = "completion",
        [LLMQ_KIND_MEMORY] = "memory",
    };

    _Static_assert(sizeof(names) / sizeof(names[0]) == LLMQ_KIND_COUNT,
                   "each kind has a word");
    return names[(unsigned)s->kind < LLMQ_KIND_COUNT ? s->kind : LLMQ_KIND_NONE];
}

static const char *time_text(apr_time_t when, apr_pool_t *p)
{
    char *buf = apr_palloc(p, LLMQ_RFC3339_SIZE);

    if (when == 0) {
        return "-";
    }
    llmq_text_rfc3339(buf, when);
    return buf;
}

/* ---- status ---- */

static void add_job(llmq_text_t *t, const llmq_survey_t *s)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "tenant", s->tenant);
    llmq_json_kv(t, "kind", kind_name(s));
    llmq_json_kv(t, "priority", level_name(s));
    llmq_json_kv(t, "status", status_name(s));
    llmq_json_kv_int(t, "count", s->count);
    llmq_json_kv_time(t, "oldest", s->oldest);
    LLMQ_TEXT_LIT(t, "}");
}

static void add_node(llmq_text_t *t, const llmq_survey_node_t *node)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "node", node->name);
    llmq_json_kv_time(t, "heartbeat", node->heartbeat);
    llmq_json_kv_time(t, "started", node->started);
    LLMQ_TEXT_LIT(t, "}");
}

static void add_worker(llmq_text_t *t, const llmq_worker_row_t *row)
{
    const llmq_worker_t *w = &row->worker;

    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "tenant", w->tenant);
    llmq_json_kv(t, "worker", w->id);
    llmq_json_kv(t, "node", row->node);
    llmq_json_kv_int(t, "succeeded", w->succeeded);
    llmq_json_kv_int(t, "failed", w->failed);
    llmq_json_kv_time(t, "heartbeat", w->seen);
    llmq_json_kv_time(t, "started", w->started);
    LLMQ_TEXT_LIT(t, "}");
}

static void add_session(llmq_text_t *t, const llmq_survey_session_t *s)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "tenant", s->tenant);
    llmq_json_kv(t, "status", llmq_session_status_name((llmq_session_status_e)s->status));
    llmq_json_kv_int(t, "count", s->count);
    llmq_json_kv_int(t, "messages", s->messages);
    llmq_json_kv_time(t, "latest", s->latest);
    LLMQ_TEXT_LIT(t, "}");
}

static void show_json(const view_t *v, apr_pool_t *p)
{
    llmq_text_t t;
    int i;

    llmq_text_init(&t, 4096, p);
    LLMQ_TEXT_LIT(&t, "{\"jobs\":[");
    for (i = 0; i < v->n_jobs; i++) {
        llmq_text_puts(&t, i ? "," : "");
        add_job(&t, &v->jobs[i]);
    }
    LLMQ_TEXT_LIT(&t, "],\"nodes\":[");
    for (i = 0; i < v->n_nodes; i++) {
        llmq_text_puts(&t, i ? "," : "");
        add_node(&t, &v->nodes[i]);
    }
    LLMQ_TEXT_LIT(&t, "],\"workers\":[");
    for (i = 0; i < v->n_workers; i++) {
        llmq_text_puts(&t, i ? "," : "");
        add_worker(&t, &v->workers[i]);
    }
    LLMQ_TEXT_LIT(&t, "],\"sessions\":[");
    for (i = 0; i < v->n_sessions; i++) {
        llmq_text_puts(&t, i ? "," : "");
        add_session(&t, &v->sessions[i]);
    }
    LLMQ_TEXT_LIT(&t, "]}");
    puts(t.data);
}

static void show_workers(const view_t *v, apr_pool_t *p)
{
    int i;

    printf("\n%-16s  %-24s  %10s  %10s  %-20s  %s\n", "TENANT", "WORKER", "SUCCEEDED",
           "FAILED", "HEARTBEAT", "NODE");
    for (i = 0; i < v->n_workers; i++) {
        const llmq_worker_t *w = &v->workers[i].worker;

        printf("%-16s  %-24s  %10" APR_INT64_T_FMT "  %10" APR_INT64_T_FMT
               "  %-20s  %s\n",
               w->tenant, w->id, w->succeeded, w->failed, time_text(w->seen, p),
               v->workers[i].node);
    }
}

static void show_sessions(const view_t *v, apr_pool_t *p)
{
    int i;

    printf("\n%-16s  %-8s  %10s  %12s  %s\n", "TENANT", "SESSIONS", "COUNT", "MESSAGES",
           "LATEST");
    for (i = 0; i < v->n_sessions; i++) {
        const llmq_survey_session_t *s = &v->sessions[i];

        printf("%-16s  %-8s  %10" APR_INT64_T_FMT "  %12" APR_INT64_T_FMT "  %s\n",
               s->tenant, llmq_session_status_name((llmq_session_status_e)s->status),
               s->count, s->messages, time_text(s->latest, p));
    }
}

static void show_text(const view_t *v, apr_pool_t *p)
{
    int i;

    printf("%-16s  %-7s  %-8s  %-10s  %10s  %s\n", "TENANT", "KIND", "PRIORITY", "STATUS",
           "COUNT", "OLDEST");
    for (i = 0; i < v->n_jobs; i++) {
        const llmq_survey_t *s = &v->jobs[i];

        printf("%-16s  %-7s  %-8s  %-10s  %10" APR_INT64_T_FMT "  %s\n", s->tenant,
               kind_name(s), level_name(s), status_name(s), s->count,
               time_text(s->oldest, p));
    }
    printf("\n%-40s  %-20s  %s\n", "NODE", "HEARTBEAT", "STARTED");
    for (i = 0; i < v->n_nodes; i++) {
        printf("%-40s  %-20s  %s\n", v->nodes[i].name,
               time_text(v->nodes[i].heartbeat, p), time_text(v->nodes[i].started, p));
    }
    show_workers(v, p);
    show_sessions(v, p);
}

int llmq_ctl_status_run(llmq_ctl_t *ctl)
{
    const llmq_worker_filter_t filter = {ctl->options[LLMQ_CTL_TENANT], NULL};
    llmq_ctl_store_t db;
    view_t v;
    apr_status_t rv;
    int code = llmq_ctl_store_open(&db, ctl);

    if (code) {
        return code;
    }
    rv = llmq_store_survey_jobs(&v.jobs, &v.n_jobs, db.store,
                                ctl->options[LLMQ_CTL_TENANT], ctl->pool);
    if (rv == APR_SUCCESS) {
        rv = llmq_store_survey_nodes(&v.nodes, &v.n_nodes, db.store, ctl->pool);
    }
    if (rv == APR_SUCCESS) {
        rv = llmq_store_worker_list(&v.workers, &v.n_workers, db.store, &filter,
                                    ctl->pool);
    }
    if (rv == APR_SUCCESS) {
        rv = llmq_store_survey_sessions(&v.sessions, &v.n_sessions, db.store,
                                        ctl->options[LLMQ_CTL_TENANT], ctl->pool);
    }
    if (rv != APR_SUCCESS) {
        return llmq_ctl_store_failed(rv);
    }
    (ctl->options[LLMQ_CTL_JSON] ? show_json : show_text)(&v, ctl->pool);
    return LLMQ_CTL_OK;
}

/* ---- migrate ---- */

int llmq_ctl_status_migrate(llmq_ctl_t *ctl)
{
    llmq_ctl_store_t db;
    llmq_dbd_t *connection = NULL;
    int found = 0;
    int code = llmq_ctl_store_open(&db, ctl);
    apr_status_t rv;

    if (code) {
        return code;
    }
    rv = db.source.acquire(&connection, db.source.ctx, ctl->pool);
    if (rv == APR_SUCCESS) {
        rv = llmq_store_schema_migrate(connection, db.conf.dialect, &found, ctl->pool);
        db.source.release(db.source.ctx, connection, 0);
    }
    if (rv != APR_SUCCESS) {
        return llmq_ctl_store_failed(rv);
    }
    printf("schema version %d, was %d\n", llmq_store_schema_known(db.conf.dialect),
           found);
    return LLMQ_CTL_OK;
}
