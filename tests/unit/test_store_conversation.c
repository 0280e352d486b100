#include "store_support.h"

#include "store/store_conversation.h"

#include <apr_strings.h>
#include <apr_tables.h>

#include <json-c/json.h>
#include <string.h>

#define T0  STORE_TEST_T0
#define DAY apr_time_from_sec(86400)

/* A message said at a time, which keeps its conversation for a day. */
static void say(const char *id, const char *chain, const char *user, apr_time_t at)
{
    llmq_job_t *job = store_test_job(id);

    job->chain = chain;
    job->user = user;
    job->created_at = at;
    job->expires_at = at + DAY;
    store_test_insert(store_test.store, job);
}

static llmq_conversation_t *look(const char *id, apr_time_t now)
{
    llmq_conversation_ref_t ref = {"default", id, now};
    llmq_conversation_t *c = NULL;
    apr_status_t rv = llmq_store_conversation_find(&c, store_test.store, &ref, test_pool);

    ck_assert(rv == APR_SUCCESS || rv == APR_NOTFOUND);
    return c;
}

static llmq_conversation_t *fresh(const char *id)
{
    llmq_conversation_t *c = apr_pcalloc(test_pool, sizeof(*c));

    c->id = id;
    c->tenant = "default";
    c->user = "user_1";
    c->title = "A title";
    c->context = "A context";
    c->metadata = "{\"a\":1}";
    c->level = LLMQ_LEVEL_HIGH;
    c->created_at = c->updated_at = c->last_active_at = T0;
    c->expires_at = T0 + DAY;
    return c;
}

static apr_status_t create(const llmq_conversation_t *c)
{
    return llmq_store_conversation_create(store_test.store, c, test_pool);
}

static apr_status_t removed(apr_array_header_t **pids, const char *id, apr_time_t now)
{
    llmq_conversation_ref_t ref = {"default", id, now};

    return llmq_store_conversation_remove(pids, store_test.store, &ref, test_pool);
}

START_TEST(created_is_found_whole)
{
    llmq_conversation_t *c;

    store_test_open(_i);
    ck_assert_int_eq(create(fresh("c")), APR_SUCCESS);
    c = look("c", T0);
    ck_assert_ptr_nonnull(c);
    ck_assert_str_eq(c->id, "c");
    ck_assert_str_eq(c->tenant, "default");
    ck_assert_str_eq(c->user, "user_1");
    ck_assert_str_eq(c->title, "A title");
    ck_assert_str_eq(c->context, "A context");
    ck_assert_str_eq(c->metadata, "{\"a\":1}");
    ck_assert_int_eq(c->level, LLMQ_LEVEL_HIGH);
    ck_assert_int_eq(c->state, LLMQ_CONVERSATION_ACTIVE);
    ck_assert_int_eq(c->created_at, T0);
    ck_assert_int_eq(c->updated_at, T0);
    ck_assert_int_eq(c->last_active_at, T0);
    ck_assert_int_eq(c->expires_at, T0 + DAY);
    ck_assert_int_eq(c->messages, 0);
    ck_assert_int_eq(c->completed, 0);
    store_test_close();
}
END_TEST

START_TEST(an_id_in_use_is_refused_and_nothing_changes)
{
    llmq_conversation_t *again = fresh("c");

    store_test_open(_i);
    ck_assert_int_eq(create(fresh("c")), APR_SUCCESS);
    again->title = "Another";
    again->created_at = T0 + 1;
    ck_assert_int_eq(create(again), APR_EEXIST);
    ck_assert_str_eq(look("c", T0)->title, "A title");
    again->tenant = "other";
    ck_assert_int_eq(create(again), APR_SUCCESS);
    ck_assert_str_eq(look("c", T0)->title, "A title");
    store_test_close();
}
END_TEST

