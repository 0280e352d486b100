/**
 * @file store_job_tests.h
 * The parts of case_store_job() that have files of their own.
 */
#ifndef LLMQ_TEST_STORE_JOB_TESTS_H
#define LLMQ_TEST_STORE_JOB_TESTS_H

#include "support.h"

void store_job_finish_tests(
    TCase *tc); /* test_store_job_finish.c: finish, change, remove */
void store_job_list_tests(TCase *tc); /* test_store_job_list.c */

#endif /* LLMQ_TEST_STORE_JOB_TESTS_H */
