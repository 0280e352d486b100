/* Bells where many processes, then many threads, sleep, put and take at once. */
#include "queue/queue_bell.h"

#include "queue/queue_claim.h"
#include "support_queue.h"

#include <apr_strings.h>
#include <apr_thread_proc.h>

#include <poll.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* What is not woken in this time never is, however slow the machine. */
#define LONG_MSEC 60000

/* ---- many processes ---- */

#define ROUNDS 900
#define PAIRS  3

/* Take what is of one tenant, again and again; sleep on a bell in between, and never for
 * as long as the poll would allow unless a ring was lost. */
static void sleep_and_take(queue_rig_t *rig, apr_uint64_t tenant, int rounds)
{
    llmq_queue_filter_t mine = {&tenant, 1, 0};
    llmq_queue_bell_t *bell;
    llmq_queue_t *q = rig->q;

    queue_rig_child(rig);
    if (llmq_queue_bell_attach(&bell, q, test_pool) != APR_SUCCESS)
        _exit(2);
    while (rounds > 0) {
        struct pollfd pfd = {.fd = llmq_queue_bell_fd(bell), .events = POLLIN};
        llmq_entry_t e;
        int n;

        llmq_queue_bell_arm(bell);
        if (llmq_queue_take_from(&e, &n, q, 1, 7, 0, &mine) != APR_SUCCESS
            || (n == 1 && e.tenant != tenant))
            _exit(3);
        if (n == 1) {
            queue_ack(q, e.id, LLMQ_ACK_COMPLETED);
            rounds--;
        }
        else if (poll(&pfd, 1, LONG_MSEC) != 1)
            _exit(1);
        llmq_queue_bell_hush(bell);
    }
    _exit(0);
}

/* Put one, wait until it is gone, and so on: the taker is about to fall asleep each time. */
static void put_and_wait(queue_rig_t *rig, apr_uint64_t tenant, int rounds)
{
    const char *id = apr_psprintf(test_pool, "ping%d", (int)tenant);
    llmq_entry_t e = queue_entry(id, 1 + (int)tenant % 4, 1, 0);

    e.tenant = tenant;
    queue_rig_child(rig);
    while (rounds-- > 0) {
        if (llmq_queue_put(rig->q, &e, 1, 0) != APR_SUCCESS)
            _exit(4);
        while (queue_state(rig->q, id) != LLMQ_ENTRY_FREE)
            sched_yield();
    }
    _exit(0);
}

static void run_pairs(queue_rig_t *rig, int pairs, int rounds)
{
    pid_t child;
    int i, status;

    ck_assert_int_eq(llmq_queue_bell_create(rig->q, pairs, test_pool), APR_SUCCESS);
    for (i = 0; i < 2 * pairs; i++) {
        if (fork() == 0) {
            apr_uint64_t tenant = (apr_uint64_t)(1 + i / 2);

            if (i % 2)
                put_and_wait(rig, tenant, rounds);
            sleep_and_take(rig, tenant, rounds);
        }
    }
    while ((child = wait(&status)) > 0)
        ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
                      "process %d ended with %x", (int)child, (unsigned)status);
    ck_queue(rig->q);
}

START_TEST(no_ring_is_lost_between_two_processes)
{
    run_pairs(queue_rig_tenants(50, 5, 10), 1, ROUNDS);
}
END_TEST

START_TEST(no_ring_is_lost_among_many_processes)
{
    run_pairs(queue_rig_tenants(50, 5, 10), PAIRS, ROUNDS / PAIRS);
}
END_TEST

/* ---- many threads ---- */

#define RINGERS 4
#define RINGS   20000

/* What a thread has, and whether it has lost a ring. */
typedef struct {
    llmq_queue_t *q;
    apr_status_t lost;
} ringer_t;

/* Arm, ring all: whoever rings first, this bell rings. */
static void *APR_THREAD_FUNC arm_and_ring(apr_thread_t *thread, void *data)
{
    ringer_t *ringer = data;
    llmq_queue_t *q = ringer->q;
    llmq_queue_bell_t *bell;
    apr_status_t lost;
    apr_pool_t *p;
    int i;

    apr_pool_create_unmanaged_ex(&p, NULL, NULL);
    lost = llmq_queue_bell_attach(&bell, q, p);
    for (i = 0; i < RINGS && lost == APR_SUCCESS; i++) {
        struct pollfd pfd = {.fd = llmq_queue_bell_fd(bell), .events = POLLIN};

        llmq_queue_bell_arm(bell);
        llmq_queue_bell_ring_all(q);
        if (poll(&pfd, 1, LONG_MSEC) != 1)
            lost = APR_TIMEUP;
        llmq_queue_bell_hush(bell);
    }
    apr_pool_destroy(p);
    ringer->lost = lost;
    (void)thread;
    return NULL;
}

START_TEST(no_arming_is_lost_while_others_arm_and_ring)
{
    llmq_queue_t *q = queue_rig(50, 1)->q;
    ringer_t ringer[RINGERS];
    apr_thread_t *thread[RINGERS];
    apr_status_t rv;
    int i;

    ck_assert_int_eq(llmq_queue_bell_create(q, RINGERS, test_pool), APR_SUCCESS);
    for (i = 0; i < RINGERS; i++) {
        ringer[i].q = q;
        ck_assert_int_eq(
            apr_thread_create(&thread[i], NULL, arm_and_ring, &ringer[i], test_pool), 0);
    }
    for (i = 0; i < RINGERS; i++) {
        ck_assert_int_eq(apr_thread_join(&rv, thread[i]), 0);
        ck_assert_int_eq(ringer[i].lost, APR_SUCCESS);
    }
}
END_TEST

