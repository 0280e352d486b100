/*
 * Cost of the preprocessor: building the automaton of many rules, and reading a content
 * with it, beside what looking for each rule by itself (memmem) would cost. The content is
 * made of words, one in eight of which begins like a rule; a second one makes the automaton
 * fall back as often as it can. One JSON line tells what came of it, times per content.
 *
 *   bench_match [RULES [BYTES]]
 *   bench_match 1000 65536
 */
#include "base/utf8.h"
#include "core/analysis.h"
#include "core/matcher.h"

#include <apr_general.h>
#include <apr_strings.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS     200
#define RULE_BYTES 16

static double now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e6 + (double)ts.tv_nsec / 1e3;
}

static void put_letters(char *to, int n)
{
    while (n-- > 0)
        *to++ = (char)('a' + rand() % 26);
}

static llmq_pattern_t *make_rules(int n, apr_pool_t *p)
{
    llmq_pattern_t *rules = apr_palloc(p, sizeof(*rules) * (apr_size_t)n);
    int i;

    for (i = 0; i < n; i++) {
        char *text = apr_pcalloc(p, RULE_BYTES + 1);

        put_letters(text, RULE_BYTES);
        rules[i].text = text;
        rules[i].len = RULE_BYTES;
        rules[i].label = 1 + i % 4;
    }
    return rules;
}

static char *make_content(const llmq_pattern_t *rules, int n, int bytes, apr_pool_t *p)
{
    char *text = apr_pcalloc(p, (apr_size_t)bytes + 1);
    int at = 0;

    while (at < bytes) {
        int len = 2 + rand() % 9;

        len = len > bytes - at ? bytes - at : len;
        if (rand() % 8 == 0)
            memcpy(text + at, rules[rand() % n].text, (size_t)len);
        else
            put_letters(text + at, len);
        at += len;
        if (at < bytes)
            text[at++] = ' ';
    }
    return text;
}

static double time_count(const llmq_matcher_t *m, const char *text, int bytes,
                         apr_pool_t *p)
{
    int hits[LLMQ_MATCHER_LABELS] = {0};
    apr_pool_t *scratch;
    double begin = now_us();
    int i;

    apr_pool_create(&scratch, p);
    for (i = 0; i < ROUNDS; i++) {
        llmq_matcher_count(hits, m, text, (apr_size_t)bytes, scratch);
        apr_pool_clear(scratch);
    }
    return (now_us() - begin) / ROUNDS;
}

static double time_naive(const llmq_pattern_t *rules, int n, const char *text, int bytes)
{
    double begin = now_us();
    volatile int found = 0;
    int i;

    for (i = 0; i < n; i++)
        found += memmem(text, (size_t)bytes, rules[i].text, rules[i].len) != NULL;
    return now_us() - begin;
}

static double time_analysis(const char *text, int bytes, apr_pool_t *p)
{
    apr_pool_t *scratch;
    llmq_analysis_t a;
    llmq_text_t folded;
    double begin = now_us();
    int i;

    apr_pool_create(&scratch, p);
    for (i = 0; i < ROUNDS; i++) {
        llmq_text_init(&folded, (apr_size_t)bytes + 1, scratch);
        llmq_utf8_fold(&folded, text, (apr_size_t)bytes);
        llmq_analysis_read(&a, folded.data, folded.len);
        apr_pool_clear(scratch);
    }
    return (now_us() - begin) / ROUNDS;
}

/* Patterns a…ab of all lengths, and a content of a: at each byte the deepest state fails. */
static double time_worst(int n, int bytes, apr_pool_t *p)
{
    llmq_pattern_t *rules = apr_palloc(p, sizeof(*rules) * (apr_size_t)n);
    char *text = apr_pcalloc(p, (apr_size_t)bytes + 1);
    llmq_matcher_t *m = NULL;
    int i;

    memset(text, 'a', (size_t)bytes);
    for (i = 0; i < n; i++) {
        char *rule = apr_pcalloc(p, 258);

        rules[i].len = (apr_size_t)(i % 255 + 2);
        memset(rule, 'a', rules[i].len);
        rule[rules[i].len - 1] = (char)('b' + i / 255);
        rules[i].text = rule;
        rules[i].label = 1;
    }
    llmq_matcher_create(&m, rules, n, p);
    return time_count(m, text, bytes, p);
}

static char *chinese(int bytes, apr_pool_t *p)
{
    llmq_text_t t;

    llmq_text_init(&t, (apr_size_t)bytes + 8, p);
    while (t.len + 3 <= (apr_size_t)bytes)
        t.len += llmq_utf8_put(llmq_text_reserve(&t, 4),
                               0x4E00 + (apr_uint32_t)(rand() % 0x5000));
    t.data[t.len] = '\0';
    return t.data;
}

int main(int argc, char **argv)
{
    int n = argc > 1 ? atoi(argv[1]) : 1000;
    int bytes = argc > 2 ? atoi(argv[2]) : 65536;
    llmq_pattern_t *rules;
    llmq_matcher_t *m = NULL;
    apr_pool_t *p;
    char *text;
    double begin;
    double build;

    if (n < 1 || bytes < 16 || apr_initialize() || apr_pool_create(&p, NULL))
        return EXIT_FAILURE;
    srand(1);
    rules = make_rules(n, p);
    text = make_content(rules, n, bytes, p);
    begin = now_us();
    llmq_matcher_create(&m, rules, n, p);
    build = now_us() - begin;
    printf("{\"rules\":%d,\"bytes\":%d,\"build_us\":%.0f,\"match_us\":%.1f,"
           "\"worst_us\":%.1f,\"one_by_one_us\":%.1f,\"analysis_us\":%.1f,"
           "\"analysis_chinese_us\":%.1f}\n",
           n, bytes, build, time_count(m, text, bytes, p), time_worst(n, bytes, p),
           time_naive(rules, n, text, bytes), time_analysis(text, bytes, p),
           time_analysis(chinese(bytes, p), bytes - 2, p));
    return EXIT_SUCCESS;
}
