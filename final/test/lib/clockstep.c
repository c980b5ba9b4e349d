/* The file is replaced by a rename, so a program that reads it at any moment finds a
 * whole number. */
#include "../t.h"

#include "clockstep.h"

#include <limits.h>

static char step_path[64];

void clockstep_set(int s)
{
    char beside[80];
    FILE *f;

    snprintf(beside, sizeof(beside), "%s.new", step_path);
    f = fopen(beside, "w");
    assert_non_null(f);
    assert_true(fprintf(f, "%d\n", s) > 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(rename(beside, step_path), 0);
}

void clockstep_open(void)
{
    snprintf(step_path, sizeof(step_path), "/tmp/lars-step-%d", (int)getpid());
    clockstep_set(0);
    setenv("SHIM_STEP", step_path, 1);
}

void clockstep_close(void)
{
    unlink(step_path);
    unsetenv("SHIM_STEP");
}

void clockstep_begin(bool always)
{
    const char *build = getenv("BUILD");
    char path[PATH_MAX];

    if (!always && getenv("LARS_MODE"))
        return;
    assert_non_null(realpath(build ? build : "build", path));
    assert_true(strlen(path) + sizeof("/shim.so") <= sizeof(path));
    strcat(path, "/shim.so");
    setenv("LD_PRELOAD", path, 1);
}

void clockstep_end(void)
{
    unsetenv("LD_PRELOAD");
}
