#include "base/text.h"

#include <apr_lib.h>
#include <apr_strings.h>

#include <stdarg.h>
#include <string.h>

#define PRINTF_MAX    1000
#define DAY_SEC       86400
#define YEAR_0_SEC    (-62167219200LL) /* 0000-01-01T00:00:00Z */
#define YEAR_9999_SEC 253402300799LL   /* 9999-12-31T23:59:59Z */

void llmq_text_init(llmq_text_t *t, apr_size_t size, apr_pool_t *p)
{
    t->data = apr_palloc(p, size);
    t->data[0] = '\0';
    t->len = 0;
    t->size = size;
    t->pool = p;
}

static void grow(llmq_text_t *t, apr_size_t want)
{
    apr_size_t size = t->size * 2 < want ? want : t->size * 2;
    char *data = apr_palloc(t->pool, size);

    memcpy(data, t->data, t->len + 1);
    t->data = data;
    t->size = size;
}

char *llmq_text_reserve(llmq_text_t *t, apr_size_t extra)
{
    if (t->size - t->len <= extra)
        grow(t, t->len + extra + 1);
    return t->data + t->len;
}

void llmq_text_add(llmq_text_t *t, const char *data, apr_size_t len)
{
    char *to = llmq_text_reserve(t, len);

    if (len > 0)
        memcpy(to, data, len);
    to[len] = '\0';
    t->len += len;
}

void llmq_text_puts(llmq_text_t *t, const char *s)
{
    llmq_text_add(t, s, strlen(s));
}

/* Write the decimal digits of n, at least width of them, and return the end. */
static char *put_digits(char *to, apr_uint64_t n, int width)
{
    char reverse[24];
    int len = 0;

    do {
        reverse[len++] = (char)('0' + n % 10);
        n /= 10;
    } while (n || len < width);
    while (len)
        *to++ = reverse[--len];
    return to;
}

void llmq_text_int(llmq_text_t *t, apr_int64_t n)
{
    char buf[24];
    char *to = buf;
    apr_uint64_t size = (apr_uint64_t)n;

    if (n < 0) {
        *to++ = '-';
        size = 0 - size; /* unsigned, so that the smallest number works too */
    }
    to = put_digits(to, size, 1);
    llmq_text_add(t, buf, (apr_size_t)(to - buf));
}

void llmq_text_printf(llmq_text_t *t, const char *fmt, ...)
{
    char *to = llmq_text_reserve(t, PRINTF_MAX);
    va_list ap;

    va_start(ap, fmt);
    apr_vsnprintf(to, PRINTF_MAX + 1, fmt, ap);
    va_end(ap);
    t->len += strlen(to);
}

/* A date of the proleptic Gregorian calendar. */
typedef struct {
    int year;
    int month; /* 1 to 12 */
    int day;   /* 1 to 31 */
} date_t;

/*
 * Days are counted in 400-year cycles of years that begin in March, so that the leap day
 * is the last of its year and months follow the pattern (153 m + 2) / 5.
 */
static date_t date_of_days(apr_int64_t days)
{
    apr_int64_t shifted = days + 719468; /* days since 0000-03-01 */
    apr_int64_t cycle = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    int of_cycle = (int)(shifted - cycle * 146097);
    int year = (of_cycle - of_cycle / 1460 + of_cycle / 36524 - of_cycle / 146096) / 365;
    int of_year = of_cycle - (365 * year + year / 4 - year / 100);
    int month = (5 * of_year + 2) / 153; /* 0 is March */
    date_t date;

    date.day = of_year - (153 * month + 2) / 5 + 1;
    date.month = month < 10 ? month + 3 : month - 9;
    date.year = (int)(cycle * 400) + year + (date.month <= 2);
    return date;
}

static apr_int64_t days_of_date(const date_t *date)
{
    apr_int64_t year = date->year - (date->month <= 2);
    apr_int64_t cycle = (year >= 0 ? year : year - 399) / 400;
    apr_int64_t of_cycle = year - cycle * 400;
    int month = date->month > 2 ? date->month - 3 : date->month + 9;
    int of_year = (153 * month + 2) / 5 + date->day - 1;

    return cycle * 146097 + of_cycle * 365 + of_cycle / 4 - of_cycle / 100 + of_year
           - 719468;
}

