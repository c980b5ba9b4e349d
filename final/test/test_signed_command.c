/* A command is obeyed once, in time, as it was signed, and with a key of the fleet. */
#include "fleet/signed_command.h"

#include "lib/fleetkeys.h"
#include "t.h"

#define NOW 1800000000ull
#define KEY_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define KEY_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define MAC_OLD                                                                          \
    "5718f85ebd4aa58400203cda7a4623f1"                                                   \
    "2c29dbc824844fe8848ca3394b6bc588"
#define MAC                                                                              \
    "37782633c07307fa4313170f95db880d"                                                   \
    "148368f6f73b1e2fbd5cadcf3136ffde"
#define EPOCH "9f86d081884c7d65"
#define KEY_C "cccccccccccccccccccccccccccccccccccccccc"

static struct signed_command_gate *gate;
static const struct signed_command command = {EPOCH, "POST", "/static", "on", 2};
static const char *why;

static int setup(void **state)
{
    (void)state;
    why = NULL;
    return signed_command_gate_create(&gate);
}

static int teardown(void **state)
{
    (void)state;
    signed_command_gate_destroy(gate);
    return 0;
}

static struct signed_command_fields sign(const struct fleet_keys *k, uint64_t now_s)
{
    struct signed_command_fields f;

    assert_int_equal(signed_command_sign(k, &command, now_s, &f), 0);
    return f;
}

static int accept_at(const struct fleet_keys *k, const struct signed_command_fields *f,
                     uint64_t now_s)
{
    const struct signed_command_sent sent = {f->time, EPOCH, f->signature};

    return signed_command_accept(gate, k, &command, &sent, now_s, &why);
}

static void assert_refused(int rc, const char *words)
{
    assert_int_equal(rc, -EACCES);
    if (!strstr(why, words))
        fail_msg("\"%s\" is not in: %s", words, why);
}

static void t_signed_command_is_hmac_of_epoch_method_path_time_and_body(void **state)
{
    struct fleet_keys *k = fleetkeys_read(KEY_A "\n");
    struct signed_command_fields f = sign(k, NOW);

    (void)state;
    /* Of: printf 'lars-command-2\nEPOCH\nPOST\n/static\n1800000000\non' |
     * openssl dgst -sha256 -hmac aaaa... */
    assert_string_equal(f.time, "1800000000");
    assert_string_equal(f.signature, MAC);
    fleet_keys_destroy(k);
}

static void t_signed_command_for_an_older_gateway_is_not_accepted(void **state)
{
    struct fleet_keys *k = fleetkeys_read(KEY_A "\n");
    struct signed_command old = command;
    struct signed_command_fields f;
    struct signed_command_sent sent = {NULL, NULL, NULL};

    (void)state;
    old.epoch = NULL;
    assert_int_equal(signed_command_sign(k, &old, NOW, &f), 0);
    /* Of: printf 'POST\n/static\n1800000000\non' | openssl dgst -sha256 -hmac aaaa... */
    assert_string_equal(f.signature, MAC_OLD);
    sent.time = f.time;
    sent.signature = f.signature;
    assert_refused(signed_command_accept(gate, k, &command, &sent, NOW, &why),
                   "upgrade larsctl and lars-autoscaler");
    assert_refused(accept_at(k, &f, NOW), "signature is wrong");
    fleet_keys_destroy(k);
}

static void t_signed_command_for_another_gateway_is_refused(void **state)
{
    static const char *const epochs[] = {"", "9f86d081884c7d66", EPOCH " ", "9f86"};
    struct fleet_keys *k = fleetkeys_read(KEY_A "\n");
    struct signed_command other = command;
    struct signed_command_fields f;
    struct signed_command_sent sent = {NULL, NULL, NULL};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(epochs) / sizeof(epochs[0]); i++) {
        other.epoch = epochs[i];
        assert_int_equal(signed_command_sign(k, &other, NOW, &f), 0);
        sent = (struct signed_command_sent){f.time, epochs[i], f.signature};
        assert_refused(signed_command_accept(gate, k, &command, &sent, NOW, &why),
                       SIGNED_COMMAND_OTHER);
        assert_refused(accept_at(k, &f, NOW), "signature is wrong"); /* claims it */
    }
    fleet_keys_destroy(k);
}

/* An older gateway takes METHOD, PATH, time and body from the request, and passes over
 * the body of most commands: no division of the text may be one of its commands. */
