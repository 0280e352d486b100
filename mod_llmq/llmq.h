/**
 * @file llmq.h
 * Words that every layer shares: the version, the levels of priority, the states of a
 * job, the module's own status codes and the limits of names.
 *
 * Terms. A *job* is anything accepted to be done once: a message, a task, an agent run, a
 * completion. Its *level* says how urgent it is, its *key* with whom it
 * takes turns inside the level, its *chain* behind whom it must wait (a conversation). Its
 * *attempt* is the fence: whoever takes work away from somebody else raises it, and a
 * result that names an older attempt changes nothing.
 */
#ifndef LLMQ_H
#define LLMQ_H

#include <apr.h>
#include <apr_errno.h>

#define LLMQ_VERSION "1.0.0"

/** How urgent a job is. 1 is served first; the numbers are stored and shown. */
typedef enum {
    LLMQ_LEVEL_NONE = 0, /* not given */
    LLMQ_LEVEL_REALTIME = 1,
    LLMQ_LEVEL_HIGH = 2,
    LLMQ_LEVEL_NORMAL = 3,
    LLMQ_LEVEL_LOW = 4,
    LLMQ_LEVEL_COUNT /* size of an array indexed by level; slot 0 is unused */
} llmq_level_e;

/** Walk the levels, most urgent first. @a l is an int. */
#define LLMQ_EACH_LEVEL(l) for (l = LLMQ_LEVEL_REALTIME; l < LLMQ_LEVEL_COUNT; l++)

/** What a job is; stored. */
typedef enum {
    LLMQ_KIND_NONE = 0,
    LLMQ_KIND_MESSAGE = 1,
    LLMQ_KIND_TASK = 2,
    LLMQ_KIND_RUN = 3,        /* of an agent; it lies in the queue of tasks */
    LLMQ_KIND_DEBUG = 4,      /* a debug turn of an app; in the queue of messages */
    LLMQ_KIND_COMPLETION = 5, /* a call of the gateway; in the queue of messages */
    LLMQ_KIND_MEMORY = 6,     /* an app is to remember; in the queue of messages */
    LLMQ_KIND_COUNT
} llmq_kind_e;

/** Where a job stands; stored. Everything from COMPLETED on is final. */
typedef enum {
    LLMQ_STATUS_PENDING = 0,    /* waits: ready, behind its chain, or until run_at */
    LLMQ_STATUS_PROCESSING = 1, /* a backend or an outside processor works on it */
    LLMQ_STATUS_COMPLETED = 2,
    LLMQ_STATUS_FAILED = 3,
    LLMQ_STATUS_TIMEOUT = 4,
    LLMQ_STATUS_CANCELED = 5, /* of tasks and runs; a withdrawn message is removed */
    LLMQ_STATUS_COUNT
} llmq_status_e;

/** Own status codes; text in base/result.c. All others are APR's. */
#define LLMQ_ESTART   (APR_OS_START_USERERR + 7300)
#define LLMQ_EFULL    (LLMQ_ESTART + 1) /* a bounded thing is full */
#define LLMQ_ESTATE   (LLMQ_ESTART + 2) /* not possible in the present state */
#define LLMQ_ESTORE   (LLMQ_ESTART + 3) /* the database is away; nothing was decided */
#define LLMQ_EROW     (LLMQ_ESTART + 4) /* the database refuses this very row */
#define LLMQ_EBACKEND (LLMQ_ESTART + 5) /* a backend failed */
#define LLMQ_EBODY    (LLMQ_ESTART + 6) /* the caller's input is wrong; see llmq_result_t */
#define LLMQ_EVERSION (LLMQ_ESTART + 7)  /* the schema is newer than this module */
#define LLMQ_EBUSY    (LLMQ_ESTART + 8)  /* somebody is working on it right now */
#define LLMQ_EMEMORY  (LLMQ_ESTART + 9)  /* the database has no memory left */
#define LLMQ_EDISK    (LLMQ_ESTART + 10) /* the database has no room on its disk */

/** Sizes of names in bytes, without the final NUL. */
#define LLMQ_ID_MAX   40  /* "msg_" + 26 characters of ULID; room for UUIDs */
#define LLMQ_NAME_MAX 128 /* caller-chosen ids: conversations, users, tenants, nodes */

#endif /* LLMQ_H */
