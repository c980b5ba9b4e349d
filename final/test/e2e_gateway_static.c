/* The copy of the site before nodes that come and go; and how a copy is made of a site
 * that is a child of the test, with answers that no honest node gives. */
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "gateway/static_copy.h"
#include "lib/gatesys.h"
#include "lib/httppeer.h"
#include "net/sock.h"

#define HTML "Content-Type: text/html\r\nCache-Control: no-cache\r\n"

static struct proc gateway;
static struct httpreply reply;
static char dir[140], copy[160], mark[160], conf[200], err[CONF_ERR_MAX];
static int http;
static struct static_copy *statics;
static struct rules *rules;
static pid_t site_pid;
static const char *_Atomic *site_link; /* the child and the test share it */

static struct http_text text(const char *s)
{
    return (struct http_text){s, (uint32_t)strlen(s)};
}

static int setup(void **state)
{
    int rc = gatesys_setup(state);

    memset(&gateway, 0, sizeof(gateway));
    statics = NULL;
    rules = NULL;
    site_pid = 0;
    snprintf(dir, sizeof(dir), "%s/state", testdb_dir);
    snprintf(copy, sizeof(copy), "%s/site.copy", dir);
    snprintf(mark, sizeof(mark), "%s/site.static", dir);
    snprintf(conf, sizeof(conf), "loops = 2\nstate_dir = %s\n", dir);
    mkdir(dir, 0755);
    gatesys_write_rules("[rule site]\nmodule = 10/1\nmirror = 1\n");
    return rc;
}

static int teardown(void **state)
{
    proc_kill(&gateway);
    static_copy_destroy(statics);
    rules_destroy(rules);
    if (site_pid > 0) {
        kill(site_pid, SIGKILL);
        waitpid(site_pid, NULL, 0);
    }
    system_remove(dir);
    return gatesys_teardown(state);
}

/* --- a copy in the folder ----------------------------------------------------------- */

static void add(struct mirror_draft *d, const char *path,
                enum cache_control_language language, uint16_t status, const char *body)
{
    assert_int_equal(mirror_draft_add(d, &(struct mirror_page){.path = path,
                                                               .language = language,
                                                               .status = status,
                                                               .fields = text(HTML),
                                                               .plain = text(body)}),
                     0);
}

static void make_copy(void)
{
    static char large[60000];
    struct mirror_draft *d;
    struct mirror *m;

    memset(large, 'x', sizeof(large) - 1);
    assert_int_equal(mirror_draft_create(&d), 0);
    add(d, "/", CACHE_CONTROL_ZH, 200, "the first page in Chinese");
    add(d, "/", CACHE_CONTROL_EN, 200, "the first page in English");
    add(d, "/large", CACHE_CONTROL_NONE, 200, large);
    add(d, MIRROR_MISSING, CACHE_CONTROL_NONE, 404, "no such page");
    assert_int_equal(mirror_draft_store(d, copy, 1800000000, &m), 0);
    mirror_unref(m);
    mirror_draft_destroy(d);
}

/* GET or HEAD with these fields; a connection for each. */
static void ask(const char *method, const char *target, const char *fields)
{
    char q[600];
    int fd = peer_connect(gateway.port);

    peer_send(fd, q,
              (size_t)snprintf(q, sizeof(q),
                               "%s %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n",
                               method, target, fields));
    httppeer_read(fd, &reply);
    close(fd);
}

static bool is_static(void)
{
    return strstr(reply.text, "\r\nLars-Static: 1\r\n") != NULL;
}

static void kill_node(void)
{
    proc_kill(&gatesys.node);
}

static void start_node(void)
{
    char port[32];

    snprintf(port, sizeof(port), "127.0.0.1:%d", gatesys.node.port);
    proc_start(&gatesys.node, "http_node", port, NULL);
    system_wait_port(&gatesys.node, "http_node");
}

static double metric(const char *name)
{
    static struct httpreply r;

    httppeer_get(http, "/metrics", &r);
    return httppeer_value(&r, name);
}

/* --- visitors ----------------------------------------------------------------------- */

static void t_visitors_get_the_copy_when_no_node_has_answered_for_3_s(void **state)
{
    int i;

    (void)state;
    make_copy();
    http = gatesys_start(&gateway, 0, conf, "");
    ask("GET", "/", "");
    assert_int_equal(reply.status, 200);
    assert_false(is_static());
    kill_node();
    T_WAIT((ask("GET", "/other", ""), is_static()));
    for (i = 0; i < 50; i++) {
        ask("GET", "/large", "");
        assert_true(is_static());
        assert_int_equal(reply.status, 200);
    }
    assert_true(metric("lars_gateway_requests_total{result=\"static\"}") >= 50);
    assert_true(metric("lars_gateway_state{module=\"10/1\"}") == 4);
}

