/* The thread that tries claims that wait. Read run() from top to bottom. */
#include "http/claimants.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/thread.h"
#include "http/claim_room.h"
#include "queue/queue_bell.h"

#include <apr_thread_mutex.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define FIRST_TRY  4                       /* claims that are tried together at first */
#define MAX_TRY    64                      /* when many find something */
#define PAUSE      apr_time_from_msec(100) /* while the clients do not read */
#define STORE_AWAY apr_time_from_sec(1)    /* before the store is asked again */
#define QUEUES     2

static const char empty[] = "{\"tasks\":[]}\n";

struct llmq_claimants_t {
    const llmq_service_t *service;
    llmq_claimants_conf_t conf;
    apr_thread_mutex_t *lock;
    llmq_claim_room_t room;              /* under lock */
    struct llmq_claim_list_t given_back; /* under lock: not taken by their clients */
    apr_pool_t *pool;                    /* of the thread, with an allocator of its own */
    apr_pool_t *scratch;                 /* the thread's */
    apr_thread_t *thread;                /* under lock; NULL: not started */
    int stopping;                        /* under lock */
    int asleep;                          /* under lock: on armed bells... */
    apr_time_t until;                    /* under lock: ...and until then */
    int again;                           /* under lock: somebody came meanwhile */
    unsigned round;                      /* the thread's */
    apr_time_t paused;                   /* the thread's: no tries before */
    apr_interval_time_t patience;        /* of the stop */
    llmq_queue_bell_t *bells[QUEUES];    /* the thread's; NULL: there are no more */
    llmq_queue_t *queues[QUEUES];
    int wake; /* eventfd */
};

static void lock(llmq_claimants_t *all)
{
    apr_thread_mutex_lock(all->lock);
}

static void unlock(llmq_claimants_t *all)
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
static void answer_locked(llmq_claimant_t *c, const llmq_claim_answer_t *answer)
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

    lock(all);
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
    unlock(all);
}

/* ---- the thread: tries ---- */

/* It got something, or its client has left while it was tried. */
static void settle_locked(llmq_claimants_t *all, llmq_claimant_t *c,
                          const llmq_claim_answer_t *answer)
{
    llmq_claim_room_leave(&all->room, c);
    if (answer->n) {
        keep(c, answer);
    }
    if (!c->gone) {
        answer_locked(c, answer);
        return;
    }
    llmq_park_drop(&c->park);
    log_end(c, "the client left");
    give_back_locked(all, c);
}

/* @return how many got something, -1: the store does not answer */
static int try_locked(llmq_claimants_t *all, llmq_claim_group_t *g, int max)
{
    llmq_claimant_t *tried[MAX_TRY];
    llmq_claim_answer_t answers[MAX_TRY];
    llmq_claim_t claims[MAX_TRY];
    int n = llmq_claim_room_take(tried, g, max);
    int hits = 0;
    int left = 0;
    apr_status_t rv;
    int i;

    memset(answers, 0, sizeof(answers));
    for (i = 0; i < n; i++) {
        claims[i] = tried[i]->claim;
    }
    unlock(all);
    rv = llmq_claim_try(answers, claims, n, all->service, all->scratch);
    lock(all);
    for (i = 0; i < n; i++) {
        hits += answers[i].n > 0;
        if (answers[i].n == 0 && !tried[i]->gone) {
            tried[left++] = tried[i];
        }
        else {
            settle_locked(all, tried[i], &answers[i]);
        }
    }
    llmq_claim_room_put_back(tried, left);
    apr_pool_clear(all->scratch);
    return rv == APR_SUCCESS ? hits : -1;
}

/* A few at first; more and more while all of them find something. */
static void serve_locked(llmq_claimants_t *all, llmq_claim_group_t *g)
{
    int max = FIRST_TRY;
    int hits = max;

    llmq_claim_room_hold(g);
    while (hits == max && !APR_RING_EMPTY(&g->line, llmq_claimant_t, link)
           && llmq_claim_has_ready(&g->what, all->service)) {
        hits = try_locked(all, g, max);
        if (hits < 0) {
            all->paused = apr_time_now() + STORE_AWAY;
        }
        else if (hits == max && max < MAX_TRY) {
            max = hits = 2 * max;
        }
    }
    llmq_claim_room_let(g);
}

