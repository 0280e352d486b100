#include "support.h"

#include "base/clock.h"
#include "base/log.h"
#include "bus/redis.h"

#include <apr_thread_proc.h>

#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define T0 APR_INT64_C(1735727400000000) /* 2025-01-01T10:30:00Z */

static const char info_text[] =
    "# Server\r\nredis_version:7.0.0\r\nconnected_clients:45\r\n"
    "used_memory:268435456\r\nused_memory_human:256.00M\r\n"
    "keyspace_hits:95\r\nkeyspace_misses:5\r\n"
    "instantaneous_ops_per_sec:2500\r\n";

/* A server of one connection after another, that knows three words. */
typedef struct fake_t {
    int listener;
    int port;
    const char *password; /* that it wants; NULL: none */
    atomic_int pings;
    atomic_int marks;
    atomic_int silent;
    atomic_int hasty; /* closes each connection after an answer */
} fake_t;

static const char *answer_to(fake_t *f, const char *text)
{
    static char info[600];

    if (strstr(text, "AUTH")) {
        return f->password && strstr(text, f->password) ? "+OK\r\n" : "-WRONGPASS no\r\n";
    }
    if (strstr(text, "PING")) {
        atomic_fetch_add(&f->pings, 1);
        return "+PONG\r\n";
    }
    if (strstr(text, "MARK")) {
        atomic_fetch_add(&f->marks, 1);
        return "";
    }
    snprintf(info, sizeof(info), "$%zu\r\n%s\r\n", strlen(info_text), info_text);
    return info;
}

static void serve(fake_t *f, int fd)
{
    char text[500];
    ssize_t n;

    while ((n = read(fd, text, sizeof(text) - 1)) > 0) {
        const char *answer;

        text[n] = '\0';
        answer = answer_to(f, text);
        if (!atomic_load(&f->silent) && write(fd, answer, strlen(answer)) < 0) {
            break;
        }
        if (atomic_load(&f->hasty)) {
            break;
        }
    }
    close(fd);
}

static void *APR_THREAD_FUNC fake_thread(apr_thread_t *thread, void *data)
{
    fake_t *f = data;
    int fd;

    (void)thread;
    while ((fd = accept(f->listener, NULL, NULL)) >= 0) {
        serve(f, fd);
    }
    return NULL;
}

static void fake_start(fake_t *f, const char *password)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof(at);
    apr_threadattr_t *attr;
    apr_thread_t *thread;

    memset(f, 0, sizeof(*f));
    f->password = password;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    f->listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(f->listener, (struct sockaddr *)&at, sizeof(at)), 0);
    ck_assert_int_eq(listen(f->listener, 5), 0);
    getsockname(f->listener, (struct sockaddr *)&at, &len);
    f->port = ntohs(at.sin_port);
    apr_threadattr_create(&attr, test_pool);
    apr_threadattr_detach_set(attr, 1); /* it ends when its listener is closed */
    ck_assert_int_eq(apr_thread_create(&thread, attr, fake_thread, f, test_pool), 0);
}

static llmq_redis_conf_t conf_of(const fake_t *f, const char *password)
{
    llmq_redis_conf_t conf = {0};

    conf.host = "127.0.0.1";
    conf.port = f->port;
    conf.password = password;
    conf.timeout = apr_time_from_sec(60);
    return conf;
}

static int is_well(llmq_redis_t *redis)
{
    llmq_redis_health_t health;

    llmq_redis_check(&health, redis);
    return health.well;
}

static void no_log(void *ctx, llmq_log_level_e level, const char *file, int line,
                   apr_status_t rv, const char *text)
{
    (void)ctx, (void)level, (void)file, (void)line, (void)rv;
    ck_assert_ptr_null(strstr(text, "secret"));
}

/* What has been said over connections that are closed is read before this one's mark is.
 * @return pings that were read */
static int pings_until_now(fake_t *f)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)f->port)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    int marks = atomic_load(&f->marks);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    ck_assert_int_eq(write(fd, "MARK", 4), 4);
    while (atomic_load(&f->marks) == marks)
        usleep(1000);
    close(fd);
    return atomic_load(&f->pings);
}

START_TEST(server_that_answers_is_well_and_asked_once_a_second)
{
    fake_t f;
    llmq_redis_conf_t conf;
    llmq_redis_t *redis;
    int i;

    fake_start(&f, NULL);
    conf = conf_of(&f, NULL);
    llmq_clock_set(T0);
    ck_assert_int_eq(llmq_redis_create(&redis, &conf, test_pool), APR_SUCCESS);
    for (i = 0; i < 5; i++)
        ck_assert_int_eq(is_well(redis), 1);
    ck_assert_int_eq(atomic_load(&f.pings), 1);
    llmq_clock_set(T0 + APR_USEC_PER_SEC);
    ck_assert_int_eq(is_well(redis), 1);
    ck_assert_int_eq(atomic_load(&f.pings), 2);
}
END_TEST

START_TEST(connection_that_was_closed_meanwhile_is_replaced)
{
    llmq_redis_conf_t conf;
    llmq_redis_info_t info;
    llmq_redis_t *redis;
    fake_t f;
    int i;

    fake_start(&f, NULL);
    atomic_store(&f.hasty, 1);
    conf = conf_of(&f, NULL);
    ck_assert_int_eq(llmq_redis_create(&redis, &conf, test_pool), APR_SUCCESS);
    for (i = 0; i < 3; i++) {
        llmq_clock_set(T0 + i * APR_USEC_PER_SEC);
        ck_assert_int_eq(is_well(redis), 1);
        llmq_redis_info(&info, redis);
        ck_assert_int_eq(info.clients, 45);
    }
    ck_assert_int_eq(atomic_load(&f.pings), 3);
}
END_TEST

