/* A child of fork() that begins with several threads at once: the client's sockets are
 * made anew once, and each of the threads gets its answer within its time. */
#include "api/lars.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "api/lars_status.h"
#include "udppeer.h"

#define THREADS 8
#define CHILDREN 100

static struct lars_client *client;
static pthread_barrier_t start;

/* In memory that parent and child share. */
static struct {
    int done, n_sockets;              /* of the last child */
    int rc[THREADS];
} * seen;

/* Sockets only: valgrind opens files of its own in a child. */
static int n_sockets(void)
{
    struct stat st;
    int fd, n = 0;

    for (fd = 0; fd < 1024; fd++)
        n += fstat(fd, &st) == 0 && S_ISSOCK(st.st_mode);
    return n;
}

static int setup(void **state)
{
    const struct lars_options o = {.port = 9, .dir = "/nonexistent"};

    t_fds_save(state);
    seen = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true((void *)seen != MAP_FAILED);
    assert_int_equal(pthread_barrier_init(&start, NULL, THREADS), 0);
    assert_int_equal(lars_open(&client, &o), 0);
    return 0;
}

static int teardown(void **state)
{
    lars_close(client);
    pthread_barrier_destroy(&start);
    munmap(seen, 4096);
    return t_fds_check(state);
}

static void *first_call(void *arg)
{
    const struct lars_get_options o = {.timeout_ms = 100};
    struct lars_host h;

    pthread_barrier_wait(&start);
    *(int *)arg = lars_get_host_opt(client, 1, 1, &o, &h);
    return NULL;
}

static void child(void)
{
    pthread_t t[THREADS];
    int i;

    for (i = 0; i < THREADS; i++)
        if (pthread_create(&t[i], NULL, first_call, &seen->rc[i]) != 0)
            kill(getpid(), SIGKILL);
    for (i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
    seen->n_sockets = n_sockets();
    seen->done = 1;
    kill(getpid(), SIGKILL); /* valgrind looks for no leaks in it then */
}

static void t_threads_of_a_child_renew_the_client_once(void **state)
{
    int i, k, status, n = n_sockets();
    pid_t pid;

    (void)state;
    for (i = 0; i < CHILDREN; i++) {
        memset(seen, 0, sizeof(*seen));
        pid = fork();
        if (pid == 0)
            child();
        assert_true(pid > 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(seen->done, 1);
        assert_int_equal(seen->n_sockets, n);
        for (k = 0; k < THREADS; k++)
            assert_int_equal(seen->rc[k], -ETIMEDOUT);
    }
}

T_MAIN(cmocka_unit_test_setup_teardown(t_threads_of_a_child_renew_the_client_once, setup,
                                       teardown))
