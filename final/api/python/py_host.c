/* py_host -- lars.Host: one call, from the node that was picked to its end.
 *
 * Invariant: `with` ends the call once, as its body ended, unless the body did.
 *
 * Rejected: ending a forgotten call in the destructor, which does not know how it went. */
#include "py_lars.h"

#include <arpa/inet.h>
#include <string.h>

static PyTypeObject *HostType;
const char *const outcome_names[] = {"well", "failed", "rejected", "cancelled"};

Host *host_new(Client *c)
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

PyObject *host_address_of(const struct lars_addr *a)
{
    char text[INET6_ADDRSTRLEN] = "";

    inet_ntop(a->family, a->ip, text, sizeof(text));
    return Py_BuildValue("(si)", text, (int)a->port);
}

static PyObject *host_address(PyObject *o, void *arg)
{
    (void)arg;
    return host_address_of(&((Host *)o)->h.addr);
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

static int host_end_as(Host *h, enum lars_outcome outcome)
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
    client_enter(c);
    rc = lars_end(c->c, &h->h, outcome);
    client_leave(c);
    return rc;
}

static PyObject *ended(int rc)
{
    return rc < 0 ? error_raise(rc) : Py_NewRef(Py_None);
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
            return arg_not_int("retcode", arg[0]), NULL;
        is_failure = PyObject_IsTrue(i); /* of any size */
        Py_DECREF(i);
    }
    return ended(host_end_as((Host *)o, is_failure ? LARS_FAILED : LARS_WELL));
}

static PyObject *host_end(PyObject *o, PyObject *arg)
{
    const char *text = PyUnicode_Check(arg) ? PyUnicode_AsUTF8AndSize(arg, NULL) : "";
    int i;

    if (!text)
        return NULL;
    for (i = 0; i < LARS_OUTCOMES; i++)
        if (strcmp(text, outcome_names[i]) == 0)
            return ended(host_end_as((Host *)o, (enum lars_outcome)i));
    PyErr_Format(PyExc_ValueError,
                 "outcome: %R is not 'well', 'failed', 'rejected' or 'cancelled'", arg);
    return NULL;
}

static PyObject *host_cancel(PyObject *o, PyObject *arg)
{
    (void)arg;
    return ended(host_end_as((Host *)o, LARS_CANCELLED));
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
        host_end_as(h, LARS_WELL); /* too late: ignored, as in C */
    else
        host_end_as(h, is_cancel(arg[0]) ? LARS_CANCELLED : LARS_FAILED);
    return Py_NewRef(Py_False);
}

static PyObject *host_aenter(PyObject *o, PyObject *arg)
{
    (void)arg;
    return await_done(Py_NewRef(o));
}

static PyObject *host_aexit(PyObject *o, PyObject *const *arg, Py_ssize_t n)
{
    return await_done(host_exit(o, arg, n));
}

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

int host_add(PyObject *m)
{
    return module_add_type(m, &host_spec, &HostType);
}