/* Failures at 0, 1, 3, 7, 12 s: the pauses are 1, 2, 4, 5, 5 s. */
START_TEST(silent_server_is_away_and_tried_again_after_growing_pauses)
{
    static const int tried_at[] = {1, 3, 7, 12, 17};
    llmq_redis_conf_t conf;
    llmq_redis_t *redis;
    fake_t f;
    int i;

    llmq_log_set_sink(no_log, NULL, LLMQ_LOG_DEBUG);
    fake_start(&f, NULL);
    atomic_store(&f.silent, 1);
    conf = conf_of(&f, NULL);
    conf.timeout = apr_time_from_msec(100);
    llmq_clock_set(T0);
    ck_assert_int_eq(llmq_redis_create(&redis, &conf, test_pool), APR_SUCCESS);
    ck_assert_int_eq(is_well(redis), 0);
    for (i = 0; i < 5; i++) {
        int before = pings_until_now(&f);

        if (i > 0) {
            llmq_clock_set(T0 + (tried_at[i] - 1) * APR_USEC_PER_SEC);
            ck_assert_int_eq(is_well(redis), 0);
            ck_assert_int_eq(pings_until_now(&f), before);
        }
        atomic_store(&f.silent, i < 4);
        if (i == 4)
            conf.timeout = apr_time_from_sec(60);
        llmq_clock_set(T0 + tried_at[i] * APR_USEC_PER_SEC);
        ck_assert_int_eq(is_well(redis), i == 4);
        ck_assert_int_eq(i < 4 ? pings_until_now(&f) : atomic_load(&f.pings), before + 1);
    }
}
END_TEST

START_TEST(nobody_there_is_away)
{
    llmq_redis_conf_t conf = {0};
    llmq_redis_t *redis;

    llmq_log_set_sink(no_log, NULL, LLMQ_LOG_DEBUG);
    conf.path = "/nonexistent/redis.sock";
    conf.timeout = apr_time_from_msec(100);
    ck_assert_int_eq(llmq_redis_create(&redis, &conf, test_pool), APR_SUCCESS);
    ck_assert_int_eq(is_well(redis), 0);
}
END_TEST

START_TEST(password_is_sent_and_never_logged)
{
    llmq_redis_conf_t right, wrong;
    llmq_redis_t *redis;
    fake_t f;

    llmq_log_set_sink(no_log, NULL, LLMQ_LOG_DEBUG);
    fake_start(&f, "secret word");
    wrong = conf_of(&f, "secret other");
    ck_assert_int_eq(llmq_redis_create(&redis, &wrong, test_pool), APR_SUCCESS);
    ck_assert_int_eq(is_well(redis), 0);
    right = conf_of(&f, "secret word");
    ck_assert_int_eq(llmq_redis_create(&redis, &right, test_pool), APR_SUCCESS);
    ck_assert_int_eq(is_well(redis), 1);
}
END_TEST

START_TEST(info_comes_from_the_server)
{
    llmq_redis_conf_t conf;
    llmq_redis_info_t info;
    llmq_redis_t *redis;
    fake_t f;

    fake_start(&f, NULL);
    conf = conf_of(&f, NULL);
    ck_assert_int_eq(llmq_redis_create(&redis, &conf, test_pool), APR_SUCCESS);
    llmq_redis_info(&info, redis);
    ck_assert_int_eq(info.clients, 45);
    ck_assert_str_eq(info.memory, "256.00MB");
    ck_assert_int_eq(info.ops, 2500);
    ck_assert(info.hit_rate > 0.949 && info.hit_rate < 0.951);
}
END_TEST

START_TEST(odd_info_is_read_without_harm)
{
    llmq_redis_info_t info;

    llmq_redis_parse_info(&info, "");
    ck_assert_str_eq(info.memory, "0B");
    ck_assert_int_eq(info.clients, 0);
    ck_assert(info.hit_rate == 0);
    llmq_redis_parse_info(&info, "xconnected_clients:9\nconnected_clients_max:8\n"
                                 "used_memory_human:"
                                 "111111111111111111111111111111111111111111111111M");
    ck_assert_int_eq(info.clients, 0);
    ck_assert_uint_lt(strlen(info.memory), sizeof(info.memory));
    llmq_redis_parse_info(&info, "used_memory_human:\r\nconnected_clients:x\n");
    ck_assert_str_eq(info.memory, "0B");
}
END_TEST

TCase *case_redis(void)
{
    TCase *tc = test_case("redis");

    tcase_add_test(tc, server_that_answers_is_well_and_asked_once_a_second);
    tcase_add_test(tc, connection_that_was_closed_meanwhile_is_replaced);
    tcase_add_test(tc, silent_server_is_away_and_tried_again_after_growing_pauses);
    tcase_add_test(tc, nobody_there_is_away);
    tcase_add_test(tc, password_is_sent_and_never_logged);
    tcase_add_test(tc, info_comes_from_the_server);
    tcase_add_test(tc, odd_info_is_read_without_harm);
    return tc;
}
