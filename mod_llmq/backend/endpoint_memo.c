#include "backend/endpoint_memo.h"

#include "base/sets.h"

#define WAYS 4

typedef struct {
    apr_uint64_t hash; /* 0: free */
    apr_uint64_t value;
    apr_uint32_t met_at; /* by the memory's count */
    apr_uint32_t again;  /* met more than once */
} slot_t;

struct llmq_endpoint_memo_t {
    slot_t *slots;
    apr_uint64_t sets; /* a power of two */
    apr_uint32_t count;
};

llmq_endpoint_memo_t *llmq_endpoint_memo_create(int n, apr_pool_t *p)
{
    llmq_endpoint_memo_t *m = apr_pcalloc(p, sizeof(*m));

    m->sets = llmq_sets_for(n, WAYS);
    m->slots = apr_pcalloc(p, sizeof(*m->slots) * WAYS * m->sets);
    return m;
}

static slot_t *set_of(const llmq_endpoint_memo_t *m, apr_uint64_t hash)
{
    return &m->slots[((hash ^ hash >> 32) & (m->sets - 1)) * WAYS];
}

static slot_t *find_slot(slot_t *set, apr_uint64_t hash)
{
    int i;

    for (i = 0; i < WAYS; i++) {
        if (set[i].hash == hash) {
            return &set[i];
        }
    }
    return NULL;
}

apr_uint64_t llmq_endpoint_memo_find(const llmq_endpoint_memo_t *m, apr_uint64_t hash)
{
    const slot_t *slot = m && hash ? find_slot(set_of(m, hash), hash) : NULL;

    return slot ? slot->value : 0;
}

/* Ages are differences, so that the count may wrap around. */
static int goes_before(const llmq_endpoint_memo_t *m, const slot_t *a, const slot_t *b)
{
    if (!a->hash || !b->hash) {
        return !a->hash && b->hash;
    }
    if (a->again != b->again) {
        return !a->again;
    }
    return m->count - a->met_at > m->count - b->met_at;
}

static slot_t *find_victim(const llmq_endpoint_memo_t *m, slot_t *set)
{
    slot_t *victim = &set[0];
    int i;

    for (i = 1; i < WAYS; i++) {
        if (goes_before(m, &set[i], victim)) {
            victim = &set[i];
        }
    }
    return victim;
}

void llmq_endpoint_memo_put(llmq_endpoint_memo_t *m, apr_uint64_t hash,
                            apr_uint64_t value)
{
    slot_t *slot;

    if (!m || !hash) {
        return;
    }
    slot = find_slot(set_of(m, hash), hash);
    if (!value) {
        if (slot) {
            *slot = (slot_t){0};
        }
        return;
    }
    if (slot) {
        slot->again = 1;
    }
    else {
        slot = find_victim(m, set_of(m, hash));
        *slot = (slot_t){.hash = hash};
    }
    slot->value = value;
    slot->met_at = m->count++;
}
