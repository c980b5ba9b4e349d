// server MODID CMDID PORT [THREADS] -- an HTTP server on 127.0.0.1 with a pool of threads
// and one lars::client: each GET is passed to a node of a module, and when it fails, to
// another one.  PORT 0 takes a free port.  SIGTERM or SIGINT ends it: calls that it gives
// up for that say nothing about their node, so they are cancelled and not reported as
// failed.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <iostream>
#include <stdexcept>
#include <system_error>
#include <thread>

#include <curl/curl.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include "lars.hpp"

static const size_t request_max = 4096, answer_max = 1 << 20;
static std::atomic<bool> stopping(false);

// What the threads share.  Any thread may use the client and the budget.
struct shared {
    lars::client client;
    lars::budget budget;
    uint32_t modid, cmdid;
    int listener;
};

static size_t append(char *p, size_t size, size_t n, void *to)
{
    std::string *s = static_cast<std::string *>(to);

    if (s->size() + size * n > answer_max)
        return 0; // curl ends the transfer
    s->append(p, size * n);
    return size * n;
}

static int is_stopping(void *, curl_off_t, curl_off_t, curl_off_t, curl_off_t)
{
    return stopping; // other than 0 ends the transfer
}

// One attempt at one node.
static lars::outcome ask(CURL *curl, const lars::addr &a, const std::string &path,
                         long ms, std::string &body)
{
    std::string url = "http://" + a.host() + ":" + std::to_string(a.port) + path;
    long status = 0;

    body.clear();
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, ms);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    CURLcode rc = curl_easy_perform(curl);
    if (rc == CURLE_ABORTED_BY_CALLBACK)
        return lars::outcome::cancelled;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (rc != CURLE_OK)
        return lars::outcome::failed;
    if (status == 429) // the node limits its load
        return lars::outcome::rejected;
    return status < 500 ? lars::outcome::well : lars::outcome::failed;
}

// The path of a GET, within 5 seconds; "" for anything else.
static std::string read_path(int fd)
{
    auto end = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    std::string text;
    char part[512];

    while (text.find("\r\n\r\n") == std::string::npos) {
        auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            end - std::chrono::steady_clock::now());
        pollfd p = {fd, POLLIN, 0};
        ssize_t n = -1;

        if (left.count() > 0 && poll(&p, 1, (int)left.count()) == 1)
            n = recv(fd, part, sizeof(part), 0);
        if (n <= 0 || text.size() + (size_t)n > request_max)
            return "";
        text.append(part, (size_t)n);
    }
    size_t space = text.find(' ', 4);
    bool get = text.compare(0, 5, "GET /") == 0 && space < text.find('\r');

    return get ? text.substr(4, space - 4) : "";
}

static void write_answer(int fd, const char *status, const std::string &body)
{
    std::string text = std::string("HTTP/1.1 ") + status +
                       "\r\nContent-Length: " + std::to_string(body.size()) +
                       "\r\nConnection: close\r\n\r\n" + body;
    timeval limit = {5, 0};
    size_t sent = 0;

    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
    while (sent < text.size()) {
        ssize_t n = send(fd, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);

        if (n <= 0)
            return;
        sent += (size_t)n;
    }
}

static void serve(shared &s, CURL *curl, int fd)
{
    std::string path = read_path(fd), body;
    lars::attempts a(s.client, s.modid, s.cmdid);

    if (path.empty())
        return write_answer(fd, "400 Bad Request", "only GET\n");
    a.idempotent().timeout_ms(2000).with(s.budget);
    try {
        while (!stopping && a.next()) {
            lars::outcome o = ask(curl, a.addr(), path, (long)a.left_ms(), body);

            a.end(o);
            if (o == lars::outcome::well)
                return write_answer(fd, "200 OK", body);
        }
    } catch (const lars::error &e) { // no node for the first attempt
        return write_answer(fd, "503 Service Unavailable", e.what() + std::string("\n"));
    }
    write_answer(fd, "503 Service Unavailable",
                 lars_strerror(a.error()) + std::string("\n"));
}

