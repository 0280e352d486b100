/* Event streams of messages, conversations and tasks. */
#include "http/api.h"

#include "base/id.h"
#include "cfg/cfg.h"
#include "core/cursor.h"
#include "http/overlay.h"
#include "http/reply.h"
#include "http/sse.h"
#include "store/store_conversation.h"
#include "store/store_job.h"

#define PAGE 200

static int missing(request_rec *r, llmq_problem_e problem, const char *reason,
                   const char *id)
{
    llmq_result_t why = {0};

    llmq_result_set(&why, problem, NULL, reason);
    why.id = id;
    return llmq_reply_problem(r, &why);
}

/* The last word was heard: the client need not come back. A number above that one's was told
 * by a node whose clock is ahead, before the end. */
static int answer_job(request_rec *r, const llmq_service_t *service, const char *id,
                      const llmq_job_t *job)
{
    llmq_sse_t sse = {LLMQ_TOPIC_MESSAGE, id, 0, PAGE};

    sse.what = job->kind == LLMQ_KIND_TASK ? LLMQ_TOPIC_TASK : LLMQ_TOPIC_MESSAGE;
    llmq_cursor_choose(&sse.cursor, llmq_sse_last_id(r), NULL);
    if (sse.cursor == job->updated_at && llmq_job_is_final(job->status)) {
        return llmq_sse_nothing(r);
    }
    sse.cursor = sse.cursor > job->updated_at ? job->updated_at : sse.cursor;
    return llmq_sse_answer(r, service, &sse);
}

int llmq_api_events_message(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_job_t *job;
    apr_status_t rv =
        llmq_overlay_find(&job, NULL, service, llmq_cfg_tenant(llmq_cfg_dir(r)),
                          LLMQ_KIND_MESSAGE, id, r->pool);

    if (rv != APR_SUCCESS) {
        return rv == APR_NOTFOUND
                   ? missing(r, LLMQ_PROBLEM_NO_MESSAGE, "no such message", NULL)
                   : llmq_reply_status(r, rv);
    }
    return answer_job(r, service, id, job);
}

int llmq_api_events_task(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_job_t *job;
    apr_status_t rv =
        llmq_overlay_find(&job, NULL, service, llmq_cfg_tenant(llmq_cfg_dir(r)),
                          LLMQ_KIND_TASK, id, r->pool);

    if (rv != APR_SUCCESS) {
        return rv == APR_NOTFOUND ? llmq_reply_no_task(r, id) : llmq_reply_status(r, rv);
    }
    return answer_job(r, service, job->id, job);
}

/* The number of its last message: nobody can be further. */
static apr_status_t last_seq(apr_int64_t *plast, const llmq_service_t *service,
                             const llmq_conversation_ref_t *ref, apr_pool_t *p)
{
    llmq_job_query_t q = {.tenant = ref->tenant,
                          .kind = LLMQ_KIND_MESSAGE,
                          .chain = ref->id,
                          .status = -1,
                          .sort = LLMQ_SORT_CREATED,
                          .descending = 1,
                          .page = 1,
                          .page_size = 1};
    llmq_conversation_t c = {0};
    llmq_job_t *jobs = NULL;
    apr_int64_t total;
    int n = 0;
    apr_status_t rv = llmq_store_conversation_peek(&c, service->store, ref, p);

    if (rv == APR_SUCCESS) {
        rv = llmq_store_job_list(&jobs, &n, &total, service->store, &q, p);
    }
    *plast = n ? jobs[0].seq : 0;
    return rv;
}

int llmq_api_events_conversation(request_rec *r, const llmq_service_t *service,
                                 const char *id)
{
    const llmq_conversation_ref_t ref = {llmq_cfg_tenant(llmq_cfg_dir(r)), id,
                                         apr_time_now()};
    llmq_sse_t sse = {LLMQ_TOPIC_CONVERSATION, id, 0, PAGE};
    apr_int64_t last = 0;
    apr_status_t rv =
        llmq_id_is_name(id) ? last_seq(&last, service, &ref, r->pool) : APR_NOTFOUND;

    if (rv != APR_SUCCESS) {
        return rv == APR_NOTFOUND ? missing(r, LLMQ_PROBLEM_NO_CONVERSATION,
                                            "no such conversation", NULL)
                                  : llmq_reply_status(r, rv);
    }
    llmq_cursor_choose(&sse.cursor, llmq_sse_last_id(r), NULL);
    sse.cursor = sse.cursor > last ? last : sse.cursor;
    return llmq_sse_answer(r, service, &sse);
}
