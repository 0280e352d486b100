#include "queue/queue_chain.h"

#include "queue/queue_table.h"

/* May the new slot stand before this one? Never before one that has begun. */
static int goes_before(const llmq_queue_slot_t *slot, const llmq_queue_slot_t *other,
                       llmq_queue_chain_e where)
{
    if (where == LLMQ_QUEUE_CHAIN_ACCEPTED)
        return !other->tried && slot->entry.put_at < other->entry.put_at;
    return where == LLMQ_QUEUE_CHAIN_FIRST;
}

void llmq_queue_chain_add(llmq_queue_t *q, apr_uint32_t i, llmq_queue_chain_e where)
{
    llmq_queue_slot_t *slot = slot_at(q, i);
    apr_uint32_t c = llmq_queue_table_get_chain(q, slot->entry.chain);
    llmq_queue_chain_t *chain = chain_at(q, c);
    apr_uint32_t after = chain->tail, next = 0;

    while (after && goes_before(slot, slot_at(q, after), where)) {
        next = after;
        after = slot_at(q, after)->chain_prev;
    }
    slot->chain = c;
    slot->chain_prev = after;
    slot->chain_next = next;
    if (after)
        slot_at(q, after)->chain_next = i;
    else
        chain->head = i;
    if (next)
        slot_at(q, next)->chain_prev = i;
    else
        chain->tail = i;
}

apr_uint32_t llmq_queue_chain_remove(llmq_queue_t *q, apr_uint32_t i)
{
    llmq_queue_slot_t *slot = slot_at(q, i);
    apr_uint32_t c = slot->chain, prev = slot->chain_prev, next = slot->chain_next;

    if (!c)
        return 0;
    slot->chain = slot->chain_prev = slot->chain_next = 0;
    if (prev)
        slot_at(q, prev)->chain_next = next;
    else
        chain_at(q, c)->head = next;
    if (next)
        slot_at(q, next)->chain_prev = prev;
    else
        chain_at(q, c)->tail = prev;
    if (!chain_at(q, c)->head)
        llmq_queue_table_remove_chain(q, c);
    return prev ? 0 : next;
}

apr_uint32_t llmq_queue_chain_head(llmq_queue_t *q, apr_uint64_t chain)
{
    apr_uint32_t c = llmq_queue_table_find_chain(q, chain);

    return c ? chain_at(q, c)->head : 0;
}
