/**
 * @file queue_heap.h
 * A binary heap of 32-bit items whose owner knows where each item stands, so that an item
 * can leave from the middle in O(log n). Pure: the array, its count, the order and the
 * note of positions are the owner's; the heap allocates nothing and takes no lock. The
 * array may lie in shared memory, this struct must not (it holds function pointers).
 */
#ifndef LLMQ_QUEUE_HEAP_H
#define LLMQ_QUEUE_HEAP_H

#include <apr.h>

/** @return non-zero if item @a a must leave before item @a b */
typedef int llmq_queue_heap_less_fn_t(void *ctx, apr_uint32_t a, apr_uint32_t b);

/** Told each time an item comes to stand at @a pos. */
typedef void llmq_queue_heap_setpos_fn_t(void *ctx, apr_uint32_t item, apr_uint32_t pos);

typedef struct llmq_queue_heap_t {
    apr_uint32_t *item;   /* item[0] leaves first */
    apr_uint32_t *pcount; /* items in the heap */
    llmq_queue_heap_less_fn_t *less;
    llmq_queue_heap_setpos_fn_t *setpos;
    void *ctx; /* handed to both */
} llmq_queue_heap_t;

/**
 * Put an item in.
 * @param heap the heap; its array has room for one more
 * @param item the item
 * @threads those that may touch the array
 */
void llmq_queue_heap_put(llmq_queue_heap_t *heap, apr_uint32_t item);

/**
 * Take an item out, wherever it stands.
 * @param heap the heap
 * @param pos  position as setpos was told; below the count
 * @return the item
 * @threads those that may touch the array
 */
apr_uint32_t llmq_queue_heap_remove(llmq_queue_heap_t *heap, apr_uint32_t pos);

/**
 * What an item is ordered by has changed: find its place anew.
 * @param heap the heap
 * @param pos  position as setpos was told; below the count
 * @threads those that may touch the array
 */
void llmq_queue_heap_update(llmq_queue_heap_t *heap, apr_uint32_t pos);

#endif /* LLMQ_QUEUE_HEAP_H */
