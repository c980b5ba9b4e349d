/* larsmodule -- Lars for Python: one extension for Python 3.10 and all later versions,
 * because it uses the stable ABI only.
 *
 * The GIL is held during a call by shared memory, which is shorter than releasing the GIL
 * would be.  It is released wherever a function may wait or makes a system call.
 *
 * Without the GIL another thread may close the client.  So a client counts the functions
 * that run in it, and the last one to return closes it (WAIT_IN(), leave()).
 *
 * Rejected: ctypes, which converts arguments and results in Python for each call. */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030A0000
#include <Python.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "lars.h"
#include "lars_nowait.h"
#include "lars_retry.h"

static PyObject *Error;
static PyTypeObject *ClientType, *HostType, *AttemptsType, *BudgetType;

typedef struct {
    PyObject_HEAD struct lars_client *c; /* NULL = closed */
    unsigned n_waiting;               /* calls without the GIL */
    bool is_closed;                   /* the last of them closes c */
} Client;

typedef struct {
    PyObject_HEAD Client *client;     /* a reference */
    struct lars_host h;
    bool from_file, reported;
    bool by_udp;                      /* reporting it is a system call */
    int retcode;                      /* as it was reported */
} Host;

typedef struct {
    PyObject_HEAD struct lars_budget b;
} Budget;

typedef struct {
    PyObject_HEAD Client *client;     /* references */
    Budget *budget;                   /* or NULL */
    Host *last;                       /* or NULL */
    struct lars_retry r;
    int error;                        /* why there is no further attempt; 0 = none */
} Attempts;

/* --- errors ------------------------------------------------------------------------- */

static PyObject *raise(int rc)
{
    PyObject *args = Py_BuildValue("(is)", -rc, lars_strerror(rc));

    if (args) {
        PyErr_SetObject(Error, args); /* of OSError: errno, strerror */
        Py_DECREF(args);
    }
    return NULL;
}

static struct lars_client *opened(Client *self)
{
    if (!self->c || self->is_closed)
        PyErr_SetString(PyExc_ValueError, "the client is closed");
    return self->is_closed ? NULL : self->c;
}

/* Run <call> without the GIL.  The client is not closed meanwhile. */
#define WAIT_IN(self, call)                                                              \
    do {                                                                                 \
        (self)->n_waiting++;                                                             \
        Py_BEGIN_ALLOW_THREADS call;                                                     \
        Py_END_ALLOW_THREADS leave(self);                                                \
    } while (0)

static void close_now(Client *self)
{
    lars_close(self->c);
    self->c = NULL;
}

static void leave(Client *self)
{
    if (--self->n_waiting == 0 && self->is_closed)
        close_now(self);
}

/* --- a host ------------------------------------------------------------------------- */

static Host *new_host(Client *c)
{
    Host *h = PyObject_New(Host, HostType);

    if (!h)
        return NULL;
    h->client = (Client *)Py_NewRef((PyObject *)c);
    h->from_file = h->reported = h->by_udp = false;
    h->retcode = 0;
    return h;
}

static void host_dealloc(PyObject *o)
{
    PyTypeObject *t = Py_TYPE(o);

    Py_DECREF((PyObject *)((Host *)o)->client);
    PyObject_Free(o);
    Py_DECREF((PyObject *)t);
}

static PyObject *host_ip(PyObject *o, void *arg)
{
    const struct lars_addr *a = &((Host *)o)->h.addr;
    char text[INET6_ADDRSTRLEN] = "";

    (void)arg;
    inet_ntop(a->family, a->ip, text, sizeof(text));
    return PyUnicode_FromString(text);
}

static PyObject *host_port(PyObject *o, void *arg)
{
    (void)arg;
    return PyLong_FromLong(((Host *)o)->h.addr.port);
}

static PyObject *host_address(PyObject *o, void *arg)
{
    PyObject *ip = host_ip(o, arg);

    return ip ? Py_BuildValue("(Ni)", ip, (int)((Host *)o)->h.addr.port) : NULL;
}

