/* Nodes without an agent: the heartbeat, the file, and what happens when either is
 * missing, old or damaged.  The time is a number of the test. */
#include "api/fallback.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "base/heartbeat.h"
#include "route/routefile.h"
#include "t.h"

#define NOW 10000                     /* ms */

static struct fallback *f;
static const struct module_id mod = {1, 1};
static char dir[40], path[80];

static const char *file(const char *name)
{
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return path;
}

static int setup(void **state)
{
    t_fds_save(state);
    strcpy(dir, "/tmp/lars_fb_XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_int_equal(fallback_create(&f, dir), 0);
    return 0;
}

/* The number of mapped files in the folder of the test. */
static int n_maps(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[300];
    int n = 0;

    while (maps && fgets(line, sizeof(line), maps))
        n += strstr(line, dir) != NULL;
    if (maps)
        fclose(maps);
    return n;
}

static int teardown(void **state)
{
    int maps;

    fallback_destroy(f);
    fallback_destroy(NULL);
    maps = n_maps();
    unlink(file("routes"));
    unlink(file("heartbeat"));
    rmdir(dir);
    if (maps > 0)
        print_error("%d heartbeat files are still mapped\n", maps);
    return maps > 0 ? -1 : t_fds_check(state);
}

/* Write a file with the nodes <ip> and <ip> + 1, and one of another module.  Each file
 * has another modification time; two writes in one tick of the kernel have the same. */
static void write_routes(uint32_t ip, int mtime_s)
{
    struct route_row row[] = {{1, 1, {ip, 80}}, {1, 1, {ip + 1, 80}}, {2, 3, {7, 7}}};
    struct timespec t[2] = {{.tv_sec = mtime_s}, {.tv_sec = mtime_s}};

    assert_int_equal(routefile_write(file("routes"), row, 3, 0), 0);
    assert_int_equal(utimensat(AT_FDCWD, path, t, 0), 0);
}

static void damage_routes(void)
{
    int fd = open(file("routes"), O_WRONLY | O_TRUNC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "lars-routes 2 9 9\n", 18), 18);
    close(fd);
}

static int pick(uint64_t now_ms)      /* the ip of the node, or -errno */
{
    struct msg_host h;
    int rc = fallback_pick(f, &mod, &h, now_ms);

    return rc < 0 ? rc : (int)h.ip;
}

static void t_no_heartbeat_file_is_not_dead(void **state)
{
    (void)state;
    assert_false(fallback_agent_is_dead(f, NOW));
    assert_false(fallback_agent_is_dead(f, NOW + 60000));
}

static void t_heartbeat_that_stops_is_dead_after_its_time(void **state)
{
    struct heartbeat *hb;

    (void)state;
    assert_int_equal(heartbeat_create(&hb, file("heartbeat")), 0);
    heartbeat_beat(hb, NOW);
    assert_false(fallback_agent_is_dead(f, NOW));
    assert_false(fallback_agent_is_dead(f, NOW + HEARTBEAT_DEAD_MS));
    assert_true(fallback_agent_is_dead(f, NOW + HEARTBEAT_DEAD_MS + 1));
    heartbeat_beat(hb, NOW + HEARTBEAT_DEAD_MS + 1); /* it was only slow */
    assert_false(fallback_agent_is_dead(f, NOW + HEARTBEAT_DEAD_MS + 2));
    heartbeat_close(hb);
}

static void t_restarted_agent_is_found_after_a_second(void **state)
{
    struct heartbeat *hb;

    (void)state;
    assert_int_equal(heartbeat_create(&hb, file("heartbeat")), 0);
    heartbeat_beat(hb, NOW);
    assert_false(fallback_agent_is_dead(f, NOW));
    heartbeat_close(hb);              /* the agent ended, and marked its file */
    unlink(path);
    assert_int_equal(heartbeat_create(&hb, file("heartbeat")), 0);
    heartbeat_beat(hb, NOW + 900);
    assert_true(fallback_agent_is_dead(f, NOW + 900)); /* the file was looked at */
    assert_false(fallback_agent_is_dead(f, NOW + 1000));
    assert_int_equal(n_maps(), 2);    /* the mapping of the agent, and one of <f> */
    heartbeat_close(hb);
}

static void t_nodes_of_a_module_come_in_turn(void **state)
{
    struct msg_host h[3];
    size_t n;
    int i;

    (void)state;
    write_routes(10, 1);
    for (i = 0; i < 6; i++)
        assert_int_equal(pick(NOW), 10 + i % 2);
    assert_int_equal(fallback_route(f, &mod, h, 3, &n, NOW), 0);
    assert_int_equal(n, 2);
    assert_int_equal(h[0].ip, 10);
    assert_int_equal(h[1].ip, 11);
    assert_int_equal(h[1].port, 80);
    assert_int_equal(fallback_route(f, &mod, h, 1, &n, NOW), 0);
    assert_int_equal(n, 1);
    assert_int_equal(fallback_pick(f, &(struct module_id){1, 3}, h, NOW), -ENOENT);
    assert_int_equal(fallback_route(f, &(struct module_id){1, 3}, h, 3, &n, NOW),
                     -ENOENT);
}

static void t_new_file_is_read_after_a_second(void **state)
{
    (void)state;
    assert_int_equal(pick(NOW - 1000), -ENOENT);
    write_routes(10, 1);
    assert_int_equal(pick(NOW), 10);
    write_routes(20, 2);
    assert_int_equal(pick(NOW + 999), 11);
    assert_int_equal(pick(NOW + 1000), 20);
}

static void t_damaged_or_missing_file_keeps_the_nodes(void **state)
{
    (void)state;
    write_routes(10, 1);
    assert_int_equal(pick(NOW), 10);
    damage_routes();
    assert_int_equal(pick(NOW + 1000), 11);
    unlink(path);
    assert_int_equal(pick(NOW + 2000), 10);
    write_routes(20, 3);
    assert_int_equal(pick(NOW + 3000), 21);
    fallback_destroy(f);
    assert_int_equal(fallback_create(&f, dir), 0);
    damage_routes();
    assert_int_equal(pick(NOW), -ENOENT);
}

static void t_long_name_is_einval(void **state)
{
    static char name[PATH_MAX];
    struct fallback *other;

    (void)state;
    memset(name, 'x', sizeof(name) - 1);
    assert_int_equal(fallback_create(&other, name), -EINVAL);
    name[PATH_MAX - sizeof("/routes")] = '\0'; /* the heartbeat does not fit */
    assert_int_equal(fallback_create(&other, name), -EINVAL);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(E(t_no_heartbeat_file_is_not_dead),
       E(t_heartbeat_that_stops_is_dead_after_its_time),
       E(t_restarted_agent_is_found_after_a_second), E(t_nodes_of_a_module_come_in_turn),
       E(t_new_file_is_read_after_a_second), E(t_damaged_or_missing_file_keeps_the_nodes),
       E(t_long_name_is_einval))
