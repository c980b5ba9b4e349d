/* A daemon that cannot start prints the part that failed, the reason and what to do, and
 * exits with 1; with 2 when its configuration is wrong. */
#include <sys/socket.h>
#include <sys/stat.h>

#include "lib/textfile.h"
#include "net/sock.h"
#include "proc.h"

static struct proc p, other;
static char folder[] = "/tmp/lars_fails_XXXXXX";
static char conf[100], line[1000];

static int setup(void **state)
{
    t_fds_save(state);
    memset(&p, 0, sizeof(p));
    memset(&other, 0, sizeof(other));
    memcpy(folder + strlen(folder) - 6, "XXXXXX", 6);
    assert_non_null(mkdtemp(folder));
    snprintf(conf, sizeof(conf), "%s/conf.ini", folder);
    return 0;
}

static int teardown(void **state)
{
    char cmd[100];

    proc_kill(&p);
    proc_kill(&other);
    snprintf(cmd, sizeof(cmd), "rm -rf %s", folder);
    assert_int_equal(system(cmd), 0);
    return t_fds_check(state);
}

static void write_conf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void write_conf(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    textfile_vwrite(conf, fmt, ap);
    va_end(ap);
}

/* Starts <name> with the configuration.  It must exit with 1, and its last line on stderr
 * must be its name and <text>. */
static void fails(const char *name, const char *text)
{
    char last[1000] = "";
    size_t n = strlen(name);

    proc_start(&p, name, "-c", conf, NULL);
    while (proc_line(p.err, line, sizeof(line)))
        if (strncmp(line, name, n) == 0)
            memcpy(last, line, sizeof(last));
    while (proc_line(p.out, line, sizeof(line)))
        fail_msg("%s printed \"%s\" before its start failed", name, line);
    assert_int_equal(proc_wait(&p), 1);
    if (strncmp(last + n, ": ", 2) != 0 || strncmp(last + n + 2, text, strlen(text)) != 0)
        fail_msg("\"%s: %s\" was expected, and printed was: %s", name, text, last);
}

/* A TCP or UDP port of 127.0.0.1 that is taken while <fd> is open. */
static int taken_port(int type, int *fd)
{
    struct net_addr at;

    assert_int_equal(net_addr_set(&at, "127.0.0.1", 0), 0);
    *fd = type == SOCK_STREAM ? sock_listen(&at, 1, 0) : sock_datagram(&at);
    assert_true(*fd >= 0);
    sock_local_addr(*fd, &at);
    return at.port;
}

static void t_taken_tcp_port_is_named(void **state)
{
    static const char *const section[] = {"dnsd", "reportd"};
    char name[20], text[100];
    int fd, port = taken_port(SOCK_STREAM, &fd);
    size_t i;

    (void)state;
    for (i = 0; i < 2; i++) {
        write_conf("[%s]\nport = %d\n[db]\nsocket = /nonexistent\n", section[i], port);
        snprintf(name, sizeof(name), "lars-%s", section[i]);
        snprintf(text, sizeof(text),
                 "cannot listen on 127.0.0.1:%d: Address already in use (EADDRINUSE); "
                 "another program has the port",
                 port);
        fails(name, text);
    }
    close(fd);
}

static void t_taken_http_port_is_not_blamed_on_another(void **state)
{
    int fd, port = taken_port(SOCK_STREAM, &fd);

    (void)state;
    write_conf("[agent]\nport = 0\ndir = %s/a\n[http]\nlisten = 127.0.0.1:%d\n", folder,
               port);
    fails("lars-agentd", "cannot open the HTTP port, [http] listen: Address already");
    write_conf("[dnsd]\nport = 0\n[db]\nmemory = 1\n[http]\nlisten = 127.0.0.1:%d\n",
               port);
    fails("lars-dnsd", "cannot open the HTTP port, [http] listen: Address already");
    close(fd);
}

static void t_taken_udp_port_is_named(void **state)
{
    char text[100];
    int fd, port = taken_port(SOCK_DGRAM, &fd);

    (void)state;
    write_conf("[agent]\nport = %d\ndir = %s/a\n", port, folder);
    snprintf(text, sizeof(text),
             "cannot listen on 127.0.0.1:%d and the next two UDP ports: Address already",
             port);
    fails("lars-agentd", text);
    close(fd);
}

