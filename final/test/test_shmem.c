/* Routes in shared memory: the layout is fixed; readers get whole copies while a writer
 * works or is killed; a successor continues with the files; damaged or foreign files
 * crash no process. */
#include "lib/shmfix.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "shmem/segment_private.h"

static void t_layout_does_not_change(void **state)
{
    (void)state;
    assert_int_equal(LAYOUT_MAJOR, 2); /* a changed layout needs a new major version */
    assert_int_equal(offsetof(struct layout_meta, epoch), 16);
    assert_int_equal(offsetof(struct layout_meta, beat_ms), 24);
    assert_int_equal(offsetof(struct layout_meta, segment), 32);
    assert_int_equal(offsetof(struct layout_module, modid), 8);
    assert_int_equal(offsetof(struct layout_module, eject_after), 20);
    assert_int_equal(offsetof(struct layout_module, penalty_us), 36);
    assert_int_equal(offsetof(struct layout_module, node_rps), 40);
    assert_int_equal(offsetof(struct layout_module, node_inflight), 44);
    assert_int_equal(offsetof(struct layout_module, target_ms), 48);
    assert_int_equal(offsetof(struct layout_copy, member), 16);
    assert_int_equal(offsetof(struct layout_slot, begun), 24);
    assert_int_equal(offsetof(struct layout_call_log, op), 16);
    assert_int_equal(offsetof(struct layout_call_log, intent), 64);
    assert_int_equal(offsetof(struct layout_call_log, used), 192);
    assert_int_equal(offsetof(struct layout_call_log, count), 24576 + 4096 * 32);
    assert_int_equal(offsetof(struct layout_counters, claim), 64);
    assert_int_equal(offsetof(struct node_counter, ejected_until_ms), 8);
    assert_ptr_equal(shmfix_seg->index, (char *)shmfix_seg->routes + 64);
    assert_ptr_equal(shmfix_seg->module,
                     (char *)shmfix_seg->index + 2 * SHMFIX_MODULES * 16);
    assert_ptr_equal(shmfix_seg->cost, (char *)shmfix_seg->module + SHMFIX_MODULES * 64);
    assert_ptr_equal(shmfix_seg->addr6, (char *)shmfix_seg->addr + SHMFIX_NODES * 12);
    assert_ptr_equal(shmfix_seg->block, (char *)shmfix_seg->addr6 + SHMFIX_NODES * 12);
}

static struct segment *reader(void)
{
    struct segment *r;

    assert_int_equal(segment_open(&r, shmfix_dir), 0);
    return r;
}

static void t_reader_gets_the_published_nodes(void **state)
{
    struct segment *r = reader();
    struct route_reader snap = {0};
    struct net_addr a;
    int64_t mid;

    (void)state;
    assert_int_equal(module_table_find(r, 1, 7), -ENOENT);
    assert_int_equal(shmfix_publish(7, 1, 3), 0);
    mid = module_table_find(r, 1, 7);
    assert_int_equal(mid, 0);
    assert_int_equal(route_reader_read(r, 0, &snap), 0);
    assert_int_equal(snap.n, 3);
    assert_int_equal(snap.n_own, 3);
    node_table_addr(r, snap.member[2].nid, &a);
    assert_int_equal(a.ip[3], 3);
    assert_true(route_reader_is_current(r, 0, &snap));
    shmfix_publish(7, 1, 4);
    assert_false(route_reader_is_current(r, 0, &snap));
    route_reader_free(&snap);
    segment_close(r);
}

/* A client may find the module before the agent has stored its nodes. */
static void t_module_without_nodes_is_enoent(void **state)
{
    struct route_reader snap = {0};
    struct picker_pick p = {.token = 0};
    struct picker *c;

    (void)state;
    assert_int_equal(route_writer_module(shmfix_writer, 1, 7), 0);
    assert_false(route_reader_is_current(shmfix_seg, 0, &snap));
    assert_int_equal(route_reader_read(shmfix_seg, 0, &snap), -ENOENT);
    assert_int_equal(picker_create(&c, shmfix_dir, PICKER_CLAIM), 0);
    assert_int_equal(picker_get(c, 1, 7, 0, &p), -ESRCH);
    shmfix_publish(7, 1, 0);
    assert_int_equal(picker_get(c, 1, 7, 0, &p),
                     -ENOENT); /* it is known and has no nodes */
    shmfix_publish(7, 1, 1);
    assert_int_equal(picker_get(c, 1, 7, 0, &p), 0);
    assert_int_equal(picker_end(c, NULL, &p, PICKER_WELL, NULL), 0);
    picker_destroy(c);
}

