#include "queue/queue_figures.h"

#include "base/clock.h"
#include "queue/queue_job.h"
#include "queue/queue_layout.h"
#include "support_queue.h"

#include <string.h>

#define TENANT 77
#define SECOND APR_USEC_PER_SEC

static llmq_queue_unstored_t unstored;

static const llmq_queue_cell_t *cell(llmq_queue_t *q, int level)
{
    ck_assert_int_eq(llmq_queue_figures_unstored(&unstored, q, TENANT, 0), APR_SUCCESS);
    return &unstored.open[level];
}

static void check_counts(llmq_queue_t *q, int level, int accepted, int completed,
                         int failed, int timeouts, int removed)
{
    const llmq_queue_cell_t *c = cell(q, level);

    ck_assert_int_eq(c->count[LLMQ_CELL_ACCEPTED], accepted);
    ck_assert_int_eq(c->count[LLMQ_CELL_COMPLETED], completed);
    ck_assert_int_eq(c->count[LLMQ_CELL_FAILED], failed);
    ck_assert_int_eq(c->count[LLMQ_CELL_TIMEOUT], timeouts);
    ck_assert_int_eq(c->count[LLMQ_CELL_REMOVED], removed);
}

static llmq_entry_t entry_of(const char *id, int level)
{
    llmq_entry_t e = queue_entry(id, level, 1, 0);

    e.tenant = TENANT;
    return e;
}

static void put(llmq_queue_t *q, const llmq_entry_t *e, int flags)
{
    if (flags & LLMQ_PUT_ADMITTED)
        ck_assert_int_eq(llmq_queue_admit(q, 0, e->level), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_put(q, e, 1, flags), APR_SUCCESS);
}

static void accept_one(llmq_queue_t *q, const char *id, int level)
{
    llmq_entry_t e = entry_of(id, level);

    put(q, &e, LLMQ_PUT_ADMITTED);
}

START_TEST(the_way_of_a_message_is_counted)
{
    llmq_queue_t *q;
    llmq_queue_times_t times;

    llmq_clock_set(QUEUE_NOW);
    q = queue_rig(10, 10)->q;
    accept_one(q, "a", _i);
    accept_one(q, "b", _i);
    accept_one(q, "c", _i);
    accept_one(q, "d", _i);
    check_counts(q, _i, 4, 0, 0, 0, 0);
    llmq_clock_set(QUEUE_NOW + 2 * SECOND);
    queue_take_ids(q, 3);
    ck_assert_uint_eq(cell(q, _i)->waits.count, 3);
    ck_assert_int_eq(cell(q, _i)->waits.sum, 6 * SECOND);
    llmq_clock_set(QUEUE_NOW + 5 * SECOND);
    queue_ack(q, "a", LLMQ_ACK_COMPLETED);
    queue_ack(q, "b", LLMQ_ACK_FAILED);
    queue_ack(q, "c", LLMQ_ACK_TIMEOUT);
    check_counts(q, _i, 4, 1, 1, 1, 0);
    ck_assert_uint_eq(cell(q, _i)->runs.count, 3);
    ck_assert_int_eq(cell(q, _i)->runs.max, 3 * SECOND);
    ck_assert_int_eq(llmq_queue_figures_times(&times, q), APR_SUCCESS);
    ck_assert_uint_eq(times.waits[_i].count, 3);
    ck_assert_int_eq(times.waits[_i].sum, 6 * SECOND);
    ck_assert_uint_eq(times.runs[_i].count, 3);
    ck_assert_int_eq(times.runs[_i].sum, 9 * SECOND);
    ck_assert_uint_eq(times.lost, 0);
    /* Another tenant's are not ours. */
    ck_assert_int_eq(llmq_queue_figures_unstored(&unstored, q, TENANT + 1, 0),
                     APR_SUCCESS);
    ck_assert_int_eq(unstored.open[_i].count[LLMQ_CELL_ACCEPTED], 0);
}
END_TEST

START_TEST(a_message_belongs_to_the_minute_it_was_accepted_in)
{
    llmq_queue_t *q;
    apr_int64_t minute = QUEUE_NOW / (60 * SECOND);

    llmq_clock_set(QUEUE_NOW);
    q = queue_rig(10, 10)->q;
    accept_one(q, "a", 1);
    llmq_clock_set(QUEUE_NOW + 300 * SECOND);
    queue_take_ids(q, 1);
    queue_ack(q, "a", LLMQ_ACK_COMPLETED);
    ck_assert_int_eq(llmq_queue_figures_unstored(&unstored, q, TENANT, minute),
                     APR_SUCCESS);
    ck_assert_int_eq(unstored.open[1].count[LLMQ_CELL_COMPLETED], 1);
    ck_assert_int_eq(llmq_queue_figures_unstored(&unstored, q, TENANT, minute + 1),
                     APR_SUCCESS);
    ck_assert_int_eq(unstored.open[1].count[LLMQ_CELL_COMPLETED], 0);
}
END_TEST

