#include "http/guard.h"

#include "cfg/cfg.h"
#include "http/identity.h"
#include "http/reply.h"

int llmq_guard_admin(request_rec *r)
{
    const llmq_identity_t *id = llmq_identity_get(r);

    if (id->how == LLMQ_IDENTITY_TOKEN || id->how == LLMQ_IDENTITY_KEY) {
        return id->admin;
    }
    return llmq_cfg_dir(r)->admin == 1;
}

int llmq_guard_admin_if_auth(request_rec *r)
{
    const llmq_identity_t *id = llmq_identity_get(r);

    if (id->how == LLMQ_IDENTITY_NONE && llmq_cfg_dir(r)->auth != 1) {
        return 1;
    }
    return llmq_guard_admin(r);
}

int llmq_guard_refuse(request_rec *r)
{
    llmq_result_t why;

    llmq_result_set(&why, LLMQ_PROBLEM_FORBIDDEN, NULL,
                    "this call wants a token or key with the admin claim");
    return llmq_reply_problem(r, &why);
}
