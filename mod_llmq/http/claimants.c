/* Claims that wait: coming, being answered, leaving. The thread that tries them is
 * http/claimants_look.c. */
#include "http/claimants.h"

#include "base/clock.h"
#include "base/log.h"
#include "http/claimants_inner.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const char empty[] = "{\"tasks\":[]}\n";

void llmq_claimants_lock(llmq_claimants_t *all)
{
    apr_thread_mutex_lock(all->lock);
}

void llmq_claimants_unlock(llmq_claimants_t *all)
{
    apr_thread_mutex_unlock(all->lock);
}

/* ---- answers ---- */

/* Its worker waits no more, though it could have. */
static void tell_roster(const llmq_claimants_t *all, const llmq_claimant_t *c)
{
    apr_time_t now = llmq_clock_now();

    llmq_roster_waits(all->service->roster, c->claim.tenant, c->claim.worker, now, now);
}

static void log_end(const llmq_claimant_t *c, const char *how)
{
    LLMQ_LOG(LLMQ_LOG_INFO, 0, LLMQ_NO(0271) "worker[%s] waited %d ms: %d given, %s",
             c->claim.worker, (int)apr_time_as_msec(apr_time_now() - c->since),
             c->n_given, how);
}

/* Jobs for a claim are noted, as the answer may not arrive; without memory for that their
 * leases tell. */
static void keep(llmq_claimant_t *c, const llmq_claim_answer_t *answer)
{
    c->given = llmq_give_back_note(answer->jobs, answer->n);
    c->n_given = c->given ? answer->n : 0;
    if (c->held) {
        llmq_claim_room_keep(c, answer->body, answer->len);
    }
}

/* The claim is out of the room. NULL: an empty list. Whoever hears of it may free the
 * record at once. */
void llmq_claimants_answer_locked(llmq_claimant_t *c, const llmq_claim_answer_t *answer)
{
    c->state = LLMQ_CLAIMANT_ANSWERED;
    if (c->held) {
        sem_post(&c->answered);
    }
    else if (answer) {
        llmq_park_answer(&c->park, answer->body, answer->len);
    }
    else {
        llmq_park_answer(&c->park, empty, sizeof(empty) - 1);
    }
}

static void wake_locked(llmq_claimants_t *all)
{
    all->again = 1;
    if (all->asleep) {
        eventfd_write(all->wake, 1);
    }
}

/* What was claimed for somebody who has left goes back, by the thread. */
static void give_back_locked(llmq_claimants_t *all, llmq_claimant_t *c)
{
    if (c->n_given) {
        APR_RING_INSERT_TAIL(&all->given_back, c, llmq_claimant_t, link);
        wake_locked(all);
    }
    else {
        llmq_claim_room_free(c);
    }
}

void llmq_claimants_over(void *ctx, int whole)
{
    llmq_claimant_t *c = ctx;
    llmq_claimants_t *all = c->home;

    llmq_claimants_lock(all);
    c->gone = !whole;
    if (c->state == LLMQ_CLAIMANT_WAITS) {
        llmq_claim_room_leave(&all->room, c);
        llmq_park_drop(&c->park);
        tell_roster(all, c);
        c->state = LLMQ_CLAIMANT_ANSWERED;
    }
    if (c->state == LLMQ_CLAIMANT_ANSWERED) {
        log_end(c, whole ? "answered" : "the client left");
        if (whole) {
            llmq_claim_room_free(c);
        }
        else {
            give_back_locked(all, c);
        }
    }
    llmq_claimants_unlock(all);
}

/* It got something, or its client has left while it was tried. */
void llmq_claimants_settle_locked(llmq_claimants_t *all, llmq_claimant_t *c,
                                  const llmq_claim_answer_t *answer)
{
    llmq_claim_room_leave(&all->room, c);
    if (answer->n) {
        keep(c, answer);
    }
    if (!c->gone) {
        llmq_claimants_answer_locked(c, answer);
        return;
    }
    llmq_park_drop(&c->park);
    log_end(c, "the client left");
    give_back_locked(all, c);
}

