#include "core/session_view.h"

static void add_last_message(llmq_text_t *t, const llmq_session_t *s)
{
    int any = s->last_seq > 0;

    llmq_json_kv_int(t, "last_seq", s->last_seq);
    llmq_json_kv(t, "last_message_id", any ? s->last_message_id : NULL);
    llmq_json_kv_instant(t, "last_message_at", any ? s->last_message_at : 0);
    llmq_json_kv(t, "last_message_preview", any ? s->last_message_preview : "");
    llmq_json_kv(t, "last_message_role",
                 any ? llmq_session_role_name((llmq_role_e)s->last_message_role) : NULL);
    llmq_json_kv(t, "last_message_type", any ? s->last_message_type : NULL);
}

void llmq_session_view_write(llmq_text_t *t, const llmq_session_t *s)
{
    LLMQ_TEXT_LIT(t, "{");
    llmq_json_kv(t, "session_id", s->id);
    llmq_json_kv(t, "session_name", s->name);
    llmq_json_kv(t, "status", llmq_session_status_name(s->status));
    add_last_message(t, s);
    llmq_json_kv_instant(t, "created_at", s->created_at);
    llmq_json_kv_instant(t, "updated_at", s->updated_at);
    LLMQ_TEXT_LIT(t, "}");
}
