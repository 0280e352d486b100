#include "http/link.h"

#include <http_config.h>

extern module AP_MODULE_DECLARE_DATA llmq_module;

llmq_link_t *llmq_link_find(const conn_rec *c)
{
    return ap_get_module_config(c->conn_config, &llmq_module);
}

llmq_link_t *llmq_link_get(conn_rec *c)
{
    llmq_link_t *link = llmq_link_find(c);

    if (!link) {
        link = apr_pcalloc(c->pool, sizeof(*link));
        ap_set_module_config(c->conn_config, &llmq_module, link);
    }
    return link;
}
