#include "support.h"

#include "core/token.h"

#include <apr_base64.h>
#include <apr_strings.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#define NOW_SEC APR_INT64_C(1735727400)
#define NOW     apr_time_from_sec(NOW_SEC)
#define SECRET  "a secret of thirty-two bytes ...."
#define HS256   "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

static const llmq_token_secret_t secrets[] = {
    {(const unsigned char *)"an older secret", 15},
    {(const unsigned char *)SECRET, sizeof(SECRET) - 1}};
static const llmq_token_conf_t conf = {secrets, 2, NULL, "acme", 0};

static const char *base64url(const void *data, int len)
{
    char *text = apr_palloc(test_pool, apr_base64_encode_len(len));
    char *c;

    apr_base64_encode_binary(text, data, len);
    for (c = text; *c && *c != '='; c++)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
    *c = '\0';
    return text;
}

/* Made without libjwt, so that both sides do not share a mistake. */
static const char *sign(const char *head, const void *body, int len, const EVP_MD *md,
                        const char *secret)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned int n = 0;
    char *text = apr_pstrcat(test_pool, base64url(head, (int)strlen(head)), ".",
                             base64url(body, len), NULL);

    HMAC(md, secret, (int)strlen(secret), (unsigned char *)text, strlen(text), mac, &n);
    return apr_pstrcat(test_pool, text, ".", base64url(mac, (int)n), NULL);
}

static const char *token_of(const char *head, const char *body)
{
    return sign(head, body, (int)strlen(body), EVP_sha256(), SECRET);
}

static apr_status_t check_with(const llmq_token_conf_t *c, const char *token,
                               llmq_claims_t *claims)
{
    llmq_result_t why = {0};
    llmq_claims_t found = {0};
    apr_status_t rv = llmq_token_check(&found, token, c, NOW, &why, test_pool);

    if (rv != APR_SUCCESS) {
        ck_assert_int_eq(rv, LLMQ_EBODY);
        ck_assert_int_eq(why.problem, LLMQ_PROBLEM_UNAUTHORIZED);
        ck_assert_ptr_null(strchr(why.reason, '"'));
        ck_assert_ptr_null(found.subject);
    }
    if (claims)
        *claims = found;
    return rv;
}

static int passes(const char *token)
{
    return check_with(&conf, token, NULL) == APR_SUCCESS;
}

START_TEST(a_valid_token_tells_its_claims)
{
    llmq_claims_t c;

    ck_assert_int_eq(
        check_with(&conf,
                   token_of(HS256, "{\"sub\":\"user_1\",\"exp\":1735727401,\"iss\":\"x\","
                                   "\"tenant\":\"acme\",\"scope\":\"read write\","
                                   "\"admin\":true}"),
                   &c),
        APR_SUCCESS);
    ck_assert_str_eq(c.subject, "user_1");
    ck_assert_str_eq(c.issuer, "x");
    ck_assert_str_eq(c.tenant, "acme");
    ck_assert_str_eq(c.scope, "read write");
    ck_assert_int_eq(c.admin, 1);
    ck_assert_int_eq(c.expires, NOW + APR_USEC_PER_SEC);
}
END_TEST

START_TEST(optional_claims_may_be_missing)
{
    llmq_claims_t c;

    ck_assert_int_eq(
        check_with(&conf, token_of(HS256, "{\"sub\":\"u\",\"exp\":1735727401}"), &c),
        APR_SUCCESS);
    ck_assert_ptr_null(c.issuer);
    ck_assert_ptr_null(c.tenant);
    ck_assert_ptr_null(c.scope);
    ck_assert_int_eq(c.admin, 0);
}
END_TEST

#define EXP "\"exp\":1735727401"

