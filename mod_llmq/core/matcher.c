#include "core/matcher.h"

#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

#define ROOT 0

/* A distinct text and the labels that it goes by, one bit each. */
typedef struct {
    const char *text;
    apr_size_t len;
    unsigned char labels;
} word_t;

struct llmq_matcher_t {
    apr_uint32_t n_words;
    apr_uint32_t start[256]; /* children of the root by their byte, 0 if there is none */
    const unsigned char *labels; /* of each word, from 1 */
    const unsigned char *byte;
    const apr_uint32_t *first;
    const apr_uint32_t *fail;
    const apr_uint32_t *ends;
    const apr_uint32_t *shorter;
};

/* What only the building needs: the words below a state stand in a row, as they are sorted. */
typedef struct {
    word_t *words;
    apr_uint32_t n_words;
    apr_uint32_t *from; /* first word below a state */
    apr_uint32_t *to;   /* one behind the last */
    apr_uint32_t n_states;
    unsigned char *byte;
    apr_uint32_t *first;
    apr_uint32_t *fail;
    apr_uint32_t *ends;
    apr_uint32_t *shorter;
} build_t;

static int compare_words(const void *va, const void *vb)
{
    const word_t *a = va;
    const word_t *b = vb;
    apr_size_t len = a->len < b->len ? a->len : b->len;
    int order = memcmp(a->text, b->text, len);

    return order ? order : (a->len > b->len) - (a->len < b->len);
}

/* Sort the words and let equal ones become one. */
static void unite_words(build_t *b)
{
    apr_uint32_t kept = 0;
    apr_uint32_t i;

    if (b->n_words == 0)
        return;
    qsort(b->words, b->n_words, sizeof(word_t), compare_words);
    for (i = 1; i < b->n_words; i++) {
        if (compare_words(&b->words[kept], &b->words[i]) == 0)
            b->words[kept].labels |= b->words[i].labels;
        else
            b->words[++kept] = b->words[i];
    }
    b->n_words = kept + 1;
}

static apr_status_t take_words(build_t *b, apr_size_t *pbytes,
                               const llmq_pattern_t *patterns, int n, apr_pool_t *p)
{
    apr_size_t bytes = 0;
    int i;

    b->words = apr_palloc(p, sizeof(word_t) * ((apr_size_t)n + 1));
    for (i = 0; i < n; i++) {
        const llmq_pattern_t *from = &patterns[i];
        word_t *word = &b->words[b->n_words];

        if (from->label < 0 || from->label >= LLMQ_MATCHER_LABELS
            || from->len > LLMQ_MATCHER_MAX_BYTES - bytes)
            return APR_EINVAL;
        word->text = from->text;
        word->len = from->len;
        word->labels = (unsigned char)(1u << from->label);
        bytes += from->len;
        b->n_words += from->len > 0;
    }
    unite_words(b);
    *pbytes = bytes;
    return APR_SUCCESS;
}

/* The tree has at most one state for each byte, the root and the mark behind the last. */
static void allocate(build_t *b, apr_size_t bytes, apr_pool_t *p)
{
    apr_size_t n = bytes + 2;

    b->from = apr_palloc(p, n * sizeof(apr_uint32_t));
    b->to = apr_palloc(p, n * sizeof(apr_uint32_t));
    b->byte = apr_pcalloc(p, n);
    b->first = apr_palloc(p, n * sizeof(apr_uint32_t));
    b->fail = apr_pcalloc(p, n * sizeof(apr_uint32_t));
    b->ends = apr_pcalloc(p, n * sizeof(apr_uint32_t));
    b->shorter = apr_pcalloc(p, n * sizeof(apr_uint32_t));
}

/* The children of state s, which stands at the given depth. */
static void grow(build_t *b, apr_uint32_t s, apr_size_t depth)
{
    apr_uint32_t i = b->from[s];
    apr_uint32_t child;

    if (b->words[i].len == depth)
        b->ends[s] = ++i; /* words are numbered from 1 */
    b->first[s] = b->n_states;
    while (i < b->to[s]) {
        child = b->n_states++;
        b->byte[child] = (unsigned char)b->words[i].text[depth];
        b->from[child] = i;
        while (i < b->to[s] && (unsigned char)b->words[i].text[depth] == b->byte[child])
            i++;
        b->to[child] = i;
    }
}

static void grow_tree(build_t *b)
{
    apr_uint32_t level_end = 1;
    apr_size_t depth = 0;
    apr_uint32_t s;

    b->n_states = 1;
    b->from[ROOT] = 0;
    b->to[ROOT] = b->n_words;
    b->first[ROOT] = 1;
    for (s = 0; b->n_words > 0 && s < b->n_states; s++) {
        if (s == level_end) {
            level_end = b->n_states;
            depth++;
        }
        grow(b, s, depth);
    }
    b->first[b->n_states] = b->n_states;
}