static int may_try(llmq_claimants_t *all)
{
    apr_time_t now = apr_time_now();

    if (all->paused <= now
        && llmq_stream_bytes(all->service->streams) > all->conf.max_bytes) {
        all->paused = now + PAUSE;
    }
    return all->paused <= now;
}

/* Whoever was served goes to the end, so no group is always the first. */
static void look_locked(llmq_claimants_t *all)
{
    llmq_claim_group_t *g;

    all->round++;
    while (!APR_RING_EMPTY(&all->room.groups, llmq_claim_group_t, link)) {
        g = APR_RING_FIRST(&all->room.groups);
        if (g->round == all->round || !may_try(all)) {
            return;
        }
        g->round = all->round;
        APR_RING_REMOVE(g, link);
        APR_RING_INSERT_TAIL(&all->room.groups, g, llmq_claim_group_t, link);
        serve_locked(all, g);
    }
}

static void expire_locked(llmq_claimants_t *all)
{
    apr_time_t now = apr_time_now();
    llmq_claimant_t *c;

    while ((c = llmq_claim_room_first_due(&all->room))
           && (all->stopping || c->due.at <= now)) {
        llmq_claim_room_leave(&all->room, c);
        answer_locked(c, NULL);
    }
}

static void give_back_all(llmq_claimants_t *all)
{
    llmq_claimant_t *c;

    for (;;) {
        lock(all);
        c = APR_RING_EMPTY(&all->given_back, llmq_claimant_t, link)
                ? NULL
                : APR_RING_FIRST(&all->given_back);
        if (c) {
            APR_RING_REMOVE(c, link);
        }
        unlock(all);
        if (!c) {
            return;
        }
        llmq_give_back(all->service, c->claim.tenant, c->given, c->n_given, all->scratch);
        llmq_claim_room_free(c);
        apr_pool_clear(all->scratch);
    }
}

/* ---- the thread: sleep ---- */

static void arm(llmq_claimants_t *all)
{
    int i;

    for (i = 0; i < QUEUES; i++) {
        if (all->bells[i]) {
            llmq_queue_bell_arm(all->bells[i]);
        }
    }
}

/* Until when at most: a claim's time, a delay that is due, or just to be safe. */
static apr_time_t sleep_limit_locked(llmq_claimants_t *all, apr_time_t now)
{
    const llmq_claimant_t *c = llmq_claim_room_first_due(&all->room);
    apr_time_t until = now + LLMQ_QUEUE_BELL_SLICE;
    int i;

    for (i = 0; i < QUEUES; i++) {
        apr_interval_time_t due = llmq_queue_next_due(all->queues[i]);

        if (!all->bells[i] && until > now + PAUSE) {
            until = now + PAUSE;
        }
        if (due >= 0 && until > now + due) {
            until = now + due;
        }
    }
    if (all->paused > now) { /* whatever is ready meanwhile */
        until = all->paused;
    }
    return c && c->due.at < until ? c->due.at : until;
}

/* @return msec, -1: until somebody comes */
static int fall_asleep_locked(llmq_claimants_t *all)
{
    apr_time_t now = apr_time_now();

    if (all->again || all->stopping) {
        return 0;
    }
    all->asleep = 1;
    all->until = all->room.n ? sleep_limit_locked(all, now) : 0;
    if (!all->until) {
        return -1;
    }
    return all->until > now ? (int)apr_time_as_msec(all->until - now) + 1 : 1;
}

static void doze(llmq_claimants_t *all, int msec)
{
    struct pollfd fds[QUEUES + 1] = {{.fd = all->wake, .events = POLLIN}};
    eventfd_t rings;
    int i;

    for (i = 0; i < QUEUES; i++) {
        fds[i + 1].fd = all->bells[i] ? llmq_queue_bell_fd(all->bells[i]) : -1;
        fds[i + 1].events = POLLIN;
    }
    poll(fds, QUEUES + 1, msec);
    eventfd_read(all->wake, &rings);
    for (i = 0; i < QUEUES; i++) {
        if (all->bells[i]) {
            llmq_queue_bell_hush(all->bells[i]);
        }
        llmq_queue_tick(all->queues[i]);
    }
}

