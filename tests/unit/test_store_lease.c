#include "store_support.h"

#include "store/store_lease.h"
#include "store/store_lease_claim.h"
#include "store/store_node.h"

#include <apr_strings.h>

#include <pthread.h>
#include <string.h>

#define T0     STORE_TEST_T0
#define SEC(n) apr_time_from_sec(n)
#define TOKEN  "lease_0123456789abcdefghjkmnpqrs"

static llmq_commit_t *claims;
static llmq_commit_t *changes;

static int orphans; /* atomic */

static void adopt(void *ctx, llmq_job_t *const *jobs, int n, apr_pool_t *p)
{
    (void)ctx;
    (void)p;
    while (n-- > 0)
        __atomic_add_fetch(&orphans, jobs[n] != NULL, __ATOMIC_RELAXED);
}

static llmq_lease_orphans_t orphanage = {adopt, NULL};

static void start(int dialect, int threaded)
{
    llmq_commit_conf_t conf = {1000, 0, 1};
    llmq_commit_writer_t writer;

    store_test_open(dialect);
    llmq_store_lease_claim_writer(&writer, &orphanage);
    ck_assert_int_eq(llmq_store_commit_create(&claims, store_test.store, &conf, &writer,
                                              threaded, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(llmq_store_commit_create(&changes, store_test.store, &conf,
                                              llmq_store_lease_changes(), threaded,
                                              test_pool),
                     APR_SUCCESS);
}

static void stop(void)
{
    llmq_store_commit_stop(claims);
    llmq_store_commit_stop(changes);
    store_test_close();
}

static void insert_task(const char *id)
{
    llmq_job_t *job = store_test_job(id);

    job->kind = LLMQ_KIND_TASK;
    job->type = "document_processing";
    job->chain = NULL;
    job->timeout = SEC(300);
    store_test_insert(store_test.store, job);
}

static llmq_lease_claim_t claim_of(const char *id, const char *token)
{
    llmq_lease_claim_t claim = {id,    "default",    0,           "worker_1",
                                token, T0 + SEC(70), T0 + SEC(10)};

    return claim;
}

static llmq_job_t *claim_one(const char *id)
{
    llmq_lease_claim_t claim = claim_of(id, TOKEN);
    llmq_job_t **jobs;

    ck_assert_int_eq(llmq_store_lease_claim(&jobs, claims, &claim, 1, test_pool),
                     APR_SUCCESS);
    return jobs[0];
}

/* As it is stored, whoever has it. */
static llmq_job_t *look(const char *id)
{
    llmq_job_t **jobs;

    ck_assert_int_eq(
        llmq_store_lease_look(&jobs, NULL, store_test.store, &id, 1, test_pool),
        APR_SUCCESS);
    return jobs[0];
}

static llmq_lease_change_t change_at(const char *id, const char *token, apr_time_t now)
{
    llmq_lease_change_t change;

    llmq_store_lease_init(&change, now);
    change.tenant = "default";
    change.kind = LLMQ_KIND_TASK;
    change.id = id;
    change.token = token;
    change.until = now + SEC(60);
    return change;
}

static int change_one(llmq_lease_change_t *change)
{
    change->accepted = 0;
    ck_assert_int_eq(
        llmq_store_lease_change(change, store_test.store, changes, test_pool),
        APR_SUCCESS);
    return change->accepted;
}

START_TEST(claim_gives_what_was_taken_and_nothing_else)
{
    static const char *const ids[] = {"t_good",  "t_other",  "t_moved", "t_gone",
                                      "t_final", "t_worked", "t_never", "t_last"};
    llmq_lease_claim_t claim[8];
    llmq_job_t **jobs;
    int i;

    start(_i, _i % 2);
    for (i = 0; i < 8; i++) {
        if (i != 6)
            insert_task(ids[i]);
        claim[i] = claim_of(ids[i], apr_psprintf(test_pool, "lease_%d", i));
    }
    claim[1].tenant = "somebody";
    claim[2].attempt = 1;
    store_test_sql("UPDATE llmq_jobs SET removed_at = 1 WHERE id = 't_gone'");
    store_test_sql("UPDATE llmq_jobs SET status = 5 WHERE id = 't_final'");
    store_test_sql("UPDATE llmq_jobs SET status = 1, owner = 'w' WHERE id = 't_worked'");
    ck_assert_int_eq(llmq_store_lease_claim(&jobs, claims, claim, 8, test_pool),
                     APR_SUCCESS);
    for (i = 1; i < 7; i++)
        ck_assert_ptr_null(jobs[i]);
    ck_assert_str_eq(jobs[7]->id, "t_last");
    ck_assert_str_eq(jobs[0]->id, "t_good");
    ck_assert_str_eq(jobs[0]->lease_token, "lease_0");
    ck_assert_str_eq(jobs[0]->owner, "worker_1");
    ck_assert_str_eq(jobs[0]->type, "document_processing");
    ck_assert_str_eq(jobs[0]->payload, store_test_job("x")->payload);
    ck_assert_int_eq(jobs[0]->status, LLMQ_STATUS_PROCESSING);
    ck_assert_int_eq(jobs[0]->deliveries, 1);
    ck_assert_int_eq(jobs[0]->attempt, 0);
    ck_assert_int_eq(jobs[0]->started_at, T0 + SEC(10));
    ck_assert_int_eq(jobs[0]->lease_until, T0 + SEC(70));
    stop();
}
END_TEST

START_TEST(claim_that_is_asked_for_twice_counts_once)
{
    start(_i, 0);
    insert_task("t");
    ck_assert_ptr_nonnull(claim_one("t"));
    ck_assert_int_eq(claim_one("t")->deliveries, 1);
    stop();
}
END_TEST

START_TEST(task_is_nobodys_beyond_its_time_out_but_a_message_may_be)
{
    llmq_lease_claim_t claim[2] = {claim_of("t", "lease_t"), claim_of("m", "lease_m")};
    llmq_job_t **jobs;
    llmq_lease_change_t beat = change_at("t", "lease_t", T0 + SEC(300));

    start(_i, 0);
    insert_task("t");
    store_test_insert(store_test.store, store_test_job("m"));
    claim[0].until = claim[1].until = T0 + SEC(3600);
    ck_assert_int_eq(llmq_store_lease_claim(&jobs, claims, claim, 2, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(jobs[0]->lease_until, T0 + SEC(310));
    ck_assert_int_eq(jobs[1]->lease_until, T0 + SEC(3600));
    ck_assert(change_one(&beat));
    ck_assert_int_eq(beat.stored_until, T0 + SEC(310));
    beat.implicit = 1;
    ck_assert(change_one(&beat));
    ck_assert_int_eq(beat.stored_until, T0 + SEC(360));
    stop();
}
END_TEST

typedef struct {
    char id[20];
    int wins;
} claimer_t;

static void *claimer(void *data)
{
    claimer_t *me = data;
    llmq_lease_claim_t claim = claim_of(me->id, NULL);
    llmq_job_t **jobs;
    apr_pool_t *p;

    apr_pool_create_unmanaged_ex(&p, NULL, NULL);
    claim.token = llmq_lease_token(0, p);
    if (llmq_store_lease_claim(&jobs, claims, &claim, 1, p) == APR_SUCCESS && jobs[0]
        && strcmp(jobs[0]->id, me->id) == 0
        && strcmp(jobs[0]->lease_token, claim.token) == 0)
        me->wins = 1;
    apr_pool_destroy(p);
    return NULL;
}

START_TEST(of_many_that_claim_the_same_one_gets_it)
{
    claimer_t all[30];
    pthread_t threads[30];
    int i, n = 0;

    start(_i, 1);
    for (i = 0; i < 10; i++)
        insert_task(apr_psprintf(test_pool, "t_%d", i));
    for (i = 0; i < 30; i++) {
        memset(&all[i], 0, sizeof(all[i]));
        apr_snprintf(all[i].id, sizeof(all[i].id), "t_%d", i % 10);
        pthread_create(&threads[i], NULL, claimer, &all[i]);
    }
    for (i = 0; i < 30; i++) {
        pthread_join(threads[i], NULL);
        n += all[i].wins;
    }
    ck_assert_int_eq(n, 10);
    for (i = 0; i < 10; i++)
        ck_assert_int_eq(all[i].wins + all[i + 10].wins + all[i + 20].wins, 1);
    ck_assert_int_eq(store_test_number("SELECT sum(deliveries) FROM llmq_jobs"), 10);
    stop();
}
END_TEST

START_TEST(heartbeat_needs_the_token_and_a_lease_that_has_not_ended)
{
    llmq_lease_change_t beat;

    start(_i, 0);
    insert_task("t");
    claim_one("t"); /* until T0 + 70 */
    beat = change_at("t", TOKEN, T0 + SEC(69));
    ck_assert(change_one(&beat));
    ck_assert_int_eq(beat.stored_until, T0 + SEC(129));
    beat = change_at("t", "lease_of_somebody", T0 + SEC(70));
    ck_assert(!change_one(&beat));
    beat = change_at("t", TOKEN, T0 + SEC(129)); /* at its end it is over */
    ck_assert(!change_one(&beat));
    beat = change_at("t", TOKEN, T0 + SEC(100));
    beat.tenant = "somebody";
    ck_assert(!change_one(&beat));
    beat = change_at("t", TOKEN, T0 + SEC(100));
    beat.kind = LLMQ_KIND_MESSAGE;
    ck_assert(!change_one(&beat));
    beat = change_at("t_unknown", TOKEN, T0 + SEC(100));
    ck_assert(!change_one(&beat));
    ck_assert_int_eq(look("t")->lease_until, T0 + SEC(129));
    stop();
}
END_TEST

START_TEST(result_is_stored_once_and_nothing_changes_it_after)
{
    llmq_lease_change_t done, late;

    start(_i, 0);
    insert_task("t");
    claim_one("t");
    done = change_at("t", TOKEN, T0 + SEC(20));
    done.to = LLMQ_STATUS_COMPLETED;
    done.result = "{\"pages\":3}";
    done.note = "all pages";
    done.progress = 100;
    ck_assert(change_one(&done));
    ck_assert_int_eq(done.stored_until, 0);
    ck_assert_str_eq(done.stored_owner, "worker_1");
    ck_assert_int_gt(done.stored_started, 0);
    ck_assert(change_one(&done)); /* the answer was lost, the same is asked again */
    late = change_at("t", TOKEN, T0 + SEC(21));
    late.to = LLMQ_STATUS_COMPLETED;
    late.result = "{\"pages\":4}";
    ck_assert(!change_one(&late));
    late.to = LLMQ_STATUS_PROCESSING;
    ck_assert(!change_one(&late));
    ck_assert_str_eq(look("t")->result, "{\"pages\":3}");
    ck_assert_str_eq(look("t")->note, "all pages");
    ck_assert_str_eq(look("t")->owner, "worker_1");
    ck_assert_int_eq(look("t")->status, LLMQ_STATUS_COMPLETED);
    ck_assert_int_eq(look("t")->finished_at, T0 + SEC(20));
    ck_assert_int_eq(look("t")->progress, 100);
    stop();
}
END_TEST

START_TEST(what_comes_back_is_ready_under_a_new_fence)
{
    llmq_lease_verdict_t again = {LLMQ_STATUS_PENDING, T0 + SEC(25), 1, 1, 0};
    llmq_lease_change_t fail;
    llmq_job_t *job;

    start(_i, 0);
    insert_task("t");
    job = claim_one("t");
    fail = change_at("t", TOKEN, T0 + SEC(20));
    llmq_store_lease_follow(&fail, job, &again, "{\"type\":\"worker\"}");
    ck_assert(change_one(&fail));
    ck_assert_int_eq(fail.stored_attempt, 1);
    ck_assert(change_one(&fail));
    job = look("t");
    ck_assert_int_eq(job->status, LLMQ_STATUS_PENDING);
    ck_assert_ptr_null(job->owner);
    ck_assert_int_eq(job->attempt, 1);
    ck_assert_int_eq(job->run_at, T0 + SEC(25));
    ck_assert_int_eq(job->retry_count, 1);
    ck_assert_int_eq(job->lease_until, 0);
    ck_assert_int_eq(job->finished_at, 0);
    ck_assert_str_eq(job->error, "{\"type\":\"worker\"}");
    ck_assert_ptr_null(claim_one("t")); /* at the fence of before */
    stop();
}
END_TEST

START_TEST(last_failure_makes_a_dead_letter_that_comes_back_afresh)
{
    llmq_lease_verdict_t dead = {LLMQ_STATUS_FAILED, 0, 0, 5, 1};
    llmq_lease_change_t fail;

    start(_i, 0);
    insert_task("t");
    fail = change_at("t", TOKEN, T0 + SEC(20));
    llmq_store_lease_follow(&fail, claim_one("t"), &dead, "{\"type\":\"poison\"}");
    ck_assert(change_one(&fail));
    ck_assert_int_eq(look("t")->dead_letter, 1);
    ck_assert_int_eq(look("t")->status, LLMQ_STATUS_FAILED);
    ck_assert_int_eq(look("t")->deliveries, 5);
    ck_assert_int_eq(look("t")->attempt, 0);
    stop();
}
END_TEST

START_TEST(ended_leases_are_taken_back_unless_renewed_meanwhile)
{
    static const char *const ids[] = {"t_silent", "t_renewed", "t_never"};
    llmq_lease_verdict_t again = {LLMQ_STATUS_PENDING, T0 + SEC(71), 0, 1, 0};
    llmq_lease_change_t end[3];
    int i;

    start(_i, 0);
    for (i = 0; i < 3; i++) {
        insert_task(ids[i]);
        end[i] = change_at(ids[i], i < 2 ? TOKEN : "", T0 + SEC(71));
        if (i < 2) {
            llmq_store_lease_follow(&end[i], claim_one(ids[i]), &again, NULL);
            end[i].after = T0 + SEC(70) - 1;
            end[i].before = T0 + SEC(70);
        }
    }
    /* The third was taken for a claim that never came. */
    end[2].from = end[2].to = LLMQ_STATUS_PENDING;
    end[2].attempt = 0;
    end[2].next = 1;
    end[2].after = -1;
    end[2].before = 0;
    store_test_sql("UPDATE llmq_jobs SET lease_until = lease_until + 1 "
                   "WHERE id = 't_renewed'");
    ck_assert_int_eq(llmq_store_lease_change_all(end, 3, store_test.store, test_pool),
                     APR_SUCCESS);
    ck_assert(end[0].accepted);
    ck_assert(!end[1].accepted);
    ck_assert(end[2].accepted);
    ck_assert_str_eq(end[0].stored_owner, "");
    ck_assert_int_eq(look("t_silent")->status, LLMQ_STATUS_PENDING);
    ck_assert_int_eq(look("t_renewed")->status, LLMQ_STATUS_PROCESSING);
    ck_assert_int_eq(look("t_never")->attempt, 1);
    ck_assert_ptr_null(claim_one("t_never")); /* comes too late */
    stop();
}
END_TEST

static void *completer(void *data)
{
    llmq_lease_change_t done = change_at("t", TOKEN, T0 + SEC(20) + (int)(size_t)data);
    apr_pool_t *p;

    apr_pool_create_unmanaged_ex(&p, NULL, NULL);
    done.to = LLMQ_STATUS_COMPLETED;
    done.result = apr_psprintf(p, "{\"by\":%d}", (int)(size_t)data);
    if (llmq_store_lease_change(&done, store_test.store, changes, p) != APR_SUCCESS)
        done.accepted = -1;
    apr_pool_destroy(p);
    return (void *)(size_t)done.accepted;
}

START_TEST(of_changes_to_one_job_in_one_batch_each_hears_its_own)
{
    pthread_t threads[16];
    void *accepted[16];
    int i, winner = -1;

    start(_i, 1);
    insert_task("t");
    claim_one("t");
    for (i = 0; i < 16; i++)
        pthread_create(&threads[i], NULL, completer, (void *)(size_t)i);
    for (i = 0; i < 16; i++) {
        pthread_join(threads[i], &accepted[i]);
        if (accepted[i]) {
            ck_assert_uint_eq((size_t)accepted[i], 1);
            ck_assert_int_eq(winner, -1);
            winner = i;
        }
    }
    ck_assert_str_eq(look("t")->result, apr_psprintf(test_pool, "{\"by\":%d}", winner));
    stop();
}
END_TEST

START_TEST(two_changes_to_one_job_cannot_share_a_statement)
{
    llmq_lease_change_t two[2] = {change_at("t", TOKEN, T0 + SEC(20)),
                                  change_at("t", TOKEN, T0 + SEC(20))};

    start(_i, 0);
    insert_task("t");
    claim_one("t");
    ck_assert_int_eq(llmq_store_lease_change_all(two, 2, store_test.store, test_pool),
                     LLMQ_EROW);
    stop();
}
END_TEST

/* Its conversation hears of what a worker says, which the worker does not know. */
START_TEST(changes_tell_the_conversation)
{
    llmq_job_t *job = store_test_job("msg_1");
    llmq_lease_change_t change;

    start(_i, 0);
    job->chain = "conv_7";
    store_test_insert(store_test.store, job);
    insert_task("task_1");
    ck_assert_ptr_nonnull(claim_one("msg_1"));
    ck_assert_ptr_nonnull(claim_one("task_1"));
    change = change_at("msg_1", TOKEN, T0 + SEC(20));
    change.kind = LLMQ_KIND_MESSAGE;
    ck_assert_int_eq(change_one(&change), 1);
    ck_assert_str_eq(change.stored_chain, "conv_7");
    change = change_at("task_1", TOKEN, T0 + SEC(20));
    ck_assert_int_eq(change_one(&change), 1);
    ck_assert_str_eq(change.stored_chain, "");
    stop();
}
END_TEST

START_TEST(look_finds_what_was_removed_and_misses_what_never_was)
{
    static const char *const ids[] = {"t_here", "t_removed", "t_never"};
    llmq_job_t **jobs;
    int *removed;

    start(_i, 0);
    insert_task("t_here");
    insert_task("t_removed");
    store_test_sql("UPDATE llmq_jobs SET removed_at = 1 WHERE id = 't_removed'");
    ck_assert_int_eq(
        llmq_store_lease_look(&jobs, &removed, store_test.store, ids, 3, test_pool),
        APR_SUCCESS);
    ck_assert_str_eq(jobs[0]->id, "t_here");
    ck_assert(!removed[0]);
    ck_assert_str_eq(jobs[1]->id, "t_removed");
    ck_assert(removed[1]);
    ck_assert_ptr_null(jobs[2]);
    stop();
}
END_TEST

START_TEST(leases_outlive_their_node)
{
    llmq_store_t *heir;
    int adopted = 0;

    start(_i, 0);
    if (_i == 1) { /* SQLite has one node */
        insert_task("t_leased");
        insert_task("t_waits");
        claim_one("t_leased");
        heir = store_test_node("node_b");
        ck_assert_int_eq(llmq_store_node_beat(store_test.store, &adopted, T0, test_pool),
                         APR_SUCCESS);
        ck_assert_int_eq(llmq_store_node_beat(heir, &adopted, T0 + SEC(3600), test_pool),
                         APR_SUCCESS);
        ck_assert_int_eq(adopted, 2);
        ck_assert_str_eq(look("t_leased")->node, "node_b");
        ck_assert_int_eq(look("t_leased")->status, LLMQ_STATUS_PROCESSING);
        ck_assert_int_eq(look("t_leased")->lease_until, T0 + SEC(70));
        ck_assert_int_eq(look("t_leased")->attempt, 0);
        ck_assert_int_eq(look("t_waits")->attempt, 1);
    }
    stop();
}
END_TEST

START_TEST(nothing_is_written_once_the_process_stops)
{
    llmq_lease_claim_t claim = claim_of("t", TOKEN);
    llmq_lease_change_t beat = change_at("t", TOKEN, T0);
    llmq_job_t **jobs;

    start(_i, _i % 2);
    insert_task("t");
    llmq_store_commit_stop(claims);
    llmq_store_commit_stop(changes);
    ck_assert_int_eq(llmq_store_lease_claim(&jobs, claims, &claim, 1, test_pool),
                     APR_EOF);
    ck_assert_int_eq(llmq_store_lease_change(&beat, store_test.store, changes, test_pool),
                     APR_EOF);
    ck_assert(!beat.accepted);
    ck_assert_int_eq(look("t")->status, LLMQ_STATUS_PENDING);
    store_test_close();
}
END_TEST

/* The store is slower than its caller is patient: who comes to the door waits there. */
static llmq_store_source_t real;
static pthread_mutex_t door = PTHREAD_MUTEX_INITIALIZER;
static int at_door; /* atomic */

static apr_status_t slow_acquire(llmq_dbd_t **pdb, void *ctx, apr_pool_t *p)
{
    (void)ctx;
    __atomic_store_n(&at_door, 1, __ATOMIC_RELEASE);
    pthread_mutex_lock(&door);
    pthread_mutex_unlock(&door);
    return real.acquire(pdb, real.ctx, p);
}

static void slow_release(void *ctx, llmq_dbd_t *db, int broken)
{
    (void)ctx;
    real.release(real.ctx, db, broken);
}

START_TEST(what_is_given_to_nobody_is_told)
{
    llmq_store_source_t source = {slow_acquire, slow_release, NULL};
    llmq_commit_conf_t conf = {1000, 0, 1};
    llmq_lease_claim_t claim = claim_of("t", TOKEN);
    llmq_commit_writer_t writer;
    llmq_job_t **jobs;

    store_test_open(_i);
    real = store_test.source;
    llmq_store_create(&store_test.store, &source, &store_test.conf, test_pool);
    insert_task("t");
    llmq_store_lease_claim_writer(&writer, &orphanage);
    ck_assert_int_eq(
        llmq_store_commit_create(&claims, store_test.store, &conf, &writer, 1, test_pool),
        APR_SUCCESS);
    store_test_hurry(store_test.store, apr_time_from_msec(50));
    pthread_mutex_lock(&door);
    __atomic_store_n(&at_door, 0, __ATOMIC_RELEASE);
    do { /* a claim whose caller is gone before it is taken up is dropped: once more then */
        ck_assert_int_eq(llmq_store_lease_claim(&jobs, claims, &claim, 1, test_pool),
                         LLMQ_ESTORE);
    } while (!__atomic_load_n(&at_door, __ATOMIC_ACQUIRE));
    store_test_hurry(store_test.store, apr_time_from_sec(60));
    pthread_mutex_unlock(&door);
    llmq_store_commit_stop(claims);
    ck_assert_int_eq(__atomic_load_n(&orphans, __ATOMIC_ACQUIRE), 1);
    ck_assert_int_eq(look("t")->status, LLMQ_STATUS_PROCESSING);
    store_test_close();
}
END_TEST

TCase *case_store_lease(void)
{
    TCase *tc = test_case("store_lease");
    int n = store_test_dialects();

    tcase_add_loop_test(tc, claim_gives_what_was_taken_and_nothing_else, 0, n);
    tcase_add_loop_test(tc, claim_that_is_asked_for_twice_counts_once, 0, n);
    tcase_add_loop_test(tc, task_is_nobodys_beyond_its_time_out_but_a_message_may_be, 0,
                        n);
    tcase_add_loop_test(tc, of_many_that_claim_the_same_one_gets_it, 0, n);
    tcase_add_loop_test(tc, heartbeat_needs_the_token_and_a_lease_that_has_not_ended, 0,
                        n);
    tcase_add_loop_test(tc, result_is_stored_once_and_nothing_changes_it_after, 0, n);
    tcase_add_loop_test(tc, what_comes_back_is_ready_under_a_new_fence, 0, n);
    tcase_add_loop_test(tc, last_failure_makes_a_dead_letter_that_comes_back_afresh, 0,
                        n);
    tcase_add_loop_test(tc, ended_leases_are_taken_back_unless_renewed_meanwhile, 0, n);
    tcase_add_loop_test(tc, of_changes_to_one_job_in_one_batch_each_hears_its_own, 0, n);
    tcase_add_loop_test(tc, two_changes_to_one_job_cannot_share_a_statement, 0, n);
    tcase_add_loop_test(tc, changes_tell_the_conversation, 0, n);
    tcase_add_loop_test(tc, look_finds_what_was_removed_and_misses_what_never_was, 0, n);
    tcase_add_loop_test(tc, leases_outlive_their_node, 0, n);
    tcase_add_loop_test(tc, nothing_is_written_once_the_process_stops, 0, n);
    tcase_add_loop_test(tc, what_is_given_to_nobody_is_told, 0, n);
    return tc;
}
