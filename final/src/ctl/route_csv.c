/* The whole file is read before anything is parsed, and cells are cut in place: the text
 * that a cell has without its quotes is never longer than with them.
 *
 * Invariant: what could not be read is never taken for "no routes".  A folder, a pipe
 * whose writer failed, and a file whose lines end otherwise look like an empty file, so
 * that is refused.
 *
 * Rejected: lines by fgets().  A quoted cell may hold a line end, and a line that is
 * longer than the buffer would be two. */
#include "ctl/route_csv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/ipv4.h"
#include "base/net_addr.h"
#include "base/utf8.h"
#include "ctl/ctl.h"

#define FILE_MAX (64u << 20)
#define N_CELLS 6 /* modid,cmdid,node,zone,weight,state */

/* Cut the cell at *<at> out of its record, without its quotes; *<at> moves behind it.
 * Returns the character that ended it: a comma, a line feed or 0; -EINVAL. */
static int cut_cell(char **at, char **cell, unsigned *line)
{
    char *in = *at, *out = in;
    int end;

    *cell = out;
    if (*in == '"') {
        for (in++; *in && (in[0] != '"' || in[1] == '"'); *out++ = *in++) {
            in += *in == '"';
            *line += *in == '\n';
        }
        if (*in++ != '"')
            return -EINVAL;
    } else {
        while (!strchr(",\r\n", *in))
            *out++ = *in++;
    }
    in += in[0] == '\r' && (in[1] == '\n' || in[1] == '\0');
    end = (unsigned char)*in;
    *at = end ? in + 1 : in;
    *out = '\0';
    return end == ',' || end == '\n' || end == '\0' ? end : -EINVAL;
}

/* Cut one record into its cells.  Returns how many there are, or -EINVAL. */
static int cut_record(char **at, char *cell[N_CELLS], unsigned *line)
{
    int n = 0, end = ',';

    while (end == ',') {
        if (n == N_CELLS)
            return -EINVAL;
        end = cut_cell(at, &cell[n++], line);
    }
    *line += end == '\n';
    return end < 0 ? end : n;
}

/* "10.0.0.1:80".  Port 0 and ports above 65535 are read as well: SQL can write them. */
static int parse_node(char *text, struct node_row *r)
{
    char *colon = strrchr(text, ':');
    struct net_addr at;
    char first[NET_ADDR_STRLEN];

    if (!colon || ctl_u32(colon + 1, "port", UINT32_MAX, &r->port) != 0)
        return CTL_USAGE;
    snprintf(first, sizeof(first), "%.*s:1", (int)(colon - text), text);
    if (colon - text > 15 || net_addr_parse(&at, first) < 0 || at.family != AF_INET)
        return ctl_say(CTL_USAGE, "NODE: \"%s\" is not like 10.0.0.1:80", text);
    r->ip = ipv4_of(&at);
    return 0;
}

/* Returns 0, or CTL_USAGE after a line on standard error. */
static int parse_cells(char *cell[N_CELLS], struct node_row *r)
{
    int code = ctl_u32(cell[0], "modid", UINT32_MAX, &r->modid);

    if (code == 0)
        code = ctl_u32(cell[1], "cmdid", UINT32_MAX, &r->cmdid);
    if (code == 0)
        code = parse_node(cell[2], r);
    if (code == 0)
        code = ctl_u32(cell[4], "weight", UINT32_MAX, &r->weight);
    if (code == 0 && (!utf8_is_whole(cell[3]) || utf8_length(cell[3]) > NODE_ROW_ZONE))
        code = ctl_say(CTL_USAGE,
                       "zone: \"%s\" is not text of at most 32 characters in UTF-8",
                       cell[3]);
    if (code == 0 && strlen(cell[5]) >= sizeof(r->state))
        code = ctl_say(CTL_USAGE, "state: \"%s\" is not up or drained", cell[5]);
    if (code != 0)
        return code;
    snprintf(r->zone, sizeof(r->zone), "%s", cell[3]);
    snprintf(r->state, sizeof(r->state), "%s", cell[5]);
    return 0;
}