static PyObject *host_from_file(PyObject *o, void *arg)
{
    (void)arg;
    return PyBool_FromLong(((Host *)o)->from_file);
}

static PyGetSetDef host_fields[] = {
    {"ip", host_ip, NULL, "the address of the node as text", NULL},
    {"port", host_port, NULL, "the port of the node", NULL},
    {"address", host_address, NULL, "(ip, port), the argument of socket.connect()", NULL},
    {"from_file", host_from_file, NULL,
     "is the node from the file of routes, because the agent does not answer?", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static int report(Host *h, int retcode)
{
    int rc;

    if (!h->client->c || h->client->is_closed)
        return -EBADF;
    h->reported = true;
    h->retcode = retcode;
    if (!h->by_udp)
        return lars_report(h->client->c, &h->h, retcode);
    WAIT_IN(h->client, rc = lars_report(h->client->c, &h->h, retcode));
    return rc;
}

static PyObject *host_report(PyObject *o, PyObject *const *arg, Py_ssize_t n)
{
    long retcode = 0;
    int rc;

    if (n > 1) {
        PyErr_SetString(PyExc_TypeError, "report(retcode=0)");
        return NULL;
    }
    if (n == 1) {
        retcode = PyLong_AsLong(arg[0]);
        if (retcode == -1 && PyErr_Occurred())
            return NULL;
    }
    rc = report((Host *)o, (int)retcode);
    return rc < 0 ? raise(rc) : Py_NewRef(Py_None);
}

static PyObject *host_enter(PyObject *o, PyObject *arg)
{
    (void)arg;
    return Py_NewRef(o);
}

/* The body has ended.  An exception means failure, unless the body reported the call. */
static PyObject *host_exit(PyObject *o, PyObject *const *arg, Py_ssize_t n)
{
    Host *h = (Host *)o;

    if (!h->reported)
        report(h, n > 0 && arg[0] != Py_None); /* too late: ignored, as in C */
    return Py_NewRef(Py_False);
}

static PyMethodDef host_methods[] = {
    {"report", (PyCFunction)(void (*)(void))host_report, METH_FASTCALL,
     "report(retcode=0)\n--\n\nReport how the call went, once; 0 means success."},
    {"__enter__", host_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)(void (*)(void))host_exit, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL}};

static PyType_Slot host_slots[] = {
    {Py_tp_dealloc, host_dealloc},
    {Py_tp_methods, host_methods},
    {Py_tp_getset, host_fields},
    {Py_tp_doc, "A node for one call.  As a context manager it reports the call: as "
                "failed when the body raises an exception, else as successful."},
    {0, NULL}};
static PyType_Spec host_spec = {"lars.Host", sizeof(Host), 0,
                                Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                host_slots};

/* --- a client ----------------------------------------------------------------------- */

static int client_init(PyObject *o, PyObject *args, PyObject *kw)
{
    static char *names[] = {"address", "port", "dir", "timeout_ms", NULL};
    struct lars_options opt = {.size = sizeof(opt)};
    Client *self = (Client *)o;
    unsigned int port = 0, timeout_ms = 0;
    int rc;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "|zIzI", names, &opt.address, &port,
                                     &opt.dir, &timeout_ms))
        return -1;
    if (port > UINT16_MAX)
        rc = -EINVAL;
    else if (!opt.address && !port && !opt.dir && !timeout_ms)
        rc = self->c ? 0 : lars_open(&self->c, NULL); /* from the environment */
    else {
        opt.port = (uint16_t)port;
        opt.timeout_ms = timeout_ms;
        rc = self->c ? -EBUSY : lars_open(&self->c, &opt);
    }
    if (rc < 0)
        raise(rc);
    return rc < 0 ? -1 : 0;
}

