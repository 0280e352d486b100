#include "core/preprocess.h"

#include "base/json.h"
#include "core/message.h"

#include <json-c/json.h>
#include <string.h>

#define KEY_OVERRIDE "user_priority"
#define KEY_VIP      "vip_user"

static const char *const reason_names[] = {
    [LLMQ_REASON_NONE] = NULL,
    [LLMQ_REASON_USER_OVERRIDE] = "user_override",
    [LLMQ_REASON_USER_DEFAULT] = "user_default",
    [LLMQ_REASON_KEYWORDS] = "content_keywords",
    [LLMQ_REASON_VIP] = "vip_user",
    [LLMQ_REASON_LONG] = "long_content",
};
_Static_assert(sizeof(reason_names) / sizeof(reason_names[0]) == LLMQ_REASON_COUNT,
               "each reason has a word");

/* The members that are ours. */
static const char *const marks[] = {
    "analyzed", "word_count", "sentiment", "contains_question", "priority_reason",
};
#define N_MARKS     (int)(sizeof(marks) / sizeof(marks[0]))
#define MARK_REASON (N_MARKS - 1)

void llmq_preprocess_metadata(llmq_urgency_t *u, struct json_object *metadata)
{
    struct json_object *value;

    u->override = LLMQ_LEVEL_NONE;
    u->is_vip = 0;
    if (!metadata)
        return;
    llmq_message_parse_level(&u->override, llmq_json_member(metadata, KEY_OVERRIDE));
    value = llmq_json_member(metadata, KEY_VIP);
    u->is_vip = value
                && (!json_object_is_type(value, json_type_boolean)
                    || json_object_get_boolean(value));
}

static llmq_level_e most_hits(const int *hits)
{
    llmq_level_e best = LLMQ_LEVEL_NONE;
    int most = 0;
    int l;

    LLMQ_EACH_LEVEL (l) {
        if (hits[l] > most) {
            most = hits[l];
            best = (llmq_level_e)l;
        }
    }
    return best;
}

static llmq_reason_e first_answer(llmq_level_e *plevel, const llmq_urgency_t *u)
{
    const llmq_level_e answers[LLMQ_REASON_KEYWORDS + 1] = {
        [LLMQ_REASON_USER_OVERRIDE] = u->override,
        [LLMQ_REASON_USER_DEFAULT] = u->user_default,
        [LLMQ_REASON_KEYWORDS] = most_hits(u->hits),
    };
    int reason;

    for (reason = LLMQ_REASON_USER_OVERRIDE; reason <= LLMQ_REASON_KEYWORDS; reason++) {
        if (answers[reason] != LLMQ_LEVEL_NONE) {
            *plevel = answers[reason];
            return (llmq_reason_e)reason;
        }
    }
    *plevel = LLMQ_LEVEL_NORMAL;
    return LLMQ_REASON_NONE;
}

llmq_reason_e llmq_preprocess_level(llmq_level_e *plevel, const llmq_urgency_t *u)
{
    llmq_reason_e reason;

    *plevel = u->asked;
    if (u->asked != LLMQ_LEVEL_NORMAL)
        return LLMQ_REASON_NONE;
    reason = first_answer(plevel, u);
    if (*plevel != LLMQ_LEVEL_NORMAL || reason == LLMQ_REASON_USER_OVERRIDE)
        return reason;
    if (u->is_vip) {
        *plevel = LLMQ_LEVEL_HIGH;
        return LLMQ_REASON_VIP;
    }
    if (u->is_long) {
        *plevel = LLMQ_LEVEL_LOW;
        return LLMQ_REASON_LONG;
    }
    return reason;
}

/* Take out what the sender wrote under our names.
 * @return non-zero if there was any */
static int remove_marks(struct json_object *metadata, llmq_reason_e reason)
{
    int n = reason ? N_MARKS : MARK_REASON;
    int found = 0;
    int i;

    for (i = 0; metadata && i < n; i++) {
        if (json_object_object_get_ex(metadata, marks[i], NULL)) {
            json_object_object_del(metadata, marks[i]);
            found = 1;
        }
    }
    return found;
}

const char *llmq_preprocess_marks(const llmq_job_t *job, struct json_object *metadata,
                                  const llmq_analysis_t *a, llmq_reason_e reason,
                                  apr_pool_t *p)
{
    int changed = remove_marks(metadata, reason);
    const char *text = changed ? llmq_json_format(metadata) : job->metadata;
    apr_size_t len = text ? strlen(text) : 0;
    llmq_text_t t;

    llmq_text_init(&t, len + 160, p);
    if (len < 2)
        LLMQ_TEXT_LIT(&t, "{");
    else
        llmq_text_add(&t, text, len - 1); /* without the brace at the end */
    llmq_json_kv_raw(&t, marks[0], "true");
    llmq_json_kv_int(&t, marks[1], a->words);
    llmq_json_kv(&t, marks[2], llmq_analysis_sentiment_name(a->sentiment));
    llmq_json_kv(&t, marks[3], a->is_question ? "true" : "false");
    if (reason)
        llmq_json_kv(&t, marks[MARK_REASON], llmq_preprocess_reason_name(reason));
    LLMQ_TEXT_LIT(&t, "}");
    return t.data;
}

const char *llmq_preprocess_reason_name(llmq_reason_e reason)
{
    return (unsigned)reason < LLMQ_REASON_COUNT ? reason_names[reason] : NULL;
}
