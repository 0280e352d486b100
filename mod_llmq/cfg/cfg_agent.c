/* <LLMQAgent>: who answers in sessions, and which one does at a location. */
#include "cfg/cfg_set.h"

#include "base/id.h"
#include "base/log.h"
#include "cfg/cfg_parse.h"
#include "core/run.h"

#include <apr_strings.h>
#include <http_core.h>
#include <http_log.h>

#include <string.h>

extern module AP_MODULE_DECLARE_DATA llmq_module;
APLOG_USE_MODULE(llmq);

#define MAX_AGENTS  64
#define MAX_RETRIES 1000
#define MIN_DELAY   apr_time_from_msec(10)
#define MAX_DELAY   apr_time_from_sec(86400)

static const char built_in[] = "echo";

/* ---- <LLMQAgent name> ---- */

static llmq_agent_conf_t *create_agent(const char *name, apr_pool_t *p)
{
    llmq_agent_conf_t *agent = apr_pcalloc(p, sizeof(*agent));

    llmq_cfg_backend_init(&agent->to, name);
    agent->max_retries = LLMQ_RUN_RETRIES;
    agent->retry.base = apr_time_from_sec(1);
    agent->retry.max = apr_time_from_sec(30);
    return agent;
}

static llmq_agent_conf_t *find_agent(const llmq_cfg_server_t *conf, const char *name)
{
    int i;

    for (i = 0; i < conf->agents->nelts; i++) {
        llmq_agent_conf_t *agent = APR_ARRAY_IDX(conf->agents, i, llmq_agent_conf_t *);

        if (strcmp(agent->to.name, name) == 0) {
            return agent;
        }
    }
    return NULL;
}

const char *llmq_cfg_agent_block(cmd_parms *cmd, void *dir, const char *args)
{
    llmq_cfg_server_t *conf = llmq_cfg_parse_server(cmd);
    const char *section = cmd->cmd->name; /* it is another one while the lines are read */
    const char *name = NULL;
    const char *err = llmq_cfg_parse_global(cmd);

    (void)dir;
    if (err || (err = llmq_cfg_parse_section(&name, cmd, args))) {
        return err;
    }
    if (find_agent(conf, name)) {
        return apr_pstrcat(cmd->pool, cmd->cmd->name, " ", name,
                           ">: an agent of this name exists already", NULL);
    }
    if (conf->agents->nelts == MAX_AGENTS) {
        return apr_psprintf(cmd->pool, "%s %s>: there may be %d agents at most",
                            cmd->cmd->name, name, MAX_AGENTS);
    }
    conf->open_agent = create_agent(name, cmd->pool);
    conf->open_backend = &conf->open_agent->to;
    APR_ARRAY_PUSH(conf->agents, llmq_agent_conf_t *) = conf->open_agent;
    err = llmq_cfg_parse_lines(cmd);
    err = err ? err : llmq_cfg_backend_fault(conf->open_backend, section, cmd->pool);
    conf->open_agent = NULL;
    conf->open_backend = NULL;
    return err;
}

const char *llmq_cfg_agent_set_retries(cmd_parms *cmd, void *dir, const char *first,
                                       const char *second, const char *third)
{
    llmq_agent_conf_t *agent = llmq_cfg_parse_server(cmd)->open_agent;
    apr_int64_t n = 0;
    const char *err;

    (void)dir;
    if (!agent) {
        return apr_pstrcat(cmd->pool, cmd->cmd->name,
                           " belongs into an <LLMQAgent> section", NULL);
    }
    if ((err = llmq_cfg_parse_number(&n, cmd, first, 0, MAX_RETRIES))) {
        return err;
    }
    agent->max_retries = (int)n;
    if (second) {
        err = llmq_cfg_parse_duration(&agent->retry.base, cmd, second, MIN_DELAY,
                                      MAX_DELAY);
        if (!third && agent->retry.max < agent->retry.base) {
            agent->retry.max = agent->retry.base;
        }
    }
    if (!err && third) {
        err = llmq_cfg_parse_duration(&agent->retry.max, cmd, third, agent->retry.base,
                                      MAX_DELAY);
    }
    return err;
}

