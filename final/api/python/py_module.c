/* py_module -- the module lars: one extension for Python 3.10 and all later versions,
 * because it uses the stable ABI only.
 *
 * Rejected: ctypes, which converts arguments and results in Python for each call. */
#include "py_lars.h"

int module_add_type(PyObject *m, PyType_Spec *spec, PyTypeObject **out)
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
    return arg_key(arg, &key) < 0 ? NULL : PyLong_FromUnsignedLongLong(key);
}

static PyMethodDef module_methods[] = {{"key", module_key, METH_O,
                                        "key($module, text, /)\n--\n\nThe key of a str "
                                        "(as UTF-8) or bytes, the same in every "
                                        "language: FNV-1a, 64 bit."},
                                       {NULL, NULL, 0, NULL}};

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
    if (error_add(m) < 0 || await_add() < 0 || client_add(m) < 0 || host_add(m) < 0 ||
        attempts_add(m) < 0 || status_add(m) < 0 || hooks_add(m) < 0 ||
        PyModule_AddStringConstant(m, "__version__", lars_version()) < 0) {
        Py_DECREF(m);
        return NULL;
    }
    return m;
}
