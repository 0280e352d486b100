#include "support.h"

#include "core/roster.h"
#include "core/roster_table.h"

#include <apr_strings.h>

#define T0      APR_INT64_C(1735727400000000) /* 2025-01-01T10:30:00Z */
#define TIMEOUT (90 * APR_USEC_PER_SEC)

static llmq_roster_t *table(int max)
{
    char *memory = apr_pcalloc(test_pool, llmq_roster_size(max) + 64);

    return llmq_roster_init((void *)APR_ALIGN((apr_uintptr_t)memory, 64), max, TIMEOUT);
}

static int knows(llmq_roster_t *r, int i)
{
    llmq_roster_place_t *pl =
        llmq_roster_table_find(r, "t", apr_psprintf(test_pool, "w%d", i));

    if (pl)
        llmq_spin_unlock(&pl->lock);
    return pl != NULL;
}

START_TEST(a_place_is_made_once_and_comes_locked)
{
    llmq_roster_t *r = table(4);
    llmq_roster_place_t *pl = llmq_roster_table_make(r, "t", "w0", T0);

    ck_assert_int_eq(atomic_load(&pl->lock), 1);
    llmq_spin_unlock(&pl->lock);
    ck_assert_ptr_eq(llmq_roster_table_make(r, "t", "w0", T0), pl);
    ck_assert_int_eq(atomic_load(&pl->lock), 1);
    llmq_spin_unlock(&pl->lock);
    ck_assert_ptr_eq(llmq_roster_table_find(r, "t", "w0"), pl);
    llmq_spin_unlock(&pl->lock);
    ck_assert_ptr_null(llmq_roster_table_find(r, "u", "w0"));
}
END_TEST

/* The holder of the table's lock died with all chains cut. */
START_TEST(chains_are_linked_anew_after_a_death)
{
    llmq_roster_t *r = table(50);
    _Atomic(apr_uint32_t) *heads = (void *)&r->place[r->max];
    apr_uint32_t b;
    int i;

    for (i = 0; i < 40; i++) {
        llmq_roster_seen(r, "t", apr_psprintf(test_pool, "w%d", i), T0);
        ck_assert(knows(r, i));
    }
    for (b = 0; b < r->buckets; b++)
        atomic_store(&heads[b], 0);
    ck_assert(!knows(r, 7));
    atomic_store(&r->lock, 1);
    llmq_roster_seen(r, "t", "w7", T0 + 1);
    for (i = 0; i < 40; i++)
        ck_assert(knows(r, i));
    ck_assert_int_eq(atomic_load(&r->used), 40);
}
END_TEST

TCase *case_roster_table(void)
{
    TCase *tc = test_case("roster_table");

    tcase_add_test(tc, a_place_is_made_once_and_comes_locked);
    tcase_add_test(tc, chains_are_linked_anew_after_a_death);
    return tc;
}
