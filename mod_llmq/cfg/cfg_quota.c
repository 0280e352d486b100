/* Directives of what keys may use: LLMQLimit, LLMQBudget, and the size of their table. */
#include "cfg/cfg_set.h"

#include "base/id.h"
#include "base/log.h"
#include "cfg/cfg_parse.h"

#include <ap_expr.h>
#include <apr_strings.h>
#include <http_log.h>

#include <stdlib.h>
#include <string.h>

extern module AP_MODULE_DECLARE_DATA llmq_module;
APLOG_USE_MODULE(llmq);

#define MOST_UNITS APR_INT64_C(1000000000000)
#define MOST_MONEY 1e9
#define MICRO      1e6

static const struct {
    const char *unit;
    apr_int64_t seconds; /* 0: a month */
} windows[] = {
    {"second", 1}, {"minute", 60}, {"hour", 3600}, {"day", 86400}, {"month", 0}};

#define WINDOWS (int)(sizeof(windows) / sizeof(windows[0]))

const char *llmq_cfg_quota_set_keys(cmd_parms *cmd, void *dir, const char *arg)
{
    apr_int64_t n = 0;
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dir;
    if (!err && !(err = llmq_cfg_parse_number(&n, cmd, arg, 64, 4 * 1024 * 1024))) {
        llmq_cfg_parse_server(cmd)->quota_keys = (int)n;
    }
    return err;
}

/* ---- AMOUNT/window ---- */

static const char *parse_window(llmq_ledger_conf_t *rule, cmd_parms *cmd, const char *arg,
                                const char *word)
{
    int i;

    for (i = 0; i < WINDOWS; i++) {
        if (strcmp(word, windows[i].unit) == 0) {
            rule->period = apr_time_from_sec(windows[i].seconds);
            return NULL;
        }
    }
    return llmq_cfg_parse_complain(
        cmd, arg, "must be per second, minute, hour, day or month, such as 100/minute");
}

static const char *parse_units(llmq_cfg_quota_t *q, cmd_parms *cmd, const char *arg)
{
    const char *slash = strchr(arg, '/');
    const char *count =
        slash ? apr_pstrmemdup(cmd->temp_pool, arg, (apr_size_t)(slash - arg)) : arg;
    apr_int64_t most = q->what == LLMQ_QUOTA_CONCURRENCY ? APR_INT32_MAX : MOST_UNITS;
    const char *err = llmq_cfg_parse_number(&q->rule.limit, cmd, count, 1, most);

    if (err || (q->what == LLMQ_QUOTA_CONCURRENCY && !slash)) {
        return err;
    }
    if (q->what == LLMQ_QUOTA_CONCURRENCY) {
        return llmq_cfg_parse_complain(cmd, arg, "has no window: it is how many at once");
    }
    q->rule.carry = 1;
    return parse_window(&q->rule, cmd, arg, slash ? slash + 1 : "");
}

static const char *parse_money(llmq_cfg_quota_t *q, cmd_parms *cmd, const char *arg)
{
    char *end = NULL;
    double amount = strtod(arg, &end);

    if (end == arg || !(amount >= 1 / MICRO && amount <= MOST_MONEY)) {
        return llmq_cfg_parse_complain(cmd, arg, "must be an amount such as 25/month");
    }
    q->rule.limit = (apr_int64_t)(amount * MICRO + 0.5);
    if (*end == '\0') {
        return NULL; /* of a month */
    }
    if (*end != '/' || (strcmp(end, "/day") != 0 && strcmp(end, "/month") != 0)) {
        return llmq_cfg_parse_complain(cmd, arg, "must be per day or month");
    }
    return parse_window(&q->rule, cmd, arg, end + 1);
}

/* ---- key=… over=… ---- */

static const char *parse_key(llmq_cfg_quota_t *q, cmd_parms *cmd, const char *arg)
{
    static const char *const words[] = {"user", "apikey", "tenant"};
    const char *err = NULL;
    int i;

    for (i = 0; i < (int)(sizeof(words) / sizeof(words[0])); i++) {
        if (strcmp(arg, words[i]) == 0) {
            q->key = (llmq_quota_key_e)i;
            return NULL;
        }
    }
    if (!strchr(arg, '%')) { /* all would share one account: hardly what is meant */
        return llmq_cfg_parse_complain(cmd, arg,
                                       "must be user, apikey, tenant or an expression"
                                       " such as %{req:X-Customer}");
    }
    q->expr = ap_expr_parse_cmd(cmd, arg, AP_EXPR_FLAG_STRING_RESULT, &err, NULL);
    return err ? llmq_cfg_parse_complain(cmd, arg, err) : NULL;
}

static const char *parse_option(llmq_cfg_quota_t *q, cmd_parms *cmd, const char *arg)
{
    if (strncmp(arg, "key=", 4) == 0) {
        return parse_key(q, cmd, arg + 4);
    }
    if (strcmp(arg, "over=queue") == 0 || strcmp(arg, "over=reject") == 0) {
        q->queues = strcmp(arg, "over=queue") == 0;
        return NULL;
    }
    return llmq_cfg_parse_complain(
        cmd, arg,
        "must be key=user, apikey, tenant or an expression, or over=queue or "
        "reject");
}

/* Lines that say the same count together, on whatever node and in whatever section. */
static void seed_with(llmq_cfg_quota_t *q, const char *text)
{
    q->seed = llmq_id_hash(text, strlen(text) + 1, q->seed);
}

