#include "queue/queue_lock.h"

#include "queue/queue_claim.h"

#include "base/clock.h"
#include "base/log.h"
#include "support_queue.h"

#include <apr_strings.h>

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* Mechanisms that are given free when their holder dies. POSIX semaphores are not, and
 * everybody would wait for ever. */
static const apr_lockmech_e mechs[] = {APR_LOCK_DEFAULT, APR_LOCK_PROC_PTHREAD,
                                       APR_LOCK_FCNTL, APR_LOCK_FLOCK, APR_LOCK_SYSVSEM};
#define MECHS ((int)(sizeof(mechs) / sizeof(mechs[0])))

static int logged;

static void count_lines(void *ctx, llmq_log_level_e level, const char *file, int line,
                        apr_status_t rv, const char *text)
{
    (void)ctx;
    (void)level;
    (void)file;
    (void)line;
    (void)rv;
    logged += strstr(text, "LLMQ0301") != NULL;
}

static queue_rig_t *rig_of(int mech)
{
    llmq_log_set_sink(count_lines, NULL, LLMQ_LOG_INFO);
    return queue_rig_with(20, 20, mechs[mech]);
}

typedef void deed_fn_t(llmq_queue_t *q);

/* A child does something inside the lock and is killed there. */
static void die_inside(queue_rig_t *rig, deed_fn_t *deed)
{
    pid_t child = fork();
    int status;

    if (child == 0) {
        queue_rig_child(rig);
        if (llmq_queue_lock_enter_damaged(rig->q) == APR_SUCCESS) {
            deed(rig->q);
            kill(getpid(), SIGKILL);
        }
        _exit(1);
    }
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static void nothing(llmq_queue_t *q)
{
    (void)q;
}

/* What a death in the middle of any change may leave, and worse. */
static void tear(llmq_queue_t *q)
{
    apr_uint32_t i;

    memset(q->slots, 0xa5, sizeof(llmq_queue_slot_t) * 3);
    memset(q->keys, 0x5a, sizeof(llmq_queue_key_t) * 3);
    memset(q->ids, 0xff, sizeof(apr_uint32_t) * q->header->buckets);
    q->header->heap_count = 0xffffffff;
    q->header->running = 0x7fffffff;
    q->header->free_slots.fresh = 0xffffffff;
    for (i = 1; i < LLMQ_LEVEL_COUNT; i++)
        memset(&q->header->level[i].account.count, 0xee,
               sizeof(q->header->level[i].account.count));
    memset(q->header->level[1].ring, 0x66, sizeof(q->header->level[1].ring));
    q->header->ends_count = q->header->level[1].age_count = 0x7fffffff;
    q->header->lease_count = q->header->free_spans.list = 0x7fffffff;
    atomic_store(&q->header->busy, 0x7fffffff);
    tenant_at(q, 1)->running = 0x7fffffff;
    lane_at(q, 1, 1)->span_tail = 0x55555555;
    lane_at(q, 1, 1)->ring = lane_at(q, 1, 1)->age_head = 0x55555555;
}

static void reset_half(llmq_queue_t *q)
{
    llmq_queue_layout_clear(q);
    memset(q->ids, 0xff, sizeof(apr_uint32_t) * q->header->buckets);
}

static void reset_nearly(llmq_queue_t *q)
{
    llmq_queue_layout_clear(q);
    atomic_store(&q->header->damaged, 0);
}

static void every_call_refuses(llmq_queue_t *q)
{
    llmq_queue_filter_t all = {(const apr_uint64_t[]){0}, 1, 0};
    llmq_queue_totals_t none = {0, 0};
    llmq_entry_t one;
    llmq_queue_stats_t stats[LLMQ_LEVEL_COUNT];
    llmq_queue_ack_t ack = {.id = "a"};
    llmq_entry_t e = queue_entry("new", 1, 1, 0), out[1], *list;
    int n = 9;

    ck_assert_int_eq(llmq_queue_put(q, &e, 1, 0), APR_EINCOMPLETE);
    ck_assert_int_eq(llmq_queue_take(out, &n, q, 1, 1), APR_EINCOMPLETE);
    ck_assert_int_eq(n, 0);
    ck_assert_int_eq(llmq_queue_ack(q, &ack, 1), APR_EINCOMPLETE);
    ck_assert_int_eq(llmq_queue_requeue(q, "a", 0, 0, 0), APR_EINCOMPLETE);
    ck_assert_int_eq(llmq_queue_cancel(q, "a"), APR_EINCOMPLETE);
    ck_assert_int_eq(llmq_queue_reprioritise(q, "a", 1), APR_EINCOMPLETE);
    ck_assert_int_eq(llmq_queue_find(NULL, q, "a"), APR_EINCOMPLETE);
    ck_assert_int_eq(llmq_queue_running(&list, &n, q, 0, test_pool), APR_EINCOMPLETE);
    memset(stats, 1, sizeof(stats));
    ck_assert_int_eq(llmq_queue_stats(stats, q), APR_EINCOMPLETE);
    ck_assert_uint_eq(stats[0].total_put + stats[4].total_put + stats[4].ready, 0);
    ck_assert_int_eq(llmq_queue_set_totals(q, 0, 1, &none), APR_EINCOMPLETE);
    ck_assert_int_eq(llmq_queue_tenant_stats(stats, q, 0), APR_EINCOMPLETE);
    ck_assert_int_eq(llmq_queue_take_expired(&one, &n, q, 1, 1), APR_EINCOMPLETE);
    ck_assert_int_eq(llmq_queue_set_concurrency(q, 1, 1), APR_EINCOMPLETE);
    ck_assert_int_eq(llmq_queue_take_from(out, &n, q, 1, 1, 5, &all), APR_EINCOMPLETE);
    ck_assert_int_eq(llmq_queue_take_id(out, q, "a", 1, 5), APR_EINCOMPLETE);
    ck_assert_int_eq(llmq_queue_lease(q, "a", 0, 0, 5), APR_EINCOMPLETE);
    ck_assert_int_eq(llmq_queue_lease_due(&list, &n, q, 5, test_pool), APR_EINCOMPLETE);
    ck_assert_uint_eq(llmq_queue_position(q, "a", NULL), 0);
    ck_assert_int_eq(llmq_queue_has_ready(q, NULL), 0);
    ck_assert_int_ne(llmq_queue_is_damaged(q), 0);
}

static void works_again(llmq_queue_t *q)
{
    ck_queue(q);
    ck_assert_int_eq(llmq_queue_is_damaged(q), 0);
    ck_assert_int_ne(llmq_queue_needs_rebuild(q), 0);
    ck_assert_int_eq(queue_state(q, "a"), LLMQ_ENTRY_FREE);
    ck_assert_int_eq(llmq_queue_next_lease(q), -1);
    ck_assert_int_eq(llmq_queue_has_ready(q, NULL), 0);
    queue_put(q, "a", 1, 1, 1);
    queue_put(q, "b", 2, 2, 1);
    ck_queue(q);
    ck_assert_str_eq(queue_take_ids(q, 9), "a");
    queue_ack(q, "a", LLMQ_ACK_COMPLETED);
    ck_assert_str_eq(queue_take_ids(q, 9), "b");
    ck_queue(q);
}

START_TEST(a_death_outside_the_lock_does_no_harm)
{
    queue_rig_t *rig = rig_of(_i);
    pid_t child = fork();

    if (child == 0) {
        queue_rig_child(rig);
        queue_put(rig->q, "a", 1, 1, 0);
        kill(getpid(), SIGKILL);
    }
    ck_assert_int_eq(waitpid(child, NULL, 0), child);
    ck_assert_int_eq(queue_state(rig->q, "a"), LLMQ_ENTRY_READY);
    ck_assert_int_eq(llmq_queue_is_damaged(rig->q), 0);
    ck_queue(rig->q);
    ck_assert_int_eq(logged, 0);
}
END_TEST

START_TEST(a_death_inside_the_lock_is_noticed_and_reset_heals_it)
{
    queue_rig_t *rig = rig_of(_i);

    queue_put(rig->q, "a", 1, 1, 0);
    die_inside(rig, nothing);
    every_call_refuses(rig->q);
    ck_assert_int_eq(logged, 1);
    ck_assert_int_eq(llmq_queue_reset(rig->q), APR_SUCCESS);
    works_again(rig->q);
}
END_TEST

START_TEST(torn_lists_do_not_harm_the_reset)
{
    queue_rig_t *rig = rig_of(_i);
    llmq_queue_totals_t totals = {10, 20};
    llmq_queue_stats_t stats[LLMQ_LEVEL_COUNT];
    llmq_entry_t e;
    int l;

    LLMQ_EACH_LEVEL (l)
        ck_assert_int_eq(llmq_queue_set_totals(rig->q, 0, l, &totals), APR_SUCCESS);
    queue_put(rig->q, "a", 1, 1, 1);
    queue_put(rig->q, "b", 2, 1, 1);
    queue_put(rig->q, "c", 3, 1, 0);
    ck_assert_int_eq(llmq_queue_take_id(&e, rig->q, "c", 7, 5), APR_SUCCESS);
    die_inside(rig, tear);
    every_call_refuses(rig->q);
    ck_assert_int_eq(llmq_queue_reset(rig->q), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_stats(stats, rig->q), APR_SUCCESS);
    LLMQ_EACH_LEVEL (l) {
        ck_assert_uint_eq(stats[l].total_completed, 10);
        ck_assert_uint_eq(stats[l].total_failed, 20);
    }
    works_again(rig->q);
}
END_TEST

START_TEST(a_reset_that_died_is_done_again)
{
    static deed_fn_t *const deeds[] = {tear, reset_half, reset_nearly};
    queue_rig_t *rig = rig_of(_i);
    int i;

    queue_put(rig->q, "a", 1, 1, 1);
    die_inside(rig, nothing);
    every_call_refuses(rig->q);
    for (i = 0; i < 3; i++) {
        die_inside(rig, deeds[i]);
        every_call_refuses(rig->q);
    }
    ck_assert_int_eq(llmq_queue_reset(rig->q), APR_SUCCESS);
    works_again(rig->q);
}
END_TEST

START_TEST(reset_of_a_sound_queue_does_nothing)
{
    queue_rig_t *rig = rig_of(_i);

    queue_put(rig->q, "a", 1, 1, 1);
    ck_assert_int_eq(llmq_queue_reset(rig->q), APR_SUCCESS);
    ck_assert_int_eq(queue_state(rig->q, "a"), LLMQ_ENTRY_READY);
    ck_assert_int_eq(llmq_queue_needs_rebuild(rig->q), 0);
}
END_TEST

START_TEST(a_damaged_queue_gives_places_back_and_asks_for_a_walk)
{
    queue_rig_t *rig = rig_of(0);
    llmq_queue_t *q = rig->q;
    llmq_entry_t e[2];
    int l;

    LLMQ_EACH_LEVEL (l) {
        ck_assert_int_eq(llmq_queue_admit(q, 0, l), APR_SUCCESS);
        ck_assert_int_eq(llmq_queue_admit(q, 0, l), APR_SUCCESS);
    }
    die_inside(rig, nothing);
    LLMQ_EACH_LEVEL (l) {
        e[0] = queue_entry("x", l, 1, 0);
        e[1] = queue_entry("y", l, 1, 0);
        ck_assert_int_eq(llmq_queue_put(q, e, 2, LLMQ_PUT_ADMITTED), APR_EINCOMPLETE);
        ck_assert_uint_eq(atomic_load(&lane_at(q, 1, (apr_uint32_t)l)->places), 0);
    }
    ck_assert_int_ne(llmq_queue_needs_rebuild(q), 0);
}
END_TEST

START_TEST(a_walk_over_a_reset_does_not_count_as_one_after_it)
{
    queue_rig_t *rig = rig_of(0);

    llmq_queue_rebuild_begin(rig->q);
    die_inside(rig, nothing);
    ck_assert_int_eq(llmq_queue_find(NULL, rig->q, "a"), APR_EINCOMPLETE);
    ck_assert_int_eq(llmq_queue_reset(rig->q), APR_SUCCESS);
    llmq_queue_rebuild_end(rig->q, 1);
    ck_assert_int_ne(llmq_queue_needs_rebuild(rig->q), 0);
}
END_TEST

START_TEST(damage_wakes_the_taker)
{
    queue_rig_t *rig = rig_of(0);

    queue_take_ids(rig->q, 1);
    die_inside(rig, nothing);
    ck_assert_int_eq(llmq_queue_find(NULL, rig->q, "a"), APR_EINCOMPLETE);
    ck_assert_int_eq(llmq_queue_wait(rig->q, APR_USEC_PER_SEC * 20), APR_SUCCESS);
    /* Nothing can be done about a due entry, so it is no reason not to sleep. */
    atomic_store(&rig->q->header->due_at, 1);
    ck_assert_int_eq(llmq_queue_wait(rig->q, 1000), APR_TIMEUP);
}
END_TEST

START_TEST(configure_works_on_a_damaged_queue)
{
    queue_rig_t *rig = rig_of(0);
    llmq_queue_conf_t conf = rig->conf;

    die_inside(rig, nothing);
    conf.level[1].max_size = 1;
    ck_assert_int_eq(llmq_queue_configure(rig->q, &conf), APR_SUCCESS);
    every_call_refuses(rig->q);
    ck_assert_int_eq(llmq_queue_reset(rig->q), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_admit(rig->q, 0, 1), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_admit(rig->q, 0, 1), LLMQ_EFULL);
}
END_TEST

/* Work for ever, as fast as it goes; the parent kills. */
static void work(queue_rig_t *rig, int salt)
{
    int i;

    queue_rig_child(rig);
    for (i = 0;; i++) {
        char id[32];
        llmq_entry_t e, out[4];
        llmq_queue_ack_t ack = {.id = out[0].id, .how = LLMQ_ACK_COMPLETED};
        int n;

        apr_snprintf(id, sizeof(id), "%d.%d", salt, i);
        e = queue_entry(id, 1 + i % 4, (apr_uint64_t)i % 3, (apr_uint64_t)i % 5);
        if (llmq_queue_put(rig->q, &e, 1, 0) == APR_EINCOMPLETE)
            _exit(0);
        if (llmq_queue_take(out, &n, rig->q, 1, 9) != APR_SUCCESS || n == 0)
            continue;
        if (i % 3 == 0)
            llmq_queue_requeue(rig->q, out[0].id, out[0].attempt, 1, 0);
        else {
            ack.attempt = out[0].attempt;
            llmq_queue_ack(rig->q, &ack, 1);
        }
    }
}

/* Whatever the moment: either the death is noticed or the lists are whole. */
START_TEST(no_death_at_any_moment_goes_unnoticed)
{
    queue_rig_t *rig = rig_of(_i);
    int round, noticed = 0;

    for (round = 0; round < 100; round++) {
        pid_t child = fork();

        if (child == 0)
            work(rig, round);
        usleep((useconds_t)(500 + round * 37));
        kill(child, SIGKILL);
        ck_assert_int_eq(waitpid(child, NULL, 0), child);
        if (llmq_queue_find(NULL, rig->q, "x") == APR_EINCOMPLETE) {
            noticed++;
            ck_assert_int_eq(llmq_queue_reset(rig->q), APR_SUCCESS);
        }
        ck_assert_msg(!queue_check(rig->q), "round %d: %s", round, queue_check(rig->q));
    }
    ck_assert_int_eq(logged, noticed);
}
END_TEST

TCase *case_queue_lock(void)
{
    TCase *tc = test_case("queue_lock");

    tcase_add_loop_test(tc, a_death_outside_the_lock_does_no_harm, 0, MECHS);
    tcase_add_loop_test(tc, a_death_inside_the_lock_is_noticed_and_reset_heals_it, 0,
                        MECHS);
    tcase_add_loop_test(tc, torn_lists_do_not_harm_the_reset, 0, MECHS);
    tcase_add_loop_test(tc, a_reset_that_died_is_done_again, 0, MECHS);
    tcase_add_loop_test(tc, reset_of_a_sound_queue_does_nothing, 0, MECHS);
    tcase_add_test(tc, a_damaged_queue_gives_places_back_and_asks_for_a_walk);
    tcase_add_test(tc, a_walk_over_a_reset_does_not_count_as_one_after_it);
    tcase_add_test(tc, damage_wakes_the_taker);
    tcase_add_test(tc, configure_works_on_a_damaged_queue);
    tcase_add_loop_test(tc, no_death_at_any_moment_goes_unnoticed, 0, MECHS);
    return tc;
}
