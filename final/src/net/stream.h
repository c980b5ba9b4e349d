/* stream -- one TCP connection as a stream of bytes, on an event loop: for protocols that
 * are not made of frames, such as HTTP (for frames: net/conn.h).  It is a member of the
 * object that uses it.  What cannot be sent at once waits in it; when STREAM_HIGH bytes
 * wait, the owner should stop producing until on_drain.
 *
 * A stream never ends by itself: on_event tells its owner what happened, and the owner
 * calls stream_close(), also inside a callback.
 * Thread: loop. */
#ifndef LARS_NET_STREAM_H
#define LARS_NET_STREAM_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "net/evloop.h"

#define STREAM_HIGH 65536 /* bytes that wait: stop producing */
#define STREAM_LOW 16384 /* on_drain is called at or below this */

struct stream;

/* The functions that read and write the bytes, so that TLS can replace them
 * (net/tls_stream).  read and write return as sock_read() and sock_write() do; the others
 * return 0, or -EAGAIN after stream_io_wait(), or another -errno. */
struct stream_io {
    ssize_t (*read)(struct stream *s, void *buf, size_t len);
    ssize_t (*write)(struct stream *s, const void *buf, size_t len);
    int (*connect)(struct stream *s); /* the beginning, if it is opened connecting */
    int (*shutdown)(struct stream *s); /* the last bytes; NULL = none */
    void (*wanted)(struct stream *s); /* reading is on again; NULL = nothing to do */
    void (*close)(struct stream *s); /* NULL = nothing besides close(2) */
};

struct stream_owner {
    void (*on_input)(struct stream *s); /* there are bytes, or the end, or an error */
    void (*on_drain)(struct stream *s); /* STREAM_LOW or less wait again */
    void (*on_error)(struct stream *s, int rc); /* sending failed: -EPIPE ... */
    void (*on_connect)(struct stream *s, int rc); /* of one that is opened connecting */
};

struct stream { /* only stream.c and an io write the fields */
    struct evloop *loop;
    const struct stream_owner *owner;
    const struct stream_io *io;
    void *io_arg;
    struct buf out;
    int fd; /* -1 = closed */
    uint32_t events; /* registered now */
    uint32_t io_events; /* those that the io waits for, besides our own */
    bool reading, connecting, high, finishing, shutting;
};

/* Use the connected, non-blocking <fd>.  Takes <fd>, on failure as well.  Borrows
 * <owner>. Reading is on.  Returns 0 or an error of evloop_add_fd(). */
int stream_open(struct stream *s, struct evloop *l, int fd,
                const struct stream_owner *owner);

/* As stream_open(), for a socket of sock_connect_start(): on_connect is called once, with
 * 0 or the error; before that nothing can be read, and what is written waits. */
int stream_open_connecting(struct stream *s, struct evloop *l, int fd,
                           const struct stream_owner *owner);

/* As stream_open_connecting(), for the bytes of <io>, which gets <io_arg>; io->connect is
 * called at each of <events>, until it returns something else than -EAGAIN.  Borrows
 * <io>.  On failure io->close is not called. */
int stream_open_io(struct stream *s, struct evloop *l, int fd,
                   const struct stream_owner *owner, const struct stream_io *io,
                   void *io_arg, uint32_t events);

/* At once and without a callback; frees what waits.  Closed already: nothing. */
void stream_close(struct stream *s);
bool stream_is_open(const struct stream *s);

/* Returns the number of bytes; 0 at the end of the peer's stream; -EAGAIN; -errno. */
ssize_t stream_read(struct stream *s, void *buf, size_t len);

/* Send, and keep a copy of what the socket does not accept.  Returns 0; -EPIPE when it is
 * closed; -ENOMEM; another -errno: the stream cannot be used, on_error is not called. */
int stream_write(struct stream *s, const void *p, size_t len);

size_t stream_waiting(const struct stream *s); /* bytes to be sent */

/* Nothing more will be written: on_drain is called when the last byte has been sent, and
 * not before.  Nothing waits already: it is not called. */
void stream_finish(struct stream *s);

/* Nothing waits, and our side sends no more: the peer sees the end of the stream. */
void stream_shutdown(struct stream *s);

/* The next bytes are wanted, or not now. */
void stream_read_on(struct stream *s);
void stream_read_off(struct stream *s);

/* Watch <s> in another owner's name from now on: for a connection that goes from a pool
 * to its user. */
void stream_set_owner(struct stream *s, const struct stream_owner *owner);

/* --- for an io ---------------------------------------------------------------------- */

/* The io can go on at <events>: it is called again then. */
void stream_io_wait(struct stream *s, uint32_t events);

/* Call on_input if the owner wants bytes: for bytes that the socket does not show. */
void stream_io_input(struct stream *s);

#endif
