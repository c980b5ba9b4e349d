/* py_arg -- arguments of Python as numbers of C.
 *
 * Invariant: a value that does not fit is an exception that names the argument; no value
 * is cut.
 *
 * Rejected: the formats I and K of PyArg_ParseTuple(), which cut large values. */
#include "py_lars.h"

int arg_not_int(const char *name, PyObject *arg)
{
    if (PyErr_ExceptionMatches(PyExc_TypeError))
        PyErr_Format(PyExc_TypeError, "%s: %R is not an int", name, arg);
    return -1;
}

/* <arg> as a number from 0 to <max>; -1 with an exception that names <name>. */
int arg_number(const char *name, PyObject *arg, uint64_t max, uint64_t *out)
{
    PyObject *i = PyNumber_Index(arg);

    if (!i)
        return arg_not_int(name, arg);
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
int arg_key(PyObject *arg, uint64_t *out)
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
        return arg_not_int("key", arg);
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

int arg_module(PyObject *const *arg, Py_ssize_t n, Py_ssize_t max, uint32_t m[2])
{
    uint64_t a = 0, b = 0;

    if (n < 2 || n > max) {
        PyErr_Format(PyExc_TypeError, "want modid and cmdid, at most %zd arguments", max);
        return -1;
    }
    if (arg_number("modid", arg[0], UINT32_MAX, &a) < 0 ||
        arg_number("cmdid", arg[1], UINT32_MAX, &b) < 0)
        return -1;
    m[0] = (uint32_t)a;
    m[1] = (uint32_t)b;
    return 0;
}
