#include "support.h"

#include "core/health.h"

#include <string.h>

#define NOW apr_time_from_sec(1700000000)
#define SEC apr_time_from_sec(1)

static const llmq_health_conf_t conf = {3, 10 * SEC, 300 * SEC};

/* ---- stories: steps with the state after each ---- */

enum { CALL, OLD, TRIAL, CHECK, WAIT }; /* OLD: a call from before the ejection */

typedef struct {
    int what;
    int event; /* WAIT: microseconds */
    int others;
    int state;
    int news;
} step_t;

#define OK_  LLMQ_HEALTH_OK
#define BAD  LLMQ_HEALTH_FAILED
#define GONE LLMQ_HEALTH_UNREACHABLE
#define NIL  LLMQ_HEALTH_NOTHING
#define H    LLMQ_HEALTH_HEALTHY
#define E    LLMQ_HEALTH_EJECTED
#define O    LLMQ_HEALTH_HALF_OPEN
#define END                                                                              \
    {                                                                                    \
        -1, 0, 0, 0, 0                                                                   \
    }
#define STEPS_MAX 16

static const struct {
    const char *name;
    step_t steps[STEPS_MAX];
} stories[] = {
    {"three failures eject, a good trial brings back",
     {{CALL, BAD, 1, H, 0},
      {CALL, BAD, 1, H, 0},
      {CALL, BAD, 1, E, LLMQ_HEALTH_NEWS_EJECTED},
      {WAIT, 10 * SEC - 1, 1, E, 0},
      {WAIT, 1, 1, O, 0},
      {TRIAL, OK_, 1, H, LLMQ_HEALTH_NEWS_BACK},
      {CALL, BAD, 1, H, 0},
      END}},
    {"a success forgets failures",
     {{CALL, BAD, 1, H, 0},
      {CALL, BAD, 1, H, 0},
      {CALL, OK_, 1, H, 0},
      {CALL, BAD, 1, H, 0},
      {CALL, BAD, 1, H, 0},
      END}},
    {"what says nothing changes nothing",
     {{CALL, BAD, 1, H, 0},
      {CALL, BAD, 1, H, 0},
      {CALL, NIL, 1, H, 0},
      {CALL, BAD, 1, E, LLMQ_HEALTH_NEWS_EJECTED},
      {WAIT, 10 * SEC, 1, O, 0},
      {TRIAL, NIL, 1, O, 0},
      {TRIAL, OK_, 1, H, LLMQ_HEALTH_NEWS_BACK},
      END}},
    {"the last one is not ejected for failing",
     {{CALL, BAD, 0, H, 0},
      {CALL, BAD, 0, H, 0},
      {CALL, BAD, 0, H, 0},
      {CALL, BAD, 0, H, 0},
      {CALL, BAD, 1, E, LLMQ_HEALTH_NEWS_EJECTED},
      END}},
    {"a failing trial without others keeps it in use",
     {{CALL, BAD, 1, H, 0},
      {CALL, BAD, 1, H, 0},
      {CALL, BAD, 1, E, LLMQ_HEALTH_NEWS_EJECTED},
      {WAIT, 10 * SEC, 1, O, 0},
      {TRIAL, BAD, 0, H, LLMQ_HEALTH_NEWS_BACK},
      END}},
    {"calls from before change nothing",
     {{CALL, GONE, 1, E, LLMQ_HEALTH_NEWS_AWAY},
      {OLD, OK_, 1, E, 0},
      {OLD, GONE, 1, E, 0},
      {OLD, BAD, 1, E, 0},
      {WAIT, SEC, 1, O, 0},
      {OLD, OK_, 1, O, 0},
      {OLD, GONE, 1, O, 0},
      END}},
    {"an unreachable one goes at once, others or not",
     {{CALL, GONE, 0, E, LLMQ_HEALTH_NEWS_AWAY},
      {WAIT, SEC, 0, O, 0},
      {TRIAL, GONE, 0, E, 0},
      {WAIT, 2 * SEC - 1, 0, E, 0},
      {WAIT, 1, 0, O, 0},
      {TRIAL, OK_, 0, H, LLMQ_HEALTH_NEWS_BACK},
      {CALL, GONE, 0, E, LLMQ_HEALTH_NEWS_AWAY},
      {WAIT, SEC, 0, O, 0},
      END}},
    {"an error is an answer: it can be reached",
     {{CALL, GONE, 1, E, LLMQ_HEALTH_NEWS_AWAY},
      {WAIT, SEC, 1, O, 0},
      {TRIAL, BAD, 1, H, LLMQ_HEALTH_NEWS_BACK},
      {CALL, BAD, 1, H, 0},
      {CALL, BAD, 1, E, LLMQ_HEALTH_NEWS_EJECTED},
      END}},
    {"one that failed and went away is ejected when it comes back failing",
     {{CALL, BAD, 1, H, 0},
      {CALL, BAD, 1, H, 0},
      {CALL, BAD, 1, E, LLMQ_HEALTH_NEWS_EJECTED},
      {WAIT, 10 * SEC, 1, O, 0},
      {TRIAL, GONE, 1, E, LLMQ_HEALTH_NEWS_AWAY},
      {WAIT, SEC, 1, O, 0},
      {TRIAL, BAD, 1, E, LLMQ_HEALTH_NEWS_EJECTED},
      END}},
    {"a good check brings back what could not be reached",
     {{CALL, GONE, 1, E, LLMQ_HEALTH_NEWS_AWAY},
      {CHECK, OK_, 1, H, LLMQ_HEALTH_NEWS_BACK},
      END}},
    {"a good check ends the pause of one that failed",
     {{CALL, BAD, 1, H, 0},
      {CALL, BAD, 1, H, 0},
      {CALL, BAD, 1, E, LLMQ_HEALTH_NEWS_EJECTED},
      {CHECK, OK_, 1, O, 0},
      {TRIAL, OK_, 1, H, LLMQ_HEALTH_NEWS_BACK},
      END}},
    {"bad checks eject and keep away",
     {{CHECK, BAD, 1, H, 0},
      {CHECK, BAD, 1, H, 0},
      {CHECK, BAD, 1, E, LLMQ_HEALTH_NEWS_EJECTED},
      {WAIT, 9 * SEC, 1, E, 0},
      {CHECK, BAD, 1, E, 0},
      {WAIT, 9 * SEC, 1, E, 0},
      {WAIT, SEC, 1, O, 0},
      END}},
    {"bad checks do not keep the last one away",
     {{CHECK, GONE, 0, E, LLMQ_HEALTH_NEWS_AWAY},
      {CHECK, GONE, 0, E, 0},
      {WAIT, SEC, 0, O, 0},
      {CHECK, BAD, 0, O, 0},
      END}},
    {"a good check of a healthy one excuses no failures",
     {{CALL, BAD, 1, H, 0},
      {CALL, BAD, 1, H, 0},
      {CHECK, OK_, 1, H, 0},
      {CALL, BAD, 1, E, LLMQ_HEALTH_NEWS_EJECTED},
      END}},
};

