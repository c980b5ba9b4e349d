/* roster_faults -- what is wrong in a file, all of it: each fault has the number of its
 * line and a sentence that says what is wrong and how to mend it.  The list is bounded,
 * because the file may be any file.  Thread: any. */
#ifndef LARS_ROSTER_ROSTER_FAULTS_H
#define LARS_ROSTER_ROSTER_FAULTS_H

#include <stdio.h>

#define ROSTER_FAULTS_MAX 64
#define ROSTER_FAULT_LEN 400

struct roster_fault {
    int line; /* counted from 1 */
    char text[ROSTER_FAULT_LEN];
};

struct roster_faults {
    unsigned n; /* of <at> */
    unsigned n_more; /* found when <at> was full */
    struct roster_fault at[ROSTER_FAULTS_MAX]; /* by line */
};

void roster_faults_add(struct roster_faults *f, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* A line "FILE:LINE: TEXT" for each.  Bytes that a terminal would obey are printed as ?.
 */
void roster_faults_print(const struct roster_faults *f, const char *file, FILE *to);

#endif
