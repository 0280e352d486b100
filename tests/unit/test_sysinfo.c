#include "base/sysinfo.h"

#include "support.h"

#include <string.h>

static const char STAT[] =
    "cpu  100 20 30 800 50 6 7 8 900 0\ncpu0 1 2 3 4 5 6 7 8 9 0\n";

static const char NET[] =
    "Inter-|   Receive                                                |  Transmit\n"
    " face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets\n"
    "    lo: 5000 10 0 0 0 0 0 0 5000 10 0 0 0 0 0 0\n"
    "  eth0: 1000 10 0 0 0 0 0 0 300 10 0 0 0 0 0 0\n"
    "wlan0:7 1 0 0 0 0 0 0 9 1 0 0 0 0 0 0\n";

static const char MEMORY[] = "MemTotal:        1000 kB\nMemFree:          100 kB\n"
                             "MemAvailable:     250 kB\n";

START_TEST(processor_time_is_busy_or_idle)
{
    llmq_sysinfo_t then, now;

    memset(&then, 0, sizeof(then));
    ck_assert_int_eq(llmq_sysinfo_parse_stat(&then, STAT), APR_SUCCESS);
    ck_assert_uint_eq(then.cpu_busy, 171);
    ck_assert_uint_eq(then.cpu_total, 1021);
    now = then;
    ck_assert(llmq_sysinfo_cpu(&then, &now) == 0);
    now.cpu_busy += 30;
    now.cpu_total += 40;
    ck_assert(llmq_sysinfo_cpu(&then, &now) == 75);
    ck_assert(llmq_sysinfo_cpu(&now, &then) == 0);
    ck_assert_int_eq(llmq_sysinfo_parse_stat(&now, ""), APR_EINVAL);
    ck_assert_int_eq(llmq_sysinfo_parse_stat(&now, "intr 1 2 3 4"), APR_EINVAL);
}
END_TEST

START_TEST(interfaces_but_the_loopback_are_added)
{
    llmq_sysinfo_t info;

    llmq_sysinfo_parse_net(&info, NET);
    ck_assert_uint_eq(info.net_in, 1007);
    ck_assert_uint_eq(info.net_out, 309);
    llmq_sysinfo_parse_net(&info, "");
    ck_assert_uint_eq(info.net_in, 0);
}
END_TEST

START_TEST(memory_in_use_is_what_is_not_available)
{
    ck_assert(llmq_sysinfo_parse_memory(MEMORY) == 75);
    ck_assert(llmq_sysinfo_parse_memory("") == 0);
    ck_assert(llmq_sysinfo_parse_memory("MemTotal: 0 kB\nMemAvailable: 0 kB\n") == 0);
}
END_TEST

START_TEST(this_machine_can_be_read)
{
    llmq_sysinfo_t info;

    llmq_sysinfo_read(&info);
    ck_assert_uint_gt(info.cpu_total, 0);
    ck_assert_uint_ge(info.cpu_total, info.cpu_busy);
    ck_assert(llmq_sysinfo_memory() > 0 && llmq_sysinfo_memory() < 100);
    ck_assert(llmq_sysinfo_disk("/") > 0 && llmq_sysinfo_disk("/") <= 100);
    ck_assert(llmq_sysinfo_disk("/no/such/folder") == 0);
}
END_TEST

TCase *case_sysinfo(void)
{
    TCase *tc = test_case("sysinfo");

    tcase_add_test(tc, processor_time_is_busy_or_idle);
    tcase_add_test(tc, interfaces_but_the_loopback_are_added);
    tcase_add_test(tc, memory_in_use_is_what_is_not_available);
    tcase_add_test(tc, this_machine_can_be_read);
    return tc;
}
