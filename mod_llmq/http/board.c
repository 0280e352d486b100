#include "http/board.h"

#include <ap_mpm.h>
#include <httpd.h>
#include <scoreboard.h>

#include <string.h>

/* Whether this thread has a connection. Under worker and prefork one in keep-alive keeps
 * its thread; under event the MPM holds it. */
static int add_thread(llmq_board_t *b, const worker_score *w)
{
    switch (w->status) {
    case SERVER_DEAD:
    case SERVER_STARTING:
    case SERVER_IDLE_KILL: return 0;
    case SERVER_READY: b->threads++; return 0;
    case SERVER_BUSY_KEEPALIVE: b->threads++; return 1;
    default:
        b->threads++;
        b->busy++;
        return 1;
    }
}

/* Event writes down its connections now and then, so a thread may know of a newer one. */
static void add_process(llmq_board_t *b, int i, int threads)
{
    const process_score *ps = ap_get_scoreboard_process(i);
    int connections = 0;
    int t;

    if (!ps || !ps->pid) {
        return;
    }
    for (t = 0; t < threads; t++) {
        const worker_score *w = ap_get_scoreboard_worker_from_indexes(i, t);

        connections += w ? add_thread(b, w) : 0;
    }
    b->connections +=
        (int)ps->connections > connections ? (int)ps->connections : connections;
}

void llmq_board_read(llmq_board_t *board)
{
    int processes = 0;
    int threads = 0;
    int i;

    memset(board, 0, sizeof(*board));
    if (!ap_exists_scoreboard_image()) {
        return;
    }
    ap_mpm_query(AP_MPMQ_HARD_LIMIT_DAEMONS, &processes);
    ap_mpm_query(AP_MPMQ_HARD_LIMIT_THREADS, &threads);
    for (i = 0; i < processes; i++) {
        add_process(board, i, threads);
    }
}