static void t_signed_command_is_none_for_an_older_gateway(void **state)
{
    static const char body[] = EPOCH "\nPOST\n/static\n1800000000\non";
    struct fleet_keys *k = fleetkeys_read(KEY_A "\n");
    struct signed_command old = {NULL, "POST", "/static", body, sizeof(body) - 1};
    struct signed_command_fields f = sign(k, NOW), g;

    (void)state;
    assert_int_equal(signed_command_sign(k, &old, NOW, &g), 0);
    assert_string_not_equal(f.signature, g.signature);
    old.method = "lars-command-2"; /* the only division; httpd answers it with 405 */
    old.path = EPOCH;
    assert_int_equal(signed_command_sign(k, &old, NOW, &g), 0);
    assert_string_not_equal(f.signature, g.signature);
    fleet_keys_destroy(k);
}

static void t_signed_command_is_accepted_once(void **state)
{
    struct fleet_keys *k = fleetkeys_read(KEY_A "\n");
    struct signed_command_fields f = sign(k, NOW), later = sign(k, NOW + 1);

    (void)state;
    assert_int_equal(accept_at(k, &f, NOW), 0);
    assert_refused(accept_at(k, &f, NOW), "before");
    assert_refused(accept_at(k, &f, NOW + SIGNED_COMMAND_SKEW_S), "before");
    assert_int_equal(accept_at(k, &later, NOW), 0);
    fleet_keys_destroy(k);
}

static void t_signed_command_is_accepted_within_30_s_of_the_clock(void **state)
{
    struct fleet_keys *k = fleetkeys_read(KEY_A "\n");
    struct signed_command_fields f = sign(k, NOW), g = sign(k, NOW + 100);

    (void)state;
    assert_refused(accept_at(k, &f, NOW + SIGNED_COMMAND_SKEW_S + 1), "clock");
    assert_refused(accept_at(k, &f, NOW - SIGNED_COMMAND_SKEW_S - 1), "clock");
    assert_int_equal(accept_at(k, &f, NOW + SIGNED_COMMAND_SKEW_S), 0);
    assert_int_equal(accept_at(k, &g, NOW + 100 - SIGNED_COMMAND_SKEW_S), 0);
    fleet_keys_destroy(k);
}

static void t_signed_command_with_another_method_path_or_body_is_refused(void **state)
{
    static const struct signed_command other[] = {{EPOCH, "PUT", "/static", "on", 2},
                                                  {EPOCH, "POST", "/drain", "on", 2},
                                                  {EPOCH, "POST", "/static", "off", 3},
                                                  {EPOCH, "POST", "/static", "", 0},
                                                  {EPOCH, "POST", "/static", "on\n", 3}};
    struct fleet_keys *k = fleetkeys_read(KEY_A "\n");
    struct signed_command_fields f = sign(k, NOW);
    const struct signed_command_sent sent = {f.time, EPOCH, f.signature};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(other) / sizeof(other[0]); i++)
        assert_refused(signed_command_accept(gate, k, &other[i], &sent, NOW, &why),
                       "signature is wrong");
    assert_int_equal(accept_at(k, &f, NOW), 0); /* the attempts have used up nothing */
    fleet_keys_destroy(k);
}

static void t_signed_command_with_another_time_is_refused(void **state)
{
    struct fleet_keys *k = fleetkeys_read(KEY_A "\n");
    struct signed_command_fields f = sign(k, NOW);

    (void)state;
    assert_int_equal(accept_at(k, &f, NOW), 0);
    snprintf(f.time, sizeof(f.time), "%llu", NOW + 1);
    assert_refused(accept_at(k, &f, NOW), "signature is wrong");
    snprintf(f.time, sizeof(f.time), "0%llu", NOW);
    assert_refused(accept_at(k, &f, NOW), "signature is wrong");
    fleet_keys_destroy(k);
}

static void t_signed_command_with_malformed_fields_is_refused(void **state)
{
    static const char *const times[] = {
        "", "-1", "+1800000000", "1800000000 ", "0x1", "1e9", "99999999999999999999"};
    struct fleet_keys *k = fleetkeys_read(KEY_A "\n");
    struct signed_command_fields f = sign(k, NOW);
    struct signed_command_sent sent = {NULL, EPOCH, f.signature};
    size_t i;

    (void)state;
    assert_refused(signed_command_accept(gate, k, &command, &sent, NOW, &why),
                   "not signed");
    for (i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        sent.time = times[i];
        assert_refused(signed_command_accept(gate, k, &command, &sent, NOW, &why),
                       "Unix seconds");
    }
    sent.signature = NULL;
    assert_refused(signed_command_accept(gate, k, &command, &sent, NOW, &why),
                   "not signed");
    f.signature[FLEET_KEYS_MAC - 1] = '\0';
    assert_refused(accept_at(k, &f, NOW), "64");
    fleet_keys_destroy(k);
}

