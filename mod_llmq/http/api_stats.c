/* S0 4.2: statistics of the queues over the last hour, day or week. All figures are of the
 * messages that were accepted in that time, whatever became of them until now. */
#include "http/api.h"

#include "base/clock.h"
#include "cfg/cfg.h"
#include "core/priority.h"
#include "http/query.h"
#include "http/reply.h"
#include "queue/queue_job.h"
#include "store/store_stat.h"

#include <string.h>

#define MAX_TRIES 5

/* What was asked for. */
typedef struct {
    int range;          /* index into the tables below */
    llmq_level_e level; /* LLMQ_LEVEL_NONE: all */
    apr_int64_t since;  /* first second */
    apr_uint64_t tenant;
} question_t;

static const char *const range_words[] = {"1h", "6h", "24h", "7d", NULL};
static const int range_seconds[] = {3600, 6 * 3600, 24 * 3600, 7 * 24 * 3600};
static const int range_resolution[] = {LLMQ_STAT_MINUTE, LLMQ_STAT_MINUTE, LLMQ_STAT_TEN,
                                       LLMQ_STAT_TEN};

_Static_assert(sizeof(range_seconds) == sizeof(range_resolution),
               "a number of seconds and a resolution for each range");

static apr_status_t read_question(question_t *q, request_rec *r, llmq_result_t *why)
{
    const char *name;
    apr_table_t *query;
    apr_status_t rv;

    memset(q, 0, sizeof(*q));
    q->tenant = llmq_queue_job_tenant(llmq_cfg_tenant(llmq_cfg_dir(r)));
    if ((rv = llmq_query_parse(&query, r, why)) != APR_SUCCESS
        || (rv = llmq_query_word(&q->range, query, "time_range", range_words, why))
               != APR_SUCCESS) {
        return rv;
    }
    name = apr_table_get(query, "queue_name");
    if (name && llmq_priority_parse_queue(&q->level, name) != APR_SUCCESS) {
        return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, "queue_name",
                               "must be realtime, high, normal or low, or one of them "
                               "with _priority");
    }
    q->since = apr_time_sec(llmq_clock_now()) - range_seconds[q->range];
    q->since -= q->since % range_resolution[q->range];
    return APR_SUCCESS;
}

/* ---- stored, and not stored yet ---- */

static void add_cells(llmq_stat_t *stats, const llmq_queue_cell_t *cells)
{
    int l;

    LLMQ_EACH_LEVEL (l) {
        stats[l].accepted += cells[l].count[LLMQ_CELL_ACCEPTED];
        stats[l].completed += cells[l].count[LLMQ_CELL_COMPLETED];
        stats[l].failed += cells[l].count[LLMQ_CELL_FAILED];
        stats[l].timeouts += cells[l].count[LLMQ_CELL_TIMEOUT];
        stats[l].removed += cells[l].count[LLMQ_CELL_REMOVED];
        llmq_histogram_merge(&stats[l].waits, &cells[l].waits);
        llmq_histogram_merge(&stats[l].runs, &cells[l].runs);
    }
}

/* The store says up to which batch its sums go. When a batch was begun and stored between
 * the two looks, some of what the first saw may be in the sums as well: look again. */
static apr_status_t gather(llmq_stat_t *stats, const question_t *q,
                           const llmq_service_t *service, apr_pool_t *p)
{
    llmq_queue_unstored_t *unstored = apr_palloc(p, sizeof(*unstored));
    apr_int64_t batch = 0;
    apr_status_t rv;
    int tries = 0;

    do {
        rv = llmq_queue_figures_unstored(unstored, service->queue, q->tenant,
                                         q->since / 60);
        if (rv == APR_SUCCESS) {
            rv = llmq_store_stat_sum(stats, &batch, service->store, q->tenant,
                                     range_resolution[q->range], q->since, p);
        }
        if (rv != APR_SUCCESS) {
            return rv;
        }
    } while (batch > unstored->batch && ++tries < MAX_TRIES);
    add_cells(stats, unstored->open);
    if (batch < unstored->batch) {
        add_cells(stats, unstored->sending);
    }
    return APR_SUCCESS;
}

/* ---- figures ---- */

static apr_int64_t failures(const llmq_stat_t *s)
{
    return s->failed + s->timeouts;
}

/* Not below zero: a child that died may have left messages that were never counted as
 * accepted, and their ends are counted. */
static apr_int64_t pending(const llmq_stat_t *s)
{
    apr_int64_t n = s->accepted - s->completed - failures(s) - s->removed;

    return n > 0 ? n : 0;
}

