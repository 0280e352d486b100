#include "store/store_agent_settle.h"

#include "base/json.h"
#include "core/run_log.h"
#include "store/store_run.h"

#include <string.h>

#define ROW_GUESS    256
#define EACH_AT_MOST 3 /* words in the log of a run */

static const char closed[] = "Session is closed";
static const char refused[] = "The database refuses the answer";

/* What is being appended. */
typedef struct {
    llmq_store_t *store;
    llmq_append_t *appends;
    int n;
    apr_time_t now;
    apr_pool_t *pool;
} settle_t;

static llmq_append_t *add(settle_t *s, const llmq_run_t *run)
{
    llmq_append_t *append = &s->appends[s->n++];

    memset(append, 0, sizeof(*append));
    append->tenant = run->tenant;
    return append;
}

static void fail(llmq_run_end_t *end, const char *why)
{
    end->status = LLMQ_RUN_FAILED;
    end->error = why;
    end->raw = NULL;
    end->retryable = 0;
    end->http_status = 0;
}

/* ---- 1. that it began, and what the agent said ---- */

/* Returns the agent's word; NULL: there is none. */
static llmq_append_t *add_words(settle_t *s, const llmq_run_verdict_t *v)
{
    llmq_session_message_t word;
    llmq_append_t *append = NULL;

    if (!v->unbegun) {
        append = add(s, &v->run);
        llmq_run_log_begin(&append->message, &v->run, s->now, s->pool);
    }
    if (!llmq_run_log_word(&word, &v->run, &v->end, s->now, s->pool)) {
        return NULL;
    }
    append = add(s, &v->run);
    append->message = word;
    return append;
}

static apr_status_t append_words(settle_t *s, llmq_run_verdict_t *verdicts, int n)
{
    llmq_append_t **words = apr_palloc(s->pool, sizeof(*words) * ((apr_size_t)n + 1));
    int first = s->n;
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; i < n; i++) {
        words[i] = add_words(s, &verdicts[i]);
    }
    if (s->n > first) {
        rv = llmq_store_append(s->appends + first, s->n - first, s->store, s->pool);
    }
    for (i = 0; rv == APR_SUCCESS && i < n; i++) {
        if (words[i] && words[i]->outcome == LLMQ_APPEND_CLOSED) {
            fail(&verdicts[i].end, closed);
        }
    }
    if (rv != APR_SUCCESS) {
        s->n = first;
    }
    return rv;
}

/* A batch that is refused is tried one by one; an answer that is refused makes a failure. */
static apr_status_t say_words(settle_t *s, llmq_run_verdict_t *verdicts, int n)
{
    apr_status_t rv = append_words(s, verdicts, n);
    int i;

    if (rv != LLMQ_EROW) {
        return rv;
    }
    for (i = 0, rv = APR_SUCCESS; i < n && rv == APR_SUCCESS; i++) {
        rv = append_words(s, &verdicts[i], 1);
        if (rv == LLMQ_EROW) {
            fail(&verdicts[i].end, refused);
            rv = append_words(s, &verdicts[i], 1);
        }
    }
    return rv;
}

/* ---- 2. the last word, which a closed session takes as well, and the rows ---- */

static void tell(llmq_text_t *t, llmq_run_verdict_t *v)
{
    llmq_run_t *run = &v->run;

    run->status = v->end.status;
    run->told = 1;
    run->error = v->end.error;
    run->latency_msec = v->end.latency_msec;
    run->attempts = v->end.attempts;
    run->finished_at = v->end.finished_at;
    run->rolled_back = v->end.rolled_back != 0;
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "i", run->id);
    llmq_json_kv_int(t, "s", run->status);
    llmq_json_kv(t, "e", run->error);
    llmq_json_kv_int(t, "l", run->latency_msec);
    llmq_json_kv_int(t, "n", run->attempts);
    llmq_json_kv_int(t, "f", run->finished_at);
    llmq_json_kv_int(t, "z", run->rolled_back);
    LLMQ_TEXT_LIT(t, "}");
}

static const char *rows_of(llmq_run_verdict_t *verdicts, int n, apr_pool_t *p)
{
    llmq_text_t t;
    int i;

    llmq_text_init(&t, (apr_size_t)n * ROW_GUESS + 3, p);
    LLMQ_TEXT_LIT(&t, "[");
    for (i = 0; i < n; i++) {
        if (i) {
            LLMQ_TEXT_LIT(&t, ",");
        }
        tell(&t, &verdicts[i]);
    }
    LLMQ_TEXT_LIT(&t, "]");
    return t.data;
}

/* One transaction: who reads of an end in the log finds it in the run as well, and may begin
 * the next. */
static apr_status_t say_ends(settle_t *s, llmq_run_verdict_t *verdicts, int n)
{
    const char *args[1];
    int first = s->n;
    int i;

    for (i = 0; i < n; i++) {
        llmq_append_t *append = add(s, &verdicts[i].run);

        append->force = 1;
        llmq_run_log_end(&append->message, &verdicts[i].run, &verdicts[i].end, s->now,
                         s->pool);
    }
    args[0] = rows_of(verdicts, n, s->pool);
    return llmq_store_append_and(s->appends + first, n, LLMQ_SQL_RUN_SETTLE, args,
                                 s->store, s->pool);
}

apr_status_t llmq_store_agent_settle(llmq_append_t **pappends, int *pn,
                                     llmq_store_t *store, llmq_run_verdict_t *verdicts,
                                     int n, apr_time_t now, apr_pool_t *p)
{
    settle_t s = {.store = store, .now = now, .pool = p};
    apr_status_t rv;

    s.appends = apr_palloc(p, sizeof(*s.appends) * EACH_AT_MOST * ((apr_size_t)n + 1));
    rv = say_words(&s, verdicts, n);
    if (rv == APR_SUCCESS) {
        rv = say_ends(&s, verdicts, n);
    }
    *pappends = s.appends;
    *pn = s.n;
    return rv;
}