START_TEST(a_message_begins_and_touches_its_conversation)
{
    llmq_conversation_t *c;

    store_test_open(_i);
    say("m1", "c", "first", T0);
    say("m2", "c", "second", T0 + 5);
    c = look("c", T0 + 5);
    ck_assert_str_eq(c->user, "first");
    ck_assert_int_eq(c->level, LLMQ_LEVEL_NORMAL);
    ck_assert_str_eq(c->title, "");
    ck_assert_str_eq(c->metadata, "{}");
    ck_assert_int_eq(c->created_at, T0);
    ck_assert_int_eq(c->updated_at, T0 + 5);
    ck_assert_int_eq(c->last_active_at, T0 + 5);
    ck_assert_int_eq(c->expires_at, T0 + 5 + DAY);
    ck_assert_int_eq(c->messages, 2);
    /* One that was accepted by a node whose clock is behind takes nothing back. */
    say("m3", "c", "third", T0 + 2);
    c = look("c", T0 + 5);
    ck_assert_int_eq(c->last_active_at, T0 + 5);
    ck_assert_int_eq(c->expires_at, T0 + 5 + DAY);
    ck_assert_int_eq(c->messages, 3);
    store_test_close();
}
END_TEST

START_TEST(a_batch_makes_each_conversation_once)
{
    llmq_text_t t;
    int i;

    store_test_open(_i);
    llmq_text_init(&t, 4096, test_pool);
    for (i = 0; i < 12; i++) {
        llmq_job_t *job = store_test_job(apr_psprintf(test_pool, "m%d", i));

        job->chain = i == 11 ? NULL : apr_psprintf(test_pool, "c%d", (11 - i) % 4);
        job->user = apr_psprintf(test_pool, "u%d", i);
        job->created_at = T0 + i;
        job->expires_at = T0 + i + DAY;
        llmq_text_puts(&t, i ? "," : "[");
        llmq_store_job_row(&t, job);
    }
    llmq_text_puts(&t, "]");
    /* The second time is a repetition after a lost answer: nothing is touched. */
    for (i = 0; i < 2; i++) {
        ck_assert_int_eq(llmq_store_job_insert(store_test.store, t.data, test_pool),
                         APR_SUCCESS);
        ck_assert_int_eq(store_test_number("SELECT count(*) FROM llmq_conversations"), 4);
        ck_assert_int_eq(look("c3", T0)->messages, 3);
        ck_assert_int_eq(look("c0", T0)->messages, 2);
        ck_assert_str_eq(look("c3", T0)->user, "u0");
        ck_assert_int_eq(look("c3", T0)->created_at, T0);
        ck_assert_int_eq(look("c3", T0)->last_active_at, T0 + 8);
        store_test_sql("UPDATE llmq_conversations SET state = 0");
    }
    store_test_close();
}
END_TEST

START_TEST(a_repeated_row_does_not_wake_a_conversation)
{
    store_test_open(_i);
    say("m1", "c", "u", T0);
    store_test_sql("UPDATE llmq_conversations SET state = 3");
    say("m1", "c", "u", T0);
    ck_assert_int_eq(look("c", T0)->state, LLMQ_CONVERSATION_ARCHIVED);
    say("m2", "c", "u", T0);
    ck_assert_int_eq(look("c", T0)->state, LLMQ_CONVERSATION_ACTIVE);
    store_test_close();
}
END_TEST

START_TEST(only_messages_have_conversations)
{
    llmq_job_t *job;

    store_test_open(_i);
    job = store_test_job("t1");
    job->kind = LLMQ_KIND_COUNT;
    store_test_insert(store_test.store, job);
    ck_assert_int_eq(store_test_number("SELECT count(*) FROM llmq_conversations"), 0);
    store_test_close();
}
END_TEST

START_TEST(an_expired_one_is_gone_and_begins_anew)
{
    llmq_conversation_t *c;

    store_test_open(_i);
    ck_assert_int_eq(create(fresh("c")), APR_SUCCESS);
    say("m1", "c", "user_1", T0 + 1);
    ck_assert_ptr_nonnull(look("c", T0 + DAY));
    ck_assert_ptr_null(look("c", T0 + 1 + DAY));
    say("m2", "c", "user_2", T0 + 1 + DAY);
    c = look("c", T0 + 1 + DAY);
    ck_assert_str_eq(c->user, "user_2");
    ck_assert_str_eq(c->title, "");
    ck_assert_str_eq(c->context, "");
    ck_assert_str_eq(c->metadata, "{}");
    ck_assert_int_eq(c->level, LLMQ_LEVEL_NORMAL);
    ck_assert_int_eq(c->created_at, T0 + 1 + DAY);
    ck_assert_int_eq(c->messages, 1);
    store_test_close();
}
END_TEST

