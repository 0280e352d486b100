#include "backend/backend_scrub.h"

#include <apr_strings.h>

#include <string.h>
#include <strings.h>

/* Replaces each occurrence of a secret. */
static const char *strike_out(const char *text, const char *secret, apr_pool_t *p)
{
    llmq_text_t t;
    const char *hit;

    if (!secret || !*secret || !strstr(text, secret)) {
        return text;
    }
    llmq_text_init(&t, strlen(text) + 1, p);
    while ((hit = strstr(text, secret)) != NULL) {
        llmq_text_add(&t, text, (apr_size_t)(hit - text));
        LLMQ_TEXT_LIT(&t, "***");
        text = hit + strlen(secret);
    }
    llmq_text_puts(&t, text);
    return t.data;
}

static apr_size_t cut_length(const char *text)
{
    apr_size_t len = strlen(text);

    if (len > LLMQ_BACKEND_SCRUB_MAX) {
        len = LLMQ_BACKEND_SCRUB_MAX;
        while (len > 0 && ((unsigned char)text[len] & 0xC0) == 0x80) {
            len--;
        }
    }
    return len;
}

/* The host and port of a url, NULL when there is none. */
static const char *authority(const char *url, apr_pool_t *p)
{
    const char *start = url ? strstr(url, "://") : NULL;

    return start ? apr_pstrmemdup(p, start + 3, strcspn(start + 3, "/?#")) : NULL;
}

/* Secrets go before the cut, or the cut could leave the better part of one. */
const char *llmq_backend_scrub(const char *text, const llmq_backend_conf_t *conf,
                               apr_pool_t *p)
{
    char *copy;
    char *at;

    text = strike_out(text, conf->key, p);
    text = strike_out(text, conf->url, p);
    text = strike_out(text, authority(conf->url, p), p);
    copy = apr_pstrmemdup(p, text, cut_length(text));
    for (at = copy; *at; at++) {
        if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            *at = ' ';
        }
    }
    return copy;
}

static int is_end_of_word(char c)
{
    return c == '\0' || strchr(" \t\r\n\"'<>()[]{},;`", c) != NULL;
}

/* How many bytes at the beginning of a word are not for everybody. */
static apr_size_t secret_length(const char *word)
{
    apr_size_t len = 0;
    apr_size_t i;

    while (!is_end_of_word(word[len])) {
        len++;
    }
    for (i = 0; i + 2 < len; i++) {
        if (memcmp(word + i, "://", 3) == 0) {
            return len;
        }
    }
    return strncmp(word, "sk-", 3) == 0 ? len : 0;
}

/* What follows "Bearer ", up to the word's end. */
static apr_size_t bearer_length(const char *text, const char *word)
{
    return word - text >= 7 && strncasecmp(word - 7, "bearer ", 7) == 0
               ? strcspn(word, " \t\r\n\"',;")
               : 0;
}

const char *llmq_backend_scrub_all(const char *text, const llmq_backend_conf_t *conf,
                                   apr_pool_t *p)
{
    const char *at = text = llmq_backend_scrub(text, conf, p);
    int at_start = 1;
    llmq_text_t t;

    llmq_text_init(&t, strlen(text) + 16, p);
    while (*at) {
        apr_size_t len = at_start ? secret_length(at) : 0;

        len = len || !at_start ? len : bearer_length(text, at);
        if (len > 0) {
            LLMQ_TEXT_LIT(&t, "***");
            at += len;
            at_start = 0;
            continue;
        }
        at_start = is_end_of_word(*at);
        llmq_text_add(&t, at++, 1);
    }
    return t.data;
}
