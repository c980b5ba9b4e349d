/* TLS between daemons: sessions that are resumed, renewed certificates, and files that
 * are wrong. */
#include "base/role.h"
#include "lib/linkfix.h"
#include "loop.h"
#include "net/sock.h"

/* --- sessions ----------------------------------------------------------------------- */

static void dial_until_ready(void)
{
    int n = linkfix.n_start, up = linkfix.n_up;

    linkfix_dial_again();
    LOOP_UNTIL(linkfix.loop, linkfix.n_up == up + 1 && linkfix.n_start == n + 1);
}

/* The ticket comes after the handshake: an echo shows that it was read. */
static void hang_up(void)
{
    int n = linkfix.n_echo, down = linkfix.n_down, closed = linkfix.n_close;

    assert_int_equal(conn_send(linkfix.c, 1, "x", 1), 0);
    LOOP_UNTIL(linkfix.loop, linkfix.n_echo == n + 1);
    conn_close(linkfix.c);
    LOOP_UNTIL(linkfix.loop, linkfix.n_down == down + 1 && linkfix.n_close == closed + 1);
}

static void begin_sessions(bool crl)
{
    if (crl)
        certauthority_revoke(&linkfix.ca, 0, linkfix_file("crl", ".pem"), 86400);
    linkfix_serve("dnsd", crl);
    linkfix_dial("agent", ROLE_DNSD);
    LOOP_UNTIL(linkfix.loop, linkfix.n_up == 1 && linkfix.n_start == 1);
    hang_up();
}

static void t_a_second_connection_resumes_the_session(void **state)
{
    struct tls_link_stat st;
    int i;

    (void)state;
    begin_sessions(false);
    for (i = 0; i < 3; i++) {
        dial_until_ready();
        assert_true(tls_conn_is_resumed(linkfix.c));
        assert_true(tls_conn_is_resumed(linkfix.last));
        assert_int_equal(tls_conn_identity(linkfix.last)->roles, ROLE_AGENT);
        assert_int_equal(tls_conn_identity(linkfix.c)->roles, ROLE_DNSD);
        hang_up();
    }
    tls_link_stat(linkfix.link, &st);
    assert_int_equal(st.n_handshakes, 4);
    assert_int_equal(st.n_resumed, 3);
}

static void t_a_connection_that_was_cut_is_resumed(void **state)
{
    int n = 1;

    (void)state;
    begin_sessions(false);
    dial_until_ready();
    assert_int_equal(conn_send(linkfix.c, 1, "x", 1), 0);
    LOOP_UNTIL(linkfix.loop, linkfix.n_echo == 2);
    shutdown(conn_fd(linkfix.last), SHUT_RDWR); /* as a network that fails */
    LOOP_UNTIL(linkfix.loop, linkfix.n_down == n + 1);
    dial_until_ready();
    assert_true(tls_conn_is_resumed(linkfix.c));
}

/* As in the moment in which all agents connect again. */
static void t_an_attempt_that_is_refused_costs_no_session(void **state)
{
    int fd, down, i;

    (void)state;
    linkfix.sc.max_handshakes = 1;
    begin_sessions(false);
    fd = sock_connect(&linkfix.at, T_DEADLINE_MS);
    LOOP_UNTIL(linkfix.loop, conn_group_n_open(linkfix.group) == 1);
    for (i = 1; i <= 2; i++) {
        down = linkfix.n_down;
        linkfix_dial_again();
        LOOP_UNTIL(linkfix.loop, linkfix_refused(TLS_WHY_MANY) == (uint64_t)i &&
                                     linkfix.n_down == down + 1);
    }
    close(fd);
    LOOP_UNTIL(linkfix.loop, conn_group_n_open(linkfix.group) == 0);
    dial_until_ready();
    assert_true(tls_conn_is_resumed(linkfix.c));
}

/* The server shows a new certificate only in a full handshake. */
static void t_a_session_of_a_server_of_another_role_is_used_once(void **state)
{
    char err[CONF_ERR_MAX];

    (void)state;
    begin_sessions(false);
    linkfix.client.wanted = ROLE_REPORTD;
    linkfix_dial_again();
    LOOP_UNTIL(linkfix.loop, linkfix.n_down == 2 && linkfix.n_close == 2);
    linkfix_sign("dnsd", "URI:urn:lars:role:reportd,IP:127.0.0.1");
    assert_int_equal(tls_link_reload(linkfix.link, err), 0);
    dial_until_ready();
    assert_false(tls_conn_is_resumed(linkfix.c));
}

