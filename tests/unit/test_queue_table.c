#include "queue/queue_table.h"

#include "support_queue.h"

#include <apr_strings.h>

START_TEST(ids_are_found_until_they_are_removed)
{
    llmq_queue_t *q = queue_rig(1, 1)->q;
    apr_uint32_t i, n = q->header->capacity;

    /* More ids than slots, so that each is used and used again; three rounds. */
    for (i = 0; i < 3 * n; i++) {
        const char *id = apr_psprintf(test_pool, "id%u", i);
        const char *old = apr_psprintf(test_pool, "id%u", i - n);
        apr_uint32_t slot;

        if (i >= n) {
            ck_assert_uint_eq(llmq_queue_table_add(q, id), 0);
            llmq_queue_table_remove(q, llmq_queue_table_find(q, old));
            ck_assert_uint_eq(llmq_queue_table_find(q, old), 0);
        }
        slot = llmq_queue_table_add(q, id);
        ck_assert_uint_ne(slot, 0);
        ck_assert_str_eq(slot_at(q, slot)->entry.id, id);
        ck_assert_uint_eq(llmq_queue_table_find(q, id), slot);
    }
    for (i = 2 * n; i < 3 * n; i++)
        ck_assert_uint_ne(llmq_queue_table_find(q, apr_psprintf(test_pool, "id%u", i)),
                          0);
    ck_assert_uint_eq(atomic_load(&q->header->used), n);
}
END_TEST

START_TEST(a_slot_used_again_is_clean)
{
    llmq_queue_t *q = queue_rig(1, 1)->q;
    apr_uint32_t i = llmq_queue_table_add(q, "a");

    slot_at(q, i)->tried = 1;
    slot_at(q, i)->entry.canceled = 1;
    slot_at(q, i)->chain = 7;
    llmq_queue_table_remove(q, i);
    ck_assert_uint_eq(llmq_queue_table_add(q, "b"), i);
    ck_assert_uint_eq(slot_at(q, i)->tried, 0);
    ck_assert_uint_eq(slot_at(q, i)->entry.canceled, 0);
    ck_assert_uint_eq(slot_at(q, i)->chain, 0);
}
END_TEST

static apr_uint32_t get_key(llmq_queue_t *q, int level, int key)
{
    llmq_queue_slot_t slot = {.tenant = 1 + key % 2};

    slot.entry.level = (unsigned char)level;
    slot.entry.key = (apr_uint64_t)key;
    return llmq_queue_table_get_key(q, &slot);
}

START_TEST(keys_are_records_of_a_lane)
{
    llmq_queue_t *q = queue_rig(1, 1)->q;
    apr_uint32_t record[LLMQ_LEVEL_COUNT][100];
    int l, k;

    LLMQ_EACH_LEVEL (l)
        for (k = 0; k < 100; k++)
            record[l][k] = get_key(q, l, k);
    LLMQ_EACH_LEVEL (l) {
        for (k = 0; k < 100; k++) {
            apr_uint32_t r = record[l][k];

            ck_assert_uint_eq(get_key(q, l, k), r);
            ck_assert_uint_eq(key_at(q, r)->level, l);
            ck_assert_uint_eq(key_at(q, r)->key, k);
            ck_assert_uint_eq(key_at(q, r)->tenant, 1 + k % 2);
            llmq_queue_table_remove_key(q, r);
        }
    }
    ck_assert_uint_eq(q->header->free_keys.fresh, 400);
    get_key(q, 1, 12345);
    ck_assert_uint_eq(q->header->free_keys.fresh, 400);
}
END_TEST

START_TEST(chains_are_found_until_they_are_removed)
{
    llmq_queue_t *q = queue_rig(1, 1)->q;
    apr_uint64_t c;

    for (c = 1; c <= 500; c++) {
        apr_uint32_t r = llmq_queue_table_get_chain(q, c << 40);

        ck_assert_uint_eq(llmq_queue_table_get_chain(q, c << 40), r);
        ck_assert_uint_eq(llmq_queue_table_find_chain(q, c << 40), r);
    }
    for (c = 1; c <= 500; c++) {
        llmq_queue_table_remove_chain(q, llmq_queue_table_find_chain(q, c << 40));
        ck_assert_uint_eq(llmq_queue_table_find_chain(q, c << 40), 0);
    }
    llmq_queue_table_get_chain(q, 1);
    ck_assert_uint_eq(q->header->free_chains.fresh, 500);
}
END_TEST

TCase *case_queue_table(void)
{
    TCase *tc = test_case("queue_table");

    tcase_add_test(tc, ids_are_found_until_they_are_removed);
    tcase_add_test(tc, a_slot_used_again_is_clean);
    tcase_add_test(tc, keys_are_records_of_a_lane);
    tcase_add_test(tc, chains_are_found_until_they_are_removed);
    return tc;
}