/* What is put again was accepted before; what a walk finds first was not. */
START_TEST(only_what_is_new_counts_as_accepted)
{
    llmq_queue_t *q;
    llmq_entry_t e;

    llmq_clock_set(QUEUE_NOW);
    q = queue_rig(10, 10)->q;
    e = entry_of("before", _i);
    e.put_at = QUEUE_NOW - 1;
    put(q, &e, LLMQ_PUT_WALK);
    e = entry_of("again", _i);
    e.attempt = 1;
    put(q, &e, LLMQ_PUT_WALK);
    e = entry_of("requeued", _i);
    put(q, &e, 0);
    e = entry_of("in flight", _i);
    put(q, &e, LLMQ_PUT_RUNNING);
    check_counts(q, _i, 0, 0, 0, 0, 0);
    e = entry_of("forgotten", _i);
    put(q, &e, LLMQ_PUT_WALK);
    put(q, &e, LLMQ_PUT_WALK);
    accept_one(q, "forgotten", _i);
    check_counts(q, _i, 1, 0, 0, 0, 0);
}
END_TEST

START_TEST(another_level_takes_the_message_over)
{
    llmq_queue_t *q;

    llmq_clock_set(QUEUE_NOW);
    q = queue_rig(10, 10)->q;
    accept_one(q, "a", LLMQ_LEVEL_LOW);
    ck_assert_int_eq(llmq_queue_reprioritise(q, "a", LLMQ_LEVEL_HIGH), APR_SUCCESS);
    check_counts(q, LLMQ_LEVEL_LOW, 0, 0, 0, 0, 0);
    check_counts(q, LLMQ_LEVEL_HIGH, 1, 0, 0, 0, 0);
}
END_TEST

START_TEST(what_happens_outside_is_told)
{
    llmq_job_t job = {.id = "msg_1", .tenant = "t", .level = (llmq_level_e)_i};
    llmq_queue_stats_t stats[LLMQ_LEVEL_COUNT];
    llmq_entry_t e;
    llmq_queue_t *q;
    int i;

    llmq_clock_set(QUEUE_NOW);
    q = queue_rig(10, 10)->q;
    job.created_at = QUEUE_NOW - 9 * SECOND;
    job.run_at = QUEUE_NOW - 7 * SECOND;
    job.started_at = QUEUE_NOW - 4 * SECOND;
    for (i = 0; i <= LLMQ_FIGURE_COUNT; i++)
        ck_assert_int_eq(llmq_queue_job_tell(q, &job, (llmq_figure_e)i), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_job_tell(q, &job, LLMQ_FIGURE_FAILED), APR_SUCCESS);
    job.attempt = 1;
    ck_assert_int_eq(llmq_queue_job_tell(q, &job, LLMQ_FIGURE_CLAIMED), APR_SUCCESS);
    llmq_queue_job_entry(&e, &job);
    ck_assert_int_eq(llmq_queue_figures_unstored(&unstored, q, e.tenant, 0), APR_SUCCESS);
    ck_assert_int_eq(unstored.open[_i].count[LLMQ_CELL_COMPLETED], 1);
    ck_assert_int_eq(unstored.open[_i].count[LLMQ_CELL_FAILED], 1);
    ck_assert_int_eq(unstored.open[_i].count[LLMQ_CELL_TIMEOUT], 0);
    ck_assert_int_eq(unstored.open[_i].count[LLMQ_CELL_REMOVED], 1);
    ck_assert_uint_eq(unstored.open[_i].waits.count, 1);
    ck_assert_int_eq(unstored.open[_i].waits.sum, 7 * SECOND);
    ck_assert_uint_eq(unstored.open[_i].runs.count, 4);
    ck_assert_int_eq(unstored.open[_i].runs.max, 4 * SECOND);
    ck_assert_int_eq(llmq_queue_stats(stats, q), APR_SUCCESS);
    ck_assert_uint_eq(stats[_i].total_completed, 1);
    ck_assert_uint_eq(stats[_i].total_failed, 3);
    job.level = LLMQ_LEVEL_COUNT;
    ck_assert_int_eq(llmq_queue_job_tell(q, &job, LLMQ_FIGURE_FAILED), APR_EINVAL);
}
END_TEST

