#include "bus/bus_tell.h"

#include <string.h>

static void tell(llmq_bus_t *bus, apr_uint64_t topic, llmq_event_e what, apr_int64_t seq,
                 const char *data, apr_size_t len)
{
    llmq_event_t event = {topic, seq, data, len, what, 0};

    llmq_bus_publish(bus, &event, 1);
}

/* ---- sessions ---- */

static apr_size_t length(const char *s)
{
    return s ? strlen(s) : 0;
}

/* Its text can only be longer than what is in it. */
static int is_long(const llmq_session_message_t *m)
{
    return length(m->content) + length(m->payload) > LLMQ_EVENT_DATA_MAX;
}

void llmq_bus_tell_message(llmq_bus_t *bus, const char *tenant,
                           const llmq_session_message_t *m)
{
    apr_pool_t *p = NULL;
    llmq_text_t text = {0};
    apr_uint64_t topic;

    if (!llmq_bus_is_wanted(bus))
        return;
    topic = llmq_bus_topic(LLMQ_TOPIC_SESSION, tenant, m->session);
    if (!is_long(m) && apr_pool_create_unmanaged_ex(&p, NULL, NULL) == APR_SUCCESS) {
        llmq_text_init(&text, 1024, p);
        llmq_session_message_write(&text, m);
    }
    tell(bus, topic, LLMQ_EVENT_GROWN, m->seq, text.data, text.len);
    if (p)
        apr_pool_destroy(p);
}

/* ---- jobs ---- */

/* 0: jobs of this kind have none. */
static int topic_of(llmq_kind_e kind)
{
    if (kind == LLMQ_KIND_MESSAGE)
        return LLMQ_TOPIC_MESSAGE;
    if (kind == LLMQ_KIND_DEBUG)
        return LLMQ_TOPIC_DEBUG;
    return kind == LLMQ_KIND_TASK ? LLMQ_TOPIC_TASK : 0;
}

void llmq_bus_tell_job(llmq_bus_t *bus, llmq_kind_e kind, const char *tenant,
                       const char *id, const char *chain)
{
    llmq_event_t event = {.what = LLMQ_EVENT_CHANGED};
    int topic = topic_of(kind);

    if (!llmq_bus_is_wanted(bus))
        return;
    if (topic) {
        event.topic = llmq_bus_topic((llmq_topic_e)topic, tenant, id);
        llmq_bus_publish(bus, &event, 1);
    }
    if (chain && *chain && kind != LLMQ_KIND_DEBUG) {
        llmq_bus_tell_conversation(bus, tenant, chain);
    }
}

void llmq_bus_tell_conversation(llmq_bus_t *bus, const char *tenant, const char *id)
{
    if (llmq_bus_is_wanted(bus))
        tell(bus, llmq_bus_topic(LLMQ_TOPIC_CONVERSATION, tenant, id), LLMQ_EVENT_CHANGED,
             0, NULL, 0);
}

void llmq_bus_tell_delta(llmq_bus_t *bus, apr_uint64_t topic, apr_int64_t seq,
                         const char *json, apr_size_t len)
{
    if (len <= LLMQ_EVENT_DATA_MAX && llmq_bus_is_wanted(bus))
        tell(bus, topic, LLMQ_EVENT_DELTA, seq, json, len);
}
