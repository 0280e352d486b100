/* Bearer tokens from anybody: as they come (none is signed with our secret), and as claims
 * and header that are signed, so that what lies behind the signature is reached. Whatever is
 * accepted keeps the promises of core/token.h. */
#include "fuzz.h"

#include "core/apikey.h"
#include "core/token.h"

#include <apr_encode.h>
#include <apr_general.h>
#include <apr_strings.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <string.h>

#define NOW    APR_INT64_C(1735727400000000)
#define SECRET "secret"

static const llmq_token_secret_t secret = {(const unsigned char *)SECRET,
                                           sizeof(SECRET) - 1};
static const llmq_token_conf_t conf = {&secret, 1, NULL, "acme", 0};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return apr_initialize();
}

static apr_status_t check(const char *token, apr_pool_t *p)
{
    llmq_claims_t claims = {0};
    llmq_result_t why = {0};
    apr_status_t rv = llmq_token_check(&claims, token, &conf, NOW, &why, p);

    if (rv != APR_SUCCESS) {
        FUZZ_CHECK(rv == LLMQ_EBODY && why.problem == LLMQ_PROBLEM_UNAUTHORIZED);
        FUZZ_CHECK(!claims.subject);
        return rv;
    }
    FUZZ_CHECK(llmq_token_is_subject(claims.subject));
    FUZZ_CHECK(claims.expires > NOW);
    FUZZ_CHECK(!claims.tenant || !strcmp(claims.tenant, "acme"));
    return rv;
}

static const char *encode(const void *data, apr_size_t len, apr_pool_t *p)
{
    return apr_pencode_base64_binary(p, data, len, APR_ENCODE_BASE64URL, NULL);
}

static const char *sign(const char *text, apr_pool_t *p)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned int n = 0;

    HMAC(EVP_sha256(), SECRET, sizeof(SECRET) - 1, (const unsigned char *)text,
         strlen(text), mac, &n);
    return apr_pstrcat(p, text, ".", encode(mac, n, p), NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char head[] = "{\"alg\":\"HS256\"}";
    static const char body[] = "{\"sub\":\"u\",\"exp\":4000000000}";
    char hash[LLMQ_APIKEY_HASH_SIZE];
    apr_pool_t *p;
    char *text;

    apr_pool_create(&p, NULL);
    text = apr_pstrmemdup(p, (const char *)data, size);
    FUZZ_CHECK(check(text, p) != APR_SUCCESS);
    if (llmq_apikey_hash(hash, text) == APR_SUCCESS)
        FUZZ_CHECK(strlen(text) == LLMQ_APIKEY_LEN && strlen(hash) == 64);
    if (size > 0) {
        const char *any = encode(data, size, p);

        check(sign(apr_pstrcat(p, encode(head, sizeof(head) - 1, p), ".", any, NULL), p),
              p);
        check(sign(apr_pstrcat(p, any, ".", encode(body, sizeof(body) - 1, p), NULL), p),
              p);
    }
    apr_pool_destroy(p);
    return 0;
}