/* Signed as they should be: header, claims, is it valid? */
static const struct {
    const char *head, *body;
    int valid;
} signed_ones[] = {
    {HS256, "{\"sub\":\"u\"," EXP "}", 1},
    {"{\"alg\":\"HS256\"}", "{\"sub\":\"u\"," EXP "}", 1},
    {HS256, "{\"sub\":\"u\",\"exp\":1735727400.5}", 1},
    {HS256, "{\"sub\":\"u\",\"exp\":1e300}", 1},
    {HS256, "{\"sub\":\"u\",\"nbf\":1735727400," EXP "}", 1},
    {HS256, "{\"sub\":\"\\u00fc\"," EXP "}", 1},
    {HS256, "{\"sub\":\"u\",\"extra\":[1,{}]," EXP "}", 1},
    /* the header */
    {"{\"alg\":\"none\"}", "{\"sub\":\"u\"," EXP "}", 0},
    {"{\"alg\":\"None\"}", "{\"sub\":\"u\"," EXP "}", 0},
    {"{\"alg\":\"hs256\"}", "{\"sub\":\"u\"," EXP "}", 0},
    {"{\"alg\":\"HS384\"}", "{\"sub\":\"u\"," EXP "}", 0},
    {"{\"alg\":\"HS512\"}", "{\"sub\":\"u\"," EXP "}", 0},
    {"{\"alg\":\"RS256\"}", "{\"sub\":\"u\"," EXP "}", 0},
    {"{\"alg\":\"ES256\"}", "{\"sub\":\"u\"," EXP "}", 0},
    {"{\"alg\":\"\"}", "{\"sub\":\"u\"," EXP "}", 0},
    {"{\"alg\":null}", "{\"sub\":\"u\"," EXP "}", 0},
    {"{\"alg\":[\"HS256\"]}", "{\"sub\":\"u\"," EXP "}", 0},
    {"{}", "{\"sub\":\"u\"," EXP "}", 0},
    {"[]", "{\"sub\":\"u\"," EXP "}", 0},
    {"{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}", "{\"sub\":\"u\"," EXP "}",
     0},
    {"{\"alg\":\"HS256\",\"typ\":\"JWE\"}", "{\"sub\":\"u\"," EXP "}", 0},
    /* the claims */
    {HS256, "{\"sub\":\"u\"}", 0},
    {HS256, "{\"sub\":\"u\",\"exp\":1735727400}", 0},
    {HS256, "{\"sub\":\"u\",\"exp\":0}", 0},
    {HS256, "{\"sub\":\"u\",\"exp\":-1}", 0},
    {HS256, "{\"sub\":\"u\",\"exp\":-1e300}", 0},
    {HS256, "{\"sub\":\"u\",\"exp\":null}", 0},
    {HS256, "{\"sub\":\"u\",\"exp\":true}", 0},
    {HS256, "{\"sub\":\"u\",\"exp\":\"1735727401\"}", 0},
    {HS256, "{\"sub\":\"u\",\"exp\":99999999999999999999999999}", 0},
    {HS256, "{\"sub\":\"u\",\"nbf\":1735727401," EXP "}", 0},
    {HS256, "{\"sub\":\"u\",\"nbf\":\"now\"," EXP "}", 0},
    {HS256, "{" EXP "}", 0},
    {HS256, "{\"sub\":\"\"," EXP "}", 0},
    {HS256, "{\"sub\":7," EXP "}", 0},
    {HS256, "{\"sub\":null," EXP "}", 0},
    {HS256, "{\"sub\":\"a\\nb\"," EXP "}", 0},
    {HS256, "{\"sub\":\"a\\u0000b\"," EXP "}", 0},
    {HS256, "{\"sub\":\"a\\u0085b\"," EXP "}", 0},
    {HS256, "{\"sub\":\"u\",\"tenant\":\"other\"," EXP "}", 0},
    {HS256, "{\"sub\":\"u\",\"tenant\":\"\"," EXP "}", 0},
    {HS256, "{\"sub\":\"u\",\"tenant\":[\"acme\"]," EXP "}", 0},
    {HS256, "{\"sub\":\"u\",\"tenant\":null," EXP "}", 0},
    {HS256, "{\"sub\":\"u\",\"scope\":[\"read\"]," EXP "}", 0},
    {HS256, "{\"sub\":\"u\",\"iss\":1," EXP "}", 0},
    {HS256, "[]", 0},
    {HS256, "\"u\"", 0},
    {HS256, "", 0},
    {HS256, "{\"sub\":\"u\"," EXP, 0},
    {HS256, "{\"sub\":\"u\xff\"," EXP "}", 0},
};

START_TEST(of_what_is_signed_only_the_complete_is_valid)
{
    const char *token = token_of(signed_ones[_i].head, signed_ones[_i].body);

    ck_assert_msg(passes(token) == signed_ones[_i].valid, "%s %s", signed_ones[_i].head,
                  signed_ones[_i].body);
}
END_TEST

