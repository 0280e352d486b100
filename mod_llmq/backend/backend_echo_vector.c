#include "backend/backend_echo_vector.h"

#include "backend/backend_echo.h"
#include "backend/backend_echo_raw.h"
#include "base/id.h"
#include "base/json.h"

#include <apr_base64.h>

#include <json-c/json.h>

#include <math.h>
#include <string.h>

/* ---- the request ---- */

static int dimensions_of(struct json_object *body)
{
    struct json_object *n = llmq_json_member(body, "dimensions");

    return n ? json_object_get_int(n) : LLMQ_BACKEND_ECHO_DIMENSIONS;
}

static int is_base64(struct json_object *body)
{
    struct json_object *format = llmq_json_member(body, "encoding_format");

    return format && strcmp(json_object_get_string(format), "base64") == 0;
}

static int is_tokens(struct json_object *input)
{
    return json_object_is_type(input, json_type_array)
           && json_object_array_length(input) > 0
           && json_object_is_type(json_object_array_get_idx(input, 0), json_type_int);
}

/* How many inputs there are: a text and a list of tokens are one. */
static size_t count_inputs(struct json_object *input)
{
    if (json_object_is_type(input, json_type_string) || is_tokens(input)) {
        return 1;
    }
    return json_object_is_type(input, json_type_array) ? json_object_array_length(input)
                                                       : 0;
}

static struct json_object *input_at(struct json_object *input, size_t i)
{
    return json_object_is_type(input, json_type_string) || is_tokens(input)
               ? input
               : json_object_array_get_idx(input, i);
}

static int is_input(struct json_object *input)
{
    return json_object_is_type(input, json_type_string) || is_tokens(input);
}

const char *llmq_backend_echo_vector_check(struct json_object *body)
{
    struct json_object *input = llmq_json_member(body, "input");
    struct json_object *n = llmq_json_member(body, "dimensions");
    struct json_object *format = llmq_json_member(body, "encoding_format");
    size_t count = count_inputs(input);
    size_t i;

    for (i = 0; i < count && is_input(input_at(input, i)); i++) {
    }
    if (count == 0 || i < count || count > LLMQ_BACKEND_ECHO_INPUTS_MAX) {
        return "input";
    }
    if (n
        && (!json_object_is_type(n, json_type_int) || json_object_get_int64(n) < 1
            || json_object_get_int64(n) > LLMQ_BACKEND_ECHO_DIMENSIONS_MAX)) {
        return "dimensions";
    }
    return format && strcmp(json_object_get_string(format), "base64") != 0
                   && strcmp(json_object_get_string(format), "float") != 0
               ? "encoding_format"
               : NULL;
}

/* ---- the vectors ---- */

/* The generator "splitmix64" (S. Vigna, public domain), from -1 to 1. */
static double next_number(apr_uint64_t *state)
{
    apr_uint64_t z = (*state += APR_UINT64_C(0x9E3779B97F4A7C15));

    z = (z ^ z >> 30) * APR_UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * APR_UINT64_C(0x94D049BB133111EB);
    z ^= z >> 31;
    return (double)(z >> 11) / 4503599627370496.0 - 1.0;
}

static void make(float *v, int n, const char *text)
{
    apr_uint64_t seed = llmq_id_hash(text, strlen(text), 1);
    apr_uint64_t state = seed;
    double sum = 0;
    int i;

    for (i = 0; i < n; i++) {
        double x = next_number(&state);

        sum += x * x;
    }
    state = seed;
    for (i = 0; i < n; i++) {
        v[i] = (float)(next_number(&state) / sqrt(sum));
    }
}

static void put_numbers(llmq_text_t *t, const float *v, int n)
{
    int i;

    for (i = 0; i < n; i++) {
        llmq_text_printf(t, i ? ",%.8f" : "[%.8f", (double)v[i]);
    }
    LLMQ_TEXT_LIT(t, "]");
}

/* As OpenAI's: 32 bits each, the least significant byte first. */
static void put_base64(llmq_text_t *t, const float *v, int n)
{
    apr_size_t size = 4 * (apr_size_t)n;
    unsigned char *raw = apr_palloc(t->pool, size);
    char *at;
    int i;

    for (i = 0; i < n; i++) {
        apr_uint32_t bits;
        int b;

        memcpy(&bits, &v[i], sizeof(bits));
        for (b = 0; b < 4; b++) {
            raw[4 * i + b] = (unsigned char)(bits >> 8 * b);
        }
    }
    LLMQ_TEXT_LIT(t, "\"");
    at = llmq_text_reserve(t, (apr_size_t)apr_base64_encode_len((int)size));
    t->len += (apr_size_t)apr_base64_encode_binary(at, raw, (int)size) - 1;
    LLMQ_TEXT_LIT(t, "\"");
}

int llmq_backend_echo_vector_list(llmq_text_t *t, struct json_object *body)
{
    struct json_object *input = llmq_json_member(body, "input");
    size_t count = count_inputs(input);
    int n = dimensions_of(body);
    float v[LLMQ_BACKEND_ECHO_DIMENSIONS_MAX];
    int tokens = 0;
    size_t i;

    LLMQ_TEXT_LIT(t, "[");
    for (i = 0; i < count; i++) {
        struct json_object *one = input_at(input, i);

        tokens += is_tokens(one) ? (int)json_object_array_length(one)
                                 : llmq_backend_echo_words(json_object_get_string(one));
        if (i > 0) {
            LLMQ_TEXT_LIT(t, ",");
        }
        LLMQ_TEXT_LIT(t, "{\"object\":\"embedding\"");
        llmq_json_kv_int(t, "index", (apr_int64_t)i);
        llmq_json_key(t, "embedding");
        make(v, n, json_object_get_string(one));
        if (is_base64(body)) {
            put_base64(t, v, n);
        }
        else {
            put_numbers(t, v, n);
        }
        LLMQ_TEXT_LIT(t, "}");
    }
    LLMQ_TEXT_LIT(t, "]");
    return tokens;
}
