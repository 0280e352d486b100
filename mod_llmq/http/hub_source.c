#include "http/hub_source.h"

#include "store/store_session.h"

#include <apr_strings.h>

const llmq_hub_source_t *llmq_hub_source_of(int what)
{
    static const llmq_hub_source_t *const sources[] = {
        [LLMQ_TOPIC_SESSION] = &llmq_hub_source_session,
        [LLMQ_TOPIC_MESSAGE] = &llmq_hub_job_message,
        [LLMQ_TOPIC_CONVERSATION] = &llmq_hub_job_conversation,
        [LLMQ_TOPIC_TASK] = &llmq_hub_job_task,
        [LLMQ_TOPIC_DEBUG] = &llmq_hub_job_debug,
    };

    return sources[what];
}

/* ---- sessions: logs whose numbers have no gaps ---- */

static void add_message(llmq_audience_page_t *page, llmq_text_t *t,
                        const llmq_session_message_t *m)
{
    llmq_sse_event_t event = {m->seq, "message", NULL, 0};

    t->len = 0;
    llmq_session_message_write(t, m);
    event.data = t->data;
    event.len = t->len;
    llmq_audience_page_add(page, &event);
}

static apr_status_t read_session(llmq_audience_page_t *page,
                                 const llmq_service_t *service, const llmq_subject_t *s,
                                 const llmq_audience_read_t *what, apr_pool_t *p)
{
    const llmq_session_ref_t ref = {s->tenant, NULL, s->id};
    llmq_session_message_t *items;
    llmq_text_t t;
    int n;
    int i;
    apr_status_t rv = llmq_store_session_messages(&items, &n, service->store, &ref,
                                                  what->after, what->limit, p);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    llmq_text_init(&t, 1024, p);
    for (i = 0; i < n; i++) {
        add_message(page, &t, &items[i]);
    }
    page->news.head = page->last;
    page->news.more = n == what->limit;
    return APR_SUCCESS;
}

static apr_status_t grown_sessions(llmq_hub_mark_t *marks, int *pn,
                                   const llmq_service_t *service, apr_pool_t *p)
{
    llmq_session_mark_t *questions = apr_palloc(p, sizeof(*questions) * (apr_size_t)*pn);
    llmq_hub_mark_t *all = apr_pmemdup(p, marks, sizeof(*marks) * (apr_size_t)*pn);
    int n = *pn;
    int i;
    int k;
    apr_status_t rv;

    for (i = 0; i < n; i++) {
        questions[i].tenant = marks[i].subject->tenant;
        questions[i].id = marks[i].subject->id;
        questions[i].seq = marks[i].seq;
    }
    rv = llmq_store_session_grown(questions, pn, service->store, p);
    /* Both lists have the same order. */
    for (i = 0, k = 0; rv == APR_SUCCESS && k < *pn && i < n; i++) {
        if (all[i].subject->id == questions[k].id) {
            marks[k].subject = all[i].subject;
            marks[k].seq = questions[k].seq;
            k++;
        }
    }
    return rv;
}

const llmq_hub_source_t llmq_hub_source_session = {read_session, grown_sessions, 1};
