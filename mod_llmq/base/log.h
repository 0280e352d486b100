/**
 * @file log.h
 * Logging for code that knows no httpd. A process sets one sink; without a sink lines at
 * WARNING and above go to stderr. Every line from DEBUG up carries a tag of its own,
 * `LLMQ_NO(0301)`, that no other line has; hundreds by folder: 01 cfg, 02 http, 03 queue,
 * 04 store, 05 backend, 06 bus, 07 dispatch, 08 glue. Contents of messages, answers and
 * keys are never logged.
 */
#ifndef LLMQ_LOG_H
#define LLMQ_LOG_H

#include <apr.h>
#include <apr_errno.h>
#include <apr_time.h>

/** Levels with httpd's own numbers (APLOG_*), so that a sink can pass them through. */
typedef enum {
    LLMQ_LOG_CRIT = 2,
    LLMQ_LOG_ERR = 3,
    LLMQ_LOG_WARNING = 4,
    LLMQ_LOG_NOTICE = 5,
    LLMQ_LOG_INFO = 6,
    LLMQ_LOG_DEBUG = 7,
    LLMQ_LOG_TRACE1 = 8
} llmq_log_level_e;

/** The tag of a line. */
#define LLMQ_NO(n) "LLMQ" #n ": "

/**
 * Where lines go.
 * @param ctx   what llmq_log_set_sink() was given
 * @param level one of llmq_log_level_e
 * @param file  source file of the line
 * @param line  its number
 * @param rv    status to print beside the text, APR_SUCCESS for none
 * @param text  the finished line, no line break
 * @threads any
 */
typedef void llmq_log_sink_fn_t(void *ctx, llmq_log_level_e level, const char *file,
                                int line, apr_status_t rv, const char *text);

/**
 * Set the sink and the most talkative level of this process.
 * @param sink  the sink; NULL for stderr
 * @param ctx   handed to the sink, must outlive it
 * @param level lines above this number are not formatted at all
 * @threads single: before other threads start
 */
void llmq_log_set_sink(llmq_log_sink_fn_t *sink, void *ctx, llmq_log_level_e level);

/**
 * @param level a level
 * @return non-zero if lines of this level are wanted
 * @threads any
 */
int llmq_log_is(llmq_log_level_e level);

/**
 * Write a line; use through LLMQ_LOG(). Longer lines are cut at 1,000 bytes.
 * @threads any
 */
void llmq_log_write(const char *file, int line, llmq_log_level_e level, apr_status_t rv,
                    const char *fmt, ...) __attribute__((format(printf, 5, 6)));

#define LLMQ_LOG(level, rv, ...)                                                         \
    do {                                                                                 \
        if (llmq_log_is(level))                                                          \
            llmq_log_write(__FILE__, __LINE__, (level), (rv), __VA_ARGS__);              \
    } while (0)

/**
 * For failures that repeat: true at most once in @a interval for one place.
 * @param last     a static of that place, 0 at first
 * @param interval microseconds
 * @return non-zero when the line should be written now
 * @threads any; two threads may both win a tie
 */
int llmq_log_once_per(apr_uint64_t *last, apr_interval_time_t interval);

#endif /* LLMQ_LOG_H */
