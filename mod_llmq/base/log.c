#include "base/log.h"

#include "base/clock.h"
#include "base/result.h"

#include <apr_atomic.h>
#include <apr_strings.h>

#include <stdarg.h>
#include <stdio.h>

#define LINE_MAX_BYTES 1000

static struct {
    llmq_log_sink_fn_t *sink;
    void *ctx;
    llmq_log_level_e level;
} target = {NULL, NULL, LLMQ_LOG_WARNING};

void llmq_log_set_sink(llmq_log_sink_fn_t *sink, void *ctx, llmq_log_level_e level)
{
    target.sink = sink;
    target.ctx = ctx;
    target.level = level;
}

int llmq_log_is(llmq_log_level_e level)
{
    return level <= target.level;
}

/* Values from outside may stand in a line; a line break in one must not forge another. */
static void flatten(char *text)
{
    for (; *text; text++) {
        if ((unsigned char)*text < ' ' || *text == 0x7F)
            *text = ' ';
    }
}

static void write_stderr(const char *file, int line, apr_status_t rv, const char *text)
{
    char why[160];

    if (rv == APR_SUCCESS) {
        fprintf(stderr, "%s:%d: %s\n", file, line, text);
        return;
    }
    llmq_result_strerror(rv, why, sizeof(why));
    fprintf(stderr, "%s:%d: (%d)%s: %s\n", file, line, rv, why, text);
}

void llmq_log_write(const char *file, int line, llmq_log_level_e level, apr_status_t rv,
                    const char *fmt, ...)
{
    char text[LINE_MAX_BYTES + 1];
    va_list ap;

    va_start(ap, fmt);
    apr_vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    flatten(text);
    if (target.sink)
        target.sink(target.ctx, level, file, line, rv, text);
    else
        write_stderr(file, line, rv, text);
}

int llmq_log_once_per(apr_uint64_t *last, apr_interval_time_t interval)
{
    apr_time_t now = llmq_clock_now();
    apr_uint64_t before = apr_atomic_read64(last);
    apr_interval_time_t age = now - (apr_time_t)before;

    /* A clock that was set back must not silence the place until it catches up. */
    if (before != 0 && age >= 0 && age < interval)
        return 0;
    return apr_atomic_cas64(last, (apr_uint64_t)now, before) == before;
}
