#include "base/utf8.h"

#include <locale.h>
#include <pthread.h>
#include <string.h>
#include <wctype.h>

#define NO_CODE 0xDC00 /* half of a surrogate pair: stands for a byte that is no UTF-8 */

/* No script in between has case: East Asian text is spared two calls per character. */
#define UNCASED_FROM 0x2E80
#define UNCASED_TO   0xA63F

static locale_t unicode; /* (locale_t)0 where the C library has none */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void find_locale(void)
{
    unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
}

/* Bytes of the code point that c begins, 0 if it begins none. */
static int length_of(unsigned char c)
{
    if (c < 0x80)
        return 1;
    if (c < 0xC2 || c > 0xF4)
        return 0;
    return c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

apr_uint32_t llmq_utf8_next(const char **ps, const char *end)
{
    const unsigned char *s = (const unsigned char *)*ps;
    int len = length_of(s[0]);
    apr_uint32_t code;
    int i;

    *ps += 1;
    if (len == 1)
        return s[0];
    if (len == 0 || end - (const char *)s < len
        || !llmq_text_is_utf8((const char *)s, (apr_size_t)len))
        return NO_CODE + s[0];
    code = s[0] & (0x7Fu >> len);
    for (i = 1; i < len; i++)
        code = code << 6 | (s[i] & 0x3F);
    *ps += len - 1;
    return code;
}

apr_size_t llmq_utf8_put(char *to, apr_uint32_t code)
{
    apr_size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    apr_size_t i;

    if (code < 0x80 || (code >= NO_CODE && code <= NO_CODE + 0xFF)) {
        to[0] = (char)code; /* NO_CODE ends with a zero byte */
        return 1;
    }
    for (i = len - 1; i > 0; i--, code >>= 6)
        to[i] = (char)(0x80 | (code & 0x3F));
    to[0] = (char)(0xF00u >> len | code);
    return len;
}

int llmq_utf8_is_space(apr_uint32_t code)
{
    if (code < 0x80)
        return code == ' ' || (code >= '\t' && code <= '\r');
    return code == 0x85 || code == 0xA0 || code == 0x1680
           || (code >= 0x2000 && code <= 0x200A) || code == 0x2028 || code == 0x2029
           || code == 0x202F || code == 0x205F || code == 0x3000;
}

int llmq_utf8_is_blank(const char *s)
{
    const char *end = s + strlen(s);

    while (s < end) {
        if (!llmq_utf8_is_space(llmq_utf8_next(&s, end)))
            return 0;
    }
    return 1;
}

apr_uint32_t llmq_utf8_fold_code(apr_uint32_t code)
{
    if (code < 0x80)
        return code >= 'A' && code <= 'Z' ? code + 32 : code;
    if (code >= UNCASED_FROM && code <= UNCASED_TO)
        return code;
    pthread_once(&once, find_locale);
    if (!unicode)
        return code;
    return (apr_uint32_t)towlower_l(towupper_l((wint_t)code, unicode), unicode);
}

/* Fold ASCII up to the next other byte. */
static const char *fold_ascii(llmq_text_t *t, const char *s, const char *end)
{
    char *to = llmq_text_reserve(t, (apr_size_t)(end - s));
    const char *from = s;

    while (s < end && (unsigned char)*s < 0x80)
        *to++ = (char)llmq_utf8_fold_code((unsigned char)*s++);
    *to = '\0';
    t->len += (apr_size_t)(s - from);
    return s;
}

void llmq_utf8_fold(llmq_text_t *t, const char *s, apr_size_t len)
{
    const char *end = s + len;
    char buf[LLMQ_UTF8_MAX];

    while ((s = fold_ascii(t, s, end)) < end)
        llmq_text_add(t, buf,
                      llmq_utf8_put(buf, llmq_utf8_fold_code(llmq_utf8_next(&s, end))));
}
