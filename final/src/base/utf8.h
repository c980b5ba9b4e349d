/* utf8 -- text in UTF-8.  Thread: any. */
#ifndef LARS_BASE_UTF8_H
#define LARS_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Put '?' for each byte that is not of a whole character.  Texts are cut to a number of
 * bytes, and JSON takes whole characters only. */
void utf8_replace_broken(char *text);

/* The bytes of the character at <text>, which ends with NUL; 0: it is of none. */
size_t utf8_char(const char *text);
bool utf8_is_whole(const char *text);  /* every byte is of a whole character */
size_t utf8_length(const char *text);  /* characters of a whole text */

#endif
