#include "core/digest.h"

#include <apr_escape.h>

#include <openssl/evp.h>

static int add_part(EVP_MD_CTX *ctx, const llmq_digest_part_t *part)
{
    unsigned char len[8];
    int i;

    for (i = 0; i < 8; i++) {
        len[i] = (unsigned char)((apr_uint64_t)part->len >> (8 * i));
    }
    return EVP_DigestUpdate(ctx, len, sizeof(len))
           && EVP_DigestUpdate(ctx, part->data, part->len);
}

const char *llmq_digest_hex(const llmq_digest_part_t *parts, int n, apr_pool_t *p)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int len = 0;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    int ok = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL);
    int i;

    for (i = 0; ok && i < n; i++) {
        ok = add_part(ctx, &parts[i]);
    }
    ok = ok && EVP_DigestFinal_ex(ctx, digest, &len);
    EVP_MD_CTX_free(ctx);
    return ok ? apr_pescape_hex(p, digest, len, 0) : NULL;
}
