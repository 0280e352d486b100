#include "store/store_append_keep.h"

#include <stdlib.h>
#include <string.h>

#define STRINGS 9

/* Each string of an append. */
static void strings_of(const char **strings[STRINGS], llmq_append_t *append)
{
    llmq_session_message_t *m = &append->message;

    strings[0] = &append->tenant;
    strings[1] = &append->owner;
    strings[2] = &m->id;
    strings[3] = &m->session;
    strings[4] = &m->type;
    strings[5] = &m->content;
    strings[6] = &m->payload;
    strings[7] = &m->reply_to;
    strings[8] = &m->dedupe_key;
}

llmq_append_t *llmq_store_append_keep(const llmq_append_t *append)
{
    llmq_append_t copy = *append;
    llmq_append_t *kept;
    const char **strings[STRINGS];
    apr_size_t size = sizeof(*kept);
    char *to;
    int i;

    strings_of(strings, &copy);
    for (i = 0; i < STRINGS; i++) {
        size += *strings[i] ? strlen(*strings[i]) + 1 : 0;
    }
    kept = malloc(size);
    if (!kept) {
        return NULL;
    }
    to = (char *)(kept + 1);
    for (i = 0; i < STRINGS; i++) {
        if (*strings[i]) {
            apr_size_t len = strlen(*strings[i]) + 1;

            *strings[i] = memcpy(to, *strings[i], len);
            to += len;
        }
    }
    *kept = copy;
    return kept;
}
