#include "support.h"

#include "base/bells.h"

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

static llmq_bells_shared_t shared;

static int is_ringing(const llmq_bells_t *bells, int i)
{
    struct pollfd pfd = {.fd = llmq_bells_fd(bells, i), .events = POLLIN};

    return poll(&pfd, 1, 0) == 1;
}

START_TEST(armed_ones_ring_once)
{
    static llmq_bells_t bells;
    int a, b;

    ck_assert_int_eq(llmq_bells_create(&bells, &shared, 2, test_pool), APR_SUCCESS);
    ck_assert_int_eq(llmq_bells_take(&a, &bells), APR_SUCCESS);
    ck_assert_int_eq(llmq_bells_take(&b, &bells), APR_SUCCESS);
    ck_assert_int_ne(a, b);
    llmq_bells_arm(&bells, a);
    llmq_bells_ring_all(&bells);
    ck_assert(is_ringing(&bells, a));
    ck_assert(!is_ringing(&bells, b));
    ck_assert_int_ne(llmq_bells_hush(&bells, a), 0);
    llmq_bells_ring_all(&bells);
    ck_assert(!is_ringing(&bells, a));
    llmq_bells_ring(&bells, b);
    ck_assert_int_ne(llmq_bells_hush(&bells, b), 0);
    ck_assert_int_eq(llmq_bells_hush(&bells, b), 0);
}
END_TEST

START_TEST(those_of_the_dead_are_found)
{
    static llmq_bells_t bells;
    int mine, i = -1;
    pid_t child;

    ck_assert_int_eq(llmq_bells_create(&bells, &shared, 3, test_pool), APR_SUCCESS);
    ck_assert_int_eq(llmq_bells_take(&mine, &bells), APR_SUCCESS);
    ck_assert_int_eq(llmq_bells_take_dead(&i, &bells), APR_NOTFOUND);
    child = fork();
    if (child == 0)
        _exit(0);
    waitpid(child, NULL, 0);
    atomic_store(&shared.owner[1], (apr_uint32_t)child);
    ck_assert_int_eq(llmq_bells_take_dead(&i, &bells), APR_SUCCESS);
    ck_assert_int_eq(i, 1);
    ck_assert_int_eq(llmq_bells_take_dead(&i, &bells), APR_NOTFOUND);
    llmq_bells_give_back(&bells, 1);
    atomic_store(&shared.owner[1], (apr_uint32_t)child);
    ck_assert_int_eq(llmq_bells_take(&i, &bells), APR_SUCCESS);
    ck_assert_int_eq(i, 2);
    ck_assert_int_eq(llmq_bells_take(&i, &bells), APR_SUCCESS);
    ck_assert_int_eq(i, 1);
    ck_assert_int_eq(llmq_bells_take(&i, &bells), LLMQ_EFULL);
    llmq_bells_give_back(&bells, mine);
    ck_assert_int_eq(llmq_bells_take(&i, &bells), APR_SUCCESS);
    ck_assert_int_eq(i, mine);
}
END_TEST

START_TEST(too_many_or_none_are_refused)
{
    static llmq_bells_t bells;
    int i;

    ck_assert_int_eq(llmq_bells_create(&bells, &shared, 0, test_pool), APR_EINVAL);
    ck_assert_int_eq(llmq_bells_create(&bells, &shared, LLMQ_BELLS_MAX + 1, test_pool),
                     APR_EINVAL);
    ck_assert_int_eq(llmq_bells_take(&i, &bells), LLMQ_EFULL);
    llmq_bells_ring_all(&bells);
}
END_TEST

TCase *case_bells(void)
{
    TCase *tc = test_case("bells");

    tcase_add_test(tc, armed_ones_ring_once);
    tcase_add_test(tc, those_of_the_dead_are_found);
    tcase_add_test(tc, too_many_or_none_are_refused);
    return tc;
}