// One thread of the pool.
static void work(shared &s)
{
    CURL *curl = curl_easy_init();

    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, is_stopping);
    while (!stopping) {
        int fd = accept4(s.listener, nullptr, nullptr, SOCK_CLOEXEC);

        if (fd >= 0) {
            serve(s, curl, fd);
            close(fd);
        } else {
            poll(nullptr, 0, 10); // no descriptor is free, or the server ends
        }
    }
    curl_easy_cleanup(curl);
}

// The threads.  Their end, also when one of them cannot be made, ends every call.
struct pool {
    explicit pool(int fd) : listener(fd)
    {
    }
    ~pool()
    {
        stopping = true;
        shutdown(listener, SHUT_RDWR); // each accept4() returns
        for (std::thread &t : threads)
            t.join();
        close(listener);
    }
    int listener;
    std::vector<std::thread> threads;
};

// Returns the socket; <port> becomes the one that was taken.
static int listen_at(uint16_t &port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    sockaddr_in in = {};
    sockaddr *sa = reinterpret_cast<sockaddr *>(&in);
    socklen_t len = sizeof(in);

    in.sin_family = AF_INET;
    in.sin_port = htons(port);
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, sa, len) < 0 || listen(fd, 128) < 0 || getsockname(fd, sa, &len) < 0)
        throw std::system_error(errno, std::generic_category(),
                                "127.0.0.1:" + std::to_string(port));
    port = ntohs(in.sin_port);
    return fd;
}

// A decimal number from 0 to <max>; another text throws std::invalid_argument.
static uint32_t number(const std::string &name, const std::string &text, uint32_t max)
{
    bool digits = !text.empty() && text.size() <= 10 &&
                  text.find_first_not_of("0123456789") == std::string::npos;
    unsigned long long v = digits ? std::stoull(text) : UINT64_MAX;

    if (v > max)
        throw std::invalid_argument(
            name + ": \"" + text + "\" is not a number from 0 to " + std::to_string(max));
    return (uint32_t)v;
}

static void run(char **argv, unsigned n_threads)
{
    uint32_t modid = number("MODID", argv[1], UINT32_MAX);
    uint32_t cmdid = number("CMDID", argv[2], UINT32_MAX);
    uint16_t port = (uint16_t)number("PORT", argv[3], UINT16_MAX);
    shared s = {lars::client(), lars::budget(), modid, cmdid, -1};
    sigset_t ends;
    int sig;

    s.client.register_module(modid, cmdid); // the first call finds the routes
    s.listener = listen_at(port);
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    pthread_sigmask(SIG_BLOCK, &ends, nullptr); // also in the threads that are made now
    {
        pool all(s.listener);

        while (all.threads.size() < n_threads)
            all.threads.emplace_back(work, std::ref(s));
        std::cout << "server: 127.0.0.1:" << port << std::endl;
        sigwait(&ends, &sig);
    }
    auto st = s.client.status();
    std::cout << "server: " << st.begun[LARS_PATH_SHM] << " calls by shared memory, "
              << st.begun[LARS_PATH_UDP] << " by UDP, " << st.ended[LARS_FAILED]
              << " failed" << std::endl;
}

int main(int argc, char **argv)
{
    if (argc != 4 && argc != 5) {
        std::cerr << "usage: server MODID CMDID PORT [THREADS]\n";
        return 2;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    try {
        run(argv, std::max(1u, number("THREADS", argc == 5 ? argv[4] : "8", 256)));
        return 0;
    } catch (const std::invalid_argument &e) {
        std::cerr << "server: " << e.what() << "\n";
        return 2;
    } catch (const std::exception &e) {
        std::cerr << "server: " << e.what() << "\n";
        return 1;
    }
}