static void t_signed_command_with_a_wrong_key_is_refused(void **state)
{
    struct fleet_keys *a = fleetkeys_read(KEY_A "\n"), *b = fleetkeys_read(KEY_B "\n");
    struct signed_command_fields f = sign(b, NOW);

    (void)state;
    assert_refused(accept_at(a, &f, NOW), "signature is wrong");
    fleet_keys_destroy(a);
    fleet_keys_destroy(b);
}

static void t_signed_command_is_accepted_with_both_keys_of_a_rotation(void **state)
{
    struct fleet_keys *old = fleetkeys_read(KEY_A "\n"),
                      *both = fleetkeys_read(KEY_B "\n" KEY_A "\n"),
                      *third = fleetkeys_read(KEY_C "\n");
    struct signed_command_fields by_old = sign(old, NOW), by_new = sign(both, NOW),
                                 by_third = sign(third, NOW);

    (void)state;
    assert_int_equal(accept_at(both, &by_old, NOW), 0);
    assert_int_equal(accept_at(both, &by_new, NOW), 0);
    assert_refused(accept_at(both, &by_third, NOW), "signature is wrong");
    fleet_keys_destroy(old);
    fleet_keys_destroy(both);
    fleet_keys_destroy(third);
}

static void t_signed_command_memory_is_bounded_and_keeps_what_is_valid(void **state)
{
    struct fleet_keys *k = fleetkeys_read(KEY_A "\n");
    struct signed_command c = command;
    struct signed_command_fields first = sign(k, NOW), f;
    unsigned i, n = 1;
    char body[16];
    int rc = 0;

    (void)state;
    assert_int_equal(accept_at(k, &first, NOW), 0);
    for (i = 0; i < 5000 && rc == 0; i++) {
        c.body_len = (size_t)snprintf(body, sizeof(body), "%u", i);
        c.body = body;
        assert_int_equal(signed_command_sign(k, &c, NOW, &f), 0);
        rc = signed_command_accept(
            gate, k, &c, &(struct signed_command_sent){f.time, EPOCH, f.signature}, NOW,
            &why);
        n += rc == 0;
    }
    assert_refused(rc, "wait for a minute");
    assert_int_equal(n, 1024);
    assert_refused(accept_at(k, &first, NOW), "before");
    f = sign(k, NOW + 31);
    assert_int_equal(accept_at(k, &f, NOW + 31), 0); /* the others are invalid by then */
    fleet_keys_destroy(k);
}

static void t_signed_command_that_is_too_long_cannot_be_signed(void **state)
{
    static char body[SIGNED_COMMAND_BODY_MAX + 1];
    struct signed_command c = {EPOCH, "POST", "/static", body, sizeof(body)};
    struct signed_command_fields f;
    struct fleet_keys *k = fleetkeys_read(KEY_A "\n");

    (void)state;
    assert_int_equal(signed_command_sign(k, &c, NOW, &f), -EMSGSIZE);
    c.body_len = 0;
    assert_int_equal(signed_command_sign(k, &c, NOW, &f), 0);
    c.epoch = "012345678901234567890123456789012";
    assert_int_equal(signed_command_sign(k, &c, NOW, &f), -EMSGSIZE);
    fleet_keys_destroy(k);
}

#define U(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(U(t_signed_command_is_hmac_of_epoch_method_path_time_and_body),
       U(t_signed_command_for_an_older_gateway_is_not_accepted),
       U(t_signed_command_for_another_gateway_is_refused),
       U(t_signed_command_is_none_for_an_older_gateway),
       U(t_signed_command_is_accepted_once),
       U(t_signed_command_is_accepted_within_30_s_of_the_clock),
       U(t_signed_command_with_another_method_path_or_body_is_refused),
       U(t_signed_command_with_another_time_is_refused),
       U(t_signed_command_with_malformed_fields_is_refused),
       U(t_signed_command_with_a_wrong_key_is_refused),
       U(t_signed_command_is_accepted_with_both_keys_of_a_rotation),
       U(t_signed_command_memory_is_bounded_and_keeps_what_is_valid),
       U(t_signed_command_that_is_too_long_cannot_be_signed))
