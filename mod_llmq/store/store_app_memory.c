#include "store/store_app_memory.h"

#include "base/json.h"
#include "store/store_run.h"

#include <string.h>

#define ROW_GUESS 192

apr_status_t llmq_store_app_memory_remember(llmq_store_t *store,
                                            const llmq_app_ref_t *ref,
                                            const char *summary, apr_time_t now,
                                            apr_pool_t *p)
{
    const char *args[] = {summary, number(now, p), ref->id, ref->tenant};

    return llmq_store_run_change(store, LLMQ_SQL_APP_REMEMBER, args, APR_NOTFOUND, p);
}

/* ----------------------------------------------------------------------------- recall */

/* @return JSON array of the jobs of kind MEMORY; NULL for none */
static const char *jobs_to_json(llmq_job_t *const *jobs, int n, apr_pool_t *p)
{
    llmq_text_t t;
    int any = 0;
    int i;

    llmq_text_init(&t, (apr_size_t)n * ROW_GUESS + 3, p);
    LLMQ_TEXT_LIT(&t, "[");
    for (i = 0; i < n; i++) {
        llmq_app_mark_t mark;

        if (!jobs[i] || jobs[i]->kind != LLMQ_KIND_MEMORY)
            continue;
        llmq_app_turn_mark(&mark, jobs[i], p);
        if (any++)
            LLMQ_TEXT_LIT(&t, ",");
        LLMQ_TEXT_LIT(&t, "{");
        llmq_json_kv(&t, "i", jobs[i]->id);
        llmq_json_kv(&t, "t", jobs[i]->tenant);
        llmq_json_kv(&t, "c", jobs[i]->payload);
        llmq_json_kv(&t, "a", mark.app);
        LLMQ_TEXT_LIT(&t, "}");
    }
    LLMQ_TEXT_LIT(&t, "]");
    return any ? t.data : NULL;
}

static llmq_app_recall_t *recall_of(llmq_app_recall_t *recalls, llmq_job_t *const *jobs,
                                    int n, const char *id)
{
    int i;

    for (i = 0; i < n; i++) {
        if (jobs[i] && strcmp(jobs[i]->id, id) == 0)
            return &recalls[i];
    }
    return NULL;
}

static void begin_recall(llmq_app_recall_t *recall, const llmq_store_rows_t *rows,
                         apr_pool_t *p)
{
    recall->job = llmq_store_run_text(rows, 0);
    recall->summary = llmq_store_run_text(rows, 1);
    recall->version = llmq_store_run_int(rows, 2);
    recall->upto = llmq_store_run_int(rows, 3);
    recall->mode = (llmq_app_memory_e)llmq_store_run_int(rows, 4);
    recall->turns = apr_palloc(p, sizeof(*recall->turns) * LLMQ_APP_MEMORY_TURNS);
    recall->ends = apr_palloc(p, sizeof(*recall->ends) * LLMQ_APP_MEMORY_TURNS);
}

static void add_turn(llmq_app_recall_t *recall, const llmq_store_rows_t *rows,
                     apr_pool_t *p)
{
    const char *prompt = llmq_store_run_text(rows, 5);
    const char *answer =
        prompt ? llmq_chat_answer(llmq_store_run_text(rows, 6), p) : NULL;

    if (answer && recall->n < LLMQ_APP_MEMORY_TURNS) {
        recall->turns[recall->n].prompt = prompt;
        recall->turns[recall->n].answer = answer;
        recall->ends[recall->n] = llmq_store_run_int(rows, 7);
        recall->n++;
    }
}

