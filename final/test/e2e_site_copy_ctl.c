/* larsctl site snapshot, static and status before two gateways, each with a copy of its
 * own. */
#include <sys/stat.h>
#include <time.h>

#include "ctlrun.h"
#include "gateway/mirror.h"
#include "lib/gatesys.h"
#include "lib/httppeer.h"

#define KEY "0123456789abcdef0123456789abcdef0123456789abcdef"
#define OTHER_KEY "fedcba9876543210fedcba9876543210fedcba9876543210"
#define HEAD "gateway,snapshot,pages,files,bytes,seconds,broken,why\n"
#define AGE_S 7500 /* of a copy that a test has made: 2 h 5 min */

static struct proc gateway[2], larsctl;
static char dir[2][140], key_file[140];
static int admin[2];

static int setup(void **state)
{
    int i, rc = gatesys_setup(state);

    memset(gateway, 0, sizeof(gateway));
    memset(&larsctl, 0, sizeof(larsctl));
    for (i = 0; i < 2; i++) {
        snprintf(dir[i], sizeof(dir[i]), "%s/state-%d", testdb_dir, i);
        mkdir(dir[i], 0755);
    }
    gatesys_write_rules("[rule site]\nmodule = 10/1\nmirror = 1\n");
    snprintf(key_file, sizeof(key_file), "%s", system_write_file("fleet.key", KEY "\n"));
    return rc;
}

static int teardown(void **state)
{
    proc_kill(&larsctl);
    proc_kill(&gateway[0]);
    proc_kill(&gateway[1]);
    system_remove(dir[0]);
    system_remove(dir[1]);
    return gatesys_teardown(state);
}

/* The node answers otherwise from now on; nothing has been asked yet. */
static void restart_node(const char *option, const char *value)
{
    char port[32];

    snprintf(port, sizeof(port), "127.0.0.1:%d", gatesys.node.port);
    proc_kill(&gatesys.node);
    proc_start(&gatesys.node, "http_node", option, value, port, NULL);
    system_wait_port(&gatesys.node, "http_node");
}

static struct http_text text(const char *s)
{
    return (struct http_text){s, (uint32_t)strlen(s)};
}

/* A page and a picture, in the folder of gateway <i>. */
static void make_copy(int i)
{
    const struct mirror_page page[] = {{.path = "/",
                                        .status = 200,
                                        .fields = text("content-type: Text/HTML\r\n"),
                                        .plain = text("page")},
                                       {.path = "/p.png",
                                        .status = 200,
                                        .fields = text("Content-Type: image/png\r\n"),
                                        .plain = text("picture")}};
    struct mirror_draft *d;
    struct mirror *m;
    char path[160];

    snprintf(path, sizeof(path), "%s/site.copy", dir[i]);
    assert_int_equal(mirror_draft_create(&d), 0);
    assert_int_equal(mirror_draft_add(d, &page[0]), 0);
    assert_int_equal(mirror_draft_add(d, &page[1]), 0);
    assert_int_equal(mirror_draft_store(d, path, (uint64_t)time(NULL) - AGE_S, &m), 0);
    mirror_unref(m);
    mirror_draft_destroy(d);
}

static void start_gateway(int i, const char *state_dir)
{
    char keys[200], more[300];

    snprintf(keys, sizeof(keys), "loops = 1\nstate_dir = %s\n", state_dir);
    snprintf(more, sizeof(more), "[admin]\nlisten = 127.0.0.1:0\nkey_file = %s\n",
             key_file);
    gatesys_start(&gateway[i], 0, keys, more);
    admin[i] = system_http_port(&gateway[i]);
}

static void write_larsctl_ini(const char *key)
{
    char path[140];

    snprintf(path, sizeof(path), "%s", system_write_file("ctl.key", "%s\n", key));
    snprintf(ini, sizeof(ini), "%s",
             system_write_file("larsctl.ini",
                               "[db]\nsocket = %s\n[gateways]\nadmin = 127.0.0.1:%d, "
                               "127.0.0.1:%d\nkey_file = %s\n",
                               testdb_socket, admin[0], admin[1], path));
}

static void start(void)
{
    start_gateway(0, dir[0]);
    start_gateway(1, dir[1]);
    write_larsctl_ini(KEY);
}

static void expect_exit(const char *args, int code)
{
    int rc = ctl(args);

    if (rc != code)
        fail_msg("larsctl %s returned %d and printed: %s", args, rc, out);
}

/* The output has this text, with the port of gateway <i> in it. */
static void expect_of(int i, const char *fmt)
{
    char want[500];

    snprintf(want, sizeof(want), fmt, admin[i]);
    expect_text(want);
}

/* --- snapshot ----------------------------------------------------------------------- */

static void t_site_snapshot_waits_and_prints_what_each_gateway_has_copied(void **state)
{
    int i;

    (void)state;
    start();
    expect_exit("-o csv site snapshot", 0);
    expect_text(HEAD);
    for (i = 0; i < 2; i++) { /* "/", robots.txt and favicon.ico, 1024 bytes each */
        expect_of(i, "127.0.0.1:%d: a copy of the site is being made");
        expect_of(i, "127.0.0.1:%d,done,0,3,3072,0.");
    }
    expect_exit("-o csv site status", 0);
    expect_of(0, "127.0.0.1:%d,yes,");
    expect_text(",live,done,0,");
}

