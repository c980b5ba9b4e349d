/* freeport.h -- a port of 127.0.0.1 for a program whose configuration needs one. */
#ifndef LARS_TEST_FREEPORT_H
#define LARS_TEST_FREEPORT_H

/* A TCP port that no socket uses now.  Another program can take it before it is used. */
int freeport_take(void);

#endif
