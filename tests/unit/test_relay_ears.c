#include "bus/relay_ears.h"

#include "support.h"

#include <apr_strings.h>

#include <stdlib.h>
#include <string.h>

#define MANY (3 * LLMQ_RELAY_EARS_BUCKETS) /* so that buckets have several */

static llmq_relay_ears_t ears;
static llmq_relay_ear_t *all[MANY];

static const char *id_of(int i)
{
    return apr_psprintf(test_pool, "cmpl_%d", i);
}

static llmq_relay_ear_t *add(const char *id)
{
    static int ctx;
    const llmq_relay_listener_t listener = {.ctx = &ctx};
    llmq_relay_ear_t *ear = llmq_relay_ears_make(id, &listener);

    ck_assert_ptr_nonnull(ear);
    ck_assert_str_eq(ear->id, id);
    ck_assert_ptr_eq(ear->listener.ctx, &ctx);
    ck_assert_int_eq(ear->holders, 0);
    llmq_relay_ears_add(&ears, ear);
    ck_assert_int_eq(ear->holders, 1);
    return ear;
}

static void discard(llmq_relay_ear_t *ear)
{
    llmq_relay_ears_remove(&ears, ear);
    free(ear);
}

START_TEST(each_is_found_by_its_id)
{
    int i;

    llmq_relay_ears_init(&ears);
    ck_assert_ptr_null(llmq_relay_ears_first(&ears));
    for (i = 0; i < MANY; i++)
        all[i] = add(id_of(i));
    ck_assert_int_eq(ears.n, MANY);
    ck_assert_ptr_eq(llmq_relay_ears_first(&ears), all[0]);
    for (i = 0; i < MANY; i++)
        ck_assert_ptr_eq(llmq_relay_ears_find(&ears, id_of(i)), all[i]);
    ck_assert_ptr_null(llmq_relay_ears_find(&ears, "cmpl_"));
    for (i = 0; i < MANY; i += 2)
        discard(all[i]);
    ck_assert_int_eq(ears.n, MANY / 2);
    ck_assert_ptr_eq(llmq_relay_ears_first(&ears), all[1]);
    for (i = 0; i < MANY; i++)
        ck_assert_ptr_eq(llmq_relay_ears_find(&ears, id_of(i)), i % 2 ? all[i] : NULL);
    for (i = 1; i < MANY; i += 2)
        discard(all[i]);
    ck_assert_int_eq(ears.n, 0);
    ck_assert_ptr_null(llmq_relay_ears_first(&ears));
}
END_TEST

/* Those of a connection that breaks, the oldest first. */
START_TEST(those_that_were_begun_somewhere_are_found)
{
    llmq_relay_conn_t here, there;
    llmq_relay_ear_t *a, *b, *c;

    llmq_relay_ears_init(&ears);
    a = add("cmpl_a");
    b = add("cmpl_b");
    c = add("cmpl_c");
    ck_assert_ptr_null(llmq_relay_ears_begun(&ears, &here));
    b->begun = c->begun = &here;
    a->begun = &there;
    ck_assert_ptr_eq(llmq_relay_ears_begun(&ears, &here), b);
    b->begun = NULL;
    ck_assert_ptr_eq(llmq_relay_ears_begun(&ears, &here), c);
    discard(c);
    ck_assert_ptr_null(llmq_relay_ears_begun(&ears, &here));
    ck_assert_ptr_eq(llmq_relay_ears_begun(&ears, &there), a);
    discard(a);
    discard(b);
}
END_TEST

TCase *case_relay_ears(void)
{
    TCase *tc = test_case("relay_ears");

    tcase_add_test(tc, each_is_found_by_its_id);
    tcase_add_test(tc, those_that_were_begun_somewhere_are_found);
    return tc;
}
