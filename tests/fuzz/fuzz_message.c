/* The body of POST /messages: what is accepted keeps the rules of core/message.h, and both
 * the message and the chat that are made of it are JSON. */
#include "fuzz.h"

#include "base/id.h"
#include "core/chat.h"
#include "core/message.h"

#include <apr_general.h>

#include <json-c/json.h>

#include <string.h>

#define DEPTH       16
#define CONTENT_MAX 200

static const llmq_message_conf_t conf = {.max_content_bytes = CONTENT_MAX,
                                         .max_depth = DEPTH,
                                         .max_retries = 3,
                                         .timeout = 30000000,
                                         .max_timeout = 600000000,
                                         .max_delay = 3600000000};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
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
    llmq_text_t t;

    FUZZ_CHECK(job->id && job->tenant && job->chain && job->user && job->payload);
    FUZZ_CHECK(job->payload_len > 0 && job->payload_len <= CONTENT_MAX);
    FUZZ_CHECK(strlen(job->payload) == job->payload_len);
    FUZZ_CHECK(strlen(job->user) >= 1 && strlen(job->user) <= LLMQ_NAME_MAX);
    FUZZ_CHECK(llmq_id_is_name(job->chain));
    FUZZ_CHECK(job->level > LLMQ_LEVEL_NONE && job->level < LLMQ_LEVEL_COUNT);
    FUZZ_CHECK(job->status == LLMQ_STATUS_PENDING && job->kind == LLMQ_KIND_MESSAGE);
    llmq_text_init(&t, 256, p);
    llmq_message_to_json(&t, job, NULL);
    check_json(t.data, json_type_object, p);
    check_json(llmq_chat_format(job, NULL, p), json_type_array, p);
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
        apr_status_t rv = llmq_message_from_json(&job, body, "default", &conf, &why, p);

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
