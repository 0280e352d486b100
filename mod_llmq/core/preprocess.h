/**
 * @file preprocess.h
 * The decision of the preprocessor: how urgent is a message whose sender did not say? The
 * first of these that has an answer gives the level and its name as the reason:
 *
 *     user_override     `metadata.user_priority` of the message itself
 *     user_default      the level that the user has by default
 *     content_keywords  rules and keywords: the level of which the content holds most
 *                       different texts; a tie goes to the more urgent
 *
 * What is normal then, and not by user_override, is moved once more: to high when
 * `metadata.vip_user` is there (vip_user), else to low when the content is long
 * (long_content). A level other than normal that the sender chose is never changed; normal
 * cannot be told from saying nothing, as in the system that the interface comes from.
 */
#ifndef LLMQ_PREPROCESS_H
#define LLMQ_PREPROCESS_H

#include "core/analysis.h"
#include "core/job.h"

#include <json-c/json_types.h>

/** Why a message has its level; words in preprocess.c. */
typedef enum {
    LLMQ_REASON_NONE = 0, /* the sender's choice, or nothing spoke for another */
    LLMQ_REASON_USER_OVERRIDE,
    LLMQ_REASON_USER_DEFAULT,
    LLMQ_REASON_KEYWORDS,
    LLMQ_REASON_VIP,
    LLMQ_REASON_LONG,
    LLMQ_REASON_COUNT
} llmq_reason_e;

/** What the decision is made of. Levels are LLMQ_LEVEL_NONE where nothing is known. */
typedef struct llmq_urgency_t {
    llmq_level_e asked;        /* by the sender; normal also stands for nothing */
    llmq_level_e override;     /* metadata.user_priority */
    llmq_level_e user_default; /* of the user */
    const int *hits;           /* by level: different texts that were found */
    int is_vip;
    int is_long;
} llmq_urgency_t;

/**
 * Read what the metadata say: `user_priority`, a level's word or number (anything else is
 * as if it were absent), and `vip_user`, which counts unless it is null or false.
 * @param u        out: override and is_vip
 * @param metadata an object; NULL for none
 * @threads any
 */
void llmq_preprocess_metadata(llmq_urgency_t *u, struct json_object *metadata);

/**
 * Decide.
 * @param plevel out: the level
 * @param u      what is known
 * @return why
 * @threads any
 */
llmq_reason_e llmq_preprocess_level(llmq_level_e *plevel, const llmq_urgency_t *u);

/**
 * The metadata with the marks of the preprocessor: `analyzed` true, `word_count`,
 * `sentiment`, `contains_question` "true" or "false", and `priority_reason` if there is
 * one. Members of these names that the sender wrote are replaced.
 * @param job      its metadata text is read
 * @param metadata the same, parsed; NULL for none. It is changed
 * @param a        what was found
 * @param reason   why the level is what it is
 * @param p        pool of the result
 * @return JSON object text
 * @threads any
 */
const char *llmq_preprocess_marks(const llmq_job_t *job, struct json_object *metadata,
                                  const llmq_analysis_t *a, llmq_reason_e reason,
                                  apr_pool_t *p);

/**
 * @param reason a reason
 * @return its word, such as "content_keywords"; NULL for none
 * @threads any
 */
const char *llmq_preprocess_reason_name(llmq_reason_e reason);

#endif /* LLMQ_PREPROCESS_H */
