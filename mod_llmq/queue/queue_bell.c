#include "queue/queue_bell.h"

#include "queue/queue_layout.h"

#include <apr_strings.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define WORD_BITS 64

struct llmq_queue_bell_t {
    llmq_queue_t *q;
    apr_pool_t *pool;
    int index;
};

static apr_uint64_t bit_of(int i)
{
    return (apr_uint64_t)1 << (i % WORD_BITS);
}

/* ---- the descriptors ---- */

static apr_status_t close_all(void *data)
{
    llmq_queue_t *q = data;

    while (q->n_bells > 0)
        close(q->bell_fd[--q->n_bells]);
    return APR_SUCCESS;
}

apr_status_t llmq_queue_bell_create(llmq_queue_t *q, int n, apr_pool_t *p)
{
    if (n < 1 || n > LLMQ_QUEUE_BELLS)
        return APR_EINVAL;
    q->bell_fd = apr_palloc(p, (apr_size_t)n * sizeof(*q->bell_fd));
    q->n_bells = 0;
    while (q->n_bells < n) {
        int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

        if (fd < 0) {
            apr_status_t rv = errno;

            close_all(q);
            return rv;
        }
        q->bell_fd[q->n_bells++] = fd;
    }
    apr_pool_cleanup_register(p, q, close_all, apr_pool_cleanup_null);
    return APR_SUCCESS;
}

/* ---- owners ---- */

static int is_dead(apr_uint32_t pid)
{
    return kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

static int grab(llmq_queue_t *q, int i)
{
    _Atomic(apr_uint32_t) *owner = &q->header->bell_owner[i];
    apr_uint32_t before = atomic_load(owner);

    if (before != 0 && !is_dead(before))
        return 0;
    return atomic_compare_exchange_strong(owner, &before, (apr_uint32_t)getpid());
}

static apr_status_t give_back(void *data)
{
    llmq_queue_bell_t *bell = data;
    llmq_queue_header_t *h = bell->q->header;

    atomic_fetch_and(&h->bell_armed[bell->index / WORD_BITS], ~bit_of(bell->index));
    atomic_store(&h->bell_owner[bell->index], 0);
    return APR_SUCCESS;
}

apr_status_t llmq_queue_bell_attach(llmq_queue_bell_t **pbell, llmq_queue_t *q,
                                    apr_pool_t *p)
{
    llmq_queue_bell_t *bell;
    int i = 0;

    while (i < q->n_bells && !grab(q, i))
        i++;
    if (i == q->n_bells)
        return LLMQ_EFULL;
    bell = apr_palloc(p, sizeof(*bell));
    bell->q = q;
    bell->pool = p;
    bell->index = i;
    llmq_queue_bell_hush(bell); /* whoever had it may have died unheard */
    apr_pool_cleanup_register(p, bell, give_back, apr_pool_cleanup_null);
    *pbell = bell;
    return APR_SUCCESS;
}

void llmq_queue_bell_detach(llmq_queue_bell_t *bell)
{
    apr_pool_cleanup_run(bell->pool, bell, give_back);
}

/* ---- ringing ---- */

/* Only a counter at its end could refuse, and then the bell is ringing as it is. */
static void ring(const llmq_queue_t *q, int i)
{
    const apr_uint64_t one = 1;
    int saved = errno;

    while (write(q->bell_fd[i], &one, sizeof(one)) < 0 && errno == EINTR)
        continue;
    errno = saved;
}

void llmq_queue_bell_ring(llmq_queue_bell_t *bell)
{
    ring(bell->q, bell->index);
}

void llmq_queue_bell_ring_all(llmq_queue_t *q)
{
    int w;

    for (w = 0; w * WORD_BITS < q->n_bells; w++) {
        _Atomic(apr_uint64_t) *word = &q->header->bell_armed[w];
        apr_uint64_t armed;

        /* The plain load spares the common case the exclusive cache line. */
        if (atomic_load(word) == 0)
            continue;
        for (armed = atomic_exchange(word, 0); armed; armed &= armed - 1) {
            int i = w * WORD_BITS + __builtin_ctzll(armed);

            if (i < q->n_bells)
                ring(q, i);
        }
    }
}

/* ---- sleeping ---- */

int llmq_queue_bell_fd(const llmq_queue_bell_t *bell)
{
    return bell->q->bell_fd[bell->index];
}

void llmq_queue_bell_arm(llmq_queue_bell_t *bell)
{
    atomic_fetch_or(&bell->q->header->bell_armed[bell->index / WORD_BITS],
                    bit_of(bell->index));
}

int llmq_queue_bell_hush(llmq_queue_bell_t *bell)
{
    apr_uint64_t count;
    ssize_t n;

    atomic_fetch_and(&bell->q->header->bell_armed[bell->index / WORD_BITS],
                     ~bit_of(bell->index));
    do {
        n = read(llmq_queue_bell_fd(bell), &count, sizeof(count));
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

static void sleep_on(int fd, apr_interval_time_t limit)
{
    struct pollfd pfd = {.fd = fd, .events = POLLIN};
    struct timespec ts;

    if (limit < 0)
        limit = 0;
    ts.tv_sec = limit / APR_USEC_PER_SEC;
    ts.tv_nsec = (limit % APR_USEC_PER_SEC) * 1000;
    (void)ppoll(&pfd, 1, &ts, NULL);
}

/* Of a queue that is out of order nothing is due: its reset rings. */
static apr_interval_time_t next_due(llmq_queue_t *q)
{
    return llmq_queue_is_damaged(q) ? -1 : llmq_queue_next_due(q);
}

apr_status_t llmq_queue_bell_wait(llmq_queue_bell_t *bell, apr_interval_time_t limit)
{
    apr_interval_time_t due = next_due(bell->q);

    if (limit > LLMQ_QUEUE_BELL_SLICE)
        limit = LLMQ_QUEUE_BELL_SLICE;
    sleep_on(llmq_queue_bell_fd(bell), due >= 0 && due < limit ? due : limit);
    due = next_due(bell->q);
    if (due == 0)
        llmq_queue_tick(bell->q); /* rings this bell too, if it is still armed */
    return llmq_queue_bell_hush(bell) || due == 0 ? APR_SUCCESS : APR_TIMEUP;
}
