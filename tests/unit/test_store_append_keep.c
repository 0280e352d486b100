#include "support.h"

#include "store/store_append_keep.h"

#include <stdlib.h>
#include <string.h>

START_TEST(a_copy_stands_when_the_texts_of_the_caller_are_gone)
{
    char id[] = "m1";
    char content[] = "what was said";
    const llmq_append_t append = {
        .message = {.id = id, .session = "s1", .content = content, .created_at = 7},
        .tenant = "default",
        .force = 1,
    };
    llmq_append_t *kept = llmq_store_append_keep(&append);

    ck_assert_ptr_nonnull(kept);
    memset(id, 'x', sizeof(id) - 1);
    memset(content, 'x', sizeof(content) - 1);
    ck_assert_str_eq(kept->message.id, "m1");
    ck_assert_str_eq(kept->message.session, "s1");
    ck_assert_str_eq(kept->message.content, "what was said");
    ck_assert_str_eq(kept->tenant, "default");
    ck_assert_ptr_null(kept->owner);
    ck_assert_ptr_null(kept->message.dedupe_key);
    ck_assert_int_eq(kept->message.created_at, 7);
    ck_assert_int_eq(kept->force, 1);
    free(kept);
}
END_TEST

START_TEST(an_append_without_texts_is_copied_too)
{
    const llmq_append_t append = {.seq = 3};
    llmq_append_t *kept = llmq_store_append_keep(&append);

    ck_assert_ptr_nonnull(kept);
    ck_assert_ptr_null(kept->tenant);
    ck_assert_int_eq(kept->seq, 3);
    free(kept);
}
END_TEST

TCase *case_store_append_keep(void)
{
    TCase *tc = test_case("store_append_keep");

    tcase_add_test(tc, a_copy_stands_when_the_texts_of_the_caller_are_gone);
    tcase_add_test(tc, an_append_without_texts_is_copied_too);
    return tc;
}
