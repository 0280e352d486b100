#include "http/page.h"

#include "core/message.h"
#include "http/query.h"

#define DEFAULT_SIZE 20
#define MAX_SIZE     100
#define MAX_PAGE     1000000

apr_status_t llmq_page_read(int *ppage, int *ppage_size, const apr_table_t *query,
                            llmq_result_t *why)
{
    apr_status_t rv;

    *ppage = 1;
    *ppage_size = DEFAULT_SIZE;
    rv = llmq_query_count(ppage, query, "page", MAX_PAGE, why);
    return rv == APR_SUCCESS
               ? llmq_query_count(ppage_size, query, "page_size", MAX_SIZE, why)
               : rv;
}

void llmq_page_messages(llmq_text_t *t, const char *name, const llmq_job_t *jobs, int n)
{
    llmq_page_jobs(t, name, jobs, n, NULL);
}

void llmq_page_job(llmq_text_t *t, const llmq_job_t *job,
                   const llmq_task_view_look_t *look)
{
    if (job->kind == LLMQ_KIND_TASK) {
        llmq_task_view_add(t, job, look);
    }
    else {
        llmq_message_to_json(t, job, NULL);
    }
}

void llmq_page_jobs(llmq_text_t *t, const char *name, const llmq_job_t *jobs, int n,
                    const llmq_task_view_look_t *look)
{
    int i;

    LLMQ_TEXT_LIT(t, "{");
    llmq_json_key(t, name);
    LLMQ_TEXT_LIT(t, "[");
    for (i = 0; i < n; i++) {
        if (i) {
            LLMQ_TEXT_LIT(t, ",");
        }
        llmq_page_job(t, &jobs[i], look);
    }
    LLMQ_TEXT_LIT(t, "]");
}

void llmq_page_end(llmq_text_t *t, int page, int page_size, apr_int64_t total)
{
    llmq_json_key(t, "pagination");
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv_int(t, "page", page);
    llmq_json_kv_int(t, "page_size", page_size);
    llmq_json_kv_int(t, "total", total);
    llmq_json_kv_int(t, "total_pages", (total + page_size - 1) / page_size);
    LLMQ_TEXT_LIT(t, "}}");
}
