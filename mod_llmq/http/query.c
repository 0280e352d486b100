#include "http/query.h"

#include "base/duration.h"
#include "base/text.h"
#include "core/priority.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <limits.h>

static apr_status_t add_pair(apr_table_t *table, char *pair, llmq_result_t *why)
{
    char *value = strchr(pair, '=');

    if (!value) {
        return APR_SUCCESS;
    }
    *value++ = '\0';
    if (ap_unescape_urlencoded(pair) != OK || ap_unescape_urlencoded(value) != OK
        || !llmq_text_is_utf8(pair, strlen(pair))
        || !llmq_text_is_utf8(value, strlen(value))) {
        return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, NULL,
                               "the parameters are not properly encoded UTF-8");
    }
    if (*value) {
        apr_table_setn(table, pair, value);
    }
    return APR_SUCCESS;
}

apr_status_t llmq_query_parse_text(apr_table_t **ptable, const char *text, apr_pool_t *p,
                                   llmq_result_t *why)
{
    apr_table_t *table = apr_table_make(p, 8);
    char *rest = apr_pstrdup(p, text);
    char *pair;
    char *state = NULL;

    for (pair = apr_strtok(rest, "&", &state); pair;
         pair = apr_strtok(NULL, "&", &state)) {
        apr_status_t rv = add_pair(table, pair, why);

        if (rv != APR_SUCCESS) {
            return rv;
        }
    }
    *ptable = table;
    return APR_SUCCESS;
}

apr_status_t llmq_query_parse(apr_table_t **ptable, request_rec *r, llmq_result_t *why)
{
    return llmq_query_parse_text(ptable, r->args ? r->args : "", r->pool, why);
}

apr_status_t llmq_query_count(int *pn, const apr_table_t *query, const char *name,
                              int max, llmq_result_t *why)
{
    const char *value = apr_table_get(query, name);
    const char *c;
    apr_int64_t n = 0;

    if (!value) {
        return APR_SUCCESS;
    }
    for (c = value; apr_isdigit(*c); c++) {
        n = n > INT_MAX ? n : n * 10 + (*c - '0');
    }
    if (*c || n < 1) {
        return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, name,
                               "must be a whole number from 1 up");
    }
    *pn = n > max ? max : (int)n;
    return APR_SUCCESS;
}

apr_status_t llmq_query_word(int *pi, const apr_table_t *query, const char *name,
                             const char *const *words, llmq_result_t *why)
{
    const char *value = apr_table_get(query, name);
    int i;

    if (!value) {
        return APR_SUCCESS;
    }
    for (i = 0; words[i]; i++) {
        if (strcmp(words[i], value) == 0) {
            *pi = i;
            return APR_SUCCESS;
        }
    }
    return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, name,
                           "is not one of the known words");
}

apr_status_t llmq_query_known(const apr_table_t *query, const char *const *words,
                              llmq_result_t *why)
{
    const apr_array_header_t *pairs = apr_table_elts(query);
    int i;

    for (i = 0; i < pairs->nelts; i++) {
        const char *name = APR_ARRAY_IDX(pairs, i, apr_table_entry_t).key;
        const char *const *word = words;

        while (*word && strcmp(*word, name) != 0) {
            word++;
        }
        if (!*word) {
            return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, name,
                                   "is no parameter of this call");
        }
    }
    return APR_SUCCESS;
}

apr_status_t llmq_query_level(llmq_level_e *plevel, const apr_table_t *query,
                              const char *name, llmq_result_t *why)
{
    const char *value = apr_table_get(query, name);

    if (value && llmq_priority_parse(plevel, value) != APR_SUCCESS) {
        return llmq_result_set(why, LLMQ_PROBLEM_PRIORITY, name,
                               "must be realtime, high, normal or low");
    }
    return APR_SUCCESS;
}

apr_status_t llmq_query_moment(apr_time_t *pwhen, const apr_table_t *query,
                               const char *name, apr_time_t now, int ahead,
                               llmq_result_t *why)
{
    const char *value = apr_table_get(query, name);
    apr_interval_time_t distance = 0;

    if (!value || llmq_text_parse_rfc3339(pwhen, value) == APR_SUCCESS) {
        return APR_SUCCESS;
    }
    if (llmq_duration_parse(&distance, value) != APR_SUCCESS) {
        return llmq_result_set(why, LLMQ_PROBLEM_REQUEST, name,
                               "must be a time as RFC 3339 has it or a duration such as"
                               " \"1h30m\"");
    }
    *pwhen = ahead ? now + distance : now - distance;
    return APR_SUCCESS;
}

apr_status_t llmq_query_kind(llmq_kind_e *pkind, const apr_table_t *query,
                             llmq_result_t *why)
{
    /* By llmq_kind_e; the first is never sent. */
    static const char *const words[] = {"", "message", "task", NULL};
    int i = (int)*pkind;
    apr_status_t rv = llmq_query_word(&i, query, "kind", words, why);

    *pkind = (llmq_kind_e)i;
    return rv;
}