static void client_dealloc(PyObject *o)
{
    PyTypeObject *t = Py_TYPE(o);
    freefunc free_it = (freefunc)PyType_GetSlot(t, Py_tp_free);

    lars_close(((Client *)o)->c);
    free_it(o);
    Py_DECREF((PyObject *)t);
}

/* <arg> as a uint32_t or uint64_t; -1 with an exception. */
static int number(PyObject *arg, uint64_t max, uint64_t *out)
{
    unsigned long long v = PyLong_AsUnsignedLongLong(arg);

    if (v == (unsigned long long)-1 && PyErr_Occurred())
        return -1;
    if (v > max) {
        PyErr_SetString(PyExc_OverflowError, "too large");
        return -1;
    }
    *out = v;
    return 0;
}

static int module_of(PyObject *const *arg, Py_ssize_t n, Py_ssize_t max, uint32_t m[2])
{
    uint64_t a = 0, b = 0;

    if (n < 2 || n > max) {
        PyErr_SetString(PyExc_TypeError, "want (modid, cmdid, ...)");
        return -1;
    }
    if (number(arg[0], UINT32_MAX, &a) < 0 || number(arg[1], UINT32_MAX, &b) < 0)
        return -1;
    m[0] = (uint32_t)a;
    m[1] = (uint32_t)b;
    return 0;
}

/* By shared memory; else, when <may_wait>, by UDP or from the file. */
static int get_host(Client *c, const uint32_t m[2], uint64_t key, bool may_wait, Host *h)
{
    int rc = lars_nowait_get(c->c, m[0], m[1], key, &h->h);

    if ((rc != -EINPROGRESS && rc != -ENOTCONN) || !may_wait)
        return rc;
    WAIT_IN(c, rc = lars_get_host_key(c->c, m[0], m[1], key, &h->h));
    h->by_udp = true;
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

    if (module_of(arg, n, 3, m) < 0 || (n == 3 && number(arg[2], UINT64_MAX, &key) < 0) ||
        !opened(self))
        return NULL;
    h = new_host(self);
    if (!h)
        return NULL;
    rc = get_host(self, m, key, may_wait, h);
    if (rc >= 0)
        return (PyObject *)h;
    Py_DECREF((PyObject *)h);
    return raise(rc);
}

static PyObject *client_get_host(PyObject *o, PyObject *const *arg, Py_ssize_t n)
{
    return new_call(o, arg, n, true);
}

static PyObject *client_get_host_nowait(PyObject *o, PyObject *const *arg, Py_ssize_t n)
{
    return new_call(o, arg, n, false);
}

static PyObject *client_register(PyObject *o, PyObject *const *arg, Py_ssize_t n)
{
    Client *self = (Client *)o;
    uint32_t m[2];
    int rc;

    if (module_of(arg, n, 2, m) < 0 || !opened(self))
        return NULL;
    WAIT_IN(self, rc = lars_register(self->c, m[0], m[1]));
    return rc < 0 ? raise(rc) : Py_NewRef(Py_None);
}

static PyObject *address_of(const struct lars_addr *a)
{
    char text[INET6_ADDRSTRLEN] = "";

    inet_ntop(a->family, a->ip, text, sizeof(text));
    return Py_BuildValue("(si)", text, (int)a->port);
}

static PyObject *client_route(PyObject *o, PyObject *const *arg, Py_ssize_t n)
{
    Client *self = (Client *)o;
    struct lars_addr *at = NULL, *more;
    unsigned max = 64;
    PyObject *list = NULL;
    uint32_t m[2];
    int rc = -E2BIG, i;

    if (module_of(arg, n, 2, m) < 0 || !opened(self))
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
        raise(rc);
    else
        list = PyList_New(rc);
    for (i = 0; list && i < rc; i++) {
        PyObject *a = address_of(&at[i]);

        if (!a || PyList_SetItem(list, i, a) < 0)
            Py_CLEAR(list);
    }
    PyMem_Free(at);
    return list;
}

