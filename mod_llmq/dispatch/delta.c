#include "dispatch/delta.h"

#include "base/clock.h"
#include "base/json.h"

#include <string.h>

/* In JSON a byte may take six; so one event never exceeds what the bus carries. */
#define PART_MAX (LLMQ_EVENT_DATA_MAX / 8)

void llmq_delta_init(llmq_delta_t *delta, llmq_bus_t *bus, apr_interval_time_t interval,
                     apr_pool_t *p)
{
    memset(delta, 0, sizeof(*delta));
    delta->bus = bus;
    delta->interval = interval;
    delta->held.pool = delta->json.pool = p;
}

void llmq_delta_name(llmq_delta_t *delta, const char *name, const char *id, int attempt)
{
    delta->name = name;
    delta->id = id;
    delta->attempt = attempt;
}

void llmq_delta_topic(llmq_delta_t *delta, llmq_topic_e what, const char *tenant,
                      const char *id)
{
    if (what == LLMQ_TOPIC_CONVERSATION || what == LLMQ_TOPIC_SESSION) {
        delta->log_name = what == LLMQ_TOPIC_SESSION ? "session_id" : "conversation_id";
        delta->log_id = id;
    }
    if (delta->n_topics < LLMQ_DELTA_TOPICS) {
        delta->topics[delta->n_topics++] = llmq_bus_topic(what, tenant, id);
    }
}

/* Buffers are made when somebody listens for the first time. */
static void begin(llmq_text_t *t, apr_size_t size)
{
    if (!t->data) {
        llmq_text_init(t, size, t->pool);
    }
    t->len = 0;
}

static void tell_part(llmq_delta_t *delta, const char *text, apr_size_t len)
{
    llmq_event_t events[LLMQ_DELTA_TOPICS];
    llmq_text_t *t = &delta->json;
    int i;

    delta->seq += 1 + delta->skipped;
    delta->skipped = 0;
    begin(t, len + 256);
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, delta->name, delta->id);
    if (delta->log_id) {
        llmq_json_kv(t, delta->log_name, delta->log_id);
    }
    llmq_json_kv_int(t, "attempt", delta->attempt);
    llmq_json_kv_int(t, "seq", delta->seq);
    llmq_json_key(t, "content");
    llmq_json_string(t, text, len);
    LLMQ_TEXT_LIT(t, "}");
    for (i = 0; i < delta->n_topics; i++) {
        events[i] = (llmq_event_t){.topic = delta->topics[i],
                                   .seq = delta->seq,
                                   .data = t->data,
                                   .len = t->len,
                                   .what = LLMQ_EVENT_DELTA};
    }
    llmq_bus_publish(delta->bus, events, delta->n_topics);
}

/* How much of a text goes into one event: no character is cut. */
static apr_size_t part_of(const char *text, apr_size_t len)
{
    apr_size_t n = len < PART_MAX ? len : PART_MAX;

    while (n < len && n > 1 && ((unsigned char)text[n] & 0xC0) == 0x80) {
        n--;
    }
    return n;
}

void llmq_delta_flush(llmq_delta_t *delta)
{
    const char *text = delta->held.data;
    apr_size_t left = delta->held.len;

    if (left == 0) {
        return;
    }
    while (left > 0) {
        apr_size_t n = part_of(text, left);

        tell_part(delta, text, n);
        text += n;
        left -= n;
    }
    delta->held.len = 0;
    delta->told_at = llmq_clock_steady();
}

static void skip(llmq_delta_t *delta)
{
    delta->held.len = 0;
    delta->skipped = 1;
}

/* How long what is held may wait yet. */
static apr_interval_time_t patience(const llmq_delta_t *delta)
{
    apr_interval_time_t passed;

    if (delta->interval == 0 || delta->told_at == 0
        || delta->held.len >= LLMQ_DELTA_BYTES) {
        return 0;
    }
    passed = llmq_clock_steady() - delta->told_at;
    return passed < delta->interval ? delta->interval - passed : 0;
}

apr_interval_time_t llmq_delta_take(llmq_delta_t *delta, const char *text, apr_size_t len)
{
    apr_interval_time_t wait;

    if (!delta->bus || delta->n_topics == 0) {
        return 0;
    }
    if (!llmq_bus_is_wanted(delta->bus)) {
        skip(delta);
        return 0;
    }
    if (text) {
        if (delta->held.len == 0) {
            begin(&delta->held, LLMQ_DELTA_BYTES);
        }
        llmq_text_add(&delta->held, text, len);
    }
    wait = text ? patience(delta) : 0;
    if (wait == 0) {
        llmq_delta_flush(delta);
    }
    return wait;
}
