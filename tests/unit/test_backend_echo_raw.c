#include "backend/backend_echo_raw.h"

#include "base/json.h"
#include "support.h"

#include <apr_base64.h>
#include <apr_strings.h>

#include <json-c/json.h>
#include <math.h>
#include <string.h>

static const llmq_backend_conf_t conf = {.name = "echo", .kind = LLMQ_BACKEND_ECHO};
static llmq_raw_t raw;
static llmq_call_t call;
static char text[4096]; /* of all deltas */
static int with_usage;  /* chunks that only hold the usage */
static int most;

static struct json_object *parse(const char *json, apr_size_t len)
{
    struct json_object *value = NULL;

    ck_assert_int_eq(llmq_json_parse(&value, json, len, 64, NULL, test_pool),
                     APR_SUCCESS);
    return value;
}

static const char *at(struct json_object *value, const char *path)
{
    struct json_object *found = NULL;

    return json_pointer_get(value, path, &found) == 0 ? json_object_get_string(found)
                                                      : NULL;
}

static apr_status_t on_chunk(llmq_call_t *c, const char *data, apr_size_t len)
{
    struct json_object *chunk = parse(data, len);
    const char *more = at(chunk, "/choices/0/delta/content");

    if (c->raw->chunks == most) {
        return LLMQ_EFULL;
    }
    more = more ? more : at(chunk, "/choices/0/text");
    strcat(text, more ? more : "");
    with_usage += at(chunk, "/usage/total_tokens") != NULL;
    return APR_SUCCESS;
}

static struct json_object *ask(const char *path, int stream, const char *body)
{
    raw = (llmq_raw_t){.path = path, .stream = stream, .chunk = on_chunk};
    call = (llmq_call_t){.backend = &conf,
                         .id = "c1",
                         .body = body,
                         .raw = &raw,
                         .started_at = apr_time_from_sec(1700000000),
                         .pool = test_pool};
    text[0] = '\0';
    with_usage = 0;
    most = 1000;
    llmq_backend_echo_raw(&call);
    return raw.body ? parse(raw.body, raw.body_len) : NULL;
}

START_TEST(a_chat_is_answered_in_one_piece)
{
    struct json_object *answer =
        ask("/chat/completions", 0,
            "{\"model\":\"gpt\",\"messages\":[{\"role\":\"system\",\"content\":\"be "
            "brief\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"one "
            "two\"},{\"type\":\"image_url\"},{\"type\":\"text\",\"text\":\"three\"}]}]}");

    ck_assert_int_eq(call.ok, 1);
    ck_assert_str_eq(at(answer, "/object"), "chat.completion");
    ck_assert_str_eq(at(answer, "/id"), "chatcmpl-c1");
    ck_assert_str_eq(at(answer, "/model"), "gpt");
    ck_assert_str_eq(at(answer, "/created"), "1700000000");
    ck_assert_str_eq(at(answer, "/choices/0/message/role"), "assistant");
    ck_assert_str_eq(at(answer, "/choices/0/message/content"), "Echo: one two\nthree");
    ck_assert_str_eq(at(answer, "/choices/0/finish_reason"), "stop");
    ck_assert_str_eq(at(answer, "/usage/prompt_tokens"), "5");
    ck_assert_str_eq(at(answer, "/usage/completion_tokens"), "4");
    ck_assert_str_eq(at(answer, "/usage/total_tokens"), "9");
    ck_assert_int_eq(call.prompt_tokens, 5);
    ck_assert_str_eq(call.model, "gpt");
}
END_TEST

#define HI "\"messages\":[{\"role\":\"user\",\"content\":\" hi  there\\n\"}]"

START_TEST(a_stream_adds_up_to_the_same)
{
    ask("/chat/completions", 1, "{" HI "}");
    ck_assert_int_eq(call.ok, 1);
    ck_assert_str_eq(text, "Echo:  hi  there\n");
    ck_assert_int_eq(raw.chunks, 6); /* role, three words, the line break, the end */
    ck_assert_int_eq(with_usage, 0);
    ck_assert_int_eq(call.prompt_tokens, 2);
    ask("/chat/completions", 1, "{" HI ",\"stream_options\":{\"include_usage\":true}}");
    ck_assert_int_eq(raw.chunks, 7);
    ck_assert_int_eq(with_usage, 1);
    ask("/completions", 1, "{\"prompt\":\"a b\"}");
    ck_assert_str_eq(text, "Echo: a b");
}
END_TEST

