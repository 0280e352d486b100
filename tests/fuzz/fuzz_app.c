/* The bodies of S2's calls. The first byte of the input says which call, the rest is the
 * body. What is accepted keeps the limits; what is not is blamed by name. */
#include "fuzz.h"

#include "base/json.h"
#include "core/app_input.h"
#include "llmq.h"

#include <apr_general.h>

#include <json-c/json.h>

#include <string.h>

#define DEPTH 16

static const llmq_app_conf_t conf = {.max_name = 40, .max_text = 300, .max_query = 100};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return apr_initialize();
}

static void check_text(const char *text, apr_size_t max)
{
    FUZZ_CHECK(!text || strlen(text) <= max);
    FUZZ_CHECK(!text || llmq_text_is_utf8(text, strlen(text)));
}

static apr_status_t read_fields(struct json_object *body, int is_new, llmq_result_t *why,
                                apr_pool_t *p)
{
    llmq_app_patch_t patch = {0};
    apr_status_t rv = llmq_app_input_fields(&patch, body, &conf, is_new, why, p);

    if (rv == APR_SUCCESS) {
        FUZZ_CHECK(!is_new || (patch.name && *patch.name));
        check_text(patch.name, conf.max_name);
        check_text(patch.icon, conf.max_text);
        check_text(patch.description, conf.max_text);
    }
    return rv;
}

static apr_status_t read_config(struct json_object *body, llmq_result_t *why,
                                apr_pool_t *p)
{
    llmq_app_config_t config = {0};
    struct json_object *model = NULL;
    apr_status_t rv = llmq_app_input_config(&config, body, &conf, why, p);

    if (rv == APR_SUCCESS) {
        FUZZ_CHECK(config.rounds >= 0 && config.rounds <= LLMQ_APP_ROUNDS_MAX);
        FUZZ_CHECK(config.memory < LLMQ_APP_MEMORY_COUNT && config.model);
        FUZZ_CHECK(
            llmq_json_parse(&model, config.model, strlen(config.model), DEPTH, NULL, p)
            == APR_SUCCESS);
        FUZZ_CHECK(json_object_is_type(model, json_type_object));
        FUZZ_CHECK(json_object_get_int(llmq_json_member(model, "dialog_round"))
                   == config.rounds);
    }
    return rv;
}

static apr_status_t read_text(struct json_object *body, int is_query, llmq_result_t *why,
                              apr_pool_t *p)
{
    const char *text = NULL;
    apr_status_t rv = is_query ? llmq_app_input_query(&text, body, &conf, why, p)
                               : llmq_app_input_summary(&text, body, &conf, why, p);

    if (rv == APR_SUCCESS) {
        FUZZ_CHECK(text && (!is_query || *text));
        check_text(text, is_query ? conf.max_query : conf.max_text);
    }
    return rv;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_object *body = NULL;
    llmq_result_t why = {0};
    apr_pool_t *p;
    apr_status_t rv;

    if (size < 1) {
        return 0;
    }
    apr_pool_create(&p, NULL);
    rv = llmq_json_parse(&body, (const char *)data + 1, size - 1, DEPTH, &why, p);
    if (rv == APR_SUCCESS) {
        why = (llmq_result_t){0};
        switch (data[0] % 5) {
        case 0: rv = read_fields(body, 1, &why, p); break;
        case 1: rv = read_fields(body, 0, &why, p); break;
        case 2: rv = read_config(body, &why, p); break;
        case 3: rv = read_text(body, 1, &why, p); break;
        default: rv = read_text(body, 0, &why, p); break;
        }
        FUZZ_CHECK(rv == APR_SUCCESS || rv == LLMQ_EBODY);
        FUZZ_CHECK((rv == APR_SUCCESS) == (why.problem == LLMQ_PROBLEM_NONE));
    }
    apr_pool_destroy(p);
    return 0;
}
