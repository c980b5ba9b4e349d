/* py_client -- lars.Client: opened, used by any thread, closed.
 *
 * Without the GIL another thread may close the client.  So a client counts the functions
 * that run in it, and the last one to return closes it (client_enter(), client_leave()).
 * Calls by shared memory count too, because their hooks run Python, which may release the
 * GIL.
 *
 * Rejected: a lock, which a fork could leave locked. */
#include "py_lars.h"

struct lars_client *client_opened(Client *self)
{
    if (!self->c || self->is_closed)
        PyErr_SetString(PyExc_ValueError, "the client is closed");
    return self->is_closed ? NULL : self->c;
}

void client_close_now(Client *self)
{
    lars_close(self->c);
    self->c = NULL;
}

static int client_open(Client *self, struct lars_options *opt)
{
    struct lars_hooks hooks = hooks_of(self);
    int rc;

    opt->hooks = &hooks;
    self->timeout_ms = opt->timeout_ms ? opt->timeout_ms : 200;
    rc = self->c ? -EBUSY : lars_open(&self->c, opt);
    if (rc < 0)
        error_raise(rc);
    return rc < 0 ? -1 : 0;
}

/* Before the client is open: the hooks of an open one stay. */
static int set_on_end(Client *self, PyObject *on_end)
{
    PyObject *old = self->on_end;

    if (on_end == Py_None || self->c)
        return 0;
    if (!PyCallable_Check(on_end)) {
        PyErr_Format(PyExc_TypeError, "on_end: %R is not callable", on_end);
        return -1;
    }
    self->on_end = Py_NewRef(on_end);
    Py_XDECREF(old);
    return 0;
}

static int client_init(PyObject *o, PyObject *args, PyObject *kw)
{
    static char *names[] = {"address", "port", "dir", "timeout_ms", "on_end", NULL};
    struct lars_options opt = {.size = sizeof(opt)};
    PyObject *port = NULL, *dir = NULL, *timeout = NULL, *path = NULL;
    PyObject *on_end = Py_None;
    uint64_t p = 0, t = 0;
    int rc;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "|zOOOO", names, &opt.address, &port, &dir,
                                     &timeout, &on_end) ||
        (port && arg_number("port", port, UINT16_MAX, &p) < 0) ||
        (timeout && arg_number("timeout_ms", timeout, LARS_TIMEOUT_MAX_MS, &t) < 0) ||
        set_on_end((Client *)o, on_end) < 0 ||
        (dir && dir != Py_None && !PyUnicode_FSConverter(dir, &path)))
        return -1;
    opt.port = (uint16_t)p;
    opt.timeout_ms = (uint32_t)t;
    opt.dir = path ? PyBytes_AsString(path) : NULL;
    rc = client_open((Client *)o, &opt);
    Py_XDECREF(path);
    return rc;
}

static int client_traverse(PyObject *o, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(o));
    Py_VISIT(((Client *)o)->on_end); /* it may refer to the client */
    return 0;
}

static int client_clear(PyObject *o)
{
    Py_CLEAR(((Client *)o)->on_end);
    return 0;
}

static void client_dealloc(PyObject *o)
{
    PyTypeObject *t = Py_TYPE(o);
    freefunc free_it = (freefunc)PyType_GetSlot(t, Py_tp_free);

    PyObject_GC_UnTrack(o);
    lars_close(((Client *)o)->c);
    client_clear(o);
    free_it(o);
    Py_DECREF((PyObject *)t);
}

static PyObject *client_close(PyObject *o, PyObject *arg)
{
    Client *self = (Client *)o;

    (void)arg;
    self->is_closed = true;
    if (self->n_waiting == 0)
        client_close_now(self);
    return Py_NewRef(Py_None);
}

static PyObject *client_exit(PyObject *o, PyObject *const *arg, Py_ssize_t n)
{
    (void)arg;
    (void)n;
    return client_close(o, NULL);
}

static PyObject *client_self(PyObject *o, PyObject *arg)
{
    (void)arg;
    return Py_NewRef(o);
}

static PyMethodDef client_methods[] = {
    {"get_host", FAST(client_get_host),
     "get_host($self, modid, cmdid, key=0, /)\n--\n\nBegin a call: pick a node for it."},
    {"get_host_nowait", FAST(client_get_host_nowait),
     "get_host_nowait($self, modid, cmdid, key=0, /)\n--\n\nAs get_host(), by shared "
     "memory only: "
     "errno is EINPROGRESS where get_host() would wait."},
    {"register", FAST(client_register),
     "register($self, modid, cmdid, /)\n--\n\nLoad the routes of a module before they "
     "are needed."},
    {"route", FAST(client_route),
     "route($self, modid, cmdid, /)\n--\n\nAll nodes of a module: a list of (ip, port)."},
    {"attempts", (PyCFunction)(void (*)(void))client_attempts,
     METH_VARARGS | METH_KEYWORDS,
     "attempts($self, modid, cmdid, idempotent=False, attempts=3, timeout_ms=1000, "
     "key=0, budget=None)\n--\n\nThe nodes to try for one request, until one is reported "
     "as "
     "successful."},
    {"close", client_close, METH_NOARGS,
     "close($self, /)\n--\n\nClose the client; a second call does nothing."},
    {"status", client_status, METH_NOARGS,
     "status($self, /)\n--\n\nThe way of the calls now, and the counters: a Status."},
    {"__enter__", client_self, METH_NOARGS,
     "__enter__($self, /)\n--\n\nThe client itself."},
    {"__exit__", FAST(client_exit), EXIT_DOC("__exit__") "Close the client."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot client_slots[] = {
    {Py_tp_init, client_init},
    {Py_tp_dealloc, client_dealloc},
    {Py_tp_traverse, client_traverse},
    {Py_tp_clear, client_clear},
    {Py_tp_methods, client_methods},
    {Py_tp_doc,
     "Client(address=None, port=0, dir=None, timeout_ms=0, on_end=None)\n--\n\n"
     "A client of the agent of this host.  Any thread may use it.  on_end(Ended) is "
     "called after each call, in its thread."},
    {0, NULL}};
static PyType_Spec client_spec = {"lars.Client", sizeof(Client), 0,
                                  Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC, client_slots};

int client_add(PyObject *m)
{
    static PyTypeObject *type;

    return module_add_type(m, &client_spec, &type);
}
