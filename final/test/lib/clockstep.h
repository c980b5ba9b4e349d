/* clockstep.h -- steps the wall clock of programs while they run, by test/shim.c.
 * Thread: that of the test. */
#ifndef LARS_TEST_LIB_CLOCKSTEP_H
#define LARS_TEST_LIB_CLOCKSTEP_H

#include <stdbool.h>

/* Before the first program that shall follow: the step is 0. */
void clockstep_open(void);
void clockstep_close(void);

/* Programs that are started between these two follow the steps.  Under valgrind and the
 * sanitizers, which replace what the shim replaces, only those of clockstep_begin(true)
 * do. */
void clockstep_begin(bool always);
void clockstep_end(void);

/* The wall clock of these programs is ahead by <s> seconds; below 0: behind. */
void clockstep_set(int s);

#endif
