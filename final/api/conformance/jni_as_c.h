/* jni_as_c.h -- runs the suite's C runner through the native functions of larsjni.c, as
 * Java does, but without a JVM: so valgrind can check them. */
#ifndef LARS_JNI_AS_C_H
#define LARS_JNI_AS_C_H

#include "lars.h"
#include "lars_nowait.h"
#include "lars_retry.h"
#include "lars_status.h"

#define SUITE "JNI"
#define lars_open jni_open
#define lars_close jni_close
#define lars_get_host(c, m, n, h) jni_get(c, m, n, 0, h)
#define lars_get_host_key jni_get
#define lars_nowait_get jni_nowait
#define lars_get_host_opt jni_get_opt
#define lars_report jni_report
#define lars_end jni_end
#define lars_cancel jni_cancel
#define lars_status(c, out) jni_status(c, out)
#define lars_get_route jni_route
#define lars_register jni_register
#define lars_retry_next jni_next

int jni_open(struct lars_client **out, const struct lars_options *opt);
void jni_close(struct lars_client *c);
int jni_get(struct lars_client *c, uint32_t modid, uint32_t cmdid, uint64_t key,
            struct lars_host *out);
int jni_nowait(struct lars_client *c, uint32_t modid, uint32_t cmdid, uint64_t key,
               struct lars_host *out);
int jni_get_opt(struct lars_client *c, uint32_t modid, uint32_t cmdid,
                const struct lars_get_options *opt, struct lars_host *out);
int jni_end(struct lars_client *c, const struct lars_host *h, enum lars_outcome outcome);
int jni_cancel(struct lars_client *c, const struct lars_host *h);
int jni_status(struct lars_client *c, struct lars_status *out);
int jni_report(struct lars_client *c, const struct lars_host *h, int retcode);
int jni_route(struct lars_client *c, uint32_t modid, uint32_t cmdid,
              struct lars_addr *out, unsigned max);
int jni_register(struct lars_client *c, uint32_t modid, uint32_t cmdid);
int jni_next(struct lars_client *c, struct lars_retry *r, struct lars_host *out);

#endif
