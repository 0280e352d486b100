#include "tools/ctl_args.h"

#include "base/id.h"
#include "base/text.h"
#include "core/apikey.h"
#include "core/token.h"

#include <apr_strings.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define LONGEST_SEC (APR_INT64_C(100) * 365 * 86400)

int llmq_ctl_args_complain(int code, const char *fmt, ...)
{
    va_list args;

    fputs("llmqctl: ", stderr);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fputc('\n', stderr);
    return code;
}

/* @return seconds of a unit, 0 if it is none */
static apr_int64_t unit_sec(const char *unit)
{
    return !strcmp(unit, "") || !strcmp(unit, "s")      ? 1
           : !strcmp(unit, "min") || !strcmp(unit, "m") ? 60
           : !strcmp(unit, "h")                         ? 3600
           : !strcmp(unit, "d")                         ? 86400
                                                        : 0;
}

apr_status_t llmq_ctl_args_end(apr_time_t *pend, const char *span, apr_time_t now)
{
    char *end = NULL;
    apr_int64_t n, unit;

    errno = 0;
    n = apr_strtoi64(span, &end, 10);
    unit = end != span ? unit_sec(end) : 0;
    if (errno || unit == 0 || n < 1 || n > LONGEST_SEC / unit) {
        llmq_ctl_args_complain(0, "'%s' is no time such as 90s, 30min, 1h or 7d", span);
        return APR_EINVAL;
    }
    *pend = now + apr_time_from_sec(n * unit);
    return APR_SUCCESS;
}

int llmq_ctl_args_check_names(const llmq_ctl_t *ctl)
{
    const char *sub = ctl->options[LLMQ_CTL_SUB];
    const char *tenant = ctl->options[LLMQ_CTL_TENANT];
    const char *scope = ctl->options[LLMQ_CTL_SCOPE];

    if (!llmq_token_is_subject(sub)) {
        return llmq_ctl_args_complain(LLMQ_CTL_USAGE,
                                      "--sub must name a user: 1 to 128 bytes, no control"
                                      " characters");
    }
    if (tenant && !llmq_id_is_name(tenant)) {
        return llmq_ctl_args_complain(
            LLMQ_CTL_USAGE,
            "--tenant must be 1 to 128 characters of A-Z a-z 0-9 _ . : -");
    }
    if (scope
        && (strlen(scope) > LLMQ_APIKEY_SCOPE_MAX
            || !llmq_text_is_utf8(scope, strlen(scope)))) {
        return llmq_ctl_args_complain(LLMQ_CTL_USAGE,
                                      "--scope must be at most 512 bytes of UTF-8");
    }
    return LLMQ_CTL_OK;
}
