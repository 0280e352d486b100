#include "support.h"

#include "base/clock.h"
#include "base/id.h"
#include "llmq.h"

#include <apr_hash.h>
#include <apr_thread_proc.h>

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS 4
#define IDS     2000

/* 2016-07-30T22:36:16.385Z; the ULID specification shows its time part as 01ARYZ6S41. */
#define SPEC_TIME 1469918176385000

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

START_TEST(an_id_is_the_prefix_and_26_characters_of_base_32)
{
    const char *id = llmq_id_create("msg_", test_pool);

    ck_assert_uint_eq(strlen(id), 4 + LLMQ_ULID_LEN);
    ck_assert_uint_le(strlen(id), LLMQ_ID_MAX);
    ck_assert_int_eq(strncmp(id, "msg_", 4), 0);
    ck_assert_uint_eq(strspn(id + 4, alphabet), LLMQ_ULID_LEN);
    ck_assert(llmq_id_is_name(id));
    ck_assert_uint_eq(strlen(llmq_id_create("", test_pool)), LLMQ_ULID_LEN);
}
END_TEST

/* The id that a forked child makes; a child begins anew, whatever was made here before. */
static void make_in_child(char *id)
{
    int fds[2], status;
    pid_t pid;

    ck_assert_int_eq(pipe(fds), 0);
    pid = fork();
    if (pid == 0) {
        const char *own = llmq_id_create("", test_pool);

        _exit(write(fds[1], own, LLMQ_ULID_LEN) == LLMQ_ULID_LEN ? 0 : 1);
    }
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
    ck_assert_int_eq(read(fds[0], id, LLMQ_ULID_LEN), LLMQ_ULID_LEN);
    id[LLMQ_ULID_LEN] = '\0';
    close(fds[0]);
    close(fds[1]);
}

START_TEST(an_id_begins_with_the_time_as_the_specification_encodes_it)
{
    char id[LLMQ_ULID_LEN + 1];

    llmq_id_create("", test_pool); /* the child must know about forks */
    llmq_clock_set(SPEC_TIME);
    make_in_child(id);
    ck_assert_int_eq(strncmp(id, "01ARYZ6S41", 10), 0);
}
END_TEST

/* A time that no id has been made at, later than all others. */
static apr_time_t fresh_time(void)
{
    static apr_time_t time = 4102444800000000; /* the year 2100 */

    return time += apr_time_from_sec(3600);
}

START_TEST(ids_of_one_millisecond_are_counted_up)
{
    const char *last, *id;
    int i;

    llmq_clock_set(fresh_time());
    last = llmq_id_create("", test_pool);
    for (i = 0; i < IDS; i++) {
        id = llmq_id_create("", test_pool);
        ck_assert_str_gt(id, last);
        /* Same millisecond, and nearly the same chance: counted, not drawn. */
        ck_assert_int_eq(strncmp(id, last, 18), 0);
        last = id;
    }
}
END_TEST

START_TEST(ids_keep_their_order_when_the_clock_is_set_back)
{
    apr_time_t now = fresh_time();
    const char *last;

    llmq_clock_set(now);
    last = llmq_id_create("", test_pool);
    llmq_clock_set(now - APR_USEC_PER_SEC);
    ck_assert_str_gt(llmq_id_create("", test_pool), last);
}
END_TEST

START_TEST(chance_is_drawn_anew_each_millisecond)
{
    apr_time_t now = fresh_time();
    const char *first, *second;

    llmq_clock_set(now);
    first = llmq_id_create("", test_pool);
    llmq_clock_set(now + 1000);
    second = llmq_id_create("", test_pool);
    ck_assert_str_gt(second, first);
    ck_assert_str_ne(second + 10, first + 10);
    ck_assert_int_ne(strncmp(second + 10, first + 10, 8), 0);
    ck_assert_int_ne(strncmp(second + 18, first + 18, 6), 0);
}
END_TEST

START_TEST(a_forked_child_does_not_repeat_its_parents_ids)
{
    char one[LLMQ_ULID_LEN + 1], two[LLMQ_ULID_LEN + 1];
    const char *own;

    llmq_clock_set(fresh_time());
    llmq_id_create("", test_pool);
    make_in_child(one);
    make_in_child(two);
    own = llmq_id_create("", test_pool);
    /* Different by chance, not by a count. */
    ck_assert_int_ne(strncmp(one + 10, two + 10, 8), 0);
    ck_assert_int_ne(strncmp(one + 10, own + 10, 8), 0);
    ck_assert_int_ne(strncmp(two + 10, own + 10, 8), 0);
}
END_TEST