static const char *add(llmq_cfg_dir_t *dir, cmd_parms *cmd, const llmq_cfg_quota_t *q)
{
    if (!dir->quotas) {
        dir->quotas = apr_array_make(cmd->pool, 4, sizeof(llmq_cfg_quota_t));
    }
    if (dir->quotas->nelts == LLMQ_LEDGER_RULES) {
        return llmq_cfg_parse_complain(cmd, "",
                                       "stands here more often than 16 times in all");
    }
    *(llmq_cfg_quota_t *)apr_array_push(dir->quotas) = *q;
    return NULL;
}

static const char *finish(llmq_cfg_quota_t *q, cmd_parms *cmd, llmq_cfg_dir_t *dir,
                          int argc, char *const argv[])
{
    const char *err = NULL;
    int i;

    for (i = 0; !err && i < argc; i++) {
        err = parse_option(q, cmd, argv[i]);
        seed_with(q, argv[i]);
    }
    return err ? err : add(dir, cmd, q);
}

static int is_none(int argc, char *const argv[])
{
    return argc == 1 && strcmp(argv[0], "none") == 0;
}

/* An empty list lifts what the sections around say. */
static const char *lift(llmq_cfg_dir_t *dir, cmd_parms *cmd)
{
    if (!dir->quotas) {
        dir->quotas = apr_array_make(cmd->pool, 1, sizeof(llmq_cfg_quota_t));
    }
    return NULL;
}

const char *llmq_cfg_quota_add_limit(cmd_parms *cmd, void *dir, int argc,
                                     char *const argv[])
{
    static const char *const words[] = {"requests", "tokens", "concurrency"};
    llmq_cfg_quota_t q;
    const char *err;
    int i = 0;

    memset(&q, 0, sizeof(q));
    if (is_none(argc, argv)) {
        return lift(dir, cmd);
    }
    while (argc >= 2 && i < 3 && strcmp(argv[0], words[i]) != 0) {
        i++;
    }
    if (argc < 2 || argc > 4 || i == 3) {
        return llmq_cfg_parse_complain(cmd, argc ? argv[0] : "",
                                       "must be requests, tokens or concurrency with a "
                                       "number, or none");
    }
    q.what = (llmq_quota_what_e)i;
    seed_with(&q, argv[0]);
    seed_with(&q, argv[1]);
    err = parse_units(&q, cmd, argv[1]);
    return err ? err : finish(&q, cmd, dir, argc - 2, argv + 2);
}

const char *llmq_cfg_quota_add_budget(cmd_parms *cmd, void *dir, int argc,
                                      char *const argv[])
{
    llmq_cfg_quota_t q;
    const char *err;

    memset(&q, 0, sizeof(q));
    q.what = LLMQ_QUOTA_COST;
    if (argc < 1 || argc > 3) {
        return llmq_cfg_parse_complain(cmd, "", "takes an amount, then key= and over=");
    }
    seed_with(&q, "budget");
    seed_with(&q, argv[0]);
    err = parse_money(&q, cmd, argv[0]);
    return err ? err : finish(&q, cmd, dir, argc - 1, argv + 1);
}

/* ---- LLMQPrice ---- */

static const char *parse_price(double *price, cmd_parms *cmd, const char *arg)
{
    char *end = NULL;

    *price = strtod(arg, &end);
    if (end == arg || *end || !(*price >= 0 && *price <= 1e6)) {
        return llmq_cfg_parse_complain(
            cmd, arg, "must be what a million tokens cost, 0 to 1000000");
    }
    return NULL;
}

const char *llmq_cfg_quota_add_price(cmd_parms *cmd, void *dir, const char *model,
                                     const char *prompt, const char *completion)
{
    llmq_cfg_server_t *cfg = llmq_cfg_parse_server(cmd);
    const char *err = llmq_cfg_parse_global(cmd);
    llmq_price_conf_t price = {.model = model};
    int i;

    (void)dir;
    for (i = 0; !err && i < cfg->prices->nelts; i++) {
        if (strcmp(APR_ARRAY_IDX(cfg->prices, i, llmq_price_conf_t).model, model) == 0) {
            err = llmq_cfg_parse_complain(cmd, model, "has a price already");
        }
    }
    if (err || (err = parse_price(&price.prompt, cmd, prompt))
        || (err = parse_price(&price.completion, cmd, completion))) {
        return err;
    }
    *(llmq_price_conf_t *)apr_array_push(cfg->prices) = price;
    return NULL;
}

/* ---- all read ---- */

static const ap_directive_t *find_line(const ap_directive_t *node, const char *name)
{
    const ap_directive_t *found = NULL;

    for (; node && !found; node = node->next) {
        found = ap_cstr_casecmp(node->directive, name) == 0
                    ? node
                    : find_line(node->first_child, name);
    }
    return found;
}

void llmq_cfg_quota_check(const llmq_cfg_server_t *conf, server_rec *s)
{
    const ap_directive_t *budget = find_line(ap_conftree, "LLMQBudget");

    if (budget && conf->prices->nelts == 0) {
        ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_WARNING, 0, s,
                     LLMQ_NO(0171) "%s:%d: LLMQBudget bounds nothing, as there is no"
                                   " LLMQPrice",
                     budget->filename, budget->line_num);
    }
}
