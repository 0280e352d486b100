/**
 * @file session_view.h
 * A session as S4 shows it.
 */
#ifndef LLMQ_SESSION_VIEW_H
#define LLMQ_SESSION_VIEW_H

#include "core/session.h"

/**
 * S4's ChatSession.
 * @param t where to
 * @param s the session
 * @threads any
 */
void llmq_session_view_write(llmq_text_t *t, const llmq_session_t *s);

#endif /* LLMQ_SESSION_VIEW_H */
