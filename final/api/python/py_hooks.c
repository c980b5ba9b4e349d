/* py_hooks -- what the library tells the program: the way of the calls goes to
 * logging.getLogger("lars"), the end of each call to the function on_end.  And the signal
 * handlers of Python run during each wait of the library.
 *
 * Invariant: all run in the thread of the call with the GIL, which the call may hold or
 * not.  An exception in the first two goes to sys.unraisablehook and does not reach the
 * call; that of a signal handler ends the wait.
 *
 * Without on_end there is no hook, so that a call does not look for one. */
#include "py_lars.h"

static PyTypeObject *EndedType;

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

static PyStructSequence_Field ended_fields[] = {
    {"modid", "the module: modid"},
    {"cmdid", "the module: cmdid"},
    {"address", "the node: (ip, port)"},
    {"outcome", "'well', 'failed', 'rejected' or 'cancelled'"},
    {"took_us", "from get_host() to the end of the call, in microseconds"},
    {"path", "'shm' or 'udp'"},
    {NULL, NULL}};
static PyStructSequence_Desc ended_desc = {"lars.Ended", "A call that has ended.",
                                           ended_fields, 6};

/* NULL with an exception. */
static PyObject *ended_of(const struct lars_ended *e)
{
    PyObject *t = PyStructSequence_New(EndedType), *v[6];
    int i;

    if (!t)
        return NULL;
    v[0] = PyLong_FromUnsignedLong(e->host->modid);
    v[1] = PyLong_FromUnsignedLong(e->host->cmdid);
    v[2] = host_address_of(&e->host->addr);
    v[3] = PyUnicode_FromString(outcome_names[e->outcome]);
    v[4] = PyLong_FromUnsignedLongLong(e->took_us);
    v[5] = PyUnicode_FromString(lars_path_name(e->path));
    for (i = 0; i < 6; i++)
        PyStructSequence_SetItem(t, i, v[i]);
    if (PyErr_Occurred())
        Py_CLEAR(t);
    return t;
}

static void ended_hook(void *arg, const struct lars_ended *e)
{
    PyGILState_STATE had = PyGILState_Ensure();
    PyObject *on_end = Py_XNewRef(((Client *)arg)->on_end);
    PyObject *type, *value, *trace, *t, *ok;

    PyErr_Fetch(&type, &value, &trace);
    if (on_end) { /* the collector of cycles may have taken it */
        t = ended_of(e);
        ok = t ? PyObject_CallFunctionObjArgs(on_end, t, NULL) : NULL;
        if (!ok)
            PyErr_WriteUnraisable(on_end);
        Py_XDECREF(ok);
        Py_XDECREF(t);
        Py_DECREF(on_end);
    }
    PyErr_Restore(type, value, trace);
    PyGILState_Release(had);
}

/* Runs the signal handlers of Python.  The wait ends when one raises an exception or
 * closes the client. */
static int interrupted_hook(void *arg)
{
    PyGILState_STATE had = PyGILState_Ensure();
    int rc = PyErr_CheckSignals() < 0 || !client_opened(arg) ? -1 : 0;

    PyGILState_Release(had);
    return rc;
}

struct lars_hooks hooks_of(Client *self)
{
    struct lars_hooks h = {.size = sizeof(h),
                           .arg = self,
                           .log = log_hook,
                           .interrupted = interrupted_hook};

    if (self->on_end)
        h.ended = ended_hook;
    return h;
}

int hooks_add(PyObject *m)
{
    EndedType = PyStructSequence_NewType(&ended_desc);
    return EndedType ? PyModule_AddType(m, EndedType) : -1;
}
