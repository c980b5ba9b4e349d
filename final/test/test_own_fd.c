/* Descriptors of a library in a program that closes and opens numbers as it likes. */
#include "base/own_fd.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "t.h"

static void t_new_file_at_the_same_number_is_left_open(void **state)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC), other;
    struct own_fd f = own_fd_take(fd);

    (void)state;
    assert_true(own_fd_is_mine(&f));
    close(fd);
    assert_false(own_fd_is_mine(&f));
    other = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(other, fd);
    assert_false(own_fd_is_mine(&f));
    own_fd_close(&f);
    assert_int_equal(f.fd, -1);
    assert_int_not_equal(fcntl(other, F_GETFD), -1);
    close(other);
}

static void t_another_socket_at_the_same_number_is_left_open(void **state)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0), other;
    struct own_fd f = own_fd_take(fd);

    (void)state;
    close(fd);
    other = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(other, fd);
    own_fd_close(&f);
    assert_int_not_equal(fcntl(other, F_GETFD), -1);
    close(other);
}

static void t_own_file_is_closed(void **state)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct own_fd f = own_fd_take(fd), none = own_fd_take(-1);

    (void)state;
    own_fd_close(&f);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    own_fd_close(&f);
    own_fd_close(&none);
    assert_false(own_fd_is_mine(&none));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_new_file_at_the_same_number_is_left_open),
        cmocka_unit_test(t_another_socket_at_the_same_number_is_left_open),
        cmocka_unit_test(t_own_file_is_closed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
