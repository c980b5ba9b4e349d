/* Configurations of a host: complete files of which only the values change that the
 * roster decides; lists name the servers of the own zone first. */
#include "lib/rosterfix.h"

#include "roster/host_conf.h"
#include "roster/host_units.h"
#include "roster/ini_fill.h"
#include "roster/text_file.h"

static struct roster r;

/* --- ini_fill ----------------------------------------------------------------------- */

static const char template[] =
    "; about\n[a]\n; one\nx = 1\n  y: 2\n\n[b]\nx = 3\nlist =\n";

static int fill(struct ini_fill *f, char **out)
{
    const struct ini_fill_setting *lacks = NULL;
    int rc = ini_fill_text(f, template, out, &lacks);

    assert_int_equal(lacks != NULL, rc == -ENOENT);
    return rc;
}

static void t_values_change_and_the_rest_stays(void **state)
{
    struct ini_fill f = {0};
    char *text;

    (void)state;
    ini_fill_set(&f, "b", "x", "%d", 7);
    ini_fill_set(&f, "a", "y", "two");
    ini_fill_set(&f, "b", "list", "%s", "1 2");
    ini_fill_set_optional(&f, "tls", "cert", "here");
    ini_fill_set_optional(&f, "b", "y", "here");
    assert_int_equal(fill(&f, &text), 0);
    assert_string_equal(
        text, "; about\n[a]\n; one\nx = 1\ny = two\n\n[b]\nx = 7\nlist = 1 2\n");
    free(text);
}

static void t_key_that_the_template_lacks_is_named(void **state)
{
    struct ini_fill f = {0};
    const struct ini_fill_setting *lacks = NULL;
    char *text = NULL;

    (void)state;
    ini_fill_set(&f, "a", "x", "1");
    ini_fill_set(&f, "a", "z", "1");
    assert_int_equal(ini_fill_text(&f, template, &text, &lacks), -ENOENT);
    assert_string_equal(lacks->section, "a");
    assert_string_equal(lacks->key, "z");
    assert_null(text);
}

static void t_too_much_is_refused_and_not_cut(void **state)
{
    static char long_text[5000];
    struct ini_fill f = {0};
    char *text;
    int i;

    (void)state;
    memset(long_text, 'x', sizeof(long_text) - 1);
    ini_fill_set(&f, "a", "x", "%s", long_text);
    assert_int_equal(fill(&f, &text), -E2BIG);
    f = (struct ini_fill){0};
    for (i = 0; i <= INI_FILL_MAX; i++)
        ini_fill_set(&f, "a", "x", "1");
    assert_int_equal(fill(&f, &text), -E2BIG);
    f = (struct ini_fill){0};
    assert_int_equal(ini_fill_text(&f, long_text, &text, NULL), -E2BIG);
}

/* --- hosts -------------------------------------------------------------------------- */

static void t_lists_have_the_own_zone_first(void **state)
{
    char list[200];

    (void)state;
    assert_string_equal(rosterfix_read(&r, rosterfix_good), "");
    host_conf_list(&r, ROSTER_DNSD, ROSTER_PORT_DNSD, "b", " ", 0, list, sizeof(list));
    assert_string_equal(list, "10.0.2.11:7778 10.0.1.11:7778");
    host_conf_list(&r, ROSTER_DNSD, ROSTER_PORT_DNSD, "a", " ", 0, list, sizeof(list));
    assert_string_equal(list, "10.0.1.11:7778 10.0.2.11:7778");
    host_conf_list(&r, ROSTER_DNSD, ROSTER_PORT_DNSD, "a", " ", 1, list, sizeof(list));
    assert_string_equal(list, "10.0.2.11:7778");
    host_conf_list(&r, ROSTER_GATEWAY, ROSTER_PORT_ADMIN, "", ", ", 0, list,
                   sizeof(list));
    assert_string_equal(list, "10.0.1.12:9890, 10.0.2.12:9890");
    host_conf_list(&r, ROSTER_DNSD, ROSTER_PORT_DNSD, "a", " ", 0, list, 5);
    assert_string_equal(list, "10.0");
}

static const struct host_file *file_of(const struct host_files *f, const char *from)
{
    size_t i;

    for (i = 0; i < f->n; i++)
        if (strcmp(f->at[i].from, from) == 0)
            return &f->at[i];
    fail_msg("there is no %s", from);
    return NULL;
}

static void t_firewall_lets_in_who_connects_and_no_one_else(void **state)
{
    struct host_files f = {0};
    const char *text;

    (void)state;
    assert_string_equal(rosterfix_read(&r, rosterfix_changed("quorum = arbiter",
                                                             "operators = 10.9.9.9")),
                        "");
    assert_int_equal(host_units_add(&f, &r, roster_find(&r, "a1")), 0);
    text = file_of(&f, "firewall.nft")->text;
    assert_non_null(strstr(
        text, "ip saddr { 10.0.1.12, 10.0.2.11, 10.0.2.12, 10.9.9.9 } tcp dport 3306 "
              "accept\n        tcp dport 3306 drop\n"));
    assert_non_null(strstr(text, "ip saddr { 10.0.2.11, 10.0.3.11 } udp dport 4567 "
                                 "accept\n        udp dport 4567 drop\n"));
    assert_non_null(strstr(text, "# console: 8090, from everywhere\n"));
    assert_null(strstr(text, "dport 8090"));
    assert_null(strstr(text, "8888"));
    host_files_free(&f);
}

