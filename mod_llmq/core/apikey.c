#include "core/apikey.h"

#include <apr_encode.h>
#include <apr_strings.h>

#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#define CHANCE_BYTES 32
#define PREFIX_LEN   (sizeof(LLMQ_APIKEY_PREFIX) - 1)

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

int llmq_apikey_is(const char *text)
{
    return strncmp(text, LLMQ_APIKEY_PREFIX, PREFIX_LEN) == 0;
}

const char *llmq_apikey_create(apr_pool_t *p)
{
    unsigned char chance[CHANCE_BYTES];
    const char *text;

    if (RAND_bytes(chance, sizeof(chance)) != 1)
        return NULL;
    text =
        apr_pencode_base64_binary(p, chance, sizeof(chance), APR_ENCODE_BASE64URL, NULL);
    return apr_pstrcat(p, LLMQ_APIKEY_PREFIX, text, NULL);
}

apr_status_t llmq_apikey_hash(char hash[LLMQ_APIKEY_HASH_SIZE], const char *key)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;

    if (!llmq_apikey_is(key) || strnlen(key, LLMQ_APIKEY_LEN + 1) != LLMQ_APIKEY_LEN
        || strspn(key + PREFIX_LEN, alphabet) != LLMQ_APIKEY_LEN - PREFIX_LEN)
        return APR_EINVAL;
    if (EVP_Digest(key, LLMQ_APIKEY_LEN, digest, &len, EVP_sha256(), NULL) != 1)
        return APR_EINVAL;
    return apr_encode_base16_binary(hash, digest, len, APR_ENCODE_LOWER, NULL);
}

apr_status_t llmq_apikey_check(const llmq_apikey_t *key, const char *tenant,
                               apr_time_t now, llmq_result_t *why)
{
    const char *reason = NULL;

    if (strcmp(key->tenant, tenant))
        reason = "the key belongs to another tenant";
    else if (key->revoked_at > 0)
        reason = "the key was revoked";
    else if (key->expires_at > 0 && key->expires_at <= now)
        reason = "the key has expired";
    return reason ? llmq_result_set(why, LLMQ_PROBLEM_UNAUTHORIZED, NULL, reason)
                  : APR_SUCCESS;
}