START_TEST(what_is_withdrawn_counts_once)
{
    llmq_queue_t *q;

    llmq_clock_set(QUEUE_NOW);
    q = queue_rig(10, 10)->q;
    accept_one(q, "runs", _i);
    queue_take_ids(q, 1);
    accept_one(q, "waits", _i);
    ck_assert_int_eq(llmq_queue_figures_withdraw(q, "runs"), LLMQ_EBUSY);
    ck_assert_int_eq(llmq_queue_figures_withdraw(q, "runs"), LLMQ_EBUSY);
    ck_assert_int_eq(llmq_queue_figures_withdraw(q, "waits"), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_figures_withdraw(q, "waits"), APR_NOTFOUND);
    queue_ack(q, "runs", LLMQ_ACK_COMPLETED);
    check_counts(q, _i, 2, 0, 0, 0, 2);
}
END_TEST

START_TEST(a_batch_is_sent_until_it_was_stored)
{
    llmq_queue_cell_t cells[8];
    apr_int64_t batch = 0;
    llmq_queue_t *q;
    int n = -1;

    llmq_clock_set(QUEUE_NOW);
    q = queue_rig(10, 10)->q;
    ck_assert_int_eq(llmq_queue_figures_send(cells, &n, &batch, q, 8), APR_SUCCESS);
    ck_assert_int_eq(n, 0);
    accept_one(q, "a", 1);
    ck_assert_int_eq(llmq_queue_figures_send(cells, &n, &batch, q, 8), APR_SUCCESS);
    ck_assert_int_eq(n, 1);
    ck_assert_uint_eq(cells[0].tenant, TENANT);
    accept_one(q, "b", 1);
    ck_assert_int_eq(llmq_queue_figures_unstored(&unstored, q, TENANT, 0), APR_SUCCESS);
    ck_assert_int_eq(unstored.batch, batch);
    ck_assert_int_eq(unstored.sending[1].count[LLMQ_CELL_ACCEPTED], 1);
    ck_assert_int_eq(unstored.open[1].count[LLMQ_CELL_ACCEPTED], 1);
    ck_assert_int_eq(llmq_queue_figures_sent(q, batch), APR_SUCCESS);
    ck_assert_int_eq(llmq_queue_figures_unstored(&unstored, q, TENANT, 0), APR_SUCCESS);
    ck_assert_int_eq(unstored.sending[1].count[LLMQ_CELL_ACCEPTED], 0);
}
END_TEST

/* The entries go, the figures stay; what was accepted since is counted by the walk. */
START_TEST(figures_outlive_a_damage)
{
    queue_rig_t *rig;
    llmq_entry_t e;

    llmq_clock_set(QUEUE_NOW);
    rig = queue_rig(10, 10);
    accept_one(rig->q, "a", 1);
    llmq_clock_set(QUEUE_NOW + SECOND);
    atomic_store(&rig->q->header->holder, 1); /* as somebody who died inside leaves it */
    e = entry_of("b", 1);
    e.put_at = QUEUE_NOW + 2 * SECOND;
    ck_assert_int_eq(llmq_queue_put(rig->q, &e, 1, 0), APR_EINCOMPLETE);
    ck_assert_int_eq(llmq_queue_reset(rig->q), APR_SUCCESS);
    check_counts(rig->q, 1, 1, 0, 0, 0, 0);
    put(rig->q, &e, LLMQ_PUT_WALK);
    e = entry_of("a", 1);
    e.put_at = QUEUE_NOW;
    put(rig->q, &e, LLMQ_PUT_WALK);
    check_counts(rig->q, 1, 2, 0, 0, 0, 0);
}
END_TEST

TCase *case_queue_figures(void)
{
    TCase *tc = test_case("queue_figures");

    tcase_add_loop_test(tc, the_way_of_a_message_is_counted, 1, LLMQ_LEVEL_COUNT);
    tcase_add_test(tc, a_message_belongs_to_the_minute_it_was_accepted_in);
    tcase_add_loop_test(tc, only_what_is_new_counts_as_accepted, 1, LLMQ_LEVEL_COUNT);
    tcase_add_test(tc, another_level_takes_the_message_over);
    tcase_add_loop_test(tc, what_happens_outside_is_told, 1, LLMQ_LEVEL_COUNT);
    tcase_add_loop_test(tc, what_is_withdrawn_counts_once, 1, LLMQ_LEVEL_COUNT);
    tcase_add_test(tc, a_batch_is_sent_until_it_was_stored);
    tcase_add_test(tc, figures_outlive_a_damage);
    return tc;
}
