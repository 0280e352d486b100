#include "http/hub_room.h"

void llmq_hub_room_lock(llmq_hub_t *hub)
{
    apr_thread_mutex_lock(hub->lock);
}

void llmq_hub_room_unlock(llmq_hub_t *hub)
{
    apr_thread_mutex_unlock(hub->lock);
}

void llmq_hub_room_offer(llmq_hub_t *hub, llmq_subject_t *s, llmq_audience_round_t *round)
{
    int more;

    llmq_hub_room_lock(hub);
    round->left = s->n;
    round->sent = 0;
    do {
        more = llmq_audience_offer(hub->audience, s, round, LLMQ_HUB_TURN);
        if (more) {
            llmq_hub_room_unlock(hub);
            llmq_hub_room_lock(hub);
        }
    } while (more);
    llmq_hub_room_unlock(hub);
    atomic_fetch_add(&hub->meter->events, (apr_uint64_t)round->sent);
}

void llmq_hub_room_release(llmq_hub_t *hub, llmq_subject_t **subjects, int n)
{
    int i;

    llmq_hub_room_lock(hub);
    for (i = 0; i < n; i++) {
        llmq_audience_release(hub->audience, subjects[i]);
    }
    llmq_hub_room_unlock(hub);
}