/* ---- locations ---- */

const char *llmq_cfg_agent_set_use(cmd_parms *cmd, void *dir, const char *arg)
{
    if (!llmq_id_is_name(arg)) {
        return llmq_cfg_parse_complain(cmd, arg, "must be the name of an <LLMQAgent>");
    }
    ((llmq_cfg_dir_t *)dir)->agent = arg;
    return NULL;
}

const char *llmq_cfg_agent_set_conflict(cmd_parms *cmd, void *dir, const char *arg)
{
    llmq_run_conflict_e conflict;

    if (llmq_run_conflict_parse(&conflict, arg) != APR_SUCCESS) {
        return llmq_cfg_parse_complain(
            cmd, arg, "must be reuse, enqueue, reject, interrupt or rollback");
    }
    ((llmq_cfg_dir_t *)dir)->run_conflict = (int)conflict;
    return NULL;
}

void llmq_cfg_agent_runs(llmq_run_conf_t *conf, const llmq_cfg_dir_t *dir, server_rec *s)
{
    const apr_array_header_t *agents = llmq_cfg_server(s)->agents;

    conf->agent = dir->agent
                      ? dir->agent
                      : APR_ARRAY_IDX(agents, 0, const llmq_agent_conf_t *)->to.name;
    conf->conflict =
        dir->run_conflict >= 0 ? (llmq_run_conflict_e)dir->run_conflict : LLMQ_RUN_REUSE;
}

/* ---- all read ---- */

/* An agent is a handler of the tasks' line: its lanes are its runs of every tenant. */
static void make_handler(llmq_cfg_server_t *conf, const llmq_agent_conf_t *agent,
                         apr_pool_t *p)
{
    llmq_handler_conf_t *handler = apr_pcalloc(p, sizeof(*handler));
    llmq_run_agent_t *known = apr_array_push(conf->run_agents);

    known->name = agent->to.name;
    known->max_retries = agent->max_retries;
    handler->type = llmq_run_type(agent->to.name, p);
    handler->agent = agent;
    handler->to = agent->to;
    APR_ARRAY_PUSH(conf->handlers, llmq_handler_conf_t *) = handler;
}

void llmq_cfg_agent_complete(llmq_cfg_server_t *conf, apr_pool_t *p)
{
    int i;

    if (conf->agents->nelts == 0) {
        APR_ARRAY_PUSH(conf->agents, llmq_agent_conf_t *) = create_agent(built_in, p);
    }
    for (i = 0; i < conf->agents->nelts; i++) {
        make_handler(conf, APR_ARRAY_IDX(conf->agents, i, const llmq_agent_conf_t *), p);
    }
}

static int check_use(const llmq_cfg_dir_t *dir, server_rec *s)
{
    if (!dir || !dir->agent || find_agent(llmq_cfg_server(s), dir->agent)) {
        return OK;
    }
    ap_log_error(APLOG_MARK, APLOG_STARTUP | APLOG_ERR, 0, s,
                 LLMQ_NO(0160) "LLMQAgentUse %s: there is no such <LLMQAgent>",
                 dir->agent);
    return HTTP_INTERNAL_SERVER_ERROR;
}

static int check_uses(server_rec *s)
{
    core_server_config *core = ap_get_core_module_config(s->module_config);
    ap_conf_vector_t **locations = (ap_conf_vector_t **)(void *)core->sec_url->elts;
    int rv = check_use(ap_get_module_config(s->lookup_defaults, &llmq_module), s);
    int i;

    for (i = 0; rv == OK && i < core->sec_url->nelts; i++) {
        rv = check_use(ap_get_module_config(locations[i], &llmq_module), s);
    }
    return rv;
}

int llmq_cfg_agent_check(server_rec *s)
{
    for (; s; s = s->next) {
        if (check_uses(s) != OK) {
            return HTTP_INTERNAL_SERVER_ERROR;
        }
    }
    return OK;
}
