/* larsmodule -- Lars for Python: one extension for Python 3.10 and all later versions,
 * because it uses the stable ABI only.
 *
 * The GIL is held during a call by shared memory, which is shorter than releasing the GIL
 * would be.  It is released wherever a function may wait or makes a system call.
 *
 * Without the GIL another thread may close the client.  So a client counts the functions
 * that run in it, and the last one to return closes it (enter(), leave()).  Calls by shared
 * memory count too, because their log hook runs Python, which may release the GIL.
 *
 * Rejected: ctypes, which converts arguments and results in Python for each call. */
#define PY_SSIZE_T_CLEAN
#define Py_LIMITED_API 0x030A0000
#include <Python.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "lars.h"
#include "lars_nowait.h"
#include "lars_retry.h"
#include "lars_status.h"

static PyObject *Error, *Overloaded, *NotFound, *Timeout;
static PyTypeObject *ClientType, *HostType, *AttemptsType, *BudgetType, *DoneType;
static PyTypeObject *StatusType;
static const char *const outcomes[] = {"well", "failed", "rejected", "cancelled"};

typedef struct {
    PyObject_HEAD struct lars_client *c; /* NULL = closed */
    unsigned n_waiting; /* functions that run in it */
    uint32_t timeout_ms;
    bool is_closed;                   /* the last of them closes c */
} Client;

