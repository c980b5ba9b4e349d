/* segment_files -- which segments have files in the agent's folder. */
#ifndef LARS_SHMEM_SEGMENT_FILES_H
#define LARS_SHMEM_SEGMENT_FILES_H

#include "shmem/segment.h"

/* The lowest number above <after> of a segment that has files in the folder of <s> and is
 * not <s>; 0 = there is none.  Thread: init. */
uint32_t segment_files_next(const struct segment *s, uint32_t after);

/* A number above those of <s> and of all files in its folder, so that no file of an old
 * segment is lost when a new one is made.  Thread: init. */
uint32_t segment_files_new(const struct segment *s);

/* Unlink the files of the segment <number> in the folder of <s>; of all segments with
 * SEGMENT_FILES_ALL.  Processes keep what they have mapped.  Thread: the agent's. */
#define SEGMENT_FILES_ALL UINT32_MAX
void segment_files_unlink(const struct segment *s, uint32_t number);

/* Do the names in the folder of <s> lead to its files?  No when the folder was emptied:
 * another agent may have made files of the same names since, which this one must not
 * open, write or unlink.  Costs a system call.  Thread: any. */
bool segment_files_are_mine(const struct segment *s);

#endif
