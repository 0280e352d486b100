#include "support.h"

#include <apr_general.h>

apr_pool_t *test_pool;

static void setup(void)
{
    apr_initialize();
    apr_pool_create(&test_pool, NULL);
}

static void teardown(void)
{
    apr_pool_destroy(test_pool);
    test_pool = NULL;
    apr_terminate();
}

void *test_shared(apr_size_t size)
{
    char *memory = apr_pcalloc(test_pool, size + 64);

    return memory + (64 - (apr_uintptr_t)memory % 64) % 64;
}

TCase *test_case(const char *name)
{
    TCase *tc = tcase_create(name);

    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 300);
    return tc;
}
