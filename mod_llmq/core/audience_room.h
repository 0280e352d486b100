/**
 * @file audience_room.h
 * Where an audience sits: its subjects in a hash table by their topics, and the lists of
 * those with something to do. Private to core/audience*.c, under the owner's lock. Records
 * come from malloc(): a pool for each would be twenty times their size.
 */
#ifndef LLMQ_AUDIENCE_ROOM_H
#define LLMQ_AUDIENCE_ROOM_H

#include "core/audience.h"

/** The list that a subject stands in. */
typedef enum {
    LLMQ_AUDIENCE_NONE = 0,
    LLMQ_AUDIENCE_BEHIND, /* somebody is behind */
    LLMQ_AUDIENCE_STUCK   /* they have yet to take what waits */
} llmq_audience_list_e;

APR_RING_HEAD(llmq_audience_subjects_t, llmq_subject_t);

struct llmq_audience_t {
    llmq_audience_conf_t conf;
    struct llmq_audience_subjects_t all; /* whom a patrol has seen stands at the end */
    struct llmq_audience_subjects_t todo;
    struct llmq_audience_subjects_t stuck;
    llmq_subject_t **buckets;
    apr_size_t size; /* of them: a power of two */
    apr_size_t n_subjects;
    int n; /* listeners */
    unsigned round;
    unsigned serial; /* of offers to those who have begun */
};

/**
 * @param a the audience, zeroed but for its conf
 * @param p pool that it lives in
 * @return APR_SUCCESS; APR_ENOMEM
 * @threads single
 */
apr_status_t llmq_audience_room_init(llmq_audience_t *a, apr_pool_t *p);

/**
 * @param a     the audience
 * @param topic a topic
 * @return the first of the subjects that share its bucket, chained by next; NULL: none
 * @threads locked
 */
llmq_subject_t *llmq_audience_room_first(const llmq_audience_t *a, apr_uint64_t topic);

/**
 * @param a   the audience
 * @param key what is looked for
 * @return the subject; NULL: there is none
 * @threads locked
 */
llmq_subject_t *llmq_audience_room_find(const llmq_audience_t *a,
                                        const llmq_audience_key_t *key);

/**
 * @param a   the audience
 * @param key of a subject that there is not
 * @return the subject, without listeners and pins; NULL: no memory
 * @threads locked
 */
llmq_subject_t *llmq_audience_room_make(llmq_audience_t *a,
                                        const llmq_audience_key_t *key);

/**
 * Free a subject that nobody listens to and nobody has pinned; leave others alone.
 * @param a the audience
 * @param s the subject
 * @threads locked
 */
void llmq_audience_room_drop(llmq_audience_t *a, llmq_subject_t *s);

/**
 * List a subject at the end; what is to do comes before what is stuck.
 * @param a     the audience
 * @param s     the subject
 * @param which the list
 * @threads locked
 */
void llmq_audience_room_list(llmq_audience_t *a, llmq_subject_t *s,
                             llmq_audience_list_e which);

/**
 * @param s a subject that stands in no list afterwards
 * @threads locked
 */
void llmq_audience_room_unlist(llmq_subject_t *s);

#endif /* LLMQ_AUDIENCE_ROOM_H */
