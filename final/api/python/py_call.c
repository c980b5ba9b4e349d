/* py_call -- the functions of a client that may wait: a node for a call, the routes of a
 * module.
 *
 * The GIL is held during a call by shared memory, which is shorter than releasing the GIL
 * would be.  It is released wherever a function may wait or makes a system call. */
#include "py_lars.h"

/* By UDP or from the file, within the time of the client. */
static int wait_for_host(Client *c, const uint32_t m[2], uint64_t key, Host *h)
{
    int rc;

    WAIT_IN(c, rc = lars_get_host_key(c->c, m[0], m[1], key, &h->h));
    return rc;
}

/* By shared memory; else, when <may_wait>, by UDP or from the file. */
static int get_host(Client *c, const uint32_t m[2], uint64_t key, bool may_wait, Host *h)
{
    int rc;

    client_enter(c);
    rc = lars_nowait_get(c->c, m[0], m[1], key, &h->h);
    client_leave(c);
    if ((rc != -EINPROGRESS && rc != -ENOTCONN) || !may_wait)
        return rc;
    if (!client_opened(c)) /* by the handler of a log record */
        return -EINTR;
    h->by_udp = true;
    rc = wait_for_host(c, m, key, h);
    h->from_file = rc == 1;
    return rc;
}

static PyObject *new_call(PyObject *o, PyObject *const *arg, Py_ssize_t n, bool may_wait)
{
    Client *self = (Client *)o;
    uint64_t key = 0;
    uint32_t m[2];
    Host *h;
    int rc;

    if (arg_module(arg, n, 3, m) < 0 || (n == 3 && arg_key(arg[2], &key) < 0) ||
        !client_opened(self))
        return NULL;
    h = host_new(self);
    if (!h)
        return NULL;
    rc = get_host(self, m, key, may_wait, h);
    if (rc >= 0)
        return (PyObject *)h;
    Py_DECREF((PyObject *)h);
    return error_raise(rc);
}

PyObject *client_get_host(PyObject *o, PyObject *const *arg, Py_ssize_t n)
{
    return new_call(o, arg, n, true);
}

PyObject *client_get_host_nowait(PyObject *o, PyObject *const *arg, Py_ssize_t n)
{
    return new_call(o, arg, n, false);
}

PyObject *client_register(PyObject *o, PyObject *const *arg, Py_ssize_t n)
{
    Client *self = (Client *)o;
    uint32_t m[2];
    int rc;

    if (arg_module(arg, n, 2, m) < 0 || !client_opened(self))
        return NULL;
    WAIT_IN(self, rc = lars_register(self->c, m[0], m[1]));
    return rc < 0 ? error_raise(rc) : Py_NewRef(Py_None);
}

PyObject *client_route(PyObject *o, PyObject *const *arg, Py_ssize_t n)
{
    Client *self = (Client *)o;
    struct lars_addr *at = NULL, *more;
    unsigned max = 64;
    PyObject *list = NULL;
    uint32_t m[2];
    int rc = -E2BIG, i;

    if (arg_module(arg, n, 2, m) < 0 || !client_opened(self))
        return NULL;
    for (; rc == -E2BIG; max *= 4) {
        more = PyMem_Realloc(at, max * sizeof(*at));
        if (!more) {
            PyMem_Free(at);
            return PyErr_NoMemory();
        }
        at = more;
        if (self->is_closed)
            rc = -EBADF;
        else
            WAIT_IN(self, rc = lars_get_route(self->c, m[0], m[1], at, max));
    }
    if (rc < 0)
        error_raise(rc);
    else
        list = PyList_New(rc);
    for (i = 0; list && i < rc; i++) {
        PyObject *a = host_address_of(&at[i]);

        if (!a || PyList_SetItem(list, i, a) < 0)
            Py_CLEAR(list);
    }
    PyMem_Free(at);
    return list;
}
