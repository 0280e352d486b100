#include "core/webhook_sign.h"

#include "llmq.h"

#include <apr_encode.h>
#include <apr_file_io.h>
#include <apr_strings.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <string.h>

#define PREFIX   "whsec_"
#define MAX_FILE 16384

apr_status_t llmq_webhook_sign_parse(llmq_webhook_key_t *key, const char *text,
                                     apr_pool_t *p)
{
    apr_size_t len = strlen(text);
    const unsigned char *data = (const unsigned char *)apr_pstrdup(p, text);

    if (len > 2 * LLMQ_WEBHOOK_SIGN_KEY_MAX) {
        return APR_EINVAL;
    }
    if (strncmp(text, PREFIX, strlen(PREFIX)) == 0) {
        data = apr_pdecode_base64_binary(p, text + strlen(PREFIX), APR_ENCODE_STRING,
                                         APR_ENCODE_NONE, &len);
    }
    if (!data || len == 0 || len > LLMQ_WEBHOOK_SIGN_KEY_MAX) {
        return APR_EINVAL;
    }
    key->data = data;
    key->len = (int)len;
    return APR_SUCCESS;
}

static apr_status_t read_file(char **ptext, const char *path, apr_pool_t *p)
{
    char *text = apr_palloc(p, MAX_FILE + 1);
    apr_size_t len = 0;
    apr_file_t *file;
    apr_status_t rv = apr_file_open(&file, path, APR_FOPEN_READ, 0, p);

    if (rv != APR_SUCCESS) {
        return rv;
    }
    rv = apr_file_read_full(file, text, MAX_FILE, &len);
    apr_file_close(file);
    text[len] = '\0';
    *ptext = text;
    if (rv == APR_SUCCESS || strlen(text) != len) { /* full to the brim, or a NUL */
        return APR_EINVAL;
    }
    return rv == APR_EOF ? APR_SUCCESS : rv;
}

apr_status_t llmq_webhook_sign_load(llmq_webhook_keys_t *keys, const char *path,
                                    apr_pool_t *p)
{
    char *text = NULL;
    char *last = NULL;
    char *line;
    apr_status_t rv = read_file(&text, path, p);
    int found = 0;

    if (rv != APR_SUCCESS) {
        return rv;
    }
    for (line = apr_strtok(text, "\r\n", &last); line;
         line = apr_strtok(NULL, "\r\n", &last)) {
        if (keys->n == LLMQ_WEBHOOK_SIGN_KEYS_MAX) {
            return LLMQ_EFULL;
        }
        if ((rv = llmq_webhook_sign_parse(&keys->key[keys->n], line, p)) != APR_SUCCESS) {
            return rv;
        }
        keys->n++;
        found = 1;
    }
    return found ? APR_SUCCESS : APR_EINVAL;
}

static const char *sign(const llmq_webhook_key_t *key, const char *text, apr_size_t len,
                        apr_pool_t *p)
{
    unsigned char mac[EVP_MAX_MD_SIZE];
    unsigned int mac_len = 0;

    if (!HMAC(EVP_sha256(), key->data, key->len, (const unsigned char *)text, len, mac,
              &mac_len)) {
        return NULL;
    }
    return apr_pencode_base64_binary(p, mac, mac_len, APR_ENCODE_NONE, NULL);
}

const char *llmq_webhook_sign(const llmq_webhook_keys_t *keys,
                              const llmq_webhook_said_t *said, apr_pool_t *p)
{
    const char *head =
        apr_psprintf(p, "%s.%" APR_INT64_T_FMT ".", said->id, said->sent_sec);
    apr_size_t head_len = strlen(head);
    char *text = apr_palloc(p, head_len + said->body_len + 1);
    const char *all = NULL;
    int i;

    apr_cpystrn(text, head, head_len + 1);
    memcpy(text + head_len, said->body, said->body_len);
    text[head_len + said->body_len] = '\0';
    for (i = 0; i < keys->n; i++) {
        const char *one = sign(&keys->key[i], text, head_len + said->body_len, p);

        if (!one) {
            return NULL;
        }
        all = apr_pstrcat(p, all ? all : "", all ? " v1," : "v1,", one, NULL);
    }
    return all;
}
