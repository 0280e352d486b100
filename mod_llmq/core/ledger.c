#include "core/ledger.h"

#include "base/sets.h"
#include "base/spin.h"

#include <string.h>

/* No sum of bookings comes near it, and differences of two still fit. */
#define MOST (APR_INT64_MAX / 4)

typedef struct {
    apr_uint64_t account;    /* 0 = never used */
    llmq_ledger_conf_t rule; /* as it was last asked with */
    apr_int64_t level;       /* booked in the window, of all nodes */
    apr_int64_t used;        /* of this node, ever; below 0 where it gave back others' */
    apr_int64_t sent;        /* of that, what the others could read */
    apr_int64_t others;      /* of theirs, what is in the level or was in one before */
    apr_time_t window;
    apr_time_t seen; /* last booking */
} place_t;

typedef struct {
    _Alignas(64) llmq_spin_t taken; /* lock of the set */
    place_t place[LLMQ_LEDGER_WAYS];
} set_t;

struct llmq_ledger_t {
    llmq_sets_t sets;
    set_t set[];
};

/* ---- windows ---- */

static apr_time_t month_of(int year, int month)
{
    apr_time_exp_t t;
    apr_time_t when = 0;

    memset(&t, 0, sizeof(t));
    t.tm_year = year + month / 12;
    t.tm_mon = month % 12;
    t.tm_mday = 1;
    apr_time_exp_gmt_get(&when, &t);
    return when;
}

apr_time_t llmq_ledger_window(const llmq_ledger_conf_t *rule, apr_time_t now)
{
    apr_time_exp_t t;

    if (rule->period) {
        return now - now % rule->period;
    }
    apr_time_exp_gmt(&t, now);
    return month_of(t.tm_year, t.tm_mon);
}

apr_time_t llmq_ledger_later(const llmq_ledger_conf_t *rule, apr_time_t window,
                             apr_int64_t n)
{
    apr_time_exp_t t;

    if (rule->period) {
        return n < MOST / rule->period ? window + n * rule->period : MOST;
    }
    apr_time_exp_gmt(&t, window);
    return n < 12000 ? month_of(t.tm_year, t.tm_mon + (int)n) : MOST;
}

/* How many windows lie between two beginnings; of months it only matters whether any. */
static apr_int64_t windows_between(const llmq_ledger_conf_t *rule, apr_time_t from,
                                   apr_time_t to)
{
    return rule->period ? (to - from) / rule->period : to > from;
}

/* ---- the table ---- */

apr_size_t llmq_ledger_size(int keys)
{
    return llmq_sets_size(keys, LLMQ_LEDGER_WAYS, sizeof(set_t));
}

llmq_ledger_t *llmq_ledger_init(void *memory, int keys)
{
    llmq_ledger_t *l = memory;

    llmq_sets_init(&l->sets, keys, LLMQ_LEDGER_WAYS, sizeof(set_t));
    return l;
}

static set_t *set_of(llmq_ledger_t *l, apr_uint64_t account)
{
    return &l->set[llmq_sets_index(&l->sets, account)];
}

static place_t *find(set_t *set, apr_uint64_t account)
{
    int i;

    for (i = 0; i < LLMQ_LEDGER_WAYS; i++) {
        if (set->place[i].account == account) {
            return &set->place[i];
        }
    }
    return NULL;
}

static int is_dirty(const place_t *place)
{
    return place->used != place->sent;
}

/* The longest unused; one that is dirty only if all are. */
static place_t *oldest(set_t *set)
{
    place_t *best = &set->place[0];
    int i;

    for (i = 1; i < LLMQ_LEDGER_WAYS; i++) {
        place_t *place = &set->place[i];

        if (is_dirty(place) == is_dirty(best) ? place->seen < best->seen
                                              : is_dirty(best)) {
            best = place;
        }
    }
    return best;
}

/* Saturates. */
static apr_int64_t sum_of(apr_int64_t a, apr_int64_t b)
{
    apr_int64_t sum = 0;

    if (__builtin_add_overflow(a, b, &sum)) {
        return b > 0 ? MOST : -MOST;
    }
    return sum > MOST ? MOST : sum < -MOST ? -MOST : sum;
}

/* Never below nothing. */
static apr_int64_t plus(apr_int64_t level, apr_int64_t n)
{
    apr_int64_t sum = sum_of(level, n);

    return sum > 0 ? sum : 0;
}

static apr_int64_t levels_fall(const llmq_ledger_conf_t *rule, apr_int64_t level,
                               apr_int64_t windows)
{
    apr_int64_t gone = 0;

    if (windows <= 0) {
        return level;
    }
    if (!rule->carry || __builtin_mul_overflow(rule->limit, windows, &gone)) {
        return 0;
    }
    return level > gone ? level - gone : 0;
}

/* A clock that goes back does not bring a window back. */
static void roll(place_t *place, apr_time_t now)
{
    apr_time_t window = llmq_ledger_window(&place->rule, now);

    if (window > place->window) {
        place->level = levels_fall(&place->rule, place->level,
                                   windows_between(&place->rule, place->window, window));
        place->window = window;
    }
}

/* ---- bookings ---- */

static void describe(llmq_ledger_verdict_t *verdict, const place_t *place, apr_time_t now)
{
    const llmq_ledger_conf_t *rule = &place->rule;

    verdict->known = 1;
    verdict->remaining = rule->limit > place->level ? rule->limit - place->level : 0;
    verdict->reset = llmq_ledger_later(rule, place->window, 1) - now;
    verdict->window = place->window;
}

/* When a level will have fallen so far that n more fit; n alone may be more than the limit:
 * then when there is nothing else. */