apr_status_t llmq_store_app_memory_recall(llmq_app_recall_t **precalls,
                                          llmq_store_t *store, llmq_job_t *const *jobs,
                                          int n, apr_pool_t *p)
{
    const char *args[] = {jobs_to_json(jobs, n, p), number(LLMQ_APP_MEMORY_TURNS, p)};
    llmq_app_recall_t *recalls = apr_pcalloc(p, sizeof(*recalls) * ((apr_size_t)n + 1));
    llmq_store_rows_t rows;
    apr_status_t rv;

    *precalls = recalls;
    if (!args[0])
        return APR_SUCCESS;
    rv = llmq_store_run(&rows, store, LLMQ_SQL_APP_RECALL, args, p);
    if (rv != APR_SUCCESS)
        return rv;
    while (llmq_store_run_next(&rows)) {
        llmq_app_recall_t *recall =
            recall_of(recalls, jobs, n, llmq_store_run_text(&rows, 0));

        if (!recall)
            continue;
        if (!recall->job)
            begin_recall(recall, &rows, p);
        add_turn(recall, &rows, p);
    }
    return APR_SUCCESS;
}

/* ------------------------------------------------------------------------------ learn */

static const char *lessons_to_json(const llmq_app_lesson_t *lessons, int n, apr_pool_t *p)
{
    llmq_text_t t;
    int i;

    llmq_text_init(&t, (apr_size_t)n * 1024 + 3, p);
    LLMQ_TEXT_LIT(&t, "[");
    for (i = 0; i < n; i++) {
        if (i)
            LLMQ_TEXT_LIT(&t, ",");
        LLMQ_TEXT_LIT(&t, "{");
        llmq_json_kv(&t, "a", lessons[i].app);
        llmq_json_kv(&t, "s", lessons[i].summary);
        llmq_json_kv_int(&t, "v", lessons[i].version);
        llmq_json_kv_int(&t, "u", lessons[i].upto);
        LLMQ_TEXT_LIT(&t, "}");
    }
    LLMQ_TEXT_LIT(&t, "]");
    return t.data;
}

apr_status_t llmq_store_app_memory_learn(llmq_store_t *store,
                                         const llmq_app_lesson_t *lessons, int n,
                                         apr_pool_t *p)
{
    const char *args[] = {lessons_to_json(lessons, n, p)};
    llmq_store_rows_t rows;

    return llmq_store_run(&rows, store, LLMQ_SQL_APP_LEARN, args, p);
}

apr_status_t llmq_store_app_memory_tidy(llmq_store_t *store,
                                        const llmq_app_lesson_t *lesson, apr_pool_t *p)
{
    const char *args[] = {lesson->tenant, lesson->chain, number(lesson->upto, p)};
    llmq_store_rows_t rows;

    return llmq_store_run(&rows, store, LLMQ_SQL_APP_SPENT, args, p);
}

/* -------------------------------------------------------------------------- forgotten */

static void read_forgotten(llmq_app_forgotten_t *f, const llmq_store_rows_t *rows)
{
    memset(f, 0, sizeof(*f));
    f->turn.id = llmq_store_run_text(rows, 0);
    f->turn.tenant = llmq_store_run_text(rows, 1);
    f->turn.chain = llmq_store_run_text(rows, 2);
    f->turn.user = llmq_store_run_text(rows, 3);
    f->turn.finished_at = llmq_store_run_int(rows, 4);
    f->app = llmq_store_run_text(rows, 5);
}

apr_status_t llmq_store_app_memory_forgotten(llmq_app_forgotten_t **pfound, int *pn,
                                             llmq_store_t *store, apr_time_t before,
                                             int limit, apr_pool_t *p)
{
    const char *when = number(before, p);
    const char *args[] = {when, when, number(limit, p)};
    llmq_store_rows_t settled;
    llmq_store_rows_t rows;
    apr_status_t rv = llmq_store_run(&rows, store, LLMQ_SQL_APP_FORGOTTEN, args, p);

    *pn = 0;
    if (rv != APR_SUCCESS)
        return rv;
    *pfound = apr_palloc(p, sizeof(**pfound) * ((apr_size_t)rows.n + 1));
    while (llmq_store_run_next(&rows))
        read_forgotten(&(*pfound)[(*pn)++], &rows);
    return *pn ? APR_SUCCESS
               : llmq_store_run(&settled, store, LLMQ_SQL_APP_SETTLED, args, p);
}
