/* shm_doctor -- which file keeps this process from using shared memory.  It only looks:
 * the file may have been mended, or another broken, a moment later.  Thread: any. */
#ifndef LARS_API_SHM_DOCTOR_H
#define LARS_API_SHM_DOCTOR_H

#include <stddef.h>

/* <dir>: the agent's folder.  <error>: what attaching has returned, below zero.  <file>
 * becomes the file or folder that it is about, <why> a sentence about it and what mends
 * it; both are cut to their sizes. */
void shm_doctor_explain(const char *dir, int error, char *file, size_t file_size,
                        char *why, size_t why_size);

#endif
