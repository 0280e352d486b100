/* Runs every unit test. CK_RUN_CASE=queue picks one file, CK_FORK=no stays in one process. */
#include "support.h"

#include <stdlib.h>

int main(void)
{
    Suite *suite = suite_create("llmq");
    SRunner *runner;
    int failed;

#define TEST_ADD(name) suite_add_tcase(suite, case_##name());
    TEST_CASES(TEST_ADD)
#undef TEST_ADD
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