#define STORIES (int)(sizeof(stories) / sizeof(stories[0]))

static llmq_health_news_e take_step(llmq_health_t *h, const step_t *s, apr_time_t *now)
{
    llmq_health_event_e event = (llmq_health_event_e)s->event;

    switch (s->what) {
    case WAIT: *now += s->event; return LLMQ_HEALTH_NEWS_NONE;
    case CHECK: return llmq_health_checked(h, &conf, event, s->others, *now);
    case OLD: return llmq_health_end(h, &conf, event, 0, s->others, *now);
    default:
        ck_assert_int_eq(llmq_health_limit(h, *now), s->what == TRIAL ? 1 : -1);
        ck_assert_int_eq(llmq_health_begin(h), s->what == TRIAL);
        if (s->what == TRIAL)
            ck_assert_int_eq(llmq_health_limit(h, *now), 0); /* one at a time */
        return llmq_health_end(h, &conf, event, s->what == TRIAL, s->others, *now);
    }
}

START_TEST(health_story)
{
    const step_t *s = stories[_i].steps;
    llmq_health_t h = {0};
    apr_time_t now = NOW;

    for (; s->what >= 0; s++) {
        int news = take_step(&h, s, &now);
        int state = llmq_health_state(&h, now);

        ck_assert_msg(news == s->news, "%s: step %d news %d", stories[_i].name,
                      (int)(s - stories[_i].steps), news);
        ck_assert_msg(state == s->state, "%s: step %d state %s", stories[_i].name,
                      (int)(s - stories[_i].steps),
                      llmq_health_name((llmq_health_state_e)state));
        ck_assert_int_eq(llmq_health_limit(&h, now), state == H   ? -1
                                                     : state == E ? 0
                                                                  : 1);
    }
}
END_TEST

/* ---- pauses ---- */

