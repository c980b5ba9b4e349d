/* The domains and types of socket(2).  These tests assert the rows of the lesson's table
 * against the running kernel, as far as a test without privileges can. */
#include "t.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

static void send_two(int type, int fd[2])
{
    assert_int_equal(socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fd), 0);
    assert_int_equal(send(fd[0], "abc", 3, 0), 3);
    assert_int_equal(send(fd[0], "de", 2, 0), 2);
}

static void t_stream_joins_two_sends(void **state)
{
    char buf[16];
    int fd[2];

    (void)state;
    send_two(SOCK_STREAM, fd);
    assert_int_equal(recv(fd[1], buf, sizeof(buf), 0), 5);
    close(fd[0]);
    assert_int_equal(recv(fd[1], buf, sizeof(buf), 0), 0);      /* end of the stream */
    close(fd[1]);
}

static void t_seqpacket_keeps_messages_and_has_an_end(void **state)
{
    char buf[16];
    int fd[2];

    (void)state;
    send_two(SOCK_SEQPACKET, fd);
    assert_int_equal(recv(fd[1], buf, sizeof(buf), 0), 3);
    assert_int_equal(recv(fd[1], buf, sizeof(buf), 0), 2);
    close(fd[0]);
    assert_int_equal(recv(fd[1], buf, sizeof(buf), 0), 0);
    close(fd[1]);
}

static void t_dgram_keeps_messages_and_cuts_what_does_not_fit(void **state)
{
    char buf[16];
    int fd[2];

    (void)state;
    send_two(SOCK_DGRAM, fd);
    assert_int_equal(recv(fd[1], buf, 2, 0), 2);                /* the "c" is lost */
    assert_int_equal(recv(fd[1], buf, sizeof(buf), 0), 2);
    assert_memory_equal(buf, "de", 2);
    close(fd[0]);
    close(fd[1]);
}

static int type_of(int domain, int type)
{
    socklen_t len = sizeof(type);
    int fd = socket(domain, type | SOCK_CLOEXEC, 0);
    int rc;

    if (fd == -1)
        return -errno;
    rc = getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len);
    close(fd);
    return rc == -1 ? -errno : type;
}

static void t_internet_sockets_are_stream_and_dgram(void **state)
{
    (void)state;
    assert_int_equal(type_of(AF_INET, SOCK_STREAM), SOCK_STREAM);
    assert_int_equal(type_of(AF_INET, SOCK_DGRAM), SOCK_DGRAM);
    assert_int_equal(type_of(AF_INET, SOCK_RDM), -ESOCKTNOSUPPORT);
    assert_int_equal(type_of(AF_UNIX, SOCK_SEQPACKET), SOCK_SEQPACKET);
    assert_int_equal(type_of(12345, SOCK_STREAM), -EAFNOSUPPORT);
}

static void t_cloexec_is_asked_for_when_the_socket_is_made(void **state)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int plain = socket(AF_INET, SOCK_STREAM, 0);

    (void)state;
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fcntl(plain, F_GETFD) & FD_CLOEXEC, 0);
    close(fd);
    close(plain);
}

static void t_byte_order_htons_puts_the_high_byte_first(void **state)
{
    uint16_t be = htons(0x1234);
    uint8_t b[2];

    (void)state;
    memcpy(b, &be, 2);
    assert_int_equal(b[0], 0x12);
    assert_int_equal(b[1], 0x34);
    assert_int_equal(ntohs(be), 0x1234);
    assert_int_equal(ntohl(htonl(0x12345678)), 0x12345678);
}

T_MAIN(T(t_stream_joins_two_sends), T(t_seqpacket_keeps_messages_and_has_an_end),
       T(t_dgram_keeps_messages_and_cuts_what_does_not_fit),
       T(t_internet_sockets_are_stream_and_dgram),
       T(t_cloexec_is_asked_for_when_the_socket_is_made),
       T(t_byte_order_htons_puts_the_high_byte_first))
