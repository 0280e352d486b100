#include "support.h"

#include "backend/endpoint_board.h"

#include <apr_strings.h>

#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOW apr_time_from_sec(1700000000)

static llmq_endpoint_board_t *create(void)
{
    return apr_pcalloc(test_pool, llmq_endpoint_board_size());
}

static const llmq_backend_conf_t **backends(int from, int n)
{
    const llmq_backend_conf_t **list = apr_palloc(test_pool, sizeof(*list) * (size_t)n);
    int i;

    for (i = 0; i < n; i++) {
        llmq_backend_conf_t *b = apr_pcalloc(test_pool, sizeof(*b));

        b->name = apr_psprintf(test_pool, "b%d", from + i);
        list[i] = b;
    }
    return list;
}

static llmq_endpoint_figures_t figures(const llmq_endpoint_board_t *board,
                                       const char *name)
{
    llmq_endpoint_figures_t f;

    ck_assert_int_eq(
        llmq_endpoint_board_read(&f, board, llmq_endpoint_board_find(board, name), NOW),
        APR_SUCCESS);
    return f;
}

START_TEST(board_finds_each_backend_by_name)
{
    llmq_endpoint_board_t *board = create();
    int seen[LLMQ_ENDPOINT_BOARD_RECORDS] = {0};
    int i;

    llmq_endpoint_board_assign(board, backends(0, 64), 64);
    for (i = 0; i < 64; i++) {
        int at = llmq_endpoint_board_find(board, apr_psprintf(test_pool, "b%d", i));

        ck_assert(at >= 0 && at < 64 && !seen[at]++);
    }
    ck_assert_int_eq(llmq_endpoint_board_find(board, "b64"), -1);
    ck_assert_int_eq(llmq_endpoint_board_find(NULL, "b0"), -1);
}
END_TEST

/* After a restart: those that stay keep their figures, those that go make room. */
START_TEST(board_totals_outlive_a_change_of_backends)
{
    llmq_endpoint_board_t *board = create();
    int i;

    llmq_endpoint_board_assign(board, backends(0, 64), 64);
    for (i = 0; i < 64; i++)
        llmq_endpoint_board_count(
            board, llmq_endpoint_board_find(board, apr_psprintf(test_pool, "b%d", i)), 1,
            1000, 10);
    llmq_endpoint_board_assign(board, backends(60, 64), 64);
    ck_assert_uint_eq(figures(board, "b60").calls, 1);
    ck_assert_uint_eq(figures(board, "b63").calls, 1);
    ck_assert_uint_eq(figures(board, "b64").calls, 0);
    ck_assert_uint_eq(figures(board, "b123").calls, 0);
    ck_assert_int_eq(llmq_endpoint_board_find(board, "b0"), -1);
}
END_TEST

START_TEST(board_without_a_record_is_quiet)
{
    llmq_endpoint_board_t *board = create();
    llmq_endpoint_gauges_t g = {.health = &(llmq_health_t){0}};
    llmq_endpoint_figures_t f;

    llmq_endpoint_board_take(NULL, 1);
    llmq_endpoint_board_tell(NULL, 1, 0, &g);
    llmq_endpoint_board_tell(board, 0, -1, &g);
    llmq_endpoint_board_count(NULL, 0, 1, 1, 1);
    llmq_endpoint_board_count(board, -1, 1, 1, 1);
    llmq_endpoint_board_count(board, LLMQ_ENDPOINT_BOARD_RECORDS, 1, 1, 1);
    llmq_endpoint_board_check(board, -1, 1, 1);
    ck_assert_int_eq(llmq_endpoint_board_read(&f, board, -1, NOW), APR_NOTFOUND);
    ck_assert_int_eq(llmq_endpoint_board_read(&f, NULL, 0, NOW), APR_NOTFOUND);
    ck_assert_uint_eq(f.calls, 0);
}
END_TEST

