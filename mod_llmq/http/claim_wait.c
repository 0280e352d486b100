#include "http/claim_wait.h"

#include "http/claimants.h"
#include "http/held.h"
#include "http/reply.h"
#include "http/shield.h"

#include <apr_strings.h>

#include <errno.h>
#include <time.h>

#define STEP_MSEC 200 /* of held threads: is the client still there? */

static int refuse(request_rec *r)
{
    llmq_result_t why = {0};

    llmq_result_set(&why, LLMQ_PROBLEM_QUEUE, "wait",
                    "too many requests wait already, nothing was claimed");
    return llmq_reply_problem(r, &why);
}

static int reply(request_rec *r, const llmq_claimant_t *c)
{
    const char *text =
        c->body ? apr_pstrmemdup(r->pool, c->body, c->len) : "{\"tasks\":[]}\n";

    return llmq_reply_json(r, HTTP_OK, text, strlen(text));
}

/* ---- held ---- */

/* @return non-zero if it was posted in time */
static int wait_a_step(sem_t *sem)
{
    int shield = llmq_shield_pause();
    struct timespec until;
    int rv;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += STEP_MSEC * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    while ((rv = sem_clockwait(sem, CLOCK_MONOTONIC, &until)) && errno == EINTR)
        ;
    llmq_shield_resume(shield);
    return rv == 0;
}

/* Returns when it was answered, or has left the room again. */
static void sit(request_rec *r, llmq_claimants_t *all, llmq_claimant_t *c)
{
    while (!wait_a_step(&c->answered)) {
        if ((llmq_held_is_gone(r) || llmq_held_is_ending())
            && llmq_claimants_withdraw(all, c)) {
            return;
        }
    }
    llmq_claimants_withdraw(all, c); /* whoever posted is out of sem_post() by then */
}

static int hold(request_rec *r, llmq_claimants_t *all, llmq_claimant_t *c)
{
    int rv;

    sem_init(&c->answered, 0, 0);
    c->held = 1;
    if (llmq_claimants_enter(all, c) == APR_SUCCESS) {
        sit(r, all, c);
    }
    sem_destroy(&c->answered);
    rv = reply(r, c);
    if (r->connection->aborted) {
        llmq_claimants_give_back(all, c);
    }
    else {
        llmq_claim_room_free(c);
    }
    return rv;
}

static int hold_if_possible(request_rec *r, const llmq_service_t *service,
                            llmq_claimant_t *c)
{
    apr_uint32_t *place = llmq_held_take(service);
    int rv;

    if (!place) {
        llmq_claim_room_free(c);
        return refuse(r);
    }
    rv = hold(r, service->claimants, c);
    llmq_held_give(place);
    return rv;
}

/* ---- either way ---- */

int llmq_claim_wait(request_rec *r, const llmq_service_t *service,
                    const llmq_claim_t *claim)
{
    llmq_claimant_t *c = llmq_claim_room_make(claim);
    apr_status_t rv;

    if (!c) {
        return llmq_reply_status(r, APR_ENOMEM);
    }
    c->home = service->claimants;
    /* A kept answer must be known while the request lives. */
    rv = apr_table_get(r->headers_in, "Idempotency-Key")
             ? APR_ENOTIMPL
             : llmq_park_begin(&c->park, r, service, llmq_claimants_over, c);
    if (rv == APR_SUCCESS) {
        llmq_claimants_enter(service->claimants, c);
        return OK;
    }
    if (rv == APR_ENOTIMPL) {
        return hold_if_possible(r, service, c);
    }
    llmq_claim_room_free(c);
    return rv == LLMQ_EFULL         ? refuse(r)
           : rv == APR_ECONNABORTED ? OK
                                    : llmq_reply_status(r, rv);
}
