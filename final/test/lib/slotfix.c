#include "slotfix.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "../fastdir.h"
#include "net/sock.h"
#include "textfile.h"

char slotfix_dir[100];
uint32_t slotfix_port;

/* Are the 8 ports from <first> on free? */
static bool are_free(uint32_t first)
{
    struct net_addr at;
    uint32_t i;
    int fd;

    for (i = 0; i < 8; i++) {
        assert_int_equal(net_addr_set(&at, "127.0.0.1", (uint16_t)(first + i)), 0);
        fd = sock_listen(&at, 1, 0);
        if (fd < 0)
            return false;
        close(fd);
    }
    return true;
}

void slotfix_open(void)
{
    snprintf(slotfix_dir, sizeof(slotfix_dir), "%s/slots.XXXXXX", fastdir());
    assert_non_null(mkdtemp(slotfix_dir));
    slotfix_port = 20000 + (uint32_t)getpid() % 1000 * 8;
    while (!are_free(slotfix_port))
        slotfix_port += 8;
}

const char *slotfix_write(const char *name, const char *format, ...)
{
    static char paths[4][200];
    static unsigned n;
    char *path = paths[n++ % 4];
    va_list ap;

    snprintf(path, sizeof(paths[0]), "%s/%s", slotfix_dir, name);
    va_start(ap, format);
    textfile_vwrite(path, format, ap);
    va_end(ap);
    return path;
}

const char *slotfix_script(const char *name, const char *text)
{
    const char *path =
        slotfix_write(name,
                      "#!/bin/sh\necho $$ $(cut -d ' ' -f 22 /proc/$$/stat) $1 "
                      ">>%s/starts\n%s\n",
                      slotfix_dir, text);

    assert_int_equal(chmod(path, 0755), 0);
    return path;
}

const char *slotfix_serve(void)
{
    static char text[400];
    const char *build = getenv("BUILD");
    char here[200];

    assert_non_null(getcwd(here, sizeof(here)));
    snprintf(text, sizeof(text), "exec timeout --foreground 300 %s/%s/http_node $1", here,
             build ? build : "build");
    return text;
}

const char *slotfix_serve_by(const char *build)
{
    static char text[700];
    const char *serve = strstr(slotfix_serve(), " --foreground");
    char command[600];

    snprintf(command, sizeof(command),
             "cd '%s' && cp \"$(command -v timeout)\" new && printf %%s '%s' >>new && mv "
             "new timeout",
             slotfix_dir, build);
    assert_int_equal(system(command), 0);
    snprintf(text, sizeof(text), "exec %s/timeout%s", slotfix_dir, serve);
    return text;
}

const char *slotfix_digits(const char *name)
{
    static char digits[SLOT_BUILD];
    char command[400];
    FILE *f;

    snprintf(command, sizeof(command), "sha256sum < '%s/%s'", slotfix_dir, name);
    f = popen(command, "r");
    assert_non_null(f);
    assert_int_equal(fread(digits, 1, SLOT_BUILD - 1, f), SLOT_BUILD - 1);
    while (fgetc(f) != EOF)
        continue;
    assert_int_equal(pclose(f), 0);
    return digits;
}

/* --- processes ---------------------------------------------------------------------- */

bool slotfix_is_alive(pid_t pid)
{
    char path[40], text[400] = "";
    const char *after;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    f = fopen(path, "r");
    if (!f)
        return false;
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    fclose(f);
    after = strrchr(text, ')');
    return after && strlen(after) > 2 && after[2] != 'Z';
}

struct start { /* a line of `starts` */
    int pid;
    unsigned long long began; /* its start time, from /proc; 0 = not known */
    unsigned port; /* 0 = none */
};

/* Calls <fn> with each line in `starts`.  Returns how often it is true. */
static unsigned count_starts(bool fn(const struct start *s))
{
    char path[200], line[200];
    struct start s;
    unsigned n = 0;
    FILE *f;

    snprintf(path, sizeof(path), "%s/starts", slotfix_dir);
    f = fopen(path, "r");
    if (!f)
        return 0;
    while (fgets(line, sizeof(line), f)) {
        s = (struct start){0};
        if (sscanf(line, "%d %llu 127.0.0.1:%u", &s.pid, &s.began, &s.port) >= 1)
            n += fn(&s);
    }
    fclose(f);
    return n;
}

static bool is_any(const struct start *s)
{
    return s->pid > 0;
}

/* A later process can have the number. */
static bool is_alive(const struct start *s)
{
    char path[40], text[400] = "";
    unsigned long long began = 0;
    const char *at;
    FILE *f;
    int i;

    snprintf(path, sizeof(path), "/proc/%d/stat", s->pid);
    f = fopen(path, "r");
    if (!f)
        return false;
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    fclose(f);
    at = strrchr(text, ')');
    for (i = 0; i < 20 && at; i++)
        at = strchr(at + 1, ' ');
    return slotfix_is_alive((pid_t)s->pid) && at && sscanf(at, "%llu", &began) == 1 &&
           (s->began == 0 || began == s->began);
}

static unsigned port_wanted;

static bool is_alive_at(const struct start *s)
{
    return s->port == port_wanted && is_alive(s);
}

static bool end_group(const struct start *s)
{
    if (is_alive(s) || kill(s->pid, 0) == -1) /* its number is that of its group */
        kill(-s->pid, SIGKILL);
    return true;
}

unsigned slotfix_n_starts(void)
{
    return count_starts(is_any);
}

unsigned slotfix_n_alive(void)
{
    return count_starts(is_alive);
}

/* A process can end while the lines are read, and the one that follows it be counted as
 * well.  So more than one is counted again: those that are there still were there at the
 * same time. */
unsigned slotfix_n_alive_in(unsigned slot)
{
    unsigned n, i;

    port_wanted = slotfix_port + slot - 1;
    n = count_starts(is_alive_at);
    for (i = 0; i < 2 && n > 1; i++)
        n = count_starts(is_alive_at);
    return n;
}

pid_t slotfix_pid(unsigned slot)
{
    char path[200];
    int pid = 0;
    FILE *f;

    snprintf(path, sizeof(path), "%s/%u.lock", slotfix_dir, slot);
    f = fopen(path, "r");
    if (f && fscanf(f, "module=%*u/%*u port=%*u pid=%d", &pid) != 1)
        pid = 0;
    if (f)
        fclose(f);
    return (pid_t)pid;
}

void slotfix_close(void)
{
    char path[400];
    struct dirent *e;
    DIR *d;

    count_starts(end_group);
    T_WAIT(slotfix_n_alive() == 0);
    d = opendir(slotfix_dir);
    while (d && (e = readdir(d))) {
        snprintf(path, sizeof(path), "%s/%s", slotfix_dir, e->d_name);
        unlink(path);
    }
    if (d)
        closedir(d);
    rmdir(slotfix_dir);
}
