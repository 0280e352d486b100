#include "base/json_weight.h"

/* Measured with json-c 0.16 on 64 bits, and rounded up. An object begins with room for 16
 * members, an array with room for 32 values. */
#define OBJECT 1000
#define ARRAY  384
#define VALUE  128
#define MEMBER 160 /* its name and its place, beside its value */

/* @return behind the string that begins before @a at */
static const char *skip_string(const char *at, const char *end)
{
    while (at < end && *at != '"') {
        at += *at == '\\' && end - at > 1 ? 2 : 1;
    }
    return at < end ? at + 1 : end;
}

apr_uint64_t llmq_json_weight(const char *text, apr_size_t len)
{
    const char *end = text + len;
    apr_uint64_t weight = VALUE;

    while (text < end) {
        switch (*text++) {
        case '"': text = skip_string(text, end); break;
        case '{': weight += OBJECT; break;
        case '[': weight += ARRAY; break;
        case ',': weight += VALUE; break;
        case ':': weight += MEMBER; break;
        default: break;
        }
    }
    return weight;
}

int llmq_json_weight_is_over(const char *text, apr_size_t len, apr_uint64_t limit)
{
    return len > limit / LLMQ_JSON_WEIGHT_MOST && llmq_json_weight(text, len) > limit;
}
