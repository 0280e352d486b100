#include "dispatch/ways.h"

#include "dispatch/agents.h"
#include "dispatch/agents_end.h"
#include "dispatch/chats.h"
#include "dispatch/completions.h"
#include "dispatch/completions_end.h"
#include "dispatch/handlers.h"
#include "dispatch/remember.h"
#include "dispatch/replays.h"

static void prepare_completion(llmq_attempt_t *a, const llmq_job_t *job,
                               const llmq_chat_past_t *past)
{
    (void)past;
    llmq_replays_begin(a, job);
}

static apr_status_t request_task(llmq_attempt_t *a, const llmq_loaded_t *what)
{
    return what->handler ? llmq_handlers_request(&a->call, what->handler, what->job)
                         : APR_SUCCESS;
}

/* Of what is given up somebody hears another way than by a dead letter: of a run the session,
 * of a turn or a completion its caller, and a memory is made up for by the next. */
static const llmq_way_t ways[LLMQ_KIND_COUNT] = {
    [LLMQ_KIND_MESSAGE] = {.prepare = llmq_chats_message, .is_letter = 1},
    [LLMQ_KIND_TASK] = {.request = request_task, .is_letter = 1},
    [LLMQ_KIND_RUN] = {.admit = llmq_agents_admit,
                       .request = llmq_agents_request,
                       .check = llmq_agents_check,
                       .retry = llmq_agents_retry,
                       .error = llmq_agents_error,
                       .follow = llmq_agents_end_attempts},
    [LLMQ_KIND_DEBUG] = {.prepare = llmq_chats_turn, .follow = llmq_remember_turns},
    [LLMQ_KIND_COMPLETION] = {.prepare = prepare_completion,
                              .admit = llmq_completions_admit,
                              .request = llmq_completions_request,
                              .begin = llmq_completions_begin,
                              .judge = llmq_completions_end_judge,
                              .is_urgent = llmq_completions_end_is_urgent,
                              .decide = llmq_completions_end_decide,
                              .refuse = llmq_completions_end_refuse,
                              .keep = llmq_replays_keep,
                              .follow = llmq_replays_free,
                              .say = llmq_completions_end_say},
    [LLMQ_KIND_MEMORY] = {.admit = llmq_remember_admit,
                          .request = llmq_remember_request,
                          .keep = llmq_remember_learn},
};

const llmq_way_t *llmq_ways(void)
{
    return ways;
}
