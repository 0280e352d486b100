#include "support.h"

#include "core/egress.h"

static llmq_egress_t *list_of(const char *const *words, int n)
{
    llmq_egress_t *list = llmq_egress_create(test_pool);
    int i;

    for (i = 0; i < n; i++) {
        ck_assert_msg(llmq_egress_add(list, words[i], test_pool) == APR_SUCCESS, "%s",
                      words[i]);
    }
    return list;
}

static llmq_egress_address_t address(const char *text)
{
    llmq_egress_address_t a = {{0}};

    ck_assert_msg(llmq_egress_parse(&a, text) == APR_SUCCESS, "%s", text);
    return a;
}

static int is_public(const char *text)
{
    llmq_egress_address_t a = address(text);

    return llmq_egress_is_public(&a);
}

static int allows(const llmq_egress_t *list, const char *text)
{
    llmq_egress_address_t a = address(text);

    return llmq_egress_allows(list, &a);
}

START_TEST(what_everybody_can_reach_is_public)
{
    static const char *const texts[] = {
        "1.1.1.1",          "8.8.8.8",         "9.255.255.255",   "11.0.0.0",
        "100.63.255.255",   "100.128.0.0",     "126.255.255.255", "128.0.0.1",
        "169.253.255.255",  "169.255.0.0",     "172.15.255.255",  "172.32.0.0",
        "192.0.1.1",        "192.167.255.255", "192.169.0.0",     "198.17.255.255",
        "198.20.0.0",       "223.255.255.255", "168.63.129.15",   "168.63.129.17",
        "2606:4700::1111",  "2001:4860::8888", "2a00:1450::1",    "::ffff:1.1.1.1",
        "64:ff9b::8.8.8.8", "2001:db7::1",     "fbff::1",         "3ffe::1",
    };
    size_t i;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ck_assert_msg(is_public(texts[i]), "%s", texts[i]);
    }
}
END_TEST

START_TEST(what_is_set_aside_is_not_public)
{
    static const char *const texts[] = {
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.0",
        "100.100.100.200",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.0.1",
        "192.168.255.255",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.255",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "168.63.129.16",
        "::",
        "::1",
        "::127.0.0.1",
        "::8.8.8.8",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::ffff:7f00:1",
        "::ffff:169.254.169.254",
        "64:ff9b::127.0.0.1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:808:808::1",
        "fc00::1",
        "fd00:ec2::254",
        "fdff::1",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "3fff::1",
        "5f00::1",
    };
    size_t i;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ck_assert_msg(!is_public(texts[i]), "%s", texts[i]);
    }
}
END_TEST

START_TEST(only_what_inet_pton_reads_is_an_address)
{
    static const char *const texts[] = {"",           "localhost",   "2130706433",
                                        "0x7f.0.0.1", "127.1",       "127.0.0.1.",
                                        "[::1]",      "fe80::1%eth0"};
    llmq_egress_address_t a;
    size_t i;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        ck_assert_msg(llmq_egress_parse(&a, texts[i]) == APR_EINVAL, "%s", texts[i]);
    }
}
END_TEST

START_TEST(an_empty_list_allows_nothing)
{
    llmq_egress_t *list = list_of(NULL, 0);

    ck_assert(!allows(list, "1.1.1.1"));
    ck_assert(!llmq_egress_allows_name(list, "example.com"));
}
END_TEST

START_TEST(public_allows_public_addresses_and_no_name)
{
    static const char *const words[] = {"public"};
    llmq_egress_t *list = list_of(words, 1);

    ck_assert(allows(list, "1.1.1.1"));
    ck_assert(!allows(list, "127.0.0.1"));
    ck_assert(!allows(list, "::ffff:192.168.1.1"));
    ck_assert(!llmq_egress_allows_name(list, "public"));
}
END_TEST

START_TEST(nets_allow_what_lies_in_them)
{
    static const char *const words[] = {"10.1.0.0/17", "192.168.7.9", "fd12::/16",
                                        "127.0.0.0/8"};
    llmq_egress_t *list = list_of(words, 4);

    ck_assert(allows(list, "10.1.0.0"));
    ck_assert(allows(list, "10.1.127.255"));
    ck_assert(allows(list, "::ffff:10.1.127.255"));
    ck_assert(!allows(list, "10.1.128.0"));
    ck_assert(allows(list, "192.168.7.9"));
    ck_assert(!allows(list, "192.168.7.8"));
    ck_assert(allows(list, "fd12:ffff::1"));
    ck_assert(!allows(list, "fd13::1"));
    ck_assert(allows(list, "127.9.9.9"));
    ck_assert(!allows(list, "::1"));
    ck_assert_msg(!allows(list, "1.1.1.1"), "public addresses only where public says so");
}
END_TEST

START_TEST(names_are_compared_as_hosts_are)
{
    static const char *const words[] = {"Hooks.Example.com", "*.internal"};
    llmq_egress_t *list = list_of(words, 2);

    ck_assert(llmq_egress_allows_name(list, "hooks.example.com"));
    ck_assert(llmq_egress_allows_name(list, "HOOKS.example.COM."));
    ck_assert(!llmq_egress_allows_name(list, "x.hooks.example.com"));
    ck_assert(!llmq_egress_allows_name(list, "hooks.example.com.evil.org"));
    ck_assert(!llmq_egress_allows_name(list, "example.com"));
    ck_assert(llmq_egress_allows_name(list, "a.internal"));
    ck_assert(llmq_egress_allows_name(list, "a.b.internal"));
    ck_assert(!llmq_egress_allows_name(list, "internal"));
    ck_assert(!llmq_egress_allows_name(list, ".internal"));
    ck_assert(!llmq_egress_allows_name(list, "notinternal"));
    ck_assert(!llmq_egress_allows_name(list, ""));
}
END_TEST

START_TEST(other_words_are_refused)
{
    static const char *const words[] = {
        "",         "*",           "*.",         "a..b",        ".a",
        "a.",       "10.0.0.0/33", "10.0.0.0/",  "10.0.0.0/-1", "10.0.0.0/8x",
        "::/129",   "300.1.1.1",   "2130706433", "a.1",         "host:80",
        "http://a", "a b",         "*.10.0.0.1", "10.0.0.0/8/8"};
    llmq_egress_t *list = llmq_egress_create(test_pool);
    size_t i;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        ck_assert_msg(llmq_egress_add(list, words[i], test_pool) == APR_EINVAL, "%s",
                      words[i]);
    }
    ck_assert_int_eq(list->names->nelts + list->nets->nelts, 0);
}
END_TEST

TCase *case_egress(void)
{
    TCase *tc = test_case("egress");

    tcase_add_test(tc, what_everybody_can_reach_is_public);
    tcase_add_test(tc, what_is_set_aside_is_not_public);
    tcase_add_test(tc, only_what_inet_pton_reads_is_an_address);
    tcase_add_test(tc, an_empty_list_allows_nothing);
    tcase_add_test(tc, public_allows_public_addresses_and_no_name);
    tcase_add_test(tc, nets_allow_what_lies_in_them);
    tcase_add_test(tc, names_are_compared_as_hosts_are);
    tcase_add_test(tc, other_words_are_refused);
    return tc;
}
