/* textfile -- a test writes a file of text.  A failure fails the test.  Thread: any. */
#ifndef LARS_TEST_LIB_TEXTFILE_H
#define LARS_TEST_LIB_TEXTFILE_H

#include "../t.h"

/* Create the file <path>, or replace its text. */
void textfile_write(const char *path, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void textfile_vwrite(const char *path, const char *format, va_list ap)
    __attribute__((format(printf, 2, 0)));

#endif
