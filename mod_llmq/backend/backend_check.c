#include "backend/backend_check.h"

#include "backend/backend_transfer.h"
#include "base/clock.h"
#include "llmq.h"

#include <curl/curl.h>

#define LIMIT_DEFAULT apr_time_from_sec(5)

/* CONNECT_ONLY ends after the connection (and TLS) stands. The rest is as for calls: no
 * proxies, no signals, so that it may run in any thread. */
static int set_up(CURL *easy, const llmq_backend_conf_t *conf)
{
    apr_interval_time_t limit =
        conf->connect_timeout > 0 ? conf->connect_timeout : LIMIT_DEFAULT;
    long msec = (long)((limit + 999) / 1000);
    int bad = curl_easy_setopt(easy, CURLOPT_URL, conf->url) != CURLE_OK;

    bad |= curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_PROXY, "") != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, msec) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, msec) != CURLE_OK;
#if LIBCURL_VERSION_NUM >= 0x075700
    bad |= curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) != CURLE_OK;
#endif
    return !bad;
}

apr_status_t llmq_backend_check(apr_interval_time_t *ptook, const char **preason,
                                const llmq_backend_conf_t *conf)
{
    apr_interval_time_t began = llmq_clock_steady();
    CURLcode code;
    CURL *easy;

    if (conf->kind == LLMQ_BACKEND_ECHO) {
        *ptook = 0;
        return APR_SUCCESS;
    }
    easy = curl_easy_init();
    if (!easy || !set_up(easy, conf)) {
        curl_easy_cleanup(easy);
        return APR_ENOMEM;
    }
    code = curl_easy_perform(easy);
    curl_easy_cleanup(easy);
    if (code != CURLE_OK) {
        *preason = llmq_backend_trouble_sentence(llmq_backend_trouble_of(code));
        return LLMQ_EBACKEND;
    }
    *ptook = llmq_clock_steady() - began;
    return APR_SUCCESS;
}