static void t_address_of_another_host_is_named(void **state)
{
    (void)state;
    write_conf("[agent]\naddress = 192.0.2.1\nport = 0\ndir = %s/a\n", folder);
    fails("lars-agentd",
          "cannot listen on 192.0.2.1:0 and the next two UDP ports: Cannot assign "
          "requested address (EADDRNOTAVAIL); this host does not have the address");
}

static void t_folder_that_cannot_be_created_is_named(void **state)
{
    char text[200];

    (void)state;
    write_conf("[agent]\nport = 0\ndir = %s/a/b\n", folder);
    snprintf(text, sizeof(text),
             "cannot use the folder %s/a/b ([agent] dir, -d): No such file or directory "
             "(ENOENT); create the folder",
             folder);
    fails("lars-agentd", text);
    write_conf("[dnsd]\nport = 0\n[db]\nsocket = /nonexistent\n[guard]\ndir = %s/a/b\n",
               folder);
    fails("lars-dnsd",
          "cannot use the folder of the last known good routes, [guard] dir: No such "
          "file or directory (ENOENT)");
}

static void t_second_agent_of_a_folder_is_named(void **state)
{
    char text[200];

    (void)state;
    write_conf("[agent]\nport = 0\ndir = %s/a\n", folder);
    proc_start(&other, "lars-agentd", "-c", conf, NULL);
    proc_wait_port(&other);
    snprintf(text, sizeof(text),
             "cannot use the folder %s/a ([agent] dir, -d): Device or resource busy "
             "(EBUSY); another process of this program uses it",
             folder);
    fails("lars-agentd", text);
}

static void t_second_dnsd_of_a_guard_folder_is_named(void **state)
{
    (void)state;
    write_conf("[dnsd]\nport = 0\n[db]\nsocket = /nonexistent\n[guard]\ndir = %s/g\n",
               folder);
    proc_start(&other, "lars-dnsd", "-c", conf, NULL);
    proc_expect_line(other.err, "folder.created");
    proc_wait_port(&other);
    fails("lars-dnsd", "cannot use the folder of the last known good routes, [guard] "
                       "dir: Device or resource busy (EBUSY); another process of this "
                       "program uses it");
    proc_kill(&other);
    proc_start(&other, "lars-dnsd", "-c", conf, NULL); /* the lock ends with its owner */
    proc_wait_port(&other);
}

static void t_outbox_that_cannot_be_opened_is_named(void **state)
{
    char path[100], text[200];

    (void)state;
    snprintf(path, sizeof(path), "%s/a", folder);
    assert_int_equal(mkdir(path, 0755), 0);
    snprintf(path, sizeof(path), "%s/a/routes.calls.0", folder);
    assert_int_equal(mkdir(path, 0755), 0);
    write_conf("[agent]\nport = 0\ndir = %s/a\n", folder);
    snprintf(
        text, sizeof(text),
        "cannot open the outbox of reports in the folder %s/a ([agent] dir, -d): Is a "
        "directory (EISDIR); something else has that name",
        folder);
    fails("lars-agentd", text);
}

static void t_shared_memory_that_cannot_be_created_is_named(void **state)
{
    char text[300];

    (void)state;
    write_conf("[agent]\nport = 0\ndir = %s/a\n[shm]\ndir = %s/b/c\nmax_nodes = 64\n",
               folder, folder);
    snprintf(text, sizeof(text),
             "cannot create the shared memory for 64 nodes in %s/b/c ([shm] dir, "
             "max_nodes): No such file or directory (ENOENT)",
             folder);
    fails("lars-agentd", text);
}

