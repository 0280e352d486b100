#include "http/gateway_ear.h"

#include "http/gateway_story.h"

#include <stdlib.h>
#include <string.h>

static llmq_gateway_news_t *make_news(llmq_relay_type_e type, const char *data,
                                      apr_size_t len)
{
    llmq_gateway_news_t *news = malloc(sizeof(*news) + len);

    if (news) {
        news->next = NULL;
        news->type = type;
        news->len = len;
        if (len) {
            memcpy(news->data, data, len);
        }
    }
    return news;
}

/* One that lets more pile up than can have been on its way is cut; an end always finds room.
 * @return non-zero if it is in the list */
static int list_locked(llmq_gateway_call_t *call, llmq_gateway_news_t *news)
{
    if (!news || call->gone
        || (news->type == LLMQ_RELAY_PIECE && call->pending
            && call->pending + news->len
                   > call->all->conf.max_pending + call->all->conf.on_the_way)) {
        call->gone = 1;
        return 0;
    }
    *call->last = news;
    call->last = &news->next;
    call->pending += news->len;
    return 1;
}

/* Once it is parked this thread alone has to do with it. */
static void sink(void *ctx, llmq_relay_type_e type, const char *data, apr_size_t len)
{
    llmq_gateway_call_t *call = ctx;
    llmq_gateway_news_t *news = make_news(type, data, len);
    apr_size_t pending;
    int parked;
    int adrift;
    int listed = 0;

    llmq_gateway_call_lock(call->all);
    parked = call->parked;
    if (!parked) {
        listed = list_locked(call, news);
        if (type != LLMQ_RELAY_BEGUN) {
            sem_post(&call->news); /* that one can wait until its thread looks */
        }
    }
    adrift = call->adrift;
    pending = adrift ? 0 : call->pending;
    llmq_gateway_call_unlock(call->all);
    if (parked) {
        llmq_gateway_story_go_on(call, type, data, len);
    }
    if (type == LLMQ_RELAY_PIECE) {
        llmq_gateway_call_weigh(call,
                                parked && !adrift ? call->way->pending(call) : pending);
    }
    if (!listed) {
        free(news);
    }
}

static void let_go(void *ctx)
{
    llmq_gateway_call_t *call = ctx;

    llmq_gateway_call_lock(call->all);
    call->heard = 1;
    call->all->n_open -= call->adrift;
    llmq_gateway_call_unlock(call->all);
    llmq_gateway_call_drop(call);
}

apr_status_t llmq_gateway_ear_open(llmq_gateway_call_t *call)
{
    llmq_relay_listener_t listener = {.sink = sink, .drop = let_go, .ctx = call};
    apr_status_t rv;

    llmq_gateway_call_keep(call);
    rv = llmq_relay_link_listen(call->all->relay, call->id, &listener);
    if (rv != APR_SUCCESS) {
        llmq_gateway_call_drop(call);
    }
    return rv;
}
