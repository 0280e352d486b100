#include "bus/relay_ears.h"

#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

void llmq_relay_ears_init(llmq_relay_ears_t *ears)
{
    APR_RING_INIT(&ears->ring, llmq_relay_ear_t, link);
}

llmq_relay_ear_t *llmq_relay_ears_make(const char *id,
                                       const llmq_relay_listener_t *listener)
{
    llmq_relay_ear_t *ear = calloc(1, sizeof(*ear));

    if (ear) {
        apr_cpystrn(ear->id, id, sizeof(ear->id));
        ear->listener = *listener;
    }
    return ear;
}

static llmq_relay_ear_t **bucket_of(llmq_relay_ears_t *ears, const char *id)
{
    apr_uint32_t h = 2166136261U;

    for (; *id; id++) {
        h = (h ^ (unsigned char)*id) * 16777619U;
    }
    return &ears->bucket[(h ^ (h >> 16)) % LLMQ_RELAY_EARS_BUCKETS];
}

llmq_relay_ear_t *llmq_relay_ears_find(llmq_relay_ears_t *ears, const char *id)
{
    llmq_relay_ear_t *ear = *bucket_of(ears, id);

    while (ear && strcmp(ear->id, id) != 0) {
        ear = ear->next;
    }
    return ear;
}

llmq_relay_ear_t *llmq_relay_ears_begun(llmq_relay_ears_t *ears,
                                        const llmq_relay_conn_t *conn)
{
    llmq_relay_ear_t *ear;

    LLMQ_EACH_RELAY_EAR(ear, ears)
    {
        if (ear->begun == conn) {
            return ear;
        }
    }
    return NULL;
}

llmq_relay_ear_t *llmq_relay_ears_first(llmq_relay_ears_t *ears)
{
    return APR_RING_EMPTY(&ears->ring, llmq_relay_ear_t, link)
               ? NULL
               : APR_RING_FIRST(&ears->ring);
}

void llmq_relay_ears_add(llmq_relay_ears_t *ears, llmq_relay_ear_t *ear)
{
    llmq_relay_ear_t **bucket = bucket_of(ears, ear->id);

    ear->next = *bucket;
    *bucket = ear;
    ear->holders++;
    ears->n++;
    APR_RING_INSERT_TAIL(&ears->ring, ear, llmq_relay_ear_t, link);
}

void llmq_relay_ears_remove(llmq_relay_ears_t *ears, llmq_relay_ear_t *ear)
{
    llmq_relay_ear_t **at = bucket_of(ears, ear->id);

    while (*at != ear) {
        at = &(*at)->next;
    }
    *at = ear->next;
    APR_RING_REMOVE(ear, link);
    ears->n--;
}
