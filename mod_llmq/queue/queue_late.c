#include "queue/queue_late.h"

/* Join two heaps: the later root becomes the eldest child of the other. */
static apr_uint32_t join(llmq_queue_t *q, apr_uint32_t a, apr_uint32_t b)
{
    llmq_queue_slot_t *x, *y;

    if (!a || !b)
        return a ? a : b;
    if (slot_at(q, b)->seq < slot_at(q, a)->seq) {
        apr_uint32_t t = a;

        a = b;
        b = t;
    }
    x = slot_at(q, a);
    y = slot_at(q, b);
    y->next = x->child;
    if (x->child)
        slot_at(q, x->child)->prev = b;
    y->prev = a;
    x->child = b;
    return a;
}

/* Unhook a sibling chain's first member, which becomes a root of its own. */
static apr_uint32_t shift(llmq_queue_t *q, apr_uint32_t *first)
{
    apr_uint32_t i = *first;

    if (i) {
        *first = slot_at(q, i)->next;
        slot_at(q, i)->next = 0;
        slot_at(q, i)->prev = 0;
    }
    return i;
}

/* The two passes that give the heap its name: join siblings in pairs, then the pairs from
 * the last to the first. Without recursion, as there may be thousands of siblings. */
static apr_uint32_t join_siblings(llmq_queue_t *q, apr_uint32_t first)
{
    apr_uint32_t pairs = 0, root = 0;

    while (first) {
        apr_uint32_t a = shift(q, &first), b = shift(q, &first);
        apr_uint32_t pair = join(q, a, b);

        slot_at(q, pair)->next = pairs;
        pairs = pair;
    }
    while (pairs)
        root = join(q, root, shift(q, &pairs));
    return root;
}

/* Take i, which is not the root, out from among its siblings. */
static void cut(llmq_queue_t *q, apr_uint32_t i)
{
    llmq_queue_slot_t *slot = slot_at(q, i), *prev = slot_at(q, slot->prev);

    if (prev->child == i)
        prev->child = slot->next;
    else
        prev->next = slot->next;
    if (slot->next)
        slot_at(q, slot->next)->prev = slot->prev;
}

apr_uint32_t llmq_queue_late_put(llmq_queue_t *q, apr_uint32_t root, apr_uint32_t i)
{
    llmq_queue_slot_t *slot = slot_at(q, i);

    slot->next = slot->prev = slot->child = 0;
    return join(q, root, i);
}

apr_uint32_t llmq_queue_late_remove(llmq_queue_t *q, apr_uint32_t root, apr_uint32_t i)
{
    llmq_queue_slot_t *slot = slot_at(q, i);
    apr_uint32_t children;

    if (i != root)
        cut(q, i);
    children = join_siblings(q, slot->child);
    slot->next = slot->prev = slot->child = 0;
    return i == root ? children : join(q, root, children);
}
