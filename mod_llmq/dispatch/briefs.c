#include "dispatch/briefs.h"

#include "base/clock.h"
#include "base/json.h"
#include "core/run_log.h"
#include "dispatch/agents_end.h"
#include "dispatch/dispatch_inner.h"
#include "store/store_agent.h"
#include "store/store_append.h"
#include "store/store_session.h"

#include <apr_strings.h>

#include <string.h>

/* A turn takes four rows of a log (prompt, begin, answer, end); so many are read for each,
 * so that notes in between do not cost a turn. */
#define ROWS_A_TURN 6
#define ROWS_MORE   16
#define ROWS_MOST   1000

static const char unfit[] = "The trigger message is not a user's prompt with content";
static const char closed[] = "Session is closed";
static const char gone[] = "The session or its trigger message is gone";

/* ---- what was said before ---- */

static int is_undone(const char *id, const char *const *undone, int n)
{
    int i;

    for (i = 0; id && i < n; i++) {
        if (strcmp(id, undone[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

/* What runs say of themselves is no part of the talk, nor is what was rolled back. */
static int is_context(const llmq_session_message_t *m, const char *const *undone, int n)
{
    return m->content && *m->content && strncmp(m->type, "run.", 4) != 0
           && !is_undone(m->id, undone, n) && !is_undone(m->reply_to, undone, n);
}

/* Keep the newest, in order. Returns how many. */
static int choose(llmq_session_message_t **out, llmq_session_message_t *rows, int n,
                  const llmq_chat_conf_t *conf)
{
    apr_size_t bytes = 0;
    int most = 2 * conf->max_turns;
    int i = n;

    while (i > 0 && n - i < most) {
        bytes += strlen(rows[i - 1].content)
                 + (rows[i - 1].payload ? strlen(rows[i - 1].payload) : 0);
        if (bytes > conf->max_bytes) {
            break;
        }
        i--;
    }
    *out = rows + i;
    return n - i;
}

/* The log up to a trigger, without the trigger. */
static apr_status_t load_past(llmq_session_message_t **prows, int *pn,
                              const llmq_chat_conf_t *conf, llmq_store_t *store,
                              const llmq_run_t *run,
                              const llmq_session_message_t *trigger, apr_pool_t *p)
{
    llmq_session_ref_t log = {run->tenant, NULL, run->session};
    llmq_run_ref_t session = {run->tenant, run->session, NULL};
    apr_int64_t limit = ROWS_A_TURN * (apr_int64_t)conf->max_turns + ROWS_MORE;
    const char **undone = NULL;
    int n_undone = 0;
    int kept = 0;
    apr_status_t rv = APR_SUCCESS;
    int i;

    limit = limit > ROWS_MOST ? ROWS_MOST : limit;
    limit = limit < trigger->seq ? limit : trigger->seq - 1;
    *pn = 0;
    if (limit == 0 || conf->max_turns == 0) {
        return APR_SUCCESS;
    }
    rv = llmq_store_session_messages(prows, pn, store, &log, trigger->seq - 1 - limit,
                                     (int)limit, p);
    if (rv == APR_SUCCESS) {
        rv = llmq_store_agent_undone(&undone, &n_undone, store, &session, p);
    }
    for (i = 0; rv == APR_SUCCESS && i < *pn; i++) {
        if (is_context(&(*prows)[i], undone, n_undone)) {
            (*prows)[kept++] = (*prows)[i];
        }
    }
    *pn = rv == APR_SUCCESS ? choose(prows, *prows, kept, conf) : 0;
    return rv;
}

/* ---- what an agent is sent ---- */

static const char *chat_role(llmq_role_e role)
{
    return role == LLMQ_ROLE_AGENT    ? "assistant"
           : role == LLMQ_ROLE_SYSTEM ? "system"
                                      : "user";
}

static void put_chat(llmq_text_t *t, const llmq_session_message_t *m)
{
    if (t->data[t->len - 1] != '[') {
        LLMQ_TEXT_LIT(t, ",");
    }
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "role", chat_role(m->role));
    llmq_json_kv(t, "content", m->content);
    LLMQ_TEXT_LIT(t, "}");
}

static void put_resource(llmq_text_t *t, const llmq_session_message_t *m)
{
    if (t->data[t->len - 1] != '[') {
        LLMQ_TEXT_LIT(t, ",");
    }
    llmq_session_message_write(t, m);
}

typedef void put_fn_t(llmq_text_t *t, const llmq_session_message_t *m);

static const char *list_of(put_fn_t *put, const llmq_session_message_t *past, int n,
                           const llmq_session_message_t *trigger, apr_pool_t *p)
{
    llmq_text_t t;
    int i;

    llmq_text_init(&t, 1024 * ((apr_size_t)n + 1), p);
    LLMQ_TEXT_LIT(&t, "[");
    for (i = 0; i < n; i++) {
        put(&t, &past[i]);
    }
    put(&t, trigger);
    LLMQ_TEXT_LIT(&t, "]");
    return t.data;
}

static const char *body_of(const llmq_run_t *run, const llmq_job_t *job,
                           const char *messages, const llmq_session_message_t *trigger,
                           apr_pool_t *p)
{
    llmq_text_t t;

    llmq_text_init(&t, strlen(messages) + 2048, p);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv(&t, "run_id", run->id);
    llmq_json_kv(&t, "session_id", run->session);
    llmq_json_kv_int(&t, "attempt", (apr_int64_t)job->retry_count + 1);
    llmq_json_key(&t, "trigger_message");
    llmq_session_message_write(&t, trigger);
    llmq_json_kv_raw(&t, "messages", messages);
    LLMQ_TEXT_LIT(&t, "}");
    return t.data;
}

/* ---- briefs ---- */

static apr_status_t refuse(llmq_brief_t *brief, const char *why)
{
    brief->state = LLMQ_BRIEF_REFUSED;
    brief->why = why;
    return APR_SUCCESS;
}

static apr_status_t brief_one(llmq_brief_t *brief, llmq_dispatch_t *d,
                              llmq_store_t *store, const llmq_job_t *job, apr_pool_t *p)
{
    llmq_session_message_t *trigger = NULL;
    llmq_session_message_t *past = NULL;
    llmq_session_ref_t log = {job->tenant, NULL, NULL};
    apr_status_t rv;
    int n = 0;

    if (llmq_run_of_job(&brief->run, job, p) != APR_SUCCESS) {
        return refuse(brief, gone);
    }
    log.id = brief->run.session;
    rv = llmq_store_session_message(&trigger, store, &log, brief->run.trigger, p);
    if (rv == APR_NOTFOUND) {
        return refuse(brief, gone);
    }
    if (rv == APR_SUCCESS && !llmq_run_is_trigger(trigger)) {
        return refuse(brief, unfit);
    }
    if (rv == APR_SUCCESS) {
        rv = load_past(&past, &n, &d->conf->chat, store, &brief->run, trigger, p);
    }
    if (rv != APR_SUCCESS) {
        return rv;
    }
    brief->state = LLMQ_BRIEF_READY;
    brief->chat = list_of(put_chat, past, n, trigger, p);
    brief->body =
        body_of(&brief->run, job, list_of(put_resource, past, n, trigger, p), trigger, p);
    return APR_SUCCESS;
}

/* The log of each tells that it begins; one that has begun before says it once. */
static apr_status_t begin_all(llmq_brief_t *briefs, int n, llmq_dispatch_t *d,
                              llmq_store_t *store, apr_pool_t *p)
{
    llmq_append_t *appends = apr_pcalloc(p, sizeof(*appends) * ((apr_size_t)n + 1));
    llmq_brief_t **of = apr_palloc(p, sizeof(*of) * ((apr_size_t)n + 1));
    apr_time_t now = llmq_clock_now();
    apr_status_t rv;
    int n_appends = 0;
    int i;

    for (i = 0; i < n; i++) {
        if (briefs[i].state == LLMQ_BRIEF_READY) {
            of[n_appends] = &briefs[i];
            appends[n_appends].tenant = briefs[i].run.tenant;
            llmq_run_log_begin(&appends[n_appends++].message, &briefs[i].run, now, p);
        }
    }
    if (n_appends == 0) {
        return APR_SUCCESS;
    }
    rv = llmq_store_append(appends, n_appends, store, p);
    for (i = 0; rv == APR_SUCCESS && i < n_appends; i++) {
        if (appends[i].outcome == LLMQ_APPEND_CLOSED) {
            refuse(of[i], closed);
        }
        else if (appends[i].outcome == LLMQ_APPEND_NO_SESSION) {
            refuse(of[i], gone);
        }
    }
    if (rv == APR_SUCCESS) {
        llmq_agents_end_tell(d, appends, n_appends);
    }
    return rv;
}

apr_status_t llmq_briefs_make(llmq_brief_t **pbriefs, llmq_dispatch_t *d,
                              llmq_store_t *store, llmq_job_t *const *jobs, int n,
                              apr_pool_t *p)
{
    llmq_brief_t *briefs = apr_pcalloc(p, sizeof(*briefs) * ((apr_size_t)n + 1));
    apr_status_t rv = APR_SUCCESS;
    int i;

    for (i = 0; rv == APR_SUCCESS && i < n; i++) {
        if (jobs[i] && jobs[i]->kind == LLMQ_KIND_RUN
            && !llmq_job_is_final(jobs[i]->status)) {
            rv = brief_one(&briefs[i], d, store, jobs[i], p);
        }
    }
    if (rv == APR_SUCCESS) {
        rv = begin_all(briefs, n, d, store, p);
    }
    *pbriefs = briefs;
    return rv;
}