static void t_units_and_packages_are_those_of_the_roles(void **state)
{
    struct host_files f = {0};

    (void)state;
    assert_string_equal(rosterfix_read(&r, rosterfix_good), "");
    assert_int_equal(host_units_add(&f, &r, roster_find(&r, "a1")), 0);
    assert_string_equal(file_of(&f, "services")->text,
                        "lars-db\nlars-dnsd\nlars-reportd\nlars-agentd\nlars-autoscaler\n"
                        "lars-console\n");
    assert_non_null(strstr(file_of(&f, "packages")->text,
                           "socat\nlars-server\nlars-agent\nlars-console\niproute2\n"));
    assert_non_null(strstr(file_of(&f, "systemd/lars-console.service.d/fleet.conf")->text,
                           "LoadCredential=tls.key:/etc/lars/tls/console.key\n"));
    host_files_free(&f);
    assert_int_equal(host_units_add(&f, &r, roster_find(&r, "a2")), 0);
    assert_string_equal(file_of(&f, "services")->text,
                        "lars-agentd\nlars-slotd\nlars-gateway\n");
    assert_string_equal(file_of(&f, "packages")->text,
                        "lars-agent\nlars-slot\nlars-gateway\nlars-site\niproute2\n"
                        "nftables\n");
    host_files_free(&f);
    assert_int_equal(host_units_add(&f, &r, roster_find(&r, "c1")), 0);
    assert_string_equal(file_of(&f, "services")->text, "lars-db\n");
    assert_string_equal(file_of(&f, "packages")->text,
                        "galera-arbitrator-4\niproute2\nnftables\n");
    host_files_free(&f);
}

static void t_missing_template_is_named(void **state)
{
    static struct host_conf_source from;
    struct host_files f = {0};
    char why[HOST_CONF_WHY] = "";

    (void)state;
    assert_string_equal(rosterfix_read(&r, rosterfix_good), "");
    from.r = &r;
    from.templates = "/nonexistent";
    from.operator_dir = "/nonexistent";
    assert_int_equal(host_conf_add(&f, &from, roster_find(&r, "a2"), why), -ENOENT);
    assert_non_null(strstr(why, "/nonexistent/conf/lars-agentd.ini cannot be read"));
    assert_non_null(strstr(why, "correct [larsctl] fleet"));
    host_files_free(&f);
}

/* Of one program, from the template <text>. */
static char *render_dnsd(const char *text)
{
    static struct host_conf_source from;
    struct roster_host h = *roster_find(&r, "b1");
    char dir[] = "/tmp/lars_hc_XXXXXX", path[100], why[HOST_CONF_WHY] = "", *made;
    struct host_files f = {0};

    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/conf", dir);
    assert_int_equal(text_file_folder(path), 0);
    snprintf(path, sizeof(path), "%s/conf/lars-dnsd.ini", dir);
    assert_int_equal(text_file_write(path, text), 1);
    h.roles = 1u << ROSTER_DNSD;
    from.r = &r;
    from.templates = dir;
    from.operator_dir = dir;
    snprintf(from.password[HOST_CONF_LARS], HOST_CONF_PASSWORD, "secret");
    if (host_conf_add(&f, &from, &h, why) < 0)
        fail_msg("%s", why);
    made = strdup(file_of(&f, "conf/lars-dnsd.ini")->text);
    assert_int_equal(file_of(&f, "conf/lars-dnsd.ini")->mode, 0640);
    host_files_free(&f);
    unlink(path);
    snprintf(path, sizeof(path), "%s/conf", dir);
    rmdir(path);
    rmdir(dir);
    return made;
}

#define DNSD                                                                             \
    "[dnsd]\naddress = x\nport = x\nzone = x\n[db]\nsocket = x\nhost = x\nport = x\n"    \
    "user = x\npassword = x\nname = x\ntimeout_s = x\n"
#define DNSD_B1                                                                          \
    "[dnsd]\naddress = 10.0.2.11\nport = 7778\nzone = b\n[db]\nsocket = \nhost = "       \
    "10.0.2.11\nport = 3306\nuser = lars\npassword = secret\nname = lars_dns\n"          \
    "timeout_s = 5\n"

/* Programs of the version before have no keys for TLS and for several databases. */
static void t_keys_of_a_later_version_are_set_when_the_template_has_them(void **state)
{
    char *text;

    (void)state;
    assert_string_equal(rosterfix_read(&r, rosterfix_good), "");
    text = render_dnsd(DNSD);
    assert_string_equal(text, DNSD_B1);
    free(text);
    text = render_dnsd(DNSD "endpoints =\n[tls]\ncert =\nkey =\nca =\ncrl =\n");
    assert_string_equal(text,
                        DNSD_B1 "endpoints = 10.0.2.11:3306 10.0.1.11:3306\n[tls]\n"
                                "cert = /run/credentials/lars-dnsd.service/tls.crt\n"
                                "key = /run/credentials/lars-dnsd.service/tls.key\n"
                                "ca = /run/credentials/lars-dnsd.service/ca.crt\n"
                                "crl = /run/credentials/lars-dnsd.service/crl.pem\n");
    free(text);
}

T_MAIN(T(t_keys_of_a_later_version_are_set_when_the_template_has_them),
       T(t_values_change_and_the_rest_stays), T(t_key_that_the_template_lacks_is_named),
       T(t_too_much_is_refused_and_not_cut), T(t_lists_have_the_own_zone_first),
       T(t_firewall_lets_in_who_connects_and_no_one_else),
       T(t_units_and_packages_are_those_of_the_roles), T(t_missing_template_is_named))
