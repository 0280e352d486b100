/* What a backend answers to a raw call, in one piece and in small ones: what is passed on and
 * the outcome must be the same, and nothing that is said of a failure gives the backend away.
 * The first byte of the input is the size of the pieces, the second says whether a stream was
 * asked for and which status came, the rest is the body. */
#include "fuzz.h"

#include "backend/backend_raw.h"
#include "base/json.h"

#include <apr_general.h>

#include <json-c/json.h>

#include <string.h>

#define ANSWER_MAX 2000
#define DEPTH      64

static const llmq_backend_conf_t conf = {.name = "fuzz",
                                         .kind = LLMQ_BACKEND_OPENAI,
                                         .url = "http://127.0.0.1:9/v1",
                                         .key = "sk-secret",
                                         .max_answer_bytes = ANSWER_MAX};

typedef struct {
    llmq_call_t call;
    llmq_raw_t raw;
    llmq_text_t passed; /* each piece and a NUL */
} outcome_t;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return apr_initialize();
}

static apr_status_t on_chunk(llmq_call_t *call, const char *data, apr_size_t len)
{
    outcome_t *o = call->ctx;

    FUZZ_CHECK(len > 0 && len <= ANSWER_MAX);
    FUZZ_CHECK(!memchr(data, '\r', len));
    llmq_text_add(&o->passed, data, len);
    llmq_text_add(&o->passed, "", 1);
    return APR_SUCCESS;
}

static void read_body(outcome_t *o, int stream, int status, const char *body, size_t size,
                      size_t piece, apr_pool_t *p)
{
    llmq_backend_answer_t *r;

    memset(o, 0, sizeof(*o));
    o->raw = (llmq_raw_t){
        .path = "/chat/completions", .model = "m", .stream = stream, .chunk = on_chunk};
    o->call = (llmq_call_t){.backend = &conf,
                            .id = "req_1",
                            .body = "{\"stream\":true}",
                            .raw = &o->raw,
                            .ctx = o,
                            .pool = p,
                            .prompt_tokens = -1,
                            .completion_tokens = -1};
    llmq_text_init(&o->passed, 256, p);
    r = llmq_backend_raw_create(&o->call);
    while (size > 0) {
        size_t n = size < piece ? size : piece;

        if (llmq_backend_answer_feed(r, status, body, n) != APR_SUCCESS) {
            break;
        }
        body += n;
        size -= n;
    }
    llmq_backend_answer_end(r, status);
}

static void check_secrets(const char *text)
{
    FUZZ_CHECK(!strstr(text, conf.key) && !strstr(text, "127.0.0.1:9"));
}

/* OpenAI's error object, which any SDK can read. */
static void check_error(const llmq_raw_t *raw, apr_pool_t *p)
{
    struct json_object *body = NULL;
    struct json_object *error;

    FUZZ_CHECK(llmq_json_parse(&body, raw->body, raw->body_len, DEPTH, NULL, p)
               == APR_SUCCESS);
    error = llmq_json_member(body, "error");
    FUZZ_CHECK(json_object_is_type(error, json_type_object)
               && json_object_object_length(error) == 4);
    check_secrets(raw->body);
}

static void check_outcome(const outcome_t *o, int status, apr_pool_t *p)
{
    const llmq_call_t *call = &o->call;
    struct json_object *answer = NULL;

    FUZZ_CHECK(call->model && call->prompt_tokens >= -1 && call->completion_tokens >= -1);
    FUZZ_CHECK(o->raw.http_status == status);
    if (!call->ok) {
        FUZZ_CHECK(call->error && call->error[0]);
        FUZZ_CHECK(llmq_text_is_utf8(call->error, strlen(call->error)));
        check_secrets(call->error);
        if (o->raw.body) {
            check_error(&o->raw, p);
        }
        return;
    }
    FUZZ_CHECK(status < 300 && (o->raw.body == NULL) == (o->raw.chunks > 0));
    if (o->raw.body) {
        FUZZ_CHECK(o->raw.body_len <= ANSWER_MAX);
        FUZZ_CHECK(llmq_json_parse(&answer, o->raw.body, o->raw.body_len, DEPTH, NULL, p)
                   == APR_SUCCESS);
    }
}

static void check_same(const outcome_t *a, const outcome_t *b)
{
    FUZZ_CHECK(a->call.ok == b->call.ok && a->raw.chunks == b->raw.chunks);
    FUZZ_CHECK(a->passed.len == b->passed.len
               && memcmp(a->passed.data, b->passed.data, a->passed.len) == 0);
    FUZZ_CHECK(a->call.prompt_tokens == b->call.prompt_tokens);
    FUZZ_CHECK(a->call.completion_tokens == b->call.completion_tokens);
    FUZZ_CHECK(strcmp(a->call.model, b->call.model) == 0);
    if (!a->call.ok) {
        FUZZ_CHECK(a->call.failure.kind == b->call.failure.kind);
        FUZZ_CHECK(strcmp(a->call.error, b->call.error) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 200, 201, 302, 400, 429, 500, 599};
    const char *body = (const char *)data + 2;
    int stream, status;
    apr_pool_t *p;
    outcome_t *all;

    if (size < 2) {
        return 0;
    }
    stream = data[1] & 1;
    status = statuses[data[1] >> 1 & 7];
    apr_pool_create(&p, NULL);
    all = apr_palloc(p, 2 * sizeof(*all));
    read_body(&all[0], stream, status, body, size - 2, size, p);
    read_body(&all[1], stream, status, body, size - 2, 1 + data[0] % 64, p);
    check_outcome(&all[0], status, p);
    check_same(&all[0], &all[1]);
    apr_pool_destroy(p);
    return 0;
}
