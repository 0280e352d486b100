/* Event streams: S4's sessions. */
#include "http/api.h"

#include "core/cursor.h"
#include "http/query.h"
#include "http/reply.h"
#include "http/session_call.h"
#include "http/session_page.h"
#include "http/sse.h"

#include <apr_lib.h>

static const llmq_session_number_t limit = {"limit", "limit", 200, 1, 500};

static int is_below_0(const char *text)
{
    return text && text[0] == '-' && apr_isdigit(text[1])
           && text[1 + strspn(text + 1, "0123456789")] == '\0';
}

static apr_status_t read_query(llmq_sse_t *sse, request_rec *r, llmq_result_t *why)
{
    apr_table_t *query;
    const char *after;
    apr_status_t rv = llmq_query_parse(&query, r, why);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    after = apr_table_get(query, "after_seq");
    if (llmq_cursor_choose(&sse->cursor, llmq_sse_last_id(r), after) != APR_SUCCESS) {
        llmq_result_blame(why, "after_seq",
                          is_below_0(after) ? "The after seq field must be at least 0."
                                            : "The after seq field must be an integer.",
                          r->pool);
    }
    sse->limit = (int)llmq_session_page_number(query, &limit, why, r->pool);
    return why->problem == LLMQ_PROBLEM_NONE ? APR_SUCCESS : LLMQ_EBODY;
}

int llmq_api_sse_session(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_sse_t sse = {LLMQ_TOPIC_SESSION, NULL, 0, 0};
    llmq_result_t why = {0};
    llmq_session_ref_t ref;
    llmq_session_t *s = NULL;
    apr_status_t rv = llmq_session_call_ref(&ref, r, id);

    if (rv == APR_SUCCESS) {
        rv = llmq_store_session_find(&s, service->store, &ref, r->pool);
    }
    if (rv != APR_SUCCESS) {
        return llmq_session_call_fail(r, rv);
    }
    if (read_query(&sse, r, &why) != APR_SUCCESS) {
        return llmq_reply_problem(r, &why);
    }
    sse.id = ref.id;
    sse.cursor = sse.cursor > s->last_seq ? s->last_seq : sse.cursor;
    return llmq_sse_answer(r, service, &sse);
}