START_TEST(as_many_answers_as_are_asked_for)
{
    struct json_object *answer = ask("/chat/completions", 0, "{" HI ",\"n\":3}");

    ck_assert_str_eq(at(answer, "/choices/2/index"), "2");
    ck_assert_str_eq(at(answer, "/choices/2/message/content"), "Echo:  hi  there\n");
    ck_assert_ptr_null(at(answer, "/choices/3"));
    ck_assert_str_eq(at(answer, "/usage/completion_tokens"), "9");
    ask("/completions", 1, "{\"prompt\":\"a b\",\"n\":2}");
    ck_assert_str_eq(text, "Echo: a bEcho: a b");
    ck_assert_int_eq(raw.chunks, 8);
    ask("/chat/completions", 0, "{" HI ",\"n\":0}");
    ck_assert_int_eq(raw.http_status, 400);
    ask("/chat/completions", 0, "{" HI ",\"n\":\"2\"}");
    ck_assert_int_eq(raw.http_status, 400);
}
END_TEST

START_TEST(a_refused_chunk_is_an_abort)
{
    raw = (llmq_raw_t){.path = "/chat/completions", .stream = 1, .chunk = on_chunk};
    call = (llmq_call_t){
        .backend = &conf, .id = "c", .body = "{" HI "}", .raw = &raw, .pool = test_pool};
    most = 2;
    llmq_backend_echo_raw(&call);
    ck_assert_int_eq(call.ok, 0);
    ck_assert_int_eq(call.failure.ours, 1);
    ck_assert_int_eq(raw.chunks, 2);
}
END_TEST

static apr_size_t said;    /* bytes of all deltas */
static apr_size_t written; /* bytes of all chunks */

#define ROOM 1048576

static apr_status_t on_piece(llmq_call_t *c, const char *data, apr_size_t len)
{
    struct json_object *chunk = parse(data, len);
    struct json_object *delta = NULL;

    (void)c;
    written += len;
    if (json_pointer_get(chunk, "/choices/0/delta/content", &delta) == 0) {
        said += (apr_size_t)json_object_get_string_len(delta);
    }
    return APR_SUCCESS;
}

static const struct {
    const char *word;
    int n;
} longs[] = {
    {"word ", 200000}, {"word ", 20000}, {"word ", 4000},
    {"x", 1000000},    {"w\\n", 200000}, {"\xe6\xbc\xa2 \\\" ", 100000},
};

static void ask_long(const char *word, int n)
{
    apr_size_t size = strlen(word);
    char *body = apr_palloc(test_pool, size * (apr_size_t)n + 64);
    apr_size_t len =
        strlen(strcpy(body, "{\"messages\":[{\"role\":\"user\",\"content\":\""));
    int i;

    for (i = 0; i < n; i++) {
        memcpy(body + len, word, size);
        len += size;
    }
    strcpy(body + len, "\"}],\"stream_options\":{\"include_usage\":true}}");
    raw = (llmq_raw_t){
        .path = "/chat/completions", .stream = 1, .room = ROOM, .chunk = on_piece};
    call = (llmq_call_t){
        .backend = &conf, .id = "c", .body = body, .raw = &raw, .pool = test_pool};
    said = written = 0;
    llmq_backend_echo_raw(&call);
}

/* Nobody can make the echo wait, so its stream has to find room on its way as a whole. */
START_TEST(a_long_stream_finds_room)
{
    ask_long(longs[_i].word, longs[_i].n);
    ck_assert_int_eq(call.ok, 1);
    ck_assert_uint_gt(said, (apr_size_t)longs[_i].n);
    ck_assert_uint_le(written, ROOM);
}
END_TEST

START_TEST(a_prompt_is_answered)
{
    struct json_object *answer =
        ask("/completions", 0, "{\"model\":\"m\",\"prompt\":[\"a\",\"b c\"]}");

    ck_assert_str_eq(at(answer, "/object"), "text_completion");
    ck_assert_str_eq(at(answer, "/choices/0/text"), "Echo: a");
    ck_assert_str_eq(at(answer, "/choices/1/text"), "Echo: b c");
    ck_assert_str_eq(at(answer, "/choices/1/index"), "1");
    ck_assert_str_eq(at(answer, "/usage/prompt_tokens"), "3");
    ck_assert_str_eq(at(answer, "/usage/completion_tokens"), "5");
}
END_TEST

START_TEST(vectors_have_length_one_and_are_always_the_same)
{
    struct json_object *answer =
        ask("/embeddings", 0, "{\"input\":[\"a b\",\"c\",\"a b\"],\"dimensions\":5}");
    struct json_object *data = llmq_json_member(answer, "data");
    double sum = 0;
    size_t i;

    ck_assert_str_eq(at(answer, "/object"), "list");
    ck_assert_uint_eq(json_object_array_length(data), 3);
    ck_assert_str_eq(at(answer, "/data/2/index"), "2");
    ck_assert_str_eq(at(answer, "/data/0/embedding"), at(answer, "/data/2/embedding"));
    ck_assert_str_ne(at(answer, "/data/0/embedding"), at(answer, "/data/1/embedding"));
    ck_assert_str_eq(at(answer, "/usage/prompt_tokens"), "5");
    data = llmq_json_member(json_object_array_get_idx(data, 0), "embedding");
    ck_assert_uint_eq(json_object_array_length(data), 5);
    for (i = 0; i < 5; i++) {
        double x = json_object_get_double(json_object_array_get_idx(data, i));

        sum += x * x;
    }
    ck_assert(fabs(sum - 1) < 1e-5);
}
END_TEST

