#include "base/histogram.h"

#include <apr_strings.h>

#include <string.h>

#define UNIT     APR_TIME_C(1000) /* upper border of bucket 0 */
#define STEP     (UNIT / LLMQ_HISTOGRAM_STEPS)
#define LAST     (LLMQ_HISTOGRAM_BUCKETS - 1)
#define FULL     0xffffffffu
#define LONGEST  APR_INT64_MAX
#define OVERFULL (LLMQ_HISTOGRAM_OCTAVES - 1)

/* Taking one off first makes upper borders inclusive. */
int llmq_histogram_index(apr_interval_time_t d)
{
    unsigned long long steps;
    int octave;

    if (d <= UNIT)
        return 0;
    steps = (unsigned long long)(d - 1) / STEP;
    octave = 63 - __builtin_clzll(steps / LLMQ_HISTOGRAM_STEPS);
    if (octave >= LLMQ_HISTOGRAM_LAST)
        return LAST;
    return 1 + octave * LLMQ_HISTOGRAM_STEPS
           + (int)((steps >> octave) - LLMQ_HISTOGRAM_STEPS);
}

apr_interval_time_t llmq_histogram_upper(int index)
{
    int octave = (index - 1) / LLMQ_HISTOGRAM_STEPS;
    int step = (index - 1) % LLMQ_HISTOGRAM_STEPS;

    if (index == 0)
        return UNIT;
    if (index == LAST)
        return LONGEST;
    return (UNIT << octave) + (step + 1) * (STEP << octave);
}

int llmq_histogram_octave(int index)
{
    return index == 0 ? 0 : 1 + (index - 1) / LLMQ_HISTOGRAM_STEPS;
}

apr_interval_time_t llmq_histogram_octave_upper(int octave)
{
    return octave >= OVERFULL ? LONGEST : UNIT << octave;
}

static void fill(apr_uint32_t *counter, apr_uint32_t n)
{
    *counter = n > FULL - *counter ? FULL : *counter + n;
}

void llmq_histogram_add(llmq_histogram_t *h, apr_interval_time_t d)
{
    if (d < 0)
        d = 0;
    if (h->count == 0 || d < h->min)
        h->min = d;
    if (d > h->max)
        h->max = d;
    h->count++;
    h->sum += d;
    fill(&h->bucket[llmq_histogram_index(d)], 1);
}

void llmq_histogram_add_octave(llmq_octaves_t *o, apr_interval_time_t d)
{
    o->count++;
    o->sum += d > 0 ? d : 0;
    o->octave[llmq_histogram_octave(llmq_histogram_index(d))]++;
}

void llmq_histogram_merge(llmq_histogram_t *h, const llmq_histogram_t *from)
{
    int i;

    if (from->count == 0)
        return;
    if (h->count == 0 || from->min < h->min)
        h->min = from->min;
    if (from->max > h->max)
        h->max = from->max;
    h->count += from->count;
    h->sum += from->sum;
    for (i = 0; i < LLMQ_HISTOGRAM_BUCKETS; i++)
        fill(&h->bucket[i], from->bucket[i]);
}

apr_interval_time_t llmq_histogram_mean(const llmq_histogram_t *h)
{
    return h->count ? h->sum / (apr_interval_time_t)h->count : 0;
}

static apr_interval_time_t middle(const llmq_histogram_t *h, int index)
{
    apr_interval_time_t lower = index ? llmq_histogram_upper(index - 1) : 0;
    apr_interval_time_t d = lower + (llmq_histogram_upper(index) - lower) / 2;

    if (index == LAST || d > h->max)
        return h->max;
    return d < h->min ? h->min : d;
}

apr_interval_time_t llmq_histogram_quantile(const llmq_histogram_t *h, double q)
{
    apr_uint64_t all = 0, rank, seen = 0;
    int i;

    for (i = 0; i < LLMQ_HISTOGRAM_BUCKETS; i++)
        all += h->bucket[i];
    if (all == 0)
        return 0;
    rank = q <= 0 ? 0 : (apr_uint64_t)(q * (double)all + 0.999999);
    if (rank <= 1)
        return h->min;
    if (rank >= all)
        return h->max;
    for (i = 0; i < LAST; i++) {
        seen += h->bucket[i];
        if (seen >= rank)
            break;
    }
    return middle(h, i);
}

void llmq_histogram_format(llmq_text_t *t, const llmq_histogram_t *h)
{
    int i;

    llmq_text_printf(t,
                     "%" APR_UINT64_T_FMT " %" APR_INT64_T_FMT " %" APR_INT64_T_FMT
                     " %" APR_INT64_T_FMT,
                     h->count, h->sum, h->min, h->max);
    for (i = 0; i < LLMQ_HISTOGRAM_BUCKETS; i++)
        if (h->bucket[i])
            llmq_text_printf(t, " %d:%u", i, h->bucket[i]);
}

/* A number from 0 up to max and the byte after it. */
static int read_number(apr_int64_t *pn, const char **ptext, apr_int64_t max, char after)
{
    const char *s = *ptext;
    char *end;

    if (*s < '0' || *s > '9')
        return 0;
    *pn = apr_strtoi64(s, &end, 10);
    if (*pn < 0 || *pn > max)
        return 0;
    if (*end != after && !(after == ' ' && *end == '\0'))
        return 0;
    *ptext = *end ? end + 1 : end;
    return 1;
}

apr_status_t llmq_histogram_parse(llmq_histogram_t *h, const char *text)
{
    llmq_histogram_t got;
    apr_int64_t count, index, n;

    memset(&got, 0, sizeof(got));
    if (!read_number(&count, &text, LONGEST, ' ')
        || !read_number(&got.sum, &text, LONGEST, ' ')
        || !read_number(&got.min, &text, LONGEST, ' ')
        || !read_number(&got.max, &text, LONGEST, ' '))
        return APR_EINVAL;
    while (*text) {
        if (!read_number(&index, &text, LAST, ':') || !read_number(&n, &text, FULL, ' '))
            return APR_EINVAL;
        got.bucket[index] = (apr_uint32_t)n;
    }
    got.count = (apr_uint64_t)count;
    *h = got;
    return APR_SUCCESS;
}
