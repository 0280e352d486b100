#include "base/agenda.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_ROOM 16

static void set(llmq_agenda_t *a, int place, llmq_date_t *date)
{
    a->dates[place - 1] = date;
    date->place = place;
}

/* @return where it may stand, those that are later moved down */
static int find_up(llmq_agenda_t *a, int place, const llmq_date_t *date)
{
    while (place > 1 && date->at < a->dates[place / 2 - 1]->at) {
        set(a, place, a->dates[place / 2 - 1]);
        place /= 2;
    }
    return place;
}

static int find_down(llmq_agenda_t *a, int place, const llmq_date_t *date)
{
    for (;;) {
        int child = 2 * place;

        if (child > a->n) {
            return place;
        }
        child += child < a->n && a->dates[child]->at < a->dates[child - 1]->at;
        if (a->dates[child - 1]->at >= date->at) {
            return place;
        }
        set(a, place, a->dates[child - 1]);
        place = child;
    }
}

static void settle(llmq_agenda_t *a, int place, llmq_date_t *date)
{
    place = find_up(a, place, date);
    place = find_down(a, place, date);
    set(a, place, date);
}

apr_status_t llmq_agenda_put(llmq_agenda_t *a, llmq_date_t *date, apr_time_t at)
{
    if (!date->place && a->n == a->room) {
        int room = a->room ? 2 * a->room : FIRST_ROOM;
        llmq_date_t **more = realloc(a->dates, sizeof(llmq_date_t *) * (size_t)room);

        if (!more) {
            return APR_ENOMEM;
        }
        a->dates = more;
        a->room = room;
    }
    date->at = at;
    settle(a, date->place ? date->place : ++a->n, date);
    return APR_SUCCESS;
}

void llmq_agenda_remove(llmq_agenda_t *a, llmq_date_t *date)
{
    int place = date->place;
    llmq_date_t *last;

    if (!place) {
        return;
    }
    date->place = 0;
    last = a->dates[--a->n];
    if (last != date) {
        settle(a, place, last);
    }
}

llmq_date_t *llmq_agenda_first(const llmq_agenda_t *a)
{
    return a->n ? a->dates[0] : NULL;
}

void llmq_agenda_cleanup(llmq_agenda_t *a)
{
    int i;

    for (i = 0; i < a->n; i++) {
        a->dates[i]->place = 0;
    }
    free(a->dates);
    memset(a, 0, sizeof(*a));
}
