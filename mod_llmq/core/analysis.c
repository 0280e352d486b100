#include "core/analysis.h"

#include "base/utf8.h"
#include "core/analysis_terms.h"

#include <string.h>

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* What a character is to the counting of words. */
typedef enum {
    CHAR_BLANK, /* ends a word: white space, general and East Asian punctuation */
    CHAR_WORD,  /* a word by itself */
    CHAR_PART   /* part of a word */
} char_e;

typedef struct {
    llmq_analysis_t *a;
    int weight;    /* of all terms so far */
    int is_turned; /* a negation stands right before */
} reader_t;

/* Chinese characters and Japanese kana. */
static int is_ideograph(apr_uint32_t c)
{
    return (c >= 0x3041 && c <= 0x30FF && c != 0x30FB) || (c >= 0x31F0 && c <= 0x31FF)
           || (c >= 0x3400 && c <= 0x4DBF) || (c >= 0x4E00 && c <= 0x9FFF)
           || (c >= 0xF900 && c <= 0xFAFF) || (c >= 0xFF66 && c <= 0xFF9F)
           || (c >= 0x20000 && c <= 0x3FFFF) || c == 0x3005 || c == 0x3007;
}

/* The punctuation of texts without blanks. */
static int is_wide_punctuation(apr_uint32_t c)
{
    return (c >= 0x2000 && c <= 0x206F) || (c >= 0x3000 && c <= 0x303F) || c == 0x30FB
           || (c >= 0xFF00 && c <= 0xFF0F) || (c >= 0xFF1A && c <= 0xFF20)
           || (c >= 0xFF3B && c <= 0xFF40) || (c >= 0xFF5B && c <= 0xFF65);
}

static char_e kind_of(apr_uint32_t c)
{
    if (c > ' ' && c < 0x80)
        return CHAR_PART;
    if (is_ideograph(c))
        return CHAR_WORD;
    return llmq_utf8_is_space(c) || is_wide_punctuation(c) ? CHAR_BLANK : CHAR_PART;
}

static int is_question_mark(apr_uint32_t c)
{
    return c == '?' || c == 0xFF1F || c == 0x061F;
}

/* As strcmp(), of len bytes without a NUL at their end. */
static int compare(const char *s, apr_size_t len, const char *with)
{
    apr_size_t i = 0;

    while (i < len && with[i] && s[i] == with[i])
        i++;
    if (i == len)
        return with[i] ? -1 : 0;
    return (unsigned char)s[i] < (unsigned char)with[i] ? -1 : 1;
}

/* The first term that is not before the text. */
static apr_size_t first_term(const char *s, apr_size_t len)
{
    apr_size_t from = 0;
    apr_size_t to = COUNT(terms);

    while (from < to) {
        apr_size_t mid = from + (to - from) / 2;

        if (compare(s, len, terms[mid].text) > 0)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

static int is_negation(const char *s, apr_size_t len)
{
    apr_size_t i;

    if (len > 3 && memcmp(s + len - 3, "n't", 3) == 0)
        return 1;
    for (i = 0; i < COUNT(negations); i++) {
        if (compare(s, len, negations[i]) == 0)
            return 1;
    }
    return 0;
}

static void weigh(reader_t *r, int weight)
{
    r->weight += r->is_turned ? -weight : weight;
    r->is_turned = 0;
}

static int is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || c == '\'' || (unsigned char)c >= 0x80;
}

/* One word with whatever punctuation hangs on it. */
static void read_word(reader_t *r, const char *s, const char *end)
{
    apr_size_t len = (apr_size_t)(end - s);
    apr_size_t at;

    r->a->words++;
    while (len > 0 && !is_letter(*s)) {
        s++;
        len--;
    }
    while (len > 0 && !is_letter(s[len - 1]))
        len--;
    at = first_term(s, len);
    if (at < COUNT(terms) && compare(s, len, terms[at].text) == 0)
        weigh(r, terms[at].weight);
    else
        r->is_turned = len > 0 && is_negation(s, len);
}

/* The longest term that begins here; the terms of one character stand together. */
static const term_t *term_at(const char *s, const char *end, apr_size_t first_len)
{
    const term_t *best = NULL;
    apr_size_t i;

    for (i = first_term(s, first_len);
         i < COUNT(terms) && strncmp(terms[i].text, s, first_len) == 0; i++) {
        apr_size_t len = strlen(terms[i].text);

        if (len <= (apr_size_t)(end - s) && memcmp(terms[i].text, s, len) == 0)
            best = &terms[i]; /* sorted: a longer one comes later */
    }
    return best;
}

static int is_negating_character(apr_uint32_t c)
{
    return c == 0x4E0D || c == 0x6CA1 || c == 0x522B; /* bu, mei, bie */
}

/* Characters that are words by themselves; a term takes several at once.
 * @return where to go on */
static const char *read_ideographs(reader_t *r, const char *s, const char *next,
                                   const char *end)
{
    const term_t *term = term_at(s, end, (apr_size_t)(next - s));
    const char *at = s;

    if (term) {
        next = s + strlen(term->text);
        weigh(r, term->weight);
    }
    while (s < next) {
        at = s;
        llmq_utf8_next(&s, end);
        r->a->words++;
    }
    if (!term)
        r->is_turned = is_negating_character(llmq_utf8_next(&at, end));
    return next;
}

void llmq_analysis_read(llmq_analysis_t *a, const char *text, apr_size_t len)
{
    reader_t r = {a, 0, 0};
    const char *end = text + len;
    const char *word = NULL; /* where the word began that is being read */
    const char *s = text;

    memset(a, 0, sizeof(*a));
    while (s < end) {
        const char *at = s;
        apr_uint32_t c =
            (unsigned char)*s < 0x80 ? (unsigned char)*s++ : llmq_utf8_next(&s, end);
        char_e kind = kind_of(c);

        a->is_question |= is_question_mark(c);
        if (kind == CHAR_PART && !word)
            word = at;
        if (kind != CHAR_PART && word) {
            read_word(&r, word, at);
            word = NULL;
        }
        if (kind == CHAR_WORD)
            s = read_ideographs(&r, at, s, end);
    }
    if (word)
        read_word(&r, word, end);
    a->sentiment = r.weight > 0   ? LLMQ_SENTIMENT_POSITIVE
                   : r.weight < 0 ? LLMQ_SENTIMENT_NEGATIVE
                                  : LLMQ_SENTIMENT_NEUTRAL;
}

const char *llmq_analysis_sentiment_name(llmq_sentiment_e sentiment)
{
    static const char *const names[] = {"neutral", "positive", "negative"};

    _Static_assert(COUNT(names) == LLMQ_SENTIMENT_COUNT, "each sentiment has a word");
    return (unsigned)sentiment < LLMQ_SENTIMENT_COUNT ? names[sentiment] : names[0];
}
