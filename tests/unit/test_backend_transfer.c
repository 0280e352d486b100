#include "backend/backend_transfer.h"

#include "support_trial.h"

#include <string.h>

#define PART   "data: {\"choices\":[{\"delta\":{\"content\":\"x\"}}]}\n\n"
#define ENDING "data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"

/* Ends a transfer that never met curl, after some bytes of its body. */
static trial_t *end_by(llmq_backend_trouble_e trouble, const char *body)
{
    trial_t *trial = trial_create("echo");
    llmq_backend_transfer_t *t;

    ck_assert_int_eq(llmq_backend_transfer_create(&t, &trial->call),
                     LLMQ_BACKEND_TROUBLE_NONE);
    if (*body) {
        trial->call.first_at = 1;
        llmq_backend_answer_feed(t->answer, 200, body, strlen(body));
    }
    llmq_backend_transfer_end(t, trouble);
    return trial;
}

START_TEST(transfer_troubles_are_failures_of_their_kind)
{
    int trouble;

    for (trouble = LLMQ_BACKEND_TROUBLE_NAME; trouble < LLMQ_BACKEND_TROUBLE_COUNT;
         trouble++) {
        trial_t *before = end_by(trouble, "");
        trial_t *after = end_by(trouble, PART);
        llmq_failure_e kind = before->call.failure.kind;
        int broken =
            kind == LLMQ_FAILURE_CONNECT && trouble < LLMQ_BACKEND_TROUBLE_REQUEST;

        trial_expect_failure(before, kind, 0);
        trial_expect_failure(after, broken ? LLMQ_FAILURE_PROTOCOL : kind, 0);
        ck_assert_int_ne(kind, LLMQ_FAILURE_STATUS);
        trial_end(before);
        trial_end(after);
    }
}
END_TEST

START_TEST(transfer_abort_counts_more_than_an_answer)
{
    static const llmq_backend_trouble_e own_will[] = {LLMQ_BACKEND_TROUBLE_ABORT,
                                                      LLMQ_BACKEND_TROUBLE_STOP};
    size_t i;

    for (i = 0; i < 2; i++) {
        trial_t *trial = end_by(own_will[i], PART ENDING);

        trial_expect_failure(trial, LLMQ_FAILURE_CONNECT, 0);
        trial_end(trial);
    }
}
END_TEST

TCase *case_backend_transfer(void)
{
    TCase *tc = test_case("backend_transfer");

    tcase_add_checked_fixture(tc, trial_open, trial_close);
    tcase_add_test(tc, transfer_troubles_are_failures_of_their_kind);
    tcase_add_test(tc, transfer_abort_counts_more_than_an_answer);
    return tc;
}
