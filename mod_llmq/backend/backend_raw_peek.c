#include "backend/backend_raw_peek.h"

#include <string.h>

int llmq_backend_raw_peek(const char *data, apr_size_t len, const char *quoted_name)
{
    apr_size_t n = strlen(quoted_name);
    const char *end = data + len;
    const char *hit = memmem(data, len, quoted_name, n);

    for (; hit; hit = memmem(hit, (apr_size_t)(end - hit), quoted_name, n)) {
        for (hit += n; hit < end && strchr(" \t\r\n:", *hit); hit++) {
        }
        if (hit < end && *hit != 'n') {
            return 1;
        }
    }
    return 0;
}
