/* How work is shared out among the backends, and when one is left alone. */
#include "cfg/cfg_set.h"

#include "cfg/cfg_parse.h"

#include <apr_lib.h>

#define DAY apr_time_from_sec(86400)

/* Not given: models for a real backend, nothing for echo. "" stands for off. */
#define CHECK_DEFAULT "/models"

const char *llmq_cfg_balance_set_algorithm(cmd_parms *cmd, void *dir, const char *arg)
{
    llmq_balance_conf_t *conf = &llmq_cfg_parse_server(cmd)->balance;
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dir;
    if (!err && llmq_balance_parse(&conf->algorithm, arg) != APR_SUCCESS) {
        err = llmq_cfg_parse_complain(
            cmd, arg,
            "must be round_robin, weighted_round_robin, least_connections,"
            " weighted_random or adaptive_load");
    }
    return err;
}

static const char *parse_flag(int *pon, cmd_parms *cmd, const char *arg)
{
    if (ap_cstr_casecmp(arg, "on") != 0 && ap_cstr_casecmp(arg, "off") != 0) {
        return llmq_cfg_parse_complain(cmd, arg, "must be On or Off");
    }
    *pon = ap_cstr_casecmp(arg, "on") == 0;
    return NULL;
}

const char *llmq_cfg_balance_set_affinity(cmd_parms *cmd, void *dir, const char *on,
                                          const char *count)
{
    llmq_balance_conf_t *conf = &llmq_cfg_parse_server(cmd)->balance;
    apr_int64_t n = conf->conversations;
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dir;
    if (!err && !(err = parse_flag(&conf->affinity, cmd, on)) && count) {
        err = llmq_cfg_parse_number(&n, cmd, count, 1, 10000000);
    }
    conf->conversations = (int)n;
    return err;
}

const char *llmq_cfg_balance_set_weight(cmd_parms *cmd, void *dir, const char *arg)
{
    llmq_backend_conf_t *b;
    apr_int64_t n = 0;
    const char *err = llmq_cfg_parse_backend(&b, cmd);

    (void)dir;
    if (!err
        && !(err = llmq_cfg_parse_number(&n, cmd, arg, 1, LLMQ_BALANCE_WEIGHT_MAX))) {
        b->weight = (int)n;
    }
    return err;
}

const char *llmq_cfg_balance_set_group(cmd_parms *cmd, void *dir, const char *arg)
{
    llmq_backend_conf_t *b;
    apr_int64_t n = 0;
    const char *err = llmq_cfg_parse_backend(&b, cmd);

    (void)dir;
    if (!err && !(err = llmq_cfg_parse_number(&n, cmd, arg, 0, 9))) {
        b->group = (int)n;
    }
    return err;
}

const char *llmq_cfg_balance_set_spill(cmd_parms *cmd, void *dir, int on)
{
    llmq_backend_conf_t *b;
    const char *err = llmq_cfg_parse_backend(&b, cmd);

    (void)dir;
    if (!err) {
        b->spill = on;
    }
    return err;
}

const char *llmq_cfg_balance_set_max_failures(cmd_parms *cmd, void *dir, const char *arg)
{
    llmq_backend_conf_t *b;
    apr_int64_t n = 0;
    const char *err = llmq_cfg_parse_backend(&b, cmd);

    (void)dir;
    if (!err && !(err = llmq_cfg_parse_number(&n, cmd, arg, 0, 1000))) {
        b->health.max_failures = (int)n;
    }
    return err;
}

const char *llmq_cfg_balance_set_cooldown(cmd_parms *cmd, void *dir, const char *first,
                                          const char *longest)
{
    llmq_backend_conf_t *b;
    llmq_health_conf_t health;
    const char *err = llmq_cfg_parse_backend(&b, cmd);

    (void)dir;
    if (err) {
        return err;
    }
    health = b->health;
    err = llmq_cfg_parse_duration(&health.cooldown, cmd, first, 10000, DAY);
    if (!err && longest) {
        err = llmq_cfg_parse_duration(&health.longest, cmd, longest, 10000, DAY);
    }
    else if (!err && health.longest < health.cooldown) {
        health.longest = health.cooldown;
    }
    if (!err && health.longest < health.cooldown) {
        err = llmq_cfg_parse_complain(cmd, longest, "is shorter than the first pause");
    }
    if (!err) {
        b->health = health;
    }
    return err;
}

/* A path as it can stand in a request line. */
static int is_path(const char *path)
{
    const char *c;

    for (c = path; *c; c++) {
        if (!apr_isgraph(*c) || *c == '#') {
            return 0;
        }
    }
    return *path == '/';
}

const char *llmq_cfg_balance_set_health(cmd_parms *cmd, void *dir, const char *what,
                                        const char *interval)
{
    llmq_backend_conf_t *b;
    const char *err = llmq_cfg_parse_backend(&b, cmd);

    (void)dir;
    if (err) {
        return err;
    }
    if (ap_cstr_casecmp(what, "off") == 0) {
        b->check_path = "";
    }
    else if (ap_cstr_casecmp(what, "models") == 0) {
        b->check_path = CHECK_DEFAULT;
    }
    else if (is_path(what)) {
        b->check_path = what;
    }
    else {
        return llmq_cfg_parse_complain(cmd, what,
                                       "must be models, off or a path such as /health");
    }
    return interval ? llmq_cfg_parse_duration(&b->check_interval, cmd, interval,
                                              apr_time_from_msec(10), DAY)
                    : NULL;
}

void llmq_cfg_balance_complete(llmq_backend_conf_t *b)
{
    if (!b->check_path) {
        b->check_path = b->kind == LLMQ_BACKEND_ECHO ? "" : CHECK_DEFAULT;
    }
    if (!*b->check_path) {
        b->check_path = NULL;
    }
}
