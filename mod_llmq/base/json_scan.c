#include "base/json_scan.h"

#include "base/text.h"
#include "base/utf8.h"

#include <apr_lib.h>

#include <string.h>

#define INT64_LOW   "-9223372036854775808"
#define UINT64_HIGH "18446744073709551615"

/* A reader of one text. Every read_ function starts at `at` and leaves it behind what it
 * has read; on failure `at` is the byte to blame and the result 0. */
typedef struct {
    const char *text;
    const char *at;
    const char *end;
    llmq_json_scan_t *scan;
    apr_pool_t *pool;
    unsigned char *open; /* one bit for each open container, 1 is an object */
    int depth;           /* number of open containers */
    int max_depth;
} reader_t;

static int refuse(reader_t *r, const char *reason)
{
    r->scan->reason = reason;
    r->scan->at = (apr_size_t)(r->at - r->text);
    return 0;
}

/* The next byte, or NUL at the end: no rule accepts a NUL byte, so both are refused. */
static char peek(const reader_t *r)
{
    if (r->at < r->end)
        return *r->at;
    return '\0';
}

static void skip_blank(reader_t *r)
{
    while (r->at < r->end
           && (*r->at == ' ' || *r->at == '\n' || *r->at == '\r' || *r->at == '\t'))
        r->at++;
}

