/*
 * A HyperLogLog sketch: how many different names were seen, in 4 KiB.
 *
 * Flajolet, Fusy, Gandouet, Meunier: "HyperLogLog: the analysis of a near-optimal cardinality
 * estimation algorithm" (2007). 2^12 registers give a standard error of 1.6 %. The registers
 * live in a bytearray of the caller, who stores them; this file only reads and raises them.
 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <math.h>
#include <stdint.h>

#define BITS 12
#define REGISTERS (1u << BITS)

#if defined(__aarch64__)
#define MACHINE "aarch64"
#elif defined(__x86_64__)
#define MACHINE "x86_64"
#elif defined(__arm__)
#define MACHINE "arm"
#elif defined(__i386__)
#define MACHINE "i386"
#elif defined(__riscv) && __riscv_xlen == 64
#define MACHINE "riscv64"
#else
#define MACHINE "other"
#endif

/* FNV-1a, then the finaliser of MurmurHash3, because FNV alone leaves the high bits poor. */
static uint64_t
hash_bytes(const unsigned char *data, Py_ssize_t length)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (Py_ssize_t i = 0; i < length; i++) {
        h ^= data[i];
        h *= UINT64_C(0x100000001b3);
    }
    h ^= h >> 33;
    h *= UINT64_C(0xff51afd7ed558ccd);
    h ^= h >> 33;
    h *= UINT64_C(0xc4ceb9fe1a85ec53);
    h ^= h >> 33;
    return h;
}

static int
right_size(Py_ssize_t length)
{
    if (length == REGISTERS)
        return 1;
    PyErr_Format(PyExc_ValueError, "registers must be %u bytes, not %zd", REGISTERS, length);
    return 0;
}

static PyObject *
tally_hash64(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_buffer data;
    if (!PyArg_ParseTuple(args, "y*:hash64", &data))
        return NULL;
    uint64_t h = hash_bytes(data.buf, data.len);
    PyBuffer_Release(&data);
    return PyLong_FromUnsignedLongLong(h);
}

static PyObject *
tally_add(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_buffer registers, data;
    if (!PyArg_ParseTuple(args, "w*y*:add", &registers, &data))
        return NULL;
    PyObject *result = NULL;
    if (right_size(registers.len)) {
        uint64_t h = hash_bytes(data.buf, data.len);
        unsigned char *slot = (unsigned char *)registers.buf + (h >> (64 - BITS));
        /* The sentinel bit ends the run of zeros, so that the builtin never sees 0. */
        unsigned char rank =
            (unsigned char)(1 + __builtin_clzll((h << BITS) | (UINT64_C(1) << (BITS - 1))));
        int raised = rank > *slot;
        if (raised)
            *slot = rank;
        result = PyBool_FromLong(raised);
    }
    PyBuffer_Release(&registers);
    PyBuffer_Release(&data);
    return result;
}

static PyObject *
tally_estimate(PyObject *Py_UNUSED(module), PyObject *args)
{
    Py_buffer registers;
    if (!PyArg_ParseTuple(args, "y*:estimate", &registers))
        return NULL;
    PyObject *result = NULL;
    if (right_size(registers.len)) {
        const unsigned char *slot = registers.buf;
        const double m = REGISTERS;
        double sum = 0.0;
        unsigned empty = 0;
        for (unsigned i = 0; i < REGISTERS; i++) {
            sum += ldexp(1.0, -(int)slot[i]);
            empty += slot[i] == 0;
        }
        double estimate = 0.7213 / (1.0 + 1.079 / m) * m * m / sum;
        if (estimate <= 2.5 * m && empty > 0)
            estimate = m * log(m / empty);
        result = PyFloat_FromDouble(estimate);
    }
    PyBuffer_Release(&registers);
    return result;
}

static PyMethodDef methods[] = {
    {"hash64", tally_hash64, METH_VARARGS, "hash64(data, /) -> int: 64-bit hash of bytes."},
    {"add", tally_add, METH_VARARGS,
     "add(registers, data, /) -> bool: count data in; true if the sketch changed."},
    {"estimate", tally_estimate, METH_VARARGS,
     "estimate(registers, /) -> float: how many different values were counted in."},
    {NULL, NULL, 0, NULL},
};

static int
tally_exec(PyObject *module)
{
    if (PyModule_AddIntConstant(module, "REGISTERS", REGISTERS) < 0)
        return -1;
    return PyModule_AddStringConstant(module, "MACHINE", MACHINE);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, tally_exec},
    {0, NULL},
};

static struct PyModuleDef module = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "_tally",
    .m_doc = "A HyperLogLog sketch over a bytearray.",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__tally(void)
{
    return PyModuleDef_Init(&module);
}
