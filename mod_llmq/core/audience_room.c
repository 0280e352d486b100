#include "core/audience_room.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_BUCKETS 256

static llmq_subject_t **bucket(const llmq_audience_t *a, apr_uint64_t topic)
{
    return &a->buckets[topic & (a->size - 1)];
}

/* Without memory for more buckets the chains get longer. */
static void grow_table(llmq_audience_t *a)
{
    apr_size_t size = 2 * a->size;
    llmq_subject_t **old = a->buckets;
    llmq_subject_t **buckets = calloc(size, sizeof(llmq_subject_t *));
    llmq_subject_t *s;

    if (!buckets) {
        return;
    }
    a->buckets = buckets;
    a->size = size;
    APR_RING_FOREACH(s, &a->all, llmq_subject_t, link)
    {
        s->next = *bucket(a, s->topic);
        *bucket(a, s->topic) = s;
    }
    free(old);
}

llmq_subject_t *llmq_audience_room_find(const llmq_audience_t *a,
                                        const llmq_audience_key_t *key)
{
    llmq_subject_t *s = *bucket(a, key->topic);

    while (s
           && (s->topic != key->topic || s->kind != key->kind
               || strcmp(s->id, key->id) != 0 || strcmp(s->tenant, key->tenant) != 0)) {
        s = s->next;
    }
    return s;
}

llmq_subject_t *llmq_audience_room_make(llmq_audience_t *a,
                                        const llmq_audience_key_t *key)
{
    size_t tenant = strlen(key->tenant) + 1;
    size_t id = strlen(key->id) + 1;
    llmq_subject_t *s = calloc(1, sizeof(*s) + tenant + id);

    if (!s) {
        return NULL;
    }
    memcpy(s->names, key->tenant, tenant);
    memcpy(s->names + tenant, key->id, id);
    s->tenant = s->names;
    s->id = s->names + tenant;
    s->topic = key->topic;
    s->kind = key->kind;
    s->round = a->round;
    APR_RING_INIT(&s->row, llmq_listener_t, link);
    if (a->n_subjects >= a->size) {
        grow_table(a);
    }
    s->next = *bucket(a, s->topic);
    *bucket(a, s->topic) = s;
    APR_RING_INSERT_TAIL(&a->all, s, llmq_subject_t, link);
    a->n_subjects++;
    return s;
}

void llmq_audience_room_unlist(llmq_subject_t *s)
{
    if (s->list != LLMQ_AUDIENCE_NONE) {
        APR_RING_REMOVE(s, task);
        s->list = LLMQ_AUDIENCE_NONE;
    }
}

void llmq_audience_room_list(llmq_audience_t *a, llmq_subject_t *s,
                             llmq_audience_list_e which)
{
    if (s->list == LLMQ_AUDIENCE_BEHIND || s->list == (char)which) {
        return;
    }
    llmq_audience_room_unlist(s);
    s->list = (char)which;
    if (which == LLMQ_AUDIENCE_BEHIND) {
        APR_RING_INSERT_TAIL(&a->todo, s, llmq_subject_t, task);
    }
    else {
        APR_RING_INSERT_TAIL(&a->stuck, s, llmq_subject_t, task);
    }
}

void llmq_audience_room_drop(llmq_audience_t *a, llmq_subject_t *s)
{
    llmq_subject_t **at = bucket(a, s->topic);

    if (s->n || s->pins) {
        return;
    }
    while (*at != s) {
        at = &(*at)->next;
    }
    *at = s->next;
    llmq_audience_room_unlist(s);
    APR_RING_REMOVE(s, link);
    a->n_subjects--;
    free(s);
}

llmq_subject_t *llmq_audience_room_first(const llmq_audience_t *a, apr_uint64_t topic)
{
    return *bucket(a, topic);
}

static apr_status_t free_buckets(void *data)
{
    free(((llmq_audience_t *)data)->buckets);
    return APR_SUCCESS;
}

apr_status_t llmq_audience_room_init(llmq_audience_t *a, apr_pool_t *p)
{
    APR_RING_INIT(&a->all, llmq_subject_t, link);
    APR_RING_INIT(&a->todo, llmq_subject_t, task);
    APR_RING_INIT(&a->stuck, llmq_subject_t, task);
    a->size = FIRST_BUCKETS;
    a->buckets = calloc(a->size, sizeof(llmq_subject_t *));
    if (!a->buckets) {
        return APR_ENOMEM;
    }
    apr_pool_cleanup_register(p, a, free_buckets, apr_pool_cleanup_null);
    return APR_SUCCESS;
}