static PyObject *client_attempts(PyObject *o, PyObject *args, PyObject *kw)
{
    static char *names[] = {"modid",      "cmdid", "idempotent", "attempts",
                            "timeout_ms", "key",   "budget",     NULL};
    struct lars_retry r = {.size = sizeof(r)};
    unsigned long long key = 0;
    PyObject *budget = NULL;
    int idempotent = 0;
    Attempts *a;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "II|pIIKO!", names, &r.modid, &r.cmdid,
                                     &idempotent, &r.attempts, &r.timeout_ms, &key,
                                     BudgetType, &budget) ||
        !opened((Client *)o))
        return NULL;
    a = PyObject_New(Attempts, AttemptsType);
    if (!a)
        return NULL;
    a->client = (Client *)Py_NewRef(o);
    a->budget = (Budget *)Py_XNewRef(budget);
    a->last = NULL;
    a->error = 0;
    a->r = r;
    a->r.idempotent = (uint32_t)idempotent;
    a->r.key = key;
    a->r.budget = a->budget ? &a->budget->b : NULL;
    return (PyObject *)a;
}

static PyObject *client_close(PyObject *o, PyObject *arg)
{
    Client *self = (Client *)o;

    (void)arg;
    self->is_closed = true;
    if (self->n_waiting == 0)
        close_now(self);
    return Py_NewRef(Py_None);
}

static PyObject *client_exit(PyObject *o, PyObject *const *arg, Py_ssize_t n)
{
    (void)arg;
    (void)n;
    return client_close(o, NULL);
}

static PyMethodDef client_methods[] = {
    {"get_host", (PyCFunction)(void (*)(void))client_get_host, METH_FASTCALL,
     "get_host(modid, cmdid, key=0)\n--\n\nBegin a call: pick a node for it."},
    {"get_host_nowait", (PyCFunction)(void (*)(void))client_get_host_nowait,
     METH_FASTCALL,
     "get_host_nowait(modid, cmdid, key=0)\n--\n\nAs get_host(), by shared memory only: "
     "errno is EINPROGRESS where get_host() would wait."},
    {"register", (PyCFunction)(void (*)(void))client_register, METH_FASTCALL,
     "register(modid, cmdid)\n--\n\nLoad the routes of a module before they are needed."},
    {"route", (PyCFunction)(void (*)(void))client_route, METH_FASTCALL,
     "route(modid, cmdid)\n--\n\nAll nodes of a module: a list of (ip, port)."},
    {"attempts", (PyCFunction)(void (*)(void))client_attempts,
     METH_VARARGS | METH_KEYWORDS,
     "attempts(modid, cmdid, idempotent=False, attempts=3, timeout_ms=1000, key=0, "
     "budget=None)\n--\n\nThe nodes to try for one request, until one is reported as "
     "successful."},
    {"close", client_close, METH_NOARGS,
     "close()\n--\n\nClose the client; a second call does nothing."},
    {"__enter__", host_enter, METH_NOARGS, NULL},
    {"__exit__", (PyCFunction)(void (*)(void))client_exit, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL}};

static PyType_Slot client_slots[] = {
    {Py_tp_init, client_init},
    {Py_tp_dealloc, client_dealloc},
    {Py_tp_methods, client_methods},
    {Py_tp_doc, "Client(address=None, port=0, dir=None, timeout_ms=0)\n--\n\nA client of "
                "the agent of this host.  Any thread may use it."},
    {0, NULL}};
static PyType_Spec client_spec = {"lars.Client", sizeof(Client), 0, Py_TPFLAGS_DEFAULT,
                                  client_slots};

/* --- attempts ----------------------------------------------------------------------- */

static void attempts_dealloc(PyObject *o)
{
    PyTypeObject *t = Py_TYPE(o);
    Attempts *a = (Attempts *)o;

    Py_DECREF((PyObject *)a->client);
    Py_XDECREF((PyObject *)a->budget);
    Py_XDECREF((PyObject *)a->last);
    PyObject_Free(o);
    Py_DECREF((PyObject *)t);
}

