/* llmqctl dead-letter list, requeue, delete: straight in the database, for when no server
 * runs or none can be asked. A letter goes back as work of the node that had it; a running
 * server finds it with its next walk, a minute later at most. */
#include "base/json.h"
#include "core/priority.h"
#include "store/store_dead.h"
#include "store/store_job.h"
#include "tools/ctl_args.h"
#include "tools/ctl_store.h"

#include <apr_hash.h>
#include <apr_strings.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE          500
#define DEFAULT_LIMIT 20
#define MAX_LIMIT     10000

/* Something that is done with one letter. */
typedef struct run_t run_t;
typedef apr_status_t act_fn_t(run_t *run, const llmq_job_t *job, int *pdone);

struct run_t {
    llmq_ctl_t *ctl;
    llmq_ctl_store_t db;
    const char *tenant;
    llmq_kind_e kind; /* NONE: all */
    act_fn_t *act;
    apr_hash_t *stores; /* node → llmq_store_t, over the same connection */
    int done;
};

static int read_kind(llmq_kind_e *pkind, const llmq_ctl_t *ctl)
{
    const char *word = ctl->options[LLMQ_CTL_KIND];

    if (word && strcmp(word, "message") != 0 && strcmp(word, "task") != 0) {
        return llmq_ctl_args_complain(LLMQ_CTL_USAGE, "--kind must be message or task");
    }
    *pkind = !word                       ? LLMQ_KIND_NONE
             : strcmp(word, "task") == 0 ? LLMQ_KIND_TASK
                                         : LLMQ_KIND_MESSAGE;
    return LLMQ_CTL_OK;
}

static int begin(run_t *run, llmq_ctl_t *ctl)
{
    const char *tenant = ctl->options[LLMQ_CTL_TENANT];
    int code;

    memset(run, 0, sizeof(*run));
    run->ctl = ctl;
    run->tenant = tenant ? tenant : "default";
    run->stores = apr_hash_make(ctl->pool);
    if ((code = read_kind(&run->kind, ctl)) != LLMQ_CTL_OK) {
        return code;
    }
    return llmq_ctl_store_open(&run->db, ctl);
}

static void set_query(llmq_dead_query_t *query, const run_t *run)
{
    memset(query, 0, sizeof(*query));
    query->tenant = run->tenant;
    query->kind = run->kind;
    query->page = 1;
}

/* ---- list ---- */

static void add_letter(llmq_text_t *t, const llmq_job_t *job)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "id", job->id);
    llmq_json_kv(t, "priority", llmq_priority_name(job->level));
    if (job->kind == LLMQ_KIND_TASK) {
        llmq_json_kv(t, "task_type", job->type);
        llmq_json_kv(t, "kb_id", job->user);
    }
    else {
        llmq_json_kv(t, "user_id", job->user);
        llmq_json_kv(t, "conversation_id", job->chain);
    }
    llmq_json_kv_int(t, "retry_count", job->retry_count);
    llmq_json_kv_time(t, "created_at", job->created_at);
    llmq_json_kv_time(t, "finished_at", job->finished_at);
    llmq_json_kv_raw(t, "error", job->error);
    LLMQ_TEXT_LIT(t, "}");
}

static void show_json(const llmq_job_t *jobs, int n, apr_int64_t total, apr_pool_t *p)
{
    llmq_text_t t;
    int i;

    llmq_text_init(&t, 4096, p);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv_int(&t, "total", total);
    LLMQ_TEXT_LIT(&t, ",\"items\":[");
    for (i = 0; i < n; i++) {
        llmq_text_puts(&t, i ? "," : "");
        add_letter(&t, &jobs[i]);
    }
    LLMQ_TEXT_LIT(&t, "]}");
    puts(t.data);
}

static void show_text(const llmq_job_t *jobs, int n, apr_int64_t total)
{
    char when[LLMQ_RFC3339_SIZE];
    int i;

    printf("%-36s  %-8s  %-20s  %s\n", "ID", "PRIORITY", "GIVEN UP", "ERROR");
    for (i = 0; i < n; i++) {
        llmq_text_rfc3339(when, jobs[i].finished_at);
        printf("%-36s  %-8s  %-20s  %s\n", jobs[i].id, llmq_priority_name(jobs[i].level),
               when, jobs[i].error ? jobs[i].error : "-");
    }
    printf("%d of %" APR_INT64_T_FMT "\n", n, total);
}

static int read_limit(int *plimit, const llmq_ctl_t *ctl)
{
    const char *text = ctl->options[LLMQ_CTL_LIMIT];
    char *end = NULL;
    long n = text ? strtol(text, &end, 10) : DEFAULT_LIMIT;

    if (text && (end == text || *end || n < 1 || n > MAX_LIMIT)) {
        return llmq_ctl_args_complain(LLMQ_CTL_USAGE, "--limit must be 1 to %d",
                                      MAX_LIMIT);
    }
    *plimit = (int)n;
    return LLMQ_CTL_OK;
}

