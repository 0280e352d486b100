#include "support.h"

#include "base/clock.h"
#include "base/log.h"
#include "llmq.h"

#include <apr_atomic.h>
#include <apr_thread_proc.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS 4
#define ROUNDS  500

/* What the sink heard last, and how often it was called. */
static struct {
    apr_uint32_t calls;
    llmq_log_level_e level;
    char file[200];
    int line;
    apr_status_t rv;
    char text[2000];
} heard;

static void sink(void *ctx, llmq_log_level_e level, const char *file, int line,
                 apr_status_t rv, const char *text)
{
    ck_assert_ptr_eq(ctx, &heard);
    heard.calls++;
    heard.level = level;
    snprintf(heard.file, sizeof(heard.file), "%s", file);
    heard.line = line;
    heard.rv = rv;
    snprintf(heard.text, sizeof(heard.text), "%s", text);
}

static void counting_sink(void *ctx, llmq_log_level_e level, const char *file, int line,
                          apr_status_t rv, const char *text)
{
    (void)level;
    (void)file;
    (void)line;
    (void)rv;
    /* Each line must be whole, whoever else writes one. */
    if (strcmp(text, "LLMQ9999: seven 7 and eight") == 0)
        apr_atomic_inc32(ctx);
}

START_TEST(a_sink_hears_level_place_status_and_text)
{
    int line;

    llmq_log_set_sink(sink, &heard, LLMQ_LOG_INFO);
    line = __LINE__ + 1;
    LLMQ_LOG(LLMQ_LOG_ERR, APR_ENOENT, LLMQ_NO(9999) "msg[%s] %d", "m1", 42);
    ck_assert_uint_eq(heard.calls, 1);
    ck_assert_int_eq(heard.level, LLMQ_LOG_ERR);
    ck_assert_ptr_nonnull(strstr(heard.file, "test_log.c"));
    ck_assert_int_eq(heard.line, line);
    ck_assert_int_eq(heard.rv, APR_ENOENT);
    ck_assert_str_eq(heard.text, "LLMQ9999: msg[m1] 42");
}
END_TEST

static int formatted;

static int count_formatted(void)
{
    return ++formatted;
}

START_TEST(lines_above_the_level_are_not_formatted)
{
    int level;

    llmq_log_set_sink(sink, &heard, (llmq_log_level_e)_i);
    for (level = LLMQ_LOG_CRIT; level <= LLMQ_LOG_TRACE1; level++) {
        ck_assert_int_eq(llmq_log_is((llmq_log_level_e)level), level <= _i);
        LLMQ_LOG((llmq_log_level_e)level, APR_SUCCESS, "%d", count_formatted());
    }
    ck_assert_int_eq(formatted, _i - LLMQ_LOG_CRIT + 1);
    ck_assert_uint_eq(heard.calls, (unsigned)formatted);
}
END_TEST

START_TEST(long_lines_are_cut_at_a_thousand_bytes)
{
    char text[1501];

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    llmq_log_set_sink(sink, &heard, LLMQ_LOG_INFO);
    LLMQ_LOG(LLMQ_LOG_INFO, APR_SUCCESS, "%s", text);
    ck_assert_uint_eq(strlen(heard.text), 1000);
}
END_TEST

START_TEST(a_value_cannot_forge_a_line)
{
    llmq_log_set_sink(sink, &heard, LLMQ_LOG_INFO);
    LLMQ_LOG(LLMQ_LOG_INFO, APR_SUCCESS, "a %s", "b\nc\r\x1b\x7f\tz\xC3\xA9");
    ck_assert_str_eq(heard.text, "a b c    z\xC3\xA9");
}
END_TEST

/* Run @a write with stderr in a file and return what it left there. */
static const char *stderr_of(void (*write_lines)(void))
{
    static char text[4000];
    char path[] = "/tmp/llmq_test_log.XXXXXX";
    int fd = mkstemp(path);
    int saved = dup(STDERR_FILENO);
    ssize_t n;

    ck_assert_int_ge(fd, 0);
    unlink(path);
    dup2(fd, STDERR_FILENO);
    write_lines();
    fflush(stderr);
    dup2(saved, STDERR_FILENO);
    close(saved);
    n = pread(fd, text, sizeof(text) - 1, 0);
    close(fd);
    ck_assert_int_ge(n, 0);
    text[n] = '\0';
    return text;
}

static void write_warning_and_notice(void)
{
    LLMQ_LOG(LLMQ_LOG_WARNING, LLMQ_EFULL, LLMQ_NO(9998) "loud");
    LLMQ_LOG(LLMQ_LOG_NOTICE, APR_SUCCESS, LLMQ_NO(9999) "quiet");
}

