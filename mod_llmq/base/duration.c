#include "base/duration.h"

#include <apr_lib.h>

#include <math.h>
#include <string.h>

/* The largest sum that is looked at: a double tells all microseconds up to here apart. */
#define MAX_USEC ((double)LLMQ_DURATION_MAX)

static const struct {
    const char *word;
    double usec;
} units[] = {
    /* Longer words first where one begins with another. */
    {"ns", 0.001}, {"us", 1},      {"\xC2\xB5s", 1}, {"\xCE\xBCs", 1},
    {"ms", 1000},  {"s", 1000000}, {"m", 60e6},      {"h", 3600e6},
};

/* A decimal number: digits with at most one point, at least one digit. */
static int take_number(double *pn, const char **ps)
{
    const char *s = *ps;
    double n = 0;
    double place = 1;
    int digits = 0;

    for (; apr_isdigit(*s); s++, digits++)
        n = n * 10 + (*s - '0');
    if (*s == '.') {
        for (s++; apr_isdigit(*s); s++, digits++) {
            place /= 10;
            n += place * (*s - '0');
        }
    }
    *pn = n;
    *ps = s;
    return digits > 0;
}

static double take_unit(const char **ps)
{
    apr_size_t i;

    for (i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        apr_size_t len = strlen(units[i].word);

        if (strncmp(*ps, units[i].word, len) == 0) {
            *ps += len;
            return units[i].usec;
        }
    }
    return 0;
}

static apr_status_t give(apr_interval_time_t *pd, double usec)
{
    if (usec > MAX_USEC)
        return APR_EGENERAL;
    *pd = (apr_interval_time_t)(usec + 0.0001); /* fractions are not exact in a double */
    return APR_SUCCESS;
}

apr_status_t llmq_duration_parse(apr_interval_time_t *pd, const char *text)
{
    double sum = 0;

    if (strcmp(text, "0") == 0) {
        *pd = 0;
        return APR_SUCCESS;
    }
    do {
        double n = 0;
        double unit;

        if (!take_number(&n, &text) || (unit = take_unit(&text)) <= 0)
            return APR_EINVAL;
        sum += n * unit;
    } while (*text);
    return give(pd, sum);
}

apr_status_t llmq_duration_of_seconds(apr_interval_time_t *pd, double seconds)
{
    if (isnan(seconds) || seconds < 0)
        return APR_EINVAL;
    return give(pd, seconds * 1e6);
}