int llmq_ctl_dead_list(llmq_ctl_t *ctl)
{
    run_t run;
    llmq_dead_query_t query;
    llmq_job_t *jobs;
    apr_int64_t total;
    apr_status_t rv;
    int n, limit = 0;
    int code = read_limit(&limit, ctl);

    if (code || (code = begin(&run, ctl))) {
        return code;
    }
    set_query(&query, &run);
    query.page_size = limit;
    query.descending = 1;
    rv = llmq_store_dead_list(&jobs, &n, &total, run.db.store, &query, ctl->pool);
    if (rv != APR_SUCCESS) {
        return llmq_ctl_store_failed(rv);
    }
    if (ctl->options[LLMQ_CTL_JSON]) {
        show_json(jobs, n, total, ctl->pool);
    }
    else {
        show_text(jobs, n, total);
    }
    return LLMQ_CTL_OK;
}

/* ---- requeue, delete ---- */

/* What the store writes as its own belongs to the node that had the letter. */
static apr_status_t store_of(llmq_store_t **pstore, run_t *run, const char *node)
{
    llmq_store_conf_t conf = run->db.conf;
    apr_status_t rv;

    *pstore = apr_hash_get(run->stores, node, APR_HASH_KEY_STRING);
    if (*pstore) {
        return APR_SUCCESS;
    }
    conf.node = apr_pstrdup(run->ctl->pool, node);
    rv = llmq_store_create(pstore, &run->db.source, &conf, run->ctl->pool);
    if (rv == APR_SUCCESS) {
        apr_hash_set(run->stores, conf.node, APR_HASH_KEY_STRING, *pstore);
    }
    return rv;
}

static apr_status_t requeue(run_t *run, const llmq_job_t *job, int *pdone)
{
    apr_time_t now = apr_time_now();
    llmq_dead_return_t one = {job->id, now};
    llmq_store_t *store;
    llmq_job_t *back;
    apr_status_t rv = store_of(&store, run, job->node);

    return rv != APR_SUCCESS ? rv
                             : llmq_store_dead_requeue(&back, pdone, store, run->tenant,
                                                       &one, 1, now, run->ctl->pool);
}

static apr_status_t discard(run_t *run, const llmq_job_t *job, int *pdone)
{
    return llmq_store_dead_remove(pdone, run->db.store, run->tenant, &job->id, 1,
                                  apr_time_now(), run->ctl->pool);
}

static apr_status_t act_on(run_t *run, const llmq_job_t *job)
{
    int done = 0;
    apr_status_t rv = run->act(run, job, &done);

    run->done += done;
    return rv;
}

static apr_status_t act_on_all(run_t *run)
{
    llmq_dead_query_t query;
    llmq_job_t last, *jobs = NULL;
    apr_status_t rv;
    int n, i;

    set_query(&query, run);
    do {
        rv = llmq_store_dead_page(&jobs, &n, run->db.store, &query, jobs ? &last : NULL,
                                  PAGE, run->ctl->pool);
        for (i = 0; rv == APR_SUCCESS && i < n; i++) {
            rv = act_on(run, &jobs[i]);
            last = jobs[i];
        }
    } while (rv == APR_SUCCESS && n == PAGE);
    return rv;
}

static apr_status_t act_on_named(run_t *run)
{
    llmq_job_t *job;
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; rv == APR_SUCCESS && i < run->ctl->n_operands; i++) {
        rv = llmq_store_job_find(&job, run->db.store, run->tenant,
                                 run->kind ? run->kind
                                           : llmq_job_kind_of(run->ctl->operands[i]),
                                 run->ctl->operands[i], run->ctl->pool);
        if (rv == APR_SUCCESS) {
            rv = act_on(run, job);
        }
        if (rv == APR_NOTFOUND) {
            rv = APR_SUCCESS; /* told by the numbers below */
        }
    }
    return rv;
}

static int act(llmq_ctl_t *ctl, act_fn_t *fn, const char *verb)
{
    run_t run;
    int all = ctl->options[LLMQ_CTL_ALL] != NULL;
    apr_status_t rv;
    int code;

    if (all == (ctl->n_operands > 0)) {
        return llmq_ctl_args_complain(LLMQ_CTL_USAGE, "name ids, or --all");
    }
    if ((code = begin(&run, ctl))) {
        return code;
    }
    run.act = fn;
    rv = all ? act_on_all(&run) : act_on_named(&run);
    printf("%s %d\n", verb, run.done);
    if (rv != APR_SUCCESS) {
        return llmq_ctl_store_failed(rv);
    }
    if (run.done < ctl->n_operands) {
        return llmq_ctl_args_complain(LLMQ_CTL_FAILED,
                                      "%d of them are no dead letters of tenant %s",
                                      ctl->n_operands - run.done, run.tenant);
    }
    return LLMQ_CTL_OK;
}

int llmq_ctl_dead_requeue(llmq_ctl_t *ctl)
{
    return act(ctl, requeue, "requeued");
}

int llmq_ctl_dead_delete(llmq_ctl_t *ctl)
{
    return act(ctl, discard, "deleted");
}