START_TEST(vectors_in_base64_are_the_same_numbers)
{
    struct json_object *numbers = ask("/embeddings", 0, "{\"input\":\"x y\"}");
    struct json_object *packed =
        ask("/embeddings", 0, "{\"input\":\"x y\",\"encoding_format\":\"base64\"}");
    const char *code = at(packed, "/data/0/embedding");
    float v[LLMQ_BACKEND_ECHO_DIMENSIONS + 1];

    ck_assert_int_ge(apr_base64_decode_len(code), 4 * LLMQ_BACKEND_ECHO_DIMENSIONS);
    ck_assert_int_eq(apr_base64_decode_binary((unsigned char *)v, code),
                     4 * LLMQ_BACKEND_ECHO_DIMENSIONS);
    ck_assert(fabs(strtod(at(numbers, "/data/0/embedding/7"), NULL) - (double)v[7])
              < 1e-7);
}
END_TEST

static const struct {
    const char *path;
    const char *body;
    const char *param;
} bad[] = {
    {"/chat/completions", "{}", "messages"},
    {"/chat/completions", "{\"messages\":[]}", "messages"},
    {"/chat/completions", "{\"messages\":\"hi\"}", "messages"},
    {"/completions", "{}", "prompt"},
    {"/embeddings", "{}", "input"},
    {"/embeddings", "{\"input\":[]}", "input"},
    {"/embeddings", "{\"input\":[\"a\",{}]}", "input"},
    {"/embeddings", "{\"input\":\"a\",\"dimensions\":0}", "dimensions"},
    {"/embeddings", "{\"input\":\"a\",\"dimensions\":4097}", "dimensions"},
    {"/embeddings", "{\"input\":\"a\",\"dimensions\":\"8\"}", "dimensions"},
    {"/embeddings", "{\"input\":\"a\",\"encoding_format\":\"hex\"}", "encoding_format"},
    {"/chat/completions", "[]", NULL},
    {"/chat/completions", NULL, NULL},
};

START_TEST(what_cannot_be_answered_is_an_error_of_openais)
{
    struct json_object *answer = ask(bad[_i].path, 0, bad[_i].body);

    ck_assert_int_eq(call.ok, 0);
    ck_assert_int_eq(call.failure.kind, LLMQ_FAILURE_STATUS);
    ck_assert_int_eq(call.failure.http_status, 400);
    ck_assert_int_eq(raw.http_status, 400);
    ck_assert_str_eq(at(answer, "/error/type"), "invalid_request_error");
    ck_assert_pstr_eq(at(answer, "/error/param"), bad[_i].param);
}
END_TEST

START_TEST(tokens_are_an_input)
{
    struct json_object *answer =
        ask("/embeddings", 0, "{\"input\":[[1,2,3],[4]],\"dimensions\":2}");

    ck_assert_str_eq(at(answer, "/usage/prompt_tokens"), "4");
    answer = ask("/embeddings", 0, "{\"input\":[1,2,3],\"dimensions\":2}");
    ck_assert_ptr_null(at(answer, "/data/1"));
    ck_assert_str_eq(at(answer, "/usage/total_tokens"), "3");
}
END_TEST

TCase *case_backend_echo_raw(void)
{
    TCase *tc = test_case("backend_echo_raw");

    tcase_add_test(tc, a_chat_is_answered_in_one_piece);
    tcase_add_test(tc, a_stream_adds_up_to_the_same);
    tcase_add_test(tc, as_many_answers_as_are_asked_for);
    tcase_add_test(tc, a_refused_chunk_is_an_abort);
    tcase_add_loop_test(tc, a_long_stream_finds_room, 0,
                        (int)(sizeof(longs) / sizeof(longs[0])));
    tcase_add_test(tc, a_prompt_is_answered);
    tcase_add_test(tc, vectors_have_length_one_and_are_always_the_same);
    tcase_add_test(tc, vectors_in_base64_are_the_same_numbers);
    tcase_add_loop_test(tc, what_cannot_be_answered_is_an_error_of_openais, 0,
                        (int)(sizeof(bad) / sizeof(bad[0])));
    tcase_add_test(tc, tokens_are_an_input);
    return tc;
}
