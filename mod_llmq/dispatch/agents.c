#include "dispatch/agents.h"

#include "base/clock.h"
#include "base/json.h"
#include "dispatch/dispatch_inner.h"

#include <apr_strings.h>

#include <string.h>

/* ---- attempts ---- */

static void become_run(llmq_attempt_t *a, const llmq_agent_conf_t *agent,
                       const llmq_run_t *run)
{
    llmq_run_t *own = apr_pcalloc(a->pool, sizeof(*own));

    own->id = a->entry.id;
    own->tenant = a->job.tenant;
    own->session = apr_pstrdup(a->pool, run->session ? run->session : "");
    own->trigger = apr_pstrdup(a->pool, run->trigger ? run->trigger : "");
    own->agent = agent->to.name;
    a->run = own;
    a->agent = agent;
}

/* Who reads the session's stream sees the answer come. */
static void listen_in(llmq_attempt_t *a)
{
    if (a->d->bus) {
        llmq_delta_name(&a->delta, "run_id", a->run->id, a->job.attempt);
        llmq_delta_topic(&a->delta, LLMQ_TOPIC_SESSION, a->run->tenant, a->run->session);
        a->call.piece = llmq_attempt_on_piece;
    }
}

apr_status_t llmq_agents_request(llmq_attempt_t *a, const llmq_loaded_t *what)
{
    const llmq_agent_conf_t *agent = what->handler->conf->agent;
    const llmq_brief_t *brief = what->brief;
    const char **headers = apr_palloc(a->pool, sizeof(*headers));

    become_run(a, agent, &brief->run);
    if (agent->to.kind != LLMQ_BACKEND_HTTP) {
        a->call.messages = apr_pstrdup(a->pool, brief->chat);
        listen_in(a);
        return APR_SUCCESS;
    }
    headers[0] = apr_pstrcat(a->pool, "Idempotency-Key: ", a->entry.id, NULL);
    a->call.body = apr_pstrdup(a->pool, brief->body);
    a->call.headers = headers;
    a->call.n_headers = 1;
    return APR_SUCCESS;
}

static void refuse(llmq_dispatch_t *d, const llmq_entry_t *entry,
                   const llmq_loaded_t *what)
{
    const llmq_agent_conf_t *agent = what->handler->conf->agent;
    llmq_attempt_t *a = llmq_attempt_create(d, entry, what->job, NULL);

    if (!a) {
        llmq_queue_requeue(d->tasks, entry->id, entry->attempt, entry->attempt, 0);
        return;
    }
    become_run(a, agent, &what->brief->run);
    a->refused = 1;
    a->start_written = 1; /* there is none */
    a->call.backend = &agent->to;
    a->call.failure.kind = LLMQ_FAILURE_REQUEST;
    a->call.error = apr_pstrdup(a->pool, what->brief->why);
    a->call.ended_at = llmq_clock_now();
    llmq_attempt_launch(a);
    llmq_finisher_put(d->finisher, a);
}

int llmq_agents_admit(llmq_dispatch_t *d, const llmq_entry_t *entry, llmq_loaded_t *what)
{
    if (what->brief->state == LLMQ_BRIEF_REFUSED) {
        refuse(d, entry, what);
        return 0;
    }
    return 1;
}

/* ---- how calls end ---- */

void llmq_agents_check(llmq_call_t *call)
{
    if (call->ok && call->answer && !llmq_run_is_answer(call->answer, call->pool)) {
        call->ok = 0;
        call->failure.kind = LLMQ_FAILURE_PROTOCOL;
        call->error = "The answer holds no content";
    }
    else if (!call->ok && call->failure.kind == LLMQ_FAILURE_UNREACHABLE) {
        call->failure.kind = LLMQ_FAILURE_CONNECT;
    }
}

const llmq_retry_conf_t *llmq_agents_retry(const llmq_attempt_t *a)
{
    return &a->agent->retry;
}

const char *llmq_agents_error(const llmq_call_t *call, apr_pool_t *p)
{
    const char *error = llmq_backend_error(call, p);
    llmq_text_t t;

    llmq_text_init(&t, strlen(error) + 32, p);
    llmq_text_add(&t, error, strlen(error) - 1); /* without its closing brace */
    llmq_json_kv_raw(&t, "retryable",
                     llmq_retry_is_final(&call->failure) ? "false" : "true");
    LLMQ_TEXT_LIT(&t, "}");
    return t.data;
}
