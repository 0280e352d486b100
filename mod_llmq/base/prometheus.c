#include "base/prometheus.h"

#include <apr_strings.h>

#include <string.h>

#define MICRO 1000000

void llmq_prometheus_init(llmq_prometheus_t *w, llmq_text_t *text, int openmetrics)
{
    memset(w, 0, sizeof(*w));
    w->text = text;
    w->openmetrics = openmetrics;
}

/* OpenMetrics names a family of counters without the ending that its samples have. */
static void family_name(llmq_prometheus_t *w)
{
    llmq_text_puts(w->text, w->name);
    if (w->type == LLMQ_PROMETHEUS_COUNTER && !w->openmetrics)
        LLMQ_TEXT_LIT(w->text, "_total");
}

void llmq_prometheus_family(llmq_prometheus_t *w, llmq_prometheus_e type,
                            const char *name, const char *help)
{
    static const char *const types[] = {"counter", "gauge", "histogram"};

    w->name = name;
    w->type = type;
    LLMQ_TEXT_LIT(w->text, "# HELP ");
    family_name(w);
    LLMQ_TEXT_LIT(w->text, " ");
    llmq_text_puts(w->text, help);
    LLMQ_TEXT_LIT(w->text, "\n# TYPE ");
    family_name(w);
    LLMQ_TEXT_LIT(w->text, " ");
    llmq_text_puts(w->text, types[type]);
    LLMQ_TEXT_LIT(w->text, "\n");
}

static void escaped(llmq_text_t *t, const char *value)
{
    for (; *value; value++) {
        switch (*value) {
        case '\\': LLMQ_TEXT_LIT(t, "\\\\"); break;
        case '"': LLMQ_TEXT_LIT(t, "\\\""); break;
        case '\n': LLMQ_TEXT_LIT(t, "\\n"); break;
        default: llmq_text_add(t, value, 1); break;
        }
    }
}

/* The name of a sample, its labels and, where it has one, le. */
static void begin(llmq_prometheus_t *w, const char *ending,
                  const llmq_prometheus_label_t *labels, const char *le)
{
    char before = '{';

    llmq_text_puts(w->text, w->name);
    llmq_text_puts(w->text, ending);
    for (; labels && labels->name; labels++) {
        llmq_text_printf(w->text, "%c%s=\"", before, labels->name);
        escaped(w->text, labels->value);
        LLMQ_TEXT_LIT(w->text, "\"");
        before = ',';
    }
    if (le) {
        llmq_text_printf(w->text, "%cle=\"%s\"", before, le);
        before = ',';
    }
    llmq_text_puts(w->text, before == ',' ? "} " : " ");
}

static const char *ending_of(const llmq_prometheus_t *w)
{
    return w->type == LLMQ_PROMETHEUS_COUNTER ? "_total" : "";
}

/* Microseconds as seconds, without a detour through a binary fraction. */
static void seconds(llmq_text_t *t, apr_interval_time_t d)
{
    char fraction[8];
    int len = 6;

    if (d < 0) {
        LLMQ_TEXT_LIT(t, "-");
        d = -d;
    }
    llmq_text_int(t, d / MICRO);
    apr_snprintf(fraction, sizeof(fraction), "%06d", (int)(d % MICRO));
    while (len > 1 && fraction[len - 1] == '0')
        len--;
    LLMQ_TEXT_LIT(t, ".");
    llmq_text_add(t, fraction, (apr_size_t)len);
}

void llmq_prometheus_number(llmq_prometheus_t *w, const llmq_prometheus_label_t *labels,
                            double value)
{
    begin(w, ending_of(w), labels, NULL);
    llmq_text_printf(w->text, "%.6f\n", value);
}

void llmq_prometheus_count(llmq_prometheus_t *w, const llmq_prometheus_label_t *labels,
                           apr_uint64_t value)
{
    begin(w, ending_of(w), labels, NULL);
    llmq_text_printf(w->text, "%" APR_UINT64_T_FMT "\n", value);
}

void llmq_prometheus_seconds(llmq_prometheus_t *w, const llmq_prometheus_label_t *labels,
                             apr_interval_time_t value)
{
    begin(w, ending_of(w), labels, NULL);
    seconds(w->text, value);
    LLMQ_TEXT_LIT(w->text, "\n");
}

static void bucket(llmq_prometheus_t *w, const llmq_prometheus_label_t *labels,
                   const char *le, apr_uint64_t n)
{
    begin(w, "_bucket", labels, le);
    llmq_text_printf(w->text, "%" APR_UINT64_T_FMT "\n", n);
}

void llmq_prometheus_octaves(llmq_prometheus_t *w, const llmq_prometheus_label_t *labels,
                             const llmq_octaves_t *o)
{
    apr_uint64_t n = 0;
    llmq_text_t le;
    int i;

    llmq_text_init(&le, 32, w->text->pool);
    for (i = 0; i < LLMQ_HISTOGRAM_OCTAVES - 1; i++) {
        n += o->octave[i];
        le.len = 0;
        seconds(&le, llmq_histogram_octave_upper(i));
        bucket(w, labels, le.data, n);
    }
    bucket(w, labels, "+Inf", n + o->octave[i]);
    begin(w, "_sum", labels, NULL);
    seconds(w->text, o->sum);
    LLMQ_TEXT_LIT(w->text, "\n");
    begin(w, "_count", labels, NULL);
    llmq_text_printf(w->text, "%" APR_UINT64_T_FMT "\n", n + o->octave[i]);
}

void llmq_prometheus_end(llmq_prometheus_t *w)
{
    if (w->openmetrics)
        LLMQ_TEXT_LIT(w->text, "# EOF\n");
}
