/* The strict door in front of json-c: what passes is UTF-8, and prints and parses to
 * something equal. */
#include "fuzz.h"

#include "base/json.h"
#include "base/text.h"
#include "llmq.h"

#include <apr_general.h>

#include <json-c/json.h>

#include <string.h>

#define DEPTH 16

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return apr_initialize();
}

static void check_accepted(struct json_object *obj, const char *text, size_t size,
                           apr_pool_t *p)
{
    struct json_object *again = NULL;
    const char *copy = llmq_json_format(obj);

    FUZZ_CHECK(llmq_text_is_utf8(text, size));
    FUZZ_CHECK(memchr(text, '\0', size) == NULL);
    FUZZ_CHECK(llmq_json_parse(&again, copy, strlen(copy), DEPTH, NULL, p)
               == APR_SUCCESS);
    FUZZ_CHECK(json_object_equal(obj, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_object *untouched = (struct json_object *)&untouched;
    struct json_object *obj = untouched;
    llmq_result_t why = {0};
    apr_pool_t *p;
    apr_status_t rv;

    apr_pool_create(&p, NULL);
    rv = llmq_json_parse(&obj, (const char *)data, size, DEPTH, &why, p);
    if (rv == APR_SUCCESS) {
        check_accepted(obj, (const char *)data, size, p);
    }
    else {
        FUZZ_CHECK(rv == LLMQ_EBODY);
        FUZZ_CHECK(obj == untouched);
        FUZZ_CHECK(why.problem == LLMQ_PROBLEM_JSON && why.reason);
    }
    apr_pool_destroy(p);
    return 0;
}
