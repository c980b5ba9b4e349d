/* The mark of a drill is accepted as it was signed, with a key of the fleet, and for an
 * hour at most. */
#include "fleet/drill_mark.h"

#include "lib/fleetkeys.h"
#include "t.h"

#define NOW 1800000000ull
#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define MAC                                                                              \
    "5e59ca7b9c025350f8913d1832953180"                                                   \
    "c37a8a0a80937cad5055eea848e134f7"

static struct drill_mark_memory memory;
static struct fleet_keys *a, *b, *both;
static char mark[DRILL_MARK_LEN + 1];

static int setup(void **state)
{
    (void)state;
    memset(&memory, 0, sizeof(memory));
    a = fleetkeys_read(KEY_A "\n");
    b = fleetkeys_read(KEY_B "\n");
    both = fleetkeys_read(KEY_B "\n" KEY_A "\n");
    drill_mark_make(a, NOW, mark);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    fleet_keys_destroy(a);
    fleet_keys_destroy(b);
    fleet_keys_destroy(both);
    return 0;
}

static bool check(const struct fleet_keys *k, const char *text, size_t len, uint64_t now)
{
    char *exact = malloc(len + (len == 0)); /* tools detect a read past its end */
    bool ok;

    assert_non_null(exact);
    memcpy(exact, text, len);
    ok = drill_mark_check(&memory, k, exact, len, now);
    free(exact);
    return ok;
}

static void t_drill_mark_is_hmac_of_its_expiry(void **state)
{
    (void)state;
    /* Of: printf 'lars-drill-1\n1800003600\n' | openssl dgst -sha256 -hmac aaaa... */
    assert_string_equal(mark, "1.1800003600." MAC);
    assert_true(check(a, mark, DRILL_MARK_LEN, NOW));
    assert_true(check(a, mark, DRILL_MARK_LEN, NOW)); /* remembered */
}

static void t_drill_mark_is_accepted_with_each_key_of_the_file_and_no_other(void **state)
{
    (void)state;
    assert_true(check(both, mark, DRILL_MARK_LEN, NOW));
    memset(&memory, 0, sizeof(memory));
    assert_false(check(b, mark, DRILL_MARK_LEN, NOW));
    assert_int_equal(memory.expiry_s, 0);
}

static void t_drill_mark_ends_with_its_second_also_when_it_is_remembered(void **state)
{
    (void)state;
    assert_true(check(a, mark, DRILL_MARK_LEN, NOW + DRILL_MARK_LIFE_S - 1));
    assert_false(check(a, mark, DRILL_MARK_LEN, NOW + DRILL_MARK_LIFE_S));
    memset(&memory, 0, sizeof(memory));
    assert_false(check(a, mark, DRILL_MARK_LEN, NOW + DRILL_MARK_LIFE_S));
    assert_false(check(a, mark, DRILL_MARK_LEN, UINT64_MAX));
}

static void t_drill_mark_for_longer_than_an_hour_is_refused(void **state)
{
    (void)state;
    assert_true(check(a, mark, DRILL_MARK_LEN, NOW - DRILL_MARK_SKEW_S));
    assert_false(check(a, mark, DRILL_MARK_LEN, NOW - DRILL_MARK_SKEW_S - 1));
}

static void t_drill_mark_with_another_byte_is_refused(void **state)
{
    char other[DRILL_MARK_LEN];
    size_t i;
    int bit;

    (void)state;
    assert_true(check(a, mark, DRILL_MARK_LEN, NOW)); /* it is compared from now on */
    for (i = 0; i < DRILL_MARK_LEN; i++)
        for (bit = 0; bit < 8; bit++) {
            memcpy(other, mark, sizeof(other));
            other[i] = (char)(other[i] ^ 1 << bit);
            if (check(a, other, sizeof(other), NOW))
                fail_msg("byte %zu with bit %d changed", i, bit);
        }
}

static void t_drill_mark_of_another_length_is_refused(void **state)
{
    char longer[DRILL_MARK_LEN + 1];
    size_t n;

    (void)state;
    memcpy(longer, mark, sizeof(longer));
    longer[DRILL_MARK_LEN] = '0';
    for (n = 0; n <= sizeof(longer); n++)
        assert_int_equal(check(a, longer, n, NOW), n == DRILL_MARK_LEN);
}

static void t_drill_mark_of_another_text_of_the_same_key_is_refused(void **state)
{
    static const char *const texts[] = {"i000000000000000000000000000000000",
                                        "POST\n1800003600\n", "1800003600",
                                        "lars-drill-1\n1800003600"};
    char other[DRILL_MARK_LEN];
    size_t i;

    (void)state;
    memcpy(other, mark, sizeof(other));
    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        fleet_keys_sign(a, texts[i], strlen(texts[i]),
                        other + DRILL_MARK_LEN - FLEET_KEYS_MAC);
        assert_false(check(a, other, sizeof(other), NOW));
    }
}

static void t_drill_mark_that_was_replaced_is_checked_again(void **state)
{
    char later[DRILL_MARK_LEN + 1];

    (void)state;
    drill_mark_make(a, NOW + 1800, later);
    assert_true(check(a, mark, DRILL_MARK_LEN, NOW + 1800));
    assert_true(check(a, later, DRILL_MARK_LEN, NOW + 1800));
    assert_true(check(a, mark, DRILL_MARK_LEN, NOW + 1800));
    assert_false(check(a, mark, DRILL_MARK_LEN, NOW + 3600));
    assert_true(check(a, later, DRILL_MARK_LEN, NOW + 3600));
}

#define M(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(M(t_drill_mark_is_hmac_of_its_expiry),
       M(t_drill_mark_is_accepted_with_each_key_of_the_file_and_no_other),
       M(t_drill_mark_ends_with_its_second_also_when_it_is_remembered),
       M(t_drill_mark_for_longer_than_an_hour_is_refused),
       M(t_drill_mark_with_another_byte_is_refused),
       M(t_drill_mark_of_another_length_is_refused),
       M(t_drill_mark_of_another_text_of_the_same_key_is_refused),
       M(t_drill_mark_that_was_replaced_is_checked_again))
