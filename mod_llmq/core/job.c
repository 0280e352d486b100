#include "core/job.h"

#include <string.h>

#define UUID_LEN 36

static const char *const names[] = {
    [LLMQ_STATUS_PENDING] = "pending",     [LLMQ_STATUS_PROCESSING] = "processing",
    [LLMQ_STATUS_COMPLETED] = "completed", [LLMQ_STATUS_FAILED] = "failed",
    [LLMQ_STATUS_TIMEOUT] = "timeout",     [LLMQ_STATUS_CANCELED] = "canceled",
};
_Static_assert(sizeof(names) / sizeof(names[0]) == LLMQ_STATUS_COUNT,
               "each state has a word");

/* clang-format off */
#define NO      LLMQ_MOVE_REFUSED
#define SAME    LLMQ_MOVE_SAME
#define CLAIM   LLMQ_MOVE_CLAIM
#define RELEASE LLMQ_MOVE_RELEASE
#define FINISH  LLMQ_MOVE_FINISH
#define REQUEUE LLMQ_MOVE_REQUEUE

/* Rows: from. Columns: to. */
static const llmq_move_e moves[LLMQ_STATUS_COUNT][LLMQ_STATUS_COUNT] = {
    /*                 PENDING  PROCESSING COMPLETED FAILED  TIMEOUT CANCELED */
    /* PENDING    */ { SAME,    CLAIM,     NO,       FINISH, FINISH, NO },
    /* PROCESSING */ { RELEASE, SAME,      FINISH,   FINISH, FINISH, NO },
    /* COMPLETED  */ { NO,      NO,        SAME,     NO,     NO,     NO },
    /* FAILED     */ { REQUEUE, NO,        NO,       SAME,   NO,     NO },
    /* TIMEOUT    */ { REQUEUE, NO,        NO,       NO,     SAME,   NO },
    /* CANCELED   */ { NO,      NO,        NO,       NO,     NO,     SAME },
};
/* clang-format on */

static int is_known(llmq_status_e status)
{
    return (unsigned)status < LLMQ_STATUS_COUNT;
}

llmq_kind_e llmq_job_kind_of(const char *id)
{
    return strlen(id) == UUID_LEN && id[8] == '-' ? LLMQ_KIND_TASK : LLMQ_KIND_MESSAGE;
}

llmq_move_e llmq_job_move(llmq_status_e from, llmq_status_e to)
{
    return is_known(from) && is_known(to) ? moves[from][to] : LLMQ_MOVE_REFUSED;
}

llmq_kind_e llmq_job_line(llmq_kind_e kind)
{
    return kind == LLMQ_KIND_TASK || kind == LLMQ_KIND_RUN ? LLMQ_KIND_TASK
                                                           : LLMQ_KIND_MESSAGE;
}

int llmq_job_is_final(llmq_status_e status)
{
    return status >= LLMQ_STATUS_COMPLETED;
}

const char *llmq_job_status_name(llmq_status_e status)
{
    return is_known(status) ? names[status] : "unknown";
}

apr_status_t llmq_job_status_parse(llmq_status_e *pstatus, const char *word)
{
    int i;

    for (i = 0; word && i <= LLMQ_STATUS_TIMEOUT; i++) { /* S0 knows no others */
        if (strcmp(word, names[i]) == 0) {
            *pstatus = (llmq_status_e)i;
            return APR_SUCCESS;
        }
    }
    return APR_EINVAL;
}
