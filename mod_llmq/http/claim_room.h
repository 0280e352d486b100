/**
 * @file claim_room.h
 * Where claims of workers wait: by *group*, which is what they ask for (tenant, kinds, lanes
 * of the queue), in the order of their coming inside it, and by the moment until which they wait.
 *
 *              enter                take                answer
 *     BEGINS ────────► WAITS ──────────────► TRIED ────────────► ANSWERED
 *                        ▲                     │
 *                        └──── nothing for it ─┘
 *
 * A claim whose client leaves is marked; whoever has it at that moment deals with that.
 *
 * Everything here belongs to http/claimants.c and is done under its lock. Records come from
 * malloc(): a pool for each would be twenty times their size.
 */
#ifndef LLMQ_CLAIM_ROOM_H
#define LLMQ_CLAIM_ROOM_H

#include "base/agenda.h"
#include "http/claim.h"
#include "http/give_back.h"
#include "http/park.h"

#include <apr_ring.h>

#include <semaphore.h>

typedef enum {
    LLMQ_CLAIMANT_BEGINS, /* its request thread has it */
    LLMQ_CLAIMANT_WAITS,
    LLMQ_CLAIMANT_TRIED,   /* the claimants' thread has it and asks the store */
    LLMQ_CLAIMANT_ANSWERED /* the answer is on its way */
} llmq_claimant_state_e;

/** What several claims ask for. */
typedef struct llmq_claim_group_t {
    APR_RING_ENTRY(llmq_claim_group_t) link;
    APR_RING_HEAD(llmq_claim_line_t, llmq_claimant_t) line; /* those that wait */
    int n;             /* those that wait or are tried, and who else keeps it */
    unsigned round;    /* in which it was looked at last */
    llmq_claim_t what; /* tenant and lanes are its own */
} llmq_claim_group_t;

/** One claim that waits. */
typedef struct llmq_claimant_t {
    APR_RING_ENTRY(llmq_claimant_t) link; /* in its group, or among what is given back */
    llmq_claim_group_t *group;            /* NULL: not in the room */
    llmq_date_t due;                      /* until when it waits */
    struct llmq_claimants_t *home;
    llmq_park_t park;
    int held;       /* non-zero: a thread waits for it; else it is parked */
    sem_t answered; /* of a held one: posted then */
    llmq_claimant_state_e state;
    int gone; /* the client has left */
    apr_time_t since;
    llmq_claim_t claim;
    /* Once it is ANSWERED, by malloc(): */
    llmq_given_t *given; /* in case that it does not arrive */
    int n_given;
    char *body; /* of a held one; NULL: an empty list */
    apr_size_t len;
    char names[]; /* the worker and the tenant */
} llmq_claimant_t;

APR_RING_HEAD(llmq_claim_list_t, llmq_claimant_t);

/** The room. */
typedef struct llmq_claim_room_t {
    APR_RING_HEAD(llmq_claim_groups_t, llmq_claim_group_t) groups;
    llmq_agenda_t agenda;
    int n; /* claims that wait or are tried */
} llmq_claim_room_t;

/**
 * @param room the room, to be made empty
 * @threads single
 */
void llmq_claim_room_init(llmq_claim_room_t *room);

/**
 * @param claim what a worker asks for; copied
 * @return a record that BEGINS; NULL: no memory
 * @threads any; needs no lock
 */
llmq_claimant_t *llmq_claim_room_make(const llmq_claim_t *claim);

/**
 * @param c a record that is in no room
 * @threads any; needs no lock
 */
void llmq_claim_room_free(llmq_claimant_t *c);

/**
 * Keep a copy of the answer of a held claim; without memory it stays NULL.
 * @param c    the record, without an answer yet
 * @param body JSON text
 * @param len  its bytes
 * @threads any; needs no lock
 */
void llmq_claim_room_keep(llmq_claimant_t *c, const char *body, size_t len);

/**
 * The claim waits from now on, behind those of its group.
 * @param room the room
 * @param c    a claim that BEGINS
 * @return APR_SUCCESS; APR_ENOMEM: it does not
 * @threads locked
 */
apr_status_t llmq_claim_room_enter(llmq_claim_room_t *room, llmq_claimant_t *c);

/**
 * Take the first claims of a group to try them.
 * @param out out: at least @a max
 * @param g   the group
 * @param max most to take
 * @return their number
 * @threads locked
 */
int llmq_claim_room_take(llmq_claimant_t **out, llmq_claim_group_t *g, int max);

/**
 * There was nothing for these: they wait again, in front of all others.
 * @param claims TRIED, of one group, in their order
 * @param n      their number
 * @threads locked
 */
void llmq_claim_room_put_back(llmq_claimant_t **claims, int n);

/**
 * Keep a group, whoever leaves.
 * @param g the group
 * @threads locked
 */
void llmq_claim_room_hold(llmq_claim_group_t *g);

/**
 * @param g a group that was kept; it goes if nobody is left
 * @threads locked
 */
void llmq_claim_room_let(llmq_claim_group_t *g);

/**
 * The claim waits no more; its group goes with its last one.
 * @param room the room
 * @param c    one that WAITS or is TRIED
 * @threads locked
 */
void llmq_claim_room_leave(llmq_claim_room_t *room, llmq_claimant_t *c);

/**
 * @param room the room
 * @return the claim that waits least long, NULL: nobody waits
 * @threads locked
 */
llmq_claimant_t *llmq_claim_room_first_due(const llmq_claim_room_t *room);

#endif /* LLMQ_CLAIM_ROOM_H */
