/* larsjni -- the native functions of org.lars.Native.  A client, a call, a retry and a
 * budget are C structs whose addresses Java keeps as long; so a call needs no look-up of
 * fields and no allocation.  Java frees them by Cleaners (Client.CLEANER).  Results below
 * zero are negative errno codes.
 *
 * Rejected: a direct ByteBuffer for each call, whose creation is an allocation. */
#include <errno.h>
#include <jni.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "lars.h"
#include "lars_nowait.h"
#include "lars_retry.h"
#include "org_lars_Native.h"

#define ROUTE_MAX 65536

static void *at(jlong p)
{
    return (void *)(intptr_t)p;
}

/* A copy of <s> as a C string, NULL when <s> is.  False when memory is short. */
static bool text_of(JNIEnv *env, jstring s, const char **out)
{
    *out = s ? (*env)->GetStringUTFChars(env, s, NULL) : NULL;
    return !s || *out;
}

static void free_text(JNIEnv *env, jstring s, const char *text)
{
    if (text)
        (*env)->ReleaseStringUTFChars(env, s, text);
}

JNIEXPORT jlong JNICALL Java_org_lars_Native_open(JNIEnv *env, jclass class,
                                                  jstring address, jint port, jstring dir,
                                                  jint timeout_ms)
{
    struct lars_options opt = {.size = sizeof(opt),
                               .port = (uint16_t)port,
                               .timeout_ms = (uint32_t)timeout_ms};
    struct lars_client *c = NULL;
    int rc = -ENOMEM;

    (void)class;
    if (text_of(env, address, &opt.address) && text_of(env, dir, &opt.dir)) {
        bool preset = !opt.address && !opt.dir && !port && !timeout_ms;

        rc = lars_open(&c, preset ? NULL : &opt);
    }
    free_text(env, address, opt.address);
    free_text(env, dir, opt.dir);
    return rc < 0 ? rc : (jlong)(intptr_t)c;
}

JNIEXPORT void JNICALL Java_org_lars_Native_close(JNIEnv *env, jclass class, jlong client)
{
    (void)env;
    (void)class;
    lars_close(at(client));
}

/* Zeroed memory; 0 when it is short. */
static jlong zeroed(size_t size)
{
    return (jlong)(intptr_t)calloc(1, size);
}

JNIEXPORT jlong JNICALL Java_org_lars_Native_newCall(JNIEnv *env, jclass class)
{
    (void)env;
    (void)class;
    return zeroed(sizeof(struct lars_host));
}

JNIEXPORT jlong JNICALL Java_org_lars_Native_newBudget(JNIEnv *env, jclass class)
{
    (void)env;
    (void)class;
    return zeroed(sizeof(struct lars_budget));
}

JNIEXPORT void JNICALL Java_org_lars_Native_free(JNIEnv *env, jclass class, jlong p)
{
    (void)env;
    (void)class;
    free(at(p));
}

JNIEXPORT jint JNICALL Java_org_lars_Native_get(JNIEnv *env, jclass class, jlong client,
                                                jlong call, jint modid, jint cmdid,
                                                jlong key)
{
    (void)env;
    (void)class;
    return lars_get_host_key(at(client), (uint32_t)modid, (uint32_t)cmdid, (uint64_t)key,
                             at(call));
}

JNIEXPORT jint JNICALL Java_org_lars_Native_getNowait(JNIEnv *env, jclass class,
                                                      jlong client, jlong call,
                                                      jint modid, jint cmdid, jlong key)
{
    (void)env;
    (void)class;
    return lars_nowait_get(at(client), (uint32_t)modid, (uint32_t)cmdid, (uint64_t)key,
                           at(call));
}

JNIEXPORT jint JNICALL Java_org_lars_Native_report(JNIEnv *env, jclass class, jlong client,
                                                   jlong call, jint retcode)
{
    (void)env;
    (void)class;
    return lars_report(at(client), at(call), retcode);
}

JNIEXPORT jint JNICALL Java_org_lars_Native_register(JNIEnv *env, jclass class,
                                                     jlong client, jint modid, jint cmdid)
{
    (void)env;
    (void)class;
    return lars_register(at(client), (uint32_t)modid, (uint32_t)cmdid);
}

