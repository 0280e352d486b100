#include "core/session.h"

#include "base/utf8.h"

#include <apr_strings.h>

#include <string.h>

static const char *const status_names[] = {
    [LLMQ_SESSION_OPEN] = "OPEN",
    [LLMQ_SESSION_LOCKED] = "LOCKED",
    [LLMQ_SESSION_CLOSED] = "CLOSED",
};
_Static_assert(sizeof(status_names) / sizeof(status_names[0])
                   == LLMQ_SESSION_STATUS_COUNT,
               "each status has a word");

static const char *const role_names[] = {
    [LLMQ_ROLE_USER] = "USER",
    [LLMQ_ROLE_AGENT] = "AGENT",
    [LLMQ_ROLE_TOOL] = "TOOL",
    [LLMQ_ROLE_SYSTEM] = "SYSTEM",
};
_Static_assert(sizeof(role_names) / sizeof(role_names[0]) == LLMQ_ROLE_COUNT,
               "each role has a word");

/* @return the place of the word among the names, -1 if it is none of them */
static int index_of(const char *word, const char *const *names, int n)
{
    int i;

    for (i = 0; i < n; i++) {
        if (strcmp(names[i], word) == 0)
            return i;
    }
    return -1;
}

const char *llmq_session_status_name(llmq_session_status_e status)
{
    return (unsigned)status < LLMQ_SESSION_STATUS_COUNT ? status_names[status]
                                                        : "UNKNOWN";
}

apr_status_t llmq_session_status_parse(llmq_session_status_e *pstatus, const char *word)
{
    int i = index_of(word, status_names, LLMQ_SESSION_STATUS_COUNT);

    if (i < 0)
        return APR_EINVAL;
    *pstatus = (llmq_session_status_e)i;
    return APR_SUCCESS;
}

const char *llmq_session_role_name(llmq_role_e role)
{
    return (unsigned)role < LLMQ_ROLE_COUNT ? role_names[role] : "UNKNOWN";
}

apr_status_t llmq_session_role_parse(llmq_role_e *prole, const char *word)
{
    int i = index_of(word, role_names, LLMQ_ROLE_COUNT);

    if (i < 0)
        return APR_EINVAL;
    *prole = (llmq_role_e)i;
    return APR_SUCCESS;
}

int llmq_session_admits(llmq_session_status_e status, llmq_role_e role)
{
    if (status == LLMQ_SESSION_OPEN)
        return 1;
    return status == LLMQ_SESSION_LOCKED && role != LLMQ_ROLE_USER;
}

void llmq_session_message_write(llmq_text_t *t, const llmq_session_message_t *m)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "message_id", m->id);
    llmq_json_kv(t, "session_id", m->session);
    llmq_json_kv_int(t, "seq", m->seq);
    llmq_json_kv(t, "role", llmq_session_role_name(m->role));
    llmq_json_kv(t, "type", m->type);
    llmq_json_kv(t, "content", m->content);
    llmq_json_kv_raw(t, "payload", m->payload);
    llmq_json_kv(t, "reply_to", m->reply_to);
    llmq_json_kv(t, "dedupe_key", m->dedupe_key);
    llmq_json_kv_instant(t, "created_at", m->created_at);
    LLMQ_TEXT_LIT(t, "}");
}

const char *llmq_session_preview(const char *content, apr_pool_t *p)
{
    const char *at = content, *end;
    int n;

    if (!content)
        return "";
    end = content + strlen(content);
    for (n = 0; at < end && n < LLMQ_SESSION_PREVIEW; n++)
        llmq_utf8_next(&at, end);
    return apr_pstrmemdup(p, content, (apr_size_t)(at - content));
}
