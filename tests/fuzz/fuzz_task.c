/* The body of POST /tasks: what is accepted keeps the rules of core/task.h, and what is shown
 * of it is JSON that would be accepted again. */
#include "fuzz.h"

#include "core/task.h"

#include <apr_general.h>

#include <json-c/json.h>

#include <string.h>

#define DEPTH        16
#define PAYLOAD_MAX  300
#define MAX_TIMEOUT  ((apr_interval_time_t)600 * APR_USEC_PER_SEC)
#define MOST_RETRIES 9

static llmq_task_types_t types;
static const llmq_task_conf_t conf = {.types = &types,
                                      .max_payload = PAYLOAD_MAX,
                                      .max_batch = 10,
                                      .max_retries = 3,
                                      .most_retries = MOST_RETRIES,
                                      .timeout = 30000000,
                                      .max_timeout = MAX_TIMEOUT,
                                      .max_delay = 3600000000,
                                      .max_depth = DEPTH};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    llmq_task_type_init(&types);
    llmq_task_type_add(&types, "small")->max_payload = 20;
    return apr_initialize();
}

static struct json_object *read_json(const char *text, apr_pool_t *p)
{
    struct json_object *obj = NULL;

    FUZZ_CHECK(llmq_json_parse(&obj, text, strlen(text), DEPTH + 4, NULL, p)
               == APR_SUCCESS);
    FUZZ_CHECK(json_object_is_type(obj, json_type_object));
    return obj;
}

static void check_rules(const llmq_job_t *job)
{
    const llmq_task_type_t *type = llmq_task_type_find(&types, job->type);

    FUZZ_CHECK(type && job->tenant && job->user && job->payload);
    FUZZ_CHECK(job->payload_len == strlen(job->payload));
    FUZZ_CHECK(job->payload_len <= PAYLOAD_MAX);
    FUZZ_CHECK(!type->max_payload || job->payload_len <= type->max_payload);
    FUZZ_CHECK(strlen(job->user) >= 1 && strlen(job->user) <= LLMQ_NAME_MAX);
    FUZZ_CHECK(job->level > LLMQ_LEVEL_NONE && job->level < LLMQ_LEVEL_COUNT);
    FUZZ_CHECK(job->max_retries >= 0 && job->max_retries <= MOST_RETRIES);
    FUZZ_CHECK(job->timeout > 0 && job->timeout <= MAX_TIMEOUT);
    FUZZ_CHECK(job->run_at <= job->created_at + conf.max_delay);
    FUZZ_CHECK(job->status == LLMQ_STATUS_PENDING && job->kind == LLMQ_KIND_TASK);
}

/* What a client that copies an answer would send. */
static void check_shown(llmq_job_t *job, apr_pool_t *p)
{
    llmq_task_view_t view = {.now = job->created_at, .position = 1};
    llmq_job_t *again = NULL;
    llmq_result_t why = {0};
    llmq_text_t t;

    job->id = "01890a5d-ac96-774b-bcce-b302099a8057";
    llmq_text_init(&t, 256, p);
    llmq_task_to_json(&t, job, &view);
    read_json(job->payload, p);
    read_json(job->metadata, p);
    FUZZ_CHECK(
        llmq_task_from_json(&again, read_json(t.data, p), "default", &conf, &why, p)
        == APR_SUCCESS);
    FUZZ_CHECK(strcmp(again->payload, job->payload) == 0);
    FUZZ_CHECK(strcmp(again->user, job->user) == 0);
    FUZZ_CHECK(again->level == job->level && again->max_retries == job->max_retries);
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
            check_rules(job);
            check_shown(job, p);
        }
        else {
            FUZZ_CHECK(rv == LLMQ_EBODY && !job);
            FUZZ_CHECK(why.problem != LLMQ_PROBLEM_NONE && why.reason);
        }
    }
    apr_pool_destroy(p);
    return 0;
}