static void t_an_answer_of_the_copy_fits_the_request(void **state)
{
    char etag[80], field[120];

    (void)state;
    make_copy();
    assert_int_equal(close(creat(mark, 0644)), 0);
    gatesys_start(&gateway, 0, conf, "");
    ask("GET", "/", "Accept-Language: en\r\n");
    assert_string_equal(reply.body, "the first page in English");
    assert_non_null(strstr(reply.text, "\r\nVary: Accept-Language\r\n"));
    ask("GET", "/?from=x", "Accept-Language: zh-CN,en;q=0.5\r\n");
    assert_string_equal(reply.body, "the first page in Chinese");
    ask("HEAD", "/large", "");
    assert_int_equal(reply.len, 0);
    assert_non_null(strstr(reply.text, "\r\nContent-Length: 59999\r\n"));
    ask("GET", "/large", "Accept-Encoding: gzip\r\n");
    assert_non_null(strstr(reply.text, "\r\nContent-Encoding: gzip\r\n"));
    assert_true(reply.len < 2000 && (unsigned char)reply.body[0] == 0x1f);
    assert_int_equal(sscanf(strstr(reply.text, "\r\nETag: "), "\r\nETag: %79s", etag), 1);
    snprintf(field, sizeof(field), "Accept-Encoding: gzip\r\nIf-None-Match: %s\r\n",
             etag);
    ask("GET", "/large", field);
    assert_int_equal(reply.status, 304);
    assert_int_equal(reply.len, 0);
    ask("GET", "/large", field + 23); /* the tag of the other form */
    assert_int_equal(reply.status, 200);
    ask("GET", "/etc/passwd", "");
    assert_int_equal(reply.status, 404);
    assert_string_equal(reply.body, "no such page");
}

static void t_nodes_that_are_back_are_used_again_and_no_request_fails(void **state)
{
    char target[40];
    int i, live;

    (void)state;
    make_copy();
    http = gatesys_start(&gateway, 0, conf, "");
    kill_node();
    T_WAIT((ask("GET", "/other", ""), is_static()));
    start_node();
    T_WAIT((ask("GET", "/other", ""), is_static() || reply.status == 200) &&
           !is_static());
    for (live = i = 0; live < 50; i++) { /* the nodes are tried before they are trusted */
        snprintf(target, sizeof(target), "/another/%d", i);
        ask("GET", target, "");
        assert_true(is_static() || reply.status == 200);
        live = is_static() ? 0 : live + 1;
    }
}

static void t_an_older_copy_of_the_cache_comes_before_the_copy_of_the_site(void **state)
{
    (void)state;
    make_copy();
    gatesys_start(&gateway, 0, conf, "");
    ask("GET", "/kept", "");
    kill_node();
    T_WAIT((ask("GET", "/other", ""), is_static()));
    ask("GET", "/kept", "");
    assert_int_equal(reply.status, 200);
    assert_false(is_static());
}

static void t_a_request_that_changes_something_gets_no_copy(void **state)
{
    (void)state;
    make_copy();
    gatesys_start(&gateway, 0, conf, "");
    kill_node();
    T_WAIT((ask("GET", "/other", ""), is_static()));
    ask("POST", "/large", "Content-Length: 0\r\n");
    assert_true(reply.status >= 502 && reply.status <= 504);
    assert_false(is_static());
}

static void t_a_switch_that_is_on_survives_a_restart_and_nodes_are_not_asked(void **state)
{
    (void)state;
    make_copy();
    assert_int_equal(close(creat(mark, 0644)), 0);
    http = gatesys_start(&gateway, 0, conf, "");
    ask("GET", "/large", "");
    assert_true(is_static());
    assert_true(metric("lars_gateway_attempts_total{why=\"first\"}") == 0);
}

static void t_without_a_whole_copy_visitors_get_nodes_or_the_apology(void **state)
{
    uint64_t from;

    (void)state;
    make_copy();
    assert_int_equal(truncate(copy, 100), 0);
    assert_int_equal(close(creat(mark, 0644)), 0);
    gatesys_start(&gateway, 0, conf, "");
    ask("GET", "/large", "");
    assert_int_equal(reply.status, 200);
    assert_false(is_static());
    from = t_now_ms();
    kill_node();
    T_WAIT((ask("GET", "/other", ""), reply.status >= 502));
    T_WAIT(t_now_ms() > from + 2 * STATIC_COPY_AFTER_MS);
    ask("GET", "/other", "");
    assert_true(reply.status >= 502);
    assert_false(is_static());
}

/* --- how a copy is made ------------------------------------------------------------- */

