#include "http/outlet_way.h"

#include <stdlib.h>

llmq_outlet_t *llmq_outlet_way_make(apr_size_t size, const llmq_outlet_way_t *way)
{
    llmq_outlet_t *o = calloc(1, size);

    if (o) {
        o->way = way;
        atomic_init(&o->holders, 2);
    }
    return o;
}

void llmq_outlet_way_let(llmq_outlet_t *o)
{
    if (atomic_fetch_sub(&o->holders, 1) == 1) {
        if (o->way->destroy) {
            o->way->destroy(o);
        }
        free(o);
    }
}
