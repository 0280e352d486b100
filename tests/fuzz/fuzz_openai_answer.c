/* The body of an answer in one piece, read under each sort of status. */
#include "fuzz.h"

#include "backend/backend_openai.h"
#include "backend/backend_scrub.h"
#include "base/json.h"

#include <apr_general.h>

#include <string.h>

static const llmq_backend_conf_t conf = {.name = "fuzz",
                                         .kind = LLMQ_BACKEND_OPENAI,
                                         .url = "http://127.0.0.1:9/v1",
                                         .key = "sk-secret"};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return apr_initialize();
}

/* What is stored of an outcome must be JSON that we would accept ourselves. */
static void check_stored(const llmq_call_t *call, apr_pool_t *p)
{
    const char *text =
        call->ok ? llmq_backend_result(call, p) : llmq_backend_error(call, p);
    struct json_object *obj;

    FUZZ_CHECK(llmq_json_parse(&obj, text, strlen(text), 8, NULL, p) == APR_SUCCESS);
}

static void check_error(const llmq_call_t *call, int status)
{
    FUZZ_CHECK(strlen(call->error) < LLMQ_BACKEND_SCRUB_MAX + 100);
    FUZZ_CHECK(!strstr(call->error, conf.key) && !strstr(call->error, "127.0.0.1:9"));
    FUZZ_CHECK(strcspn(call->error, "\r\n\t\x7f\x1b") == strlen(call->error));
    if (status > 399) {
        FUZZ_CHECK(call->failure.kind == LLMQ_FAILURE_STATUS);
        FUZZ_CHECK(call->failure.http_status == status);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 302, 401};
    apr_pool_t *p;
    size_t i;

    apr_pool_create(&p, NULL);
    for (i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++) {
        llmq_call_t call = {.backend = &conf, .id = "msg_1", .pool = p};
        llmq_backend_answer_t *r = llmq_backend_openai_create(&call);

        call.prompt_tokens = call.completion_tokens = -1;
        llmq_backend_answer_feed(r, statuses[i], (const char *)data, size);
        llmq_backend_answer_end(r, statuses[i]);
        FUZZ_CHECK(!call.ok || statuses[i] == 200);
        if (!call.ok) {
            check_error(&call, statuses[i]);
        }
        check_stored(&call, p);
    }
    apr_pool_destroy(p);
    return 0;
}
