/* lab.h -- numbers that tests take, so that no solution can be written for the numbers.
 * The starter of a lab has others: its seed picks each from the range that is named
 * here. */
#ifndef LARS_TEST_LAB_H
#define LARS_TEST_LAB_H

enum {
    LAB_ID = 7,      /* 2 to 120: a message id */
    LAB_ID2 = 130,   /* 121 to 250: another message id */
    LAB_LIMIT = 100, /* 60 to 240: a limit in bytes */
    LAB_CUT = 3,     /* 1 to 7: where a message is cut, inside its header */
    LAB_COUNT = 20,  /* 12 to 40: how many of something */
    LAB_BYTE = 120,  /* 97 to 122: a letter */
};

#endif
