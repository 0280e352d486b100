/* The preprocessor's pure parts: lines up to an empty one are patterns, the rest is the
 * content. What the automaton finds is what looking for each pattern finds; folding keeps
 * UTF-8 and is done after one time; the analysis counts no more words than bytes. */
#include "fuzz.h"

#include "base/utf8.h"
#include "core/analysis.h"
#include "core/matcher.h"

#include <apr_general.h>

#include <string.h>

#define PATTERNS_MAX 32

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    return apr_initialize();
}

static int is_repeated(const llmq_pattern_t *patterns, int i)
{
    int k;

    for (k = 0; k < i; k++) {
        if (patterns[k].len == patterns[i].len && patterns[k].label == patterns[i].label
            && memcmp(patterns[k].text, patterns[i].text, patterns[i].len) == 0)
            return 1;
    }
    return 0;
}

static void check_matcher(const llmq_pattern_t *patterns, int n, const char *text,
                          size_t len, apr_pool_t *p)
{
    int hits[LLMQ_MATCHER_LABELS] = {0};
    int model[LLMQ_MATCHER_LABELS] = {0};
    llmq_matcher_t *m = NULL;
    int i;

    FUZZ_CHECK(llmq_matcher_create(&m, patterns, n, p) == APR_SUCCESS);
    llmq_matcher_count(hits, m, text, len, p);
    for (i = 0; i < n; i++) {
        if (patterns[i].len > 0 && !is_repeated(patterns, i)
            && memmem(text, len, patterns[i].text, patterns[i].len))
            model[patterns[i].label]++;
    }
    FUZZ_CHECK(memcmp(hits, model, sizeof(model)) == 0);
}

static void check_text(const char *text, size_t len, apr_pool_t *p)
{
    llmq_analysis_t a;
    llmq_text_t once;
    llmq_text_t twice;

    llmq_text_init(&once, 1, p);
    llmq_utf8_fold(&once, text, len);
    llmq_text_init(&twice, 1, p);
    llmq_utf8_fold(&twice, once.data, once.len);
    FUZZ_CHECK(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0);
    if (llmq_text_is_utf8(text, len))
        FUZZ_CHECK(llmq_text_is_utf8(once.data, once.len));
    llmq_analysis_read(&a, once.data, once.len);
    FUZZ_CHECK(a.words >= 0 && (size_t)a.words <= once.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    llmq_pattern_t patterns[PATTERNS_MAX];
    const char *at = (const char *)data;
    const char *end = at + size;
    apr_pool_t *p;
    int n = 0;

    while (n < PATTERNS_MAX && at < end && *at != '\n') {
        const char *eol = memchr(at, '\n', (size_t)(end - at));

        eol = eol ? eol : end;
        patterns[n].text = at;
        patterns[n].len = (apr_size_t)(eol - at);
        patterns[n].label = n % LLMQ_MATCHER_LABELS;
        n++;
        at = eol < end ? eol + 1 : end;
    }
    apr_pool_create(&p, NULL);
    check_matcher(patterns, n, at, (size_t)(end - at), p);
    check_text(at, (size_t)(end - at), p);
    apr_pool_destroy(p);
    return 0;
}