static apr_int64_t floor_div(apr_int64_t n, apr_int64_t by)
{
    return n / by - (n % by < 0);
}

/* RFC 3339 has four digits for the year; times outside of them become the nearest it has. */
static apr_int64_t clamp_sec(apr_int64_t sec)
{
    if (sec < YEAR_0_SEC)
        return YEAR_0_SEC;
    return sec > YEAR_9999_SEC ? YEAR_9999_SEC : sec;
}

apr_size_t llmq_text_rfc3339(char *buf, apr_time_t when)
{
    apr_int64_t sec = clamp_sec(floor_div(when, APR_USEC_PER_SEC));
    apr_int64_t days = floor_div(sec, DAY_SEC);
    unsigned of_day = (unsigned)(sec - days * DAY_SEC);
    date_t date = date_of_days(days);
    char *to = put_digits(buf, (apr_uint64_t)date.year, 4);

    *to++ = '-';
    to = put_digits(to, (apr_uint64_t)date.month, 2);
    *to++ = '-';
    to = put_digits(to, (apr_uint64_t)date.day, 2);
    *to++ = 'T';
    to = put_digits(to, of_day / 3600, 2);
    *to++ = ':';
    to = put_digits(to, of_day / 60 % 60, 2);
    *to++ = ':';
    to = put_digits(to, of_day % 60, 2);
    *to++ = 'Z';
    *to = '\0';
    return (apr_size_t)(to - buf);
}

apr_size_t llmq_text_rfc3339_usec(char *buf, apr_time_t when)
{
    apr_int64_t sec = floor_div(when, APR_USEC_PER_SEC);
    unsigned usec = (unsigned)(when - sec * APR_USEC_PER_SEC);
    char *to = buf + llmq_text_rfc3339(buf, when) - 1;

    *to++ = '.';
    to = put_digits(to, usec, 6);
    *to++ = 'Z';
    *to = '\0';
    return (apr_size_t)(to - buf);
}

/* Read exactly n digits into a number of at most max; NULL if they are not there. */
static const char *get_digits(const char *s, int n, int max, int *pvalue)
{
    int value = 0;

    if (!s)
        return NULL;
    while (n-- > 0) {
        if (!apr_isdigit(*s))
            return NULL;
        value = value * 10 + (*s++ - '0');
    }
    *pvalue = value;
    return value <= max ? s : NULL;
}

static const char *get_byte(const char *s, char a, char b)
{
    return s && (*s == a || *s == b) ? s + 1 : NULL;
}

static int days_in_month(const date_t *date)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int leap = date->year % 4 == 0 && (date->year % 100 != 0 || date->year % 400 == 0);

    return days[date->month - 1] + (date->month == 2 && leap);
}

static const char *get_date(const char *s, apr_int64_t *pdays)
{
    date_t date;

    s = get_digits(s, 4, 9999, &date.year);
    s = get_byte(s, '-', '-');
    s = get_digits(s, 2, 12, &date.month);
    s = get_byte(s, '-', '-');
    s = get_digits(s, 2, 31, &date.day);
    if (!s || date.month == 0 || date.day == 0 || date.day > days_in_month(&date))
        return NULL;
    *pdays = days_of_date(&date);
    return s;
}

/* Digits beyond microseconds are read and dropped. */
static const char *get_fraction(const char *s, int *pusec)
{
    int unit = APR_USEC_PER_SEC / 10;

    *pusec = 0;
    if (!s || *s != '.')
        return s;
    if (!apr_isdigit(*++s))
        return NULL;
    for (; apr_isdigit(*s); s++) {
        *pusec += (*s - '0') * unit;
        unit /= 10;
    }
    return s;
}

/* Seconds may be 60: a leap second is the first second of the next minute. */
static const char *get_time(const char *s, apr_time_t *pusec)
{
    int hour, minute, second, usec;

    s = get_digits(s, 2, 23, &hour);
    s = get_byte(s, ':', ':');
    s = get_digits(s, 2, 59, &minute);
    s = get_byte(s, ':', ':');
    s = get_digits(s, 2, 60, &second);
    s = get_fraction(s, &usec);
    if (s)
        *pusec = apr_time_from_sec(hour * 3600 + minute * 60 + second) + usec;
    return s;
}

