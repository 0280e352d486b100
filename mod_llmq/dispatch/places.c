#include "dispatch/places.h"

#include "queue/queue_job.h"

#include <stdlib.h>
#include <string.h>

/* A gate and the backends behind it. */
typedef struct {
    apr_uint64_t gate;
    apr_uint64_t backends;
} way_t;

struct llmq_places_t {
    llmq_endpoints_t *endpoints;
    int n;               /* ways: that of what needs no model is the first */
    apr_uint64_t *among; /* by way, in the order of the gates */
    int *rooms;
    llmq_queue_room_t *gates;
    int gated; /* the last count was by gates */
};

static int compare(const void *a, const void *b)
{
    apr_uint64_t x = ((const way_t *)a)->gate;
    apr_uint64_t y = ((const way_t *)b)->gate;

    return x < y ? -1 : x > y;
}

static void list_ways(llmq_places_t *places, const llmq_models_t *models, apr_pool_t *p)
{
    way_t *ways = apr_palloc(p, sizeof(*ways) * (apr_size_t)places->n);
    int i;

    ways[0] = (way_t){LLMQ_QUEUE_GATE_ANY, LLMQ_MODEL_ANY};
    for (i = 1; i < places->n; i++) {
        ways[i].gate = llmq_queue_job_gate(models->model[i - 1]->name);
        ways[i].backends = models->model[i - 1]->backends;
    }
    qsort(ways, (size_t)places->n, sizeof(*ways), compare);
    for (i = 0; i < places->n; i++) {
        places->among[i] = ways[i].backends;
        places->gates[i].gate = ways[i].gate;
    }
}

llmq_places_t *llmq_places_create(const llmq_models_t *models,
                                  llmq_endpoints_t *endpoints, apr_pool_t *p)
{
    llmq_places_t *places = apr_pcalloc(p, sizeof(*places));
    apr_size_t n = 1 + (apr_size_t)(models ? models->n : 0);

    places->endpoints = endpoints;
    places->n = (int)n;
    places->among = apr_pcalloc(p, sizeof(*places->among) * n);
    places->rooms = apr_pcalloc(p, sizeof(*places->rooms) * n);
    places->gates = apr_pcalloc(p, sizeof(*places->gates) * n);
    list_ways(places, models, p);
    return places;
}

int llmq_places_count(llmq_places_t *places, llmq_queue_t *q)
{
    int all;
    int i;

    places->gated = llmq_queue_has_gates(q);
    if (!places->gated) {
        return llmq_endpoint_free(places->endpoints);
    }
    all = llmq_endpoint_rooms(places->rooms, places->endpoints, places->among, places->n);
    for (i = 0; i < places->n; i++) {
        places->gates[i].room = places->rooms[i];
    }
    return all;
}

apr_status_t llmq_places_take(llmq_entry_t *out, int *pn, llmq_places_t *places,
                              llmq_queue_t *q, int max, apr_uint32_t owner)
{
    llmq_queue_rooms_t rooms = {places->gates, places->n, 0};

    if (!places->gated) {
        return llmq_queue_take(out, pn, q, max, owner);
    }
    rooms.plain = places->rooms[0]; /* GATE_ANY is the least number */
    return llmq_queue_take_gated(out, pn, q, max, owner, &rooms);
}
