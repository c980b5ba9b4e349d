/* notify_send -- sends alarms to one target and waits for the result.
 *   program   runs EXEC KIND SUBJECT raised|cleared|test DETAIL; killed after 10 s
 *   webhook   POST {"kind": ..., "subject": ..., "state": ..., "detail": ...}
 *   wecom     a robot of WeCom: a text message; the key is in the address
 *   dingtalk  a robot of DingTalk: the same, signed with the secret when there is one
 * HTTP has 5 s.  Failures are logged with the target's name and never with its address,
 * which is a credential.  Thread: any, which may wait for so long. */
#ifndef LARS_REPORT_NOTIFY_SEND_H
#define LARS_REPORT_NOTIFY_SEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report/alarms.h"

enum notify_target {
    NOTIFY_EXEC,
    NOTIFY_WEBHOOK,
    NOTIFY_WECOM,
    NOTIFY_DINGTALK,
    NOTIFY_TARGETS,
};

#define NOTIFY_URL_MAX 300
#define NOTIFY_MESSAGES 256 /* in one sending to a robot */
#define NOTIFY_WHY 120 /* bytes of the reason of a failure */

struct notify_config { /* "" = no such target */
    char exec[200]; /* path of a program */
    char webhook[NOTIFY_URL_MAX];
    char wecom[NOTIFY_URL_MAX];
    char dingtalk[NOTIFY_URL_MAX], dingtalk_secret[100];
};

enum notify_state { NOTIFY_RAISED, NOTIFY_CLEARED, NOTIFY_TEST };

struct notify_message {
    struct alarm alarm;
    enum notify_state state;
};

bool notify_send_is_set(enum notify_target t, const struct notify_config *cfg);
bool notify_send_is_robot(enum notify_target t); /* takes several messages at once */
const char *notify_send_name(enum notify_target t); /* as in the table AlarmTarget */

/* Sends <n> messages, 1 to NOTIFY_MESSAGES (a target that is no robot: 1).  Gives up soon
 * after <stop> returns true.  Returns 0; -EIO: the target did not take them, and <why>
 * has the reason: an exit status, an HTTP status, or the code and text of a robot. */
int notify_send_all(enum notify_target t, const struct notify_config *cfg,
                    const struct notify_message *m, size_t n, bool (*stop)(void *arg),
                    void *arg, char why[NOTIFY_WHY]);

/* The parameters "&timestamp=...&sign=..." with which DingTalk checks the sender:
 * base64(HMAC-SHA256(secret, "<ms>, newline, <secret>")), percent-encoded.  Returns 0;
 * -ENOBUFS. */
int notify_send_sign(const char *secret, uint64_t ms, char *out, size_t room);

#endif
