/**
 * @file support.h
 * What the unit tests share. Each tests/unit/test_<file>.c defines one function
 * `TCase *case_<file>(void)` and support.h lists them all; main.c runs them, one process
 * per test (CK_FORK=no for a debugger or valgrind).
 */
#ifndef LLMQ_TEST_SUPPORT_H
#define LLMQ_TEST_SUPPORT_H

#include <check.h>

#include <apr_pools.h>

/** A pool that a fresh test starts with: created by the checked fixture of support.c. */
extern apr_pool_t *test_pool;

/** A TCase with the pool fixture and a time-out of 60 s. */
TCase *test_case(const char *name);

/** Name, case function: one line per file, kept sorted. */
#define TEST_CASES(X)                                                                    \
    X(agenda)                                                                            \
    X(analysis)                                                                          \
    X(apikey)                                                                            \
    X(attempt)                                                                           \
    X(autoscale)                                                                         \
    X(backend)                                                                           \
    X(backend_check)                                                                     \
    X(backend_curl)                                                                      \
    X(backend_echo)                                                                      \
    X(backend_guard)                                                                     \
    X(backend_http)                                                                      \
    X(backend_openai)                                                                    \
    X(backend_trouble)                                                                   \
    X(balance)                                                                           \
    X(callback)                                                                          \
    X(chat)                                                                              \
    X(checkup)                                                                           \
    X(clock)                                                                             \
    X(context)                                                                           \
    X(control)                                                                           \
    X(conversation)                                                                      \
    X(courier)                                                                           \
    X(courier_hosts)                                                                     \
    X(deadline)                                                                          \
    X(digest)                                                                            \
    X(dispatch)                                                                          \
    X(dispatch_inner)                                                                    \
    X(dispatch_run)                                                                      \
    X(duration)                                                                          \
    X(egress)                                                                            \
    X(endpoint)                                                                          \
    X(endpoint_board)                                                                    \
    X(endpoint_choice)                                                                   \
    X(endpoint_memo)                                                                     \
    X(endpoint_spot)                                                                     \
    X(finisher)                                                                          \
    X(handlers)                                                                          \
    X(health)                                                                            \
    X(histogram)                                                                         \
    X(id)                                                                                \
    X(janitor)                                                                           \
    X(job)                                                                               \
    X(json)                                                                              \
    X(keycache)                                                                          \
    X(lease)                                                                             \
    X(lease_keeper)                                                                      \
    X(limiter)                                                                           \
    X(log)                                                                               \
    X(matcher)                                                                           \
    X(message)                                                                           \
    X(notice)                                                                            \
    X(option)                                                                            \
    X(pace)                                                                              \
    X(preprocess)                                                                        \
    X(priority)                                                                          \
    X(prometheus)                                                                        \
    X(queue)                                                                             \
    X(queue_age)                                                                         \
    X(queue_bell)                                                                        \
    X(queue_bells)                                                                       \
    X(queue_cell)                                                                        \
    X(queue_chain)                                                                       \
    X(queue_create)                                                                      \
    X(queue_crowd)                                                                       \
    X(queue_entry)                                                                       \
    X(queue_figures)                                                                     \
    X(queue_gone)                                                                        \
    X(queue_has)                                                                         \
    X(queue_heap)                                                                        \
    X(queue_job)                                                                         \
    X(queue_late)                                                                        \
    X(queue_layout)                                                                      \
    X(queue_lease)                                                                       \
    X(queue_lock)                                                                        \
    X(queue_model)                                                                       \
    X(queue_next)                                                                        \
    X(queue_outlook)                                                                     \
    X(queue_pick)                                                                        \
    X(queue_position)                                                                    \
    X(queue_put)                                                                         \
    X(queue_ready)                                                                       \
    X(queue_rebuild)                                                                     \
    X(queue_reset)                                                                       \
    X(queue_room)                                                                        \
    X(queue_running)                                                                     \
    X(queue_set)                                                                         \
    X(queue_stats)                                                                       \
    X(queue_table)                                                                       \
    X(queue_take)                                                                        \
    X(queue_tenant)                                                                      \
    X(queue_tick)                                                                        \
    X(queue_turn)                                                                        \
    X(queue_wait)                                                                        \
    X(queue_wake)                                                                        \
    X(reaper)                                                                            \
    X(redis)                                                                             \
    X(registry)                                                                          \
    X(result)                                                                            \
    X(retry)                                                                             \
    X(roster)                                                                            \
    X(roster_table)                                                                      \
    X(rule_record)                                                                       \
    X(ruleset)                                                                           \
    X(spin)                                                                              \
    X(steward)                                                                           \
    X(store)                                                                             \
    X(store_blame)                                                                       \
    X(store_census)                                                                      \
    X(store_commit)                                                                      \
    X(store_commit_waiter)                                                               \
    X(store_conversation)                                                                \
    X(store_dead)                                                                        \
    X(store_delay)                                                                       \
    X(store_idem)                                                                        \
    X(store_job)                                                                         \
    X(store_job_finish)                                                                  \
    X(store_job_list)                                                                    \
    X(store_key)                                                                         \
    X(store_lease)                                                                       \
    X(store_meter)                                                                       \
    X(store_node)                                                                        \
    X(store_outbox)                                                                      \
    X(store_reap)                                                                        \
    X(store_schema)                                                                      \
    X(store_setting)                                                                     \
    X(store_sql)                                                                         \
    X(store_stat)                                                                        \
    X(store_survey)                                                                      \
    X(store_task)                                                                        \
    X(store_turn)                                                                        \
    X(store_watch)                                                                       \
    X(store_worker)                                                                      \
    X(stream)                                                                            \
    X(stream_loop)                                                                       \
    X(sysinfo)                                                                           \
    X(tally)                                                                             \
    X(task)                                                                              \
    X(task_type)                                                                         \
    X(text)                                                                              \
    X(thread)                                                                            \
    X(token)                                                                             \
    X(utf8)                                                                              \
    X(walk)                                                                              \
    X(webhook_sign)

#define TEST_DECLARE(name) TCase *case_##name(void);
TEST_CASES(TEST_DECLARE)
#undef TEST_DECLARE

#endif /* LLMQ_TEST_SUPPORT_H */
