/* Administration of dead letters: list, look, send back, remove. */
#include "http/api.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "cfg/cfg.h"
#include "core/message.h"
#include "http/body.h"
#include "http/page.h"
#include "http/query.h"
#include "http/reply.h"
#include "queue/queue_job.h"
#include "store/store_dead.h"
#include "store/store_job.h"

#include <apr_hash.h>
#include <apr_strings.h>
#include <http_log.h>
#include <json-c/json.h>

APLOG_USE_MODULE(llmq);

#define PAGE         500   /* jobs of one step of a call about many */
#define MOST         10000 /* jobs of one call about many */
#define DEFAULT_RATE 100   /* a second */
#define MAX_RATE     10000

/* ---- parameters ---- */

static const char *const order_words[] = {"asc", "desc", NULL};
static const char *const kind_words[] = {"message", NULL};

/* What a call of these may say. */
typedef struct {
    llmq_dead_query_t query;
    apr_table_t *params;
    int rate;
} wish_t;

#define FILTERS "kind", "priority", "since", "error", "user_id", "conversation_id"

static const char *const list_params[] = {FILTERS, "page", "page_size", "order", NULL};
static const char *const requeue_params[] = {FILTERS, "rate", NULL};
static const char *const remove_params[] = {FILTERS, "confirm", NULL};

static apr_status_t read_filters(wish_t *wish, request_rec *r, llmq_result_t *why)
{
    llmq_dead_query_t *q = &wish->query;
    int kind = 0;
    apr_status_t rv = llmq_query_word(&kind, wish->params, "kind", kind_words, why);

    memset(q, 0, sizeof(*q));
    q->tenant = llmq_cfg_tenant(llmq_cfg_dir(r));
    q->kind = LLMQ_KIND_MESSAGE;
    q->user = apr_table_get(wish->params, "user_id");
    q->chain = apr_table_get(wish->params, "conversation_id");
    q->needle = apr_table_get(wish->params, "error");
    if (rv == APR_SUCCESS) {
        rv = llmq_query_level(&q->level, wish->params, "priority", why);
    }
    return rv == APR_SUCCESS ? llmq_query_moment(&q->since, wish->params, "since",
                                                 llmq_clock_now(), 0, why)
                             : rv;
}

static apr_status_t read_params(wish_t *wish, request_rec *r, const char *const *known,
                                llmq_result_t *why)
{
    apr_status_t rv = llmq_query_parse(&wish->params, r, why);

    return rv == APR_SUCCESS ? llmq_query_known(wish->params, known, why) : rv;
}

/* The body may say the same as the query; its members win. */
static apr_status_t add_body(wish_t *wish, request_rec *r, llmq_result_t *why)
{
    struct json_object *body;
    apr_status_t rv;

    if (!ap_request_has_body(r)) {
        return APR_SUCCESS;
    }
    if ((rv = llmq_body_json(&body, r, why)) != APR_SUCCESS) {
        return rv;
    }
    if (!json_object_is_type(body, json_type_object)) {
        return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, NULL,
                               "the body must be an object");
    }
    json_object_object_foreach(body, name, value)
    {
        if (!json_object_is_type(value, json_type_string)
            && !json_object_is_type(value, json_type_int)) {
            return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, apr_pstrdup(r->pool, name),
                                   "must be a string or a whole number");
        }
        apr_table_set(wish->params, name, json_object_get_string(value));
    }
    return llmq_query_known(wish->params, requeue_params, why);
}

static apr_status_t read_rate(wish_t *wish, llmq_result_t *why)
{
    apr_status_t rv;

    wish->rate = DEFAULT_RATE;
    rv = llmq_query_count(&wish->rate, wish->params, "rate", MAX_RATE + 1, why);
    if (rv == APR_SUCCESS && wish->rate > MAX_RATE) {
        rv = llmq_result_set(why, LLMQ_PROBLEM_REQUEST, "rate",
                             "must be from 1 to " APR_STRINGIFY(MAX_RATE));
    }
    return rv;
}

/* ---- one ---- */

static int reply_not_found(request_rec *r)
{
    llmq_result_t why;

    llmq_result_set(&why, LLMQ_PROBLEM_NO_MESSAGE, "id", "no such message");
    return llmq_reply_problem(r, &why);
}

