#include "store/store_blame.h"

#include <string.h>

static int contains_any(const char *text, const char *const *words)
{
    for (; *words; words++) {
        if (strstr(text, *words))
            return 1;
    }
    return 0;
}

int llmq_store_blame_is_row(const llmq_store_sql_t *sql, llmq_dialect_e dialect,
                            const char *message)
{
    static const char *const refusals[] = {
        "constraint failed", "cannot store", "malformed JSON",   "JSON cannot hold",
        "datatype mismatch", "too big",      "integer overflow", NULL};
    static const char *const troubles[] = {"No space left",
                                           "read-only",
                                           "canceling statement",
                                           "does not exist",
                                           "permission denied",
                                           "out of memory",
                                           "out of shared memory",
                                           "is full",
                                           "disk quota",
                                           "Disk quota",
                                           "could not ",
                                           "terminating",
                                           "deadlock",
                                           "recovery",
                                           "disk full",
                                           "prepared statement",
                                           "no lock",
                                           NULL};

    if (!(sql->traits & LLMQ_SQL_BATCH))
        return 0;
    if (dialect == LLMQ_DIALECT_SQLITE3)
        return contains_any(message, refusals);
    return !contains_any(message, troubles);
}

int llmq_store_blame_is_lasting(const char *message)
{
    static const char *const words[] = {
        "locked",  "canceling statement", "No space left", "disk full",
        "is full", "read-only",           "readonly",      "no lock",
        NULL};

    return contains_any(message, words);
}

apr_status_t llmq_store_blame_trouble(const char *message)
{
    static const char *const disk[] = {
        "No space left", "is full",    "disk full", "could not extend file",
        "disk quota",    "Disk quota", NULL};
    static const char *const memory[] = {"out of memory", "out of shared memory", NULL};

    return contains_any(message, disk)     ? LLMQ_EDISK
           : contains_any(message, memory) ? LLMQ_EMEMORY
                                           : LLMQ_ESTORE;
}
