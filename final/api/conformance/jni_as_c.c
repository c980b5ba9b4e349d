/* A JNIEnv with the few functions that the native functions call.  A Java string is a C
 * string here, and a Java array is a struct array. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "jni_as_c.h"
#include "org_lars_Native.h"

#define NODE 18 /* bytes of a node in route() */
#define N0(name) Java_org_lars_Native_##name(&env, NULL)
#define N(name, ...) Java_org_lars_Native_##name(&env, NULL, __VA_ARGS__)

struct array {
    jsize len;
    unsigned char at[];
};

static const char *get_text(JNIEnv *e, jstring s, jboolean *is_copy)
{
    (void)e;
    (void)is_copy;
    return strdup((const char *)s);
}

static void release_text(JNIEnv *e, jstring s, const char *text)
{
    (void)e;
    (void)s;
    free((void *)(uintptr_t)text);
}

static jstring new_text(JNIEnv *e, const char *text)
{
    (void)e;
    return (jstring)strdup(text);
}

static jbyteArray new_array(JNIEnv *e, jsize len)
{
    struct array *a = calloc(1, sizeof(*a) + (size_t)len);

    (void)e;
    if (a)
        a->len = len;
    return (jbyteArray)a;
}

/* abort()s where a JVM would throw ArrayIndexOutOfBoundsException. */
static void set_bytes(JNIEnv *e, jbyteArray to, jsize from, jsize n, const jbyte *b)
{
    struct array *a = (struct array *)to;

    (void)e;
    if (from < 0 || n < 0 || from + n > a->len)
        abort();
    memcpy(a->at + from, b, (size_t)n);
}

static void set_ints(JNIEnv *e, jintArray to, jsize from, jsize n, const jint *i)
{
    set_bytes(e, (jbyteArray)to, from * (jsize)sizeof(jint), n * (jsize)sizeof(jint),
              (const jbyte *)i);
}

static const struct JNINativeInterface_ functions = {.GetStringUTFChars = get_text,
                                                     .ReleaseStringUTFChars = release_text,
                                                     .NewStringUTF = new_text,
                                                     .NewByteArray = new_array,
                                                     .SetByteArrayRegion = set_bytes,
                                                     .SetIntArrayRegion = set_ints};
static JNIEnv env = &functions;

static jlong handle(const void *p)
{
    return (jlong)(intptr_t)p;
}

/* The native functions that no scenario needs. */
static void try_the_rest(void)
{
    jlong call = N0(newCall), budget = N0(newBudget);

    if (!call || !budget || N(report, 0, call, 0) != -EINVAL)
        abort();
    N(free, call);
    N(free, budget);
}

int jni_open(struct lars_client **out, const struct lars_options *opt)
{
    jlong p = N(open, (jstring)(uintptr_t)opt->address, opt->port,
                (jstring)(uintptr_t)opt->dir, (jint)opt->timeout_ms);

    try_the_rest();
    if (p < 0 && p > -4096) {
        free(N(describe, (jint)p));
        free(N(name, (jint)p));
        return (int)p;
    }
    *out = (struct lars_client *)(intptr_t)p;
    return 0;
}

void jni_close(struct lars_client *c)
{
    N(close, handle(c));
}

/* <out> is the struct of the call, so nothing is allocated. */
int jni_get(struct lars_client *c, uint32_t modid, uint32_t cmdid, uint64_t key,
            struct lars_host *out)
{
    return N(get, handle(c), handle(out), (jint)modid, (jint)cmdid, (jlong)key);
}

int jni_nowait(struct lars_client *c, uint32_t modid, uint32_t cmdid, uint64_t key,
               struct lars_host *out)
{
    int rc = N(getNowait, handle(c), handle(out), (jint)modid, (jint)cmdid, (jlong)key);
    struct array *ip;

    if (rc < 0)
        return rc;
    ip = (struct array *)N(ip, handle(out));
    if (!ip || ip->len != 4 || memcmp(ip->at, out->addr.ip, 4) != 0 ||
        N(port, handle(out)) != out->addr.port)
        rc = -EBADMSG;
    free(ip);
    return rc;
}

int jni_report(struct lars_client *c, const struct lars_host *h, int retcode)
{
    return N(report, handle(c), handle(h), retcode);
}

int jni_route(struct lars_client *c, uint32_t modid, uint32_t cmdid,
              struct lars_addr *out, unsigned max)
{
    struct array *rc = (struct array *)new_array(&env, sizeof(jint));
    struct array *all;
    jint n, i;

    if (!rc)
        return -ENOMEM;
    all = (struct array *)N(route, handle(c), (jint)modid, (jint)cmdid, (jintArray)rc);
    memcpy(&n, rc->at, sizeof(n));
    for (i = 0; all && i < n && (unsigned)i < max; i++) {
        memcpy(out[i].ip, all->at + i * NODE, 16);
        out[i].port = (uint16_t)(all->at[i * NODE + 16] << 8 | all->at[i * NODE + 17]);
    }
    free(all);
    free(rc);
    return n;
}

int jni_register(struct lars_client *c, uint32_t modid, uint32_t cmdid)
{
    return N(register, handle(c), (jint)modid, (jint)cmdid);
}

/* Java keeps a struct lars_retry for a request; here each attempt has a new one. */
int jni_next(struct lars_client *c, struct lars_retry *r, struct lars_host *out)
{
    jlong p = N(newRetry, (jint)r->modid, (jint)r->cmdid, (jint)r->attempts,
                (jint)r->timeout_ms, (jboolean)r->idempotent, (jlong)r->key,
                handle(r->budget));
    int rc;

    if (!p)
        return -ENOMEM;
    if (r->n > 0)
        memcpy((void *)(intptr_t)p, r, sizeof(*r));
    rc = N(next, handle(c), p, handle(out));
    memcpy(r, (const void *)(intptr_t)p, sizeof(*r));
    if (N(leftMs, p) != (jint)r->left_ms)
        rc = -EBADMSG;
    N(free, p);
    return rc;
}