static void check_pauses(llmq_health_event_e event, const int *pauses, int n)
{
    llmq_health_t h = {0};
    apr_time_t now = NOW;
    int i;

    for (i = 0; i < (event == LLMQ_HEALTH_FAILED ? 3 : 1); i++)
        llmq_health_end(&h, &conf, event, llmq_health_begin(&h), 1, now);
    for (i = 0; i < n; i++) {
        now += pauses[i] * SEC;
        ck_assert_int_eq(llmq_health_state(&h, now - 1), LLMQ_HEALTH_EJECTED);
        ck_assert_int_eq(llmq_health_state(&h, now), LLMQ_HEALTH_HALF_OPEN);
        llmq_health_end(&h, &conf, event, llmq_health_begin(&h), 1, now);
    }
}

START_TEST(health_pauses_double_up_to_the_longest)
{
    static const int failing[] = {10, 20, 40, 80, 160, 300, 300};
    static const int away[] = {1, 2, 4, 8, 16, 30, 30};

    check_pauses(LLMQ_HEALTH_FAILED, failing, 7);
    check_pauses(LLMQ_HEALTH_UNREACHABLE, away, 7);
}
END_TEST

START_TEST(health_zero_failures_eject_nobody)
{
    llmq_health_conf_t lenient = {0, 10 * SEC, 10 * SEC};
    llmq_health_t h = {0};
    int i;

    for (i = 0; i < 100; i++)
        llmq_health_end(&h, &lenient, LLMQ_HEALTH_FAILED, 0, 1, NOW);
    ck_assert_int_eq(llmq_health_state(&h, NOW), LLMQ_HEALTH_HEALTHY);
}
END_TEST

/* ---- events ---- */

static const struct {
    llmq_failure_t failure;
    llmq_health_event_e event;
} events[] = {
    {{.kind = LLMQ_FAILURE_UNREACHABLE}, LLMQ_HEALTH_UNREACHABLE},
    {{.kind = LLMQ_FAILURE_CONNECT}, LLMQ_HEALTH_FAILED},
    {{.kind = LLMQ_FAILURE_CONNECT, .ours = 1}, LLMQ_HEALTH_NOTHING},
    {{.kind = LLMQ_FAILURE_TIMEOUT}, LLMQ_HEALTH_FAILED},
    {{.kind = LLMQ_FAILURE_PROTOCOL}, LLMQ_HEALTH_FAILED},
    {{.kind = LLMQ_FAILURE_REQUEST}, LLMQ_HEALTH_NOTHING},
    {{.kind = LLMQ_FAILURE_STATUS, .http_status = 400}, LLMQ_HEALTH_OK},
    {{.kind = LLMQ_FAILURE_STATUS, .http_status = 429, .retry_after = 5}, LLMQ_HEALTH_OK},
    {{.kind = LLMQ_FAILURE_STATUS, .http_status = 499}, LLMQ_HEALTH_OK},
    {{.kind = LLMQ_FAILURE_STATUS, .http_status = 500}, LLMQ_HEALTH_FAILED},
    {{.kind = LLMQ_FAILURE_STATUS, .http_status = 503}, LLMQ_HEALTH_FAILED},
    {{.kind = LLMQ_FAILURE_STATUS, .http_status = 503, .retry_after = 5},
     LLMQ_HEALTH_NOTHING},
};

START_TEST(health_event_of_a_failure)
{
    ck_assert_int_eq(llmq_health_event(&events[_i].failure), events[_i].event);
    ck_assert_int_eq(llmq_health_event(NULL), LLMQ_HEALTH_OK);
}
END_TEST

START_TEST(health_states_have_words)
{
    ck_assert_str_eq(llmq_health_name(LLMQ_HEALTH_HEALTHY), "healthy");
    ck_assert_str_eq(llmq_health_name(LLMQ_HEALTH_EJECTED), "ejected");
    ck_assert_str_eq(llmq_health_name(LLMQ_HEALTH_HALF_OPEN), "half_open");
    ck_assert_str_eq(llmq_health_name(LLMQ_HEALTH_STATE_COUNT), "unknown");
}
END_TEST

TCase *case_health(void)
{
    TCase *tc = test_case("health");

    tcase_add_loop_test(tc, health_story, 0, STORIES);
    tcase_add_test(tc, health_pauses_double_up_to_the_longest);
    tcase_add_test(tc, health_zero_failures_eject_nobody);
    tcase_add_loop_test(tc, health_event_of_a_failure, 0,
                        (int)(sizeof(events) / sizeof(events[0])));
    tcase_add_test(tc, health_states_have_words);
    return tc;
}
