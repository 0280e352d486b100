#include "base/bells.h"

#include <errno.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WORD_BITS 64

static apr_uint64_t bit_of(int i)
{
    return (apr_uint64_t)1 << (i % WORD_BITS);
}

/* ---- the descriptors ---- */

static apr_status_t close_all(void *data)
{
    llmq_bells_t *bells = data;

    while (bells->n > 0)
        close(bells->fd[--bells->n]);
    return APR_SUCCESS;
}

apr_status_t llmq_bells_create(llmq_bells_t *bells, llmq_bells_shared_t *shared, int n,
                               apr_pool_t *p)
{
    bells->shared = shared;
    bells->n = 0;
    if (n < 1 || n > LLMQ_BELLS_MAX)
        return APR_EINVAL;
    bells->fd = apr_palloc(p, (apr_size_t)n * sizeof(*bells->fd));
    while (bells->n < n) {
        int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

        if (fd < 0) {
            apr_status_t rv = errno;

            close_all(bells);
            return rv;
        }
        bells->fd[bells->n++] = fd;
    }
    apr_pool_cleanup_register(p, bells, close_all, apr_pool_cleanup_null);
    return APR_SUCCESS;
}

int llmq_bells_fd(const llmq_bells_t *bells, int i)
{
    return bells->fd[i];
}

/* ---- owners ---- */

static int is_dead(apr_uint32_t pid)
{
    return kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

/* Whoever had it may have died unheard. */
static int grab(llmq_bells_t *bells, int i, apr_uint32_t before)
{
    if (!atomic_compare_exchange_strong(&bells->shared->owner[i], &before,
                                        (apr_uint32_t)getpid()))
        return 0;
    llmq_bells_hush(bells, i);
    return 1;
}

apr_status_t llmq_bells_take_dead(int *pindex, llmq_bells_t *bells)
{
    int i;

    for (i = 0; i < bells->n; i++) {
        apr_uint32_t owner = atomic_load(&bells->shared->owner[i]);

        if (owner != 0 && is_dead(owner) && grab(bells, i, owner)) {
            *pindex = i;
            return APR_SUCCESS;
        }
    }
    return APR_NOTFOUND;
}

apr_status_t llmq_bells_take(int *pindex, llmq_bells_t *bells)
{
    int i;

    for (i = 0; i < bells->n; i++) {
        if (atomic_load(&bells->shared->owner[i]) == 0 && grab(bells, i, 0)) {
            *pindex = i;
            return APR_SUCCESS;
        }
    }
    return llmq_bells_take_dead(pindex, bells) == APR_SUCCESS ? APR_SUCCESS : LLMQ_EFULL;
}

void llmq_bells_give_back(llmq_bells_t *bells, int i)
{
    atomic_fetch_and(&bells->shared->armed[i / WORD_BITS], ~bit_of(i));
    atomic_store(&bells->shared->owner[i], 0);
}

/* ---- ringing ---- */

/* Only a counter at its end could refuse, and then the bell is ringing as it is. */
void llmq_bells_ring(const llmq_bells_t *bells, int i)
{
    const apr_uint64_t one = 1;
    int saved = errno;

    while (write(bells->fd[i], &one, sizeof(one)) < 0 && errno == EINTR)
        continue;
    errno = saved;
}

void llmq_bells_ring_all(llmq_bells_t *bells)
{
    int w;

    for (w = 0; w * WORD_BITS < bells->n; w++) {
        _Atomic(apr_uint64_t) *word = &bells->shared->armed[w];
        apr_uint64_t armed;

        /* The plain load spares the common case the exclusive cache line. */
        if (atomic_load(word) == 0)
            continue;
        for (armed = atomic_exchange(word, 0); armed; armed &= armed - 1) {
            int i = w * WORD_BITS + __builtin_ctzll(armed);

            if (i < bells->n)
                llmq_bells_ring(bells, i);
        }
    }
}

/* ---- sleeping ---- */

void llmq_bells_arm(llmq_bells_t *bells, int i)
{
    atomic_fetch_or(&bells->shared->armed[i / WORD_BITS], bit_of(i));
}

int llmq_bells_hush(llmq_bells_t *bells, int i)
{
    apr_uint64_t count;
    ssize_t n;

    atomic_fetch_and(&bells->shared->armed[i / WORD_BITS], ~bit_of(i));
    do {
        n = read(bells->fd[i], &count, sizeof(count));
    } while (n < 0 && errno == EINTR);
    return n > 0;
}
