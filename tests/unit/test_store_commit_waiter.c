#include "support.h"

#include "store/store_commit_waiter.h"

#include <pthread.h>
#include <string.h>

static llmq_store_commit_waiter_t waiter;

START_TEST(outcome_and_thing_reach_the_caller)
{
    llmq_store_commit_waiter_init(&waiter);
    llmq_store_commit_waiter_begin(&waiter, "question", 9);
    ck_assert_str_eq(waiter.thing.bytes, "question");
    memcpy(waiter.thing.bytes, "answer", 7);
    ck_assert(!llmq_store_commit_waiter_is_alone(&waiter));
    ck_assert(llmq_store_commit_waiter_wake(&waiter, APR_EOF));
    ck_assert(llmq_store_commit_waiter_wait(&waiter, apr_time_from_sec(10)));
    ck_assert_int_eq(waiter.rv, APR_EOF);
    ck_assert_str_eq(waiter.thing.bytes, "answer");
}
END_TEST

START_TEST(who_gives_up_leaves_the_record_to_the_other)
{
    llmq_store_commit_waiter_init(&waiter);
    llmq_store_commit_waiter_begin(&waiter, NULL, 0);
    ck_assert(!llmq_store_commit_waiter_wait(&waiter, 1000));
    ck_assert(llmq_store_commit_waiter_is_alone(&waiter));
    ck_assert(!llmq_store_commit_waiter_wake(&waiter, APR_SUCCESS));
    /* Used again, it waits again. */
    llmq_store_commit_waiter_begin(&waiter, NULL, 0);
    ck_assert(!llmq_store_commit_waiter_is_alone(&waiter));
    ck_assert(llmq_store_commit_waiter_wake(&waiter, APR_SUCCESS));
    ck_assert(llmq_store_commit_waiter_wait(&waiter, apr_time_from_sec(10)));
}
END_TEST

static void *waker(void *data)
{
    int i;

    for (i = 0; i < 1000; i++) {
        llmq_store_commit_waiter_sleep(data, 0);
        llmq_store_commit_waiter_wake(&waiter, i);
    }
    return NULL;
}

START_TEST(sleeper_and_waker_meet_every_time)
{
    pthread_t thread;
    sem_t go;
    int i;

    sem_init(&go, 0, 0);
    llmq_store_commit_waiter_init(&waiter);
    pthread_create(&thread, NULL, waker, &go);
    for (i = 0; i < 1000; i++) {
        llmq_store_commit_waiter_begin(&waiter, NULL, 0);
        sem_post(&go);
        ck_assert(llmq_store_commit_waiter_wait(&waiter, apr_time_from_sec(60)));
        ck_assert_int_eq(waiter.rv, i);
    }
    pthread_join(thread, NULL);
}
END_TEST

TCase *case_store_commit_waiter(void)
{
    TCase *tc = test_case("store_commit_waiter");

    tcase_add_test(tc, outcome_and_thing_reach_the_caller);
    tcase_add_test(tc, who_gives_up_leaves_the_record_to_the_other);
    tcase_add_test(tc, sleeper_and_waker_meet_every_time);
    return tc;
}
