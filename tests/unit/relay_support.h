/**
 * @file relay_support.h
 * What the tests of the relay share: the parent's socket, and what a child would say.
 */
#ifndef LLMQ_TEST_RELAY_SUPPORT_H
#define LLMQ_TEST_RELAY_SUPPORT_H

#include "bus/relay.h"

/** Where the socket is; a path of this process. */
extern char relay_path[64];

/** @return a socket that listens there, non-blocking */
int relay_door(void);

/** @return a connection to it, blocking */
int relay_child(void);

/** Say something without data. */
void relay_say(int fd, llmq_relay_type_e type, const char *id);

/** Read one frame, of which the data is cut after 255 bytes and ends with a NUL.
 *  @return its type; 0: the other side has closed */
llmq_relay_type_e relay_hear(int fd, char id[LLMQ_ID_MAX + 1], char data[256]);

/** Wait for a moment, of some thousands at most. @return 0 after the last one */
int relay_patience(int *rounds);

/** Until it is true. */
#define RELAY_UNTIL(condition)                                                           \
    do {                                                                                 \
        int rounds_ = 0;                                                                 \
        while (!(condition)) {                                                           \
            ck_assert_msg(relay_patience(&rounds_), "never: " #condition);               \
        }                                                                                \
    } while (0)

#endif /* LLMQ_TEST_RELAY_SUPPORT_H */
