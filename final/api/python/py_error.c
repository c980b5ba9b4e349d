/* py_error -- results below zero of the C functions as exceptions: lars.Error, a kind of
 * OSError, and its kinds for the results that programs tell apart.
 *
 * Invariant: each has errno, the sentence of lars_strerror(), and retriable.
 *
 * Rejected: a class for each code, which nothing would catch alone. */
#include "py_lars.h"

#include <string.h>

static PyObject *Error, *Overloaded, *NotFound, *Timeout;

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
    bool may_pass =
        rc == -EAGAIN || rc == -ETIMEDOUT || rc == -EINTR || rc == -EINPROGRESS;

    if (e && PyObject_SetAttrString(e, "retriable", may_pass ? Py_True : Py_False) == 0)
        PyErr_SetObject(class, e);
    Py_XDECREF(e);
    return NULL;
}

/* For a result of the library, in the thread that called it. */
PyObject *error_raise(int rc)
{
    const char *why = rc == -EINVAL ? lars_last_error() : "";

    if (PyErr_Occurred()) /* a signal handler's */
        return NULL;
    return raise_with(rc, why[0] ? why : lars_strerror(rc));
}

static PyObject *add_error(PyObject *m, const char *name, const char *doc, PyObject *base)
{
    PyObject *e = base ? PyErr_NewExceptionWithDoc(name, doc, base, NULL) : NULL;

    Py_XDECREF(base);
    return e && PyModule_AddObjectRef(m, strchr(name, '.') + 1, e) == 0 ? e : NULL;
}

int error_add(PyObject *m)
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