static apr_interval_time_t wait_for(const place_t *place, apr_int64_t level,
                                    apr_int64_t n, apr_time_t now)
{
    apr_int64_t limit = place->rule.limit;
    apr_int64_t room = n < limit ? limit - n : 0;
    apr_int64_t windows;

    if (level <= room) {
        return 0;
    }
    windows = place->rule.carry ? (level - room + limit - 1) / limit : 1;
    return llmq_ledger_later(&place->rule, place->window, windows) - now;
}

static void book(llmq_ledger_verdict_t *verdict, place_t *place, apr_int64_t n,
                 int always, apr_time_t now)
{
    verdict->wait = wait_for(place, place->level, n ? n : 1, now);
    verdict->admitted = always || (verdict->wait == 0 && n <= place->rule.limit);
    if (verdict->admitted) {
        place->level = plus(place->level, n);
        place->used = sum_of(place->used, n);
        place->seen = now;
    }
    describe(verdict, place, now);
    if (!verdict->admitted && verdict->wait <= 0) {
        verdict->wait = verdict->reset; /* more than there will ever be */
    }
}

static void ask(llmq_ledger_verdict_t *verdict, llmq_ledger_t *l,
                const llmq_ledger_conf_t *rule, apr_uint64_t account, apr_int64_t n,
                int always, apr_time_t now)
{
    set_t *set = set_of(l, account);
    place_t *place;

    memset(verdict, 0, sizeof(*verdict));
    llmq_spin_lock(&set->taken);
    place = find(set, account);
    if (place) {
        place->rule = *rule;
        roll(place, now);
        book(verdict, place, n, always, now);
    }
    llmq_spin_unlock(&set->taken);
}

void llmq_ledger_book(llmq_ledger_verdict_t *verdict, llmq_ledger_t *l,
                      const llmq_ledger_conf_t *rule, apr_uint64_t account, apr_int64_t n,
                      apr_time_t now)
{
    ask(verdict, l, rule, account, n, 0, now);
}

void llmq_ledger_queue(llmq_ledger_verdict_t *verdict, llmq_ledger_t *l,
                       const llmq_ledger_conf_t *rule, apr_uint64_t account,
                       apr_int64_t n, apr_time_t now)
{
    ask(verdict, l, rule, account, n, 1, now);
}

void llmq_ledger_seed(llmq_ledger_t *l, const llmq_ledger_conf_t *rule,
                      const llmq_ledger_state_t *state, apr_time_t now)
{
    set_t *set = set_of(l, state->account);
    place_t *place;

    llmq_spin_lock(&set->taken);
    if (!find(set, state->account)) {
        place = oldest(set);
        memset(place, 0, sizeof(*place));
        place->account = state->account;
        place->rule = *rule;
        place->used = place->sent = state->used;
        place->others = state->others;
        place->level = state->window ? state->level : 0;
        place->window = state->window ? state->window : llmq_ledger_window(rule, now);
        place->seen = now;
        roll(place, now);
    }
    llmq_spin_unlock(&set->taken);
}

int llmq_ledger_settle(llmq_ledger_t *l, apr_uint64_t account, apr_int64_t n,
                       apr_time_t window, apr_time_t now)
{
    set_t *set = set_of(l, account);
    place_t *place;

    llmq_spin_lock(&set->taken);
    place = find(set, account);
    if (place) {
        roll(place, now);
        if (n > 0 || window == place->window) {
            place->level = plus(place->level, n);
            place->used = sum_of(place->used, n);
        }
    }
    llmq_spin_unlock(&set->taken);
    return place != NULL;
}

/* ---- the exchange ---- */

static void show(llmq_ledger_state_t *state, const place_t *place)
{
    state->account = place->account;
    state->used = place->used;
    state->others = place->others;
    state->level = place->level;
    state->window = place->window;
}

static int walk_set(llmq_ledger_state_t *states, set_t *set, int dirty, apr_time_t now)
{
    int n = 0;
    int i;

    llmq_spin_lock(&set->taken);
    for (i = 0; i < LLMQ_LEDGER_WAYS; i++) {
        place_t *place = &set->place[i];

        if (!place->account) {
            continue;
        }
        roll(place, now);
        if (is_dirty(place) || (!dirty && place->level > 0)) {
            show(&states[n++], place);
        }
    }
    llmq_spin_unlock(&set->taken);
    return n;
}

int llmq_ledger_walk(llmq_ledger_state_t *states, int max, llmq_ledger_t *l,
                     apr_size_t *pcursor, int dirty, apr_time_t now)
{
    apr_size_t i = *pcursor;
    int n = 0;

    while (i < l->sets.n && n + LLMQ_LEDGER_WAYS <= max) {
        n += walk_set(states + n, &l->set[i++], dirty, now);
    }
    *pcursor = i < l->sets.n ? i : 0;
    return n;
}

void llmq_ledger_sent(llmq_ledger_t *l, const llmq_ledger_state_t *state)
{
    set_t *set = set_of(l, state->account);
    place_t *place;

    llmq_spin_lock(&set->taken);
    place = find(set, state->account);
    if (place) {
        place->sent = state->used;
    }
    llmq_spin_unlock(&set->taken);
}

void llmq_ledger_hear(llmq_ledger_t *l, apr_uint64_t account, apr_int64_t others,
                      apr_time_t now)
{
    set_t *set = set_of(l, account);
    place_t *place;

    llmq_spin_lock(&set->taken);
    place = find(set, account);
    if (place) {
        roll(place, now);
        place->level = plus(place->level, others - place->others);
        place->others = others;
    }
    llmq_spin_unlock(&set->taken);
}
