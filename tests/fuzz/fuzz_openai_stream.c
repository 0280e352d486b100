/* The body of an answer, in one piece and in small ones: the outcome must be the same. The
 * first byte of the input is the size of the pieces, the rest is the body. */
#include "fuzz.h"

#include "backend/backend_openai.h"

#include <apr_general.h>

#include <string.h>

#define ANSWER_MAX 2000

static const llmq_backend_conf_t conf = {.name = "fuzz",
                                         .kind = LLMQ_BACKEND_OPENAI,
                                         .url = "http://127.0.0.1:9/v1",
                                         .key = "sk-secret",
                                         .stream = 1,
                                         .max_answer_bytes = ANSWER_MAX};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return apr_initialize();
}

static void read_body(llmq_call_t *call, const char *body, size_t size, size_t piece,
                      apr_pool_t *p)
{
    llmq_backend_answer_t *r;

    *call = (llmq_call_t){.backend = &conf, .id = "msg_1", .pool = p};
    call->prompt_tokens = call->completion_tokens = -1;
    r = llmq_backend_openai_create(call);
    while (size > 0) {
        size_t n = size < piece ? size : piece;

        if (llmq_backend_answer_feed(r, 200, body, n) != APR_SUCCESS) {
            break;
        }
        body += n;
        size -= n;
    }
    llmq_backend_answer_end(r, 200);
}

static void check_outcome(const llmq_call_t *call)
{
    if (!call->ok) {
        FUZZ_CHECK(call->error && call->error[0]);
        FUZZ_CHECK(!strstr(call->error, conf.key) && !strstr(call->error, conf.url));
        FUZZ_CHECK(llmq_text_is_utf8(call->error, strlen(call->error)));
        return;
    }
    FUZZ_CHECK(call->content && strlen(call->content) <= ANSWER_MAX);
    FUZZ_CHECK(llmq_text_is_utf8(call->content, strlen(call->content)));
    FUZZ_CHECK(call->model && call->finish_reason);
    FUZZ_CHECK(call->prompt_tokens >= -1 && call->completion_tokens >= -1);
}

static void check_same(const llmq_call_t *a, const llmq_call_t *b)
{
    FUZZ_CHECK(a->ok == b->ok);
    if (!a->ok) {
        FUZZ_CHECK(a->failure.kind == b->failure.kind);
        FUZZ_CHECK(strcmp(a->error, b->error) == 0);
        return;
    }
    FUZZ_CHECK(strcmp(a->content, b->content) == 0);
    FUZZ_CHECK(strcmp(a->model, b->model) == 0);
    FUZZ_CHECK(strcmp(a->finish_reason, b->finish_reason) == 0);
    FUZZ_CHECK(a->prompt_tokens == b->prompt_tokens);
    FUZZ_CHECK(a->completion_tokens == b->completion_tokens);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    apr_pool_t *p;
    llmq_call_t whole;
    llmq_call_t pieces;

    if (size < 1) {
        return 0;
    }
    apr_pool_create(&p, NULL);
    read_body(&whole, (const char *)data + 1, size - 1, size, p);
    read_body(&pieces, (const char *)data + 1, size - 1, 1 + data[0] % 64, p);
    check_outcome(&whole);
    check_same(&whole, &pieces);
    apr_pool_destroy(p);
    return 0;
}
