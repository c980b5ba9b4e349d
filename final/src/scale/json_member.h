/* json_member -- members of a JSON object that another process has sent.  Each returns
 * false when the member is missing, has another type, or is out of range.  Thread:
 * any. */
#ifndef LARS_SCALE_JSON_MEMBER_H
#define LARS_SCALE_JSON_MEMBER_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool json_member_u64(const json_t *o, const char *name, uint64_t most, uint64_t *out);
bool json_member_u32(const json_t *o, const char *name, uint32_t *out);

/* Shorter than <size>, and without control characters: logs and pages show it. */
bool json_member_text(const json_t *o, const char *name, char *out, size_t size);

#endif
