#include "http/descriptors.h"

#include "base/log.h"

#include <sys/resource.h>

#define RESERVE 2048 /* for connections of httpd, backends, databases; see reserve_of() */

/* Of a small limit one half. */
static rlim_t reserve_of(rlim_t limit)
{
    return limit / 2 < RESERVE ? limit / 2 : RESERVE;
}

/* The limit itself is for this process alone: what httpd starts otherwise (CGI daemons,
 * piped loggers) keeps the one that it was given. */
static rlim_t raise_limit(rlim_t wanted)
{
    struct rlimit files;
    rlim_t before;

    if (getrlimit(RLIMIT_NOFILE, &files) != 0) {
        return wanted;
    }
    before = files.rlim_cur;
    if (before == RLIM_INFINITY || before >= wanted) {
        return wanted;
    }
    files.rlim_cur = files.rlim_max < wanted ? files.rlim_max : wanted;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0) {
        return before;
    }
    if (files.rlim_cur > before) {
        LLMQ_LOG(LLMQ_LOG_DEBUG, 0,
                 LLMQ_NO(0274) "this process may have %lu open files instead of %lu",
                 (unsigned long)files.rlim_cur, (unsigned long)before);
    }
    return files.rlim_cur;
}

/* @return how many of the wanted there may be, if all together may take so many */
static int cap(int wanted, rlim_t room, const char *what)
{
    if ((rlim_t)wanted <= room) {
        return wanted;
    }
    LLMQ_LOG(LLMQ_LOG_INFO, 0,
             LLMQ_NO(0273) "%d instead of %d %s there may be at once: a process may not"
                           " have more open files here",
             (int)room, wanted, what);
    return (int)room;
}

void llmq_descriptors_share(int places[LLMQ_STREAM_COUNT])
{
    int *answers = &places[LLMQ_STREAM_ANSWER];
    int *events = &places[LLMQ_STREAM_EVENTS];
    rlim_t limit = raise_limit((rlim_t)*answers + (rlim_t)*events + RESERVE);
    rlim_t room = limit - reserve_of(limit);

    /* Answers first, but not more than half if streams need the rest. */
    if ((rlim_t)*answers + (rlim_t)*events > room) {
        *answers = cap(*answers, room / 2, "answers without a thread");
    }
    *events = cap(*events, room - (rlim_t)*answers, "event streams");
}
