/* fuzz_rules -- a file of rules, a host and a target, divided by 0 bytes.  Any file is
 * read or refused with a reason; a host in capitals or with a port, and a path in its one
 * spelling, get the same rule; and that spelling is its own. */
#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gateway/rules.h"
#include "http/http_path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
    if (!holds)
        abort();
}

/* Cut what is before the next 0 byte off. */
static struct http_text cut(const uint8_t **p, size_t *left)
{
    const uint8_t *end = memchr(*p, 0, *left);
    struct http_text t = {(const char *)*p, (uint32_t)(end ? (size_t)(end - *p) : *left)};

    *p += t.len + (end != NULL);
    *left -= t.len + (end != NULL);
    return t;
}

static struct rules *read_rules(struct http_text text)
{
    char path[40], err[CONF_ERR_MAX] = "";
    int fd = memfd_create("rules", 0), rc;
    struct rules *r = NULL;

    must(fd >= 0 && write(fd, text.at, text.len) == (ssize_t)text.len);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    rc = rules_create(&r, path, err);
    must(rc == 0 ? r != NULL : err[0] != 0);
    close(fd);
    return rc == 0 ? r : NULL;
}

static void check_host(const struct rules *r, struct http_text host,
                       struct http_text target)
{
    const struct rule *rule = rules_find(r, host, target);
    char other[300];
    uint32_t i;

    if (host.len > 255 || host.len == 0 || memchr(host.at, ':', host.len))
        return;
    for (i = 0; i < host.len; i++)
        other[i] = (char)toupper((unsigned char)host.at[i]);
    must(rules_find(r, (struct http_text){other, host.len}, target) == rule);
    memcpy(other + host.len, ":8080", 5);
    must(rules_find(r, (struct http_text){other, host.len + 5}, target) == rule);
}

static void check_path(const struct rules *r, struct http_text host,
                       struct http_text target)
{
    static char one[5000], two[5000];
    struct http_text normal = {one, 0};

    if (target.len > sizeof(one) || !http_path_is_clear(target))
        return;
    normal.len = (uint32_t)http_path_normal(target, one, sizeof(one));
    must(normal.len <= target.len && http_path_is_clear(normal));
    must(rules_find(r, host, normal) == rules_find(r, host, target));
    must(http_path_normal(normal, two, sizeof(two)) == normal.len);
    must(memcmp(one, two, normal.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_text host, target, text = cut(&data, &size);
    struct rules *r = read_rules(text);

    host = cut(&data, &size);
    target = cut(&data, &size);
    if (r) {
        check_host(r, host, target);
        check_path(r, host, target);
    }
    rules_destroy(r);
    return 0;
}
