#include "store/store_meter.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static int lives(apr_uint32_t pid)
{
    return kill((pid_t)pid, 0) == 0 || errno == EPERM;
}

static int claim(llmq_store_slot_t *slot, apr_uint32_t me)
{
    apr_uint32_t pid = atomic_load(&slot->pid);

    if (pid && lives(pid))
        return 0;
    if (!atomic_compare_exchange_strong(&slot->pid, &pid, me))
        return 0;
    atomic_store(&slot->open, 0);
    atomic_store(&slot->active, 0);
    return 1;
}

llmq_store_slot_t *llmq_store_meter_join(llmq_store_meter_t *meter)
{
    apr_uint32_t me = (apr_uint32_t)getpid();
    int i;

    for (i = 0; meter && i < LLMQ_STORE_METER_SLOTS; i++)
        if (atomic_load(&meter->slot[i].pid) == me)
            return &meter->slot[i];
    for (i = 0; meter && i < LLMQ_STORE_METER_SLOTS; i++)
        if (claim(&meter->slot[i], me))
            return &meter->slot[i];
    return NULL;
}

void llmq_store_meter_begin(llmq_store_slot_t *slot)
{
    if (slot)
        atomic_fetch_add(&slot->active, 1);
}

void llmq_store_meter_end(llmq_store_slot_t *slot, apr_interval_time_t took, int slow)
{
    if (!slot)
        return;
    atomic_fetch_sub(&slot->active, 1);
    atomic_fetch_add(&slot->statements, 1);
    atomic_fetch_add(&slot->usec, took > 0 ? (apr_uint64_t)took : 0);
    if (slow)
        atomic_fetch_add(&slot->slow, 1);
}

void llmq_store_meter_open(llmq_store_slot_t *slot, int n)
{
    if (slot)
        atomic_fetch_add(&slot->open, n);
}

static void add(llmq_store_use_t *use, llmq_store_slot_t *slot)
{
    apr_uint32_t pid = atomic_load(&slot->pid);

    use->statements += atomic_load(&slot->statements);
    use->time += (apr_interval_time_t)atomic_load(&slot->usec);
    use->slow += atomic_load(&slot->slow);
    if (pid && lives(pid)) {
        use->open += atomic_load(&slot->open);
        use->active += atomic_load(&slot->active);
    }
}

void llmq_store_meter_read(llmq_store_use_t *use, llmq_store_meter_t *meter)
{
    int i;

    memset(use, 0, sizeof(*use));
    for (i = 0; meter && i < LLMQ_STORE_METER_SLOTS; i++)
        add(use, &meter->slot[i]);
}
