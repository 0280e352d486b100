#include "support.h"

#include "bus/redis_link.h"

#include <apr_thread_proc.h>

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* A server of one connection that answers each piece it reads with the next text. */
typedef struct {
    int listener;
    const char *answer[3];
} fake_t;

static void *APR_THREAD_FUNC serve(apr_thread_t *thread, void *data)
{
    fake_t *f = data;
    int fd = accept(f->listener, NULL, NULL);
    char text[200];
    int i;

    (void)thread;
    for (i = 0; i < 3 && f->answer[i] && read(fd, text, sizeof(text)) > 0; i++) {
        if (write(fd, f->answer[i], strlen(f->answer[i])) < 0)
            break;
    }
    close(fd);
    close(f->listener);
    return NULL;
}

static void bind_at(fake_t *f, llmq_redis_conf_t *conf)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t len = sizeof(at);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    f->listener = socket(AF_INET, SOCK_STREAM, 0);
    ck_assert_int_eq(bind(f->listener, (struct sockaddr *)&at, len), 0);
    ck_assert_int_eq(getsockname(f->listener, (struct sockaddr *)&at, &len), 0);
    memset(conf, 0, sizeof(*conf));
    conf->host = "127.0.0.1";
    conf->port = ntohs(at.sin_port);
    conf->timeout = apr_time_from_sec(60);
}

static apr_thread_t *start(fake_t *f, llmq_redis_conf_t *conf)
{
    apr_thread_t *thread;

    bind_at(f, conf);
    ck_assert_int_eq(listen(f->listener, 1), 0);
    ck_assert_int_eq(apr_thread_create(&thread, NULL, serve, f, test_pool), APR_SUCCESS);
    return thread;
}

static void finish(apr_thread_t *thread)
{
    apr_status_t rv;

    apr_thread_join(&rv, thread);
}

START_TEST(it_signs_in_and_asks)
{
    fake_t f = {0, {"+OK\r\n", "+PONG\r\n", "-ERR secret text\r\n"}};
    llmq_redis_why_t why;
    llmq_redis_conf_t conf;
    apr_thread_t *thread = start(&f, &conf);
    redisContext *link;
    redisReply *reply;

    conf.password = "pass";
    link = llmq_redis_link_open(why, &conf);
    ck_assert_ptr_nonnull(link);
    reply = llmq_redis_link_ask(why, link, "PING", NULL);
    ck_assert_ptr_nonnull(reply);
    ck_assert_str_eq(reply->str, "PONG");
    freeReplyObject(reply);
    ck_assert_ptr_null(llmq_redis_link_ask(why, link, "GET", "x"));
    ck_assert_str_eq(why, "ERR");
    llmq_redis_link_close(&link);
    ck_assert_ptr_null(link);
    llmq_redis_link_close(&link);
    finish(thread);
}
END_TEST

START_TEST(a_wrong_password_is_told_by_a_word)
{
    fake_t f = {0, {"-WRONGPASS you said pass\r\n", NULL, NULL}};
    llmq_redis_why_t why;
    llmq_redis_conf_t conf;
    apr_thread_t *thread = start(&f, &conf);

    conf.password = "pass";
    ck_assert_ptr_null(llmq_redis_link_open(why, &conf));
    ck_assert_str_eq(why, "WRONGPASS");
    finish(thread);
}
END_TEST

START_TEST(nobody_there)
{
    fake_t f;
    llmq_redis_why_t why = "";
    llmq_redis_conf_t conf;

    bind_at(&f, &conf); /* and nobody listens: the port is nobody else's meanwhile */
    ck_assert_ptr_null(llmq_redis_link_open(why, &conf));
    ck_assert_str_ne(why, "");
    conf.path = "/nonexistent/redis.sock";
    ck_assert_ptr_null(llmq_redis_link_open(why, &conf));
    close(f.listener);
}
END_TEST

START_TEST(pauses_grow)
{
    apr_interval_time_t pause = llmq_redis_link_pause(0);

    ck_assert_int_eq(pause, apr_time_from_sec(1));
    pause = llmq_redis_link_pause(pause);
    ck_assert_int_eq(pause, apr_time_from_sec(2));
    pause = llmq_redis_link_pause(pause);
    ck_assert_int_eq(pause, apr_time_from_sec(4));
    pause = llmq_redis_link_pause(pause);
    ck_assert_int_eq(pause, apr_time_from_sec(5));
    ck_assert_int_eq(llmq_redis_link_pause(pause), apr_time_from_sec(5));
}
END_TEST

TCase *case_redis_link(void)
{
    TCase *tc = test_case("redis_link");

    tcase_add_test(tc, it_signs_in_and_asks);
    tcase_add_test(tc, a_wrong_password_is_told_by_a_word);
    tcase_add_test(tc, nobody_there);
    tcase_add_test(tc, pauses_grow);
    return tc;
}
