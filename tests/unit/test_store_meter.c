#include "store/store_meter.h"

#include "store_support.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static llmq_store_use_t use;

static llmq_store_meter_t *new_meter(void)
{
    void *m = mmap(NULL, sizeof(llmq_store_meter_t), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    ck_assert(m != MAP_FAILED);
    return m;
}

START_TEST(a_process_has_one_slot)
{
    llmq_store_meter_t *m = new_meter();
    llmq_store_slot_t *slot = llmq_store_meter_join(m);

    ck_assert_ptr_nonnull(slot);
    ck_assert_ptr_eq(slot, llmq_store_meter_join(m));
    ck_assert_ptr_null(llmq_store_meter_join(NULL));
}
END_TEST

START_TEST(statements_and_connections_are_counted)
{
    llmq_store_meter_t *m = new_meter();
    llmq_store_slot_t *slot = llmq_store_meter_join(m);

    llmq_store_meter_open(slot, 1);
    llmq_store_meter_open(slot, 1);
    llmq_store_meter_begin(slot);
    llmq_store_meter_read(&use, m);
    ck_assert_int_eq(use.open, 2);
    ck_assert_int_eq(use.active, 1);
    ck_assert_uint_eq(use.statements, 0);
    llmq_store_meter_end(slot, 500, 0);
    llmq_store_meter_begin(slot);
    llmq_store_meter_end(slot, 700, 1);
    llmq_store_meter_open(slot, -1);
    llmq_store_meter_read(&use, m);
    ck_assert_int_eq(use.open, 1);
    ck_assert_int_eq(use.active, 0);
    ck_assert_uint_eq(use.statements, 2);
    ck_assert_int_eq(use.time, 1200);
    ck_assert_uint_eq(use.slow, 1);
    /* Without a meter there is nothing to do. */
    llmq_store_meter_begin(NULL);
    llmq_store_meter_end(NULL, 1, 1);
    llmq_store_meter_open(NULL, 1);
    llmq_store_meter_read(&use, NULL);
    ck_assert_uint_eq(use.statements, 0);
}
END_TEST

START_TEST(a_dead_process_leaves_its_counts_and_no_connections)
{
    llmq_store_meter_t *m = new_meter();
    llmq_store_slot_t *slot;
    pid_t pid = fork();
    int i;

    if (pid == 0) {
        slot = llmq_store_meter_join(m);
        llmq_store_meter_open(slot, 3);
        llmq_store_meter_begin(slot);
        llmq_store_meter_end(slot, 9, 0);
        llmq_store_meter_begin(slot);
        _exit(0);
    }
    ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
    for (i = 0; i < 2; i++) {
        llmq_store_meter_read(&use, m);
        ck_assert_int_eq(use.open, 0);
        ck_assert_int_eq(use.active, 0);
        ck_assert_uint_eq(use.statements, 1);
        /* The slot is ours now. */
        ck_assert_ptr_eq(llmq_store_meter_join(m), &m->slot[0]);
    }
}
END_TEST

START_TEST(all_slots_taken_means_not_counted)
{
    llmq_store_meter_t *m = new_meter();
    int i;

    for (i = 0; i < LLMQ_STORE_METER_SLOTS; i++)
        atomic_store(&m->slot[i].pid, (apr_uint32_t)getppid());
    ck_assert_ptr_null(llmq_store_meter_join(m));
}
END_TEST

START_TEST(the_store_meters_what_it_runs)
{
    llmq_store_meter_t *m = new_meter();
    llmq_store_conf_t conf;
    llmq_store_t *store;

    store_test_open(_i);
    conf = store_test.conf;
    conf.meter = m;
    conf.slow = 0;
    llmq_store_source_direct(&store_test.source, store_test.driver, store_test.params, 0,
                             test_pool);
    llmq_store_create(&store, &store_test.source, &conf, test_pool);
    ck_assert_int_eq(llmq_store_ping(store, NULL, test_pool), APR_SUCCESS);
    ck_assert_int_eq(llmq_store_ping(store, NULL, test_pool), APR_SUCCESS);
    llmq_store_meter_read(&use, m);
    ck_assert_int_eq(use.open, 1);
    ck_assert_int_eq(use.active, 0);
    ck_assert_uint_eq(use.statements, 2);
    ck_assert_int_gt(use.time, 0);
    ck_assert_uint_eq(use.slow, 0);
    store_test_close();
}
END_TEST

TCase *case_store_meter(void)
{
    TCase *tc = test_case("store_meter");

    tcase_add_test(tc, a_process_has_one_slot);
    tcase_add_test(tc, statements_and_connections_are_counted);
    tcase_add_test(tc, a_dead_process_leaves_its_counts_and_no_connections);
    tcase_add_test(tc, all_slots_taken_means_not_counted);
    tcase_add_loop_test(tc, the_store_meters_what_it_runs, 0, store_test_dialects());
    return tc;
}
