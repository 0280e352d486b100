#include "core/charge.h"

#include "base/json.h"

#include <apr_strings.h>
#include <json-c/json.h>

#include <string.h>

#define DEPTH       64
#define MOST_TOKENS (1 << 24) /* of an answer; more was made up */

static void format_one(llmq_text_t *t, const llmq_charge_t *charge)
{
    const apr_int64_t numbers[] = {(apr_int64_t)charge->account, charge->n,
                                   charge->window, charge->rule.limit,
                                   charge->rule.period};
    const char letter[] = {(char)charge->what, '\0'};
    size_t i;

    llmq_text_puts(t, letter);
    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        LLMQ_TEXT_LIT(t, ":");
        llmq_text_int(t, numbers[i]);
    }
    LLMQ_TEXT_LIT(t, ";");
}

const char *llmq_charge_format(const llmq_charge_t *charges, int n, apr_pool_t *p)
{
    llmq_text_t t;
    int i;

    if (n == 0) {
        return NULL;
    }
    llmq_text_init(&t, (apr_size_t)n * 96, p);
    for (i = 0; i < n; i++) {
        format_one(&t, &charges[i]);
    }
    return t.data;
}

static int read_number(apr_int64_t *pn, const char **ptext, char until)
{
    char *end = NULL;

    *pn = apr_strtoi64(*ptext, &end, 10);
    if (end == *ptext || *end != until) {
        return 0;
    }
    *ptext = end + 1;
    return 1;
}

static int read_charge(llmq_charge_t *charge, const char **ptext)
{
    const char *text = *ptext;
    apr_int64_t account = 0;

    if (!strchr("rtc", text[0]) || text[1] != ':') {
        return 0;
    }
    charge->what = (llmq_charge_e)text[0];
    text += 2;
    if (!read_number(&account, &text, ':') || !read_number(&charge->n, &text, ':')
        || !read_number(&charge->window, &text, ':')
        || !read_number(&charge->rule.limit, &text, ':')
        || !read_number(&charge->rule.period, &text, ';') || charge->rule.limit <= 0
        || charge->rule.period < 0) {
        return 0;
    }
    charge->account = (apr_uint64_t)account;
    charge->rule.carry = charge->what != LLMQ_CHARGE_COST;
    *ptext = text;
    return 1;
}

int llmq_charge_parse(llmq_charge_t *charges, const char *text)
{
    int again;
    int n = 0;

    if (!text) {
        return 0;
    }
    text += *text == LLMQ_CHARGE_SETTLED;
    again = *text == LLMQ_CHARGE_AGAIN;
    text += again;
    while (*text && n < LLMQ_CHARGES_MAX && read_charge(&charges[n], &text)) {
        charges[n].n = again ? 0 : charges[n].n;
        n++;
    }
    return n;
}

/* ---- what was used ---- */

/* @return -1 if it does not say */
static apr_int64_t count_of(struct json_object *usage, const char *name)
{
    struct json_object *value = llmq_json_member(usage, name);
    apr_int64_t n =
        json_object_is_type(value, json_type_int) ? json_object_get_int64(value) : -1;

    return n > MOST_TOKENS ? MOST_TOKENS : n;
}

apr_int64_t llmq_charge_tokens(const char *result, apr_pool_t *p)
{
    struct json_object *answer = NULL;
    struct json_object *usage;
    apr_int64_t prompt;
    apr_int64_t completion;
    llmq_result_t why;

    if (llmq_json_parse(&answer, result, strlen(result), DEPTH, &why, p) != APR_SUCCESS) {
        return -1;
    }
    usage = llmq_json_member(answer, "usage");
    prompt = count_of(usage, "prompt_tokens");
    completion = count_of(usage, "completion_tokens");
    if (prompt < 0 && completion < 0) {
        return -1;
    }
    return (prompt > 0 ? prompt : 0) + (completion > 0 ? completion : 0);
}
