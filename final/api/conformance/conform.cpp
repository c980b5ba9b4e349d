// conform SCENARIOS -- the conformance suite's runner for C++.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <iostream>
#include <memory>
#include <sstream>
#include <thread>

#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "allocations.h"
#include "lars.hpp"

typedef std::vector<std::string> words;

typedef std::chrono::steady_clock steady;

static std::chrono::milliseconds hang(0);
static std::unique_ptr<lars::client> me;
static std::deque<lars::call> calls; // the calls of this scenario

static unsigned number(const words &w, size_t i)
{
    return i < w.size() ? (unsigned)std::strtoul(w[i].c_str(), nullptr, 10) : 0;
}

static int open_client(const words &w)
{
    lars::options o;

    o.dir = std::getenv("LARS_DIR");
    o.port = (uint16_t)std::atoi(std::getenv("LARS_PORT"));
    o.timeout_ms = 2000;
    for (size_t i = 1; i < w.size(); i++) {
        std::string key = w[i].substr(0, w[i].find('='));
        std::string value = w[i].substr(key.size() + 1);

        if (key == "address")
            o.address = value;
        else if (key == "port")
            o.port = (uint16_t)std::stoi(value);
        else if (key == "dir")
            o.dir = value;
        else if (key == "timeout_ms")
            o.timeout_ms = (uint32_t)std::stoi(value);
    }
    hang = std::chrono::milliseconds(10 * o.timeout_ms);
    calls.clear();
    me.reset(new lars::client(o));
    return 0;
}

// A client that was moved from is closed.  The calls of the scenario outlive it.
static int close_client()
{
    lars::client gone(std::move(*me));

    return 0;
}

static int end(lars::call &call, const std::string &how)
{
    if (how == "well")
        return call.end(lars::outcome::well);
    if (how == "failed")
        return call.end(lars::outcome::failed);
    if (how == "rejected")
        return call.rejected();
    if (how == "cancelled")
        return call.cancel();
    return call.end(static_cast<lars::outcome>(LARS_OUTCOMES));
}

// Of the status of the client: the path of calls now, or how many calls ended with an
// outcome.
static int status(const std::string &name)
{
    auto s = me->status();

    if (name == "path")
        return (int)s.path;
    if (name == "well")
        return (int)s.ended[LARS_WELL];
    if (name == "failed")
        return (int)s.ended[LARS_FAILED];
    if (name == "rejected")
        return (int)s.ended[LARS_REJECTED];
    return name == "cancelled" ? (int)s.ended[LARS_CANCELLED] : -ENOSYS;
}

static int nowait(const words &w)
{
    int rc;
    lars::call call(lars::nowait, *me, number(w, 1), number(w, 2), rc);

    if (rc >= 0)
        calls.push_back(std::move(call));
    return rc;
}

static int get(const words &w)
{
    calls.emplace_back(*me, number(w, 1), number(w, 2),
                       w.size() > 3 ? std::strtoull(w[3].c_str() + 4, nullptr, 10) : 0);
    return calls.back().from_file();
}

static int guarded(const words &w)
{
    lars::call call(*me, number(w, 1), number(w, 2));

    if (w[3] == "ok")
        return call.ok();
    return w[3] == "failed" ? call.failed() : 0; // forgotten: the guard reports it
}

static int many(unsigned m, unsigned c, unsigned n, int retcode)
{
    int bad = 0, rc;

    while (n-- > 0) {
        lars::call call(*me, m, c, rc);

        bad += rc < 0 || call.report(retcode) < 0;
    }
    return bad;
}

static int allocate(const words &w)
{
    unsigned m = number(w, 1), c = number(w, 2), n = number(w, 3);
    int bad = many(m, c, n, 0);
    unsigned long before = allocations();

    bad += many(m, c, n, 0);
    return bad ? -EIO : (int)(allocations() - before);
}

static int attempts(const words &w)
{
    lars::attempts a(*me, number(w, 1), number(w, 2));
    int made = 0;

    a.at_most(number(w, 3));
    if (w[4] == "idempotent")
        a.idempotent();
    for (; a.next(); made++)
        a.report(1);
    return made;
}

static int threads(const words &w)
{
    std::vector<std::thread> all;
    std::vector<int> bad(number(w, 1));
    int sum = 0;

    for (size_t i = 0; i < bad.size(); i++)
        all.emplace_back([&bad, &w, i] {
            bad[i] = many(number(w, 2), number(w, 3), number(w, 4), 0);
        });
    for (size_t i = 0; i < bad.size(); i++) {
        all[i].join();
        sum += bad[i];
    }
    return sum;
}

