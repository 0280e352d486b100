#include "glue/glue_log.h"

#include "base/log.h"
#include "base/result.h"
#include "llmq.h"

#include <http_config.h>
#include <http_log.h>

extern module AP_MODULE_DECLARE_DATA llmq_module;
APLOG_USE_MODULE(llmq);

/* httpd only knows the text of APR's statuses; ours go behind the line. */
static void to_error_log(void *ctx, llmq_log_level_e level, const char *file, int line,
                         apr_status_t rv, const char *text)
{
    char own[120];

    if (rv > LLMQ_ESTART && rv < LLMQ_ESTART + 100) {
        ap_log_error_(file, line, APLOG_MODULE_INDEX, (int)level, 0, ctx, "%s (%s)", text,
                      llmq_result_strerror(rv, own, sizeof(own)));
        return;
    }
    ap_log_error_(file, line, APLOG_MODULE_INDEX, (int)level, rv, ctx, "%s", text);
}

void llmq_glue_log_attach(server_rec *s)
{
    int level = ap_get_server_module_loglevel(s, APLOG_MODULE_INDEX);

    llmq_log_set_sink(to_error_log, s, (llmq_log_level_e)level);
}
