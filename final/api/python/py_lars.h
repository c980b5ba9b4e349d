/* py_lars.h -- what the files of the module share: its objects, and the functions that one
 * file has and others call.  Each *_add() creates the types of its file and puts them into
 * the module; it returns 0, or -1 with an exception.  All need the GIL. */
#ifndef LARS_PY_LARS_H
#define LARS_PY_LARS_H

#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030A0000
#include <Python.h>

#include <errno.h>
#include <stdbool.h>

#include "lars.h"
#include "lars_nowait.h"
#include "lars_retry.h"
#include "lars_status.h"

typedef struct {
    PyObject_HEAD struct lars_client *c; /* NULL = closed */
    PyObject *on_end; /* a reference, or NULL */
    unsigned n_waiting; /* functions that run in it */
    uint32_t timeout_ms;
    bool is_closed; /* the last of them closes c */
} Client;

typedef struct {
    PyObject_HEAD Client *client; /* a reference */
    struct lars_host h;
    bool from_file, ended;
    bool by_udp; /* reporting it is a system call */
    enum lars_outcome outcome; /* when it has ended */
} Host;

extern const char *const outcome_names[]; /* by enum lars_outcome */

#define FAST(f) (PyCFunction)(void (*)(void))(f), METH_FASTCALL
#define EXIT_DOC(name) name "($self, exc_type, exc, tb, /)\n--\n\n"

/* --- py_error.c --------------------------------------------------------------------- */

/* Sets the exception for <rc>, unless one is set (a signal handler's).  Returns NULL. */
PyObject *error_raise(int rc);
int error_add(PyObject *m);

/* --- py_arg.c: 0, or -1 with an exception ------------------------------------------- */

/* Replaces the TypeError of PyNumber_Index(), which does not name the argument. */
int arg_not_int(const char *name, PyObject *arg);

/* <arg> as a number from 0 to <max>; the exception names <name>. */
int arg_number(const char *name, PyObject *arg, uint64_t max, uint64_t *out);

/* An int of 64 bit, signed or not, or a str or bytes, of which lars_key() makes one. */
int arg_key(PyObject *arg, uint64_t *out);

/* modid and cmdid, the first two of <n> arguments, of which <max> are allowed. */
int arg_module(PyObject *const *arg, Py_ssize_t n, Py_ssize_t max, uint32_t m[2]);

/* --- py_client.c -------------------------------------------------------------------- */

/* NULL with an exception when the client is closed. */
struct lars_client *client_opened(Client *self);
void client_close_now(Client *self);
int client_add(PyObject *m);

static inline void client_enter(Client *self)
{
    self->n_waiting++;
}

static inline void client_leave(Client *self)
{
    if (--self->n_waiting == 0 && self->is_closed)
        client_close_now(self);
}

/* Run <call> without the GIL.  The client is not closed meanwhile. */
#define WAIT_IN(self, call)                                                              \
    do {                                                                                 \
        client_enter(self);                                                              \
        Py_BEGIN_ALLOW_THREADS call;                                                     \
        Py_END_ALLOW_THREADS client_leave(self);                                         \
    } while (0)

/* --- py_call.c, py_attempts.c, py_status.c: methods of a client ---------------------- */

PyObject *client_get_host(PyObject *o, PyObject *const *arg, Py_ssize_t n);
PyObject *client_get_host_nowait(PyObject *o, PyObject *const *arg, Py_ssize_t n);
PyObject *client_register(PyObject *o, PyObject *const *arg, Py_ssize_t n);
PyObject *client_route(PyObject *o, PyObject *const *arg, Py_ssize_t n);
PyObject *client_attempts(PyObject *o, PyObject *args, PyObject *kw);
PyObject *client_status(PyObject *o, PyObject *arg);
int attempts_add(PyObject *m);
int status_add(PyObject *m);

/* --- py_hooks.c --------------------------------------------------------------------- */

/* The hooks of <self>, which lars_open() copies. */
struct lars_hooks hooks_of(Client *self);
int hooks_add(PyObject *m);

/* --- py_host.c, py_await.c ----------------------------------------------------------- */

/* A host without a node yet; NULL with an exception. */
Host *host_new(Client *c);

/* (ip, port) */
PyObject *host_address_of(const struct lars_addr *a);
int host_add(PyObject *m);

/* An awaitable that is done.  Takes the reference <value>, or NULL with an exception. */
PyObject *await_done(PyObject *value);
int await_add(void);

/* --- py_module.c -------------------------------------------------------------------- */

/* The type of <spec>, in <out> and in the module. */
int module_add_type(PyObject *m, PyType_Spec *spec, PyTypeObject **out);

#endif