START_TEST(an_expired_id_can_be_created_again)
{
    llmq_conversation_t *again = fresh("c");

    store_test_open(_i);
    ck_assert_int_eq(create(fresh("c")), APR_SUCCESS);
    say("m1", "c", "user_1", T0 + 1);
    again->created_at = T0 + 1 + DAY;
    again->expires_at = again->created_at + DAY;
    again->title = "Second";
    ck_assert_int_eq(create(again), APR_SUCCESS);
    ck_assert_str_eq(look("c", T0 + 1 + DAY)->title, "Second");
    ck_assert_int_eq(look("c", T0 + 1 + DAY)->messages, 0);
    say("m2", "c", "user_1", T0 + 2 + DAY);
    ck_assert_int_eq(look("c", T0 + 2 + DAY)->messages, 1);
    ck_assert_str_eq(look("c", T0 + 2 + DAY)->title, "Second");
    store_test_close();
}
END_TEST

START_TEST(counts_and_times_come_from_the_messages)
{
    llmq_outcome_t done[2];
    llmq_conversation_t *c;

    store_test_open(_i);
    say("m1", "c", "u", T0);
    say("m2", "c", "u", T0);
    say("m3", "c", "u", T0);
    memset(done, 0, sizeof(done));
    done[0].id = "m1";
    done[0].status = LLMQ_STATUS_COMPLETED;
    done[0].started_at = T0 + apr_time_from_sec(1);
    done[0].finished_at = T0 + apr_time_from_sec(3);
    done[1].id = "m2";
    done[1].status = LLMQ_STATUS_FAILED;
    done[1].started_at = T0;
    done[1].finished_at = T0 + apr_time_from_sec(30);
    ck_assert_int_eq(llmq_store_job_finish(store_test.store, done, 2, test_pool),
                     APR_SUCCESS);
    c = look("c", T0);
    ck_assert_int_eq(c->messages, 3);
    ck_assert_int_eq(c->completed, 1);
    ck_assert_int_eq(c->processing, apr_time_from_sec(2));
    ck_assert_int_eq(llmq_store_job_remove(store_test.store, "default", LLMQ_KIND_MESSAGE,
                                           "m1", T0, test_pool),
                     APR_SUCCESS);
    c = look("c", T0);
    ck_assert_int_eq(c->messages, 2);
    ck_assert_int_eq(c->completed, 0);
    store_test_close();
}
END_TEST

START_TEST(a_peek_tells_user_and_level)
{
    llmq_conversation_ref_t ref = {"default", "c", T0};
    llmq_conversation_t c;

    store_test_open(_i);
    ck_assert_int_eq(llmq_store_conversation_peek(&c, store_test.store, &ref, test_pool),
                     APR_NOTFOUND);
    ck_assert_int_eq(create(fresh("c")), APR_SUCCESS);
    ck_assert_int_eq(llmq_store_conversation_peek(&c, store_test.store, &ref, test_pool),
                     APR_SUCCESS);
    ck_assert_str_eq(c.user, "user_1");
    ck_assert_int_eq(c.level, LLMQ_LEVEL_HIGH);
    ref.tenant = "other";
    ck_assert_int_eq(llmq_store_conversation_peek(&c, store_test.store, &ref, test_pool),
                     APR_NOTFOUND);
    store_test_close();
}
END_TEST

static apr_status_t change(const llmq_conversation_t *c, int state, const char *title,
                           const char *metadata)
{
    llmq_conversation_patch_t patch = {state, title, NULL,
                                       metadata ? json_tokener_parse(metadata) : NULL};

    apr_status_t rv =
        llmq_store_conversation_change(store_test.store, c, &patch, T0 + 9, test_pool);

    json_object_put(patch.metadata);
    return rv;
}

