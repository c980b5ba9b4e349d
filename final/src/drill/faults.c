/* A process that is killed is described before: its arguments, its folder and the file of
 * its output are read from /proc, so that it can be started again without a supervisor
 * and without a second list of commands that would differ from what ran.  Its environment
 * is that of the drill.
 *
 * Invariant: a signal goes only to a process whose time of start is still that of the
 * description, so a pid that was used again is never hit. */
#include "drill/faults.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/new_file.h"
#include "drill/process.h"
#include "drill/slow_node.h"

#define END_MS 5000 /* after SIGKILL */
#define LATE_MS 300 /* a SIGKILL that was sent before a crash may take so long */

static pid_t pid_of(const json_t *action, const char *name)
{
    return (pid_t)json_integer_value(json_object_get(action, name));
}

static uint64_t ticks_of(const json_t *action)
{
    return (uint64_t)json_integer_value(json_object_get(action, "ticks"));
}

/* --- what the undo will be ---------------------------------------------------------- */

static json_t *of_process(const char *file, bool stop, char why[FAULTS_WHY])
{
    char path[PATH_MAX];
    uint64_t ticks;
    json_t *how;
    pid_t pid;
    int rc = process_read_pid(file, &pid);

    if (rc == 0 && !realpath(file, path))
        rc = -errno;
    ticks = rc == 0 ? process_ticks(pid) : 0;
    if (rc < 0 || ticks == 0) {
        snprintf(why, FAULTS_WHY,
                 "%.200s: %s; start the system, or correct the file in the script", file,
                 rc == -EINVAL ? "the file holds no process id"
                 : rc < 0      ? err_text(rc)
                               : "the process that it names does not run");
        return NULL;
    }
    if (kill(pid, 0) == -1) {
        snprintf(why, FAULTS_WHY,
                 "%.200s: the process %d is of another user; run the drill as that user, "
                 "or as root",
                 file, (int)pid);
        return NULL;
    }
    if (stop)
        return json_pack("{sI sI}", "continue", (json_int_t)pid, "ticks",
                         (json_int_t)ticks);
    how = process_describe(pid);
    if (!how)
        snprintf(why, FAULTS_WHY,
                 "%.200s: /proc does not show how the process %d was started; run the "
                 "drill as its user, or use run with an undo",
                 file, (int)pid);
    return how ? json_pack("{so ss sI sI}", "start", how, "pidfile", path, "pid",
                           (json_int_t)pid, "ticks", (json_int_t)ticks)
               : NULL;
}

static json_t *of_command(const char *undo)
{
    char copy[SCRIPT_TEXT], *word[SCRIPT_WORDS + 1], cwd[PATH_MAX];
    json_t *words = json_array();
    unsigned i, n = script_words(undo, copy, word);

    for (i = 0; i < n; i++)
        json_array_append_new(words, json_string(word[i]));
    if (!getcwd(cwd, sizeof(cwd)))
        snprintf(cwd, sizeof(cwd), "/");
    return json_pack("{so ss}", "run", words, "cwd", cwd);
}

json_t *faults_prepare(const struct script_event *e, const struct myconn_config *db,
                       char why[FAULTS_WHY])
{
    char copy[SCRIPT_TEXT], *word[SCRIPT_WORDS + 1];
    unsigned i, n = script_words(e->text, copy, word);
    json_t *all, *one;

    if (e->what == SCRIPT_SLOW)
        return slow_node_prepare(e, db, why);
    all = json_array();
    if (e->what == SCRIPT_RUN)
        json_array_append_new(all, of_command(e->undo));
    if (e->what != SCRIPT_KILL && e->what != SCRIPT_STOP)
        return all;
    for (i = 1; i < n; i++) {
        one = of_process(word[i], e->what == SCRIPT_STOP, why);
        if (!one) {
            json_decref(all);
            return NULL;
        }
        json_array_append_new(all, one);
    }
    return all;
}

/* --- doing it ----------------------------------------------------------------------- */

static int run_words(char *const word[], const char *cwd, const char *log,
                     char why[FAULTS_WHY])
{
    pid_t pid = process_start(word, cwd, log);
    int rc = pid > 0 ? process_wait(pid, FAULTS_COMMAND_MS) : (int)pid;

    if (rc == 0)
        return 0;
    if (rc == -ETIMEDOUT)
        snprintf(why, FAULTS_WHY, "%.200s did not end within %d s and was ended", word[0],
                 FAULTS_COMMAND_MS / 1000);
    else if (rc < 0)
        snprintf(why, FAULTS_WHY, "%.200s cannot be run: %s", word[0], err_text(rc));
    else
        snprintf(why, FAULTS_WHY, "%.200s ended with the exit code %d; see %.200s",
                 word[0], rc, log);
    return rc < 0 ? rc : -EIO;
}