typedef struct {
    PyObject_HEAD Client *client;     /* a reference */
    struct lars_host h;
    bool from_file, ended;
    bool by_udp;                      /* reporting it is a system call */
    enum lars_outcome outcome; /* when it has ended */
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

static PyObject *class_of(int rc)
{
    switch (rc) {
    case -EAGAIN:
        return Overloaded;
    case -ENOENT:
        return NotFound;
    case -ETIMEDOUT:
    case -ETIME:
        return Timeout;
    default:
        return Error;
    }
}

/* The exception for <rc>, with the sentence <why>. */
static PyObject *raise_with(int rc, const char *why)
{
    PyObject *class = class_of(rc);
    PyObject *e = PyObject_CallFunction(class, "is", -rc, why); /* errno, strerror */
    bool may_pass = rc == -EAGAIN || rc == -ETIMEDOUT || rc == -EINTR || rc == -EINPROGRESS;

    if (e && PyObject_SetAttrString(e, "retriable", may_pass ? Py_True : Py_False) == 0)
        PyErr_SetObject(class, e);
    Py_XDECREF(e);
    return NULL;
}

/* For a result of the library, in the thread that called it. */
static PyObject *raise(int rc)
{
    const char *why = rc == -EINVAL ? lars_last_error() : "";

    if (PyErr_Occurred()) /* a signal handler's */
        return NULL;
    return raise_with(rc, why[0] ? why : lars_strerror(rc));
}

static struct lars_client *opened(Client *self)
{
    if (!self->c || self->is_closed)
        PyErr_SetString(PyExc_ValueError, "the client is closed");
    return self->is_closed ? NULL : self->c;
}

static void enter(Client *self)
{
    self->n_waiting++;
}

/* Run <call> without the GIL.  The client is not closed meanwhile. */
#define WAIT_IN(self, call)                                                              \
    do {                                                                                 \
        enter(self);                                                                     \
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

/* --- arguments ---------------------------------------------------------------------- */

/* Replaces the TypeError of PyNumber_Index(), which does not name the argument. */
static int not_int(const char *name, PyObject *arg)
{
    if (PyErr_ExceptionMatches(PyExc_TypeError))
        PyErr_Format(PyExc_TypeError, "%s: %R is not an int", name, arg);
    return -1;
}

/* <arg> as a number from 0 to <max>; -1 with an exception that names <name>. */
static int number(const char *name, PyObject *arg, uint64_t max, uint64_t *out)
{
    PyObject *i = PyNumber_Index(arg);

    if (!i)
        return not_int(name, arg);
    *out = PyLong_AsUnsignedLongLong(i);
    Py_DECREF(i);
    if (!PyErr_Occurred() && *out <= max)
        return 0;
    PyErr_Clear();
    PyErr_Format(PyExc_OverflowError, "%s: %R is not a number from 0 to %llu", name, arg,
                 (unsigned long long)max);
    return -1;
}

/* A key is an int of 64 bit, signed or not, or a str or bytes, of which lars_key() makes
 * one. */
static int key_of(PyObject *arg, uint64_t *out)
{
    Py_ssize_t len = 0;
    const char *text;
    PyObject *i;
    int too_big = 0;

    if (PyUnicode_Check(arg)) {
        text = PyUnicode_AsUTF8AndSize(arg, &len);
        *out = text ? lars_key(text, (size_t)len) : 0;
        return text ? 0 : -1;
    }
    if (PyBytes_Check(arg)) {
        *out = lars_key(PyBytes_AsString(arg), (size_t)PyBytes_Size(arg));
        return 0;
    }
    i = PyNumber_Index(arg);
    if (!i)
        return not_int("key", arg);
    *out = (uint64_t)PyLong_AsLongLongAndOverflow(i, &too_big);
    if (too_big > 0)
        *out = PyLong_AsUnsignedLongLong(i);
    Py_DECREF(i);
    if (too_big >= 0 && !PyErr_Occurred())
        return 0;
    PyErr_Clear();
    PyErr_Format(PyExc_OverflowError, "key: %R does not fit into 64 bit", arg);
    return -1;
}

/* --- a host ------------------------------------------------------------------------- */

static Host *new_host(Client *c)
{
    Host *h = PyObject_New(Host, HostType);

    if (!h)
        return NULL;
    h->client = (Client *)Py_NewRef((PyObject *)c);
    h->from_file = h->ended = h->by_udp = false;
    h->outcome = LARS_WELL;
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

static PyObject *host_repr(PyObject *o)
{
    const struct lars_addr *a = &((Host *)o)->h.addr;
    char text[INET6_ADDRSTRLEN] = "";

    inet_ntop(a->family, a->ip, text, sizeof(text));
    return PyUnicode_FromFormat(a->family == AF_INET6 ? "<lars.Host [%s]:%d>"
                                                      : "<lars.Host %s:%d>",
                                text, (int)a->port);
}

static int end(Host *h, enum lars_outcome outcome)
{
    Client *c = h->client;
    int rc;

    if (h->ended)
        return -EALREADY;
    if (!c->c || c->is_closed)
        return -EBADF;
    h->ended = true;
    h->outcome = outcome;
    if (h->by_udp) {
        WAIT_IN(c, rc = lars_end(c->c, &h->h, outcome));
        return rc;
    }
    enter(c);
    rc = lars_end(c->c, &h->h, outcome);
    leave(c);
    return rc;
}

static PyObject *ended(int rc)
{
    return rc < 0 ? raise(rc) : Py_NewRef(Py_None);
}

static PyObject *host_report(PyObject *o, PyObject *const *arg, Py_ssize_t n)
{
    int is_failure = 0;
    PyObject *i;

    if (n > 1) {
        PyErr_SetString(PyExc_TypeError, "report(retcode=0) has one argument");
        return NULL;
    }
    if (n == 1) {
        i = PyNumber_Index(arg[0]);
        if (!i)
            return not_int("retcode", arg[0]), NULL;
        is_failure = PyObject_IsTrue(i); /* of any size */
        Py_DECREF(i);
    }
    return ended(end((Host *)o, is_failure ? LARS_FAILED : LARS_WELL));
}

static PyObject *host_end(PyObject *o, PyObject *arg)
{
    const char *text = PyUnicode_Check(arg) ? PyUnicode_AsUTF8AndSize(arg, NULL) : "";
    int i;

    if (!text)
        return NULL;
    for (i = 0; i < LARS_OUTCOMES; i++)
        if (strcmp(text, outcomes[i]) == 0)
            return ended(end((Host *)o, (enum lars_outcome)i));
    PyErr_Format(PyExc_ValueError,
                 "outcome: %R is not 'well', 'failed', 'rejected' or 'cancelled'", arg);
    return NULL;
}

static PyObject *host_cancel(PyObject *o, PyObject *arg)
{
    (void)arg;
    return ended(end((Host *)o, LARS_CANCELLED));
}

static PyObject *host_enter(PyObject *o, PyObject *arg)
{
    (void)arg;
    return Py_NewRef(o);
}

/* Does the exception class <e> show that the caller gave up?  One of asyncio exists only
 * when asyncio is loaded, so it is not imported here. */
static bool is_cancel(PyObject *e)
{
    PyObject *name, *m, *c;
    bool yes;

    if (PyErr_GivenExceptionMatches(e, PyExc_Exception))
        return false;
    if (PyErr_GivenExceptionMatches(e, PyExc_GeneratorExit) ||
        PyErr_GivenExceptionMatches(e, PyExc_KeyboardInterrupt) ||
        PyErr_GivenExceptionMatches(e, PyExc_SystemExit))
        return true;
    name = PyUnicode_FromString("asyncio.exceptions");
    m = name ? PyImport_GetModule(name) : NULL;
    c = m ? PyObject_GetAttrString(m, "CancelledError") : NULL;
    yes = c && PyErr_GivenExceptionMatches(e, c);
    Py_XDECREF(c);
    Py_XDECREF(m);
    Py_XDECREF(name);
    PyErr_Clear();
    return yes;
}

/* The body has ended: its exception says how, unless the body ended the call itself. */
static PyObject *host_exit(PyObject *o, PyObject *const *arg, Py_ssize_t n)
{
    Host *h = (Host *)o;

    if (h->ended)
        return Py_NewRef(Py_False);
    if (n == 0 || arg[0] == Py_None)
        end(h, LARS_WELL); /* too late: ignored, as in C */
    else
        end(h, is_cancel(arg[0]) ? LARS_CANCELLED : LARS_FAILED);
    return Py_NewRef(Py_False);
}

/* An awaitable that is done, with a value: what `async with` needs, and nothing waits. */
typedef struct {
    PyObject_HEAD PyObject *value; /* a reference */
} Done;

static PyObject *done(PyObject *value)
{
    Done *d = value ? PyObject_New(Done, DoneType) : NULL;

    if (d)
        d->value = value;
    else
        Py_XDECREF(value);
    return (PyObject *)d;
}

static void done_dealloc(PyObject *o)
{
    PyTypeObject *t = Py_TYPE(o);

    Py_DECREF(((Done *)o)->value);
    PyObject_Free(o);
    Py_DECREF((PyObject *)t);
}

static PyObject *done_next(PyObject *o)
{
    PyErr_SetObject(PyExc_StopIteration, ((Done *)o)->value);
    return NULL;
}

static PyType_Slot done_slots[] = {{Py_tp_dealloc, done_dealloc},
                                   {Py_am_await, PyObject_SelfIter},
                                   {Py_tp_iter, PyObject_SelfIter},
                                   {Py_tp_iternext, done_next},
                                   {0, NULL}};
static PyType_Spec done_spec = {"lars._Done", sizeof(Done), 0,
                                Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                done_slots};

static PyObject *host_aenter(PyObject *o, PyObject *arg)
{
    (void)arg;
    return done(Py_NewRef(o));
}

static PyObject *host_aexit(PyObject *o, PyObject *const *arg, Py_ssize_t n)
{
    return done(host_exit(o, arg, n));
}

#define FAST(f) (PyCFunction)(void (*)(void))(f), METH_FASTCALL
#define EXIT_DOC(name) name "($self, exc_type, exc, tb, /)\n--\n\n"

static PyMethodDef host_methods[] = {
    {"report", FAST(host_report),
     "report($self, retcode=0, /)\n--\n\nReport how the call went, once; 0 means "
     "success, "
     "any other value failure."},
    {"end", host_end, METH_O,
     "end($self, outcome, /)\n--\n\nEnd the call, once: 'well', 'failed', 'rejected' or "
     "'cancelled'."},
    {"cancel", host_cancel, METH_NOARGS,
     "cancel($self, /)\n--\n\nEnd the call without a judgement about the node."},
    {"__enter__", host_enter, METH_NOARGS, "__enter__($self, /)\n--\n\nThe host itself."},
    {"__exit__", FAST(host_exit), EXIT_DOC("__exit__") "End the call."},
    {"__aenter__", host_aenter, METH_NOARGS,
     "__aenter__($self, /)\n--\n\nThe host itself; does not wait."},
    {"__aexit__", FAST(host_aexit), EXIT_DOC("__aexit__") "End the call; does not wait."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot host_slots[] = {
    {Py_tp_dealloc, host_dealloc},
    {Py_tp_repr, host_repr},
    {Py_tp_methods, host_methods},
    {Py_tp_getset, host_fields},
    {Py_tp_doc,
     "A node for one call.  As a context manager it ends the call: as cancelled "
     "for asyncio.CancelledError, GeneratorExit, KeyboardInterrupt and "
     "SystemExit, as failed for other exceptions, else as successful."},
    {0, NULL}};
static PyType_Spec host_spec = {"lars.Host", sizeof(Host), 0,
                                Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                host_slots};

/* --- a client ----------------------------------------------------------------------- */

/* logging.getLogger("lars").log(level, "%s", text), in the thread of the call. */
static void log_hook(void *arg, enum lars_level level, const char *text)
{
    PyGILState_STATE had = PyGILState_Ensure();
    PyObject *type, *value, *trace, *m, *logger, *ok;

    (void)arg;
    PyErr_Fetch(&type, &value, &trace);
    m = PyImport_ImportModule("logging");
    logger = m ? PyObject_CallMethod(m, "getLogger", "s", "lars") : NULL;
    ok = logger ? PyObject_CallMethod(logger, "log", "iss",
                                      level == LARS_LEVEL_WARNING ? 30 : 20, "%s", text)
                : NULL;
    if (!ok)
        PyErr_WriteUnraisable(logger);
    Py_XDECREF(ok);
    Py_XDECREF(logger);
    Py_XDECREF(m);
    PyErr_Restore(type, value, trace);
    PyGILState_Release(had);
}

static int client_open(Client *self, struct lars_options *opt)
{
    static const struct lars_hooks hooks = {.size = sizeof(hooks), .log = log_hook};
    int rc;

    opt->hooks = &hooks;
    self->timeout_ms = opt->timeout_ms ? opt->timeout_ms : 200;
    rc = self->c ? -EBUSY : lars_open(&self->c, opt);
    if (rc < 0)
        raise(rc);
    return rc < 0 ? -1 : 0;
}

static int client_init(PyObject *o, PyObject *args, PyObject *kw)
{
    static char *names[] = {"address", "port", "dir", "timeout_ms", NULL};
    struct lars_options opt = {.size = sizeof(opt)};
    PyObject *port = NULL, *dir = NULL, *timeout = NULL, *path = NULL;
    uint64_t p = 0, t = 0;
    int rc;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "|zOOO", names, &opt.address, &port, &dir,
                                     &timeout) ||
        (port && number("port", port, UINT16_MAX, &p) < 0) ||
        (timeout && number("timeout_ms", timeout, LARS_TIMEOUT_MAX_MS, &t) < 0) ||
        (dir && dir != Py_None && !PyUnicode_FSConverter(dir, &path)))
        return -1;
    opt.port = (uint16_t)p;
    opt.timeout_ms = (uint32_t)t;
    opt.dir = path ? PyBytes_AsString(path) : NULL;
    rc = client_open((Client *)o, &opt);
    Py_XDECREF(path);
    return rc;
}

static void client_dealloc(PyObject *o)
{
    PyTypeObject *t = Py_TYPE(o);
    freefunc free_it = (freefunc)PyType_GetSlot(t, Py_tp_free);

    lars_close(((Client *)o)->c);
    free_it(o);
    Py_DECREF((PyObject *)t);
}

static int module_of(PyObject *const *arg, Py_ssize_t n, Py_ssize_t max, uint32_t m[2])
{
    uint64_t a = 0, b = 0;

    if (n < 2 || n > max) {
        PyErr_Format(PyExc_TypeError, "want modid and cmdid, at most %zd arguments", max);
        return -1;
    }
    if (number("modid", arg[0], UINT32_MAX, &a) < 0 ||
        number("cmdid", arg[1], UINT32_MAX, &b) < 0)
        return -1;
    m[0] = (uint32_t)a;
    m[1] = (uint32_t)b;
    return 0;
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* By UDP or from the file, within the time of the client however many signals arrive.
 * Their handlers run meanwhile; the exception of one ends the wait with -EINTR. */
static int wait_for_host(Client *c, const uint32_t m[2], uint64_t key, Host *h)
{
    struct lars_get_options opt = {.size = sizeof(opt), .flags = LARS_GET_EINTR};
    int64_t end_ms = now_ms() + c->timeout_ms, left = c->timeout_ms;
    int rc;

    opt.key = key;
    for (;;) {
        opt.timeout_ms = (uint32_t)left;
        WAIT_IN(c, rc = lars_get_host_opt(c->c, m[0], m[1], &opt, &h->h));
        if (rc != -EINTR || PyErr_CheckSignals() < 0)
            return rc;
        if (!opened(c)) /* by a handler */
            return -EINTR;
        left = end_ms - now_ms();
        if (left <= 0) {
            left = 1; /* for the file of routes */
            opt.flags = 0;
        }
    }
}

/* By shared memory; else, when <may_wait>, by UDP or from the file. */
static int get_host(Client *c, const uint32_t m[2], uint64_t key, bool may_wait, Host *h)
{
    int rc;

    enter(c);
    rc = lars_nowait_get(c->c, m[0], m[1], key, &h->h);
    leave(c);
    if ((rc != -EINPROGRESS && rc != -ENOTCONN) || !may_wait)
        return rc;
    if (!opened(c)) /* by the handler of a log record */
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

    if (module_of(arg, n, 3, m) < 0 || (n == 3 && key_of(arg[2], &key) < 0) ||
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

/* Arguments of attempts(): the numbers. */
static int request_of(PyObject *const arg[5], struct lars_retry *r)
{
    uint64_t n[4] = {0};

    if (number("modid", arg[0], UINT32_MAX, &n[0]) < 0 ||
        number("cmdid", arg[1], UINT32_MAX, &n[1]) < 0 ||
        (arg[2] && number("attempts", arg[2], UINT32_MAX, &n[2]) < 0) ||
        (arg[3] && number("timeout_ms", arg[3], LARS_TIMEOUT_MAX_MS, &n[3]) < 0) ||
        (arg[4] && key_of(arg[4], &r->key) < 0))
        return -1;
    r->modid = (uint32_t)n[0];
    r->cmdid = (uint32_t)n[1];
    r->attempts = (uint32_t)n[2];
    r->timeout_ms = (uint32_t)n[3];
    return 0;
}

static PyObject *client_attempts(PyObject *o, PyObject *args, PyObject *kw)
{
    static char *names[] = {"modid",      "cmdid", "idempotent", "attempts",
                            "timeout_ms", "key",   "budget",     NULL};
    struct lars_retry r = {.size = sizeof(r)};
    PyObject *arg[5] = {NULL}, *budget = Py_None;
    int idempotent = 0;
    Attempts *a;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "OO|pOOOO", names, &arg[0], &arg[1],
                                     &idempotent, &arg[2], &arg[3], &arg[4], &budget) ||
        request_of(arg, &r) < 0 || !opened((Client *)o))
        return NULL;
    if (budget == Py_None)
        budget = NULL;
    else if (!PyObject_TypeCheck(budget, BudgetType))
        return PyErr_Format(PyExc_TypeError, "budget: %R is not a lars.Budget", budget);
    a = PyObject_New(Attempts, AttemptsType);
    if (!a)
        return NULL;
    a->client = (Client *)Py_NewRef(o);
    a->budget = (Budget *)Py_XNewRef(budget);
    a->last = NULL;
    a->error = 0;
    a->r = r;
    a->r.idempotent = (uint32_t)idempotent;
    a->r.budget = a->budget ? &a->budget->b : NULL;
    return (PyObject *)a;
}

static PyObject *counters(const uint64_t *n, int len, const char *(*name)(int i))
{
    PyObject *d = PyDict_New(), *v;
    int i;

    for (i = 0; d && i < len; i++) {
        v = PyLong_FromUnsignedLongLong(n[i]);
        if (!v || PyDict_SetItemString(d, name(i), v) < 0)
            Py_CLEAR(d);
        Py_XDECREF(v);
    }
    return d;
}

static const char *path_name(int i)
{
    return lars_path_name((enum lars_path)i);
}

static const char *outcome_name(int i)
{
    return outcomes[i];
}

static PyObject *buckets(const struct lars_status *s)
{
    PyObject *t = PyTuple_New(LARS_BUCKETS), *v;
    int i;

    for (i = 0; t && i < LARS_BUCKETS; i++) {
        v = PyLong_FromUnsignedLongLong(s->took[i]);
        if (!v || PyTuple_SetItem(t, i, v) < 0)
            Py_CLEAR(t);
    }
    return t;
}

static PyStructSequence_Field status_fields[] = {
    {"path", "the way of a call now: 'shm', 'udp', 'file' or 'none'"},
    {"why", "why it is not shared memory, and what mends it; '' when it is"},
    {"shm_file", "the file that <why> is about, or ''"},
    {"agent_alive", "True, False, or None when there is no heartbeat"},
    {"begun", "nodes asked for, by path"},
    {"ended", "calls, by outcome"},
    {"took", "calls by duration: [i] is from 2**(i-1) to less than 2**i microseconds"},
    {NULL, NULL}};
static PyStructSequence_Desc status_desc = {
    "lars.Status", "The way of a client's calls, and its counters.", status_fields, 7};

static PyObject *client_status(PyObject *o, PyObject *arg)
{
    struct lars_status s = {.size = sizeof(s)};
    Client *self = (Client *)o;
    PyObject *t, *v[7];
    int rc, i;

    (void)arg;
    if (!opened(self))
        return NULL;
    WAIT_IN(self, rc = lars_status(self->c, &s));
    t = rc < 0 ? raise(rc) : PyStructSequence_New(StatusType);
    if (!t)
        return NULL;
    v[0] = PyUnicode_FromString(path_name((int)s.path));
    v[1] = PyUnicode_DecodeFSDefault(s.shm_why);
    v[2] = PyUnicode_DecodeFSDefault(s.shm_file);
    v[3] = s.agent_alive < 0 ? Py_NewRef(Py_None) : PyBool_FromLong(s.agent_alive);
    v[4] = counters(s.begun, LARS_PATHS, path_name);
    v[5] = counters(s.ended, LARS_OUTCOMES, outcome_name);
    v[6] = buckets(&s);
    for (i = 0; i < 7; i++)
        PyStructSequence_SetItem(t, i, v[i]);
    if (PyErr_Occurred())
        Py_CLEAR(t);
    return t;
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
     "get_host($self, modid, cmdid, key=0, /)\n--\n\nBegin a call: pick a node for it."},
    {"get_host_nowait", (PyCFunction)(void (*)(void))client_get_host_nowait,
     METH_FASTCALL,
     "get_host_nowait($self, modid, cmdid, key=0, /)\n--\n\nAs get_host(), by shared "
     "memory only: "
     "errno is EINPROGRESS where get_host() would wait."},
    {"register", (PyCFunction)(void (*)(void))client_register, METH_FASTCALL,
     "register($self, modid, cmdid, /)\n--\n\nLoad the routes of a module before they "
     "are needed."},
    {"route", (PyCFunction)(void (*)(void))client_route, METH_FASTCALL,
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
    {"__enter__", host_enter, METH_NOARGS,
     "__enter__($self, /)\n--\n\nThe client itself."},
    {"__exit__", FAST(client_exit), EXIT_DOC("__exit__") "Close the client."},
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

    if (a->last && a->last->ended && a->last->outcome == LARS_WELL)
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

static PyType_Slot attempts_slots[] = {{Py_tp_doc, "The nodes to try for one request."},
                                       {Py_tp_dealloc, attempts_dealloc},
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

static PyObject *module_key(PyObject *m, PyObject *arg)
{
    uint64_t key = 0;

    (void)m;
    if (!PyUnicode_Check(arg) && !PyBytes_Check(arg))
        return PyErr_Format(PyExc_TypeError, "text: %R is not a str or bytes", arg);
    return key_of(arg, &key) < 0 ? NULL : PyLong_FromUnsignedLongLong(key);
}

static PyMethodDef module_methods[] = {{"key", module_key, METH_O,
                                        "key($module, text, /)\n--\n\nThe key of a str "
                                        "(as UTF-8) or bytes, the same in every "
                                        "language: FNV-1a, 64 bit."},
                                       {NULL, NULL, 0, NULL}};

static PyObject *add_error(PyObject *m, const char *name, const char *doc, PyObject *base)
{
    PyObject *e = base ? PyErr_NewExceptionWithDoc(name, doc, base, NULL) : NULL;

    Py_XDECREF(base);
    return e && PyModule_AddObjectRef(m, strchr(name, '.') + 1, e) == 0 ? e : NULL;
}

static int add_errors(PyObject *m)
{
    Error = add_error(m, "lars.Error", "A result below zero of lars.h.",
                      Py_NewRef(PyExc_OSError));
    if (!Error || PyObject_SetAttrString(Error, "retriable", Py_False) < 0)
        return -1;
    Overloaded =
        add_error(m, "lars.Overloaded",
                  "Every node is overloaded or down: do not call now.", Py_NewRef(Error));
    NotFound = add_error(m, "lars.NotFound",
                         "The module has no nodes, or the agent does not know it yet.",
                         Py_NewRef(Error));
    Timeout = add_error(m, "lars.Timeout",
                        "The agent does not answer, or the time of a request is over.",
                        Py_BuildValue("(OO)", Error, PyExc_TimeoutError));
    return Overloaded && NotFound && Timeout ? 0 : -1;
}

static struct PyModuleDef def = {PyModuleDef_HEAD_INIT,
                                 "lars",
                                 "Which node to call, and how the call went.",
                                 -1,
                                 module_methods,
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
    StatusType = PyStructSequence_NewType(&status_desc);
    if (add_errors(m) < 0 || !StatusType || PyModule_AddType(m, StatusType) < 0 ||
        !(DoneType = (PyTypeObject *)PyType_FromSpec(&done_spec)) ||
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