static void attach_bells(llmq_claimants_t *all)
{
    int i;

    for (i = 0; i < QUEUES; i++) {
        apr_status_t rv =
            llmq_queue_bell_attach(&all->bells[i], all->queues[i], all->pool);

        if (rv != APR_SUCCESS) {
            all->bells[i] = NULL;
            LLMQ_LOG(LLMQ_LOG_INFO, rv,
                     LLMQ_NO(0272) "no bell is left: claims that wait look for work ten"
                                   " times a second");
        }
    }
}

static void *APR_THREAD_FUNC run(apr_thread_t *thread, void *data)
{
    llmq_claimants_t *all = data;
    int stopping;
    int msec;

    (void)thread;
    attach_bells(all);
    do {
        lock(all);
        all->asleep = all->again = 0;
        /* 1. From here on whatever becomes ready rings. */
        if (all->room.n) {
            arm(all);
        }
        /* 2. Is there anything now, for anybody? */
        if (!all->stopping) {
            look_locked(all);
        }
        /* 3. Whose time is over? */
        expire_locked(all);
        stopping = all->stopping;
        msec = fall_asleep_locked(all);
        unlock(all);
        /* 4. What did clients not take? */
        give_back_all(all);
        if (!stopping) {
            doze(all, msec);
        }
    } while (!stopping);
    /* 5. The last answers go out, and what does not arrive goes back. */
    llmq_stream_stop(all->service->streams, all->patience);
    give_back_all(all);
    return NULL;
}

/* ---- those who come and go ---- */

/* The pool is nobody else's, as request threads may start it. */
static apr_status_t start_locked(llmq_claimants_t *all)
{
    apr_status_t rv;

    if (all->thread) {
        return APR_SUCCESS;
    }
    rv = apr_pool_create_unmanaged_ex(&all->pool, NULL, NULL);
    if (rv == APR_SUCCESS) {
        apr_pool_create(&all->scratch, all->pool);
        rv = llmq_thread_start(&all->thread, run, all, all->pool);
        if (rv != APR_SUCCESS) {
            apr_pool_destroy(all->pool);
        }
    }
    return rv;
}

/* Its headers are sent: all that can be said is that there is nothing. */
static void turn_away_locked(llmq_claimant_t *c)
{
    if (c->gone) {
        llmq_park_drop(&c->park);
        llmq_claim_room_free(c);
    }
    else {
        answer_locked(c, NULL);
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

    lock(all);
    rv = all->stopping ? APR_EOF : c->gone ? APR_ECONNABORTED : start_locked(all);
    if (rv == APR_SUCCESS) {
        rv = llmq_claim_room_enter(&all->room, c);
    }
    if (rv == APR_SUCCESS && has_to_wake_locked(all, c)) {
        wake_locked(all);
    }
    if (rv != APR_SUCCESS && !c->held) {
        turn_away_locked(c);
    }
    unlock(all);
    return rv;
}

int llmq_claimants_withdraw(llmq_claimants_t *all, llmq_claimant_t *c)
{
    int waits;

    lock(all);
    waits = c->state == LLMQ_CLAIMANT_WAITS;
    if (waits) {
        llmq_claim_room_leave(&all->room, c);
    }
    unlock(all);
    return waits;
}

void llmq_claimants_give_back(llmq_claimants_t *all, llmq_claimant_t *c)
{
    lock(all);
    give_back_locked(all, c);
    unlock(all);
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
    apr_thread_t *thread;
    apr_status_t rv;

    lock(all);
    all->stopping = 1;
    all->patience = patience;
    thread = all->thread;
    unlock(all);
    if (!thread) {
        llmq_stream_stop(all->service->streams, patience);
        return;
    }
    eventfd_write(all->wake, 1);
    apr_thread_join(&rv, thread);
    llmq_agenda_cleanup(&all->room.agenda);
    apr_pool_destroy(all->pool);
}