static bool is_names_of_columns(char *cell[N_CELLS])
{
    static const char *const name[] = {"modid", "cmdid",  "node",
                                       "zone",  "weight", "state"};
    int i = 0;

    while (i < N_CELLS && strcmp(cell[i], name[i]) == 0)
        i++;
    return i == N_CELLS;
}

/* Cut <text> into rows.  Returns an exit code. */
static int parse_text(char *text, const char *path, struct node_rows *rows)
{
    char *at = text, *cell[N_CELLS];
    unsigned line = 1;
    struct node_row r;
    int n;

    if (strncmp(at, "\xef\xbb\xbf", 3) == 0)
        at += 3; /* the byte order mark that Windows writes */
    while (*at) {
        r.number = line;
        n = cut_record(&at, cell, &line);
        if (n == 1 && cell[0][0] == '\0')
            continue; /* an empty line */
        if (n == N_CELLS && r.number == 1 && is_names_of_columns(cell))
            continue;
        if (n != N_CELLS)
            ctl_say(0, "a line must be modid,cmdid,node,zone,weight,state and end with "
                       "a line feed");
        if (n != N_CELLS || parse_cells(cell, &r) != 0)
            return ctl_say(CTL_USAGE, "%s:%u: this line is wrong; nothing was changed",
                           path, r.number);
        if (node_row_add(rows, &r) < 0)
            return ctl_say(CTL_FAILED, "out of memory");
    }
    return CTL_OK;
}

/* Sort the rows; two of one node are refused.  Returns an exit code. */
static int sort_rows(struct node_rows *rows, const char *path)
{
    size_t i;

    node_row_sort(rows);
    for (i = 1; i < rows->n; i++)
        if (node_row_cmp(&rows->at[i - 1], &rows->at[i]) == 0)
            return ctl_say(CTL_USAGE,
                           "%s: the lines %u and %u are about the same node of the same "
                           "module; nothing was changed",
                           path, rows->at[i - 1].number, rows->at[i].number);
    return CTL_OK;
}

/* Append the whole file and a NUL.  Returns an exit code. */
static int read_stream(FILE *f, const char *path, struct buf *b)
{
    char part[16384];
    size_t n;

    while ((n = fread(part, 1, sizeof(part), f)) > 0) {
        if (b->len + n > FILE_MAX)
            return ctl_say(CTL_USAGE, "%s: it is longer than %u MiB", path,
                           FILE_MAX >> 20);
        if (memchr(part, '\0', n))
            return ctl_say(CTL_USAGE,
                           "%s: it is not a text in UTF-8; nothing was changed", path);
        if (buf_append(b, part, n) < 0)
            return ctl_say(CTL_FAILED, "out of memory");
    }
    if (ferror(f))
        return ctl_say(CTL_USAGE, "%s: cannot read it: %s; nothing was changed", path,
                       strerror(errno));
    return buf_append(b, "", 1) < 0 ? ctl_say(CTL_FAILED, "out of memory") : CTL_OK;
}

int route_csv_read(const char *path, struct node_rows *rows, bool may_be_empty)
{
    bool is_stdin = strcmp(path, "-") == 0;
    /* A pipe as well, such as <(...) of a shell. */
    FILE *f = is_stdin ? stdin : fopen(path, "re");
    struct buf b = {0};
    int code;

    if (!f)
        return ctl_say(CTL_USAGE, "%s: %s", path, strerror(errno));
    code = read_stream(f, path, &b);
    if (code == CTL_OK && b.len == 1)
        code = ctl_say(CTL_USAGE, "%s: it is empty; nothing was changed", path);
    if (code == CTL_OK)
        code = parse_text(buf_tail(&b) - b.len, path, rows);
    if (code == CTL_OK && rows->n == 0 && !may_be_empty)
        code = ctl_say(CTL_USAGE,
                       "%s: there is no route in it; nothing was changed. To remove all "
                       "routes: larsctl -y import FILE remove-all",
                       path);
    if (code == CTL_OK)
        code = sort_rows(rows, path);
    buf_free(&b);
    if (!is_stdin)
        fclose(f);
    return code;
}