static apr_uint32_t child_of(const unsigned char *byte, const apr_uint32_t *first,
                             apr_uint32_t s, unsigned char c)
{
    apr_uint32_t at = first[s];
    apr_size_t n = first[s + 1] - at;
    const unsigned char *found;

    if (n <= 1) /* nearly all states */
        return n && byte[at] == c ? at : 0;
    found = memchr(byte + at, c, n);
    return found ? (apr_uint32_t)(found - byte) : 0;
}

/* The suffixes of a state are shorter than it, so those of its parent are known by then. */
static void link_child(build_t *b, apr_uint32_t s, apr_uint32_t child)
{
    apr_uint32_t f = s;
    apr_uint32_t to = 0;

    while (f != ROOT && to == 0) {
        f = b->fail[f];
        to = child_of(b->byte, b->first, f, b->byte[child]);
    }
    b->fail[child] = to;
    b->shorter[child] = b->ends[to] ? to : b->shorter[to];
}

static void link_suffixes(build_t *b)
{
    apr_uint32_t s;
    apr_uint32_t child;

    for (s = 0; s < b->n_states; s++) {
        for (child = b->first[s]; child < b->first[s + 1]; child++)
            link_child(b, s, child);
    }
}

static const apr_uint32_t *kept(const apr_uint32_t *numbers, apr_uint32_t n,
                                apr_pool_t *p)
{
    return apr_pmemdup(p, numbers, n * sizeof(*numbers));
}

static llmq_matcher_t *finish(const build_t *b, apr_pool_t *p)
{
    llmq_matcher_t *m = apr_pcalloc(p, sizeof(*m));
    unsigned char *labels = apr_pcalloc(p, b->n_words + 1);
    apr_uint32_t n = b->n_states + 1;
    apr_uint32_t i;

    for (i = 0; i < b->n_words; i++)
        labels[i + 1] = b->words[i].labels;
    for (i = b->first[ROOT]; i < b->first[ROOT + 1]; i++)
        m->start[b->byte[i]] = i;
    m->n_words = b->n_words;
    m->labels = labels;
    m->byte = apr_pmemdup(p, b->byte, n);
    m->first = kept(b->first, n, p);
    m->fail = kept(b->fail, n, p);
    m->ends = kept(b->ends, n, p);
    m->shorter = kept(b->shorter, n, p);
    return m;
}

apr_status_t llmq_matcher_create(llmq_matcher_t **pm, const llmq_pattern_t *patterns,
                                 int n, apr_pool_t *p)
{
    build_t b = {0};
    apr_pool_t *scratch;
    apr_size_t bytes = 0;
    apr_status_t rv;

    apr_pool_create(&scratch, p);
    rv = take_words(&b, &bytes, patterns, n, scratch);
    if (rv == APR_SUCCESS) {
        allocate(&b, bytes, scratch);
        grow_tree(&b);
        link_suffixes(&b);
        *pm = finish(&b, p);
    }
    apr_pool_destroy(scratch);
    return rv;
}

static apr_uint32_t move(const llmq_matcher_t *m, apr_uint32_t s, unsigned char c)
{
    apr_uint32_t next;

    while (s != ROOT) {
        next = child_of(m->byte, m->first, s, c);
        if (next)
            return next;
        s = m->fail[s];
    }
    return m->start[c];
}

static void note_word(int *hits, unsigned labels)
{
    int i;

    for (i = 0; labels; i++, labels >>= 1)
        hits[i] += labels & 1;
}

/* The words that end at state s. Behind one that was found before all shorter ones were
 * found with it, so that the whole text costs no more of these steps than it has bytes and
 * the matcher has words. */
static void note_ends(int *hits, unsigned char *found, const llmq_matcher_t *m,
                      apr_uint32_t s)
{
    apr_uint32_t at = m->ends[s] ? s : m->shorter[s];

    for (; at; at = m->shorter[at]) {
        apr_uint32_t word = m->ends[at];
        unsigned char bit = (unsigned char)(1u << (word & 7));

        if (found[word >> 3] & bit)
            return;
        found[word >> 3] |= bit;
        note_word(hits, m->labels[word]);
    }
}

void llmq_matcher_count(int *hits, const llmq_matcher_t *m, const char *text,
                        apr_size_t len, apr_pool_t *p)
{
    unsigned char *found;
    apr_uint32_t s = ROOT;
    apr_size_t i;

    if (m->n_words == 0)
        return;
    found = apr_pcalloc(p, m->n_words / 8 + 1);
    for (i = 0; i < len; i++) {
        s = move(m, s, (unsigned char)text[i]);
        if (m->ends[s] || m->shorter[s])
            note_ends(hits, found, m, s);
    }
}
