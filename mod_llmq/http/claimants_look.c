/* The thread that tries claims that wait. Read llmq_claimants_look_run() from top to bottom. */
#include "http/claimants_inner.h"

#include "base/log.h"

#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>

#define FIRST_TRY  4                       /* claims that are tried together at first */
#define MAX_TRY    64                      /* when many find something */
#define PAUSE      apr_time_from_msec(100) /* while the clients do not read */
#define STORE_AWAY apr_time_from_sec(1)    /* before the store is asked again */
#define QUEUES     LLMQ_CLAIMANTS_QUEUES

/* ---- tries ---- */

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
    llmq_claimants_unlock(all);
    rv = llmq_claim_try(answers, claims, n, all->service, all->thread.scratch);
    llmq_claimants_lock(all);
    for (i = 0; i < n; i++) {
        hits += answers[i].n > 0;
        if (answers[i].n == 0 && !tried[i]->gone) {
            tried[left++] = tried[i];
        }
        else {
            llmq_claimants_settle_locked(all, tried[i], &answers[i]);
        }
    }
    llmq_claim_room_put_back(tried, left);
    apr_pool_clear(all->thread.scratch);
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
        llmq_claimants_answer_locked(c, NULL);
    }
}

/* ---- sleep ---- */

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
            llmq_queue_bell_attach(&all->bells[i], all->queues[i], all->thread.pool);

        if (rv != APR_SUCCESS) {
            all->bells[i] = NULL;
            LLMQ_LOG(LLMQ_LOG_INFO, rv,
                     LLMQ_NO(0272) "no bell is left: claims that wait look for work ten"
                                   " times a second");
        }
    }
}

void *APR_THREAD_FUNC llmq_claimants_look_run(apr_thread_t *thread, void *data)
{
    llmq_claimants_t *all = data;
    int stopping;
    int msec;

    (void)thread;
    attach_bells(all);
    do {
        llmq_claimants_lock(all);
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
        llmq_claimants_unlock(all);
        /* 4. What did clients not take? */
        llmq_claimants_return_all(all);
        if (!stopping) {
            doze(all, msec);
        }
    } while (!stopping);
    /* 5. The last answers go out, and what does not arrive goes back. */
    llmq_stream_stop(all->service->streams, all->patience);
    llmq_claimants_return_all(all);
    return NULL;
}
