#include "dispatch/places.h"

#include "queue/queue_job.h"
#include "support_queue.h"

#include <apr_strings.h>

/* Three backends: two in the first group, one in the second. */
static llmq_backend_conf_t confs[3];
static const llmq_backend_conf_t *backends[] = {&confs[0], &confs[1], &confs[2]};
static llmq_endpoints_t *endpoints;
static llmq_models_t models;
static llmq_places_t *places;

static void make(void)
{
    llmq_endpoint_conf_t conf = {.writer = 1};
    int i;

    for (i = 0; i < 3; i++) {
        confs[i] = (llmq_backend_conf_t){.name = apr_itoa(test_pool, i),
                                         .max_concurrent = 2,
                                         .weight = 1,
                                         .group = i / 2};
    }
    models = (llmq_models_t){.n = 0};
    llmq_model_add(&models, "first", test_pool)->backends = 1;
    llmq_model_add(&models, "both", test_pool)->backends = 3;
    llmq_model_add(&models, "last", test_pool)->backends = 4;
    ck_assert_int_eq(llmq_endpoint_create(&endpoints, backends, 3, &conf, test_pool),
                     APR_SUCCESS);
    places = llmq_places_create(&models, endpoints, test_pool);
}

static void put(llmq_queue_t *q, const char *id, const char *model)
{
    llmq_job_t job = {.id = id, .tenant = "t", .user = "u", .type = model};
    llmq_entry_t e;

    job.kind = model ? LLMQ_KIND_COMPLETION : LLMQ_KIND_MESSAGE;
    job.level = LLMQ_LEVEL_NORMAL;
    job.created_at = QUEUE_NOW;
    llmq_queue_job_entry(&e, &job);
    ck_assert_int_eq(llmq_queue_put(q, &e, 1, 0), APR_SUCCESS);
}

static void occupy(apr_uint64_t among)
{
    llmq_endpoint_place_t place;

    llmq_endpoint_pick_among(&place, endpoints, "x", among);
    ck_assert_ptr_nonnull(place.backend);
}

static const char *take(llmq_queue_t *q, int max)
{
    llmq_entry_t out[16];
    const char *ids = "";
    int n = 0;
    int i;

    ck_assert_int_eq(llmq_places_take(out, &n, places, q, max, 77), APR_SUCCESS);
    for (i = 0; i < n; i++)
        ids = apr_pstrcat(test_pool, ids, *ids ? " " : "", out[i].id, NULL);
    return ids;
}

START_TEST(without_gates_what_is_free_counts)
{
    llmq_queue_t *q = queue_rig(100, 100)->q;

    make();
    ck_assert_int_eq(llmq_places_count(places, q), 4); /* the first group holds */
    put(q, "m1", NULL);
    ck_assert_int_eq(llmq_places_count(places, q), 4);
    ck_assert_str_eq(take(q, 16), "m1");
}
END_TEST

START_TEST(a_model_whose_backends_are_full_stands_in_nobodys_way)
{
    llmq_queue_t *q = queue_rig(100, 100)->q;

    make();
    put(q, "f1", "first");
    put(q, "f2", "first");
    put(q, "f3", "first");
    put(q, "b1", "both");
    put(q, "l1", "last");
    ck_assert_int_eq(llmq_places_count(places, q), 6); /* all of them have a use */
    occupy(1);
    occupy(1);
    ck_assert_int_eq(llmq_places_count(places, q), 4);
    ck_assert_str_eq(take(q, 16), "b1 l1");
    ck_assert_int_eq(llmq_places_count(places, q), 4);
    ck_assert_str_eq(take(q, 16), "");
}
END_TEST

START_TEST(messages_wait_while_a_model_of_another_group_goes_on)
{
    llmq_queue_t *q = queue_rig(100, 100)->q;
    int i;

    make();
    for (i = 0; i < 4; i++)
        occupy(0);
    put(q, "m1", NULL);
    ck_assert_int_eq(llmq_places_count(places, q), 0);
    put(q, "l1", "last");
    put(q, "b1", "both");
    ck_assert_int_eq(llmq_places_count(places, q), 2);
    ck_assert_str_eq(take(q, 16), "l1");
}
END_TEST

START_TEST(a_place_is_in_the_first_group_that_has_the_model)
{
    llmq_endpoint_place_t place;

    make();
    llmq_endpoint_pick_among(&place, endpoints, "a", 4);
    ck_assert_ptr_eq(place.backend, &confs[2]);
    ck_assert_uint_eq(place.among, 4);
    llmq_endpoint_pick_among(&place, endpoints, "b", 5);
    ck_assert_ptr_eq(place.backend, &confs[0]);
    llmq_endpoint_back(endpoints, &place);
    occupy(5);
    occupy(5);
    llmq_endpoint_pick_among(&place, endpoints, "b", 5);
    ck_assert_ptr_null(place.backend); /* the first group does not spill */
    confs[0].spill = 1;
    llmq_endpoint_pick_among(&place, endpoints, "b", 5);
    ck_assert_ptr_eq(place.backend, &confs[2]);
}
END_TEST

TCase *case_places(void)
{
    TCase *tc = test_case("places");

    tcase_add_test(tc, without_gates_what_is_free_counts);
    tcase_add_test(tc, a_model_whose_backends_are_full_stands_in_nobodys_way);
    tcase_add_test(tc, messages_wait_while_a_model_of_another_group_goes_on);
    tcase_add_test(tc, a_place_is_in_the_first_group_that_has_the_model);
    return tc;
}
