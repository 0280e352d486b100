/**
 * @file analysis.h
 * What can be told about a message without understanding it: how many words, of what
 * sentiment, and is something asked?
 *
 * Words are what stands between blanks, as `wc -w` counts them, and each Chinese character,
 * each Japanese kana by itself, as those scripts have no blanks; their punctuation is none.
 *
 * The sentiment weighs the terms of two short lists (analysis_terms.h), English by whole
 * words and Chinese wherever they stand; a negation right before a term turns it round. More
 * weight on one side decides, else the text is neutral.
 *
 * Something is asked where a question mark stands: `?`, the wide `？` or the Arabic `؟`.
 */
#ifndef LLMQ_ANALYSIS_H
#define LLMQ_ANALYSIS_H

#include <apr.h>

typedef enum {
    LLMQ_SENTIMENT_NEUTRAL = 0,
    LLMQ_SENTIMENT_POSITIVE,
    LLMQ_SENTIMENT_NEGATIVE,
    LLMQ_SENTIMENT_COUNT
} llmq_sentiment_e;

typedef struct llmq_analysis_t {
    apr_int64_t words;
    llmq_sentiment_e sentiment;
    int is_question;
} llmq_analysis_t;

/**
 * Analyse a text; one pass, whatever it says.
 * @param a    out
 * @param text folded UTF-8 (llmq_utf8_fold())
 * @param len  its bytes
 * @threads any
 */
void llmq_analysis_read(llmq_analysis_t *a, const char *text, apr_size_t len);

/**
 * @param sentiment a sentiment
 * @return "neutral", "positive" or "negative"; static
 * @threads any
 */
const char *llmq_analysis_sentiment_name(llmq_sentiment_e sentiment);

#endif /* LLMQ_ANALYSIS_H */
