#include "core/callback.h"

#include "base/json.h"

#include <apr_lib.h>
#include <apr_strings.h>
#include <apr_uri.h>

#include <string.h>

static const char absolute[] = "an absolute http or https URL";
static const char too_long[] = "at most 2048 bytes long";
static const char odd_bytes[] = "of visible ASCII characters, others percent-encoded";
static const char no_user[] = "a URL without a user name or password";
static const char no_fragment[] = "a URL without a fragment";
static const char bad_host[] = "a URL with a proper host and port";

/* Quotes, backslashes and the like are legal nowhere in a URL, and some readers of URLs
 * take them for something else. */
static int is_plain(const char *text)
{
    for (; *text; text++) {
        if (!apr_isgraph(*text) || (unsigned char)*text >= 0x7f
            || strchr("\\\"<>^`{|}", *text)) {
            return 0;
        }
    }
    return 1;
}

static int is_name(const char *host)
{
    return *host && host[strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-_")] == '\0'
           && host[0] != '.' && !strstr(host, "..");
}

static int is_v6(const char *host)
{
    size_t len = strlen(host);

    return len >= 4 && host[0] == '[' && host[len - 1] == ']'
           && strspn(host + 1, "0123456789abcdef:.") == len - 2;
}

static char *lower(const char *text, apr_pool_t *p)
{
    char *copy = apr_pstrdup(p, text ? text : "");
    char *at;

    for (at = copy; *at; at++) {
        *at = (char)apr_tolower(*at);
    }
    return copy;
}

/* apr_uri takes what stands between brackets without them. */
static const char *host_of(const apr_uri_t *uri, apr_pool_t *p)
{
    const char *host = lower(uri->hostname, p);

    return strchr(host, ':') ? apr_pstrcat(p, "[", host, "]", NULL) : host;
}

static int is_port(const apr_uri_t *uri)
{
    return !uri->port_str
           || (*uri->port_str && uri->port > 0 && strlen(uri->port_str) <= 5
               && apr_strtoi64(uri->port_str, NULL, 10) <= 65535);
}

static const char *judge(const apr_uri_t *uri, const char *scheme, const char *host,
                         apr_pool_t *p)
{
    const char *whole;

    if ((strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0) || !uri->hostname) {
        return absolute;
    }
    if (uri->user || uri->password || (uri->hostinfo && strchr(uri->hostinfo, '@'))) {
        return no_user;
    }
    if (uri->fragment) {
        return no_fragment;
    }
    /* apr_uri passes over what stands between a bracket and the port. */
    whole = apr_pstrcat(p, host, uri->port_str ? ":" : "", uri->port_str, NULL);
    return (is_name(host) || is_v6(host)) && is_port(uri) && uri->hostinfo
                   && strcasecmp(whole, uri->hostinfo) == 0
               ? NULL
               : bad_host;
}

apr_status_t llmq_callback_parse(const char **purl, const char **pwhy, const char *text,
                                 apr_pool_t *p)
{
    apr_uri_t uri;
    const char *scheme, *host;

    *pwhy = strlen(text) > LLMQ_CALLBACK_MAX ? too_long
            : !*text                         ? absolute
            : !is_plain(text)                ? odd_bytes
                                             : NULL;
    if (*pwhy) {
        return APR_EINVAL;
    }
    if (apr_uri_parse(p, text, &uri) != APR_SUCCESS) {
        *pwhy = absolute;
        return APR_EINVAL;
    }
    scheme = lower(uri.scheme, p);
    host = host_of(&uri, p);
    *pwhy = judge(&uri, scheme, host, p);
    if (*pwhy) {
        return APR_EINVAL;
    }
    *purl = apr_pstrcat(p, scheme, "://", host, uri.port_str ? ":" : "",
                        uri.port_str ? uri.port_str : "",
                        uri.path && *uri.path ? uri.path : "/", uri.query ? "?" : "",
                        uri.query ? uri.query : "", NULL);
    return APR_SUCCESS;
}

const char *llmq_callback_host(const char *url, apr_pool_t *p)
{
    const char *start = strstr(url, "://");

    start = start ? start + 3 : url;
    if (*start == '[') {
        return apr_pstrmemdup(p, start + 1, strcspn(start + 1, "]"));
    }
    return apr_pstrmemdup(p, start, strcspn(start, ":/?"));
}

static int is_among(const char *url, const char *const *urls, int n)
{
    int i;

    for (i = 0; url && i < n; i++) {
        if (strcmp(url, urls[i]) == 0) {
            return 1;
        }
    }
    return 0;
}

const char *llmq_callback_list(const char *own, const char *const *common, int n,
                               apr_pool_t *p)
{
    const char **all = apr_palloc(p, sizeof(*all) * ((apr_size_t)n + 1));
    llmq_text_t t;
    int count = 0;
    int i;

    for (i = 0; i < n; i++) {
        if (!is_among(common[i], all, count)) {
            all[count++] = common[i];
        }
    }
    if (own && !is_among(own, all, count)) {
        all[count++] = own;
    }
    if (count == 0) {
        return NULL;
    }
    llmq_text_init(&t, 256, p);
    llmq_json_strings(&t, all, count);
    return t.data;
}