// The child ends by executing another program.  Otherwise valgrind would search it for
// leaks, with a fault for each word of the mappings that a child does not inherit
// (MADV_DONTFORK).
static int other(const words &w)
{
    int fd[2], bad = -ECHILD;
    pid_t pid = pipe(fd) == 0 ? fork() : -1;

    if (pid == 0) {
        bad = many(number(w, 1), number(w, 2), number(w, 3), 0);
        if (write(fd[1], &bad, sizeof(bad)) > 0)
            execlp("true", "true", (char *)nullptr);
        _exit(1);
    }
    close(fd[1]);
    if (read(fd[0], &bad, sizeof(bad)) != sizeof(bad))
        bad = -ECHILD;
    close(fd[0]);
    waitpid(pid, nullptr, 0);
    return bad;
}

static int result(const words &w)
{
    if (w[0] == "open")
        return open_client(w);
    if (w[0] == "close")
        return close_client();
    if (w[0] == "nowait")
        return nowait(w);
    if (w[0] == "allocate")
        return allocate(w);
    if (w[0] == "register")
        return me->register_module(number(w, 1), number(w, 2)), 0;
    if (w[0] == "get")
        return get(w);
    if (w[0] == "route")
        return (int)me->route(number(w, 1), number(w, 2)).size();
    if (w[0] == "report")
        return calls[number(w, 1)].report((int)number(w, 2));
    if (w[0] == "end")
        return end(calls[number(w, 1)], w[2]);
    if (w[0] == "drop") // the destructor
        return calls.pop_back(), 0;
    if (w[0] == "status")
        return status(w[1]);
    if (w[0] == "same")
        return calls[number(w, 1)].addr() == calls[number(w, 2)].addr();
    if (w[0] == "call")
        return guarded(w);
    if (w[0] == "fail")
        return many(number(w, 1), number(w, 2), number(w, 3), 1);
    if (w[0] == "attempts")
        return attempts(w);
    if (w[0] == "threads")
        return threads(w);
    return w[0] == "other" ? other(w) : -ENOSYS;
}

static std::string name_of(const words &w)
{
    int rc;

    try {
        rc = result(w);
    } catch (const lars::error &e) {
        rc = e.code();
    }
    return rc < 0 ? strerrorname_np(-rc) : std::to_string(rc);
}

// An event outside of the client.  False when it could not be made.
static bool around(const std::string &line)
{
    std::string answer;

    std::cout << line << std::endl;
    return std::getline(std::cin, answer) && answer == "ok";
}

static bool step(const std::string &line, const std::string &where)
{
    size_t arrow = line.find(" -> ");
    std::string want = arrow == std::string::npos ? "" : line.substr(arrow + 4), got, one;
    std::istringstream in(line.substr(0, arrow));
    steady::time_point start = steady::now();
    words w;
    bool until;

    if (line.compare(0, 3, "do ") == 0)
        return around(line);
    while (in >> one)
        w.push_back(one);
    until = w[0] == "until";
    if (until)
        w.erase(w.begin());
    for (;;) {
        size_t before = calls.size();

        got = name_of(w);
        bool hung = steady::now() - start > hang;

        if (!hung && (got == want || want == "any"))
            return true;
        if (!until || hung)
            break;
        if (calls.size() > before) {
            calls.back().ok();
            calls.pop_back();
        }
        poll(nullptr, 0, 5);
    }
    std::cout << "not ok - " << where << ": " << line << ": got " << got << std::endl;
    return false;
}

int main(int argc, char **argv)
{
    std::ifstream f(argc > 1 ? argv[1] : "");
    std::string line, name;
    int passed = 0, failed = 0;
    bool well = true;

    while (std::getline(f, line)) {
        if (line.empty() || line[0] == '#')
            continue;
        if (line.compare(0, 9, "scenario ") == 0) {
            passed += !name.empty() && well;
            failed += !name.empty() && !well;
            name = line.substr(9);
            calls.clear();
            well = around("do begin");
        } else if (well) {
            well = step(line, name);
        }
    }
    passed += !name.empty() && well;
    failed += !name.empty() && !well;
    calls.clear();
    me.reset();
    std::cout << "conformance C++: " << passed << " passed, " << failed << " failed"
              << std::endl;
    return failed > 0 || passed == 0;
}
