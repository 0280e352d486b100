#include "core/task_type.h"

#include "support.h"

#include <apr_strings.h>

#define COUNT(a) ((int)(sizeof(a) / sizeof((a)[0])))

static const char *const documented[] = {"document_processing", "batch_processing",
                                         "knowledge_indexing",  "embedding_generation",
                                         "vector_storage",      "health_check"};

START_TEST(six_types_are_built_in)
{
    llmq_task_types_t types;
    const llmq_task_type_t *type;

    llmq_task_type_init(&types);
    ck_assert_int_eq(types.n, 6);
    type = llmq_task_type_find(&types, documented[_i]);
    ck_assert_ptr_nonnull(type);
    ck_assert_str_eq(type->name, documented[_i]);
    ck_assert_int_eq(type->timeout, 0);
    ck_assert_int_eq(type->max_retries, -1);
    ck_assert_uint_eq(type->concurrency, 0);
    ck_assert_uint_eq(type->max_payload, 0);
}
END_TEST

static const char *const unknown[] = {NULL,
                                      "",
                                      "document",
                                      "Document_Processing",
                                      "document_processing ",
                                      "url_download_processing"};

START_TEST(other_names_are_unknown)
{
    llmq_task_types_t types;

    llmq_task_type_init(&types);
    ck_assert_ptr_null(llmq_task_type_find(&types, unknown[_i]));
}
END_TEST

START_TEST(adding_a_known_name_gives_the_type_as_it_is)
{
    llmq_task_types_t types;

    llmq_task_type_init(&types);
    llmq_task_type_add(&types, "vector_storage")->concurrency = 7;
    ck_assert_uint_eq(llmq_task_type_add(&types, "vector_storage")->concurrency, 7);
    ck_assert_int_eq(types.n, 6);
    ck_assert_uint_eq(llmq_task_type_find(&types, "vector_storage")->concurrency, 7);
    ck_assert_uint_eq(llmq_task_type_find(&types, "health_check")->concurrency, 0);
}
END_TEST

START_TEST(there_are_at_most_64)
{
    llmq_task_types_t types;
    int i;

    llmq_task_type_init(&types);
    for (i = types.n; i < LLMQ_TASK_TYPES_MAX; i++) {
        ck_assert_ptr_nonnull(
            llmq_task_type_add(&types, apr_psprintf(test_pool, "type_%d", i)));
    }
    ck_assert_int_eq(types.n, LLMQ_TASK_TYPES_MAX);
    ck_assert_ptr_null(llmq_task_type_add(&types, "one_more"));
    ck_assert_ptr_nonnull(llmq_task_type_add(&types, "type_63"));
    ck_assert_ptr_nonnull(llmq_task_type_add(&types, "document_processing"));
    ck_assert_int_eq(types.n, LLMQ_TASK_TYPES_MAX);
}
END_TEST

START_TEST(each_type_of_each_tenant_is_a_lane)
{
    ck_assert(llmq_task_type_lane("a", "bc") == llmq_task_type_lane("a", "bc"));
    ck_assert(llmq_task_type_lane("a", "bc") != llmq_task_type_lane("ab", "c"));
    ck_assert(llmq_task_type_lane("a", "bc") != llmq_task_type_lane("a", "b"));
    ck_assert(llmq_task_type_lane("a", "bc") != llmq_task_type_lane("b", "bc"));
}
END_TEST

TCase *case_task_type(void)
{
    TCase *tc = test_case("task_type");

    tcase_add_loop_test(tc, six_types_are_built_in, 0, COUNT(documented));
    tcase_add_loop_test(tc, other_names_are_unknown, 0, COUNT(unknown));
    tcase_add_test(tc, adding_a_known_name_gives_the_type_as_it_is);
    tcase_add_test(tc, there_are_at_most_64);
    tcase_add_test(tc, each_type_of_each_tenant_is_a_lane);
    return tc;
}
