#include "support.h"

#include "base/id.h"
#include "core/limiter.h"

#include <apr_thread_proc.h>

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define T0 APR_INT64_C(1735727400000000) /* 2025-01-01T10:30:00Z */

static llmq_limiter_t *table(int keys)
{
    apr_size_t size = llmq_limiter_size(keys);
    char *memory = apr_pcalloc(test_pool, size + 64);

    return llmq_limiter_init((void *)APR_ALIGN((apr_uintptr_t)memory, 64), keys);
}

static llmq_limiter_verdict_t ask(llmq_limiter_t *l, const llmq_limiter_conf_t *rule,
                                  apr_uint64_t key, apr_time_t now)
{
    llmq_limiter_verdict_t verdict;

    llmq_limiter_ask(&verdict, l, rule, key, now);
    return verdict;
}

static apr_uint64_t nth_key(int i)
{
    return llmq_id_hash(&i, sizeof(i), 0);
}

START_TEST(burst_passes_at_once_and_the_next_waits_a_gap)
{
    const llmq_limiter_conf_t rule = {APR_USEC_PER_SEC, 10, 4};
    llmq_limiter_t *l = table(100);
    llmq_limiter_verdict_t v;
    int i;

    for (i = 0; i < 4; i++) {
        v = ask(l, &rule, 1, T0);
        ck_assert_int_eq(v.admitted, 1);
        ck_assert_int_eq(v.remaining, 3 - i);
        ck_assert_int_eq(v.reset, (i + 1) * 100000);
        ck_assert_int_eq(v.wait, i == 3 ? 100000 : 0);
    }
    v = ask(l, &rule, 1, T0);
    ck_assert_int_eq(v.admitted, 0);
    ck_assert_int_eq(v.remaining, 0);
    ck_assert_int_eq(v.wait, 100000);
    ck_assert_int_eq(v.reset, 400000);
    ck_assert_int_eq(ask(l, &rule, 1, T0 + 99999).admitted, 0);
    ck_assert_int_eq(ask(l, &rule, 1, T0 + 100000).admitted, 1);
    ck_assert_int_eq(ask(l, &rule, 1, T0 + 100000).admitted, 0);
}
END_TEST

START_TEST(refused_calls_cost_nothing)
{
    const llmq_limiter_conf_t rule = {APR_USEC_PER_SEC, 1, 1};
    llmq_limiter_t *l = table(100);
    int i;

    ck_assert_int_eq(ask(l, &rule, 1, T0).admitted, 1);
    for (i = 0; i < 1000; i++)
        ck_assert_int_eq(ask(l, &rule, 1, T0 + i).admitted, 0);
    ck_assert_int_eq(ask(l, &rule, 1, T0 + APR_USEC_PER_SEC).admitted, 1);
}
END_TEST

START_TEST(idle_key_has_its_whole_burst_and_no_more)
{
    const llmq_limiter_conf_t rule = {APR_USEC_PER_SEC, 10, 5};
    llmq_limiter_t *l = table(100);
    int i, n = 0;

    ck_assert_int_eq(ask(l, &rule, 1, T0).admitted, 1);
    for (i = 0; i < 100; i++)
        n += ask(l, &rule, 1, T0 + apr_time_from_sec(3600)).admitted;
    ck_assert_int_eq(n, 5);
}
END_TEST

START_TEST(keys_do_not_share)
{
    const llmq_limiter_conf_t rule = {APR_USEC_PER_SEC, 1, 1};
    llmq_limiter_t *l = table(1000);
    int i, admitted = 0;

    for (i = 0; i < 100; i++)
        admitted += ask(l, &rule, nth_key(i), T0).admitted;
    ck_assert_int_eq(admitted, 100);
    for (i = 0; i < 100; i++)
        ck_assert_int_eq(ask(l, &rule, nth_key(i), T0).admitted, 0);
}
END_TEST

