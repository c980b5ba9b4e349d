/* py_attempts -- lars.Attempts, an iterator over the nodes to try for one request, and
 * lars.Budget.
 *
 * Invariant: the iteration ends after the first attempt that ended well, and otherwise
 * when lars_retry_next() allows no further one; error says why.
 *
 * Rejected: a function that is given the call, which cannot be used in a coroutine. */
#include "py_lars.h"

static PyTypeObject *AttemptsType, *BudgetType;

typedef struct {
    PyObject_HEAD struct lars_budget b;
} Budget;

typedef struct {
    PyObject_HEAD Client *client; /* references */
    Budget *budget; /* or NULL */
    Host *last; /* or NULL */
    struct lars_retry r;
    int error; /* why there is no further attempt; 0 = none */
} Attempts;

/* Arguments of attempts(): the numbers. */
static int request_of(PyObject *const arg[5], struct lars_retry *r)
{
    uint64_t n[4] = {0};

    if (arg_number("modid", arg[0], UINT32_MAX, &n[0]) < 0 ||
        arg_number("cmdid", arg[1], UINT32_MAX, &n[1]) < 0 ||
        (arg[2] && arg_number("attempts", arg[2], UINT32_MAX, &n[2]) < 0) ||
        (arg[3] && arg_number("timeout_ms", arg[3], LARS_TIMEOUT_MAX_MS, &n[3]) < 0) ||
        (arg[4] && arg_key(arg[4], &r->key) < 0))
        return -1;
    r->modid = (uint32_t)n[0];
    r->cmdid = (uint32_t)n[1];
    r->attempts = (uint32_t)n[2];
    r->timeout_ms = (uint32_t)n[3];
    return 0;
}

PyObject *client_attempts(PyObject *o, PyObject *args, PyObject *kw)
{
    static char *names[] = {"modid",      "cmdid", "idempotent", "attempts",
                            "timeout_ms", "key",   "budget",     NULL};
    struct lars_retry r = {.size = sizeof(r)};
    PyObject *arg[5] = {NULL}, *budget = Py_None;
    int idempotent = 0;
    Attempts *a;

    if (!PyArg_ParseTupleAndKeywords(args, kw, "OO|pOOOO", names, &arg[0], &arg[1],
                                     &idempotent, &arg[2], &arg[3], &arg[4], &budget) ||
        request_of(arg, &r) < 0 || !client_opened((Client *)o))
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
    if (!client_opened(a->client))
        return NULL;
    h = host_new(a->client);
    if (!h)
        return NULL;
    WAIT_IN(a->client, rc = lars_retry_next(a->client->c, &a->r, &h->h));
    if (rc < 0) {
        Py_DECREF((PyObject *)h);
        if (PyErr_Occurred()) /* of a signal handler: next() makes this attempt */
            return NULL;
        a->error = rc;
        return a->r.n == 0 ? error_raise(rc) : NULL;
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

int attempts_add(PyObject *m)
{
    return module_add_type(m, &attempts_spec, &AttemptsType) < 0
               ? -1
               : module_add_type(m, &budget_spec, &BudgetType);
}
