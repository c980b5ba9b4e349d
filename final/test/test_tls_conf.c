/* [tls]: which addresses need it, and what an operator reads when it is missing. */
#include "net/tls_conf.h"

#include "lib/linkfix.h"

static char err[CONF_ERR_MAX];

static const struct conf_key keys[] = {TLS_CONF_KEYS(0),
                                       {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

/* The section with the lines <text>. */
static struct tls_conf read_conf(const char *text)
{
    struct tls_conf c;
    char all[1000];

    conf_preset(keys, &c);
    snprintf(all, sizeof(all), "[tls]\n%s", text);
    if (conf_load_text(keys, &c, all, "test.ini", err) < 0)
        fail_msg("%s", err);
    return c;
}

static struct net_addr address(const char *text)
{
    struct net_addr at;

    assert_int_equal(net_addr_parse(&at, text), 0);
    return at;
}

static int check(const char *text, const char *at, enum tls_conf_use use)
{
    const struct tls_conf c = read_conf(text);
    const struct net_addr a = address(at);

    assert_null(tls_conf_wrong_value(&c));
    return tls_conf_check(&c, "[dnsd] address", &a, use, err);
}

static void t_loopback_addresses_need_no_tls(void **state)
{
    static const char *const at[] = {"127.0.0.1:1", "127.9.9.9:7778", "[::1]:1",
                                     "[::ffff:127.0.0.1]:1"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        assert_int_equal(check("", at[i], TLS_CONF_LISTENS), 0);
        assert_int_equal(check("", at[i], TLS_CONF_CONNECTS), 0);
    }
}

static void t_other_addresses_need_it(void **state)
{
    static const char *const at[] = {"0.0.0.0:1", "10.0.0.1:7778", "128.0.0.1:1",
                                     "[::]:1",    "[fe80::1]:1",   "[::ffff:10.0.0.1]:1"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
        assert_int_equal(check("", at[i], TLS_CONF_LISTENS), -EINVAL);
        assert_int_equal(check("", at[i], TLS_CONF_CONNECTS), -EINVAL);
        assert_int_equal(check("insecure_plain = yes\n", at[i], TLS_CONF_LISTENS), 0);
        assert_int_equal(check("cert = c\nkey = k\nca = a\n", at[i], TLS_CONF_CONNECTS),
                         0);
    }
}

static void t_the_sentence_says_what_where_and_how_to_mend_it(void **state)
{
    (void)state;
    assert_int_equal(check("", "10.0.0.1:7778", TLS_CONF_LISTENS), -EINVAL);
    assert_non_null(strstr(err, "[dnsd] address: other hosts reach 10.0.0.1:7778"));
    assert_non_null(strstr(err, "[tls] needs cert, key and ca"));
    assert_non_null(strstr(err, "insecure_plain = yes"));
    assert_int_equal(check("", "10.0.0.1:7778", TLS_CONF_CONNECTS), -EINVAL);
    assert_non_null(strstr(err, "10.0.0.1:7778 is no loopback address"));
}

static void t_every_address_of_a_list_is_looked_at(void **state)
{
    const struct tls_conf c = read_conf("");
    const struct net_addr at[2] = {address("127.0.0.1:1"), address("10.0.0.1:1")};

    (void)state;
    assert_int_equal(tls_conf_check_all(&c, "[dns] servers", at, 1, err), 0);
    assert_int_equal(tls_conf_check_all(&c, "[dns] servers", at, 2, err), -EINVAL);
    assert_non_null(strstr(err, "[dns] servers: 10.0.0.1:1"));
}

static void t_values_that_do_not_belong_together_are_named(void **state)
{
    static const struct {
        const char *text, *said;
    } cases[] = {
        {"insecure_plain = 1\n", "[tls] insecure_plain must be yes or no"},
        {"loopback = on\n", "[tls] loopback must be yes or no"},
        {"cert = c\n", "[tls] cert, key and ca belong together"},
        {"key = k\nca = a\n", "[tls] cert, key and ca belong together"},
        {"crl = x\n", "[tls] cert, key and ca belong together"},
        {"loopback = yes\n", "[tls] loopback = yes needs"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct tls_conf c = read_conf(cases[i].text);
        const char *why = tls_conf_wrong_value(&c);

        assert_non_null(why);
        assert_non_null(strstr(why, cases[i].said));
    }
}

/* A server on all addresses serves its own host without TLS, and others with it. */
static void t_the_address_at_the_server_decides(void **state)
{
    const struct net_addr own = address("127.0.0.1:1"), other = address("10.0.0.1:1");
    const struct tls_link_config c = {.cert = linkfix_file("dnsd", ".crt"),
                                      .key = linkfix_file("dnsd", ".key"),
                                      .ca = linkfix_file("ca", ".crt"),
                                      .crl = ""};
    const struct net_addr unix_socket = {0};
    struct tls_link *l;

    (void)state;
    assert_int_equal(tls_link_create(&l, &c, err), 0);
    assert_false(tls_link_covers(l, &own));
    assert_true(tls_link_covers(l, &other));
    assert_false(tls_link_covers(l, &unix_socket));
    tls_link_destroy(l);
    l = linkfix_link("dnsd", false); /* loopback = yes */
    assert_true(tls_link_covers(l, &own));
    assert_false(tls_link_covers(l, &unix_socket));
    tls_link_destroy(l);
}

static void t_names_without_a_slash_are_credentials_of_systemd(void **state)
{
    const struct tls_conf c = read_conf("cert = dnsd.crt\nkey = dnsd.key\nca = ca.crt\n");

    (void)state;
    unsetenv("CREDENTIALS_DIRECTORY");
    assert_int_equal(tls_conf_try(&c, err), -ENOENT);
    assert_non_null(strstr(err, "the file dnsd.crt cannot be read"));
    setenv("CREDENTIALS_DIRECTORY", linkfix.dir, 1);
    assert_int_equal(tls_conf_try(&c, err), 0);
    unsetenv("CREDENTIALS_DIRECTORY");
}

static void t_a_path_is_never_a_credential(void **state)
{
    char text[400];
    struct tls_conf c;

    (void)state;
    snprintf(text, sizeof(text),
             "cert = %s/dnsd.crt\nkey = %s/dnsd.key\nca = %s/ca.crt\n", linkfix.dir,
             linkfix.dir, linkfix.dir);
    c = read_conf(text);
    setenv("CREDENTIALS_DIRECTORY", "/nonexistent", 1);
    assert_int_equal(tls_conf_try(&c, err), 0);
    unsetenv("CREDENTIALS_DIRECTORY");
}

static void t_without_tls_there_is_nothing_to_try(void **state)
{
    const struct tls_conf c = read_conf("");

    (void)state;
    assert_false(tls_conf_is_set(&c));
    assert_false(tls_conf_is_insecure(&c));
    assert_int_equal(tls_conf_try(&c, err), 0);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, linkfix_setup, linkfix_teardown)

T_MAIN(cmocka_unit_test(t_loopback_addresses_need_no_tls),
       cmocka_unit_test(t_other_addresses_need_it),
       cmocka_unit_test(t_the_sentence_says_what_where_and_how_to_mend_it),
       cmocka_unit_test(t_every_address_of_a_list_is_looked_at),
       cmocka_unit_test(t_values_that_do_not_belong_together_are_named),
       E(t_the_address_at_the_server_decides),
       E(t_names_without_a_slash_are_credentials_of_systemd),
       E(t_a_path_is_never_a_credential),
       cmocka_unit_test(t_without_tls_there_is_nothing_to_try))
