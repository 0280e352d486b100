/**
 * @file shield.h
 * Where a child may be killed. A prefork child that is told to end does so inside its
 * signal handler, wherever it is: with a database connection borrowed, with the queue's
 * lock held. So requests of ours are shielded from that but for the moments in which they
 * wait for their client. In children with threads the MPM waits for requests by itself, and
 * nothing is done here.
 */
#ifndef LLMQ_SHIELD_H
#define LLMQ_SHIELD_H

/**
 * @param threaded non-zero if the MPM runs requests in threads
 * @phase child_init
 */
void llmq_shield_init(int threaded);

/** From here on signals that end the child wait. @threads request; does not nest */
void llmq_shield_begin(void);

/** Those that waited take effect now. @threads request */
void llmq_shield_end(void);

/**
 * About to wait for the client: be mortal, if we were not.
 * @return what llmq_shield_resume() wants to know
 * @threads request
 */
int llmq_shield_pause(void);

/**
 * The client has answered.
 * @param was_up what llmq_shield_pause() returned
 * @threads request
 */
void llmq_shield_resume(int was_up);

#endif /* LLMQ_SHIELD_H */
