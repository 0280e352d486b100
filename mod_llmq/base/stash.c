#include "base/stash.h"

#include <apr_allocator.h>
#include <apr_thread_mutex.h>

struct llmq_stash_t {
    apr_thread_mutex_t *lock; /* guards what follows */
    apr_pool_t *kept[LLMQ_STASH_MAX];
    int n;
};

static apr_status_t empty(void *data)
{
    llmq_stash_t *s = data;

    while (s->n > 0) {
        apr_pool_destroy(s->kept[--s->n]);
    }
    return APR_SUCCESS;
}

llmq_stash_t *llmq_stash_create(apr_pool_t *p)
{
    llmq_stash_t *s = apr_pcalloc(p, sizeof(*s));

    if (apr_thread_mutex_create(&s->lock, APR_THREAD_MUTEX_DEFAULT, p) != APR_SUCCESS) {
        return NULL;
    }
    apr_pool_cleanup_register(p, s, empty, apr_pool_cleanup_null);
    return s;
}

static apr_pool_t *make(void)
{
    apr_allocator_t *allocator;
    apr_pool_t *pool;

    if (apr_allocator_create(&allocator) != APR_SUCCESS) {
        return NULL;
    }
    if (apr_pool_create_unmanaged_ex(&pool, NULL, allocator) != APR_SUCCESS) {
        apr_allocator_destroy(allocator);
        return NULL;
    }
    apr_allocator_owner_set(allocator, pool);
    apr_allocator_max_free_set(allocator, LLMQ_STASH_KEEP);
    return pool;
}

apr_pool_t *llmq_stash_take(llmq_stash_t *s)
{
    apr_pool_t *pool = NULL;

    apr_thread_mutex_lock(s->lock);
    if (s->n > 0) {
        pool = s->kept[--s->n];
    }
    apr_thread_mutex_unlock(s->lock);
    return pool ? pool : make();
}

void llmq_stash_give(llmq_stash_t *s, apr_pool_t *pool)
{
    apr_pool_clear(pool); /* runs its cleanups, so not under the lock */
    apr_thread_mutex_lock(s->lock);
    if (s->n < LLMQ_STASH_MAX) {
        s->kept[s->n++] = pool;
        pool = NULL;
    }
    apr_thread_mutex_unlock(s->lock);
    if (pool) {
        apr_pool_destroy(pool);
    }
}
