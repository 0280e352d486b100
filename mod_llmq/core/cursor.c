#include "core/cursor.h"

#include <apr_lib.h>

apr_status_t llmq_cursor_parse(apr_int64_t *pcursor, const char *text)
{
    apr_int64_t n = 0;
    const char *c;

    for (c = text; apr_isdigit(*c); c++) {
        int digit = *c - '0';

        n = n > (APR_INT64_MAX - digit) / 10 ? APR_INT64_MAX : n * 10 + digit;
    }
    if (c == text || *c) {
        return APR_EINVAL;
    }
    *pcursor = n;
    return APR_SUCCESS;
}

apr_status_t llmq_cursor_choose(apr_int64_t *pcursor, const char *last_id,
                                const char *after)
{
    apr_int64_t cursor = 0;

    if (after && llmq_cursor_parse(&cursor, after) != APR_SUCCESS) {
        return APR_EINVAL;
    }
    if (last_id) {
        llmq_cursor_parse(&cursor, last_id);
    }
    *pcursor = cursor;
    return APR_SUCCESS;
}
