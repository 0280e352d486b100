#include "support.h"

#include "support_http.h"

#include "backend/backend_watch.h"

#include <apr_strings.h>

#include <pthread.h>

#define LONG 3600000 /* ms; what is not heard runs into the case's time-out */

static CURLM *multi;
static llmq_backend_watch_t watch;

static void open_watch(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    multi = curl_multi_init();
    ck_assert_int_eq(llmq_backend_watch_open(&watch, multi), APR_SUCCESS);
}

static void close_watch(void)
{
    curl_multi_cleanup(multi);
    llmq_backend_watch_close(&watch);
}

static void *ring(void *data)
{
    llmq_backend_watch_ring(data);
    return NULL;
}

START_TEST(watch_hears_a_bell_that_was_rung_before_and_meanwhile)
{
    pthread_t other;

    open_watch();
    llmq_backend_watch_ring(&watch);
    llmq_backend_watch_ring(&watch);
    ck_assert_int_eq(llmq_backend_watch_wait(&watch, LONG), CURLM_OK);
    ck_assert_int_eq(llmq_backend_watch_wait(&watch, 0), CURLM_OK); /* silent again */
    pthread_create(&other, NULL, ring, &watch);
    ck_assert_int_eq(llmq_backend_watch_wait(&watch, LONG), CURLM_OK);
    pthread_join(other, NULL);
    close_watch();
}
END_TEST

static size_t swallow(char *data, size_t size, size_t n, void *ctx)
{
    (void)data;
    *(size_t *)ctx += size * n;
    return size * n;
}

static CURL *ask(const http_server_t *server, const char *path, size_t *pgot)
{
    CURL *easy = curl_easy_init();

    curl_easy_setopt(
        easy, CURLOPT_URL,
        apr_psprintf(test_pool, "http://127.0.0.1:%d%s", http_server_port(server), path));
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, swallow);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, pgot);
    curl_multi_add_handle(multi, easy);
    return easy;
}

static int reap(void)
{
    CURLMsg *message;
    int left;
    int n = 0;

    while ((message = curl_multi_info_read(multi, &left)))
        n += message->msg == CURLMSG_DONE && message->data.result == CURLE_OK;
    return n;
}

START_TEST(watch_brings_transfers_to_their_end_again_and_again)
{
    http_server_t *server;
    size_t got[2] = {0, 0};
    CURL *easy[2];
    int ended;
    int round;

    open_watch();
    server = http_server_start(test_pool);
    for (round = 0; round < 3; round++) {
        easy[0] = ask(server, "/echo/v1", &got[0]);
        easy[1] = ask(server, "/echo/v1", &got[1]);
        for (ended = 0; ended < 2; ended += reap()) {
            ck_assert_int_eq(llmq_backend_watch_tick(&watch), CURLM_OK);
            ended += reap(); /* a tick may have ended the last one */
            if (ended < 2)
                ck_assert_int_eq(llmq_backend_watch_wait(&watch, LONG), CURLM_OK);
        }
        curl_multi_remove_handle(multi, easy[0]);
        curl_multi_remove_handle(multi, easy[1]);
        curl_easy_cleanup(easy[0]);
        curl_easy_cleanup(easy[1]);
    }
    ck_assert_uint_gt(got[0], 0);
    ck_assert_uint_eq(got[0], got[1]);
    close_watch();
    http_server_stop(server);
}
END_TEST

TCase *case_backend_watch(void)
{
    TCase *tc = test_case("backend_watch");

    tcase_add_test(tc, watch_hears_a_bell_that_was_rung_before_and_meanwhile);
    tcase_add_test(tc, watch_brings_transfers_to_their_end_again_and_again);
    return tc;
}