/* NULL without an exception ends the iteration. */
static PyObject *attempts_next(PyObject *o)
{
    Attempts *a = (Attempts *)o;
    Host *h;
    int rc;

    if (a->last && a->last->reported && a->last->retcode == 0)
        return NULL;
    if (!opened(a->client))
        return NULL;
    h = new_host(a->client);
    if (!h)
        return NULL;
    WAIT_IN(a->client, rc = lars_retry_next(a->client->c, &a->r, &h->h));
    if (rc < 0) {
        Py_DECREF((PyObject *)h);
        a->error = rc;
        return a->r.n == 0 ? raise(rc) : NULL;
    }
    h->by_udp = true; /* perhaps; releasing the GIL is right in any case */
    h->from_file = rc == 1;
    Py_XDECREF((PyObject *)a->last);
    a->last = (Host *)Py_NewRef((PyObject *)h);
    return (PyObject *)h;
}

static PyObject *attempts_left_ms(PyObject *o, void *arg)
{
    (void)arg;
    return PyLong_FromUnsignedLong(((Attempts *)o)->r.left_ms);
}

static PyObject *attempts_error(PyObject *o, void *arg)
{
    (void)arg;
    return PyLong_FromLong(-((Attempts *)o)->error);
}

static PyObject *attempts_reason(PyObject *o, void *arg)
{
    (void)arg;
    return PyUnicode_FromString(lars_strerror(((Attempts *)o)->error));
}

static PyGetSetDef attempts_fields[] = {
    {"left_ms", attempts_left_ms, NULL, "the time that the request has left, in ms",
     NULL},
    {"error", attempts_error, NULL,
     "the errno that ended the attempts; 0 = a success did", NULL},
    {"reason", attempts_reason, NULL, "error as a sentence", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot attempts_slots[] = {{Py_tp_dealloc, attempts_dealloc},
                                       {Py_tp_iter, PyObject_SelfIter},
                                       {Py_tp_iternext, attempts_next},
                                       {Py_tp_getset, attempts_fields},
                                       {0, NULL}};
static PyType_Spec attempts_spec = {"lars.Attempts", sizeof(Attempts), 0,
                                    Py_TPFLAGS_DEFAULT |
                                        Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                    attempts_slots};

static PyType_Slot budget_slots[] = {
    {Py_tp_doc, "Budget()\n--\n\nA retry budget: one for each module, shared by "
                "all threads."},
    {0, NULL}};
static PyType_Spec budget_spec = {"lars.Budget", sizeof(Budget), 0, Py_TPFLAGS_DEFAULT,
                                  budget_slots};

/* --- the module --------------------------------------------------------------------- */

static int add_type(PyObject *m, PyType_Spec *spec, PyTypeObject **out)
{
    *out = (PyTypeObject *)PyType_FromSpec(spec);
    return *out ? PyModule_AddType(m, *out) : -1;
}

static struct PyModuleDef def = {PyModuleDef_HEAD_INIT,
                                 "lars",
                                 "Which node to call, and how the call went.",
                                 -1,
                                 NULL,
                                 NULL,
                                 NULL,
                                 NULL,
                                 NULL};

PyMODINIT_FUNC PyInit_lars(void);
PyMODINIT_FUNC PyInit_lars(void)
{
    PyObject *m = PyModule_Create(&def);

    if (!m)
        return NULL;
    Error = PyErr_NewException("lars.Error", PyExc_OSError, NULL);
    if (!Error || PyModule_AddObjectRef(m, "Error", Error) < 0 ||
        add_type(m, &client_spec, &ClientType) < 0 ||
        add_type(m, &host_spec, &HostType) < 0 ||
        add_type(m, &attempts_spec, &AttemptsType) < 0 ||
        add_type(m, &budget_spec, &BudgetType) < 0 ||
        PyModule_AddStringConstant(m, "__version__", lars_version()) < 0) {
        Py_DECREF(m);
        return NULL;
    }
    return m;
}
