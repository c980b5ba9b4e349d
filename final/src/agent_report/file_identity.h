/* file_identity -- tells whether a file was written in this boot of the machine, and
 * whether it is the file itself or a copy.  Thread: any. */
#ifndef LARS_AGENT_REPORT_FILE_IDENTITY_H
#define LARS_AGENT_REPORT_FILE_IDENTITY_H

#include <stdint.h>

#define FILE_IDENTITY_BOOT 40         /* the kernel's boot_id, zero-padded */

/* All zero when the kernel does not tell it. */
void file_identity_boot(char boot[FILE_IDENTITY_BOOT]);

/* A number made of the device and inode of the open file <fd>.  Two files have the same
 * one once in 2^32 pairs.  Never 0. */
uint32_t file_identity_mark(int fd);

#endif
