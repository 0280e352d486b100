#include "support.h"

#include "queue/queue_gated.h"
#include "queue/queue_job.h"

static llmq_entry_t entry_of(const char *tenant, const char *user, const char *chain)
{
    llmq_job_t job = {.id = "msg_1", .tenant = tenant, .user = user, .chain = chain};
    llmq_entry_t e;

    job.level = LLMQ_LEVEL_HIGH;
    job.kind = LLMQ_KIND_MESSAGE;
    job.attempt = 7;
    job.created_at = 11;
    job.run_at = 12;
    llmq_queue_job_entry(&e, &job);
    return e;
}

START_TEST(entry_carries_what_the_queue_needs)
{
    llmq_entry_t e = entry_of("t", "u", "c");

    ck_assert_str_eq(e.id, "msg_1");
    ck_assert_uint_eq(e.level, LLMQ_LEVEL_HIGH);
    ck_assert_uint_eq(e.kind, LLMQ_KIND_MESSAGE);
    ck_assert_uint_eq(e.attempt, 7);
    ck_assert_int_eq(e.put_at, 11);
    ck_assert_int_eq(e.run_at, 12);
    ck_assert(e.key != 0);
    ck_assert(e.chain != 0);
}
END_TEST

START_TEST(equal_names_of_two_tenants_never_meet)
{
    llmq_entry_t a = entry_of("a", "u", "c");
    llmq_entry_t b = entry_of("b", "u", "c");
    llmq_entry_t split = entry_of("ab", "c", "x");
    llmq_entry_t other = entry_of("a", "bc", "x");

    ck_assert(a.key != b.key);
    ck_assert(a.chain != b.chain);
    ck_assert(split.key != other.key);
}
END_TEST

START_TEST(no_conversation_means_no_chain)
{
    llmq_entry_t e = entry_of("t", "u", NULL);

    ck_assert_uint_eq(e.chain, 0);
}
END_TEST

START_TEST(a_parallel_job_has_a_conversation_and_no_chain)
{
    llmq_job_t job = {.id = "msg_1", .tenant = "t", .chain = "conv", .user = "u"};
    llmq_entry_t entry;

    llmq_queue_job_entry(&entry, &job);
    ck_assert_uint_eq(entry.chain, llmq_queue_job_chain(&job));
    job.parallel = 1;
    ck_assert_uint_eq(entry.chain, llmq_queue_job_chain(&job));
    llmq_queue_job_entry(&entry, &job);
    ck_assert_uint_eq(entry.chain, 0);
    job.chain = NULL;
    ck_assert_uint_eq(llmq_queue_job_chain(&job), 0);
}
END_TEST

START_TEST(a_user_takes_turns_in_each_type_by_itself)
{
    llmq_job_t job = {.id = "t1", .tenant = "t", .user = "u", .type = "a"};
    llmq_entry_t a, b, c;

    llmq_queue_job_entry(&a, &job);
    job.type = "b";
    llmq_queue_job_entry(&b, &job);
    job.type = NULL;
    llmq_queue_job_entry(&c, &job);
    ck_assert(a.key != b.key && a.key != c.key && b.key != c.key);
    job.fair_key = 7;
    llmq_queue_job_entry(&c, &job);
    ck_assert_uint_eq(c.key, 7);
    job.type = "a";
    llmq_queue_job_entry(&a, &job);
    ck_assert_uint_ne(a.key, 7);
}
END_TEST

START_TEST(what_is_done_for_apps_and_the_gateway_counts_for_its_tenant)
{
    llmq_job_t job = {.id = "c1", .tenant = "t", .user = "u", .type = "gpt"};
    llmq_entry_t a, b, message;

    job.kind = LLMQ_KIND_COMPLETION;
    llmq_queue_job_entry(&a, &job);
    ck_assert_uint_eq(a.gate, llmq_queue_job_gate("gpt"));
    job.type = "llama";
    llmq_queue_job_entry(&b, &job);
    ck_assert_uint_ne(a.key, b.key);
    ck_assert_uint_ne(a.gate, b.gate);
    ck_assert_uint_gt(b.gate, LLMQ_QUEUE_GATE_ANY);
    job.kind = LLMQ_KIND_MESSAGE;
    job.type = NULL;
    llmq_queue_job_entry(&message, &job);
    ck_assert_uint_eq(a.tenant, message.tenant);
    ck_assert_uint_eq(message.gate, 0);
    ck_assert_uint_ne(a.key, message.key);
    job.kind = LLMQ_KIND_DEBUG;
    llmq_queue_job_entry(&b, &job);
    ck_assert_uint_eq(b.tenant, message.tenant);
    ck_assert_uint_eq(b.gate, LLMQ_QUEUE_GATE_ANY);
    ck_assert_uint_ne(b.key, message.key);
}
END_TEST

TCase *case_queue_job(void)
{
    TCase *tc = test_case("queue_job");

    tcase_add_test(tc, entry_carries_what_the_queue_needs);
    tcase_add_test(tc, equal_names_of_two_tenants_never_meet);
    tcase_add_test(tc, a_user_takes_turns_in_each_type_by_itself);
    tcase_add_test(tc, what_is_done_for_apps_and_the_gateway_counts_for_its_tenant);
    tcase_add_test(tc, no_conversation_means_no_chain);
    tcase_add_test(tc, a_parallel_job_has_a_conversation_and_no_chain);
    return tc;
}