START_TEST(a_change_changes_what_it_names)
{
    llmq_conversation_t *c;

    store_test_open(_i);
    ck_assert_int_eq(create(fresh("c")), APR_SUCCESS);
    c = look("c", T0);
    ck_assert_int_eq(change(c, LLMQ_CONVERSATION_ARCHIVED, NULL, NULL), APR_SUCCESS);
    ck_assert_int_eq(change(c, -1, "", NULL), APR_SUCCESS);
    ck_assert_int_eq(change(c, -1, NULL, "{\"b\":[2]}"), APR_SUCCESS);
    c = look("c", T0);
    ck_assert_int_eq(c->state, LLMQ_CONVERSATION_ARCHIVED);
    ck_assert_str_eq(c->title, "");
    ck_assert_str_eq(c->context, "A context");
    ck_assert_str_eq(c->metadata, "{\"a\":1,\"b\":[2]}");
    ck_assert_int_eq(c->updated_at, T0 + 9);
    ck_assert_int_eq(c->last_active_at, T0);
    store_test_close();
}
END_TEST

START_TEST(metadata_that_changed_meanwhile_is_not_overwritten)
{
    llmq_conversation_t *c;

    store_test_open(_i);
    ck_assert_int_eq(create(fresh("c")), APR_SUCCESS);
    c = look("c", T0);
    ck_assert_int_eq(change(c, -1, NULL, "{\"b\":1}"), APR_SUCCESS);
    ck_assert_int_eq(change(c, -1, NULL, "{\"c\":1}"), LLMQ_ESTATE);
    ck_assert_str_eq(look("c", T0)->metadata, "{\"a\":1,\"b\":1}");
    store_test_close();
}
END_TEST

