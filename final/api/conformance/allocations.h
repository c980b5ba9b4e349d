/* allocations.h -- counts every allocation of a program: it replaces malloc() and calls
 * that of glibc.  Under a sanitizer, which replaces malloc() itself, nothing is counted.
 * For C and C++; to be included in one file of the program. */
#ifndef LARS_ALLOCATIONS_H
#define LARS_ALLOCATIONS_H

#include <stddef.h>

static unsigned long n_allocated; /* by all threads */

static inline unsigned long allocations(void)
{
    return __atomic_load_n(&n_allocated, __ATOMIC_RELAXED);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#ifdef __cplusplus
extern "C" {
#endif

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n)
{
    __atomic_add_fetch(&n_allocated, 1, __ATOMIC_RELAXED);
    return __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    __atomic_add_fetch(&n_allocated, 1, __ATOMIC_RELAXED);
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    __atomic_add_fetch(&n_allocated, 1, __ATOMIC_RELAXED);
    return __libc_realloc(p, n);
}

#ifdef __cplusplus
}
#endif
#endif

#endif