START_TEST(without_a_sink_warnings_go_to_stderr)
{
    const char *text = stderr_of(write_warning_and_notice);

    ck_assert_ptr_nonnull(strstr(text, "LLMQ9998: loud\n"));
    ck_assert_ptr_nonnull(strstr(text, "full"));
    ck_assert_ptr_null(strstr(text, "quiet"));
}
END_TEST

START_TEST(a_null_sink_gives_the_lines_back_to_stderr)
{
    llmq_log_set_sink(sink, &heard, LLMQ_LOG_INFO);
    llmq_log_set_sink(NULL, NULL, LLMQ_LOG_NOTICE);
    ck_assert_ptr_nonnull(strstr(stderr_of(write_warning_and_notice), "quiet\n"));
    ck_assert_uint_eq(heard.calls, 0);
}
END_TEST

START_TEST(once_per_is_true_at_most_once_in_the_interval)
{
    apr_uint64_t last = 0;
    apr_time_t now = 1735727400000000;

    llmq_clock_set(now);
    ck_assert(llmq_log_once_per(&last, 1000));
    ck_assert(!llmq_log_once_per(&last, 1000));
    llmq_clock_set(now + 999);
    ck_assert(!llmq_log_once_per(&last, 1000));
    llmq_clock_set(now + 1000);
    ck_assert(llmq_log_once_per(&last, 1000));
    ck_assert(!llmq_log_once_per(&last, 1000));
}
END_TEST

START_TEST(once_per_keeps_places_apart)
{
    apr_uint64_t one = 0, two = 0;

    llmq_clock_set(1735727400000000);
    ck_assert(llmq_log_once_per(&one, 1000));
    ck_assert(llmq_log_once_per(&two, 1000));
}
END_TEST

START_TEST(once_per_survives_a_clock_that_is_set_back)
{
    apr_uint64_t last = 0;

    llmq_clock_set(1735727400000000);
    ck_assert(llmq_log_once_per(&last, 1000));
    llmq_clock_set(1735727300000000);
    ck_assert(llmq_log_once_per(&last, 1000));
    ck_assert(!llmq_log_once_per(&last, 1000));
}
END_TEST

static apr_uint64_t shared_last;
static apr_uint32_t wins;

static void *APR_THREAD_FUNC write_and_try(apr_thread_t *thread, void *data)
{
    int i;

    (void)thread;
    (void)data;
    for (i = 0; i < ROUNDS; i++) {
        LLMQ_LOG(LLMQ_LOG_INFO, APR_SUCCESS, LLMQ_NO(9999) "seven %d and %s", 7, "eight");
        if (llmq_log_once_per(&shared_last, APR_USEC_PER_SEC))
            apr_atomic_inc32(&wins);
    }
    return NULL;
}

START_TEST(threads_write_whole_lines_and_few_win)
{
    apr_thread_t *threads[THREADS];
    apr_uint32_t lines = 0;
    apr_status_t rv;
    int i;

    llmq_clock_set(1735727400000000);
    llmq_log_set_sink(counting_sink, &lines, LLMQ_LOG_INFO);
    for (i = 0; i < THREADS; i++)
        ck_assert_int_eq(
            apr_thread_create(&threads[i], NULL, write_and_try, NULL, test_pool), 0);
    for (i = 0; i < THREADS; i++)
        apr_thread_join(&rv, threads[i]);
    ck_assert_uint_eq(apr_atomic_read32(&lines), THREADS * ROUNDS);
    ck_assert_uint_ge(apr_atomic_read32(&wins), 1);
    ck_assert_uint_le(apr_atomic_read32(&wins), THREADS);
}
END_TEST

/* For runs without a process of its own for each test. */
static void forget(void)
{
    memset(&heard, 0, sizeof(heard));
    formatted = 0;
    llmq_clock_set(0);
    llmq_log_set_sink(NULL, NULL, LLMQ_LOG_WARNING);
}

TCase *case_log(void)
{
    TCase *tc = test_case("log");

    tcase_add_checked_fixture(tc, forget, forget);
    tcase_add_test(tc, a_sink_hears_level_place_status_and_text);
    tcase_add_loop_test(tc, lines_above_the_level_are_not_formatted, LLMQ_LOG_CRIT,
                        LLMQ_LOG_TRACE1 + 1);
    tcase_add_test(tc, long_lines_are_cut_at_a_thousand_bytes);
    tcase_add_test(tc, a_value_cannot_forge_a_line);
    tcase_add_test(tc, without_a_sink_warnings_go_to_stderr);
    tcase_add_test(tc, a_null_sink_gives_the_lines_back_to_stderr);
    tcase_add_test(tc, once_per_is_true_at_most_once_in_the_interval);
    tcase_add_test(tc, once_per_keeps_places_apart);
    tcase_add_test(tc, once_per_survives_a_clock_that_is_set_back);
    tcase_add_test(tc, threads_write_whole_lines_and_few_win);
    return tc;
}
