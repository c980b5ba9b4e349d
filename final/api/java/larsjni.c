/* larsjni -- the native functions of org.lars.Native.  A client, a call, a retry and a
 * budget are C structs whose addresses Java keeps as long; so a call needs no look-up of
 * fields and no allocation.  Java frees them by Cleaners (Client.CLEANER).  Results below
 * zero are negative errno codes.
 *
 * Rejected: a direct ByteBuffer for each call, whose creation is an allocation. */
#include <endian.h>
#include <errno.h>
#include <jni.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "lars.h"
#include "lars_nowait.h"
#include "lars_retry.h"
#include "lars_status.h"
#include "org_lars_Native.h"

#define ROUTE_MAX 65536

static void *at(jlong p)
{
    return (void *)(intptr_t)p;
}

static jbyteArray bytes_of(JNIEnv *env, const void *at, size_t len)
{
    jbyteArray out = (*env)->NewByteArray(env, (jsize)len);

    if (out)
        (*env)->SetByteArrayRegion(env, out, 0, (jsize)len, at);
    return out;
}

/* --- hooks: called inside of a native function, so the thread has an environment ------- */

static JavaVM *vm;
static jweak native_class;            /* weak: it must not keep its class loader */
static jmethodID log_method, ended_method;

JNIEXPORT jint JNICALL JNI_OnLoad(JavaVM *v, void *unused)
{
    JNIEnv *env;
    jclass c;

    (void)unused;
    if ((*v)->GetEnv(v, (void **)&env, JNI_VERSION_1_8) != JNI_OK)
        return JNI_ERR;
    c = (*env)->FindClass(env, "org/lars/Native");
    if (!c)
        return JNI_ERR;
    log_method = (*env)->GetStaticMethodID(env, c, "log", "(I[B)V");
    if (!log_method)
        return JNI_ERR;
    ended_method =
        (*env)->GetStaticMethodID(env, c, "ended", "(Lorg/lars/EndListener;IIZJJIIIJ)V");
    if (!ended_method)
        return JNI_ERR;
    native_class = (*env)->NewWeakGlobalRef(env, c);
    vm = v;
    return native_class ? JNI_VERSION_1_8 : JNI_ERR;
}

/* The class Native as a local reference; NULL when there is no JVM. */
static jclass class_here(JNIEnv **env)
{
    if (!vm || (*vm)->GetEnv(vm, (void **)env, JNI_VERSION_1_8) != JNI_OK)
        return NULL;
    return (*(*env))->NewLocalRef(*env, native_class);
}

/* The methods throw only what a JVM throws that is out of memory or stack. */
static void called(JNIEnv *env, jclass c)
{
    if ((*env)->ExceptionCheck(env))
        (*env)->ExceptionClear(env);
    (*env)->DeleteLocalRef(env, c);
}

static void hook_log(void *arg, enum lars_level level, const char *text)
{
    JNIEnv *env;
    jclass c = class_here(&env);
    jbyteArray bytes;

    (void)arg;
    if (!c)
        return;
    bytes = bytes_of(env, text, strlen(text));
    if (bytes)
        (*env)->CallStaticVoidMethod(env, c, log_method, (jint)level, bytes);
    called(env, c);
    (*env)->DeleteLocalRef(env, bytes);
}

static void hook_ended(void *arg, const struct lars_ended *e)
{
    uint64_t ip[2];                   /* for IPv4 the first 4 bytes, and zeros */
    JNIEnv *env;
    jclass c = class_here(&env);

    if (!c)
        return;
    memcpy(ip, e->host->addr.ip, sizeof(ip));
    (*env)->CallStaticVoidMethod(env, c, ended_method, (jobject)arg, (jint)e->host->modid,
                                 (jint)e->host->cmdid,
                                 (jboolean)(e->host->addr.family == AF_INET),
                                 (jlong)be64toh(ip[0]), (jlong)be64toh(ip[1]),
                                 (jint)e->host->addr.port, (jint)e->outcome,
                                 (jint)e->path, (jlong)e->took_us);
    called(env, c);
}

JNIEXPORT jlong JNICALL Java_org_lars_Native_hold(JNIEnv *env, jclass class,
                                                  jobject listener)
{
    (void)class;
    return (jlong)(intptr_t)(*env)->NewGlobalRef(env, listener);
}

/* --- clients -------------------------------------------------------------------------- */

/* The C string in <a>; NULL when <a> is.  False when memory is short. */
static bool text_of(JNIEnv *env, jbyteArray a, const char **out)
{
    *out = a ? (const char *)(*env)->GetByteArrayElements(env, a, NULL) : NULL;
    return !a || *out;
}