/* The dead letter of an id; else the answer is sent and *preply says what to return. */
static llmq_job_t *find_dead(int *preply, request_rec *r, const llmq_service_t *service,
                             const char *id)
{
    llmq_job_t *job = NULL;
    llmq_result_t why;
    apr_status_t rv = APR_NOTFOUND;

    if (llmq_id_is_name(id)) {
        rv = llmq_store_job_find(&job, service->store, llmq_cfg_tenant(llmq_cfg_dir(r)),
                                 LLMQ_KIND_MESSAGE, id, r->pool);
    }
    if (rv == APR_SUCCESS && job->dead_letter) {
        return job;
    }
    if (rv == APR_SUCCESS) {
        llmq_result_set(&why, LLMQ_PROBLEM_TRANSITION, "id",
                        "this message is no dead letter");
        *preply = llmq_reply_problem(r, &why);
    }
    else {
        *preply = rv == APR_NOTFOUND ? reply_not_found(r) : llmq_reply_status(r, rv);
    }
    return NULL;
}

static int reply_no_longer(request_rec *r)
{
    llmq_result_t why;

    llmq_result_set(&why, LLMQ_PROBLEM_TRANSITION, "id",
                    "this message is no dead letter any more");
    return llmq_reply_problem(r, &why);
}

int llmq_api_dead_get(request_rec *r, const llmq_service_t *service, const char *id)
{
    int reply = OK;
    llmq_job_t *job = find_dead(&reply, r, service, id);
    llmq_text_t t;

    if (!job) {
        return reply;
    }
    llmq_text_init(&t, job->payload_len + 1024, r->pool);
    llmq_message_to_json(&t, job, NULL);
    return llmq_reply_data(r, HTTP_OK, "success", t.data);
}

int llmq_api_dead_remove(request_rec *r, const llmq_service_t *service, const char *id)
{
    int reply = OK;
    llmq_job_t *job = find_dead(&reply, r, service, id);
    apr_status_t rv;
    int n = 0;

    if (!job) {
        return reply;
    }
    rv = llmq_store_dead_remove(&n, service->store, job->tenant, &job->id, 1,
                                llmq_clock_now(), r->pool);
    if (rv != APR_SUCCESS) {
        return llmq_reply_status(r, rv);
    }
    return n ? llmq_reply_data(r, HTTP_OK, "Message deleted successfully", NULL)
             : reply_no_longer(r);
}

/* ---- sending back ---- */

/* Asks for a place of each level first: what does not fit stays dead. The places are given
 * back before the entries come, without a place of their own, so that they stand where they
 * stood in their conversations. Whoever takes such a place meanwhile makes one of them wait
 * for the next walk over the store. Returns those that got a place. */
static int admit(const llmq_service_t *service, const llmq_job_t *jobs, int n, int *full,
                 llmq_dead_return_t *returns, apr_time_t first, apr_interval_time_t step)
{
    int fit = 0;
    int i;

    for (i = 0; i < n; i++) {
        llmq_level_e l = jobs[i].level;
        apr_uint64_t tenant = llmq_queue_job_tenant(jobs[i].tenant);

        if (!full[l] && llmq_queue_admit(service->queue, tenant, l) != APR_SUCCESS) {
            full[l] = 1;
        }
        if (!full[l]) {
            returns[fit].id = jobs[i].id;
            returns[fit].run_at = first + fit * step;
            fit++;
        }
    }
    return fit;
}

static void dismiss(const llmq_service_t *service, const llmq_job_t *jobs, int n,
                    const llmq_dead_return_t *returns, int fit)
{
    int at = 0;
    int i;

    for (i = 0; i < n && at < fit; i++) {
        if (returns[at].id == jobs[i].id) {
            llmq_queue_dismiss(service->queue, llmq_queue_job_tenant(jobs[i].tenant),
                               jobs[i].level);
            at++;
        }
    }
}

static void enter(const llmq_service_t *service, const llmq_job_t *jobs, int n,
                  apr_pool_t *p)
{
    llmq_entry_t *entries = apr_palloc(p, sizeof(*entries) * (apr_size_t)(n + 1));
    int i;

    for (i = 0; i < n; i++) {
        llmq_queue_job_entry(&entries[i], &jobs[i]);
    }
    llmq_queue_put(service->queue, entries, n, 0);
}

/* Those that came back are failures no more. */
static void revive(const llmq_service_t *service, const llmq_job_t *jobs, int n,
                   const llmq_job_t *back, int n_back, apr_pool_t *p)
{
    apr_hash_t *ids = apr_hash_make(p);
    int i;

    for (i = 0; i < n_back; i++) {
        apr_hash_set(ids, back[i].id, APR_HASH_KEY_STRING, &back[i]);
    }
    for (i = 0; i < n; i++) {
        if (apr_hash_get(ids, jobs[i].id, APR_HASH_KEY_STRING)) {
            llmq_queue_job_tell(service->queue, &jobs[i],
                                jobs[i].status == LLMQ_STATUS_TIMEOUT
                                    ? LLMQ_FIGURE_REVIVED_TIMEOUT
                                    : LLMQ_FIGURE_REVIVED_FAILED);
        }
    }
}

