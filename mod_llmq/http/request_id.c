#include "http/request_id.h"

#include "base/id.h"

#define KEY         "mod_llmq-request-id"
#define API_VERSION "2020-10-01" /* of OpenAI's interface, which has had no other since */

const char *llmq_request_id_get(request_rec *r)
{
    void *id = NULL;

    apr_pool_userdata_get(&id, KEY, r->pool);
    if (!id) {
        const char *made = llmq_id_create("req_", r->pool);

        apr_pool_userdata_setn(made, KEY, NULL, r->pool);
        apr_table_setn(r->err_headers_out, "x-request-id", made);
        apr_table_setn(r->err_headers_out, "openai-version", API_VERSION);
        return made;
    }
    return id;
}
