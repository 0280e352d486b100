#include "queue/queue_bell.h"

#include "queue/queue_layout.h"

#include <poll.h>

struct llmq_queue_bell_t {
    llmq_queue_t *q;
    apr_pool_t *pool;
    int index;
};

apr_status_t llmq_queue_bell_create(llmq_queue_t *q, int n, apr_pool_t *p)
{
    return llmq_bells_create(&q->bells, &q->header->bells, n, p);
}

/* ---- owners ---- */

static apr_status_t give_back(void *data)
{
    llmq_queue_bell_t *bell = data;

    llmq_bells_give_back(&bell->q->bells, bell->index);
    return APR_SUCCESS;
}

apr_status_t llmq_queue_bell_attach(llmq_queue_bell_t **pbell, llmq_queue_t *q,
                                    apr_pool_t *p)
{
    llmq_queue_bell_t *bell;
    int i;
    apr_status_t rv = llmq_bells_take(&i, &q->bells);

    if (rv != APR_SUCCESS)
        return rv;
    bell = apr_palloc(p, sizeof(*bell));
    bell->q = q;
    bell->pool = p;
    bell->index = i;
    apr_pool_cleanup_register(p, bell, give_back, apr_pool_cleanup_null);
    *pbell = bell;
    return APR_SUCCESS;
}

void llmq_queue_bell_detach(llmq_queue_bell_t *bell)
{
    apr_pool_cleanup_run(bell->pool, bell, give_back);
}

/* ---- ringing ---- */

void llmq_queue_bell_ring(llmq_queue_bell_t *bell)
{
    llmq_bells_ring(&bell->q->bells, bell->index);
}

void llmq_queue_bell_ring_all(llmq_queue_t *q)
{
    llmq_bells_ring_all(&q->bells);
}

/* ---- sleeping ---- */

int llmq_queue_bell_fd(const llmq_queue_bell_t *bell)
{
    return llmq_bells_fd(&bell->q->bells, bell->index);
}

void llmq_queue_bell_arm(llmq_queue_bell_t *bell)
{
    llmq_bells_arm(&bell->q->bells, bell->index);
}

int llmq_queue_bell_hush(llmq_queue_bell_t *bell)
{
    return llmq_bells_hush(&bell->q->bells, bell->index);
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