#define EACH     1500
#define PUTTERS  2
#define CLAIMERS 3
#define LANES    4
#define PORTION  5

typedef struct crowd_t {
    queue_rig_t *rig;
    _Atomic(apr_uint32_t) taken[PUTTERS][EACH];
    _Atomic(apr_uint32_t) done;
    _Atomic(apr_uint32_t) wrong;
} crowd_t;

typedef struct member_t {
    crowd_t *crowd;
    int index;
} member_t;

static void *APR_THREAD_FUNC put_some(apr_thread_t *thread, void *data)
{
    const member_t *me = data;
    llmq_queue_t *q = me->crowd->rig->q;
    int i;

    (void)thread;
    for (i = 0; i < EACH; i++) {
        char id[32];
        llmq_entry_t e;

        apr_snprintf(id, sizeof(id), "%d-%d", me->index, i);
        e = queue_entry(id, 1 + i % 4, (apr_uint64_t)(i % 7), 0);
        e.tenant = (apr_uint64_t)(1 + i % LANES);
        while (llmq_queue_admit(q, e.tenant, e.level) != APR_SUCCESS)
            sched_yield();
        if (llmq_queue_put(q, &e, 1, LLMQ_PUT_ADMITTED) != APR_SUCCESS)
            atomic_fetch_add(&me->crowd->wrong, 1);
    }
    return NULL;
}

/* It was let through by the filter and nobody has taken it before. */
static void note_taken(crowd_t *c, const llmq_entry_t *e,
                       const llmq_queue_filter_t *filter)
{
    char *end;
    long putter = strtol(e->id, &end, 10), i = strtol(end + 1, NULL, 10);

    if ((e->tenant != filter->tenants[0] && e->tenant != filter->tenants[1])
        || atomic_fetch_add(&c->taken[putter][i], 1) != 0
        || llmq_queue_position(c->rig->q, e->id, filter) != 0
        || llmq_queue_lease(c->rig->q, e->id, 0, 1, e->lease_until + 1) != APR_SUCCESS)
        atomic_fetch_add(&c->wrong, 1);
}

static int claim(crowd_t *c, const llmq_queue_filter_t *filter)
{
    llmq_queue_ack_t acks[PORTION];
    llmq_entry_t out[PORTION];
    int i, n = 0;

    if (llmq_queue_take_from(out, &n, c->rig->q, PORTION, 7, 77, filter) != APR_SUCCESS)
        atomic_fetch_add(&c->wrong, 1);
    for (i = 0; i < n; i++) {
        note_taken(c, &out[i], filter);
        acks[i].id = out[i].id;
        acks[i].attempt = 1;
        acks[i].how = LLMQ_ACK_COMPLETED;
    }
    if (n > 0)
        llmq_queue_ack(c->rig->q, acks, n);
    atomic_fetch_add(&c->done, (apr_uint32_t)n);
    return n;
}

/* Each claimer's tenants are those of another one, too. */
static void *APR_THREAD_FUNC claim_some(apr_thread_t *thread, void *data)
{
    const member_t *me = data;
    apr_uint64_t tenants[2] = {(apr_uint64_t)(1 + me->index),
                               (apr_uint64_t)(1 + (me->index + 1) % LANES)};
    llmq_queue_filter_t filter = {tenants, 2, 0};
    llmq_queue_t *q = me->crowd->rig->q;
    llmq_queue_bell_t *bell;
    apr_pool_t *p;

    (void)thread;
    apr_pool_create_unmanaged_ex(&p, NULL, NULL);
    if (llmq_queue_bell_attach(&bell, q, p) != APR_SUCCESS)
        atomic_fetch_add(&me->crowd->wrong, 1);
    else
        while (atomic_load(&me->crowd->done) < PUTTERS * EACH) {
            llmq_queue_bell_arm(bell);
            if (claim(me->crowd, &filter) == 0)
                llmq_queue_bell_wait(bell, 50000);
            (void)llmq_queue_has_ready(q, &filter);
            (void)llmq_queue_next_lease(q);
        }
    apr_pool_destroy(p);
    return NULL;
}

START_TEST(threads_that_claim_share_the_work)
{
    apr_thread_t *thread[PUTTERS + CLAIMERS];
    member_t member[PUTTERS + CLAIMERS];
    crowd_t *c = apr_pcalloc(test_pool, sizeof(*c));
    apr_status_t rv;
    int i;

    c->rig = queue_rig_tenants(300, 20, LANES);
    ck_assert_int_eq(llmq_queue_bell_create(c->rig->q, CLAIMERS, test_pool), 0);
    for (i = 0; i < PUTTERS + CLAIMERS; i++) {
        member[i].crowd = c;
        member[i].index = i < PUTTERS ? i : i - PUTTERS;
        ck_assert_int_eq(apr_thread_create(&thread[i], NULL,
                                           i < PUTTERS ? put_some : claim_some,
                                           &member[i], test_pool),
                         0);
    }
    for (i = 0; i < PUTTERS + CLAIMERS; i++)
        ck_assert_int_eq(apr_thread_join(&rv, thread[i]), 0);
    ck_queue(c->rig->q);
    ck_assert_uint_eq(c->wrong, 0);
    ck_assert_uint_eq(c->done, PUTTERS * EACH);
    ck_assert_int_eq(llmq_queue_next_lease(c->rig->q), -1);
}
END_TEST

TCase *case_queue_bells(void)
{
    TCase *tc = test_case("queue_bells");

    tcase_add_test(tc, no_ring_is_lost_between_two_processes);
    tcase_add_test(tc, no_ring_is_lost_among_many_processes);
    tcase_add_test(tc, no_arming_is_lost_while_others_arm_and_ring);
    tcase_add_test(tc, threads_that_claim_share_the_work);
    return tc;
}
