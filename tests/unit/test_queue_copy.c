#include "queue/queue_copy.h"

#include "support_queue.h"

#include <string.h>

/* There is one more each time it is asked, up to a number. */
typedef struct {
    int most;
    int *asked;
} crowd_t;

static int copy_crowd(llmq_entry_t *out, int room, llmq_queue_t *q, const void *ctx)
{
    const crowd_t *crowd = ctx;
    int n = ++*crowd->asked < crowd->most ? *crowd->asked : crowd->most;

    (void)q;
    if (room > 0)
        memset(out, 0, sizeof(*out) * (size_t)(n < room ? n : room));
    return n;
}

START_TEST(it_looks_again_until_there_is_room_for_all)
{
    llmq_queue_t *q = queue_rig(10, 10)->q;
    llmq_entry_t *list = NULL;
    int asked = 0;
    crowd_t crowd = {_i, &asked};
    int n = -1;

    ck_assert_int_eq(llmq_queue_copy(&list, &n, q, copy_crowd, &crowd, test_pool),
                     APR_SUCCESS);
    ck_assert_int_eq(n, _i);
    ck_assert_int_eq(asked, _i + 1);
    ck_assert_int_eq(list != NULL, _i > 0);
}
END_TEST

TCase *case_queue_copy(void)
{
    TCase *tc = test_case("queue_copy");

    tcase_add_loop_test(tc, it_looks_again_until_there_is_room_for_all, 0, 4);
    return tc;
}