static void t_a_session_of_a_revoked_certificate_is_refused(void **state)
{
    char err[CONF_ERR_MAX];

    (void)state;
    begin_sessions(true);
    dial_until_ready();
    assert_true(tls_conn_is_resumed(linkfix.c));
    hang_up();
    certauthority_revoke(&linkfix.ca, linkfix.ca.serial, linkfix_file("crl", ".pem"),
                         86400);
    assert_int_equal(tls_link_reload(linkfix.link, err), 0);
    linkfix_dial_again();
    LOOP_UNTIL(linkfix.loop, linkfix_refused(TLS_WHY_REVOKED) == 1);
    LOOP_UNTIL(linkfix.loop, linkfix.n_down == 3);
    assert_int_equal(linkfix.n_start, 2);
}

static void t_another_authority_ends_the_sessions(void **state)
{
    char err[CONF_ERR_MAX];

    (void)state;
    begin_sessions(false);
    certauthority_close(&linkfix.ca);
    certauthority_open(&linkfix.ca);
    certauthority_write(&linkfix.ca, linkfix_file("ca", ".crt"));
    linkfix_sign("dnsd", LINKFIX_DNSD);
    assert_int_equal(tls_link_reload(linkfix.link, err), 0);
    linkfix_dial_again();
    LOOP_UNTIL(linkfix.loop, linkfix.n_down == 2);
    assert_int_equal(linkfix.n_start, 1);
}

/* --- renewed certificates ----------------------------------------------------------- */

static void t_a_renewed_certificate_serves_new_connections(void **state)
{
    int64_t before, after;
    char err[CONF_ERR_MAX];

    (void)state;
    begin_sessions(false);
    dial_until_ready();
    before = tls_link_expiry_s(linkfix.link);
    assert_false(tls_link_is_changed(linkfix.link));
    certauthority_sign(&linkfix.ca,
                       &(struct certauthority_names){.san = LINKFIX_DNSD,
                                                     .to_s = 10 * 86400},
                       linkfix_file("dnsd", ".crt"), linkfix_file("dnsd", ".key"));
    assert_true(tls_link_is_changed(linkfix.link));
    assert_int_equal(tls_link_reload(linkfix.link, err), 0);
    assert_false(tls_link_is_changed(linkfix.link));
    after = tls_link_expiry_s(linkfix.link);
    assert_in_range(after - before, 8 * 86400, 10 * 86400);
    assert_int_equal(conn_send(linkfix.c, 1, "x", 1), 0); /* what is open stays */
    LOOP_UNTIL(linkfix.loop, linkfix.n_echo == 2);
    hang_up();
    dial_until_ready();
    assert_true(tls_conn_is_resumed(linkfix.c));
}

static void t_a_pair_that_does_not_match_changes_nothing(void **state)
{
    char err[CONF_ERR_MAX];

    (void)state;
    begin_sessions(false);
    linkfix_sign("other", LINKFIX_DNSD);
    assert_int_equal(rename(linkfix_file("other", ".crt"), linkfix_file("dnsd", ".crt")),
                     0);
    assert_int_equal(tls_link_reload(linkfix.link, err), -EINVAL);
    assert_non_null(strstr(err, "[tls] key: the file "));
    assert_non_null(strstr(err, "is not the private key of the first certificate"));
    dial_until_ready();
    assert_int_equal(rename(linkfix_file("other", ".key"), linkfix_file("dnsd", ".key")),
                     0);
    assert_true(tls_link_is_changed(linkfix.link));
    assert_int_equal(tls_link_reload(linkfix.link, err), 0);
}