/* One answer of the site; <fd> is closed afterwards. */
static void answer(int fd, const char *path)
{
    static char filler[65536];
    const char *link = *site_link;
    int i;

    if (strcmp(path, "/") == 0)
        dprintf(fd,
                "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nSet-Cookie: a=b\r\n\r\n"
                "<html lang=en><body><a href=\"%s\"><img src=/p.png></body>",
                link);
    else if (strcmp(path, "/p.png") == 0)
        dprintf(fd, "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nCache-Control: "
                    "public, immutable\r\nContent-Length: 3\r\n\r\npng");
    else if (strcmp(path, "/short") == 0)
        dprintf(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort");
    else if (strcmp(path, "/gzip") == 0)
        dprintf(fd, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"
                    "Content-Length: 1\r\n\r\nx");
    else if (strcmp(path, "/nothing") == 0)
        dprintf(fd, "no answer of HTTP\r\n\r\n");
    else if (strcmp(path, "/head") == 0)
        for (i = 0, dprintf(fd, "HTTP/1.1 200 OK\r\n"); i < 10000; i++)
            dprintf(fd, "Content-Language: %0200d\r\n", i);
    else if (strcmp(path, "/endless") == 0)
        for (dprintf(fd, "HTTP/1.1 200 OK\r\n\r\n");
             send(fd, filler, sizeof(filler), MSG_NOSIGNAL) > 0;)
            ;
    else
        dprintf(fd, "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n"
                    "Content-Length: 12\r\n\r\n<body>absent");
}

static void serve_site(int lfd)
{
    char in[4000], path[600];
    int fd;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    while ((fd = accept(lfd, NULL, NULL)) >= 0) {
        ssize_t n = read(fd, in, sizeof(in) - 1);

        in[n > 0 ? n : 0] = '\0';
        if (sscanf(in, "GET %599s", path) == 1)
            answer(fd, path);
        shutdown(fd, SHUT_WR);
        close(fd);
    }
    _exit(0);
}

/* The site is module 11/1. */
static void start_site(void)
{
    struct net_addr at;
    char sql[200];
    int lfd;

    site_link =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    *site_link = "/p.png";
    assert_int_equal(net_addr_set(&at, "127.0.0.1", 0), 0);
    lfd = sock_listen(&at, 16, 0);
    assert_true(lfd >= 0);
    sock_local_addr(lfd, &at);
    site_pid = fork();
    if (site_pid == 0) {
        fcntl(lfd, F_SETFL, 0); /* blocking */
        serve_site(lfd);
    }
    close(lfd);
    snprintf(sql, sizeof(sql),
             "INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
             "(11, 1, INET_ATON('127.0.0.1'), %u)",
             at.port);
    testdb_sql(sql);
    testdb_sql("UPDATE RouteVersion SET version = version + 1");
    T_WAIT(lars_register(sys.client, 11, 1) == 0);
}

static void open_static(const char *state_dir)
{
    struct static_copy_config c = {.state_dir = state_dir, .lars = sys.client};

    gatesys_write_rules("[rule site]\nmodule = 11/1\nmirror = 1\n");
    assert_int_equal(rules_create(&rules, gatesys.rules, err), 0);
    assert_int_equal(static_copy_create(&statics, &c), 0);
    static_copy_set_rules(statics, rules);
}

/* Make a copy and wait for its end. */
static struct static_copy_view snapshot(void)
{
    struct static_copy_view v;

    assert_int_equal(static_copy_snapshot(statics, err), 0);
    T_WAIT((static_copy_look(statics, 1, &v), v.making != STATIC_COPY_RUNNING));
    return v;
}

static void t_a_snapshot_copies_the_site_and_keeps_it_for_the_next_start(void **state)
{
    struct static_copy_view v;
    struct mirror_page page;
    struct mirror *m;

    (void)state;
    start_site();
    open_static(dir);
    assert_int_equal(static_copy_switch(statics, true, err), -ENOENT);
    v = snapshot();
    if (v.making != STATIC_COPY_DONE)
        fail_msg("%s", v.report.why);
    assert_int_equal(v.report.n_pages, 2);
    assert_int_equal(v.files, 3);
    m = static_copy_renew(statics, NULL);
    assert_true(mirror_find(m, text("/"), CACHE_CONTROL_NONE, &page));
    assert_non_null(memmem(page.plain.at, page.plain.len, "This is a copy", 14));
    assert_null(memmem(page.fields.at, page.fields.len, "Cookie", 6));
    assert_true(mirror_find(m, text("/p.png"), CACHE_CONTROL_NONE, &page));
    assert_non_null(memmem(page.fields.at, page.fields.len, "immutable", 9));
    mirror_unref(m);
    assert_int_equal(static_copy_switch(statics, true, err), 0);
    static_copy_destroy(statics);
    rules_destroy(rules);
    open_static(dir);
    static_copy_look(statics, 1, &v);
    assert_true(v.present && v.on && v.files == 3);
    assert_int_equal(v.reason, STATIC_COPY_OPERATOR);
    assert_int_equal(static_copy_switch(statics, false, err), 0);
    assert_int_equal(access(mark, F_OK), -1);
}

static void t_an_answer_that_no_honest_node_gives_leaves_the_old_copy(void **state)
{
    static const char *const links[] = {"/short", "/gzip",    "/nothing",
                                        "/head",  "/endless", "/gone"};
    struct static_copy_view v;
    struct stat before, after;
    size_t i;

    (void)state;
    start_site();
    open_static(dir);
    assert_int_equal(snapshot().making, STATIC_COPY_DONE);
    assert_int_equal(stat(copy, &before), 0);
    for (i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        *site_link = links[i];
        v = snapshot();
        if (v.making != STATIC_COPY_FAILED || !strstr(v.report.why, links[i]))
            fail_msg("%s: %s", links[i], v.report.why);
        assert_true(v.present && v.files == 3);
    }
    assert_int_equal(stat(copy, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    *site_link = "../../../p.png";
    assert_int_equal(snapshot().making, STATIC_COPY_DONE);
}

static void t_a_snapshot_ends_at_once_when_the_program_ends(void **state)
{
    (void)state;
    start_site();
    open_static(dir);
    kill(site_pid, SIGSTOP); /* it accepts connections and does not answer */
    assert_int_equal(static_copy_snapshot(statics, err), 0);
    assert_int_equal(static_copy_snapshot(statics, err), -EALREADY);
    static_copy_destroy(statics);
    statics = NULL;
    kill(site_pid, SIGCONT);
}

static void t_without_a_folder_or_a_rule_there_is_no_snapshot(void **state)
{
    (void)state;
    open_static("");
    assert_int_equal(static_copy_snapshot(statics, err), -ENOTSUP);
    assert_int_equal(static_copy_switch(statics, true, err), -ENOTSUP);
    static_copy_destroy(statics);
    rules_destroy(rules);
    open_static(dir);
    rules_destroy(rules);
    gatesys_write_rules("[rule site]\nmodule = 11/1\n");
    assert_int_equal(rules_create(&rules, gatesys.rules, err), 0);
    static_copy_set_rules(statics, rules);
    assert_int_equal(static_copy_snapshot(statics, err), -ENOENT);
}

static void t_time_without_a_node_begins_with_a_failure_and_ends_with_an_answer(void **s)
{
    (void)s;
    open_static(dir);
    assert_false(static_copy_may_be_needed(statics, 1000));
    static_copy_nodes_failed(statics, 1000);
    assert_true(static_copy_may_be_needed(statics, 1000));
    assert_false(static_copy_is_needed(statics, 3999));
    static_copy_nodes_failed(statics, 3999);
    assert_true(static_copy_is_needed(statics, 4000));
    assert_true(static_copy_asks_nodes(statics, 4000));
    assert_false(static_copy_asks_nodes(statics, 4499));
    assert_true(static_copy_asks_nodes(statics, 4500));
    static_copy_node_answered(statics, 5000);
    assert_false(static_copy_is_needed(statics, 6000));
    assert_true(static_copy_may_be_needed(statics, 6000));
    static_copy_nodes_failed(statics, 6000); /* the node was only tried */
    assert_true(static_copy_is_needed(statics, 6000));
    static_copy_node_answered(statics, 7000);
    assert_false(static_copy_may_be_needed(statics, 17000));
    static_copy_nodes_failed(statics, 17000);
    assert_false(static_copy_is_needed(statics, 19999));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(t_visitors_get_the_copy_when_no_node_has_answered_for_3_s),
        TEST(t_an_answer_of_the_copy_fits_the_request),
        TEST(t_nodes_that_are_back_are_used_again_and_no_request_fails),
        TEST(t_an_older_copy_of_the_cache_comes_before_the_copy_of_the_site),
        TEST(t_a_request_that_changes_something_gets_no_copy),
        TEST(t_a_switch_that_is_on_survives_a_restart_and_nodes_are_not_asked),
        TEST(t_without_a_whole_copy_visitors_get_nodes_or_the_apology),
        TEST(t_a_snapshot_copies_the_site_and_keeps_it_for_the_next_start),
        TEST(t_an_answer_that_no_honest_node_gives_leaves_the_old_copy),
        TEST(t_a_snapshot_ends_at_once_when_the_program_ends),
        TEST(t_without_a_folder_or_a_rule_there_is_no_snapshot),
        TEST(t_time_without_a_node_begins_with_a_failure_and_ends_with_an_answer)};

    return cmocka_run_group_tests(tests, testdb_group_setup, testdb_group_teardown);
}