JNIEXPORT jint JNICALL Java_org_lars_Native_port(JNIEnv *env, jclass class, jlong call)
{
    const struct lars_host *h = at(call);

    (void)env;
    (void)class;
    return h->addr.port;
}

static jbyteArray ip_of(JNIEnv *env, const struct lars_addr *a)
{
    jsize n = a->family == 2 ? 4 : 16; /* AF_INET */
    jbyteArray out = (*env)->NewByteArray(env, n);

    if (out)
        (*env)->SetByteArrayRegion(env, out, 0, n, (const jbyte *)a->ip);
    return out;
}

JNIEXPORT jbyteArray JNICALL Java_org_lars_Native_ip(JNIEnv *env, jclass class, jlong call)
{
    const struct lars_host *h = at(call);

    (void)class;
    return ip_of(env, &h->addr);
}

/* Each node as 18 bytes: 16 of the address, 2 of the port.  <rc>[0] is the result of
 * lars_get_route(); below zero NULL is returned. */
JNIEXPORT jbyteArray JNICALL Java_org_lars_Native_route(JNIEnv *env, jclass class,
                                                        jlong client, jint modid,
                                                        jint cmdid, jintArray rc)
{
    struct lars_addr *a = malloc(ROUTE_MAX * sizeof(*a));
    jbyteArray out = NULL;
    jint n = -ENOMEM, i;

    (void)class;
    if (a)
        n = lars_get_route(at(client), (uint32_t)modid, (uint32_t)cmdid, a, ROUTE_MAX);
    (*env)->SetIntArrayRegion(env, rc, 0, 1, &n);
    if (n >= 0)
        out = (*env)->NewByteArray(env, n * 18);
    for (i = 0; out && i < n; i++) {
        jbyte port[2] = {(jbyte)(a[i].port >> 8), (jbyte)a[i].port};

        (*env)->SetByteArrayRegion(env, out, i * 18, 16, (const jbyte *)a[i].ip);
        (*env)->SetByteArrayRegion(env, out, i * 18 + 16, 2, port);
    }
    free(a);
    return out;
}

JNIEXPORT jlong JNICALL Java_org_lars_Native_newRetry(JNIEnv *env, jclass class, jint modid,
                                                      jint cmdid, jint attempts,
                                                      jint timeout_ms, jboolean idempotent,
                                                      jlong key, jlong budget)
{
    struct lars_retry *r = calloc(1, sizeof(*r));

    (void)env;
    (void)class;
    if (r)
        *r = (struct lars_retry){.size = sizeof(*r),
                                 .modid = (uint32_t)modid,
                                 .cmdid = (uint32_t)cmdid,
                                 .attempts = (uint32_t)attempts,
                                 .timeout_ms = (uint32_t)timeout_ms,
                                 .idempotent = idempotent,
                                 .key = (uint64_t)key,
                                 .budget = at(budget)};
    return (jlong)(intptr_t)r;
}

JNIEXPORT jint JNICALL Java_org_lars_Native_next(JNIEnv *env, jclass class, jlong client,
                                                 jlong retry, jlong call)
{
    (void)env;
    (void)class;
    return lars_retry_next(at(client), at(retry), at(call));
}

JNIEXPORT jint JNICALL Java_org_lars_Native_leftMs(JNIEnv *env, jclass class, jlong retry)
{
    const struct lars_retry *r = at(retry);

    (void)env;
    (void)class;
    return (jint)r->left_ms;
}

JNIEXPORT jstring JNICALL Java_org_lars_Native_describe(JNIEnv *env, jclass class, jint rc)
{
    (void)class;
    return (*env)->NewStringUTF(env, lars_strerror(rc));
}

JNIEXPORT jstring JNICALL Java_org_lars_Native_name(JNIEnv *env, jclass class, jint rc)
{
    const char *name = strerrorname_np(-rc);

    (void)class;
    return (*env)->NewStringUTF(env, name ? name : "EUNKNOWN");
}
