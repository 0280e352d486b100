#include "backend/backend_handle.h"

static int set_protocols(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075500
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK;
#else
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS,
                            (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS))
           == CURLE_OK;
#endif
}

/* curl keeps each line, and bounds those before the body only. */
static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
    apr_size_t *bytes = ctx;

    (void)line;
    *bytes += size * n;
    return *bytes <= LLMQ_BACKEND_HANDLE_HEADERS ? size * n : 0;
}

int llmq_backend_handle_bound(CURL *easy, apr_size_t *bytes)
{
    *bytes = 0;
    return curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK
           && curl_easy_setopt(easy, CURLOPT_HEADERDATA, bytes) == CURLE_OK;
}

int llmq_backend_handle_set(CURL *easy, const llmq_backend_conf_t *conf)
{
    int bad = !set_protocols(easy);

    bad |= curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_PROXY, "") != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L) != CURLE_OK;
    bad |= curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1)
           != CURLE_OK;
    if (conf->connect_timeout > 0) {
        long msec = (long)((conf->connect_timeout + 999) / 1000);

        bad |= curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, msec) != CURLE_OK;
    }
#if LIBCURL_VERSION_NUM >= 0x075700
    bad |= curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L) != CURLE_OK;
#endif
    return !bad;
}
