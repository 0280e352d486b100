/* llmqctl usage: what was used, for bills. Of all tenants unless one is named. */
#include "base/json.h"
#include "store/store_usage.h"
#include "tools/ctl_args.h"
#include "tools/ctl_store.h"

#include <apr_strings.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define USUAL      100 /* lines */
#define MOST       100000
#define USUAL_DAYS 30

/* ---- options ---- */

static int is_digits(const char *s, int n)
{
    int i;

    for (i = 0; i < n; i++) {
        if (s[i] < '0' || s[i] > '9') {
            return 0;
        }
    }
    return 1;
}

/* A day that is none, such as the 31st of June, does not come out as it went in. */
static int is_day(int *pday, const char *text)
{
    char again[LLMQ_USAGE_DAY_SIZE];
    apr_time_exp_t t;
    apr_time_t when = 0;

    memset(&t, 0, sizeof(t));
    if (strlen(text) != 10 || !is_digits(text, 4) || text[4] != '-'
        || !is_digits(text + 5, 2) || text[7] != '-' || !is_digits(text + 8, 2)) {
        return 0;
    }
    t.tm_year = (int)strtol(text, NULL, 10) - 1900;
    t.tm_mon = (int)strtol(text + 5, NULL, 10) - 1;
    t.tm_mday = (int)strtol(text + 8, NULL, 10);
    if (t.tm_year < 70 || t.tm_mon < 0 || t.tm_mon > 11
        || apr_time_exp_gmt_get(&when, &t) != APR_SUCCESS) {
        return 0;
    }
    *pday = (int)(when / LLMQ_USAGE_DAY);
    llmq_usage_day(again, *pday);
    return strcmp(again, text) == 0;
}

static int read_day(int *pday, const llmq_ctl_t *ctl, llmq_ctl_option_e option,
                    const char *name)
{
    const char *text = ctl->options[option];

    return !text || is_day(pday, text)
               ? LLMQ_CTL_OK
               : llmq_ctl_args_complain(LLMQ_CTL_USAGE,
                                        "--%s must be a day such as 2026-11-21", name);
}

static int read_limit(int *plimit, const llmq_ctl_t *ctl)
{
    const char *text = ctl->options[LLMQ_CTL_LIMIT];
    char *end = NULL;
    long n = text ? strtol(text, &end, 10) : USUAL;

    if (text && (end == text || *end || n < 1 || n > MOST)) {
        return llmq_ctl_args_complain(LLMQ_CTL_USAGE, "--limit must be 1 to %d", MOST);
    }
    *plimit = (int)n;
    return LLMQ_CTL_OK;
}

static int read_query(llmq_usage_query_t *q, const llmq_ctl_t *ctl)
{
    int today = (int)(apr_time_now() / LLMQ_USAGE_DAY);
    int code;

    memset(q, 0, sizeof(*q));
    q->tenant = ctl->options[LLMQ_CTL_TENANT];
    q->caller = ctl->options[LLMQ_CTL_KEY];
    q->api_key = ctl->options[LLMQ_CTL_API_KEY];
    q->model = ctl->options[LLMQ_CTL_MODEL];
    q->since = today - USUAL_DAYS;
    q->until = today;
    q->page = 1;
    code = read_day(&q->since, ctl, LLMQ_CTL_SINCE, "since");
    code = code ? code : read_day(&q->until, ctl, LLMQ_CTL_UNTIL, "until");
    return code ? code : read_limit(&q->page_size, ctl);
}

/* ---- output ---- */

/* What has come in. */
typedef struct {
    llmq_usage_t *list;
    int n;
    llmq_usage_sum_t sum;
    apr_int64_t total;
} found_t;

static void show_json(const found_t *f, apr_pool_t *p)
{
    llmq_text_t t;
    int i;

    llmq_text_init(&t, 4096, p);
    LLMQ_TEXT_LIT(&t, "{\"total\":");
    llmq_usage_write_sum(&t, &f->sum);
    llmq_json_kv_int(&t, "rows", f->total);
    LLMQ_TEXT_LIT(&t, ",\"items\":[");
    for (i = 0; i < f->n; i++) {
        llmq_text_puts(&t, i ? "," : "");
        llmq_usage_write(&t, &f->list[i], 1);
    }
    LLMQ_TEXT_LIT(&t, "]}");
    puts(t.data);
}

#define NAMES   "%-10s  %-12s  %-20s  %-30s  %-24s"
#define NUMBERS "  %10s  %14s  %14s  %12s\n"

static void show_line(const char *const names[5], const llmq_usage_sum_t *sum,
                      apr_pool_t *p)
{
    printf(NAMES NUMBERS, names[0], names[1], names[2], names[3], names[4],
           apr_psprintf(p, "%" APR_INT64_T_FMT, sum->requests),
           apr_psprintf(p, "%" APR_INT64_T_FMT, sum->prompt_tokens),
           apr_psprintf(p, "%" APR_INT64_T_FMT, sum->completion_tokens),
           apr_psprintf(p, "%.6f", (double)sum->cost / 1e6));
}

static void show(const found_t *f, apr_pool_t *p)
{
    static const char *const all[] = {"TOTAL", "", "", "", ""};
    char day[LLMQ_USAGE_DAY_SIZE];
    int i;

    printf(NAMES NUMBERS, "DAY", "TENANT", "KEY", "API KEY", "MODEL", "REQUESTS",
           "PROMPT TOKENS", "ANSWER TOKENS", "COST");
    for (i = 0; i < f->n; i++) {
        const llmq_usage_t *u = &f->list[i];
        const char *const names[] = {day, u->tenant, *u->caller ? u->caller : "-",
                                     *u->api_key ? u->api_key : "-", u->model};

        llmq_usage_day(day, u->day);
        show_line(names, &u->sum, p);
    }
    show_line(all, &f->sum, p);
    if (f->n < f->total) {
        printf("%d of %" APR_INT64_T_FMT " lines; the total is of all\n", f->n, f->total);
    }
}

int llmq_ctl_usage_run(llmq_ctl_t *ctl)
{
    llmq_usage_query_t query;
    llmq_ctl_store_t db;
    found_t found = {0};
    apr_status_t rv;
    int code = read_query(&query, ctl);

    if (code || (code = llmq_ctl_store_open(&db, ctl))) {
        return code;
    }
    rv = llmq_store_usage_total(&found.sum, &found.total, db.store, &query, ctl->pool);
    if (rv == APR_SUCCESS) {
        rv = llmq_store_usage_list(&found.list, &found.n, db.store, &query, ctl->pool);
    }
    if (rv != APR_SUCCESS) {
        return llmq_ctl_store_failed(rv);
    }
    if (ctl->options[LLMQ_CTL_JSON]) {
        show_json(&found, ctl->pool);
    }
    else {
        show(&found, ctl->pool);
    }
    return LLMQ_CTL_OK;
}
