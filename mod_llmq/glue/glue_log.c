#include "glue/glue_log.h"

#include "base/log.h"

#include <http_config.h>
#include <http_log.h>

extern module AP_MODULE_DECLARE_DATA llmq_module;
APLOG_USE_MODULE(llmq);

static void to_error_log(void *ctx, llmq_log_level_e level, const char *file, int line,
                         apr_status_t rv, const char *text)
{
    ap_log_error_(file, line, APLOG_MODULE_INDEX, (int)level, rv, ctx, "%s", text);
}

void llmq_glue_log_attach(server_rec *s)
{
    int level = ap_get_server_module_loglevel(s, APLOG_MODULE_INDEX);

    llmq_log_set_sink(to_error_log, s, (llmq_log_level_e)level);
}
