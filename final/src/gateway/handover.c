/* The variable is removed once it is read, so that a program that this one starts later
 * does not take descriptors that have another meaning by then.
 * Rejected: two processes that each open the port.  It works (gateway/listeners), but a
 * visitor whose connection waits in the queue of a listener that is closed is reset, and
 * only time makes that unlikely; a socket that both processes have is never closed. */
#include "gateway/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/inherited.h"

struct handover {
    struct evloop *loop; /* NULL before handover_ready() */
    int fd;
    evloop_fn *go;
    void *arg;
};

/* The next number of "3,4,5".  False: there is none. */
static bool next_number(const char **p, int *out)
{
    char *end;
    long n = strtol(*p, &end, 10);

    if (end == *p || n < 3 || n > 1 << 24 || (*end && *end != ','))
        return false;
    *out = (int)n;
    *p = *end ? end + 1 : end;
    return true;
}

static int take_all(struct handover *h, const char *p)
{
    int fd, rc = next_number(&p, &h->fd) ? 0 : -EINVAL;

    if (rc == 0 && fcntl(h->fd, F_SETFD, FD_CLOEXEC) == -1)
        rc = -errno;
    while (rc == 0 && *p)
        rc = next_number(&p, &fd) ? inherited_add(fd) : -EINVAL;
    return rc;
}

int handover_receive(struct handover **out, char err[CONF_ERR_MAX])
{
    const char *text = getenv(HANDOVER_VARIABLE);
    struct handover *h;
    int rc;

    *out = NULL;
    if (!text)
        return 0;
    h = calloc(1, sizeof(*h));
    if (!h)
        return -ENOMEM;
    rc = take_all(h, text);
    if (rc < 0) {
        snprintf(err, CONF_ERR_MAX,
                 "the environment variable " HANDOVER_VARIABLE
                 "=%.100s does not name open listeners (%s): only a gateway sets it, "
                 "when it starts the program that follows it; unset it",
                 text, strerror(-rc));
        free(h);
        return -EINVAL;
    }
    unsetenv(HANDOVER_VARIABLE);
    *out = h;
    return 0;
}

static void stop_watching(struct handover *h)
{
    if (h->loop)
        evloop_del_fd(h->loop, h->fd);
    h->loop = NULL;
}

static void on_answer(int fd, uint32_t events, void *arg)
{
    struct handover *h = arg;
    char text[8];
    ssize_t n = recv(fd, text, sizeof(text), 0);

    (void)events;
    if (n == -1 && (errno == EAGAIN || errno == EINTR))
        return;
    stop_watching(h);
    h->go(h->arg);
}

int handover_ready(struct handover *h, struct evloop *l, evloop_fn *go, void *arg)
{
    int rc;

    if (!h)
        return 0;
    h->go = go;
    h->arg = arg;
    rc = evloop_add_fd(l, h->fd, EPOLLIN, on_answer, h);
    if (rc < 0)
        return rc;
    h->loop = l;
    /* Not delivered: the other process has ended, and the end of the socket follows. */
    send(h->fd, HANDOVER_READY, 1, MSG_NOSIGNAL);
    return 0;
}

void handover_destroy(struct handover *h)
{
    if (!h)
        return;
    stop_watching(h);
    close(h->fd);
    free(h);
}
