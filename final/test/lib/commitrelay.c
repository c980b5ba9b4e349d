/* A COMMIT of our client is one packet of the protocol: four bytes of length and number,
 * the command 3, and the text. */
#include "commitrelay.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "../t.h"

#define COMMIT_BYTES 11

static struct sockaddr_un address(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    return a;
}

static int connect_to_server(const struct commitrelay *r)
{
    struct sockaddr_un a = address(r->to);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd != -1 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
        return fd;
    close(fd);
    return -1;
}

static bool send_all(int to, const char *text, ssize_t n)
{
    ssize_t done = 0, k = 0;

    for (; done < n && k >= 0; done += k)
        k = send(to, text + done, (size_t)(n - done), MSG_NOSIGNAL);
    return done == n;
}

/* Send the COMMIT when the test wants it, and keep the answer. */
static void pass_late(struct commitrelay *r, int server, const char *commit)
{
    unsigned char a[512];
    ssize_t n;

    while (!r->go && !r->end)
        poll(NULL, 0, 1);
    if (!send_all(server, commit, COMMIT_BYTES))
        return;
    n = recv(server, a, sizeof(a), 0);
    r->answer = n > 6 && a[4] == 0xff ? a[5] | a[6] << 8 : n > 4 && a[4] == 0 ? 0 : 1;
}

static bool is_to_be_lost(const struct commitrelay *r, const char *packet, ssize_t n)
{
    const char *text = r->statement ? r->statement : "COMMIT";

    return (r->statement ? n >= (ssize_t)strlen(text) + 5 : n == COMMIT_BYTES) &&
           memcmp(packet + 5, text, strlen(text)) == 0;
}

/* Pass on what <from> sends.  Returns false at its end, or at the COMMIT to cut at. */
static bool pass(struct commitrelay *r, int from, int to, bool of_client)
{
    char text[65536];
    ssize_t n = recv(from, text, sizeof(text), 0);
    bool commit = of_client && is_to_be_lost(r, text, n);
    enum commitrelay_cut how = r->cut;

    if (n <= 0 || (commit && how == COMMITRELAY_BEFORE))
        return false;
    if (commit && how == COMMITRELAY_LATE) {
        pass_late(r, to, text);
        return false;
    }
    if (!send_all(to, text, n))
        return false;
    if (!commit || how == COMMITRELAY_PASS)
        return true;
    recv(to, text, sizeof(text), 0);  /* the answer, which the client does not get */
    r->refuse = how == COMMITRELAY_AFTER_AND_REFUSE;
    return false;
}

static void serve_client(struct commitrelay *r, int client)
{
    int server = connect_to_server(r);
    struct pollfd p[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    bool open = server != -1;

    while (open && !r->end) {
        poll(p, 2, 10);
        if (p[0].revents)
            open = pass(r, client, server, true);
        if (open && p[1].revents)
            open = pass(r, server, client, false);
    }
    close(server);
    if (r->cut == COMMITRELAY_BEFORE && r->on_lost)
        r->on_lost();
    r->cut = COMMITRELAY_PASS;
    close(client);
}

static void *relay_main(void *arg)
{
    struct commitrelay *r = arg;
    struct pollfd p = {r->lfd, POLLIN, 0};

    while (!r->end) {
        int fd = poll(&p, 1, 10) == 1 ? accept(r->lfd, NULL, NULL) : -1;

        if (fd != -1 && r->refuse)
            close(fd);
        else if (fd != -1)
            serve_client(r, fd);
    }
    return NULL;
}

void commitrelay_start(struct commitrelay *r, const char *path, const char *to)
{
    struct sockaddr_un a = address(path);

    *r = (struct commitrelay){.answer = -1};
    snprintf(r->path, sizeof(r->path), "%s", path);
    snprintf(r->to, sizeof(r->to), "%s", to);
    unlink(path);
    r->lfd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(r->lfd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(r->lfd, 10), 0);
    assert_int_equal(pthread_create(&r->thread, NULL, relay_main, r), 0);
}

void commitrelay_stop(struct commitrelay *r)
{
    r->end = true;
    pthread_join(r->thread, NULL);
    close(r->lfd);
    unlink(r->path);
}