typedef struct {
    apr_pool_t *pool;
    const char *ids[IDS];
    int ordered;
} maker_t;

static void *APR_THREAD_FUNC make_ids(apr_thread_t *thread, void *data)
{
    maker_t *maker = data;
    int i;

    (void)thread;
    maker->ordered = 1;
    for (i = 0; i < IDS; i++) {
        maker->ids[i] = llmq_id_create("msg_", maker->pool);
        if (i > 0 && strcmp(maker->ids[i], maker->ids[i - 1]) <= 0)
            maker->ordered = 0;
    }
    return NULL;
}

static apr_pool_t *own_pool(void)
{
    apr_allocator_t *allocator;
    apr_pool_t *pool;

    apr_allocator_create(&allocator);
    apr_pool_create_ex(&pool, NULL, NULL, allocator);
    apr_allocator_owner_set(allocator, pool);
    return pool;
}

START_TEST(ids_of_many_threads_are_unique_and_ordered_in_each)
{
    static maker_t makers[THREADS];
    apr_thread_t *threads[THREADS];
    apr_hash_t *seen = apr_hash_make(test_pool);
    apr_status_t rv;
    int i, j;

    for (i = 0; i < THREADS; i++) {
        makers[i].pool = own_pool();
        ck_assert_int_eq(
            apr_thread_create(&threads[i], NULL, make_ids, &makers[i], test_pool), 0);
    }
    for (i = 0; i < THREADS; i++)
        apr_thread_join(&rv, threads[i]);
    for (i = 0; i < THREADS; i++) {
        ck_assert(makers[i].ordered);
        for (j = 0; j < IDS; j++)
            apr_hash_set(seen, makers[i].ids[j], APR_HASH_KEY_STRING, "");
    }
    ck_assert_uint_eq(apr_hash_count(seen), THREADS * IDS);
    for (i = 0; i < THREADS; i++)
        apr_pool_destroy(makers[i].pool);
}
END_TEST

START_TEST(names_have_only_the_allowed_characters)
{
    const char *allowed = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                          "0123456789_.:-";
    char name[2] = {0, 0};
    int c;

    for (c = 1; c < 256; c++) {
        name[0] = (char)c;
        ck_assert_int_eq(!!llmq_id_is_name(name), strchr(allowed, c) != NULL);
    }
    ck_assert(llmq_id_is_name("conv_123:a.b-C"));
    ck_assert(!llmq_id_is_name("conv 1"));
    ck_assert(!llmq_id_is_name("conv\n"));
}
END_TEST

START_TEST(names_have_1_to_128_bytes)
{
    char name[LLMQ_NAME_MAX + 2];

    memset(name, 'a', sizeof(name));
    name[LLMQ_NAME_MAX + 1] = '\0';
    ck_assert(!llmq_id_is_name(name));
    name[LLMQ_NAME_MAX] = '\0';
    ck_assert(llmq_id_is_name(name));
    ck_assert(!llmq_id_is_name(""));
    ck_assert(!llmq_id_is_name(NULL));
}
END_TEST

START_TEST(the_hash_is_fnv_1a)
{
    /* Published test vectors of the 64-bit variant. */
    ck_assert_uint_eq(llmq_id_hash("", 0, 0), 0xcbf29ce484222325ULL);
    ck_assert_uint_eq(llmq_id_hash("a", 1, 0), 0xaf63dc4c8601ec8cULL);
    ck_assert_uint_eq(llmq_id_hash("foobar", 6, 0), 0x85944171f73967e8ULL);
}
END_TEST

START_TEST(a_hash_can_be_continued)
{
    apr_uint64_t half = llmq_id_hash("foo", 3, 0);

    ck_assert_uint_eq(llmq_id_hash("bar", 3, half), llmq_id_hash("foobar", 6, 0));
    ck_assert_uint_ne(llmq_id_hash("a\0b", 3, 0), llmq_id_hash("a\0c", 3, 0));
}
END_TEST

START_TEST(the_hash_is_never_zero)
{
    /* These eight bytes hash to 0 by the bare algorithm (a published collision). */
    static const unsigned char zero[] = {0xd5, 0x6b, 0xb9, 0x53, 0x42, 0x87, 0x08, 0x36};

    ck_assert_uint_ne(llmq_id_hash(zero, sizeof(zero), 0), 0);
}
END_TEST

