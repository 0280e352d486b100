#include "support.h"

#include "base/thread.h"

#include <apr_strings.h>
#include <signal.h>

static void *APR_THREAD_FUNC look(apr_thread_t *thread, void *data)
{
    (void)thread;
    pthread_sigmask(SIG_SETMASK, NULL, data);
    return NULL;
}

START_TEST(thread_has_all_signals_blocked_and_the_starter_has_not)
{
    apr_thread_t *thread;
    apr_status_t rv;
    sigset_t in_thread;
    sigset_t here;

    sigemptyset(&in_thread);
    ck_assert_int_eq(llmq_thread_start(&thread, look, &in_thread, test_pool),
                     APR_SUCCESS);
    apr_thread_join(&rv, thread);
    ck_assert(sigismember(&in_thread, SIGTERM));
    ck_assert(sigismember(&in_thread, SIGUSR1));
    pthread_sigmask(SIG_SETMASK, NULL, &here);
    ck_assert(!sigismember(&here, SIGTERM));
}
END_TEST

typedef struct {
    llmq_thread_t thread;
    int begun;
    int has_scratch;
} own_t;

static void *APR_THREAD_FUNC work(apr_thread_t *thread, void *data)
{
    own_t *own = data;

    (void)thread;
    own->begun++;
    own->has_scratch = apr_pstrdup(own->thread.scratch, "x") != NULL;
    return NULL;
}

START_TEST(thread_of_its_own_begins_once_and_again_after_its_end)
{
    own_t own = {.begun = 0};

    llmq_thread_end(&own.thread);
    ck_assert_int_eq(llmq_thread_begin(&own.thread, work, &own, 0), APR_SUCCESS);
    ck_assert_int_eq(llmq_thread_begin(&own.thread, work, &own, 0), APR_SUCCESS);
    llmq_thread_end(&own.thread);
    ck_assert_int_eq(own.begun, 1);
    ck_assert(own.has_scratch);
    ck_assert_int_eq(llmq_thread_begin(&own.thread, work, &own, 8192), APR_SUCCESS);
    llmq_thread_end(&own.thread);
    ck_assert_int_eq(own.begun, 2);
}
END_TEST

TCase *case_thread(void)
{
    TCase *tc = test_case("thread");

    tcase_add_test(tc, thread_has_all_signals_blocked_and_the_starter_has_not);
    tcase_add_test(tc, thread_of_its_own_begins_once_and_again_after_its_end);
    return tc;
}
