#include "store/store_turn.h"

#include "base/json.h"
#include "store/store_run.h"

#include <apr_strings.h>

#define ROW_GUESS 128

/* @return the JSON array of those that belong to a conversation; NULL if none does */
static const char *jobs_to_json(llmq_job_t *const *jobs, int n, apr_pool_t *p)
{
    llmq_text_t t;
    int i, any = 0;

    llmq_text_init(&t, (apr_size_t)n * ROW_GUESS + 3, p);
    LLMQ_TEXT_LIT(&t, "[");
    for (i = 0; i < n; i++) {
        if (!jobs[i] || !jobs[i]->chain || jobs[i]->kind != LLMQ_KIND_MESSAGE)
            continue;
        if (any++)
            LLMQ_TEXT_LIT(&t, ",");
        LLMQ_TEXT_LIT(&t, "{");
        llmq_json_kv(&t, "i", jobs[i]->id);
        llmq_json_kv(&t, "t", jobs[i]->tenant);
        llmq_json_kv(&t, "c", jobs[i]->chain);
        LLMQ_TEXT_LIT(&t, "}");
    }
    LLMQ_TEXT_LIT(&t, "]");
    return any ? t.data : NULL;
}

apr_status_t llmq_store_turn_load(llmq_turn_t **pturns, int *pn, llmq_store_t *store,
                                  llmq_job_t *const *jobs, int n, int max_turns,
                                  apr_int64_t max_bytes, apr_pool_t *p)
{
    const char *args[] = {jobs_to_json(jobs, n, p), apr_itoa(p, max_turns),
                          apr_psprintf(p, "%" APR_INT64_T_FMT, max_bytes)};
    llmq_store_rows_t rows;
    llmq_turn_t *turns;
    apr_status_t rv;

    *pn = 0;
    if (!args[0])
        return APR_SUCCESS;
    rv = llmq_store_run(&rows, store, LLMQ_SQL_TURNS, args, p);
    if (rv != APR_SUCCESS)
        return rv;
    turns = apr_palloc(p, sizeof(*turns) * ((apr_size_t)rows.n + 1));
    while (llmq_store_run_next(&rows)) {
        llmq_turn_t *turn = &turns[(*pn)++];

        turn->job = llmq_store_run_text(&rows, 0);
        turn->context = llmq_store_run_text(&rows, 1);
        turn->prompt = llmq_store_run_text(&rows, 2);
        turn->result = llmq_store_run_text(&rows, 3);
    }
    *pturns = turns;
    return APR_SUCCESS;
}
