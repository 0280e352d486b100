/* llmqctl token: make a token, as an issuer would. */
#include "core/token.h"
#include "tools/ctl_args.h"

#include <stdio.h>

int llmq_ctl_token_run(llmq_ctl_t *ctl)
{
    const char *span = ctl->options[LLMQ_CTL_EXP] ? ctl->options[LLMQ_CTL_EXP] : "1h";
    const char *file = ctl->options[LLMQ_CTL_SECRET_FILE];
    llmq_claims_t claims = {.subject = ctl->options[LLMQ_CTL_SUB],
                            .issuer = ctl->options[LLMQ_CTL_ISS],
                            .tenant = ctl->options[LLMQ_CTL_TENANT],
                            .scope = ctl->options[LLMQ_CTL_SCOPE],
                            .admin = ctl->options[LLMQ_CTL_ADMIN] != NULL};
    llmq_token_secret_t secret;
    const char *token;
    int code = llmq_ctl_args_check_names(ctl);

    if (code) {
        return code;
    }
    if (!file) {
        return llmq_ctl_args_complain(LLMQ_CTL_USAGE, "--secret-file is missing");
    }
    if (llmq_ctl_args_end(&claims.expires, span, apr_time_now()) != APR_SUCCESS) {
        return LLMQ_CTL_USAGE;
    }
    if (llmq_token_secret_load(&secret, file, ctl->pool) != APR_SUCCESS) {
        return llmq_ctl_args_complain(
            LLMQ_CTL_FAILED, "%s must be readable and hold 1 to 4096 bytes", file);
    }
    if (llmq_token_create(&token, &claims, &secret, apr_time_now(), ctl->pool)
        != APR_SUCCESS) {
        return llmq_ctl_args_complain(LLMQ_CTL_FAILED, "the token cannot be made");
    }
    puts(token);
    return LLMQ_CTL_OK;
}
