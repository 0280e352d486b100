#include "http/gateway_call.h"

#include "base/log.h"

#include <apr_strings.h>

#include <stdlib.h>

void llmq_gateway_call_lock(llmq_gateway_t *all)
{
    apr_thread_mutex_lock(all->lock);
}

void llmq_gateway_call_unlock(llmq_gateway_t *all)
{
    apr_thread_mutex_unlock(all->lock);
}

llmq_gateway_call_t *llmq_gateway_call_make(llmq_gateway_t *all, const char *id,
                                            const llmq_gateway_how_t *how)
{
    llmq_gateway_call_t *call = calloc(1, sizeof(*call));

    if (!call) {
        return NULL;
    }
    call->all = all;
    call->holders = 1;
    apr_cpystrn(call->id, id, sizeof(call->id));
    call->how = *how;
    call->request = *how->request;
    call->request.key = how->request->key ? call->id : NULL; /* that there is one */
    call->how.request = &call->request;
    call->arrived_at = call->waits_since = call->sign_at = apr_time_now();
    call->last = &call->first;
    call->prompt_tokens = call->completion_tokens = -1;
    sem_init(&call->news, 0, 0);
    return call;
}

/* Since it came; -1: never. */
static int msec_until(const llmq_gateway_call_t *call, apr_time_t when)
{
    return when ? (int)apr_time_as_msec(when - call->arrived_at) : -1;
}

/* The access log has its line from the moment in which it was parked. */
static void log_end(const llmq_gateway_call_t *call)
{
    LLMQ_LOG(LLMQ_LOG_INFO, 0,
             LLMQ_NO(0253) "msg[%s] answered %d, %s, %s: begun after %d ms, first token"
                           " after %d ms, over after %d ms, %d + %d tokens%s",
             call->id, call->status, call->request.stream ? "stream" : "whole",
             call->parked ? "parked" : "held", msec_until(call, call->begun_at),
             msec_until(call, call->first_at), msec_until(call, apr_time_now()),
             call->prompt_tokens, call->completion_tokens,
             call->left ? ", the client has left" : "");
}

void llmq_gateway_call_keep(llmq_gateway_call_t *call)
{
    llmq_gateway_call_lock(call->all);
    call->holders++;
    llmq_gateway_call_unlock(call->all);
}

void llmq_gateway_call_drop(llmq_gateway_call_t *call)
{
    llmq_gateway_t *all = call->all;
    llmq_gateway_news_t *news;
    int holders;

    llmq_gateway_call_lock(all);
    holders = --call->holders;
    llmq_gateway_call_unlock(all);
    if (holders) {
        return;
    }
    if (call->accepted) {
        log_end(call);
    }
    while ((news = llmq_gateway_call_next_locked(call))) {
        free(news);
    }
    sem_destroy(&call->news);
    free(call->ctx);
    free(call);
}

/* ---- news ---- */

void llmq_gateway_call_weigh(llmq_gateway_call_t *call, apr_size_t pending)
{
    int held_back = pending > call->all->conf.max_pending / 2;

    llmq_gateway_call_lock(call->all);
    if (held_back ? !call->held_back : call->held_back && !pending) {
        call->held_back = held_back;
        llmq_relay_link_hold(call->all->relay, call->id, held_back); /* in this order */
    }
    llmq_gateway_call_unlock(call->all);
}

llmq_gateway_news_t *llmq_gateway_call_next_locked(llmq_gateway_call_t *call)
{
    llmq_gateway_news_t *news = call->first;

    if (news) {
        call->first = news->next;
        call->pending -= news->len;
        if (!call->first) {
            call->last = &call->first;
        }
    }
    return news;
}

void llmq_gateway_call_leave(llmq_gateway_call_t *call)
{
    if (!call->request.key) {
        llmq_gateway_call_cancel(call);
        return;
    }
    llmq_gateway_call_lock(call->all);
    call->adrift = !call->heard;
    call->all->n_open += call->adrift;
    llmq_gateway_call_unlock(call->all);
    llmq_gateway_call_weigh(call, 0); /* nobody is behind any more */
}

void llmq_gateway_call_cancel(llmq_gateway_call_t *call)
{
    llmq_relay_link_cancel(call->all->relay, call->id);
}
