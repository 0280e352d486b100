#include "core/coming.h"

#define WINDOW apr_time_from_sec(10)
#define OTHER  0x9e3779b97f4a7c15ull /* tells the two accounts of a key apart */

/* As long as a count lasts. */
static const llmq_ledger_conf_t accepting = {
    .limit = 1 << 30, .period = 2 * WINDOW, .carry = 0};

/* One of the two counts of a key: they take turns, so that none is begun anew before its
 * windows are over. */
typedef struct {
    apr_uint64_t account;
    apr_time_t
        ahead; /* the ledger's clock for it, so that its windows begin a turn later */
} count_t;

static count_t count_of(apr_uint64_t account, apr_time_t since)
{
    int odd = since / WINDOW % 2 != 0;
    count_t count = {.account = odd && account != OTHER ? account ^ OTHER : account,
                     .ahead = odd ? WINDOW : 0};

    return count;
}

/* @return how many stand there with these @a n */
static apr_int64_t book(llmq_ledger_t *l, const count_t *count, apr_int64_t n,
                        apr_time_t now)
{
    llmq_ledger_state_t state = {.account = count->account};
    llmq_ledger_verdict_t verdict;

    llmq_ledger_book(&verdict, l, &accepting, count->account, n, now + count->ahead);
    if (!verdict.known) {
        llmq_ledger_seed(l, &accepting, &state, now + count->ahead);
        llmq_ledger_book(&verdict, l, &accepting, count->account, n, now + count->ahead);
    }
    return verdict.known ? accepting.limit - verdict.remaining : n;
}

apr_int64_t llmq_coming_enter(llmq_ledger_t *l, apr_uint64_t account, apr_time_t now)
{
    const count_t mine = count_of(account, now);
    const count_t before = count_of(account, now - WINDOW);
    apr_int64_t n =
        book(l, &mine, 1, now); /* first: of two, one at least sees the other */

    return n + book(l, &before, 0, now);
}

void llmq_coming_leave(llmq_ledger_t *l, apr_uint64_t account, apr_time_t since,
                       apr_time_t now)
{
    const count_t count = count_of(account, since);

    llmq_ledger_settle(l, count.account, -1,
                       llmq_ledger_window(&accepting, since + count.ahead),
                       now + count.ahead);
}