static void t_wrong_configuration_is_exit_code_2(void **state)
{
    static const struct {
        const char *conf, *text;
    } bad[] = {
        {"[agent]\naddress = here\n", "[agent] address must be an IPv4 or IPv6 address"},
        {"[agent]\ncaller = ::1\n", "[agent] caller must be an IPv4 address"},
        {"[dnsserver]\nothers = 10.0.0.1\n", "[dnsserver] ip must be an address"},
        {"[reporter]\nip = x\n", "[reporter] ip must be an address"},
        {"[choice]\nrules = *=best\n", "[choice] rules must be MODID/CMDID=RULE"},
        {"[shm]\nmax_nodes = 100\n", "[shm] max_nodes must be a power of two"},
        {"[log]\nlevel = all\n", "[log] level must be error, warn, info or debug"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        write_conf("%s", bad[i].conf);
        proc_start(&p, "lars-agentd", "-c", conf, "--check-config", NULL);
        proc_expect_line(p.err, bad[i].text);
        assert_int_equal(proc_wait(&p), 2);
    }
}

/* --- --check-config ----------------------------------------------------------------- */

/* --check-config must refuse the configuration: exit code 2, and <text> after the name
 * of the program. */
static void check_refuses(const char *name, const char *text)
{
    char want[400];

    snprintf(want, sizeof(want), "%s: %s", name, text);
    proc_start(&p, name, "-c", conf, "--check-config", NULL);
    if (!proc_line(p.err, line, sizeof(line)))
        fail_msg("--check-config accepted what should be refused with: %s", want);
    if (strncmp(line, want, strlen(want)) != 0)
        fail_msg("\"%s\" was expected, and printed was: %s", want, line);
    assert_int_equal(proc_wait(&p), 2);
}

static void check_accepts(const char *name)
{
    proc_start(&p, name, "-c", conf, "--check-config", NULL);
    while (proc_line(p.err, line, sizeof(line)))
        print_error("%s: %s\n", name, line);
    assert_int_equal(proc_wait(&p), 0);
}

static void t_check_config_refuses_addresses_that_the_start_refuses(void **state)
{
    static const char *const daemons[][2] = {{"lars-dnsd", "dnsd"},
                                             {"lars-reportd", "reportd"}};
    char text[200], tls[100];
    size_t i;

    (void)state;
    for (i = 0; i < 2; i++) {
        snprintf(text, sizeof(text),
                 "[%s] address and port: cannot listen on 192.0.2.1:", daemons[i][1]);
        write_conf("[%s]\naddress = 192.0.2.1\n", daemons[i][1]);
        snprintf(tls, sizeof(tls),
                 "[%s] address: other hosts reach 192.0.2.1:", daemons[i][1]);
        check_refuses(daemons[i][0], tls);
        write_conf("[%s]\naddress = 192.0.2.1\n[tls]\ninsecure_plain = yes\n",
                   daemons[i][1]);
        check_refuses(daemons[i][0], text);
        fails(daemons[i][0], "cannot listen on 192.0.2.1:");
        write_conf("[%s]\nport = 0\n[http]\nlisten = 192.0.2.1:80\n", daemons[i][1]);
        check_refuses(daemons[i][0], "[http] listen: cannot listen on 192.0.2.1:80");
        fails(daemons[i][0], "cannot open the HTTP port, [http] listen");
    }
    write_conf("[agent]\naddress = 192.0.2.1\ndir = %s/a\n", folder);
    check_refuses("lars-agentd",
                  "[agent] address and port: cannot listen on 192.0.2.1:8888");
    write_conf("[agent]\nport = 0\ndir = %s/a\n[http]\nlisten = 192.0.2.1:80\n", folder);
    check_refuses("lars-agentd", "[http] listen: cannot listen on 192.0.2.1:80");
    fails("lars-agentd", "cannot open the HTTP port, [http] listen");
}

static void t_check_config_refuses_folders_that_the_start_refuses(void **state)
{
    static const char guard[] = "[dnsd]\nport = 0\n[db]\nsocket = /gone\n[guard]\n";
    char path[100];

    (void)state;
    write_conf("[agent]\nport = 0\ndir = %s/a/b\n", folder);
    check_refuses("lars-agentd", "[agent] dir: cannot create the folder ");
    fails("lars-agentd", "cannot use the folder ");
    write_conf("[agent]\nport = 0\ndir = %s\n", conf);
    check_refuses("lars-agentd", "[agent] dir: cannot use the folder ");
    fails("lars-agentd", "cannot use the folder ");
    write_conf("[agent]\nport = 0\ndir = %s/a\n[shm]\ndir = %s/b/c\n", folder, folder);
    check_refuses("lars-agentd", "[shm] dir: cannot create the folder ");
    fails("lars-agentd", "cannot create the shared memory ");
    write_conf("%sdir = %s/g/h\n", guard, folder);
    check_refuses("lars-dnsd", "[guard] dir: cannot create the folder ");
    fails("lars-dnsd", "cannot use the folder of the last known good routes");
    write_conf("%sdir = %s\n", guard, conf);
    check_refuses("lars-dnsd", "[guard] dir: cannot use the folder ");
    snprintf(path, sizeof(path), "%s/o", folder);
    assert_int_equal(mkdir(path, 0755), 0);
    snprintf(path, sizeof(path), "%s/o/routes.calls.0", folder);
    assert_int_equal(mkdir(path, 0755), 0);
    write_conf("[agent]\nport = 0\ndir = %s/o\n", folder);
    check_refuses("lars-agentd", "[agent] dir: cannot use the file routes.calls.0: Is a "
                                 "directory (EISDIR)");
    fails("lars-agentd", "cannot open the outbox of reports");
}

static void t_check_config_refuses_values_that_no_start_can_use(void **state)
{
    static const struct {
        const char *program, *conf, *text;
    } bad[] = {
        {"lars-dnsd", "[http]\nlisten = 9880\n", "[http] listen must be ADDRESS:PORT"},
        {"lars-reportd", "[http]\nlisten = x:1\n", "[http] listen must be ADDRESS:PORT"},
        {"lars-agentd", "[http]\nlisten = ::1\n", "[http] listen must be ADDRESS:PORT"},
        {"lars-dnsd", "[http]\nlisten = 127.0.0.1:7778\n",
         "[http] listen is the port on which agents connect"},
        {"lars-dnsd", "[db]\nhost = db1:3306\n",
         "[db] host must be a name or an address "
         "without a port"},
        {"lars-reportd", "[db]\nhost =\n", "[db] host must be a name or an address"},
        {"larsctl", "[db]\nhost = db1, db2\n", "[db] host must be a name or an address"},
        {"lars-dnsd", "[db]\nuser =\n", "[db] user must not be empty"},
        {"lars-reportd", "[db]\nname =\n", "[db] name must not be empty"},
        {"lars-agentd", "[agent]\ndir =\n", "[agent] dir must not be empty"},
        {"lars-reportd", "[alarm]\nwebhook = ops.example.com\n",
         "[alarm] webhook must be a URL"},
        {"larsctl", "[larsctl]\nagents = 127.0.0.1:8888 10.0.0.1\n",
         "[larsctl] agents: \"10.0.0.1\" is not ADDRESS:PORT"},
        {"larsctl", "[larsctl]\nhttp = localhost:9880\n",
         "[larsctl] http: \"localhost:9880\" is not ADDRESS:PORT"},
        {"larsctl", "[larsctl]\ndnsd = 127.0.0.1:70000\n",
         "[larsctl] dnsd: \"127.0.0.1:70000\" is not ADDRESS:PORT"},
        {"larsctl", "[larsctl]\nreportd = ;\nformat = xml\n", "-o must be table, json"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        write_conf("%s", bad[i].conf);
        check_refuses(bad[i].program, bad[i].text);
    }
    write_conf("[choice]\nzone = a\033[31m\n");
    proc_start(&p, "lars-agentd", "-c", conf, "--check-config", NULL);
    proc_expect_line(p.err, "has a control character");
    assert_int_equal(proc_wait(&p), 2);
}

static void t_check_config_refuses_more_agents_than_larsctl_can_ask(void **state)
{
    char list[700] = "";
    int i;

    (void)state;
    for (i = 0; i < 33; i++)
        snprintf(list + strlen(list), sizeof(list) - strlen(list), " 10.0.0.%d:8888", i);
    write_conf("[larsctl]\nagents =%s\n", list);
    check_refuses("larsctl", "[larsctl] agents: there are more than 32 addresses");
}

static void t_check_config_refuses_an_alarm_program_that_cannot_run(void **state)
{
    (void)state;
    write_conf("[reportd]\nport = 0\n[alarm]\nexec = %s/gone\n", folder);
    check_refuses("lars-reportd", "[alarm] exec: cannot run the program ");
    write_conf("[reportd]\nport = 0\n[alarm]\nexec = %s\n", folder);
    check_refuses("lars-reportd", "[alarm] exec: cannot run the program ");
}

static void t_check_config_accepts_what_a_running_agent_uses(void **state)
{
    int fd, port = taken_port(SOCK_STREAM, &fd);

    (void)state;
    write_conf("[agent]\nport = 0\ndir = %s/a\n[shm]\ndir = %s/s\nmax_nodes = 64\n",
               folder, folder);
    check_accepts("lars-agentd");
    proc_start(&other, "lars-agentd", "-c", conf, NULL);
    proc_wait_port(&other);
    check_accepts("lars-agentd");
    write_conf("[agent]\nport = %d\ndir = %s/a\n[shm]\ndir = %s/s\nmax_nodes = 64\n",
               other.port, folder, folder);
    check_accepts("lars-agentd");
    assert_int_equal(proc_end(&other, SIGTERM), 0);
    write_conf("[reportd]\nport = %d\n", port);
    check_accepts("lars-reportd");
    write_conf("[dnsd]\nport = 0\n[http]\nlisten = 127.0.0.1:%d\n", port);
    check_accepts("lars-dnsd");
    close(fd);
}

/* Runs the agent with <option> where <folder>/small is a file system of 2 MiB.  Its last
 * line on standard error is then in <line>.  Returns its exit code; 99: mounting is not
 * permitted. */
static int on_small_disk(const char *option)
{
    const char *build = getenv("BUILD");
    char cmd[600];
    FILE *f;
    int rc;

    snprintf(cmd, sizeof(cmd),
             "unshare -m sh -c 'mount -t tmpfs -o size=2m none %s/small || exit 99; "
             "timeout 20 %s/lars-agentd -c %s %s 2>&1 | grep ^lars-agentd:; exit 0' "
             "2>/dev/null || echo none",
             folder, build ? build : "build", conf, option);
    f = popen(cmd, "r");
    assert_non_null(f);
    line[0] = '\0';
    if (!fgets(line, sizeof(line), f))
        line[0] = '\0';
    rc = pclose(f);
    assert_true(rc >= 0);
    return strcmp(line, "none\n") == 0 ? 99 : rc;
}

static void t_check_config_refuses_a_disk_on_which_the_start_finds_no_room(void **state)
{
    char path[100];

    (void)state;
    snprintf(path, sizeof(path), "%s/small", folder);
    assert_int_equal(mkdir(path, 0755), 0);
    write_conf("[agent]\nport = 0\ndir = %s/small/a\n", folder);
    if (on_small_disk("--check-config") == 99)
        skip(); /* mounting is not permitted */
    assert_non_null(strstr(line, "[agent] dir: cannot take "));
    assert_non_null(strstr(line, "No space left on device (ENOSPC)"));
    on_small_disk("");
    assert_non_null(strstr(line, "cannot open the outbox of reports"));
    assert_non_null(strstr(line, "/small/a ([agent] dir, -d), where "));
    assert_non_null(strstr(line, " KiB are free: No space left on device (ENOSPC)"));
    write_conf("[agent]\nport = 0\ndir = %s/a\n[shm]\ndir = %s/small/s\n", folder,
               folder);
    on_small_disk("--check-config");
    assert_non_null(strstr(line, "[shm] dir, max_nodes: cannot create the shared "));
    on_small_disk("");
    assert_non_null(strstr(line, "cannot create the shared memory"));
}

static void t_check_config_leaves_nothing_behind(void **state)
{
    char cmd[200];

    (void)state;
    write_conf("[agent]\nport = 0\ndir = %s/a\n[shm]\ndir = %s/s\nmax_nodes = 64\n",
               folder, folder);
    check_accepts("lars-agentd");
    snprintf(cmd, sizeof(cmd), "[ \"$(ls %s)\" = conf.ini ]", folder);
    assert_int_equal(system(cmd), 0);
    snprintf(cmd, sizeof(cmd), "mkdir %s/s", folder);
    assert_int_equal(system(cmd), 0);
    check_accepts("lars-agentd");
    snprintf(cmd, sizeof(cmd), "rmdir %s/s", folder);
    assert_int_equal(system(cmd), 0);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(E(t_taken_tcp_port_is_named), E(t_taken_http_port_is_not_blamed_on_another),
       E(t_taken_udp_port_is_named), E(t_address_of_another_host_is_named),
       E(t_folder_that_cannot_be_created_is_named),
       E(t_second_agent_of_a_folder_is_named),
       E(t_second_dnsd_of_a_guard_folder_is_named),
       E(t_outbox_that_cannot_be_opened_is_named),
       E(t_shared_memory_that_cannot_be_created_is_named),
       E(t_wrong_configuration_is_exit_code_2),
       E(t_check_config_refuses_addresses_that_the_start_refuses),
       E(t_check_config_refuses_folders_that_the_start_refuses),
       E(t_check_config_refuses_values_that_no_start_can_use),
       E(t_check_config_refuses_more_agents_than_larsctl_can_ask),
       E(t_check_config_refuses_an_alarm_program_that_cannot_run),
       E(t_check_config_accepts_what_a_running_agent_uses),
       E(t_check_config_refuses_a_disk_on_which_the_start_finds_no_room),
       E(t_check_config_leaves_nothing_behind))