static apr_int64_t total(const llmq_stat_t *s)
{
    return s->completed + failures(s) + pending(s);
}

static double share(apr_int64_t part, apr_int64_t whole)
{
    return whole > 0 ? (double)part / (double)whole : 0.0;
}

static double utilization(const llmq_queue_stats_t *s)
{
    return share((apr_int64_t)s->ready + s->blocked + s->delayed, s->max_size);
}

static void add_stats(llmq_text_t *t, const llmq_stat_t *s, const question_t *q,
                      const llmq_queue_stats_t *now)
{
    llmq_json_key(t, "stats");
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv_int(t, "total_messages", total(s));
    llmq_json_kv_int(t, "processed_messages", s->completed);
    llmq_json_kv_int(t, "failed_messages", failures(s));
    llmq_json_kv_int(t, "timeout_messages", s->timeouts);
    llmq_json_kv_int(t, "pending_messages", pending(s));
    llmq_json_kv_duration(t, "avg_processing_time", llmq_histogram_mean(&s->runs));
    llmq_json_kv_duration(t, "max_processing_time", s->runs.max);
    llmq_json_kv_duration(t, "min_processing_time", s->runs.min);
    llmq_json_kv_duration(t, "p50_processing_time",
                          llmq_histogram_quantile(&s->runs, 0.5));
    llmq_json_kv_duration(t, "p95_processing_time",
                          llmq_histogram_quantile(&s->runs, 0.95));
    llmq_json_kv_duration(t, "p99_processing_time",
                          llmq_histogram_quantile(&s->runs, 0.99));
    llmq_json_kv_double(t, "throughput_per_minute",
                        (double)total(s) * 60 / range_seconds[q->range]);
    llmq_json_kv_double(t, "error_rate", share(failures(s), s->completed + failures(s)));
    llmq_json_kv_double(t, "queue_utilization", utilization(now));
    LLMQ_TEXT_LIT(t, "}");
}

static void add_level(llmq_text_t *t, llmq_level_e level, const llmq_stat_t *s,
                      apr_int64_t all)
{
    llmq_json_key(t, llmq_priority_name(level));
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv_int(t, "count", total(s));
    llmq_json_kv_double(t, "percentage", 100 * share(total(s), all));
    llmq_json_kv_duration(t, "avg_wait_time", llmq_histogram_mean(&s->waits));
    llmq_json_kv_duration(t, "max_wait_time", s->waits.max);
    llmq_json_kv_duration(t, "p95_wait_time", llmq_histogram_quantile(&s->waits, 0.95));
    LLMQ_TEXT_LIT(t, "}");
}

static void add_breakdown(llmq_text_t *t, const llmq_stat_t *stats)
{
    apr_int64_t all = 0;
    int l;

    LLMQ_EACH_LEVEL (l) {
        all += total(&stats[l]);
    }
    llmq_json_key(t, "priority_breakdown");
    LLMQ_TEXT_LIT(t, "{");
    LLMQ_EACH_LEVEL (l) {
        add_level(t, (llmq_level_e)l, &stats[l], all);
    }
    LLMQ_TEXT_LIT(t, "}");
}

int llmq_api_stats_get(request_rec *r, const llmq_service_t *service, const char *id)
{
    llmq_stat_t *stats = apr_palloc(r->pool, sizeof(*stats) * LLMQ_LEVEL_COUNT);
    llmq_queue_stats_t now[LLMQ_LEVEL_COUNT];
    llmq_result_t why = {0};
    question_t q;
    llmq_text_t t;
    apr_status_t rv;
    int l;

    (void)id;
    if (read_question(&q, r, &why) != APR_SUCCESS) {
        return llmq_reply_problem(r, &why);
    }
    if ((rv = gather(stats, &q, service, r->pool)) != APR_SUCCESS
        || (rv = llmq_queue_tenant_stats(now, service->queue, q.tenant)) != APR_SUCCESS) {
        return llmq_reply_status(r, rv);
    }
    LLMQ_EACH_LEVEL (l) {
        llmq_store_stat_add(&stats[0], &stats[l]);
    }
    llmq_text_init(&t, 2048, r->pool);
    LLMQ_TEXT_LIT(&t, "{");
    llmq_json_kv(&t, "time_range", range_words[q.range]);
    if (q.level != LLMQ_LEVEL_NONE) {
        llmq_json_kv(&t, "queue_name", llmq_priority_name(q.level));
    }
    add_stats(&t, &stats[q.level], &q, &now[q.level]);
    add_breakdown(&t, stats);
    LLMQ_TEXT_LIT(&t, "}");
    return llmq_reply_data(r, HTTP_OK, "success", t.data);
}
