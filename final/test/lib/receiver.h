/* receiver.h -- an HTTP server in a thread of the test: it keeps the last request and
 * answers each with the same text, as a webhook or the service of a robot does.  A
 * failure fails the test.  Thread: that of the test. */
#ifndef LARS_TEST_LIB_RECEIVER_H
#define LARS_TEST_LIB_RECEIVER_H

#include <pthread.h>

extern struct receiver {
    pthread_t thread;
    int lfd, port; /* it listens on 127.0.0.1 */
    const char *_Atomic answer; /* the body; NULL: accepts and never answers */
    const char *_Atomic status; /* "200 OK" */
    _Atomic int n; /* requests read */
    char request[8000]; /* the last one; read <n> before */
} receiver;

/* Answers with errcode 0 and status 200 until the fields are changed. */
void receiver_start(void);
void receiver_stop(void);

#endif
