/**
 * @file backend_words.h
 * What answers of models say, member by member. Of errors OpenAI has the words in
 * error.message, others in error, message or detail.
 * @threads any
 */
#ifndef LLMQ_BACKEND_WORDS_H
#define LLMQ_BACKEND_WORDS_H

#include <json-c/json_types.h>

/**
 * @param object JSON, or NULL
 * @param name   of a member
 * @return its text, borrowed from @a object; NULL: none, or an empty one
 */
const char *llmq_backend_words_get(struct json_object *object, const char *name);

/**
 * @param answer JSON, or NULL
 * @return non-zero if it has an error that is not false
 */
int llmq_backend_words_has_error(struct json_object *answer);

/**
 * What an answer says of its failure, as it stands there: fit for nobody yet
 * (backend_scrub.h).
 * @param answer JSON, or NULL
 * @return borrowed from @a answer; NULL: nothing
 */
const char *llmq_backend_words_error(struct json_object *answer);

/**
 * @param pprompt     out: usage.prompt_tokens; untouched where there is none that makes sense
 * @param pcompletion likewise
 * @param usage       JSON, or NULL
 */
void llmq_backend_words_usage(int *pprompt, int *pcompletion, struct json_object *usage);

#endif /* LLMQ_BACKEND_WORDS_H */
