/* URLs from anybody, and words of the list that says where requests may go. What is accepted
 * is kept in one spelling that leaves nothing to interpretation. */
#include "fuzz.h"

#include "core/callback.h"
#include "core/egress.h"

#include <apr_general.h>
#include <apr_strings.h>

#include <string.h>

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return apr_initialize();
}

static void check_url(const char *text, apr_pool_t *p)
{
    const char *url = NULL;
    const char *again = NULL;
    const char *why = NULL;
    const char *host;

    if (llmq_callback_parse(&url, &why, text, p) != APR_SUCCESS) {
        FUZZ_CHECK(!url && why);
        return;
    }
    FUZZ_CHECK(strncmp(url, "http://", 7) == 0 || strncmp(url, "https://", 8) == 0);
    FUZZ_CHECK(!strpbrk(url, " \t\r\n\"\\<>#"));
    host = llmq_callback_host(url, p);
    FUZZ_CHECK(*host && !strpbrk(host, "@/?[]"));
    FUZZ_CHECK(strchr(strstr(url, "://") + 3, '/'));
    /* The kept spelling is kept as it is, but for what its path has made longer. */
    if (strlen(url) <= LLMQ_CALLBACK_MAX) {
        FUZZ_CHECK(llmq_callback_parse(&again, &why, url, p) == APR_SUCCESS);
        FUZZ_CHECK(strcmp(again, url) == 0);
    }
}

static void check_word(const char *text, apr_pool_t *p)
{
    llmq_egress_t *list = llmq_egress_create(p);
    llmq_egress_address_t loopback = {{0}}, a;

    loopback.byte[15] = 1;
    if (llmq_egress_add(list, text, p) != APR_SUCCESS) {
        FUZZ_CHECK(!list->public_too && !list->names->nelts && !list->nets->nelts);
        FUZZ_CHECK(!llmq_egress_allows(list, &loopback));
        return;
    }
    FUZZ_CHECK(list->public_too + list->names->nelts + list->nets->nelts == 1);
    if (list->names->nelts && strncmp(text, "*.", 2) != 0) {
        FUZZ_CHECK(llmq_egress_allows_name(list, text));
    }
    if (llmq_egress_parse(&a, text) == APR_SUCCESS) {
        FUZZ_CHECK(llmq_egress_allows(list, &a));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text;
    apr_pool_t *p;

    if (apr_pool_create_unmanaged_ex(&p, NULL, NULL) != APR_SUCCESS) {
        return 0;
    }
    text = apr_pstrmemdup(p, (const char *)data, size);
    check_url(text, p);
    check_word(text, p);
    apr_pool_destroy(p);
    return 0;
}
