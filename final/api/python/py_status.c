/* py_status -- lars.Status: the way of a client's calls, and its counters. */
#include "py_lars.h"

static PyTypeObject *StatusType;

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
    return outcome_names[i];
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

PyObject *client_status(PyObject *o, PyObject *arg)
{
    struct lars_status s = {.size = sizeof(s)};
    Client *self = (Client *)o;
    PyObject *t, *v[7];
    int rc, i;

    (void)arg;
    if (!client_opened(self))
        return NULL;
    WAIT_IN(self, rc = lars_status(self->c, &s));
    t = rc < 0 ? error_raise(rc) : PyStructSequence_New(StatusType);
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

int status_add(PyObject *m)
{
    StatusType = PyStructSequence_NewType(&status_desc);
    return StatusType ? PyModule_AddType(m, StatusType) : -1;
}
