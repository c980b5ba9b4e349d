/* A node is a fork of this process and not a program, so that the demonstration needs no
 * file beside larsctl.  It may be forked while other threads run: the child makes system
 * calls only.
 *
 * Invariant: no node outlives this process.  The kernel kills it when its parent ends,
 * however that happens (PR_SET_PDEATHSIG). */
#include "ctl/demo_nodes.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sig.h"
#include "net/sock.h"

#define BACKLOG 128
#define CLIENT_MS 1000

static void answer(int fd)
{
    char byte;

    if (sock_set_timeout(fd, CLIENT_MS) == 0 && sock_read(fd, &byte, 1) == 1)
        sock_write_all(fd, &byte, 1);
    close(fd);
}

/* In the child; never returns. */
static void serve(int lfd, pid_t parent)
{
    int fd;

    /* Ctrl-C is for the parent, which still shows how calls end. */
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) == -1 || getppid() != parent ||
        sig_set(SIGINT, SIG_IGN) < 0 || sig_set(SIGTERM, SIG_DFL) < 0 ||
        dup2(lfd, 0) == -1 || close_range(1, ~0u, 0) == -1)
        _exit(1);
    for (;;) {
        fd = sock_accept(0, 0, NULL);
        if (fd >= 0)
            answer(fd);
        else if (sock_accept_verdict(fd) == SOCK_BROKEN)
            _exit(1);
    }
}

int demo_nodes_start(struct demo_node *n)
{
    int lfd = sock_listen(&n->at, BACKLOG, 0);
    pid_t parent = getpid();
    int rc;

    if (lfd < 0)
        return lfd;
    rc = sock_local_addr(lfd, &n->at);
    if (rc == 0) {
        n->pid = fork();
        if (n->pid == 0)
            serve(lfd, parent);
        rc = n->pid == -1 ? -errno : 0;
        n->pid = n->pid == -1 ? 0 : n->pid;
    }
    close(lfd);
    return rc;
}

void demo_nodes_kill(struct demo_node *n)
{
    if (n->pid <= 0)
        return;
    kill(n->pid, SIGKILL);
    while (waitpid(n->pid, NULL, 0) == -1 && errno == EINTR)
        continue;
    n->pid = 0;
}

int demo_nodes_call(const struct net_addr *at, uint32_t timeout_ms)
{
    int fd = sock_connect(at, timeout_ms);
    char byte = 'x';
    ssize_t n;
    int rc;

    if (fd < 0)
        return fd;
    rc = sock_write_all(fd, &byte, 1);
    if (rc == 0) {
        n = sock_read(fd, &byte, 1);
        rc = n == 1 ? 0 : n == 0 ? -ECONNRESET : (int)n;
    }
    close(fd);
    return rc;
}
