/* Sources of event streams: messages and tasks, which change until they have ended, and
 * conversations, logs of answers. */
#include "http/hub_source.h"

#include "core/message.h"
#include "core/task.h"
#include "http/app_turns.h"
#include "http/overlay.h"
#include "http/task_view.h"
#include "store/store_conversation.h"
#include "store/store_job.h"

/* ---- one job: its state as it is now, by the moment of its last change ---- */

static void show_state(llmq_audience_page_t *page, const llmq_job_t *job,
                       const char *state, const llmq_text_t *t)
{
    int is_final = llmq_job_is_final(job->status);
    const llmq_sse_event_t event = {job->updated_at, is_final ? state : "status", t->data,
                                    t->len};
    /* The last word goes to everybody, as clocks of two nodes may differ. */
    const llmq_audience_piece_t fit = {.from = 0,
                                       .until =
                                           is_final ? APR_INT64_MAX : job->updated_at - 1,
                                       .to = job->updated_at,
                                       .version = is_final ? LLMQ_AUDIENCE_LAST : 0};

    llmq_audience_page_show(page, &event, &fit);
    page->news.head = job->updated_at;
    page->news.final = is_final;
}

static apr_status_t find(llmq_job_t **pjob, llmq_audience_page_t *page,
                         const llmq_service_t *service, const llmq_subject_t *s,
                         llmq_kind_e kind, apr_pool_t *p)
{
    apr_status_t rv = llmq_overlay_find(pjob, NULL, service, s->tenant, kind, s->id, p);

    *pjob = rv == APR_SUCCESS ? *pjob : NULL;
    page->news.gone = rv == APR_NOTFOUND;
    return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
}

static apr_status_t read_message(llmq_audience_page_t *page,
                                 const llmq_service_t *service, const llmq_subject_t *s,
                                 const llmq_audience_read_t *what, apr_pool_t *p)
{
    llmq_job_t *job;
    llmq_text_t t;
    apr_status_t rv = find(&job, page, service, s, LLMQ_KIND_MESSAGE, p);

    (void)what;
    if (rv == APR_SUCCESS && job) {
        llmq_text_init(&t, job->payload_len + 1024, p);
        llmq_message_to_json(&t, job, NULL);
        show_state(page, job, llmq_job_status_name(job->status), &t);
    }
    return rv;
}

static apr_status_t read_task(llmq_audience_page_t *page, const llmq_service_t *service,
                              const llmq_subject_t *s, const llmq_audience_read_t *what,
                              apr_pool_t *p)
{
    llmq_job_t *job;
    llmq_text_t t;
    apr_status_t rv = find(&job, page, service, s, LLMQ_KIND_TASK, p);

    (void)what;
    if (rv == APR_SUCCESS && job) {
        llmq_task_state_e state = llmq_task_state(job, apr_time_now());

        llmq_text_init(&t, job->payload_len + 1024, p);
        llmq_task_view_add(&t, job, llmq_task_view_look_at(service, s->tenant, p));
        show_state(page, job, llmq_task_state_name(state), &t);
    }
    return rv;
}

/* S2's answer as it would be without a stream. Of a turn that is removed while it is answered
 * that is a refusal: its stream ends with a word, as whoever reads it waits for the last. */
static apr_status_t read_debug(llmq_audience_page_t *page, const llmq_service_t *service,
                               const llmq_subject_t *s, const llmq_audience_read_t *what,
                               apr_pool_t *p)
{
    llmq_job_t removed = {.status = LLMQ_STATUS_CANCELED, .updated_at = apr_time_now()};
    llmq_job_t *job;
    llmq_text_t t;
    apr_status_t rv = find(&job, page, service, s, LLMQ_KIND_DEBUG, p);

    (void)what;
    if (rv != APR_SUCCESS) {
        return rv;
    }
    llmq_text_init(&t, (job ? job->payload_len : 0) + 2048, p);
    if (job) {
        llmq_app_turns_write(&t, job, p);
    }
    else {
        llmq_app_turns_write_gone(&t);
        page->news.gone = 0;
        job = &removed;
    }
    t.data[--t.len] = '\0'; /* the end of its line */
    show_state(page, job, llmq_job_status_name(job->status), &t);
    return rv;
}

const llmq_hub_source_t llmq_hub_job_debug = {read_debug, NULL, 0};
const llmq_hub_source_t llmq_hub_job_message = {read_message, NULL, 0};
const llmq_hub_source_t llmq_hub_job_task = {read_task, NULL, 0};

/* ---- conversations: messages that have ended, in the order of the questions ---- */

static void add_message(llmq_audience_page_t *page, const llmq_job_t *job, apr_pool_t *p)
{
    llmq_text_t t;

    llmq_text_init(&t, job->payload_len + 1024, p);
    llmq_message_to_json(&t, job, NULL);
    if (llmq_job_is_final(job->status)) {
        const llmq_sse_event_t event = {job->seq, "message", t.data, t.len};

        llmq_audience_page_add(page, &event);
    }
    else {
        const llmq_sse_event_t event = {-1, "status", t.data, t.len};
        const llmq_audience_piece_t fit = {.from = page->last,
                                           .until = APR_INT64_MAX,
                                           .to = -1,
                                           .version = job->updated_at};

        llmq_audience_page_show(page, &event, &fit);
    }
}

/* One that has not ended holds back those behind it: a cursor cannot have holes. */
static apr_status_t read_conversation(llmq_audience_page_t *page,
                                      const llmq_service_t *service,
                                      const llmq_subject_t *s,
                                      const llmq_audience_read_t *what, apr_pool_t *p)
{
    const llmq_conversation_ref_t ref = {s->tenant, s->id, apr_time_now()};
    llmq_job_query_t q = {.tenant = s->tenant,
                          .kind = LLMQ_KIND_MESSAGE,
                          .chain = s->id,
                          .status = -1,
                          .sort = LLMQ_SORT_CREATED,
                          .page = 1,
                          .page_size = what->limit};
    llmq_conversation_t c = {0};
    llmq_job_t *jobs = NULL;
    apr_int64_t total;
    int n = 0;
    int i;
    apr_status_t rv = llmq_store_conversation_peek(&c, service->store, &ref, p);

    page->news.gone = rv == APR_NOTFOUND;
    if (rv != APR_SUCCESS) {
        return rv == APR_NOTFOUND ? APR_SUCCESS : rv;
    }
    q.since = c.first_seq > what->after ? c.first_seq : what->after + 1;
    rv = llmq_store_job_list(&jobs, &n, &total, service->store, &q, p);
    if (rv != APR_SUCCESS) {
        return rv;
    }
    page->news.more = n == what->limit;
    for (i = 0; i < n; i++) {
        llmq_overlay_job(&jobs[i], service->queue);
        add_message(page, &jobs[i], p);
        if (!llmq_job_is_final(jobs[i].status)) {
            page->news.more = 0;
            break;
        }
    }
    page->news.head = page->last;
    return APR_SUCCESS;
}

const llmq_hub_source_t llmq_hub_job_conversation = {read_conversation, NULL, 0};
