/* report_bench -- measures how many rows per second reach ServerCallStatus in one of
 * three ways:
 *     many    INSERT statements of 500 rows: the raw limit of this table
 *     report  messages of 10 nodes to lars-reportd, until all rows are in the table
 *     one     one statement for each row, as the public Lars has it
 *     build/report_bench -p REPORTD_PORT -s DB_SOCKET -m many|report|one [-n ROWS] */
#include <errno.h>
#include <mysql.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "net/frame.h"
#include "proto/msg_report.h"

#define NODES 10                      /* nodes of each module */
#define WAIT_S 120                    /* a row that takes longer counts as lost */

static MYSQL *db;
static uint32_t rows = 20000;
static int port;

static void die(const char *what)
{
    fprintf(stderr, "report_bench: %s: %s\n", what,
            db ? mysql_error(db) : strerror(errno));
    exit(1);
}

static double now_s(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void sql(const char *text)
{
    if (mysql_query(db, text) != 0)
        die(text);
}

static uint32_t count(void)
{
    MYSQL_RES *r;
    uint32_t n;

    sql("SELECT COUNT(*) FROM ServerCallStatus");
    r = mysql_store_result(db);
    if (!r)
        die("count");
    n = (uint32_t)strtoul(mysql_fetch_row(r)[0], NULL, 10);
    mysql_free_result(r);
    return n;
}

static void insert(uint32_t each)
{
    char *text = malloc(each * 100 + 400), *p;
    uint32_t i, k;

    if (!text)
        die("memory");
    for (i = 0; i < rows; i += each) {
        p = text + sprintf(text, "INSERT INTO ServerCallStatus VALUES ");
        for (k = i; k < i + each && k < rows; k++)
            p += sprintf(p, "(%u,1,%u,80,1,1,0,1,0),", 1 + k / NODES, k % NODES);
        sprintf(p - 1, " ON DUPLICATE KEY UPDATE succ_cnt = VALUES(succ_cnt)");
        sql(text);
    }
    free(text);
}

static void report(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct msg_result res[NODES];
    char out[1000];
    uint32_t m, i;
    double end = now_s() + WAIT_S;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd == -1 || connect(fd, (struct sockaddr *)&at, sizeof(at)) == -1)
        die("connect");
    for (m = 0; m < rows / NODES; m++) {
        struct msg_report r = {{1 + m, 1}, 1, 1};
        ssize_t n;

        for (i = 0; i < NODES; i++)
            res[i] = (struct msg_result){i, 80, 1, 0, false};
        n = msg_report_pack(&r, res, NODES, out + FRAME_HEAD, sizeof(out) - FRAME_HEAD);
        frame_put_head((uint8_t *)out, MSG_REPORT_STATUS, (uint32_t)n);
        if (send(fd, out, FRAME_HEAD + (size_t)n, MSG_NOSIGNAL) != FRAME_HEAD + n)
            die("send");
    }
    while (count() < rows) {
        if (now_s() > end)
            die("rows are missing");
        usleep(2000);
    }
    close(fd);
}

int main(int argc, char **argv)
{
    const char *sock = "", *mode = "";
    double t0;
    int o;

    while ((o = getopt(argc, argv, "p:s:m:n:")) != -1) {
        if (o == 'p')
            port = atoi(optarg);
        else if (o == 's')
            sock = optarg;
        else if (o == 'm')
            mode = optarg;
        else if (o == 'n')
            rows = (uint32_t)atoi(optarg);
    }
    if (!strstr("many report one", mode) || !mode[0] || rows < NODES || rows % NODES) {
        fprintf(stderr, "usage: report_bench -p REPORTD_PORT -s DB_SOCKET -m "
                        "many|report|one [-n ROWS, a multiple of 10]\n");
        return 2;
    }
    db = mysql_init(NULL);
    if (!db || !mysql_real_connect(db, NULL, "lars", "lars", "lars_dns", 0, sock, 0))
        die("database");
    sql("DELETE FROM ServerCallStatus");
    t0 = now_s();
    if (mode[0] == 'r')
        report();
    else
        insert(mode[0] == 'm' ? 500 : 1);
    printf("mode=%s rows=%u seconds=%.3f per_second=%.0f\n", mode, rows, now_s() - t0,
           rows / (now_s() - t0));
    if (count() != rows)
        die("rows are missing in the table");
    mysql_close(db);
    mysql_library_end();
    return 0;
}
