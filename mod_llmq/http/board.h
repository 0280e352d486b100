/**
 * @file board.h
 * What httpd's scoreboard says of its threads and connections.
 * @threads any
 */
#ifndef LLMQ_BOARD_H
#define LLMQ_BOARD_H

/** All children together, also those that end after a graceful restart. */
typedef struct llmq_board_t {
    int threads;     /* that serve requests, busy or not */
    int busy;        /* that read, work on or answer a request */
    int connections; /* open, those in keep-alive too */
} llmq_board_t;

/**
 * @param board out; zeros where there is no scoreboard
 */
void llmq_board_read(llmq_board_t *board);

#endif /* LLMQ_BOARD_H */