static const char *get_offset(const char *s, apr_time_t *poffset)
{
    int sign, hours, minutes;

    if (!s)
        return NULL;
    *poffset = 0;
    if (*s == 'Z' || *s == 'z')
        return s + 1;
    sign = *s == '-' ? -1 : 1;
    s = get_byte(s, '+', '-');
    s = get_digits(s, 2, 23, &hours);
    s = get_byte(s, ':', ':');
    s = get_digits(s, 2, 59, &minutes);
    if (s)
        *poffset = apr_time_from_sec(sign * (hours * 3600 + minutes * 60));
    return s;
}

apr_status_t llmq_text_parse_rfc3339(apr_time_t *pwhen, const char *s)
{
    apr_int64_t days = 0;
    apr_time_t usec = 0, offset = 0;

    s = get_date(s, &days);
    s = get_byte(s, 'T', 't');
    s = get_time(s, &usec);
    s = get_offset(s, &offset);
    if (!s || *s)
        return APR_EINVAL;
    *pwhen = days * DAY_SEC * APR_USEC_PER_SEC + usec - offset;
    return APR_SUCCESS;
}

/* whole.fraction without the zeros at the end; scale is the fraction's first digit's unit. */
static char *put_decimal(char *to, apr_uint64_t whole, unsigned fraction, unsigned scale)
{
    to = put_digits(to, whole, 1);
    if (fraction)
        *to++ = '.';
    for (; fraction; scale /= 10) {
        *to++ = (char)('0' + fraction / scale);
        fraction %= scale;
    }
    return to;
}

static char *put_seconds(char *to, apr_uint64_t usec)
{
    apr_uint64_t sec = usec / APR_USEC_PER_SEC;

    if (sec >= 3600) {
        to = put_digits(to, sec / 3600, 1);
        *to++ = 'h';
    }
    if (sec >= 60) {
        to = put_digits(to, sec / 60 % 60, 1);
        *to++ = 'm';
    }
    to = put_decimal(to, sec % 60, (unsigned)(usec % APR_USEC_PER_SEC), 100000);
    *to++ = 's';
    return to;
}

apr_size_t llmq_text_duration(char *buf, apr_interval_time_t d)
{
    apr_uint64_t usec = d > 0 ? (apr_uint64_t)d : 0;
    char *to = buf;

    if (usec > 0 && usec < APR_USEC_PER_SEC) {
        to = put_decimal(to, usec / 1000, (unsigned)(usec % 1000), 100);
        *to++ = 'm';
        *to++ = 's';
    }
    else {
        to = put_seconds(to, usec);
    }
    *to = '\0';
    return (apr_size_t)(to - buf);
}

static const unsigned char *skip_ascii(const unsigned char *s, const unsigned char *end)
{
    apr_uint64_t word;

    while (end - s >= (apr_ssize_t)sizeof(word)) {
        memcpy(&word, s, sizeof(word));
        if (word & 0x8080808080808080ULL)
            break;
        s += sizeof(word);
    }
    while (s < end && *s < 0x80)
        s++;
    return s;
}

/* Bytes of the sequence that a lead byte begins, 0 if none can. C0 and C1 would be
 * overlong, F5 and above beyond U+10FFFF. */
static int sequence_len(unsigned char lead)
{
    if (lead < 0xC2 || lead > 0xF4)
        return 0;
    return lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
}

/* The second byte has a narrower range after four of the lead bytes: overlong forms (E0,
 * F0), surrogates (ED), beyond U+10FFFF (F4). */
static int is_second(unsigned char lead, unsigned char c)
{
    unsigned char from = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
    unsigned char to = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;

    return c >= from && c <= to;
}

static int is_sequence(const unsigned char *s, int n)
{
    int i;

    if (!is_second(s[0], s[1]))
        return 0;
    for (i = 2; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    }
    return 1;
}

int llmq_text_is_utf8(const char *s, apr_size_t len)
{
    const unsigned char *at = (const unsigned char *)s;
    const unsigned char *end = at + len;
    int n;

    while ((at = skip_ascii(at, end)) < end) {
        n = sequence_len(*at);
        if (n == 0 || end - at < n || !is_sequence(at, n))
            return 0;
        at += n;
    }
    return 1;
}