static void t_files_that_are_wrong_are_named(void **state)
{
    static const struct {
        const char *cert, *key, *ca, *crl, *said;
        int rc;
    } cases[] = {
        {"none", "dnsd", "ca", NULL, "[tls] cert: the file ", -ENOENT},
        {"dnsd", "none", "ca", NULL, "[tls] key: the file ", -ENOENT},
        {"dnsd", "dnsd", "none", NULL, "[tls] ca: the file ", -ENOENT},
        {"dnsd", "dnsd", "ca", "none", "[tls] crl: the file ", -ENOENT},
        {"dnsd", "agent", "ca", NULL, "is not the private key", -EINVAL},
        {"dnsd", "dnsd", "empty", NULL, "has no certificate in PEM", -EINVAL},
        {"dnsd", "dnsd", "ca", "ca", "has no list of revoked certificates", -EINVAL},
    };
    char err[CONF_ERR_MAX];
    size_t i;
    FILE *f = fopen(linkfix_file("empty", ".crt"), "w");

    (void)state;
    assert_non_null(f);
    fclose(f);
    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct tls_link_config c = {.cert = linkfix_file(cases[i].cert, ".crt"),
                                          .key = linkfix_file(cases[i].key, ".key"),
                                          .ca = linkfix_file(cases[i].ca, ".crt"),
                                          .crl = cases[i].crl
                                                     ? linkfix_file(cases[i].crl, ".crt")
                                                     : ""};
        struct tls_link *l = NULL;

        assert_int_equal(tls_link_create(&l, &c, err), cases[i].rc);
        assert_null(l);
        if (!strstr(err, cases[i].said))
            fail_msg("said: %s; expected: %s", err, cases[i].said);
    }
}

static void add_file(const char *from, const char *to, const char *mode)
{
    char text[8192];
    FILE *f = fopen(from, "r"), *g = fopen(to, mode);
    size_t n = f && g ? fread(text, 1, sizeof(text), f) : 0;

    assert_in_range(n, 100, sizeof(text) - 1);
    assert_int_equal(fwrite(text, 1, n, g), n);
    fclose(f);
    fclose(g);
}

static void copy_file(const char *from, const char *to)
{
    add_file(from, to, "w");
}

/* <path> has <more> copies of its text and three quarters of another one then, as it has
 * for a moment while a program writes it. */
static void cut_file(const char *path, size_t more)
{
    char text[8192];
    FILE *f = fopen(path, "r");
    size_t n = f ? fread(text, 1, sizeof(text), f) : 0, i;

    assert_in_range(n, 100, sizeof(text) - 1);
    fclose(f);
    f = fopen(path, "w");
    assert_non_null(f);
    for (i = 0; i < more; i++)
        assert_int_equal(fwrite(text, 1, n, f), n);
    assert_int_equal(fwrite(text, 1, n * 3 / 4, f), n * 3 / 4);
    fclose(f);
}

static void t_a_file_that_is_half_written_changes_nothing(void **state)
{
    static const char *const file[][2] = {
        {"dnsd", ".crt"}, {"dnsd", ".key"}, {"ca", ".crt"}, {"crl", ".pem"}};
    char err[CONF_ERR_MAX], keep[200];
    size_t i, more;

    (void)state;
    certauthority_revoke(&linkfix.ca, 0, linkfix_file("crl", ".pem"), 86400);
    linkfix.link = linkfix_link("dnsd", true);
    snprintf(keep, sizeof(keep), "%s", linkfix_file("kept", ""));
    for (i = 0; i < 4; i++)
        for (more = 0; more < 2; more++) {
            const char *path = linkfix_file(file[i][0], file[i][1]);

            if (more > 0 && strcmp(file[i][1], ".key") == 0)
                continue; /* what stands behind a key is not read */
            copy_file(path, keep);
            cut_file(path, more);
            if (tls_link_reload(linkfix.link, err) != -EINVAL)
                fail_msg("%s%s is read, with %zu before", file[i][0], file[i][1], more);
            if (!strstr(err, path))
                fail_msg("%s%s is not named: %s", file[i][0], file[i][1], err);
            assert_int_equal(rename(keep, path), 0);
            assert_int_equal(tls_link_reload(linkfix.link, err), 0);
        }
}

/* With it alone every peer would be refused. */
static void t_a_list_of_another_authority_alone_changes_nothing(void **state)
{
    char err[CONF_ERR_MAX], keep[200], crl[200];
    struct certauthority other;
    size_t i;

    (void)state;
    snprintf(keep, sizeof(keep), "%s", linkfix_file("kept", ""));
    snprintf(crl, sizeof(crl), "%s", linkfix_file("crl", ".pem"));
    begin_sessions(true);
    copy_file(crl, keep);
    for (i = 0; i < 2; i++) {
        const struct tls_link_config c = {.cert = linkfix_file("dnsd", ".crt"),
                                          .key = linkfix_file("dnsd", ".key"),
                                          .ca = linkfix_file("ca", ".crt"),
                                          .crl = crl};
        struct tls_link *l = NULL;

        certauthority_open(&other); /* of the name of linkfix.ca, and of another one */
        if (i > 0)
            X509_NAME_add_entry_by_txt(X509_get_subject_name(other.cert), "O",
                                       MBSTRING_ASC, (const unsigned char *)"other", -1,
                                       -1, 0);
        certauthority_revoke(&other, 0, crl, i == 0 ? 86400 : -60);
        certauthority_close(&other);
        assert_int_equal(tls_link_reload(linkfix.link, err), -EINVAL);
        if (!strstr(err, crl) ||
            !strstr(err, "has no list of the authority that signed [tls] cert"))
            fail_msg("%s", err);
        dial_until_ready(); /* by the list that was in force */
        hang_up();
        assert_int_equal(tls_link_create(&l, &c, err), -EINVAL);
        assert_null(l);
    }
    add_file(keep, crl, "a"); /* beside it the one that is needed */
    assert_int_equal(tls_link_reload(linkfix.link, err), 0);
    dial_until_ready();
}

