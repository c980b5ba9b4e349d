/* udp_qps -- a load for a UDP server: THREADS closed loops send a constant
 * GetHostRequest.
 *     build/udp_qps -p PORT [-t THREADS] [-s SECONDS] [-P SERVER_PID]
 * Each thread has one request in flight.  A reply that does not arrive within one
 * second counts as lost. */
#include <errno.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const char question[] = {4, 0, 0, 0, 6, 0, 0, 0, 0x08, 1, 0x10, 1, 0x18, 1};

static int port, threads = 1, seconds = 2;
static atomic_bool stop;
static atomic_ullong n_ok, n_lost;

static uint64_t now_us(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static void *run(void *arg)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct timeval tv = {1, 0};
    unsigned long long ok = 0, lost = 0;
    char in[2048];
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    (void)arg;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
    if (fd == -1 || connect(fd, (struct sockaddr *)&at, sizeof(at)) == -1)
        return NULL;
    while (!stop) {
        if (send(fd, question, sizeof(question), 0) > 0 &&
            recv(fd, in, sizeof(in), 0) > 0)
            ok++;
        else
            lost++;
    }
    n_ok += ok;
    n_lost += lost;
    close(fd);
    return NULL;
}

/* Processor time of the server in ns; 0 when <pid> is NULL. */
static double cpu_ns(const char *pid)
{
    char path[64];
    double sum = 0;
    unsigned long long ns;
    FILE *f;

    if (!pid)
        return 0;
    snprintf(path, sizeof(path), "cat /proc/%.10s/task/*/schedstat", pid);
    f = popen(path, "r");
    while (f && fscanf(f, "%llu %*u %*u", &ns) == 1)
        sum += (double)ns;
    if (f)
        pclose(f);
    return sum;
}

int main(int argc, char **argv)
{
    const char *pid = NULL;
    pthread_t t[64];
    uint64_t t0;
    double cpu;
    int o, i;

    while ((o = getopt(argc, argv, "p:t:s:P:")) != -1) {
        if (o == 'p')
            port = atoi(optarg);
        else if (o == 't')
            threads = atoi(optarg);
        else if (o == 's')
            seconds = atoi(optarg);
        else if (o == 'P')
            pid = optarg;
    }
    if (port < 1 || threads < 1 || threads > 64 || seconds < 1 || seconds > 60) {
        fprintf(stderr, "usage: udp_qps -p PORT [-t THREADS] [-s SECONDS] [-P PID]\n");
        return 2;
    }
    cpu = cpu_ns(pid);
    t0 = now_us();
    for (i = 0; i < threads; i++)
        pthread_create(&t[i], NULL, run, NULL);
    sleep((unsigned)seconds);
    stop = true;
    for (i = 0; i < threads; i++)
        pthread_join(t[i], NULL);
    t0 = now_us() - t0;
    printf("threads=%d replies=%llu lost=%llu per_second=%.0f cpu_ns=%.0f\n", threads,
           n_ok, n_lost, (double)n_ok * 1e6 / (double)t0,
           (cpu_ns(pid) - cpu) / (double)n_ok);
    return n_ok > 0 ? 0 : 1;
}
