#include "support.h"

#include "base/agenda.h"

#include <stdlib.h>

#define MANY 500

typedef struct {
    int number;
    llmq_date_t date;
} thing_t;

static thing_t things[MANY];

static int by_time(const void *a, const void *b)
{
    apr_time_t x = *(const apr_time_t *)a;
    apr_time_t y = *(const apr_time_t *)b;

    return (x > y) - (x < y);
}

/* Takes all out; non-zero if they come in order and are those of sorted[]. */
static int drain(llmq_agenda_t *a, apr_time_t *sorted, int n)
{
    int i;

    qsort(sorted, (size_t)n, sizeof(*sorted), by_time);
    for (i = 0; i < n; i++) {
        llmq_date_t *first = llmq_agenda_first(a);

        if (!first || first->at != sorted[i]) {
            return 0;
        }
        llmq_agenda_remove(a, first);
    }
    return llmq_agenda_first(a) == NULL;
}

START_TEST(agenda_gives_the_earliest_first)
{
    llmq_agenda_t a = {0};
    apr_time_t sorted[MANY];
    int i;

    srandom(1);
    for (i = 0; i < MANY; i++) {
        sorted[i] = random() % 200;
        ck_assert_int_eq(llmq_agenda_put(&a, &things[i].date, sorted[i]), APR_SUCCESS);
    }
    ck_assert(drain(&a, sorted, MANY));
    llmq_agenda_cleanup(&a);
}
END_TEST

START_TEST(agenda_moves_and_removes_from_the_middle)
{
    llmq_agenda_t a = {0};
    apr_time_t sorted[MANY];
    int n = 0;
    int i;

    srandom(2);
    for (i = 0; i < MANY; i++) {
        llmq_agenda_put(&a, &things[i].date, random() % 1000);
    }
    for (i = 0; i < MANY; i++) {
        if (i % 3 == 0) {
            llmq_agenda_remove(&a, &things[i].date);
            ck_assert_int_eq(things[i].date.place, 0);
        }
        else if (i % 3 == 1) {
            llmq_agenda_put(&a, &things[i].date, random() % 1000);
        }
    }
    for (i = 0; i < MANY; i++) {
        if (things[i].date.place) {
            sorted[n++] = things[i].date.at;
        }
    }
    ck_assert_int_eq(n, a.n);
    ck_assert(drain(&a, sorted, n));
    llmq_agenda_cleanup(&a);
}
END_TEST

START_TEST(agenda_leads_back_to_the_thing)
{
    llmq_agenda_t a = {0};
    thing_t thing = {.number = 7};

    ck_assert_ptr_null(llmq_agenda_first(&a));
    llmq_agenda_remove(&a, &thing.date); /* not listed: nothing happens */
    llmq_agenda_put(&a, &thing.date, 5);
    ck_assert_int_eq(LLMQ_AGENDA_OF(llmq_agenda_first(&a), thing_t, date)->number, 7);
    llmq_agenda_cleanup(&a);
    ck_assert_int_eq(thing.date.place, 0);
    ck_assert_ptr_null(llmq_agenda_first(&a));
}
END_TEST

TCase *case_agenda(void)
{
    TCase *tc = test_case("agenda");

    tcase_add_test(tc, agenda_gives_the_earliest_first);
    tcase_add_test(tc, agenda_moves_and_removes_from_the_middle);
    tcase_add_test(tc, agenda_leads_back_to_the_thing);
    return tc;
}
