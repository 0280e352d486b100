#include "cfg/cfg_parse.h"

#include "base/id.h"
#include "core/priority.h"

#include <apr_lib.h>
#include <apr_strings.h>

const char *llmq_cfg_parse_complain(cmd_parms *cmd, const char *arg, const char *wants)
{
    return apr_pstrcat(cmd->pool, cmd->cmd->name, " '", arg, "': ", wants, NULL);
}

const char *llmq_cfg_parse_number(apr_int64_t *pn, cmd_parms *cmd, const char *arg,
                                  apr_int64_t min, apr_int64_t max)
{
    char *end = NULL;
    apr_int64_t n;

    errno = 0;
    n = apr_strtoi64(arg, &end, 10);
    if (errno || end == arg || *end || n < min || n > max) {
        return llmq_cfg_parse_complain(
            cmd, arg,
            apr_psprintf(cmd->pool,
                         "must be a whole number from %" APR_INT64_T_FMT
                         " to %" APR_INT64_T_FMT,
                         min, max));
    }
    *pn = n;
    return NULL;
}

/* httpd's own syntax of time: a number with ms, s, min or h; seconds without a unit. */
const char *llmq_cfg_parse_duration(apr_interval_time_t *pt, cmd_parms *cmd,
                                    const char *arg, apr_interval_time_t min,
                                    apr_interval_time_t max)
{
    apr_interval_time_t t;

    if (!apr_isdigit(*arg) || ap_timeout_parameter_parse(arg, &t, "s") != APR_SUCCESS
        || t < min || t > max) {
        return llmq_cfg_parse_complain(
            cmd, arg,
            apr_psprintf(
                cmd->pool,
                "must be a time such as 500ms, 30s or 5min, from %" APR_INT64_T_FMT
                "ms to %" APR_INT64_T_FMT "s",
                (apr_int64_t)(min / 1000), (apr_int64_t)apr_time_sec(max)));
    }
    *pt = t;
    return NULL;
}

llmq_cfg_server_t *llmq_cfg_parse_server(cmd_parms *cmd)
{
    return llmq_cfg_server(cmd->server);
}

/* Server-wide directives make no sense twice: there is one queue and one dispatcher. */
const char *llmq_cfg_parse_global(cmd_parms *cmd)
{
    return ap_check_cmd_context(cmd, GLOBAL_ONLY);
}

const char *llmq_cfg_parse_level(llmq_level_e *plevel, cmd_parms *cmd, const char *arg)
{
    if (llmq_priority_parse(plevel, arg) != APR_SUCCESS) {
        return llmq_cfg_parse_complain(cmd, arg, "must be realtime, high, normal or low");
    }
    return NULL;
}

const char *llmq_cfg_parse_section(const char **pname, cmd_parms *cmd, const char *args)
{
    const char *end = ap_strrchr_c(args, '>');

    if (!end || end[1] != '\0') {
        return apr_pstrcat(cmd->pool, cmd->cmd->name, "> lacks its closing '>'", NULL);
    }
    args = apr_pstrmemdup(cmd->pool, args, end - args);
    *pname = ap_getword_conf(cmd->pool, &args);
    if (!llmq_id_is_name(*pname) || *args) {
        return apr_pstrcat(cmd->pool, cmd->cmd->name,
                           "> takes one name of A-Z a-z 0-9 _ . : -", NULL);
    }
    return NULL;
}

const char *llmq_cfg_parse_backend(llmq_backend_conf_t **pb, cmd_parms *cmd)
{
    *pb = llmq_cfg_parse_server(cmd)->open_backend;
    return *pb ? NULL
               : apr_pstrcat(cmd->pool, cmd->cmd->name,
                             " belongs into a <LLMQBackend> or <LLMQAgent> section",
                             NULL);
}

/* Lines of a <LLMQBackend> or <LLMQAgent>. What else httpd would obey, in silence and for the
 * whole server, is a mistake there. */
static int belongs_into_section(const char *directive)
{
    static const char backend[] = "LLMQBackend";

    return ap_cstr_casecmpn(directive, backend, sizeof(backend) - 1) == 0
           || ap_cstr_casecmp(directive, "LLMQAgentRetries") == 0;
}

const char *llmq_cfg_parse_lines(cmd_parms *cmd)
{
    const char *section = cmd->cmd->name; /* it is another one while the lines are read */
    ap_directive_t *line;

    for (line = cmd->directive->first_child; line; line = line->next) {
        if (!belongs_into_section(line->directive)) {
            cmd->err_directive = line;
            return apr_psprintf(cmd->pool, "%s%s does not belong into %s>",
                                line->directive, *line->directive == '<' ? ">" : "",
                                section);
        }
    }
    return ap_walk_config(cmd->directive->first_child, cmd, cmd->context);
}
