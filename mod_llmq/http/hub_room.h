/**
 * @file hub_room.h
 * The hub's record, and how its audience is served in turns. Private to http/hub*.c.
 */
#ifndef LLMQ_HUB_ROOM_H
#define LLMQ_HUB_ROOM_H

#include "base/agenda.h"
#include "base/thread.h"
#include "core/audience_page.h"
#include "http/hub_conf.h"
#include "http/hub_meter.h"
#include "http/service.h"

#include <apr_thread_cond.h>
#include <apr_thread_mutex.h>

/** Listeners that are served before the lock is left for a moment. */
#define LLMQ_HUB_TURN 32

struct llmq_hub_t {
    const llmq_service_t *service;
    llmq_hub_conf_t conf;
    llmq_hub_meter_t *meter;
    apr_thread_mutex_t *lock;
    apr_thread_cond_t *news;   /* with lock: the reading thread has something to do */
    llmq_audience_t *audience; /* under lock */
    llmq_agenda_t agenda;      /* under lock: signs of life, ends */
    llmq_thread_t thread;      /* under lock until it has begun */
    int closing;               /* under lock: new streams end at once */
    int stopping;              /* under lock */
    int missed;                /* under lock: the bus has lost something */
    int comers;                /* under lock: streams that are about to be listed */
    llmq_frame_t *ping;

    apr_thread_mutex_t *bus_lock;
    llmq_bus_reader_t *reader; /* under bus_lock; NULL: no place was left at the bus */
};

/**
 * @param hub the hub
 * @threads any
 */
void llmq_hub_room_lock(llmq_hub_t *hub);

/**
 * @param hub the hub
 * @threads the one that has locked it
 */
void llmq_hub_room_unlock(llmq_hub_t *hub);

/**
 * Offer pieces to all whom they are meant for, in turns.
 * @param hub   the hub, not locked
 * @param s     a subject, pinned
 * @param round whom and what
 * @threads any
 */
void llmq_hub_room_offer(llmq_hub_t *hub, llmq_subject_t *s,
                         llmq_audience_round_t *round);

/**
 * Let go of subjects that were taken from the audience.
 * @param hub      the hub, not locked
 * @param subjects pinned
 * @param n        their number
 * @threads any
 */
void llmq_hub_room_release(llmq_hub_t *hub, llmq_subject_t **subjects, int n);

#endif /* LLMQ_HUB_ROOM_H */
