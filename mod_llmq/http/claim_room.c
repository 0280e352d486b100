#include "http/claim_room.h"

#include <stdlib.h>
#include <string.h>

/* ---- records ---- */

llmq_claimant_t *llmq_claim_room_make(const llmq_claim_t *claim)
{
    size_t worker = strlen(claim->worker) + 1;
    size_t tenant = strlen(claim->tenant) + 1;
    llmq_claimant_t *c = calloc(1, sizeof(*c) + worker + tenant);

    if (c) {
        c->claim = *claim;
        c->claim.worker = memcpy(c->names, claim->worker, worker);
        c->claim.tenant = memcpy(c->names + worker, claim->tenant, tenant);
        c->since = apr_time_now();
    }
    return c;
}

void llmq_claim_room_free(llmq_claimant_t *c)
{
    if (c) {
        free(c->given);
        free(c->body);
        free(c);
    }
}

void llmq_claim_room_keep(llmq_claimant_t *c, const char *body, size_t len)
{
    c->body = malloc(len);
    if (c->body) {
        memcpy(c->body, body, len);
        c->len = len;
    }
}

/* ---- groups ---- */

static int is_same(const llmq_claim_t *a, const llmq_claim_t *b)
{
    return a->kinds == b->kinds && a->of_tenant == b->of_tenant
           && a->n_lanes == b->n_lanes && strcmp(a->tenant, b->tenant) == 0
           && memcmp(a->lanes, b->lanes, sizeof(*a->lanes) * (size_t)a->n_lanes) == 0;
}

/* One piece of memory for the group, its lanes, and the tenant's name. */
static llmq_claim_group_t *make_group(const llmq_claim_t *claim)
{
    size_t lanes = sizeof(*claim->lanes) * (size_t)claim->n_lanes;
    size_t len = strlen(claim->tenant) + 1;
    llmq_claim_group_t *g = calloc(1, sizeof(*g) + lanes + len);

    if (g) {
        g->what = *claim;
        g->what.worker = NULL;
        g->what.lanes = memcpy(g + 1, claim->lanes, lanes);
        g->what.tenant = memcpy((char *)(g + 1) + lanes, claim->tenant, len);
        APR_RING_INIT(&g->line, llmq_claimant_t, link);
    }
    return g;
}

static llmq_claim_group_t *group_of(llmq_claim_room_t *room, const llmq_claim_t *claim)
{
    llmq_claim_group_t *g;

    APR_RING_FOREACH(g, &room->groups, llmq_claim_group_t, link)
    {
        if (is_same(&g->what, claim)) {
            return g;
        }
    }
    g = make_group(claim);
    if (g) {
        APR_RING_INSERT_TAIL(&room->groups, g, llmq_claim_group_t, link);
    }
    return g;
}

/* ---- the room ---- */

void llmq_claim_room_init(llmq_claim_room_t *room)
{
    memset(room, 0, sizeof(*room));
    APR_RING_INIT(&room->groups, llmq_claim_group_t, link);
}

static void free_if_empty(llmq_claim_group_t *g)
{
    if (g->n == 0) {
        APR_RING_REMOVE(g, link);
        free(g);
    }
}

apr_status_t llmq_claim_room_enter(llmq_claim_room_t *room, llmq_claimant_t *c)
{
    llmq_claim_group_t *g = group_of(room, &c->claim);

    if (!g) {
        return APR_ENOMEM;
    }
    if (llmq_agenda_put(&room->agenda, &c->due, c->since + c->claim.wait)
        != APR_SUCCESS) {
        free_if_empty(g);
        return APR_ENOMEM;
    }
    c->claim.lanes = g->what.lanes;
    c->group = g;
    c->state = LLMQ_CLAIMANT_WAITS;
    APR_RING_INSERT_TAIL(&g->line, c, llmq_claimant_t, link);
    g->n++;
    room->n++;
    return APR_SUCCESS;
}

int llmq_claim_room_take(llmq_claimant_t **out, llmq_claim_group_t *g, int max)
{
    int n = 0;

    while (n < max && !APR_RING_EMPTY(&g->line, llmq_claimant_t, link)) {
        llmq_claimant_t *c = APR_RING_FIRST(&g->line);

        APR_RING_REMOVE(c, link);
        c->state = LLMQ_CLAIMANT_TRIED;
        out[n++] = c;
    }
    return n;
}

void llmq_claim_room_put_back(llmq_claimant_t **claims, int n)
{
    while (n-- > 0) {
        llmq_claimant_t *c = claims[n];

        c->state = LLMQ_CLAIMANT_WAITS;
        APR_RING_INSERT_HEAD(&c->group->line, c, llmq_claimant_t, link);
    }
}

void llmq_claim_room_hold(llmq_claim_group_t *g)
{
    g->n++;
}

void llmq_claim_room_let(llmq_claim_group_t *g)
{
    g->n--;
    free_if_empty(g);
}

void llmq_claim_room_leave(llmq_claim_room_t *room, llmq_claimant_t *c)
{
    llmq_claim_group_t *g = c->group;

    if (c->state == LLMQ_CLAIMANT_WAITS) {
        APR_RING_REMOVE(c, link);
    }
    llmq_agenda_remove(&room->agenda, &c->due);
    c->group = NULL;
    room->n--;
    llmq_claim_room_let(g);
}

llmq_claimant_t *llmq_claim_room_first_due(const llmq_claim_room_t *room)
{
    llmq_date_t *date = llmq_agenda_first(&room->agenda);

    return date ? LLMQ_AGENDA_OF(date, llmq_claimant_t, due) : NULL;
}