static int send_all(const json_t *undo, const char *name, int signo, char why[FAULTS_WHY])
{
    size_t i;
    const json_t *action;
    int rc = 0;

    json_array_foreach(undo, i, action)
    {
        pid_t pid = pid_of(action, name);

        if (process_ticks(pid) == ticks_of(action) && kill(pid, signo) == 0)
            continue;
        rc = -ESRCH;
        snprintf(why, FAULTS_WHY, "the process %d has ended by itself", (int)pid);
    }
    return rc;
}

static int kill_all(const json_t *undo, char why[FAULTS_WHY])
{
    int rc = send_all(undo, "pid", SIGKILL, why);
    const json_t *action;
    size_t i;

    json_array_foreach(undo, i, action)
    {
        if (process_wait_end(pid_of(action, "pid"), ticks_of(action), END_MS))
            continue;
        rc = -ETIMEDOUT;
        snprintf(why, FAULTS_WHY, "the process %d did not end after SIGKILL",
                 (int)pid_of(action, "pid"));
    }
    return rc;
}

int faults_do(const struct script_event *e, const json_t *undo, const char *log,
              char why[FAULTS_WHY])
{
    char copy[SCRIPT_TEXT], *word[SCRIPT_WORDS + 1];

    if (e->what == SCRIPT_KILL)
        return kill_all(undo, why);
    if (e->what == SCRIPT_STOP)
        return send_all(undo, "continue", SIGSTOP, why);
    if (e->what == SCRIPT_SLOW)
        return slow_node_do(e, undo, why);
    if (e->what != SCRIPT_RUN)
        return 0;
    script_words(e->text, copy, word);
    return run_words(word + 1, ".", log, why);
}

/* --- undoing it --------------------------------------------------------------------- */

static unsigned take_words(const json_t *array, char *word[], unsigned max)
{
    unsigned i, n = (unsigned)json_array_size(array);

    for (i = 0; i < n && i < max; i++)
        word[i] = (char *)json_string_value(json_array_get(array, i));
    word[i] = NULL;
    return i;
}

static const char *text_of(const json_t *of, const char *name)
{
    const char *text = json_string_value(json_object_get(of, name));

    return text ? text : "";
}

/* Whether the file names a process that was started in the same way meanwhile. */
static bool runs_again(const char *file, const json_t *how)
{
    json_t *now;
    pid_t pid;
    bool same;

    if (process_read_pid(file, &pid) < 0 || process_ticks(pid) == 0)
        return false;
    now = process_describe(pid);
    same = json_equal(json_object_get(now, "argv"), json_object_get(how, "argv"));
    json_decref(now);
    return same;
}

static int write_pid(const char *file, pid_t pid)
{
    char text[16], beside[PATH_MAX];
    int n = snprintf(text, sizeof(text), "%d\n", (int)pid);
    struct new_file_part part = {text, (size_t)n};
    int rc = new_file_write(beside, file, 0644, &part, 1);

    return rc < 0 ? rc : new_file_use(beside, file);
}

static int start_again(const json_t *action, char why[FAULTS_WHY])
{
    const json_t *how = json_object_get(action, "start");
    const char *file = text_of(action, "pidfile");
    size_t n = json_array_size(json_object_get(how, "argv"));
    char **word;
    pid_t pid;
    int rc;

    if (!process_wait_end(pid_of(action, "pid"), ticks_of(action), LATE_MS) ||
        runs_again(file, how))
        return 0;
    word = calloc(n + 1, sizeof(*word));
    if (!word)
        return -ENOMEM;
    take_words(json_object_get(how, "argv"), word, (unsigned)n);
    pid = process_start(word, text_of(how, "cwd"), text_of(how, "log"));
    rc = pid > 0 ? write_pid(file, pid) : (int)pid;
    if (rc < 0)
        snprintf(why, FAULTS_WHY, "%.200s %s: %s; start it by hand",
                 n > 0 ? word[0] : "a process",
                 pid > 0 ? "runs, but its pid file cannot be written"
                         : "cannot be started",
                 err_text(rc));
    free(word);
    return rc;
}

static int undo_one(const json_t *action, const char *log, char why[FAULTS_WHY])
{
    char *word[SCRIPT_WORDS + 1];
    pid_t pid = pid_of(action, "continue");

    if (json_object_get(action, "start"))
        return start_again(action, why);
    if (json_object_get(action, "slow"))
        return slow_node_undo(action, why);
    if (pid > 0) {
        if (process_ticks(pid) == ticks_of(action))
            kill(pid, SIGCONT);
        return 0;
    }
    if (take_words(json_object_get(action, "run"), word, SCRIPT_WORDS) == 0)
        return -EINVAL;
    return run_words(word, text_of(action, "cwd"), log, why);
}

int faults_undo(const json_t *undo, const char *log, char why[FAULTS_WHY])
{
    size_t i;
    const json_t *action;
    int rc = 0, one;

    json_array_foreach(undo, i, action)
    {
        snprintf(why, rc == 0 ? FAULTS_WHY : 0, "the undo of the journal is not whole");
        one = undo_one(action, log, why);
        if (one < 0)
            rc = one;
    }
    return rc;
}