static void t_site_snapshot_with_a_broken_link_is_1_and_the_old_copy_stays(void **state)
{
    (void)state;
    restart_node("--status", "404");
    make_copy(0);
    start();
    expect_exit("-o csv site snapshot", 1);
    expect_of(0, "127.0.0.1:%d: no new copy of the site, the old copy stays; larsctl "
                 "site status shows it");
    expect_of(1, "127.0.0.1:%d: no new copy of the site, and there is no old one;");
    expect_of(0, "127.0.0.1:%d,failed,0,0,0,0.");
    expect_text(",1,/ (a link of the rule): the node answered status 404\n");
    expect_exit("-o csv site status", 0);
    expect_of(0, "127.0.0.1:%d,yes,");
    expect_of(1, "127.0.0.1:%d,no,");
}

static void t_site_snapshot_names_a_gateway_that_is_not_there(void **state)
{
    (void)state;
    start();
    proc_kill(&gateway[1]);
    expect_exit("-o csv site snapshot", 1);
    expect_of(0, "127.0.0.1:%d,done,0,3,3072,0.");
    expect_of(1, "127.0.0.1:%d,unreachable,,,,,,\"127.0.0.1:");
    expect_text("nothing listens there; start lars-gateway with [admin] listen");
}

static void t_site_snapshot_names_a_gateway_that_refuses(void **state)
{
    (void)state;
    start_gateway(0, dir[0]);
    start_gateway(1, "");
    write_larsctl_ini(KEY);
    expect_exit("-o csv site snapshot", 1);
    expect_of(0, "127.0.0.1:%d,done,");
    expect_of(1, "127.0.0.1:%d,refused,,,,,,");
    expect_text("this gateway has no folder for a copy: set [gateway] state_dir");
}

static void t_site_snapshot_with_another_key_says_which_one_is_right(void **state)
{
    (void)state;
    start();
    write_larsctl_ini(OTHER_KEY);
    expect_exit("site snapshot", 1);
    expect_text("use the key in [gateway] key_file");
    expect_exit("-o csv site status", 0);
    expect_of(0, "127.0.0.1:%d,no,");
}

static bool is_running(int i)
{
    static struct httpreply r;

    httppeer_get(admin[i], "/gateway", &r);
    return strstr(r.text, "\"state\":\"running\"") != NULL;
}

static void t_site_snapshot_ends_when_a_gateway_ends_meanwhile(void **state)
{
    int status;

    (void)state;
    restart_node("--delay-ms", "2000");
    start();
    proc_start(&larsctl, "larsctl", "-c", ini, "site", "snapshot", NULL);
    T_WAIT(is_running(0) && is_running(1));
    proc_kill(&gateway[0]);
    proc_kill(&gateway[1]);
    status = proc_wait(&larsctl);
    assert_int_equal(status, 1);
}

static void t_site_snapshot_that_runs_already_is_named(void **state)
{
    (void)state;
    restart_node("--delay-ms", "4000");
    start();
    proc_start(&larsctl, "larsctl", "-c", ini, "site", "snapshot", NULL);
    T_WAIT(is_running(0) && is_running(1));
    expect_exit("site snapshot", 1);
    expect_text("a copy is being made; look with larsctl site status");
}

/* --- static and status -------------------------------------------------------------- */

static void t_site_static_on_and_off_switch_every_gateway(void **state)
{
    (void)state;
    make_copy(0);
    make_copy(1);
    start();
    expect_exit("site static on", 0);
    expect_of(0, "127.0.0.1:%d: visitors get the copy of the site, also after a restart; "
                 "larsctl site static off ends it");
    expect_of(1, "127.0.0.1:%d: visitors get the copy");
    expect_exit("-o csv site status", 0);
    expect_text(",operator,never,0,");
    assert_null(strstr(out, ",live,"));
    expect_exit("site static off", 0);
    expect_of(1, "127.0.0.1:%d: visitors get the pages of the nodes");
    expect_exit("-o csv site status", 0);
    assert_null(strstr(out, ",operator,"));
    expect_exit("site static perhaps", 2);
    expect_text("perhaps: write on or off");
}

static void t_site_static_on_needs_a_copy(void **state)
{
    (void)state;
    make_copy(0);
    start();
    expect_exit("site static on", 1);
    expect_of(0, "127.0.0.1:%d: visitors get the copy of the site");
    expect_text("there is no copy of the site; make one with larsctl site snapshot");
}

static void t_site_status_has_the_age_and_the_pages_of_each_copy(void **state)
{
    char want[200];
    struct stat st;

    (void)state;
    make_copy(0);
    snprintf(want, sizeof(want), "%s/site.copy", dir[0]);
    assert_int_equal(stat(want, &st), 0);
    start();
    expect_exit("-s /nonexistent/sock -o csv site status", 0);
    expect_text("gateway,copy,taken_at,age,pages,files,bytes,reason,snapshot,broken,why");
    snprintf(want, sizeof(want), ",2 h,1,2,%lld,live,never,0,\n", (long long)st.st_size);
    expect_text(want);
    expect_of(1, "127.0.0.1:%d,no,,,0,0,0,live,never,0,\n");
    proc_kill(&gateway[1]);
    expect_exit("-o csv site status", 0);
    expect_of(1, "127.0.0.1:%d,unreachable,,,,,,,,,\"127.0.0.1:");
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(E(t_site_snapshot_waits_and_prints_what_each_gateway_has_copied),
            E(t_site_snapshot_with_a_broken_link_is_1_and_the_old_copy_stays),
            E(t_site_snapshot_names_a_gateway_that_is_not_there),
            E(t_site_snapshot_names_a_gateway_that_refuses),
            E(t_site_snapshot_with_another_key_says_which_one_is_right),
            E(t_site_snapshot_ends_when_a_gateway_ends_meanwhile),
            E(t_site_snapshot_that_runs_already_is_named),
            E(t_site_static_on_and_off_switch_every_gateway),
            E(t_site_static_on_needs_a_copy),
            E(t_site_status_has_the_age_and_the_pages_of_each_copy))
