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

/* A copy, as a JVM may give one. */
static jbyte *get_bytes(JNIEnv *e, jbyteArray from, jboolean *is_copy)
{
    struct array *a = (struct array *)from;
    jbyte *out = malloc((size_t)a->len + 1);

    (void)e;
    (void)is_copy;
    if (out)
        memcpy(out, a->at, (size_t)a->len);
    return out;
}

static void release_bytes(JNIEnv *e, jbyteArray of, jbyte *bytes, jint mode)
{
    (void)e;
    (void)of;
    (void)mode;
    free(bytes);
}

static jsize length(JNIEnv *e, jarray of)
{
    (void)e;
    return ((struct array *)of)->len;
}

static const struct JNINativeInterface_ functions = {.NewStringUTF = new_text,
                                                     .NewByteArray = new_array,
                                                     .GetArrayLength = length,
                                                     .GetByteArrayElements = get_bytes,
                                                     .ReleaseByteArrayElements =
                                                         release_bytes,
                                                     .SetByteArrayRegion = set_bytes,
                                                     .SetIntArrayRegion = set_ints};
static JNIEnv env = &functions;

static jlong handle(const void *p)
{
    return (jlong)(intptr_t)p;
}

/* NULL for NULL, or when memory is short. */
static jbyteArray array_of(const void *bytes, size_t len)
{
    jbyteArray a = bytes ? new_array(&env, (jsize)len) : NULL;

    if (a)
        set_bytes(&env, a, 0, (jsize)len, bytes);
    return a;
}

static jbyteArray text_of(const char *s)
{
    return s ? array_of(s, strlen(s) + 1) : NULL;
}

/* The native functions that no scenario needs. */
static void try_the_rest(void)
{
    jlong call = N0(newCall), budget = N0(newBudget);
    jbyteArray abc = array_of("abc", 3), why = N0(lastError);

    if (!call || !budget || !abc || !why || N(end, 0, call, 0) != -EINVAL ||
        N(status, 0) || (uint64_t)N(key, abc) != lars_key("abc", 3) ||
        N(getTimed, 0, call, 1, 1, 0, 1) != -EINVAL)
        abort();
    N(free, call);
    N(free, budget);
    free(abc);
    free(why);
}

int jni_open(struct lars_client **out, const struct lars_options *opt)
{
    static const struct lars_options none;
    jbyteArray address, dir;
    jlong p;

    opt = opt ? opt : &none;
    address = text_of(opt->address);
    dir = text_of(opt->dir);
    try_the_rest(); /* first: the text of the latest error is that of open() */
    p = N(open, address, opt->port, dir, (jint)opt->timeout_ms, 0);
    free(address);
    free(dir);
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
    N(close, handle(c), 0);
}

int jni_status(struct lars_client *c, struct lars_status *out)
{
    struct array *raw = (struct array *)N(status, handle(c));

    if (!raw)
        return -EINVAL;
    memcpy(out, raw->at, sizeof(*out));
    free(raw);
    return 0;
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

int jni_end(struct lars_client *c, const struct lars_host *h, enum lars_outcome outcome)
{
    return N(end, handle(c), handle(h), (jint)outcome);
}

int jni_report(struct lars_client *c, const struct lars_host *h, int retcode)
{
    return jni_end(c, h, retcode == 0 ? LARS_WELL : LARS_FAILED);
}

int jni_cancel(struct lars_client *c, const struct lars_host *h)
{
    return jni_end(c, h, LARS_CANCELLED);
}

/* Java has no flags but nowait, which is a function of its own. */
int jni_get_opt(struct lars_client *c, uint32_t modid, uint32_t cmdid,
                const struct lars_get_options *opt, struct lars_host *out)
{
    if (opt && opt->flags & LARS_GET_NOWAIT)
        return jni_nowait(c, modid, cmdid, opt->key, out);
    return N(getTimed, handle(c), handle(out), (jint)modid, (jint)cmdid,
             opt ? (jlong)opt->key : 0, opt ? (jint)opt->timeout_ms : 0);
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
    jlong p =
        N(newRetry, (jint)r->modid, (jint)r->cmdid, (jint)r->attempts,
          (jint)r->timeout_ms, (jboolean)r->idempotent, (jlong)r->key, handle(r->budget));
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