START_TEST(removed_with_its_messages)
{
    apr_array_header_t *ids;
    llmq_outcome_t done = {0};

    store_test_open(_i);
    say("m1", "c", "u", T0);
    say("m2", "c", "u", T0);
    say("m3", "c2", "u", T0);
    done.id = "m1";
    done.status = LLMQ_STATUS_COMPLETED;
    done.finished_at = T0 + 1;
    ck_assert_int_eq(llmq_store_job_finish(store_test.store, &done, 1, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(removed(&ids, "c", T0 + 2), APR_SUCCESS);
    ck_assert_int_eq(ids->nelts, 1);
    ck_assert_str_eq(APR_ARRAY_IDX(ids, 0, const char *), "m2");
    ck_assert_ptr_null(look("c", T0 + 2));
    ck_assert_ptr_null(store_test_find("m1"));
    ck_assert_ptr_null(store_test_find("m2"));
    ck_assert_ptr_nonnull(store_test_find("m3"));
    ck_assert_int_eq(removed(&ids, "c", T0 + 2), APR_NOTFOUND);
    /* What comes now begins anew. */
    say("m4", "c", "u2", T0 + 3);
    ck_assert_str_eq(look("c", T0 + 3)->user, "u2");
    ck_assert_int_eq(look("c", T0 + 3)->messages, 1);
    ck_assert_int_eq(look("c", T0 + 3)->expires_at, T0 + 3 + DAY);
    store_test_close();
}
END_TEST

static llmq_conversation_query_t question(void)
{
    llmq_conversation_query_t q = {0};

    q.tenant = "default";
    q.state = -1;
    q.page = 1;
    q.page_size = 100;
    q.now = T0 + 100;
    return q;
}

/* The ids of a list, joined. */
static const char *listed(const llmq_conversation_query_t *q, apr_int64_t *ptotal)
{
    llmq_conversation_t *items;
    const char *text = "";
    int n, i;

    ck_assert_int_eq(
        llmq_store_conversation_list(&items, &n, ptotal, store_test.store, q, test_pool),
        APR_SUCCESS);
    for (i = 0; i < n; i++)
        text = apr_pstrcat(test_pool, text, i ? " " : "", items[i].id, NULL);
    return text;
}

static void make_list(void)
{
    int i;

    for (i = 0; i < 6; i++) {
        llmq_conversation_t *c = fresh(apr_psprintf(test_pool, "c%d", i));

        c->user = i % 2 ? "odd" : "even";
        c->level = 1 + (i + 2) % 4;
        c->created_at = T0 + i;
        ck_assert_int_eq(create(c), APR_SUCCESS);
    }
    say("m1", "c2", "u", T0 + 50);
    say("m2", "c2", "u", T0 + 51);
    store_test_sql("UPDATE llmq_conversations SET state = 2 WHERE id = 'c4'");
    store_test_sql("UPDATE llmq_conversations SET updated_at = 0 WHERE id = 'c5'");
    store_test_sql("UPDATE llmq_conversations SET removed_at = 5 WHERE id = 'c0'");
}

START_TEST(lists_filter_sort_and_page)
{
    llmq_conversation_query_t q;
    apr_int64_t total;

    store_test_open(_i);
    make_list();
    q = question();
    ck_assert_str_eq(listed(&q, &total), "c1 c2 c3 c4 c5");
    ck_assert_int_eq(total, 5);
    q.descending = 1;
    ck_assert_str_eq(listed(&q, &total), "c5 c4 c3 c2 c1");
    q.page_size = 2;
    q.page = 2;
    ck_assert_str_eq(listed(&q, &total), "c3 c2");
    ck_assert_int_eq(total, 5);
    q.page = 9;
    ck_assert_str_eq(listed(&q, &total), "");
    ck_assert_int_eq(total, 5);
    q = question();
    q.sort = LLMQ_CONVERSATION_SORT_UPDATED;
    ck_assert_str_eq(listed(&q, &total), "c5 c1 c3 c4 c2");
    q.sort = LLMQ_CONVERSATION_SORT_ACTIVE;
    q.descending = 1;
    ck_assert_str_eq(listed(&q, &total), "c2 c5 c4 c3 c1");
    q = question();
    q.sort = LLMQ_CONVERSATION_SORT_LEVEL;
    ck_assert_str_eq(listed(&q, &total), "c2 c3 c4 c1 c5");
    q = question();
    q.user = "odd";
    ck_assert_str_eq(listed(&q, &total), "c1 c3 c5");
    q.level = 4;
    ck_assert_str_eq(listed(&q, &total), "c1 c5");
    q = question();
    q.state = LLMQ_CONVERSATION_COMPLETED;
    ck_assert_str_eq(listed(&q, &total), "c4");
    q = question();
    q.now = T0 + DAY + 50;
    ck_assert_str_eq(listed(&q, &total), "c2");
    q = question();
    q.tenant = "other";
    ck_assert_str_eq(listed(&q, &total), "");
    store_test_close();
}
END_TEST

START_TEST(lists_count_messages)
{
    llmq_conversation_query_t q = question();
    llmq_conversation_t *items;
    apr_int64_t total;
    int n;

    store_test_open(_i);
    make_list();
    ck_assert_int_eq(
        llmq_store_conversation_list(&items, &n, &total, store_test.store, &q, test_pool),
        APR_SUCCESS);
    ck_assert_int_eq(items[0].messages, 0);
    ck_assert_int_eq(items[1].messages, 2);
    store_test_close();
}
END_TEST

TCase *case_store_conversation(void)
{
    TCase *tc = test_case("store_conversation");
    int dialects = store_test_dialects();

    tcase_add_loop_test(tc, created_is_found_whole, 0, dialects);
    tcase_add_loop_test(tc, an_id_in_use_is_refused_and_nothing_changes, 0, dialects);
    tcase_add_loop_test(tc, a_message_begins_and_touches_its_conversation, 0, dialects);
    tcase_add_loop_test(tc, a_batch_makes_each_conversation_once, 0, dialects);
    tcase_add_loop_test(tc, a_repeated_row_does_not_wake_a_conversation, 0, dialects);
    tcase_add_loop_test(tc, only_messages_have_conversations, 0, dialects);
    tcase_add_loop_test(tc, an_expired_one_is_gone_and_begins_anew, 0, dialects);
    tcase_add_loop_test(tc, an_expired_id_can_be_created_again, 0, dialects);
    tcase_add_loop_test(tc, counts_and_times_come_from_the_messages, 0, dialects);
    tcase_add_loop_test(tc, a_peek_tells_user_and_level, 0, dialects);
    tcase_add_loop_test(tc, a_change_changes_what_it_names, 0, dialects);
    tcase_add_loop_test(tc, metadata_that_changed_meanwhile_is_not_overwritten, 0,
                        dialects);
    tcase_add_loop_test(tc, removed_with_its_messages, 0, dialects);
    tcase_add_loop_test(tc, lists_filter_sort_and_page, 0, dialects);
    tcase_add_loop_test(tc, lists_count_messages, 0, dialects);
    return tc;
}
