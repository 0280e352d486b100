#include "http/hub_meter.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static llmq_hub_meter_t *places; /* of all children; NULL: not attached */
static llmq_hub_meter_t spare;

apr_size_t llmq_hub_meter_size(void)
{
    return LLMQ_HUB_METER_PLACES * sizeof(llmq_hub_meter_t);
}

void llmq_hub_meter_attach(void *area)
{
    places = area;
}

static int is_alive(apr_uint32_t pid)
{
    return pid && (kill((pid_t)pid, 0) == 0 || errno != ESRCH);
}

llmq_hub_meter_t *llmq_hub_meter_take(void)
{
    apr_uint32_t me = (apr_uint32_t)getpid();
    int i;

    for (i = 0; places && i < LLMQ_HUB_METER_PLACES; i++) {
        llmq_hub_meter_t *place = &places[i];
        apr_uint32_t pid = atomic_load(&place->pid);

        if (!is_alive(pid) && atomic_compare_exchange_strong(&place->pid, &pid, me)) {
            atomic_store(&place->open, 0);
            return place;
        }
    }
    return &spare;
}

void llmq_hub_meter_read(llmq_hub_figures_t *figures)
{
    int i;

    memset(figures, 0, sizeof(*figures));
    for (i = 0; places && i < LLMQ_HUB_METER_PLACES; i++) {
        llmq_hub_meter_t *place = &places[i];
        apr_uint32_t open = atomic_load(&place->open);

        figures->open += open && is_alive(atomic_load(&place->pid)) ? open : 0;
        figures->begun += atomic_load(&place->begun);
        figures->events += atomic_load(&place->events);
        figures->cut += atomic_load(&place->cut);
    }
}
