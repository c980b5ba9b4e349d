/* One fault after the other, in random order, while callers call (F34).  The programs are
 * the same from the beginning to the end, so nothing is killed but nodes: a program
 * stands still instead.  No call is without a node, every call is counted once, and
 * memory and descriptors do not grow.
 *   LARS_SOAK_S=N   N seconds, a fault each 30 s; without it 12 s, a fault each 3 s */
#include "base/rnd.h"
#include "lib/faultset.h"

#define PROGRAMS 5
#define GROWTH_KB 1024 /* besides 5 per cent: pages that an allocator keeps */

static const enum faultset_id whole[] = {FAULTSET_NODE, FAULTSET_DATABASE, FAULTSET_CLOCK,
                                         FAULTSET_DISK, FAULTSET_LINK};
#define WHOLE (sizeof(whole) / sizeof(whole[0]))

struct use { /* of a program at rest */
    long rss_kb;
    int fds;
};

static struct use first[PROGRAMS], last[PROGRAMS];

static long rss_kb(pid_t pid)
{
    char path[60], line[200];
    long kb = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    f = fopen(path, "re");
    assert_non_null(f);
    while (fgets(line, sizeof(line), f))
        sscanf(line, "VmRSS: %ld", &kb);
    fclose(f);
    return kb;
}

static int n_fds(pid_t pid)
{
    char path[60];
    DIR *d;
    int n = 0;

    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    d = opendir(path);
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}

static void look(struct use out[PROGRAMS])
{
    const struct faultset_program *p = faultset_programs();
    int i;

    for (i = 0; i < PROGRAMS; i++)
        out[i] = (struct use){rss_kb(p[i].proc->pid), n_fds(p[i].proc->pid)};
}

static void pass(uint64_t ms)
{
    uint64_t end = t_now_ms() + ms;

    while (t_now_ms() < end)
        poll(NULL, 0, 10);
}

/* Fault <i>: one of lib/faultset, or a program that stands still. */
static void one_fault(unsigned i, uint64_t ms)
{
    const struct faultset_program *p = faultset_programs();

    if (i < WHOLE) {
        if (faultset_missing(whole[i]))
            return;
        faultset_begin(FAULTSET_BIT(whole[i]));
        pass(ms);
        faultset_end(FAULTSET_BIT(whole[i]));
        return;
    }
    kill(p[i - WHOLE].proc->pid, SIGSTOP);
    pass(ms);
    kill(p[i - WHOLE].proc->pid, SIGCONT);
}

/* The second DNSService and Report Service keep the connections that they open at their
 * first use, so they are used once before anything is compared. */
static void use_second_services(void)
{
    const struct faultset_program *p = faultset_programs();

    faultset_call();
    kill(p[0].proc->pid, SIGSTOP);
    kill(p[2].proc->pid, SIGSTOP);
    pass(8000);
    kill(p[0].proc->pid, SIGCONT);
    kill(p[2].proc->pid, SIGCONT);
    faultset_wait_order();
}

static void check_growth(void)
{
    const struct faultset_program *p = faultset_programs();
    int i;

    for (i = 0; i < PROGRAMS; i++) {
        print_message("soak: F34 %s: %ld kB, then %ld kB; descriptors %d, then %d\n",
                      p[i].name, first[i].rss_kb, last[i].rss_kb, first[i].fds,
                      last[i].fds);
        T_WAIT(n_fds(p[i].proc->pid) <= first[i].fds);
        if (getenv("LARS_SOAK_S"))
            assert_true(last[i].rss_kb <=
                        first[i].rss_kb + first[i].rss_kb / 20 + GROWTH_KB);
    }
}

static void t_random_faults_leave_no_trace(void **state)
{
    const char *text = getenv("LARS_SOAK_S");
    uint64_t all_ms = (text ? (uint64_t)atoi(text) : 12) * 1000;
    uint64_t each_ms = text ? 30000 : 3000, start, next;
    unsigned long long calls = 0, failed = 0;
    struct rnd rnd;
    int n = 0;

    (void)state;
    if (text)
        use_second_services();
    start = next = t_now_ms();
    print_message("soak: the seed is %llu\n", (unsigned long long)start);
    rnd_init(&rnd, start);
    while (t_now_ms() < start + all_ms) {
        memset(&faultset_seen, 0, sizeof(faultset_seen));
        faultset_call();
        one_fault(rnd_u32(&rnd) % (WHOLE + PROGRAMS), each_ms / 3);
        n++;
        next += each_ms;
        if (t_now_ms() + each_ms / 6 < next)
            pass(next - each_ms / 6 - t_now_ms());
        faultset_wait_order();
        assert_int_equal(faultset_seen.no_host, 0);
        calls += faultset_seen.calls;
        failed += faultset_seen.failed;
        look(last);
        if (first[0].fds == 0 && t_now_ms() >= start + all_ms / 5)
            memcpy(first, last, sizeof(first));
    }
    print_message("soak: F34 %d faults in %llu s: %llu calls, %llu failed, each counted "
                  "once\n",
                  n, (unsigned long long)(t_now_ms() - start) / 1000, calls, failed);
    check_growth();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(
        t_random_faults_leave_no_trace, faultset_setup, faultset_teardown)};

    return cmocka_run_group_tests(tests, faultset_group_setup, faultset_group_teardown);
}