/* --- connections that are open ------------------------------------------------------ */

static void withdraw(long serial, struct tls_link *l)
{
    char err[CONF_ERR_MAX];

    certauthority_revoke(&linkfix.ca, serial, linkfix_file("crl", ".pem"), 86400);
    assert_int_equal(tls_link_reload(l, err), 0);
}

static void open_connection(void)
{
    begin_sessions(true);
    dial_until_ready();
    withdraw(999, linkfix.link); /* another one */
    assert_int_equal(conn_send(linkfix.c, 1, "x", 1), 0);
    LOOP_UNTIL(linkfix.loop, linkfix.n_echo == 2);
}

static void t_an_open_connection_of_a_revoked_client_says_nothing_more(void **state)
{
    int n;

    (void)state;
    open_connection();
    n = linkfix.n_frames;
    withdraw(linkfix.ca.serial, linkfix.link);
    assert_int_equal(conn_send(linkfix.c, 1, "x", 1), 0);
    LOOP_UNTIL(linkfix.loop, linkfix.n_close == 2 && linkfix.n_down == 2);
    assert_int_equal(linkfix.n_frames, n);
    assert_int_equal(linkfix.why, CONN_WHY_ERROR);
    assert_int_equal(linkfix_refused(TLS_WHY_REVOKED), 1);
}

static void t_an_open_connection_of_a_revoked_client_hears_nothing_more(void **state)
{
    (void)state;
    open_connection();
    withdraw(linkfix.ca.serial, linkfix.link);
    conn_send(linkfix.last, 1, "x", 1); /* as a route that has changed */
    LOOP_UNTIL(linkfix.loop, linkfix.n_close == 2 && linkfix.n_down == 2);
    assert_int_equal(linkfix.n_echo, 2);
    assert_int_equal(linkfix_refused(TLS_WHY_REVOKED), 1);
}

/* The client has resumed its session, so the certificate was not sent. */
static void t_an_open_connection_to_a_revoked_server_ends(void **state)
{
    long dnsd = linkfix_sign("dnsd", LINKFIX_DNSD);
    struct tls_link_stat st;

    (void)state;
    linkfix.own_crl = true;
    open_connection();
    assert_true(tls_conn_is_resumed(linkfix.c));
    withdraw(dnsd, linkfix.own);
    conn_send(linkfix.c, 1, "x", 1);
    LOOP_UNTIL(linkfix.loop, linkfix.n_close == 2 && linkfix.n_down == 2);
    assert_int_equal(linkfix.n_echo, 2);
    tls_link_stat(linkfix.own, &st);
    assert_int_equal(st.n_refused[TLS_WHY_REVOKED], 1);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, linkfix_setup, linkfix_teardown)

T_MAIN(E(t_a_second_connection_resumes_the_session),
       E(t_a_connection_that_was_cut_is_resumed),
       E(t_an_attempt_that_is_refused_costs_no_session),
       E(t_a_session_of_a_server_of_another_role_is_used_once),
       E(t_a_session_of_a_revoked_certificate_is_refused),
       E(t_another_authority_ends_the_sessions),
       E(t_a_renewed_certificate_serves_new_connections),
       E(t_a_pair_that_does_not_match_changes_nothing),
       E(t_a_file_that_is_half_written_changes_nothing),
       E(t_files_that_are_wrong_are_named),
       E(t_a_list_of_another_authority_alone_changes_nothing),
       E(t_an_open_connection_of_a_revoked_client_says_nothing_more),
       E(t_an_open_connection_of_a_revoked_client_hears_nothing_more),
       E(t_an_open_connection_to_a_revoked_server_ends))