START_TEST(only_true_makes_an_admin)
{
    static const char *const values[] = {"false", "\"true\"", "1", "null", "[true]"};
    llmq_claims_t c;
    size_t i;

    for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        const char *body =
            apr_psprintf(test_pool, "{\"sub\":\"u\"," EXP ",\"admin\":%s}", values[i]);

        ck_assert_int_eq(check_with(&conf, token_of(HS256, body), &c), APR_SUCCESS);
        ck_assert_msg(c.admin == 0, "%s", values[i]);
    }
}
END_TEST

START_TEST(another_algorithm_is_refused_with_its_own_signature)
{
    const char *body = "{\"sub\":\"u\"," EXP "}";
    int len = (int)strlen(body);

    ck_assert(!passes(sign("{\"alg\":\"HS512\"}", body, len, EVP_sha512(), SECRET)));
    ck_assert(!passes(sign("{\"alg\":\"HS384\"}", body, len, EVP_sha384(), SECRET)));
}
END_TEST

START_TEST(every_secret_counts_and_no_other)
{
    const char *body = "{\"sub\":\"u\"," EXP "}";
    llmq_token_conf_t none = {NULL, 0, NULL, "acme", 0};

    ck_assert(passes(sign(HS256, body, (int)strlen(body), EVP_sha256(), SECRET)));
    ck_assert(
        passes(sign(HS256, body, (int)strlen(body), EVP_sha256(), "an older secret")));
    ck_assert(!passes(sign(HS256, body, (int)strlen(body), EVP_sha256(), "a guess")));
    ck_assert(!passes(sign(HS256, body, (int)strlen(body), EVP_sha256(), "")));
    ck_assert_int_eq(check_with(&none, token_of(HS256, body), NULL), LLMQ_EBODY);
}
END_TEST

START_TEST(any_change_of_a_character_breaks_it)
{
    const char *good = token_of(HS256, "{\"sub\":\"user_1\"," EXP "}");
    size_t i, len = strlen(good);

    ck_assert(passes(good));
    for (i = 0; i < len; i++) {
        char *bad = apr_pstrdup(test_pool, good);

        bad[i] = bad[i] == 'A' ? 'B' : 'A';
        ck_assert_msg(!passes(bad), "changed at %d", (int)i);
    }
}
END_TEST

START_TEST(every_truncation_breaks_it)
{
    const char *good = token_of(HS256, "{\"sub\":\"user_1\"," EXP "}");
    size_t i, len = strlen(good);

    for (i = 0; i < len; i++)
        ck_assert_msg(!passes(apr_pstrmemdup(test_pool, good, i)), "cut at %d", (int)i);
}
END_TEST

START_TEST(what_is_no_token_is_refused)
{
    const char *good = token_of(HS256, "{\"sub\":\"u\"," EXP "}");
    const char *dot = strrchr(good, '.');
    const char *bare = apr_pstrmemdup(test_pool, good, dot - good);
    char *huge = apr_palloc(test_pool, LLMQ_TOKEN_MAX + 2);
    const char *const others[] = {"",
                                  ".",
                                  "..",
                                  "...",
                                  "a",
                                  "a.b",
                                  "a.b.c",
                                  "!.!.!",
                                  "Bearer",
                                  "\xff\xfe.\xff.\xff",
                                  apr_pstrcat(test_pool, bare, ".", NULL),
                                  apr_pstrcat(test_pool, bare, NULL),
                                  apr_pstrcat(test_pool, good, ".", NULL),
                                  apr_pstrcat(test_pool, good, ".x", NULL),
                                  apr_pstrcat(test_pool, good, "=", NULL),
                                  apr_pstrcat(test_pool, good, " ", NULL),
                                  apr_pstrcat(test_pool, " ", good, NULL),
                                  apr_pstrcat(test_pool, good, ",", good, NULL),
                                  apr_pstrcat(test_pool, ".", good, NULL),
                                  token_of("", "{\"sub\":\"u\"," EXP "}"),
                                  huge};
    size_t i;

    memset(huge, 'A', LLMQ_TOKEN_MAX + 1);
    huge[LLMQ_TOKEN_MAX + 1] = '\0';
    ck_assert(passes(good));
    for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        ck_assert_msg(!passes(others[i]), "%.60s", others[i]);
}
END_TEST