START_TEST(idle_keys_make_room_for_others)
{
    const llmq_limiter_conf_t rule = {APR_USEC_PER_SEC, 1, 1};
    llmq_limiter_t *l = table(LLMQ_LIMITER_WAYS);
    int i;

    for (i = 0; i < 10000; i++)
        ck_assert_int_eq(
            ask(l, &rule, nth_key(i), T0 + i * (apr_time_t)APR_USEC_PER_SEC).admitted, 1);
}
END_TEST

/* One set, four times as many keys as places, at random: whatever is pushed out, no key
 * ever gets more than its due. */
START_TEST(table_that_is_too_small_never_lets_more_through)
{
    enum { KEYS = 4 * LLMQ_LIMITER_WAYS, STEPS = 50000 };
    const llmq_limiter_conf_t rule = {APR_USEC_PER_SEC, 50, 3};
    llmq_limiter_t *l = table(LLMQ_LIMITER_WAYS);
    double tokens[KEYS];
    apr_time_t last[KEYS];
    apr_time_t now = T0;
    int i, k, refused = 0;

    srand(1);
    for (i = 0; i < KEYS; i++) {
        tokens[i] = 3;
        last[i] = T0;
    }
    for (i = 0; i < STEPS; i++) {
        now += rand() % 4000;
        k = rand() % KEYS;
        if (!ask(l, &rule, nth_key(k), now).admitted) {
            refused++;
            continue;
        }
        /* A bucket of tokens of its own is the judge. */
        tokens[k] += (double)(now - last[k]) * 50 / APR_USEC_PER_SEC;
        tokens[k] = (tokens[k] > 3 ? 3 : tokens[k]) - 1;
        last[k] = now;
        ck_assert(tokens[k] > -1e-6);
    }
    ck_assert_int_gt(refused, 0);
    ck_assert_int_lt(refused, STEPS);
}
END_TEST

START_TEST(odd_rates_are_never_exceeded)
{
    static const llmq_limiter_conf_t rules[] = {{APR_USEC_PER_SEC, 3, 1},
                                                {APR_USEC_PER_SEC, 7, 7},
                                                {APR_USEC_PER_SEC, 999983, 10},
                                                {60 * APR_USEC_PER_SEC, 7, 2},
                                                {3600 * APR_USEC_PER_SEC, 100000, 1}};
    const llmq_limiter_conf_t *rule = &rules[_i];
    llmq_limiter_t *l = table(10);
    apr_time_t step = rule->period / rule->limit / 3 + 1;
    apr_time_t t;
    apr_int64_t n = 0;

    for (t = 0; t < 1000 * step; t += step)
        n += ask(l, rule, 5, T0 + t).admitted;
    ck_assert_int_le(n, rule->burst + (t - step) * rule->limit / rule->period);
    ck_assert_int_gt(n, 1000 / 5);
}
END_TEST

START_TEST(a_table_lives_on_when_it_is_laid_out_again)
{
    const llmq_limiter_conf_t rule = {APR_USEC_PER_SEC, 1, 1};
    llmq_limiter_t *l = table(100);

    ck_assert_int_eq(ask(l, &rule, 1, T0).admitted, 1);
    l = llmq_limiter_init(l, 100);
    ck_assert_int_eq(ask(l, &rule, 1, T0).admitted, 0);
    l = llmq_limiter_init(l, 10); /* another number of sets: from the beginning */
    ck_assert_int_eq(ask(l, &rule, 1, T0).admitted, 1);
    ck_assert_uint_ge(llmq_limiter_size(65536), 65536 * 16);
}
END_TEST

START_TEST(clock_that_goes_back_gives_nothing_away)
{
    const llmq_limiter_conf_t rule = {APR_USEC_PER_SEC, 1, 2};
    llmq_limiter_t *l = table(10);
    int i;

    ck_assert_int_eq(ask(l, &rule, 1, T0).admitted, 1);
    ck_assert_int_eq(ask(l, &rule, 1, T0).admitted, 1);
    for (i = 1; i < 50; i++)
        ck_assert_int_eq(ask(l, &rule, 1, T0 - i * APR_USEC_PER_SEC).admitted, 0);
}
END_TEST

/* ---- many at once ---- */