/* Send those of a list back that fit, the i-th of them i steps after @a first. */
static apr_status_t send_back(int *pn, const llmq_service_t *service,
                              const llmq_job_t *jobs, int n, int *full, apr_time_t first,
                              apr_interval_time_t step, apr_pool_t *p)
{
    llmq_dead_return_t *returns = apr_palloc(p, sizeof(*returns) * (apr_size_t)(n + 1));
    int fit = admit(service, jobs, n, full, returns, first, step);
    apr_status_t rv = APR_SUCCESS;
    llmq_job_t *back;

    *pn = 0;
    if (fit) {
        rv = llmq_store_dead_requeue(&back, pn, service->store, jobs[0].tenant, returns,
                                     fit, llmq_clock_now(), p);
        dismiss(service, jobs, n, returns, fit);
    }
    if (rv == LLMQ_ESTORE) {
        llmq_queue_suspect(service->queue); /* they may be pending all the same */
    }
    if (rv == APR_SUCCESS && *pn) {
        revive(service, jobs, n, back, *pn, p);
        enter(service, back, *pn, p);
    }
    return rv;
}

int llmq_api_dead_requeue(request_rec *r, const llmq_service_t *service, const char *id)
{
    int full[LLMQ_LEVEL_COUNT] = {0};
    int reply = OK;
    llmq_job_t *job = find_dead(&reply, r, service, id);
    apr_status_t rv;
    llmq_text_t t;
    int n = 0;

    if (!job) {
        return reply;
    }
    rv = send_back(&n, service, job, 1, full, llmq_clock_now(), 0, r->pool);
    if (rv == APR_SUCCESS && full[job->level]) {
        rv = LLMQ_EFULL;
    }
    if (rv != APR_SUCCESS || n == 0) {
        return rv == APR_SUCCESS ? reply_no_longer(r) : llmq_reply_status(r, rv);
    }
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  LLMQ_NO(0260) "msg[%s] was a dead letter and is requeued", job->id);
    llmq_text_init(&t, 128, r->pool);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv(&t, "id", job->id);
    llmq_json_kv(&t, "status", llmq_job_status_name(LLMQ_STATUS_PENDING));
    LLMQ_TEXT_LIT(&t, "}");
    return llmq_reply_data(r, HTTP_OK, "Message requeued successfully", t.data);
}

/* ---- many ---- */

/* What a call about many has done so far. */
typedef struct {
    apr_int64_t done;
    apr_int64_t total; /* that matched when it began */
    apr_time_t last;   /* when the last one may run */
} sum_t;

static int is_full(const int *full)
{
    int l;

    LLMQ_EACH_LEVEL (l) {
        if (!full[l]) {
            return 0;
        }
    }
    return 1;
}

/* A page at a time; the one behind the other by the rate, so that the levels and the
 * backends see a stream and no flood. */
static apr_status_t requeue_all(sum_t *sum, const llmq_service_t *service,
                                const wish_t *wish, apr_pool_t *p)
{
    apr_interval_time_t step = APR_USEC_PER_SEC / wish->rate;
    apr_time_t start = llmq_clock_now();
    int full[LLMQ_LEVEL_COUNT] = {0};
    llmq_job_t *jobs = NULL;
    apr_status_t rv;
    int n = 0;

    do {
        int back = 0;

        rv = llmq_store_dead_page(&jobs, &n, service->store, &wish->query,
                                  n ? &jobs[n - 1] : NULL, PAGE, p);
        if (rv == APR_SUCCESS && n) {
            rv = send_back(&back, service, jobs, n, full, start + sum->done * step, step,
                           p);
        }
        sum->done += back;
    } while (rv == APR_SUCCESS && n == PAGE && sum->done < MOST && !is_full(full));
    sum->last = sum->done ? start + (sum->done - 1) * step : 0;
    return rv;
}

static apr_status_t remove_all(sum_t *sum, const llmq_service_t *service,
                               const wish_t *wish, apr_pool_t *p)
{
    llmq_job_t *jobs = NULL;
    apr_status_t rv;
    int n = 0;

    do {
        const char **ids = apr_palloc(p, sizeof(*ids) * PAGE);
        int gone = 0;
        int i;

        rv = llmq_store_dead_page(&jobs, &n, service->store, &wish->query,
                                  n ? &jobs[n - 1] : NULL, PAGE, p);
        for (i = 0; rv == APR_SUCCESS && i < n; i++) {
            ids[i] = jobs[i].id;
        }
        if (rv == APR_SUCCESS && n) {
            rv = llmq_store_dead_remove(&gone, service->store, wish->query.tenant, ids, n,
                                        llmq_clock_now(), p);
        }
        sum->done += gone;
    } while (rv == APR_SUCCESS && n == PAGE && sum->done < MOST);
    return rv;
}