static int is_hex(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static unsigned hex_value(char c)
{
    return c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a' + 10);
}

/* Four hexadecimal digits behind \u. */
static int read_unit(reader_t *r, unsigned *punit)
{
    unsigned unit = 0;
    int i;

    for (i = 0; i < 4; i++) {
        if (!is_hex(peek(r)))
            return refuse(r, "an escape \\u needs four hexadecimal digits");
        unit = unit * 16 + hex_value(*r->at++);
    }
    *punit = unit;
    return 1;
}

static int read_low_surrogate(reader_t *r)
{
    unsigned unit;

    if (r->end - r->at < 2 || r->at[0] != '\\' || r->at[1] != 'u')
        return refuse(r, "an escape names half of a surrogate pair");
    r->at += 2;
    if (!read_unit(r, &unit))
        return 0;
    if (unit < 0xDC00 || unit > 0xDFFF)
        return refuse(r, "an escape names half of a surrogate pair");
    return 1;
}

static int read_unicode(reader_t *r)
{
    unsigned unit;

    if (!read_unit(r, &unit))
        return 0;
    if (unit == 0)
        return refuse(r, "the character \\u0000 is not allowed");
    if (unit >= 0xDC00 && unit <= 0xDFFF)
        return refuse(r, "an escape names half of a surrogate pair");
    return unit >= 0xD800 && unit <= 0xDBFF ? read_low_surrogate(r) : 1;
}

static int read_escape(reader_t *r)
{
    char c;

    r->at++;
    c = peek(r);
    if (c == 'u') {
        r->at++;
        return read_unicode(r);
    }
    if (c == '\0' || !strchr("\"\\/bfnrt", c))
        return refuse(r, "a string contains an unknown escape");
    r->at++;
    return 1;
}

static const char *skip_plain(const char *at, const char *end)
{
    while (at < end && (unsigned char)*at >= 0x20 && *at != '"' && *at != '\\')
        at++;
    return at;
}

static int read_string(reader_t *r)
{
    r->at++;
    for (;;) {
        r->at = skip_plain(r->at, r->end);
        if (r->at == r->end)
            return refuse(r, "a string does not end");
        if (*r->at == '"')
            break;
        if (*r->at != '\\')
            return refuse(r, "a string contains a raw control character");
        if (!read_escape(r))
            return 0;
    }
    r->at++;
    return 1;
}

static int read_word(reader_t *r, const char *word)
{
    apr_size_t len = strlen(word);

    if ((apr_size_t)(r->end - r->at) < len || memcmp(r->at, word, len) != 0)
        return refuse(r, "a value is not true, false, null, a number or a string");
    r->at += len;
    return 1;
}

static int read_digits(reader_t *r)
{
    if (!apr_isdigit(peek(r)))
        return refuse(r, "a number lacks a digit");
    while (apr_isdigit(peek(r)))
        r->at++;
    return 1;
}

static int read_fraction(reader_t *r)
{
    if (peek(r) != '.')
        return 1;
    r->at++;
    return read_digits(r);
}

static int read_exponent(reader_t *r)
{
    if (peek(r) != 'e' && peek(r) != 'E')
        return 1;
    r->at++;
    if (peek(r) == '+' || peek(r) == '-')
        r->at++;
    return read_digits(r);
}

static void note_wide(reader_t *r)
{
    if (!r->scan->wide)
        r->scan->wide = apr_array_make(r->pool, 8, sizeof(apr_size_t));
    APR_ARRAY_PUSH(r->scan->wide, apr_size_t) = (apr_size_t)(r->at - r->text);
}

static int read_number(reader_t *r)
{
    const char *start = r->at;

    if (*r->at == '-')
        r->at++;
    if (peek(r) == '0' && r->at + 1 < r->end && apr_isdigit(r->at[1]))
        return refuse(r, "a number begins with a superfluous zero");
    if (!read_digits(r) || !read_fraction(r) || !read_exponent(r))
        return 0;
    if (llmq_json_scan_is_wide(start, (apr_size_t)(r->at - start)))
        note_wide(r);
    return 1;
}

static int read_scalar(reader_t *r)
{
    switch (peek(r)) {
    case '"': return read_string(r);
    case 't': return read_word(r, "true");
    case 'f': return read_word(r, "false");
    case 'n': return read_word(r, "null");
    case '-': return read_number(r);
    default: break;
    }
    if (apr_isdigit(peek(r)))
        return read_number(r);
    if (r->at == r->end)
        return refuse(r, "the text ends too early");
    return refuse(r, "a value was expected");
}

static int read_key(reader_t *r)
{
    skip_blank(r);
    if (peek(r) != '"')
        return refuse(r, "the name of a member was expected");
    if (!read_string(r))
        return 0;
    skip_blank(r);
    if (peek(r) != ':')
        return refuse(r, "a colon was expected");
    r->at++;
    return 1;
}

static int in_object(const reader_t *r)
{
    int top = r->depth - 1;

    return r->open[top >> 3] >> (top & 7) & 1;
}

static int push(reader_t *r, int is_object)
{
    int bit = 1 << (r->depth & 7);

    if (r->depth == r->max_depth)
        return refuse(r, "the nesting is too deep");
    if (is_object)
        r->open[r->depth >> 3] |= (unsigned char)bit;
    else
        r->open[r->depth >> 3] &= (unsigned char)~bit;
    r->depth++;
    r->at++;
    return 1;
}

/* Behind a value: close what ends here. *pmore says whether another value follows. */
static int read_after_value(reader_t *r, int *pmore)
{
    while (r->depth > 0) {
        skip_blank(r);
        if (peek(r) == ',') {
            r->at++;
            *pmore = 1;
            return in_object(r) ? read_key(r) : 1;
        }
        if (peek(r) != (in_object(r) ? '}' : ']'))
            return refuse(r, "a comma or the end of an array or object was expected");
        r->at++;
        r->depth--;
    }
    *pmore = 0;
    return 1;
}

/* At the begin of a value: enter containers until a scalar or an empty one was read. */
static int read_value(reader_t *r)
{
    for (;;) {
        skip_blank(r);
        if (peek(r) != '{' && peek(r) != '[')
            return read_scalar(r);
        if (!push(r, *r->at == '{'))
            return 0;
        skip_blank(r);
        if (peek(r) == (in_object(r) ? '}' : ']'))
            return 1; /* empty: read_after_value() closes it */
        if (in_object(r) && !read_key(r))
            return 0;
    }
}

/* Goes to the byte to blame, in a text that is not UTF-8. */
static void find_bad_byte(reader_t *r)
{
    const char *next = r->at = r->text;

    while (next < r->end && (llmq_utf8_next(&next, r->end) & ~0xFFU) != 0xDC00) {
        r->at = next;
    }
}

static int read_text(reader_t *r)
{
    int more;

    skip_blank(r);
    if (r->at == r->end)
        return refuse(r, "the text is empty");
    if (r->end - r->at >= 3 && memcmp(r->at, "\xEF\xBB\xBF", 3) == 0)
        return refuse(r, "the text begins with a byte order mark");
    if (!llmq_text_is_utf8(r->text, (apr_size_t)(r->end - r->text))) {
        find_bad_byte(r);
        return refuse(r, "the text is not UTF-8");
    }
    do {
        if (!read_value(r) || !read_after_value(r, &more))
            return 0;
    } while (more);
    skip_blank(r);
    return r->at == r->end ? 1 : refuse(r, "something follows the value");
}

int llmq_json_scan(llmq_json_scan_t *scan, const char *text, apr_size_t len,
                   int max_depth, apr_pool_t *p)
{
    unsigned char few[64] = {0}; /* enough for all but odd settings */
    reader_t r = {text, text, text + len, scan, p, few, 0, max_depth};

    memset(scan, 0, sizeof(*scan));
    if ((apr_size_t)max_depth > sizeof(few) * 8)
        r.open = apr_pcalloc(p, (apr_size_t)max_depth / 8 + 1);
    return read_text(&r);
}

int llmq_json_scan_is_wide(const char *number, apr_size_t len)
{
    const char *limit = *number == '-' ? INT64_LOW : UINT64_HIGH;
    apr_size_t limit_len = sizeof(UINT64_HIGH) - 1;
    apr_size_t i;

    if (len == 2 && memcmp(number, "-0", 2) == 0)
        return 1;
    if (len < limit_len)
        return 0;
    for (i = *number == '-'; i < len; i++) {
        if (!apr_isdigit(number[i]))
            return 0;
    }
    return len > limit_len || memcmp(number, limit, len) > 0;
}