#define THREADS 6
#define EACH    20000

typedef struct crowd_t {
    llmq_limiter_t *l;
    atomic_int admitted[3];
} crowd_t;

static const llmq_limiter_conf_t crowd_rule = {APR_USEC_PER_SEC, 1000, 500};

static void crowd_ask(crowd_t *c)
{
    int i;

    for (i = 0; i < EACH; i++) {
        int k = i % 3;

        if (ask(c->l, &crowd_rule, (apr_uint64_t)(k + 1), T0 + i / 10).admitted)
            atomic_fetch_add(&c->admitted[k], 1);
    }
}

static void *APR_THREAD_FUNC crowd_thread(apr_thread_t *thread, void *data)
{
    (void)thread;
    crowd_ask(data);
    return NULL;
}

/* All three keys share one set. The last call is at T0 + 1999 us: one more than the burst
 * has become due by then. */
static void crowd_check(crowd_t *c)
{
    int k;

    for (k = 0; k < 3; k++) {
        ck_assert_int_ge(atomic_load(&c->admitted[k]), 500);
        ck_assert_int_le(atomic_load(&c->admitted[k]), 501);
    }
}

START_TEST(threads_together_get_exactly_what_is_due)
{
    crowd_t c = {table(LLMQ_LIMITER_WAYS), {0}};
    apr_thread_t *threads[THREADS];
    apr_status_t rv;
    int i;

    for (i = 0; i < THREADS; i++)
        ck_assert_int_eq(
            apr_thread_create(&threads[i], NULL, crowd_thread, &c, test_pool),
            APR_SUCCESS);
    for (i = 0; i < THREADS; i++)
        apr_thread_join(&rv, threads[i]);
    crowd_check(&c);
}
END_TEST

static void *shared(apr_size_t size)
{
    void *memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    ck_assert_ptr_ne(memory, MAP_FAILED);
    return memory;
}

START_TEST(processes_together_get_exactly_what_is_due)
{
    crowd_t *c = shared(sizeof(*c));
    pid_t pids[4];
    int i, status;

    c->l = llmq_limiter_init(shared(llmq_limiter_size(7)), 7);
    for (i = 0; i < 4; i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            crowd_ask(c);
            _exit(0);
        }
    }
    for (i = 0; i < 4; i++)
        ck_assert_int_eq(waitpid(pids[i], &status, 0), pids[i]);
    crowd_check(c);
}
END_TEST

START_TEST(lock_of_a_process_that_was_killed_is_taken)
{
    const llmq_limiter_conf_t rule = {APR_USEC_PER_SEC, 1, 1};
    llmq_limiter_t *l = table(1);

    /* The only set's lock is the first word behind the header of a cache line. */
    *(apr_uint32_t *)(void *)((char *)l + 64) = 1;
    ck_assert_int_eq(ask(l, &rule, 1, T0).admitted, 1);
    ck_assert_int_eq(ask(l, &rule, 1, T0).admitted, 0);
}
END_TEST

TCase *case_limiter(void)
{
    TCase *tc = test_case("limiter");

    tcase_add_test(tc, burst_passes_at_once_and_the_next_waits_a_gap);
    tcase_add_test(tc, refused_calls_cost_nothing);
    tcase_add_test(tc, idle_key_has_its_whole_burst_and_no_more);
    tcase_add_test(tc, keys_do_not_share);
    tcase_add_test(tc, idle_keys_make_room_for_others);
    tcase_add_test(tc, table_that_is_too_small_never_lets_more_through);
    tcase_add_loop_test(tc, odd_rates_are_never_exceeded, 0, 5);
    tcase_add_test(tc, a_table_lives_on_when_it_is_laid_out_again);
    tcase_add_test(tc, clock_that_goes_back_gives_nothing_away);
    tcase_add_test(tc, threads_together_get_exactly_what_is_due);
    tcase_add_test(tc, processes_together_get_exactly_what_is_due);
    tcase_add_test(tc, lock_of_a_process_that_was_killed_is_taken);
    return tc;
}
