#include "glue/glue_roll.h"

#include <apr_atomic.h>

#include <signal.h>
#include <sys/wait.h>

void llmq_glue_roll_add(llmq_shared_t *shared, apr_uint32_t pid)
{
    int i;

    for (i = 0; i < LLMQ_DISPATCHERS_MAX; i++) {
        if (apr_atomic_cas32(&shared->alive[i], pid, 0) == 0) {
            return;
        }
    }
}

void llmq_glue_roll_remove(llmq_shared_t *shared, apr_uint32_t pid)
{
    int i;

    for (i = 0; i < LLMQ_DISPATCHERS_MAX; i++) {
        apr_atomic_cas32(&shared->alive[i], 0, pid);
    }
    apr_atomic_cas32(&shared->current, 0, pid);
    apr_atomic_inc32(&shared->deaths);
}

int llmq_glue_roll_has(void *shared, apr_uint32_t pid)
{
    llmq_shared_t *roll = shared;
    int i;

    for (i = 0; i < LLMQ_DISPATCHERS_MAX; i++) {
        if (apr_atomic_read32(&roll->alive[i]) == pid) {
            return 1;
        }
    }
    return 0;
}

apr_uint32_t llmq_glue_roll_deaths(void *shared)
{
    return apr_atomic_read32(&((llmq_shared_t *)shared)->deaths);
}

int llmq_glue_roll_tell(llmq_shared_t *shared, int sig)
{
    int i;
    int n = 0;

    for (i = 0; i < LLMQ_DISPATCHERS_MAX; i++) {
        pid_t pid = (pid_t)apr_atomic_read32(&shared->alive[i]);
        int status;

        if (pid == 0) {
            continue;
        }
        if (waitpid(pid, &status, WNOHANG) != 0) {
            llmq_glue_roll_remove(shared, (apr_uint32_t)pid);
            continue;
        }
        n++;
        if (sig) {
            kill(pid, sig);
        }
    }
    return n;
}
