/* py_await -- an awaitable that is done, with a value: what `async with` needs where
 * there is nothing to wait for.
 *
 * Rejected: a coroutine, which only code in Python can make. */
#include "py_lars.h"

static PyTypeObject *DoneType;

typedef struct {
    PyObject_HEAD PyObject *value; /* a reference */
} Done;

PyObject *await_done(PyObject *value)
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

int await_add(void)
{
    DoneType = (PyTypeObject *)PyType_FromSpec(&done_spec);
    return DoneType ? 0 : -1;
}
