#include "support.h"

#include "base/clock.h"
#include "bus/redis_pipe.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PIECE 16384 /* is read at once */

static llmq_redis_pipe_t line;
static llmq_redis_why_t why;
static int far_end;

/* A pipe whose other end is in the test's hands: nobody signs in, so nobody waits. */
static void open_line(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof(at);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    llmq_redis_conf_t conf = {.host = "127.0.0.1", .timeout = apr_time_from_sec(60)};

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(bind(listener, (struct sockaddr *)&at, len), 0);
    ck_assert_int_eq(listen(listener, 1), 0);
    ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&at, &len), 0);
    conf.port = ntohs(at.sin_port);
    ck_assert_int_ne(llmq_redis_pipe_open(why, &line, &conf), 0);
    far_end = accept(listener, NULL, NULL);
    close(listener);
}

static void close_line(void)
{
    llmq_redis_link_close(&line.link);
    close(far_end);
}

static char heard[100];

static void hear(void *ctx, const char *data, apr_size_t len)
{
    (void)ctx;
    memcpy(heard, data, len);
    heard[len] = '\0';
}

/* So that all of it is there when it is read. */
static void send_all(const char *text, apr_size_t len)
{
    int there = 0;

    ck_assert_int_eq(write(far_end, text, len), (ssize_t)len);
    while (ioctl(line.link->fd, FIONREAD, &there) == 0 && there < (int)len) {
        usleep(1000);
    }
}

static int answer(const char *text)
{
    send_all(text, strlen(text));
    return llmq_redis_pipe_read(why, &line, hear, NULL);
}

START_TEST(answers_are_counted_and_messages_told)
{
    char text[200];
    ssize_t n;

    open_line();
    redisAppendCommand(line.link, "PING");
    llmq_redis_pipe_owe(&line);
    redisAppendCommand(line.link, "PING");
    llmq_redis_pipe_owe(&line);
    ck_assert_int_ne(llmq_redis_pipe_flush(why, &line), 0);
    n = read(far_end, text, sizeof(text));
    ck_assert_int_eq(n, 2 * (ssize_t)strlen("*1\r\n$4\r\nPING\r\n"));
    ck_assert_int_ne(answer("+PONG\r\n*3\r\n$7\r\nmessage\r\n$1\r\nc\r\n$5\r\nhe"), 0);
    ck_assert_int_eq(line.owed, 1);
    ck_assert_str_eq(heard, "");
    ck_assert_int_ne(answer("llo\r\n:7\r\n:8\r\n"), 0);
    ck_assert_str_eq(heard, "hello");
    ck_assert_int_eq(line.owed, 0);
    close_line();
}
END_TEST

static const char *const bad[] = {"-NOAUTH Authentication required\r\n", "?what\r\n",
                                  "*1\r\n$-7\r\n"};

START_TEST(what_is_no_answer_ends_it)
{
    open_line();
    ck_assert_int_eq(answer(bad[_i]), 0);
    ck_assert_str_ne(why, "");
    close_line();
}
END_TEST

START_TEST(the_end_is_noticed)
{
    open_line();
    close(far_end);
    ck_assert_int_eq(llmq_redis_pipe_read(why, &line, hear, NULL), 0);
    llmq_redis_link_close(&line.link);
}
END_TEST

START_TEST(an_answer_without_end_is_not_waited_for)
{
    char much[PIECE];
    int i, well = 1;

    memset(much, 'x', PIECE);
    open_line();
    ck_assert_int_ne(answer("$100000000\r\n"), 0);
    for (i = 0; well && i < 1000; i++) {
        send_all(much, PIECE);
        well = llmq_redis_pipe_read(why, &line, hear, NULL);
    }
    ck_assert_int_eq(well, 0);
    ck_assert_int_lt(i, 100);
    close_line();
}
END_TEST

START_TEST(silence_is_asked_about)
{
    open_line();
    llmq_clock_set(line.since + apr_time_from_sec(1));
    ck_assert_int_ne(llmq_redis_pipe_tend(why, &line, 0), 0);
    ck_assert_int_eq(line.owed, 0);
    llmq_clock_set(line.since + apr_time_from_sec(3));
    ck_assert_int_ne(llmq_redis_pipe_tend(why, &line, 0), 0);
    ck_assert_int_eq(line.owed, 1);
    ck_assert_int_ne(llmq_redis_pipe_tend(why, &line, 0), 0);
    ck_assert_int_eq(line.owed, 1);
    llmq_clock_set(line.since + apr_time_from_sec(2));
    ck_assert_int_ne(llmq_redis_pipe_tend(why, &line, apr_time_from_sec(3)), 0);
    ck_assert_int_eq(llmq_redis_pipe_tend(why, &line, 0), 0);
    close_line();
}
END_TEST

TCase *case_redis_pipe(void)
{
    TCase *tc = test_case("redis_pipe");

    tcase_add_test(tc, answers_are_counted_and_messages_told);
    tcase_add_loop_test(tc, what_is_no_answer_ends_it, 0, 3);
    tcase_add_test(tc, the_end_is_noticed);
    tcase_add_test(tc, an_answer_without_end_is_not_waited_for);
    tcase_add_test(tc, silence_is_asked_about);
    return tc;
}
