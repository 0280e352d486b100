/* The bodies of S4's calls: what is accepted keeps the rules of core/session_input.h and is
 * JSON again; what is refused has a sentence for each field. */
#include "fuzz.h"

#include "base/id.h"
#include "core/session_input.h"
#include "llmq.h"

#include <apr_general.h>

#include <json-c/json.h>

#include <string.h>

#define DEPTH       16
#define CONTENT_MAX 200

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return apr_initialize();
}

static void check_refusal(apr_status_t rv, const llmq_result_t *why)
{
    int i;

    FUZZ_CHECK(rv == (why->errors ? LLMQ_EBODY : APR_SUCCESS));
    FUZZ_CHECK(!why->errors || why->problem == LLMQ_PROBLEM_INVALID);
    for (i = 0; why->errors && i < why->errors->nelts; i++) {
        FUZZ_CHECK(APR_ARRAY_IDX(why->errors, i, llmq_result_error_t).field);
        FUZZ_CHECK(APR_ARRAY_IDX(why->errors, i, llmq_result_error_t).reason);
    }
}

static void check_message(const llmq_session_message_t *m, apr_pool_t *p)
{
    struct json_object *obj = NULL;
    llmq_text_t t;

    FUZZ_CHECK((unsigned)m->role < LLMQ_ROLE_COUNT);
    FUZZ_CHECK(m->type && *m->type && strlen(m->type) <= 4 * LLMQ_SESSION_TYPE_MAX);
    FUZZ_CHECK(!m->content || strlen(m->content) <= CONTENT_MAX);
    FUZZ_CHECK(!m->reply_to || llmq_id_is_uuid(m->reply_to));
    FUZZ_CHECK(
        !m->dedupe_key
        || (*m->dedupe_key && strlen(m->dedupe_key) <= 4 * LLMQ_SESSION_DEDUPE_MAX));
    llmq_text_init(&t, 256, p);
    llmq_session_message_write(&t, m);
    FUZZ_CHECK(!strchr(t.data, '\n'));
    FUZZ_CHECK(llmq_json_parse(&obj, t.data, t.len, DEPTH + 4, NULL, p) == APR_SUCCESS);
    FUZZ_CHECK(json_object_is_type(obj, json_type_object));
    FUZZ_CHECK(
        !m->payload
        || json_object_is_type(llmq_json_member(obj, "payload"), json_type_object));
}

static void read_all(struct json_object *body, apr_pool_t *p)
{
    llmq_session_message_t m = {.id = "m", .session = "s", .seq = 1};
    llmq_result_t why = {0};
    const char *name;
    apr_status_t rv;
    int status;

    rv = llmq_session_input_message(&m, body, CONTENT_MAX, &why, p);
    check_refusal(rv, &why);
    if (rv == APR_SUCCESS) {
        check_message(&m, p);
    }
    memset(&why, 0, sizeof(why));
    check_refusal(llmq_session_input_create(&name, body, &why, p), &why);
    FUZZ_CHECK(why.errors || !name || *name);
    memset(&why, 0, sizeof(why));
    check_refusal(llmq_session_input_change(&name, &status, body, &why, p), &why);
    FUZZ_CHECK(why.errors || !name || *name);
    FUZZ_CHECK(status >= -1 && status < LLMQ_SESSION_STATUS_COUNT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct json_object *body = NULL;
    apr_pool_t *p;

    apr_pool_create(&p, NULL);
    if (llmq_json_parse(&body, (const char *)data, size, DEPTH, NULL, p) == APR_SUCCESS) {
        read_all(body, p);
    }
    apr_pool_destroy(p);
    return 0;
}
