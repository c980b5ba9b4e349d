/* What is a whole character of UTF-8, and what becomes of bytes that are of none. */
#include "base/utf8.h"

#include "base/rnd.h"
#include "t.h"

/* Encode <c> as RFC 3629 says, also when no text may have it.  Returns the length. */
static size_t encode(uint32_t c, char out[5])
{
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4, i;
    static const unsigned char head[] = {0, 0, 0xc0, 0xe0, 0xf0};

    for (i = n; i-- > 1; c >>= 6)
        out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)(head[n] | c);
    out[n] = '\0';
    return n;
}

/* A copy that ends where its memory ends, so that a sanitizer sees a byte too many. */
static char *exact(const char *text)
{
    char *copy = strdup(text);

    assert_non_null(copy);
    return copy;
}

static void t_every_character_of_unicode_is_whole_and_stays(void **state)
{
    char text[5], copy[5];
    uint32_t c;

    (void)state;
    for (c = 1; c <= 0x10ffff; c++) {
        if (c >= 0xd800 && c <= 0xdfff)
            continue;
        encode(c, text);
        memcpy(copy, text, sizeof(text));
        utf8_replace_broken(copy);
        if (!utf8_is_whole(text) || utf8_length(text) != 1 || strcmp(copy, text) != 0)
            fail_msg("U+%04X", c);
    }
}

static void t_surrogates_and_numbers_above_the_last_are_broken(void **state)
{
    char text[5];
    uint32_t c;

    (void)state;
    for (c = 0xd800; c <= 0xdfff; c++) {
        encode(c, text);
        assert_false(utf8_is_whole(text));
    }
    for (c = 0x110000; c <= 0x1fffff; c++) {
        encode(c, text);
        if (utf8_is_whole(text))
            fail_msg("U+%X", c);
    }
}

static void t_each_byte_that_is_of_no_character_becomes_one_mark(void **state)
{
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"", ""},
        {"\x80", "?"}, /* a continuation without a head */
        {"a\xff"
         "b",
         "a?b"},
        {"\xfe\xff", "??"},
        {"\xc0\xaf", "??"}, /* '/' in two bytes, and in three and four */
        {"\xe0\x80\xaf", "???"},
        {"\xf0\x80\x80\xaf", "????"},
        {"\xc1\xbf", "??"},
        {"\xed\xa0\x80\xed\xb0\x80", "??????"}, /* a pair of surrogates */
        {"\xf4\x90\x80\x80", "????"},
        {"\xf5\x80\x80\x80", "????"},
        {"\xf8\x88\x80\x80\x80", "?????"}, /* five bytes, as before RFC 3629 */
        {"\xe5\x86", "??"}, /* cut behind the second byte of three */
        {"\xf0\x9f\x98", "???"},
        {"\xf0", "?"},
        {"\xe5\x86\x9c\xe5\x86", "\xe5\x86\x9c??"},
        {"\xe5\x61\x62", "?ab"}, /* the bytes behind a wrong head stay */
        {"\xf0\x9f\xe5\x86\x9c", "??\xe5\x86\x9c"},
        {"\xbb\xfa\xb7\xbf", "????"}, /* two characters in GBK */
        {"\x01\x7f\n", "\x01\x7f\n"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *text = exact(cases[i].text);

        assert_int_equal(utf8_is_whole(text),
                         strcmp(cases[i].text, cases[i].expected) == 0);
        utf8_replace_broken(text);
        assert_string_equal(text, cases[i].expected);
        free(text);
    }
}

/* At each place a text in Chinese may have been cut. */
static void t_text_that_was_cut_anywhere_is_whole_afterwards(void **state)
{
    static const char farm[] = "\xe5\x86\x9c\xf0\x9f\x98\x80\xc3\xa9"
                               "a";
    size_t n;

    (void)state;
    for (n = 0; n < sizeof(farm); n++) {
        char *text = strndup(farm, n);

        assert_non_null(text);
        utf8_replace_broken(text);
        assert_true(utf8_is_whole(text));
        assert_int_equal(strlen(text), n);
        free(text);
    }
}

static void t_any_bytes_become_whole_and_keep_their_number(void **state)
{
    uint32_t seed = (uint32_t)t_now_ms();
    struct rnd r;
    char text[33];
    int round;
    size_t i, n;

    (void)state;
    rnd_init(&r, seed);
    for (round = 0; round < 20000; round++) {
        n = rnd_u32(&r) % sizeof(text);
        for (i = 0; i < n; i++)
            text[i] = (char)(1 + rnd_u32(&r) % 255);
        text[n] = '\0';
        utf8_replace_broken(text);
        if (!utf8_is_whole(text) || strlen(text) != n || utf8_length(text) > n)
            fail_msg("seed %u, round %d", seed, round);
    }
}

T_MAIN(T(t_every_character_of_unicode_is_whole_and_stays),
       T(t_surrogates_and_numbers_above_the_last_are_broken),
       T(t_each_byte_that_is_of_no_character_becomes_one_mark),
       T(t_text_that_was_cut_anywhere_is_whole_afterwards),
       T(t_any_bytes_become_whole_and_keep_their_number))