static void free_text(JNIEnv *env, jbyteArray a, const char *text)
{
    if (text)
        (*env)->ReleaseByteArrayElements(env, a, (jbyte *)(uintptr_t)text, JNI_ABORT);
}

JNIEXPORT jlong JNICALL Java_org_lars_Native_open(JNIEnv *env, jclass class,
                                                  jbyteArray address, jint port,
                                                  jbyteArray dir, jint timeout_ms,
                                                  jlong listener)
{
    struct lars_hooks hooks = {.size = sizeof(hooks),
                               .arg = at(listener),
                               .log = hook_log,
                               .ended = listener ? hook_ended : NULL};
    struct lars_options opt = {.size = sizeof(opt),
                               .port = (uint16_t)port,
                               .timeout_ms = (uint32_t)timeout_ms,
                               .hooks = &hooks};
    struct lars_client *c = NULL;
    int rc = -ENOMEM;

    (void)class;
    if (text_of(env, address, &opt.address) && text_of(env, dir, &opt.dir))
        rc = lars_open(&c, &opt);
    free_text(env, address, opt.address);
    free_text(env, dir, opt.dir);
    if (rc < 0 && listener)
        (*env)->DeleteGlobalRef(env, at(listener));
    return rc < 0 ? rc : (jlong)(intptr_t)c;
}

JNIEXPORT void JNICALL Java_org_lars_Native_close(JNIEnv *env, jclass class, jlong client,
                                                  jlong listener)
{
    (void)class;
    lars_close(at(client));
    if (listener)
        (*env)->DeleteGlobalRef(env, at(listener));
}

JNIEXPORT jbyteArray JNICALL Java_org_lars_Native_status(JNIEnv *env, jclass class,
                                                         jlong client)
{
    struct lars_status s = {.size = sizeof(s)};

    _Static_assert(offsetof(struct lars_status, path) == 4 &&
                       offsetof(struct lars_status, shm_error) == 8 &&
                       offsetof(struct lars_status, agent_alive) == 12 &&
                       offsetof(struct lars_status, shm_file) == 16 &&
                       offsetof(struct lars_status, shm_why) == 272 &&
                       offsetof(struct lars_status, begun) == 528 &&
                       offsetof(struct lars_status, ended) == 560 &&
                       offsetof(struct lars_status, took) == 592,
                   "Status.java");
    (void)class;
    return lars_status(at(client), &s) < 0 ? NULL : bytes_of(env, &s, sizeof(s));
}

/* --- calls ---------------------------------------------------------------------------- */

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

JNIEXPORT jint JNICALL Java_org_lars_Native_getTimed(JNIEnv *env, jclass class,
                                                     jlong client, jlong call, jint modid,
                                                     jint cmdid, jlong key,
                                                     jint timeout_ms)
{
    const struct lars_get_options opt = {.size = sizeof(opt),
                                         .key = (uint64_t)key,
                                         .timeout_ms = (uint32_t)timeout_ms};

    (void)env;
    (void)class;
    return lars_get_host_opt(at(client), (uint32_t)modid, (uint32_t)cmdid, &opt, at(call));
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

JNIEXPORT jint JNICALL Java_org_lars_Native_end(JNIEnv *env, jclass class, jlong client,
                                                jlong call, jint outcome)
{
    (void)env;
    (void)class;
    return lars_end(at(client), at(call), (enum lars_outcome)outcome);
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

JNIEXPORT jbyteArray JNICALL Java_org_lars_Native_ip(JNIEnv *env, jclass class, jlong call)
{
    const struct lars_host *h = at(call);

    (void)class;
    return bytes_of(env, h->addr.ip, h->addr.family == AF_INET ? 4 : 16);
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

/* --- texts ---------------------------------------------------------------------------- */

JNIEXPORT jlong JNICALL Java_org_lars_Native_key(JNIEnv *env, jclass class, jbyteArray a)
{
    jbyte *bytes = (*env)->GetByteArrayElements(env, a, NULL);
    jlong key = 0;

    (void)class;
    if (!bytes)
        return 0; /* an OutOfMemoryError is thrown */
    key = (jlong)lars_key(bytes, (size_t)(*env)->GetArrayLength(env, a));
    (*env)->ReleaseByteArrayElements(env, a, bytes, JNI_ABORT);
    return key;
}

JNIEXPORT jbyteArray JNICALL Java_org_lars_Native_lastError(JNIEnv *env, jclass class)
{
    const char *text = lars_last_error();

    (void)class;
    return bytes_of(env, text, strlen(text));
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
