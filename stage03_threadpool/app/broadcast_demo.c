/* broadcast_demo -- sends each message of a client to all clients of all threads.  The
 * handler posts one task to every thread, and each thread sends to its own connections.
 *     build/broadcast_demo PORT [THREADS]       receives message id 1, sends id 2 */
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/log.h"
#include "base/sig.h"
#include "net/evsig.h"
#include "net/mtsrv.h"
#include "net/sock.h"

#define MSG_SAY 1
#define MSG_HEAR 2

/* A message that several threads send; the last reference frees it. */
struct news {
    atomic_uint refs;
    uint32_t len;
    char text[];
};

static struct mtsrv *srv;                 /* set before a client can connect */
static unsigned n_threads = 2;

static void news_unref(void *arg)
{
    struct news *n = arg;

    if (--n->refs == 0)
        free(n);
}

static void tell_one(struct conn *c, void *arg)
{
    const struct news *n = arg;

    conn_send(c, MSG_HEAR, n->text, n->len);
}

static void tell_group(void *arg, void *group)
{
    conn_group_each(group, tell_one, arg);
    news_unref(arg);
}

static void on_say(struct conn *c, const struct frame *f, void *arg)
{
    struct news *n = f->len > 0 ? malloc(sizeof(*n) + f->len) : NULL;

    (void)c;
    (void)arg;
    if (!n)
        return;
    n->refs = n_threads;                  /* each task releases one, run or dropped */
    n->len = f->len;
    memcpy(n->text, f->body, f->len);
    mtsrv_post_all(srv, &(struct msgq_task){tell_group, news_unref, n});
}

static void on_signal(int signo, void *arg)
{
    (void)signo;
    evloop_stop(arg);
}

static int serve(int lfd, struct evloop *l, struct dispatch *d)
{
    struct mtsrv_config cfg = {.n_threads = n_threads, .conn = {.dispatch = d}};
    struct evsig *sig = NULL;
    int rc = evsig_create(&sig, l, on_signal, l);

    if (rc == 0)
        rc = dispatch_set(d, MSG_SAY, on_say, NULL);
    if (rc == 0)
        rc = mtsrv_create(&srv, l, lfd, &cfg);
    if (rc == 0)
        rc = evloop_run(l);
    mtsrv_destroy(srv);
    evsig_destroy(sig);
    return rc;
}

int main(int argc, char **argv)
{
    struct net_addr at;
    struct evloop *l = NULL;
    struct dispatch *d = NULL;
    char text[NET_ADDR_STRLEN];
    int port = argc > 1 ? net_addr_parse_port(argv[1]) : -1, lfd, rc;

    if (argc > 2)
        n_threads = (unsigned)net_addr_parse_port(argv[2]);
    if (port < 0 || n_threads < 1 || n_threads > LOOPPOOL_MAX) {
        fprintf(stderr, "usage: broadcast_demo PORT [THREADS 1..%d]\n", LOOPPOOL_MAX);
        return 2;
    }
    net_addr_set(&at, "127.0.0.1", (uint16_t)port);
    sig_ignore_pipe_and_hup();
    lfd = sock_listen(&at, 128, SOCK_NONBLOCK);
    rc = lfd < 0 ? lfd : evloop_create(&l);
    if (rc == 0)
        rc = dispatch_create(&d);
    if (rc == 0) {
        sock_local_addr(lfd, &at);
        printf("listening on %s\n", net_addr_str(&at, text));
        fflush(stdout);
        rc = serve(lfd, l, d);
    }
    dispatch_destroy(d);
    evloop_destroy(l);
    if (rc < 0)
        fprintf(stderr, "broadcast_demo: %s (%s)\n", err_text(rc), err_str(rc));
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
