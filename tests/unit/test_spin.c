#include "support.h"

#include "base/spin.h"

#include <apr_thread_proc.h>

#define THREADS 4
#define ROUNDS  20000

typedef struct {
    llmq_spin_t lock;
    int plain; /* guarded by the lock alone */
} guarded_t;

static void *APR_THREAD_FUNC count(apr_thread_t *thread, void *data)
{
    guarded_t *g = data;
    int i;

    (void)thread;
    for (i = 0; i < ROUNDS; i++) {
        llmq_spin_lock(&g->lock);
        g->plain++;
        llmq_spin_unlock(&g->lock);
    }
    return NULL;
}

START_TEST(one_at_a_time)
{
    guarded_t g = {0};
    apr_thread_t *threads[THREADS];
    apr_status_t rv;
    int i;

    for (i = 0; i < THREADS; i++)
        ck_assert_int_eq(apr_thread_create(&threads[i], NULL, count, &g, test_pool),
                         APR_SUCCESS);
    for (i = 0; i < THREADS; i++)
        apr_thread_join(&rv, threads[i]);
    ck_assert_int_eq(g.plain, THREADS * ROUNDS);
}
END_TEST

START_TEST(what_was_not_given_back_is_taken_and_the_taker_knows)
{
    llmq_spin_t lock = 0;

    ck_assert_int_eq(llmq_spin_lock(&lock), 0);
    ck_assert_int_ne(llmq_spin_lock(&lock), 0);
    llmq_spin_unlock(&lock);
    ck_assert_int_eq(llmq_spin_lock(&lock), 0);
}
END_TEST

/* Of a machine that stood still the holder may be the next to run. */
START_TEST(nobody_loses_patience_while_it_stands_still_itself)
{
    llmq_spin_patience_t p = {0, 0};
    apr_int64_t now = APR_USEC_PER_SEC;
    int looks;

    ck_assert_int_eq(llmq_spin_patience_ends(&p, now), 0);
    ck_assert_int_eq(llmq_spin_patience_ends(&p, now += 3 * APR_USEC_PER_SEC), 0);
    for (looks = 0; !llmq_spin_patience_ends(&p, now += 1000); looks++)
        ;
    ck_assert_int_gt(looks, 900);
    ck_assert_int_lt(looks, 1100);
}
END_TEST

TCase *case_spin(void)
{
    TCase *tc = test_case("spin");

    tcase_add_test(tc, one_at_a_time);
    tcase_add_test(tc, what_was_not_given_back_is_taken_and_the_taker_knows);
    tcase_add_test(tc, nobody_loses_patience_while_it_stands_still_itself);
    return tc;
}
