#include "queue/queue_gate.h"

#include "queue/queue_ready.h"

#include <limits.h>
#include <stdlib.h>

#define SHARED 1 /* the record of those that find none */

/* ---- records ---- */

static apr_uint32_t find(const llmq_queue_t *q, apr_uint64_t hash, apr_uint32_t *pfree)
{
    apr_uint32_t g;

    *pfree = 0;
    for (g = SHARED + 1; g <= q->header->gates_used; g++) {
        if (gate_at(q, g)->first && gate_at(q, g)->hash == hash)
            return g;
        if (!gate_at(q, g)->first)
            *pfree = g;
    }
    if (!*pfree && g <= LLMQ_QUEUE_GATES)
        *pfree = g;
    return 0;
}

static apr_uint32_t get(llmq_queue_t *q, apr_uint64_t hash)
{
    apr_uint32_t unused;
    apr_uint32_t g = find(q, hash, &unused);

    if (g || !unused)
        return g ? g : SHARED;
    if (unused > q->header->gates_used)
        q->header->gates_used = unused;
    gate_at(q, unused)->hash = hash;
    gate_at(q, unused)->closed = 0;
    gate_at(q, unused)->room = INT_MAX;
    return unused;
}

void llmq_queue_gate_join(llmq_queue_t *q, apr_uint32_t k, apr_uint64_t hash)
{
    llmq_queue_key_t *key = key_at(q, k);
    llmq_queue_gate_t *gate;

    key->gate = get(q, hash);
    gate = gate_at(q, key->gate);
    key->gate_prev = 0;
    key->gate_next = gate->first;
    if (gate->first)
        key_at(q, gate->first)->gate_prev = k;
    gate->first = k;
    atomic_fetch_add(&q->header->gated, 1);
}

void llmq_queue_gate_leave(llmq_queue_t *q, apr_uint32_t k)
{
    llmq_queue_key_t *key = key_at(q, k);

    if (!key->gate)
        return;
    if (key->gate_prev)
        key_at(q, key->gate_prev)->gate_next = key->gate_next;
    else
        gate_at(q, key->gate)->first = key->gate_next;
    if (key->gate_next)
        key_at(q, key->gate_next)->gate_prev = key->gate_prev;
    key->gate = 0;
    atomic_fetch_sub(&q->header->gated, 1);
}

/* ---- room ---- */

int llmq_queue_gate_is_closed(const llmq_queue_t *q, const llmq_queue_key_t *key)
{
    return key->gate && gate_at(q, key->gate)->closed;
}

static void turn(llmq_queue_t *q, apr_uint32_t g, int closed)
{
    llmq_queue_gate_t *gate = gate_at(q, g);
    apr_uint32_t k;

    if ((gate->closed != 0) == (closed != 0))
        return;
    gate->closed = closed != 0;
    for (k = gate->first; k; k = key_at(q, k)->gate_next)
        llmq_queue_ready_gate(q, k);
}

static int compare(const void *hash, const void *room)
{
    apr_uint64_t a = *(const apr_uint64_t *)hash;
    apr_uint64_t b = ((const llmq_queue_room_t *)room)->gate;

    return a < b ? -1 : a > b;
}

void llmq_queue_gate_set(llmq_queue_t *q, const llmq_queue_rooms_t *rooms)
{
    apr_uint32_t g;

    for (g = SHARED + 1; g <= q->header->gates_used; g++) {
        llmq_queue_gate_t *gate = gate_at(q, g);
        const llmq_queue_room_t *room;

        if (!gate->first)
            continue;
        room =
            bsearch(&gate->hash, rooms->gates, (size_t)rooms->n, sizeof(*room), compare);
        gate->room = room ? room->room : INT_MAX;
        turn(q, g, gate->room <= 0);
    }
}

void llmq_queue_gate_pass(llmq_queue_t *q, apr_uint32_t g)
{
    if (g != SHARED && --gate_at(q, g)->room <= 0)
        turn(q, g, 1);
}
