#include "dispatch/courier_hosts.h"

#include <apr_hash.h>

#include <apr_strings.h>

#include <string.h>

/* A host that has failed and is not asked for any more is remembered for this long. */
#define MEMORY apr_time_from_sec(600)

typedef struct host_t {
    int running;
    int failures; /* in a row */
    apr_time_t not_before;
    const char *name;
    apr_pool_t *pool; /* its own: hosts come and go */
} host_t;

struct llmq_courier_hosts_t {
    apr_pool_t *pool;
    apr_hash_t *by_name;
    int per_host;
    llmq_retry_conf_t pauses;
};

llmq_courier_hosts_t *
llmq_courier_hosts_create(int per_host, const llmq_retry_conf_t *pauses, apr_pool_t *p)
{
    llmq_courier_hosts_t *hosts = apr_pcalloc(p, sizeof(*hosts));

    hosts->pool = p;
    hosts->by_name = apr_hash_make(p);
    hosts->per_host = per_host;
    hosts->pauses = *pauses;
    return hosts;
}

static host_t *find(llmq_courier_hosts_t *hosts, const char *name)
{
    return apr_hash_get(hosts->by_name, name, APR_HASH_KEY_STRING);
}

static host_t *add(llmq_courier_hosts_t *hosts, const char *name)
{
    apr_pool_t *p;
    host_t *host;

    if (apr_pool_create(&p, hosts->pool) != APR_SUCCESS) {
        return NULL;
    }
    host = apr_pcalloc(p, sizeof(*host));
    host->name = apr_pstrdup(p, name);
    host->pool = p;
    apr_hash_set(hosts->by_name, host->name, APR_HASH_KEY_STRING, host);
    return host;
}

static void drop(llmq_courier_hosts_t *hosts, host_t *host)
{
    apr_hash_set(hosts->by_name, host->name, APR_HASH_KEY_STRING, NULL);
    apr_pool_destroy(host->pool);
}

/* A host that failed last time gets one call to show that it is well again. */
static int has_room(const llmq_courier_hosts_t *hosts, const host_t *host, apr_time_t now)
{
    return now >= host->not_before
           && host->running < (host->failures ? 1 : hosts->per_host);
}

int llmq_courier_hosts_begin(llmq_courier_hosts_t *hosts, const char *host,
                             apr_time_t now)
{
    host_t *h = find(hosts, host);

    if (!h) {
        h = add(hosts, host);
    }
    if (!h || !has_room(hosts, h, now)) {
        return 0;
    }
    h->running++;
    return 1;
}

/* Does it tell that the host is not well? An answer of 4xx is one. */
static int is_illness(const llmq_failure_t *failure)
{
    return !failure->ours
           && (failure->kind != LLMQ_FAILURE_STATUS || failure->http_status >= 500
               || failure->http_status == 429);
}

static apr_interval_time_t pause_after(const llmq_retry_conf_t *pauses, int failures)
{
    apr_interval_time_t pause = pauses->base;

    while (--failures > 0 && pause < pauses->max) {
        pause *= 2;
    }
    return pause < pauses->max ? pause : pauses->max;
}

void llmq_courier_hosts_end(llmq_courier_hosts_t *hosts, const char *host,
                            const llmq_failure_t *failure, apr_time_t now)
{
    host_t *h = find(hosts, host);

    if (!h) {
        return;
    }
    h->running--;
    if (!failure) {
        h->failures = 0;
        h->not_before = 0;
    }
    else if (is_illness(failure)) {
        h->failures++;
        h->not_before = now + pause_after(&hosts->pauses, h->failures);
    }
}

static int is_worth_nothing(const host_t *host, apr_time_t now)
{
    return host->running == 0
           && (host->failures == 0 || now >= host->not_before + MEMORY);
}

const char *const *llmq_courier_hosts_busy(int *pn, llmq_courier_hosts_t *hosts,
                                           apr_time_t now, apr_pool_t *p)
{
    const char **names =
        apr_palloc(p, sizeof(*names) * (apr_hash_count(hosts->by_name) + 1));
    apr_hash_index_t *hi;
    int n = 0;

    /* Deleting the present one is what apr_hash allows while walking. */
    for (hi = apr_hash_first(p, hosts->by_name); hi; hi = apr_hash_next(hi)) {
        host_t *host = apr_hash_this_val(hi);

        if (is_worth_nothing(host, now)) {
            drop(hosts, host);
        }
        else if (!has_room(hosts, host, now)) {
            names[n++] = host->name;
        }
    }
    *pn = n;
    return names;
}