static int reply_sum(request_rec *r, const char *done, const char *message,
                     const sum_t *sum, int rate)
{
    llmq_text_t t;

    llmq_text_init(&t, 256, r->pool);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv_int(&t, done, sum->done);
    llmq_json_kv_int(&t, "remaining",
                     sum->total > sum->done ? sum->total - sum->done : 0);
    if (rate) {
        llmq_json_kv_int(&t, "rate", rate);
    }
    if (sum->last) {
        llmq_json_kv_time(&t, "last_at", sum->last);
    }
    LLMQ_TEXT_LIT(&t, "}");
    ap_log_rerror(APLOG_MARK, APLOG_INFO, 0, r,
                  LLMQ_NO(0261) "dead letters %s: %" APR_INT64_T_FMT, done, sum->done);
    return llmq_reply_data(r, HTTP_OK, message, t.data);
}

int llmq_api_dead_requeue_all(request_rec *r, const llmq_service_t *service,
                              const char *id)
{
    llmq_result_t why = {0};
    wish_t wish;
    sum_t sum = {0};
    apr_status_t rv;

    (void)id;
    if (read_params(&wish, r, requeue_params, &why) != APR_SUCCESS
        || add_body(&wish, r, &why) != APR_SUCCESS
        || read_filters(&wish, r, &why) != APR_SUCCESS
        || read_rate(&wish, &why) != APR_SUCCESS) {
        return llmq_reply_problem(r, &why);
    }
    rv = llmq_store_dead_count(&sum.total, service->store, &wish.query, r->pool);
    if (rv == APR_SUCCESS) {
        rv = requeue_all(&sum, service, &wish, r->pool);
    }
    if (rv != APR_SUCCESS) {
        return llmq_reply_status(r, rv);
    }
    return reply_sum(r, "requeued", "Messages requeued successfully", &sum, wish.rate);
}

int llmq_api_dead_remove_all(request_rec *r, const llmq_service_t *service,
                             const char *id)
{
    llmq_result_t why = {0};
    const char *confirm;
    wish_t wish;
    sum_t sum = {0};
    apr_status_t rv;

    (void)id;
    if (read_params(&wish, r, remove_params, &why) != APR_SUCCESS
        || read_filters(&wish, r, &why) != APR_SUCCESS) {
        return llmq_reply_problem(r, &why);
    }
    confirm = apr_table_get(wish.params, "confirm");
    if (!confirm || strcmp(confirm, "all") != 0) {
        llmq_result_set(&why, LLMQ_PROBLEM_REQUEST, "confirm",
                        "confirm=all removes all that match");
        return llmq_reply_problem(r, &why);
    }
    rv = llmq_store_dead_count(&sum.total, service->store, &wish.query, r->pool);
    if (rv == APR_SUCCESS) {
        rv = remove_all(&sum, service, &wish, r->pool);
    }
    if (rv != APR_SUCCESS) {
        return llmq_reply_status(r, rv);
    }
    return reply_sum(r, "deleted", "Messages deleted successfully", &sum, 0);
}

/* ---- the list ---- */

int llmq_api_dead_list(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_result_t why = {0};
    apr_int64_t total = 0;
    llmq_job_t *jobs;
    llmq_text_t t;
    wish_t wish;
    apr_status_t rv;
    int order = 1;
    int n = 0;

    (void)id;
    if (read_params(&wish, r, list_params, &why) != APR_SUCCESS
        || read_filters(&wish, r, &why) != APR_SUCCESS
        || llmq_page_read(&wish.query.page, &wish.query.page_size, wish.params, &why)
               != APR_SUCCESS
        || llmq_query_word(&order, wish.params, "order", order_words, &why)
               != APR_SUCCESS) {
        return llmq_reply_problem(r, &why);
    }
    wish.query.descending = order;
    rv = llmq_store_dead_list(&jobs, &n, &total, service->store, &wish.query, r->pool);
    if (rv != APR_SUCCESS) {
        return llmq_reply_status(r, rv);
    }
    llmq_text_init(&t, 4096, r->pool);
    llmq_page_messages(&t, "items", jobs, n);
    llmq_page_end(&t, wish.query.page, wish.query.page_size, total);
    return llmq_reply_data(r, HTTP_OK, "success", t.data);
}
