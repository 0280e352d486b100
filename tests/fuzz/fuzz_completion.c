/* The body of a request of the gateway: what is accepted keeps the rules of
 * core/completion_input.h, and what a backend is sent is the same but for the model and the
 * wish for the usage. The first byte of the input says what is asked for, the rest is the
 * body. */
#include "fuzz.h"

#include "backend/backend_raw_body.h"
#include "base/json.h"
#include "core/completion_input.h"

#include <apr_general.h>
#include <apr_strings.h>

#include <json-c/json.h>

#include <string.h>

#define DEPTH    64
#define UPSTREAM "the \"backend's\" own"

static const llmq_backend_conf_t conf = {.name = "fuzz"};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return apr_initialize();
}

static void check_input(const llmq_completion_input_t *in)
{
    FUZZ_CHECK(in->model && strlen(in->model) >= 1 && strlen(in->model) <= LLMQ_NAME_MAX);
    FUZZ_CHECK(in->text && in->level < LLMQ_LEVEL_COUNT);
    FUZZ_CHECK(!in->request.stream || in->request.what != LLMQ_COMPLETION_EMBEDDINGS);
}

/* A member is as it was; but numbers that json-c would round travel as they are, so the
 * texts are compared. */
static void check_kept(struct json_object *before, struct json_object *after,
                       const char *except)
{
    json_object_object_foreach(before, key, value)
    {
        if (strcmp(key, "model") != 0 && (!except || strcmp(key, except) != 0)) {
            struct json_object *kept = NULL;

            FUZZ_CHECK(json_object_object_get_ex(after, key, &kept));
            FUZZ_CHECK(strcmp(json_object_to_json_string(value),
                              json_object_to_json_string(kept))
                       == 0);
        }
    }
}

static void check_sent(const char *text, struct json_object *body, int stream,
                       apr_pool_t *p)
{
    llmq_raw_t raw = {.path = "/chat/completions", .model = UPSTREAM, .stream = stream};
    llmq_call_t call = {
        .backend = &conf, .id = "c", .body = text, .raw = &raw, .pool = p};
    struct json_object *sent = NULL;
    apr_size_t len = 0;
    const char *bytes = llmq_backend_raw_body(&len, &call);

    FUZZ_CHECK(bytes && strlen(bytes) == len);
    FUZZ_CHECK(llmq_json_parse(&sent, bytes, len, DEPTH + 1, NULL, p) == APR_SUCCESS);
    FUZZ_CHECK(strcmp(json_object_get_string(llmq_json_member(sent, "model")), UPSTREAM)
               == 0);
    FUZZ_CHECK(!stream
               || json_object_get_boolean(llmq_json_member(
                   llmq_json_member(sent, "stream_options"), "include_usage")));
    check_kept(body, sent, stream ? "stream_options" : NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_object *body = NULL;
    llmq_completion_input_t in;
    llmq_result_t why = {0};
    apr_pool_t *p;

    if (size < 1) {
        return 0;
    }
    apr_pool_create(&p, NULL);
    if (llmq_json_parse(&body, (const char *)data + 1, size - 1, DEPTH, &why, p)
        == APR_SUCCESS) {
        llmq_completion_e what = (llmq_completion_e)(data[0] % LLMQ_COMPLETION_COUNT);
        apr_status_t rv = llmq_completion_input_read(&in, what, body, &why);

        if (rv == APR_SUCCESS) {
            check_input(&in);
            check_sent(apr_pstrmemdup(p, (const char *)data + 1, size - 1), body,
                       in.request.stream, p);
        }
        else {
            FUZZ_CHECK(rv == LLMQ_EBODY && why.reason);
        }
    }
    apr_pool_destroy(p);
    return 0;
}
