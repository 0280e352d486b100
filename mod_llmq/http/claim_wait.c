#include "http/claim_wait.h"

#include "http/claimants.h"
#include "http/held.h"
#include "http/reply.h"

#include <apr_strings.h>

#define STEP apr_time_from_msec(200) /* of held threads: is the client still there? */

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

/* Returns when it was answered, or has left the room again. */
static void sit(request_rec *r, llmq_claimants_t *all, llmq_claimant_t *c)
{
    while (!llmq_held_wait(&c->answered, STEP)) {
        if ((llmq_held_is_gone(r) || llmq_held_is_ending())
            && llmq_claimants_withdraw(all, c)) {
            return;
        }
    }
    llmq_claimants_withdraw(all, c); /* whoever posted is out of sem_post() by then */
}

/* A client of HTTP/2 may hang up, which is told of at any moment, because it has the answer:
 * once that is on its way only its lease can tell. Else a write has failed.
 * @return what the handler returns */
static int answer(int *punread, request_rec *r, const llmq_claimant_t *c)
{
    int was_gone = r->connection->aborted != 0;
    int rv = reply(r, c);

    *punread = r->connection->master ? was_gone : r->connection->aborted != 0;
    return rv;
}

/* The place is given back before the answer is sent: a worker that has read it claims again
 * at once and must not find its own place taken. */
static int hold(request_rec *r, llmq_claimants_t *all, llmq_claimant_t *c,
                apr_uint32_t *place)
{
    int unread;
    int rv;

    sem_init(&c->answered, 0, 0);
    c->held = 1;
    if (llmq_claimants_enter(all, c) == APR_SUCCESS) {
        sit(r, all, c);
    }
    sem_destroy(&c->answered);
    llmq_held_give(place);
    rv = answer(&unread, r, c);
    if (unread) {
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

    if (!place) {
        llmq_claim_room_free(c);
        return refuse(r);
    }
    return hold(r, service->claimants, c, place);
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
