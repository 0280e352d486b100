#include "store_support.h"

#include "store/store_lease_claim.h"

START_TEST(each_job_has_one_place_in_a_batch)
{
    apr_hash_t *places = apr_hash_make(test_pool);
    int a = 0;
    int b = 0;

    ck_assert(llmq_store_lease_claim_note(places, "task_1", &a));
    ck_assert(llmq_store_lease_claim_note(places, "task_2", &b));
    ck_assert(!llmq_store_lease_claim_note(places, "task_1", &b));
    ck_assert_ptr_eq(apr_hash_get(places, "task_1", APR_HASH_KEY_STRING), &a);
}
END_TEST

START_TEST(only_a_writer_of_claims_drops_what_was_given)
{
    llmq_commit_writer_t writer = {0};

    llmq_store_lease_claim_writer(&writer, NULL);
    ck_assert(writer.write != NULL);
    ck_assert(writer.done == NULL);
    ck_assert(writer.drop != NULL);
    ck_assert_ptr_null(writer.ctx);
}
END_TEST

TCase *case_store_lease_claim(void)
{
    TCase *tc = test_case("store_lease_claim");

    tcase_add_test(tc, each_job_has_one_place_in_a_batch);
    tcase_add_test(tc, only_a_writer_of_claims_drops_what_was_given);
    return tc;
}
