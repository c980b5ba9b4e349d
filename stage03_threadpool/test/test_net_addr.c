/* Addresses as text: which spellings are accepted, and that printing reverses parsing. */
#include "t.h"

#include <arpa/inet.h>

#include "base/net_addr.h"

static void expect_str(const char *in, const char *out)
{
    struct net_addr a;
    char buf[NET_ADDR_STRLEN];

    assert_int_equal(net_addr_parse(&a, in), 0);
    assert_string_equal(net_addr_str(&a, buf), out);
}

static void t_parse_and_str_are_inverse(void **state)
{
    (void)state;
    expect_str("127.0.0.1:7778", "127.0.0.1:7778");
    expect_str("0.0.0.0:0", "0.0.0.0:0");
    expect_str("255.255.255.255:65535", "255.255.255.255:65535");
    expect_str("[::1]:80", "[::1]:80");
    expect_str("[2001:0db8::0001]:443", "[2001:db8::1]:443");
}

static void t_parse_refuses_what_is_not_exactly_an_address(void **state)
{
    static const char *const bad[] = {
        "", ":", ":80", "127.0.0.1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:80x",
        "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1: 80", "127.1:80", "256.0.0.1:80",
        "::1:80", "[::1]", "[::1", "[]:80", "[127.0.0.1:80", "localhost:80",
        "1.2.3.4:000080", "[1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb]:1",
    };
    struct net_addr a = {.family = 77};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(net_addr_parse(&a, bad[i]), -EINVAL);
    assert_int_equal(a.family, 77);
}

static void t_parse_port_takes_digits_only(void **state)
{
    (void)state;
    assert_int_equal(net_addr_parse_port("0"), 0);
    assert_int_equal(net_addr_parse_port("65535"), 65535);
    assert_int_equal(net_addr_parse_port("65536"), -EINVAL);
    assert_int_equal(net_addr_parse_port("99999"), -EINVAL);
    assert_int_equal(net_addr_parse_port("+1"), -EINVAL);
    assert_int_equal(net_addr_parse_port(""), -EINVAL);
}

static void t_port_is_host_order_ip_is_network_order(void **state)
{
    struct net_addr a;

    (void)state;
    assert_int_equal(net_addr_parse(&a, "10.0.0.1:258"), 0);
    assert_int_equal(a.port, 258);
    assert_int_equal(a.ip[0], 10);
    assert_int_equal(a.ip[3], 1);
    assert_int_equal(a.ip[4], 0);
}

static void t_equal_compares_family_port_and_ip(void **state)
{
    struct net_addr a, b;

    (void)state;
    assert_int_equal(net_addr_set(&a, "10.0.0.1", 1), 0);
    b = a;
    assert_true(net_addr_equal(&a, &b));
    b.port = 2;
    assert_false(net_addr_equal(&a, &b));
    assert_int_equal(net_addr_set(&b, "10.0.0.2", 1), 0);
    assert_false(net_addr_equal(&a, &b));
    assert_int_equal(net_addr_set(&b, "::1", 1), 0);
    assert_false(net_addr_equal(&a, &b));
    assert_int_equal(net_addr_set(&a, "0.0.0.0", 1), 0);
    assert_int_equal(net_addr_set(&b, "::", 1), 0);
    assert_false(net_addr_equal(&a, &b));
}

static void t_str_no_address_is_a_dash(void **state)
{
    struct net_addr a = {0};
    char buf[NET_ADDR_STRLEN];

    (void)state;
    assert_string_equal(net_addr_str(&a, buf), "-");
}

/* The reason not to use inet_aton(): it accepts a mistyped address as a different one. */
static void t_inet_aton_accepts_what_inet_pton_refuses(void **state)
{
    struct in_addr in;

    (void)state;
    assert_int_equal(inet_aton("127.1", &in), 1);
    assert_int_equal(ntohl(in.s_addr), 0x7f000001);
    assert_int_equal(inet_aton("010.0.0.1", &in), 1);
    assert_int_equal(ntohl(in.s_addr), 0x08000001);   /* read as octal */
    assert_int_equal(inet_pton(AF_INET, "127.1", &in), 0);
    assert_int_equal(inet_pton(AF_INET, "010.0.0.1", &in), 0);
}

T_MAIN(T(t_parse_and_str_are_inverse), T(t_parse_refuses_what_is_not_exactly_an_address),
       T(t_parse_port_takes_digits_only), T(t_port_is_host_order_ip_is_network_order),
       T(t_equal_compares_family_port_and_ip), T(t_str_no_address_is_a_dash),
       T(t_inet_aton_accepts_what_inet_pton_refuses))
