#include "http/shield.h"

#include <signal.h>

static int is_needed;
static int is_up; /* one request at a time, where it is needed */

void llmq_shield_init(int threaded)
{
    is_needed = !threaded;
}

static void set(int up)
{
    sigset_t ending;

    if (is_needed && up != is_up) {
        is_up = up;
        sigemptyset(&ending);
        sigaddset(&ending, SIGTERM);
        sigaddset(&ending, SIGHUP);
        pthread_sigmask(up ? SIG_BLOCK : SIG_UNBLOCK, &ending, NULL);
    }
}

void llmq_shield_begin(void)
{
    set(1);
}

void llmq_shield_end(void)
{
    set(0);
}

int llmq_shield_pause(void)
{
    int was_up = is_up;

    set(0);
    return was_up;
}

void llmq_shield_resume(int was_up)
{
    set(was_up);
}
