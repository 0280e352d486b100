/**
 * @file agenda.h
 * What is due when: a binary heap of instants, the earliest first. The dates lie inside
 * the things that they belong to (LLMQ_AGENDA_OF() leads back), so a thing is moved and
 * removed in O(log n) without a search.
 *
 * No lock: an agenda belongs to one thread, or to whoever holds the owner's lock.
 */
#ifndef LLMQ_AGENDA_H
#define LLMQ_AGENDA_H

#include <apr_errno.h>
#include <apr_time.h>

#include <stddef.h>

/** A date, zeroed before its first use; it must not move in memory while it is listed. */
typedef struct llmq_date_t {
    apr_time_t at;
    int place; /* 1-based, in the heap; 0: not listed */
} llmq_date_t;

/** An agenda, zeroed before its first use. */
typedef struct llmq_agenda_t {
    llmq_date_t **dates;
    int n;
    int room;
} llmq_agenda_t;

/** The thing of a type whose member is this date. */
#define LLMQ_AGENDA_OF(date, type, member)                                               \
    ((type *)(void *)((char *)(date)-offsetof(type, member)))

/**
 * List a date, or move it.
 * @param a    the agenda
 * @param date the date; borrowed until it is removed
 * @param at   when
 * @return APR_SUCCESS; APR_ENOMEM: it is not listed
 * @threads the owner
 */
apr_status_t llmq_agenda_put(llmq_agenda_t *a, llmq_date_t *date, apr_time_t at);

/**
 * Take a date off the list. One that is not listed is left alone.
 * @param a    the agenda
 * @param date the date
 * @threads the owner
 */
void llmq_agenda_remove(llmq_agenda_t *a, llmq_date_t *date);

/**
 * @param a the agenda
 * @return the earliest date, NULL if there is none
 * @threads the owner
 */
llmq_date_t *llmq_agenda_first(const llmq_agenda_t *a);

/**
 * Give the memory back; the dates are forgotten.
 * @param a the agenda, empty and usable afterwards
 * @threads the owner
 */
void llmq_agenda_cleanup(llmq_agenda_t *a);

#endif /* LLMQ_AGENDA_H */