START_TEST(bytes_behind_a_nul_do_not_pass)
{
    static const char body[] = "{\"sub\":\"u\",\"x\":\"\0\"," EXP "}";

    ck_assert(!passes(sign(HS256, body, (int)sizeof(body) - 1, EVP_sha256(), SECRET)));
}
END_TEST

START_TEST(the_issuer_must_be_the_one_that_is_set)
{
    llmq_token_conf_t c = conf;

    c.issuer = "llmops";
    ck_assert_int_eq(
        check_with(&c, token_of(HS256, "{\"sub\":\"u\",\"iss\":\"llmops\"," EXP "}"),
                   NULL),
        APR_SUCCESS);
    ck_assert_int_eq(
        check_with(&c, token_of(HS256, "{\"sub\":\"u\",\"iss\":\"llmop\"," EXP "}"),
                   NULL),
        LLMQ_EBODY);
    ck_assert_int_eq(check_with(&c, token_of(HS256, "{\"sub\":\"u\"," EXP "}"), NULL),
                     LLMQ_EBODY);
}
END_TEST

START_TEST(leeway_moves_both_ends)
{
    llmq_token_conf_t c = conf;
    const char *old = token_of(HS256, "{\"sub\":\"u\",\"exp\":1735727391}");
    const char *young =
        token_of(HS256, "{\"sub\":\"u\",\"nbf\":1735727410,\"exp\":1735727500}");

    ck_assert(!passes(old));
    ck_assert(!passes(young));
    c.leeway = apr_time_from_sec(10);
    ck_assert_int_eq(check_with(&c, old, NULL), APR_SUCCESS);
    ck_assert_int_eq(check_with(&c, young, NULL), APR_SUCCESS);
    c.leeway = apr_time_from_sec(9);
    ck_assert_int_eq(check_with(&c, old, NULL), LLMQ_EBODY);
    ck_assert_int_eq(check_with(&c, young, NULL), LLMQ_EBODY);
}
END_TEST

START_TEST(subjects_have_at_most_128_bytes)
{
    char *name = apr_palloc(test_pool, LLMQ_NAME_MAX + 2);

    memset(name, 'u', LLMQ_NAME_MAX + 1);
    name[LLMQ_NAME_MAX + 1] = '\0';
    ck_assert(!llmq_token_is_subject(name));
    ck_assert(llmq_token_is_subject(name + 1));
    ck_assert(!llmq_token_is_subject(""));
    ck_assert(!llmq_token_is_subject(NULL));
}
END_TEST

START_TEST(what_is_made_is_valid)
{
    llmq_claims_t made = {"us\"er", "me", "acme", "a b", 1, NOW + APR_USEC_PER_SEC};
    llmq_claims_t got;
    const char *token;

    ck_assert_int_eq(llmq_token_create(&token, &made, &secrets[1], NOW, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(check_with(&conf, token, &got), APR_SUCCESS);
    ck_assert_str_eq(got.subject, made.subject);
    ck_assert_str_eq(got.issuer, made.issuer);
    ck_assert_str_eq(got.tenant, made.tenant);
    ck_assert_str_eq(got.scope, made.scope);
    ck_assert_int_eq(got.admin, 1);
    ck_assert_int_eq(got.expires, made.expires);
}
END_TEST

TCase *case_token(void)
{
    TCase *tc = test_case("token");

    tcase_add_test(tc, a_valid_token_tells_its_claims);
    tcase_add_test(tc, optional_claims_may_be_missing);
    tcase_add_loop_test(tc, of_what_is_signed_only_the_complete_is_valid, 0,
                        (int)(sizeof(signed_ones) / sizeof(signed_ones[0])));
    tcase_add_test(tc, only_true_makes_an_admin);
    tcase_add_test(tc, another_algorithm_is_refused_with_its_own_signature);
    tcase_add_test(tc, every_secret_counts_and_no_other);
    tcase_add_test(tc, any_change_of_a_character_breaks_it);
    tcase_add_test(tc, every_truncation_breaks_it);
    tcase_add_test(tc, what_is_no_token_is_refused);
    tcase_add_test(tc, bytes_behind_a_nul_do_not_pass);
    tcase_add_test(tc, the_issuer_must_be_the_one_that_is_set);
    tcase_add_test(tc, leeway_moves_both_ends);
    tcase_add_test(tc, subjects_have_at_most_128_bytes);
    tcase_add_test(tc, what_is_made_is_valid);
    return tc;
}
