#include "queue/queue.h"

#include "base/clock.h"
#include "queue/queue_layout.h"
#include "queue/queue_tenant.h"

apr_status_t llmq_queue_create(llmq_queue_t **pq, void *segment,
                               apr_global_mutex_t *mutex, int wake_rd, int wake_wr,
                               const llmq_queue_conf_t *conf, apr_pool_t *p)
{
    llmq_queue_sizes_t sizes;
    llmq_queue_t *q;

    llmq_queue_layout_measure(&sizes, conf);
    if (llmq_queue_layout_size(&sizes) == 0)
        return APR_EINVAL;
    q = apr_pcalloc(p, sizeof(*q));
    llmq_queue_layout_init(q, segment, &sizes);
    q->mutex = mutex;
    q->wake_rd = wake_rd;
    q->wake_wr = wake_wr;
    llmq_queue_cell_init(q->cells, LLMQ_QUEUE_CELLS, llmq_clock_now());
    llmq_queue_tenant_configure(q, conf);
    llmq_queue_suspect(q);
    *pq = q;
    return APR_SUCCESS;
}