void llmq_claimants_return_all(llmq_claimants_t *all)
{
    llmq_claimant_t *c;

    for (;;) {
        llmq_claimants_lock(all);
        c = APR_RING_EMPTY(&all->given_back, llmq_claimant_t, link)
                ? NULL
                : APR_RING_FIRST(&all->given_back);
        if (c) {
            APR_RING_REMOVE(c, link);
        }
        llmq_claimants_unlock(all);
        if (!c) {
            return;
        }
        llmq_give_back(all->service, c->claim.tenant, c->given, c->n_given,
                       all->thread.scratch);
        llmq_claim_room_free(c);
        apr_pool_clear(all->thread.scratch);
    }
}

/* ---- those who come and go ---- */

/* Its headers are sent: all that can be said is that there is nothing. */
static void turn_away_locked(llmq_claimant_t *c)
{
    if (c->gone) {
        llmq_park_drop(&c->park);
        log_end(c, "the client left");
        llmq_claim_room_free(c);
    }
    else {
        llmq_claimants_answer_locked(c, NULL);
    }
}

/* Would the thread sleep through something that concerns this claim? */
static int has_to_wake_locked(llmq_claimants_t *all, const llmq_claimant_t *c)
{
    return !all->asleep || !all->until || c->due.at < all->until
           || (all->paused <= apr_time_now()
               && llmq_claim_has_ready(&c->claim, all->service));
}

apr_status_t llmq_claimants_enter(llmq_claimants_t *all, llmq_claimant_t *c)
{
    apr_status_t rv;

    llmq_claimants_lock(all);
    rv = all->stopping ? APR_EOF : c->gone ? APR_ECONNABORTED : APR_SUCCESS;
    if (rv == APR_SUCCESS) {
        rv = llmq_thread_begin(&all->thread, llmq_claimants_look_run, all, 0);
    }
    if (rv == APR_SUCCESS) {
        rv = llmq_claim_room_enter(&all->room, c);
    }
    if (rv == APR_SUCCESS && has_to_wake_locked(all, c)) {
        wake_locked(all);
    }
    if (rv != APR_SUCCESS && !c->held) {
        turn_away_locked(c);
    }
    llmq_claimants_unlock(all);
    return rv;
}

int llmq_claimants_withdraw(llmq_claimants_t *all, llmq_claimant_t *c)
{
    int waits;

    llmq_claimants_lock(all);
    waits = c->state == LLMQ_CLAIMANT_WAITS;
    if (waits) {
        llmq_claim_room_leave(&all->room, c);
    }
    llmq_claimants_unlock(all);
    return waits;
}

void llmq_claimants_give_back(llmq_claimants_t *all, llmq_claimant_t *c)
{
    llmq_claimants_lock(all);
    give_back_locked(all, c);
    llmq_claimants_unlock(all);
}

/* ---- life ---- */

static apr_status_t close_wake(void *data)
{
    close(((llmq_claimants_t *)data)->wake);
    return APR_SUCCESS;
}

apr_status_t llmq_claimants_create(llmq_claimants_t **pall, const llmq_service_t *service,
                                   const llmq_claimants_conf_t *conf, apr_pool_t *p)
{
    llmq_claimants_t *all = apr_pcalloc(p, sizeof(*all));

    all->service = service;
    all->conf = *conf;
    all->queues[0] = service->queue;
    all->queues[1] = service->tasks;
    llmq_claim_room_init(&all->room);
    APR_RING_INIT(&all->given_back, llmq_claimant_t, link);
    all->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (all->wake < 0) {
        return errno;
    }
    apr_pool_cleanup_register(p, all, close_wake, apr_pool_cleanup_null);
    *pall = all;
    return apr_thread_mutex_create(&all->lock, APR_THREAD_MUTEX_DEFAULT, p);
}

void llmq_claimants_stop(llmq_claimants_t *all, apr_interval_time_t patience)
{
    int has_begun;

    llmq_claimants_lock(all);
    all->stopping = 1;
    all->patience = patience;
    has_begun = all->thread.thread != NULL;
    llmq_claimants_unlock(all);
    if (!has_begun) {
        llmq_stream_stop(all->service->streams, patience);
        return;
    }
    eventfd_write(all->wake, 1);
    llmq_thread_end(&all->thread);
    llmq_agenda_cleanup(&all->room.agenda);
}