START_TEST(board_gauges_are_those_of_the_last_writer)
{
    llmq_endpoint_board_t *board = create();
    llmq_health_t health = {0};
    llmq_endpoint_gauges_t g = {.health = &health, .in_flight = 5};

    llmq_endpoint_board_assign(board, backends(0, 1), 1);
    llmq_endpoint_board_take(board, 10);
    llmq_endpoint_board_tell(board, 10, 0, &g);
    llmq_endpoint_board_take(board, 11);
    g.in_flight = 2;
    llmq_endpoint_board_tell(board, 11, 0, &g);
    g.in_flight = 4;
    llmq_endpoint_board_tell(board, 10, 0, &g); /* the old one winds up */
    ck_assert_int_eq(figures(board, "b0").in_flight, 2);
    llmq_endpoint_board_count(board, 0, 0, 0, 0); /* but its calls count */
    ck_assert_uint_eq(figures(board, "b0").failures, 1);
}
END_TEST

START_TEST(board_states_pass_with_time)
{
    llmq_endpoint_board_t *board = create();
    llmq_health_t health = {.cause = LLMQ_HEALTH_CAUSE_FAILING, .until = NOW + 5};
    llmq_endpoint_gauges_t g = {.health = &health};
    llmq_endpoint_figures_t f;

    llmq_endpoint_board_assign(board, backends(0, 1), 1);
    llmq_endpoint_board_take(board, 10);
    llmq_endpoint_board_tell(board, 10, 0, &g);
    llmq_endpoint_board_read(&f, board, 0, NOW);
    ck_assert_int_eq(f.state, LLMQ_HEALTH_EJECTED);
    ck_assert_int_eq(f.ejected_until, NOW + 5);
    llmq_endpoint_board_read(&f, board, 0, NOW + 5);
    ck_assert_int_eq(f.state, LLMQ_HEALTH_HALF_OPEN);
    ck_assert_int_eq(f.ejected_until, 0);
}
END_TEST

START_TEST(board_spreads_latencies_of_answers)
{
    llmq_endpoint_board_t *board = create();
    llmq_endpoint_figures_t f;

    llmq_endpoint_board_assign(board, backends(0, 1), 1);
    llmq_endpoint_board_count(board, 0, 1, 3000, 900);
    llmq_endpoint_board_count(board, 0, 1, 4000, 0);
    llmq_endpoint_board_count(board, 0, 0, 99999, 99);
    f = figures(board, "b0");
    ck_assert_uint_eq(f.calls, 3);
    ck_assert_uint_eq(f.failures, 1);
    ck_assert_uint_eq(f.latencies.count, 2);
    ck_assert_int_eq(f.latencies.sum, 7000);
    ck_assert_uint_eq(f.latencies.octave[2], 2); /* 2 to 4 ms */
    ck_assert_uint_eq(f.first_latencies.count, 1);
    ck_assert_uint_eq(f.first_latencies.octave[0], 1);
}
END_TEST

/* Shared memory: what one process counts, another reads, and none is lost. */
START_TEST(board_is_shared_by_processes)
{
    llmq_endpoint_board_t *board =
        mmap(NULL, llmq_endpoint_board_size(), PROT_READ | PROT_WRITE,
             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int i, k;

    ck_assert_ptr_ne(board, MAP_FAILED);
    llmq_endpoint_board_assign(board, backends(0, 1), 1);
    for (i = 0; i < 4; i++) {
        if (fork() == 0) {
            for (k = 0; k < 10000; k++)
                llmq_endpoint_board_count(board, 0, k % 2, 1000, 1000);
            _exit(0);
        }
    }
    while (wait(NULL) > 0)
        ;
    ck_assert_uint_eq(figures(board, "b0").calls, 40000);
    ck_assert_uint_eq(figures(board, "b0").failures, 20000);
    munmap(board, llmq_endpoint_board_size());
}
END_TEST

TCase *case_endpoint_board(void)
{
    TCase *tc = test_case("endpoint_board");

    tcase_add_test(tc, board_finds_each_backend_by_name);
    tcase_add_test(tc, board_totals_outlive_a_change_of_backends);
    tcase_add_test(tc, board_without_a_record_is_quiet);
    tcase_add_test(tc, board_gauges_are_those_of_the_last_writer);
    tcase_add_test(tc, board_states_pass_with_time);
    tcase_add_test(tc, board_spreads_latencies_of_answers);
    tcase_add_test(tc, board_is_shared_by_processes);
    return tc;
}
