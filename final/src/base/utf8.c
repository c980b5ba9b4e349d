/* The definition of RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.
 *
 * Rejected: cutting at whole characters wherever a text is copied.  There are dozens of
 * such places, and the ones that write JSON are few. */
#include "base/utf8.h"

size_t utf8_char(const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    size_t len = s[0] < 0x80   ? 1
                 : s[0] < 0xc2 ? 0
                 : s[0] < 0xe0 ? 2
                 : s[0] < 0xf0 ? 3
                               : 4,
           i;

    for (i = 1; i < len; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    return s[0] < 0xf5 ? len : 0;
}

void utf8_replace_broken(char *text)
{
    size_t i, len;

    for (i = 0; text[i]; i += len) {
        len = utf8_char(text + i);
        if (len > 0)
            continue;
        text[i] = '?';
        len = 1;
    }
}

bool utf8_is_whole(const char *text)
{
    size_t len;

    while (*text) {
        len = utf8_char(text);
        if (len == 0)
            return false;
        text += len;
    }
    return true;
}

size_t utf8_length(const char *text)
{
    size_t n = 0;

    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}
