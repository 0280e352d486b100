/* The body of POST /tasks: what is accepted keeps the rules of core/task.h, and the answer
 * that is made of it is JSON. */
#include "fuzz.h"

#include "core/task.h"

#include <apr_general.h>

#include <json-c/json.h>

#include <string.h>

#define DEPTH       16
#define PAYLOAD_MAX 200

static llmq_task_types_t types;
static llmq_task_conf_t conf = {.types = &types,
                                .max_payload = PAYLOAD_MAX,
                                .max_batch = 3,
                                .max_retries = 3,
                                .most_retries = 20,
                                .timeout = 300000000,
                                .max_timeout = 3600000000,
                                .max_delay = 86400000000,
                                .max_depth = DEPTH};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    llmq_task_type_init(&types);
    return apr_initialize();
}

static void check_json(const char *text, json_type type, apr_pool_t *p)
{
    struct json_object *obj = NULL;

    FUZZ_CHECK(llmq_json_parse(&obj, text, strlen(text), DEPTH + 4, NULL, p)
               == APR_SUCCESS);
    FUZZ_CHECK(json_object_is_type(obj, type));
}

static void check_job(llmq_job_t *job, apr_pool_t *p)
{
    llmq_task_view_t view = {job->created_at, 1, job->created_at};
    llmq_text_t t;

    FUZZ_CHECK(job->tenant && job->type && job->user && job->payload && job->metadata);
    FUZZ_CHECK(llmq_task_type_find(&types, job->type));
    FUZZ_CHECK(job->payload_len <= PAYLOAD_MAX);
    FUZZ_CHECK(strlen(job->payload) == job->payload_len);
    FUZZ_CHECK(strlen(job->user) >= 1 && strlen(job->user) <= LLMQ_NAME_MAX);
    FUZZ_CHECK(job->level > LLMQ_LEVEL_NONE && job->level < LLMQ_LEVEL_COUNT);
    FUZZ_CHECK(job->status == LLMQ_STATUS_PENDING && job->kind == LLMQ_KIND_TASK);
    FUZZ_CHECK(job->max_retries >= 0 && job->max_retries <= conf.most_retries);
    FUZZ_CHECK(job->timeout > 0 && job->timeout <= conf.max_timeout);
    FUZZ_CHECK(job->run_at <= job->created_at + conf.max_delay);
    check_json(job->payload, json_type_object, p);
    check_json(job->metadata, json_type_object, p);
    llmq_text_init(&t, 256, p);
    llmq_task_to_json(&t, job, &view);
    check_json(t.data, json_type_object, p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_object *body = NULL;
    llmq_result_t why = {0};
    llmq_job_t *job = NULL;
    apr_pool_t *p;

    apr_pool_create(&p, NULL);
    if (llmq_json_parse(&body, (const char *)data, size, conf.max_depth, &why, p)
        == APR_SUCCESS) {
        apr_status_t rv = llmq_task_from_json(&job, body, "default", &conf, &why, p);

        if (rv == APR_SUCCESS) {
            check_job(job, p);
        }
        else {
            FUZZ_CHECK(rv == LLMQ_EBODY && !job);
            FUZZ_CHECK(why.problem != LLMQ_PROBLEM_NONE && why.reason);
        }
    }
    apr_pool_destroy(p);
    return 0;
}
