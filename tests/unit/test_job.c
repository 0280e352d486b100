#include "support.h"

#include "core/job.h"

static const char *const words[] = {"pending", "processing", "completed",
                                    "failed",  "timeout",    "canceled"};

/* The legal moves between different states; all other pairs are refused. */
static const struct {
    llmq_status_e from;
    llmq_status_e to;
    llmq_move_e move;
} legal[] = {
    {LLMQ_STATUS_PENDING, LLMQ_STATUS_PROCESSING, LLMQ_MOVE_CLAIM},
    {LLMQ_STATUS_PENDING, LLMQ_STATUS_FAILED, LLMQ_MOVE_FINISH},
    {LLMQ_STATUS_PENDING, LLMQ_STATUS_TIMEOUT, LLMQ_MOVE_FINISH},
    {LLMQ_STATUS_PROCESSING, LLMQ_STATUS_COMPLETED, LLMQ_MOVE_FINISH},
    {LLMQ_STATUS_PROCESSING, LLMQ_STATUS_FAILED, LLMQ_MOVE_FINISH},
    {LLMQ_STATUS_PROCESSING, LLMQ_STATUS_TIMEOUT, LLMQ_MOVE_FINISH},
    {LLMQ_STATUS_PROCESSING, LLMQ_STATUS_PENDING, LLMQ_MOVE_RELEASE},
    {LLMQ_STATUS_FAILED, LLMQ_STATUS_PENDING, LLMQ_MOVE_REQUEUE},
    {LLMQ_STATUS_TIMEOUT, LLMQ_STATUS_PENDING, LLMQ_MOVE_REQUEUE},
};

static llmq_move_e expected_move(int from, int to)
{
    apr_size_t i;

    if (from == to)
        return LLMQ_MOVE_SAME;
    for (i = 0; i < sizeof(legal) / sizeof(legal[0]); i++) {
        if ((int)legal[i].from == from && (int)legal[i].to == to)
            return legal[i].move;
    }
    return LLMQ_MOVE_REFUSED;
}

START_TEST(each_pair_of_states_moves_as_the_contract_says)
{
    int to;

    for (to = 0; to < LLMQ_STATUS_COUNT; to++)
        ck_assert_msg(llmq_job_move((llmq_status_e)_i, (llmq_status_e)to)
                          == expected_move(_i, to),
                      "from %s to %s", words[_i], words[to]);
}
END_TEST

START_TEST(a_number_that_is_no_state_is_refused)
{
    ck_assert_int_eq(llmq_job_move(LLMQ_STATUS_PENDING, LLMQ_STATUS_COUNT),
                     LLMQ_MOVE_REFUSED);
    ck_assert_int_eq(llmq_job_move(LLMQ_STATUS_COUNT, LLMQ_STATUS_PENDING),
                     LLMQ_MOVE_REFUSED);
    ck_assert_int_eq(llmq_job_move((llmq_status_e)-1, (llmq_status_e)-1),
                     LLMQ_MOVE_REFUSED);
    ck_assert_str_eq(llmq_job_status_name((llmq_status_e)-1), "unknown");
    ck_assert_str_eq(llmq_job_status_name(LLMQ_STATUS_COUNT), "unknown");
}
END_TEST

START_TEST(only_a_requeue_follows_a_final_state)
{
    int to, final = llmq_job_is_final((llmq_status_e)_i);

    ck_assert_int_eq(!!final, _i >= LLMQ_STATUS_COMPLETED);
    for (to = 0; final && to < LLMQ_STATUS_COUNT; to++) {
        llmq_move_e move = llmq_job_move((llmq_status_e)_i, (llmq_status_e)to);

        ck_assert(to == _i || move == LLMQ_MOVE_REFUSED || move == LLMQ_MOVE_REQUEUE);
    }
}
END_TEST

START_TEST(each_state_has_its_word)
{
    llmq_status_e status = LLMQ_STATUS_COUNT;

    ck_assert_str_eq(llmq_job_status_name((llmq_status_e)_i), words[_i]);
    if (_i == LLMQ_STATUS_CANCELED) { /* not S0's */
        ck_assert_int_eq(llmq_job_status_parse(&status, words[_i]), APR_EINVAL);
        return;
    }
    ck_assert_int_eq(llmq_job_status_parse(&status, words[_i]), APR_SUCCESS);
    ck_assert_int_eq(status, _i);
}
END_TEST

START_TEST(an_id_tells_what_it_names)
{
    ck_assert_int_eq(llmq_job_kind_of("01890a5d-ac96-774b-bcce-b302099a8057"),
                     LLMQ_KIND_TASK);
    ck_assert_int_eq(llmq_job_kind_of("msg_01M7YNWCAGD07RDVBVJQJ7HBSX"),
                     LLMQ_KIND_MESSAGE);
    ck_assert_int_eq(llmq_job_kind_of(""), LLMQ_KIND_MESSAGE);
    ck_assert_int_eq(llmq_job_kind_of("01890a5d"), LLMQ_KIND_MESSAGE);
}
END_TEST

START_TEST(tasks_and_runs_have_a_queue_of_their_own)
{
    ck_assert_int_eq(llmq_job_line(LLMQ_KIND_TASK), LLMQ_KIND_TASK);
    ck_assert_int_eq(llmq_job_line(LLMQ_KIND_RUN), LLMQ_KIND_TASK);
    ck_assert_int_eq(llmq_job_line(LLMQ_KIND_MESSAGE), LLMQ_KIND_MESSAGE);
    ck_assert_int_eq(llmq_job_line(LLMQ_KIND_DEBUG), LLMQ_KIND_MESSAGE);
    ck_assert_int_eq(llmq_job_line(LLMQ_KIND_COMPLETION), LLMQ_KIND_MESSAGE);
}
END_TEST

START_TEST(other_words_are_einval)
{
    static const char *const others[] = {"",        "Pending", "done", "canceled",
                                         "failed ", "fail",    "0",    NULL};
    llmq_status_e status = LLMQ_STATUS_FAILED;
    apr_size_t i;

    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        ck_assert_int_eq(llmq_job_status_parse(&status, others[i]), APR_EINVAL);
        ck_assert_int_eq(status, LLMQ_STATUS_FAILED);
    }
}
END_TEST

TCase *case_job(void)
{
    TCase *tc = test_case("job");

    tcase_add_loop_test(tc, each_pair_of_states_moves_as_the_contract_says, 0,
                        LLMQ_STATUS_COUNT);
    tcase_add_test(tc, a_number_that_is_no_state_is_refused);
    tcase_add_loop_test(tc, only_a_requeue_follows_a_final_state, 0, LLMQ_STATUS_COUNT);
    tcase_add_loop_test(tc, each_state_has_its_word, 0, LLMQ_STATUS_COUNT);
    tcase_add_test(tc, tasks_and_runs_have_a_queue_of_their_own);
    tcase_add_test(tc, an_id_tells_what_it_names);
    tcase_add_test(tc, other_words_are_einval);
    return tc;
}
