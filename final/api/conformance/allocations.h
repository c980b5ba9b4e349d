/* allocations.h -- every allocation of this program is counted: malloc is ours, and calls
 * glibc's.  A sanitizer has its own, then nothing is counted.  C and C++; in one file of a
 * program. */
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
