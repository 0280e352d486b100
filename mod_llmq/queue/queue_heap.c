#include "queue/queue_heap.h"

static void place(llmq_queue_heap_t *heap, apr_uint32_t pos, apr_uint32_t item)
{
    heap->item[pos] = item;
    heap->setpos(heap->ctx, item, pos);
}

/* Find the place of @a item on the way from the hole at @a pos to the top. */
static apr_uint32_t sift_up(llmq_queue_heap_t *heap, apr_uint32_t pos, apr_uint32_t item)
{
    while (pos > 0) {
        apr_uint32_t parent = (pos - 1) / 2;

        if (!heap->less(heap->ctx, item, heap->item[parent]))
            break;
        place(heap, pos, heap->item[parent]);
        pos = parent;
    }
    place(heap, pos, item);
    return pos;
}

static void sift_down(llmq_queue_heap_t *heap, apr_uint32_t pos, apr_uint32_t item)
{
    apr_uint32_t n = *heap->pcount;

    /* n is below 2^30, so 2 * pos + 2 cannot wrap. */
    for (;;) {
        apr_uint32_t child = 2 * pos + 1;

        if (child >= n)
            break;
        if (child + 1 < n
            && heap->less(heap->ctx, heap->item[child + 1], heap->item[child]))
            child++;
        if (!heap->less(heap->ctx, heap->item[child], item))
            break;
        place(heap, pos, heap->item[child]);
        pos = child;
    }
    place(heap, pos, item);
}

void llmq_queue_heap_put(llmq_queue_heap_t *heap, apr_uint32_t item)
{
    sift_up(heap, (*heap->pcount)++, item);
}

apr_uint32_t llmq_queue_heap_remove(llmq_queue_heap_t *heap, apr_uint32_t pos)
{
    apr_uint32_t item = heap->item[pos];
    apr_uint32_t last = heap->item[--*heap->pcount];

    /* The last item fills the hole. It comes from another branch, so it may have to rise
     * as well as to sink. */
    if (pos < *heap->pcount && sift_up(heap, pos, last) == pos)
        sift_down(heap, pos, last);
    return item;
}

void llmq_queue_heap_update(llmq_queue_heap_t *heap, apr_uint32_t pos)
{
    apr_uint32_t item = heap->item[pos];

    if (sift_up(heap, pos, item) == pos)
        sift_down(heap, pos, item);
}