START_TEST(a_uuid_has_the_time_and_the_chance_of_its_id)
{
    /* RFC 9562, appendix A.6: the time 0x017F22E279B0, the chance CC3 and 18C4DC0C0C07398F. */
    ck_assert_str_eq(llmq_id_uuid("01FWHE4YDG0CRDHH6W1G60EECF", 0, test_pool),
                     "017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
}
END_TEST

START_TEST(uuids_are_version_7_and_sort_as_their_ids)
{
    const char *last = "";
    int i;

    for (i = 0; i < 100; i++) {
        const char *uuid = llmq_id_uuid(llmq_id_create("", test_pool), 0, test_pool);

        ck_assert_uint_eq(strlen(uuid), LLMQ_UUID_LEN);
        ck_assert_uint_eq(strspn(uuid, "0123456789abcdef-"), LLMQ_UUID_LEN);
        ck_assert_int_eq(uuid[14], '7');
        ck_assert_ptr_nonnull(strchr("89ab", uuid[19]));
        ck_assert(llmq_id_is_name(uuid));
        ck_assert_int_gt(strcmp(uuid, last), 0);
        last = uuid;
    }
}
END_TEST

START_TEST(several_uuids_of_one_id_differ_and_come_again)
{
    const char *id = llmq_id_create("", test_pool);
    const char *seen[20];
    int i, k;

    for (i = 0; i < 20; i++) {
        seen[i] = llmq_id_uuid(id, i, test_pool);
        ck_assert_str_eq(seen[i], llmq_id_uuid(id, i, test_pool));
        ck_assert_int_eq(strncmp(seen[i], seen[0], 13), 0);
        for (k = 0; k < i; k++)
            ck_assert_str_ne(seen[i], seen[k]);
    }
}
END_TEST

START_TEST(a_uuid_is_hex_in_five_groups)
{
    static const char *const bad[] = {"",
                                      "0",
                                      "0199aa00-0000-7000-8000-00000000000",
                                      "0199aa00-0000-7000-8000-0000000000000",
                                      "0199aa0000000-7000-8000-000000000000",
                                      "0199aa00-0000-7000-8000-00000000000g",
                                      "{199aa00-0000-7000-8000-000000000000",
                                      "0199aa00_0000-7000-8000-000000000000",
                                      "0199aa00-0000-7000-80-0000-0000000000",
                                      " 199aa00-0000-7000-8000-000000000000",
                                      "conv_01JD0000000000000000000000000000"};
    size_t i;

    ck_assert(llmq_id_is_uuid("0199aa00-0000-7000-8000-00000000000f"));
    ck_assert(llmq_id_is_uuid("0199AA00-0000-4000-8000-00000000000F"));
    ck_assert(llmq_id_is_uuid(llmq_id_uuid(llmq_id_create("", test_pool), 0, test_pool)));
    ck_assert(!llmq_id_is_uuid(NULL));
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        ck_assert_msg(!llmq_id_is_uuid(bad[i]), "%s", bad[i]);
}
END_TEST

static void give_clock_back(void)
{
    llmq_clock_set(0);
}

TCase *case_id(void)
{
    TCase *tc = test_case("id");

    tcase_add_checked_fixture(tc, NULL, give_clock_back);
    tcase_add_test(tc, an_id_is_the_prefix_and_26_characters_of_base_32);
    tcase_add_test(tc, an_id_begins_with_the_time_as_the_specification_encodes_it);
    tcase_add_test(tc, ids_of_one_millisecond_are_counted_up);
    tcase_add_test(tc, ids_keep_their_order_when_the_clock_is_set_back);
    tcase_add_test(tc, chance_is_drawn_anew_each_millisecond);
    tcase_add_test(tc, a_forked_child_does_not_repeat_its_parents_ids);
    tcase_add_test(tc, ids_of_many_threads_are_unique_and_ordered_in_each);
    tcase_add_test(tc, a_uuid_has_the_time_and_the_chance_of_its_id);
    tcase_add_test(tc, uuids_are_version_7_and_sort_as_their_ids);
    tcase_add_test(tc, several_uuids_of_one_id_differ_and_come_again);
    tcase_add_test(tc, a_uuid_is_hex_in_five_groups);
    tcase_add_test(tc, names_have_only_the_allowed_characters);
    tcase_add_test(tc, names_have_1_to_128_bytes);
    tcase_add_test(tc, the_hash_is_fnv_1a);
    tcase_add_test(tc, a_hash_can_be_continued);
    tcase_add_test(tc, the_hash_is_never_zero);
    return tc;
}