static void t_clients_cannot_write_routes(void **state)
{
    struct segment *r = reader();
    pid_t pid = fork();
    int status;

    (void)state;
    if (pid == 0) {
        signal(SIGSEGV, SIG_DFL);
        r->cost[0] = 1;
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true((WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV) ||
                (WIFEXITED(status) &&
                 WEXITSTATUS(status) != 0)); /* a sanitizer exits with a code */
    segment_close(r);
}

static uint32_t nid_of(uint32_t cmdid, uint32_t i)
{
    struct route_reader snap = {0};
    uint32_t nid;

    assert_int_equal(route_reader_read(shmfix_seg,
                                       (uint32_t)module_table_find(shmfix_seg, 1, cmdid),
                                       &snap),
                     0);
    nid = snap.member[i].nid;
    route_reader_free(&snap);
    return nid;
}

static bool yes(uint32_t nid, void *arg)
{
    (void)nid;
    (void)arg;
    return true;
}

static bool no(uint32_t nid, void *arg)
{
    (void)nid;
    (void)arg;
    return false;
}

static uint32_t n_removed(void)
{
    struct route_writer_stat st;

    route_writer_stat(shmfix_writer, &st);
    return st.n_removed;
}

static void t_node_keeps_its_number(void **state)
{
    uint32_t third;

    (void)state;
    shmfix_publish(1, 1, 4);
    third = nid_of(1, 2);
    shmfix_publish(1, 3, 4); /* 1 and 2 are removed, 5 and 6 added */
    assert_int_equal(nid_of(1, 0), third);
    assert_int_equal(n_removed(), 2);
    shmfix_publish(1, 1, 4); /* 1 and 2 return before their numbers are free */
    assert_int_equal(nid_of(1, 2), third);
    assert_int_equal(n_removed(), 2);
}

static void t_number_is_reused_when_no_call_uses_it(void **state)
{
    uint32_t was, gen;

    (void)state;
    shmfix_publish(1, 1, 1);
    was = nid_of(1, 0);
    gen = shmfix_seg->gen[was];
    shmfix_publish(1, 2, 1);
    route_writer_reclaim(shmfix_writer, no, NULL);
    assert_int_equal(shmfix_seg->gen[was],
                     gen + 1); /* clients see it before <is_unused> is called */
    route_writer_reclaim(shmfix_writer, no, NULL);
    route_writer_reclaim(shmfix_writer, no, NULL);
    assert_int_equal(n_removed(), 1);
    route_writer_reclaim(shmfix_writer, yes, NULL);
    assert_int_equal(n_removed(), 0);
    shmfix_publish(2, 9, 1);
    assert_int_equal(nid_of(2, 0), was);
}

static void t_full_segment_is_an_error_and_changes_nothing(void **state)
{
    int64_t rc = 0;
    uint32_t i;

    (void)state;
    for (i = 1; i <= 20 && rc >= 0; i++)
        rc = shmfix_publish(i, 1, 250);
    assert_int_equal(rc, -ENOSPC);
    assert_int_equal(nid_of(1, 0), 0);
    for (i = 0; i < SHMFIX_MODULES; i++)
        rc = shmfix_publish(100 + i, 1, 0);
    assert_int_equal(rc, -EMFILE);
}

static void t_module_without_room_takes_none_from_the_others(void **state)
{
    (void)state;
    assert_true(shmfix_publish(1, 1, 250) >= 0);
    assert_int_equal(shmfix_publish(2, 1, SHMFIX_NODES), -ENOSPC);
    assert_true(shmfix_publish(3, 1, 250) >= 0);
    assert_int_equal(shmfix_publish(1, 1, SHMFIX_NODES + 1), -ENOSPC);
    assert_true(shmfix_publish(1, 1, SHMFIX_NODES - 250) >= 0); /* all there are */
}

/* After each random change, and after a change of the agent now and then, a reader has
 * exactly the nodes that were written last. */
static void t_random_changes_and_successors_leave_the_nodes_written_last(void **state)
{
    struct segment *r = reader();
    struct route_reader snap = {0};
    uint32_t have[8][2] = {{0}}, i, k, m;
    uint64_t seed = mono_us();
    struct net_addr a;
    struct rnd rnd;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    rnd_init(&rnd, seed);
    for (i = 0; i < 3000; i++) {
        m = rnd_u32(&rnd) % 8;
        have[m][0] = rnd_u32(&rnd) % 60;
        have[m][1] = rnd_u32(&rnd) % (i % 50 ? 20 : 120);
        assert_true(shmfix_publish(m + 1, have[m][0], have[m][1]) >= 0);
        if (i % 7 == 0)
            route_writer_reclaim(shmfix_writer, yes, NULL);
        if (i % 100 == 99) { /* a successor has only the files */
            shmfix_close_agent();
            shmfix_open_agent();
            assert_false(shmfix_seg->is_new);
        }
        assert_int_equal(
            route_reader_read(r, (uint32_t)module_table_find(r, 1, m + 1), &snap), 0);
        assert_int_equal(snap.n, have[m][1]);
        for (k = 0; k < snap.n; k++) {
            node_table_addr(r, snap.member[k].nid, &a);
            assert_int_equal(a.ip[2], m + 1);
            assert_int_equal(a.ip[1] << 8 | a.ip[3], have[m][0] + k);
        }
    }
    route_reader_free(&snap);
    segment_close(r);
}

/* A writer is killed at any instruction while a reader reads: each copy that is read is
 * whole, and a successor continues. */
static void t_killed_writer_leaves_whole_copies(void **state)
{
    struct segment *r = reader();
    struct route_reader snap = {0};
    struct rnd rnd;
    struct net_addr a;
    int round, k, status;
    uint64_t looks = 0, limit = t_now_ms() + 30000;

    (void)state;
    rnd_init_any(&rnd);
    shmfix_publish(1, 0, 10);
    /* on a busy machine a writer may be killed before it has written */
    for (round = 0; round < 30 || (looks == 0 && t_now_ms() < limit); round++) {
        uint64_t end = t_now_ms() + 2 + rnd_u32(&rnd) % 20;
        pid_t pid;

        shmfix_close_agent();
        pid = fork();
        if (pid == 0) {
            uint32_t i;

            shmfix_open_agent();
            for (i = 0;; i++) /* n nodes from n on, so that a torn copy shows */
                shmfix_publish(1, 1 + i % 50, 1 + i % 50);
        }
        while (t_now_ms() < end) {
            if (route_reader_read(r, 0, &snap) < 0 || snap.n == 10)
                continue;
            looks++;
            for (k = 0; k < (int)snap.n && snap.n > 0; k++) {
                node_table_addr(r, snap.member[k].nid, &a);
                assert_int_equal(a.ip[3], (int)snap.n + k);
            }
        }
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        shmfix_open_agent();
        assert_false(shmfix_seg->is_new);
        shmfix_publish(1, 0, 10);
        assert_int_equal(route_reader_read(r, 0, &snap), 0);
        assert_int_equal(snap.n, 10);
    }
    assert_true(looks > 0);
    route_reader_free(&snap);
    segment_close(r);
}

/* --- damaged and foreign files ------------------------------------------------------ */

static void t_another_major_version_is_refused(void **state)
{
    struct segment *r;

    (void)state;
    shmfix_seg->meta->major = LAYOUT_MAJOR + 1;
    assert_int_equal(segment_open(&r, shmfix_dir), -EPROTO);
    shmfix_seg->meta->major = LAYOUT_MAJOR - 1;
    assert_int_equal(segment_open(&r, shmfix_dir), -EPROTO);
    shmfix_seg->meta->major = LAYOUT_MAJOR;
    shmfix_seg->meta->minor = 7; /* another minor version is accepted */
    r = reader();
    segment_close(r);
    shmfix_seg->routes->major = LAYOUT_MAJOR + 1;
    assert_int_equal(segment_open(&r, shmfix_dir), -EPROTO);
}

static void t_folder_without_an_agent_has_no_segment(void **state)
{
    struct segment *r;

    (void)state;
    assert_int_equal(segment_open(&r, "/tmp/lars_e2e_no_such_folder"), -ENOENT);
}

static void t_second_agent_is_refused(void **state)
{
    struct segment_config cfg = {shmfix_dir, SHMFIX_NODES, SHMFIX_MODULES};
    struct segment *s;

    (void)state;
    assert_int_equal(segment_create(&s, &cfg), -EBUSY);
}

/* Opening a FIFO waits for a process at its other end. */
static void t_fifo_is_refused_without_waiting(void **state)
{
    static const char *const name[] = {"meta", "R.1", "C.1"};
    char path[100], aside[100];
    struct segment *r;
    size_t i;

    (void)state;
    alarm(T_DEADLINE_MS / 1000);      /* ends a hang */
    for (i = 0; i < sizeof(name) / sizeof(name[0]); i++) {
        snprintf(path, sizeof(path), "%s/%s", shmfix_dir, name[i]);
        snprintf(aside, sizeof(aside), "%s/aside", shmfix_dir);
        assert_int_equal(rename(path, aside), 0);
        assert_int_equal(mkfifo(path, 0644), 0);
        assert_int_equal(segment_open(&r, shmfix_dir), -EBADMSG);
        assert_int_equal(rename(aside, path), 0);
    }
    alarm(0);
}

static void t_short_file_is_refused(void **state)
{
    char path[100];
    struct segment *r;

    (void)state;
    snprintf(path, sizeof(path), "%s/C.1", shmfix_dir);
    assert_int_equal(truncate(path, 4096), 0);
    assert_int_equal(segment_open(&r, shmfix_dir), -EBADMSG);
}

static void t_other_sizes_begin_a_new_segment(void **state)
{
    struct segment_config cfg = {shmfix_dir, 2 * SHMFIX_NODES, SHMFIX_MODULES};
    struct segment *r = reader();

    (void)state;
    shmfix_publish(1, 1, 3);
    shmfix_close_agent();
    assert_int_equal(segment_create(&shmfix_seg, &cfg), 0);
    assert_true(shmfix_seg->is_new);
    assert_true(segment_has_moved(r));
    segment_close(r);
    assert_int_equal(route_writer_create(&shmfix_writer, shmfix_seg), 0);
    r = reader();
    assert_int_equal(module_table_find(r, 1, 1), -ENOENT);
    segment_close(r);
}

/* Bytes of the route file are changed at random: no reader crashes, hangs, or accepts a
 * copy that is not whole; a successor adopts the files or refuses them.
 *   LARS_CHAOS=N   N times as many images (make chaos) */
static void t_damaged_routes_crash_no_reader(void **state)
{
    uint64_t seed = mono_us(), used;
    uint32_t chaos = getenv("LARS_CHAOS") ? (uint32_t)atoi(getenv("LARS_CHAOS")) : 1;
    uint32_t i, k, m, n_read = 0, images = chaos * (t_mode_is("memcheck") ? 2000 : 20000);
    struct route_reader snap = {0};
    struct segment *r = reader();
    struct route_writer_stat st;
    struct rnd rnd;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    rnd_init(&rnd, seed);
    for (m = 1; m <= 8; m++)
        shmfix_publish(m, 1, 4 * m);
    route_writer_stat(shmfix_writer, &st);
    used = (uint64_t)(shmfix_seg->block - (char *)shmfix_seg->routes) + 64 * LAYOUT_BLOCK;
    for (i = 0; i < images; i++) {
        uint64_t at = rnd_u32(&rnd) % used;
        char was = ((char *)shmfix_seg->routes)[at];

        ((char *)shmfix_seg->routes)[at] = (char)rnd_u32(&rnd);
        for (m = 1; m <= 8; m++) {
            int64_t mid = module_table_find(r, 1, m);

            if (mid < 0 || route_reader_read(r, (uint32_t)mid, &snap) < 0)
                continue;
            for (k = 0; k < snap.n; k++)
                assert_true(snap.member[k].nid < SHMFIX_NODES);
            n_read++;
        }
        ((char *)shmfix_seg->routes)[at] = was;
    }
    assert_true(n_read > images);
    print_message("chaos: shared memory: %u images with a changed byte, %u whole copies "
                  "were read from them\n",
                  images, n_read);
    for (i = 0; i < 200; i++) { /* successors */
        struct route_writer *p;
        uint64_t at = sizeof(struct layout_routes) + rnd_u32(&rnd) % (used - 64);
        char was = ((char *)shmfix_seg->routes)[at];

        ((char *)shmfix_seg->routes)[at] ^= (char)(1 + rnd_u32(&rnd) % 255);
        if (route_writer_create(&p, shmfix_seg) == 0)
            route_writer_destroy(p);
        ((char *)shmfix_seg->routes)[at] = was;
    }
    route_reader_free(&snap);
    segment_close(r);
}

T_MAIN(SHMFIX_TEST(t_layout_does_not_change),
       SHMFIX_TEST(t_reader_gets_the_published_nodes),
       SHMFIX_TEST(t_module_without_nodes_is_enoent),
       SHMFIX_TEST(t_clients_cannot_write_routes), SHMFIX_TEST(t_node_keeps_its_number),
       SHMFIX_TEST(t_number_is_reused_when_no_call_uses_it),
       SHMFIX_TEST(t_full_segment_is_an_error_and_changes_nothing),
       SHMFIX_TEST(t_module_without_room_takes_none_from_the_others),
       SHMFIX_TEST(t_random_changes_and_successors_leave_the_nodes_written_last),
       SHMFIX_TEST(t_killed_writer_leaves_whole_copies),
       SHMFIX_TEST(t_another_major_version_is_refused),
       SHMFIX_TEST(t_folder_without_an_agent_has_no_segment),
       SHMFIX_TEST(t_second_agent_is_refused), SHMFIX_TEST(t_short_file_is_refused),
       SHMFIX_TEST(t_fifo_is_refused_without_waiting),
       SHMFIX_TEST(t_other_sizes_begin_a_new_segment),
       SHMFIX_TEST(t_damaged_routes_crash_no_reader))
