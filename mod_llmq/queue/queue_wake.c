#include "queue/queue_wake.h"

#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

void llmq_queue_wake_note(llmq_queue_t *q)
{
    atomic_fetch_add(&q->header->epoch, 1);
}

void llmq_queue_wake_ring(llmq_queue_t *q)
{
    int saved = errno;

    /* The plain load spares the common case the exclusive cache line. */
    if (atomic_load(&q->header->asleep) && atomic_exchange(&q->header->asleep, 0)) {
        /* A full pipe wakes as well as one more byte would. */
        while (write(q->wake_wr, "w", 1) < 0 && errno == EINTR)
            continue;
    }
    errno = saved;
    llmq_queue_bell_ring_all(q);
}

void llmq_queue_wake(llmq_queue_t *q)
{
    llmq_queue_wake_note(q);
    llmq_queue_wake_ring(q);
}

int llmq_queue_wake_is_due(llmq_queue_t *q)
{
    apr_uint32_t epoch = atomic_load(&q->header->epoch);

    return atomic_exchange(&q->seen, epoch) != epoch;
}

static void drain(int fd)
{
    char buf[64];
    ssize_t n;

    do {
        n = read(fd, buf, sizeof(buf));
    } while (n == (ssize_t)sizeof(buf) || (n < 0 && errno == EINTR));
}

int llmq_queue_wake_sleep(llmq_queue_t *q, apr_interval_time_t limit)
{
    struct pollfd pfd = {.fd = q->wake_rd, .events = POLLIN};
    struct timespec ts;
    int woken = 1;

    if (limit > LLMQ_QUEUE_WAKE_SLICE)
        limit = LLMQ_QUEUE_WAKE_SLICE;
    ts.tv_sec = limit / APR_USEC_PER_SEC;
    ts.tv_nsec = (limit % APR_USEC_PER_SEC) * 1000;
    atomic_store(&q->header->asleep, 1);
    if (atomic_load(&q->header->epoch) == atomic_load(&q->seen)) {
        woken = ppoll(&pfd, 1, &ts, NULL) != 0;
        if (pfd.revents)
            drain(q->wake_rd);
    }
    atomic_store(&q->header->asleep, 0);
    return woken;
}
