// conform SCENARIOS -- the conformance suite's runner for C++.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <fstream>
#include <iostream>
#include <memory>
#include <mutex>
#include <sstream>
#include <thread>

#include <poll.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "allocations.h"
#include "lars.hpp"

typedef std::vector<std::string> words;

typedef std::chrono::steady_clock steady;

static const int tick_us = 20000; // of the interval timer of silent()
static const int tick_limit = 500;
static const char *const outcomes[] = {"well", "failed", "rejected", "cancelled"};

static std::chrono::milliseconds hang(20000);
static std::unique_ptr<lars::client> me;
static std::deque<lars::call> calls; // the calls of this scenario

static std::string error_text; // of the latest error

// What the hooks were called with since the client was opened.
static struct {
    std::mutex lock;
    std::string lines;
    std::atomic<int> ended[LARS_OUTCOMES];
} hooked;

static void log_hook(void *, lars_level, const char *text)
{
    std::lock_guard<std::mutex> guard(hooked.lock);

    hooked.lines += text;
}

static void ended_hook(void *, const lars_ended *e)
{
    hooked.ended[e->outcome]++;
}

static lars_hooks hooks()
{
    lars_hooks h = lars_hooks();

    h.size = sizeof(h);
    h.log = log_hook;
    h.ended = ended_hook;
    return h;
}

static unsigned number(const words &w, size_t i)
{
    return i < w.size() ? (unsigned)std::strtoul(w[i].c_str(), nullptr, 10) : 0;
}

static int open_client(const words &w)
{
    const lars_hooks both = hooks();
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
        else if (key == "hooks")
            o.hooks = &both;
    }
    hooked.lines.clear();
    for (auto &n : hooked.ended)
        n = 0;
    me.reset();
    me.reset(new lars::client(o));
    hang = std::chrono::milliseconds(10 * o.timeout_ms);
    return 0;
}

// NAME=VALUE: a client by the environment alone.
static int open_in(const std::string &setting)
{
    std::string name = setting.substr(0, setting.find('='));
    const char *env = std::getenv(name.c_str());
    std::string was = env ? env : "";
    int rc = 0;

    setenv(name.c_str(), setting.c_str() + name.size() + 1, 1);
    try {
        lars::client c;
    } catch (const lars::error &e) {
        rc = e.code();
        error_text = e.what();
    }
    if (env)
        setenv(name.c_str(), was.c_str(), 1);
    else
        unsetenv(name.c_str());
    return rc;
}

// A client that was moved from is closed.  The calls of the scenario outlive it.
static int close_client()
{
    lars::client gone(std::move(*me));

    return 0;
}

// Another name is an outcome that does not exist.
static int outcome_of(const std::string &name)
{
    int i = 0;

    while (i < LARS_OUTCOMES && name != outcomes[i])
        i++;
    return i;
}

static int end(lars::call &call, const std::string &how)
{
    if (how == "rejected")
        return call.rejected();
    if (how == "cancelled")
        return call.cancel();
    return call.end(static_cast<lars::outcome>(outcome_of(how)));
}

// A counter of the status of the client, or why it does not use shared memory.
static int status(const std::string &name)
{
    auto s = me->status();
    int i;

    if (name == "error")
        return s.shm_error;
    for (i = 0; i < LARS_PATHS; i++)
        if (name == lars_path_name((lars_path)i))
            return (int)s.begun[i];
    i = outcome_of(name);
    return i < LARS_OUTCOMES ? (int)s.ended[i] : -ENOSYS;
}

// Does a text have these words?
static int has(const std::string &what, const std::string &text)
{
    std::string in;

    if (what == "error")
        in = error_text;
    else if (what == "log")
        in = hooked.lines;
    else
        in = what == "file" ? me->status().shm_file : me->status().shm_why;
    return in.find(text) != std::string::npos;
}

// By each means of the language in turn.
static int cancelled(const words &w)
{
    unsigned m = number(w, 1), c = number(w, 2), i;
    int bad = 0;

    for (i = 0; i < number(w, 3); i++) {
        lars::call call(*me, m, c);

        bad += (i % 2 ? call.cancel() : call.end(lars::outcome::cancelled)) < 0;
    }
    return bad;
}

static volatile sig_atomic_t ticks;

// The timer ends, so a wait that each signal begins anew ends too, much too late.
static void tick(int)
{
    const itimerval none = itimerval();

    if (++ticks == tick_limit)
        setitimer(ITIMER_REAL, &none, nullptr);
}

static void one_silent(const words &w, int &timed_out)
{
    int rc;
    lars::call call(*me, number(w, 2), number(w, 3), rc);

    timed_out = rc == -ETIMEDOUT;
}

// Threads that begin a call at once, this one too: how many timed out.
static int silent(const words &w)
{
    const itimerval every = {{0, tick_us}, {0, tick_us}}, none = itimerval();
    std::vector<int> timed_out(number(w, 1));
    std::vector<std::thread> all;
    int sum = 0;

    ticks = 0;
    signal(SIGALRM, tick);
    setitimer(ITIMER_REAL, &every, nullptr);
    for (size_t i = 1; i < timed_out.size(); i++)
        all.emplace_back(one_silent, std::cref(w), std::ref(timed_out[i]));
    one_silent(w, timed_out[0]);
    for (auto &one : all)
        one.join();
    setitimer(ITIMER_REAL, &none, nullptr);
    for (int one : timed_out)
        sum += one;
    return sum;
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
    uint64_t key = 0;

    if (w.size() > 3)
        key = w[3].compare(0, 5, "text=") == 0
                  ? lars::key(w[3].substr(5))
                  : std::strtoull(w[3].c_str() + 4, nullptr, 10);
    calls.emplace_back(*me, number(w, 1), number(w, 2), key);
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

// The steps about the client and about a call that has begun.
static int of_client(const words &w)
{
    if (w[0] == "open")
        return open_client(w);
    if (w[0] == "openin")
        return open_in(w[1]);
    if (w[0] == "close")
        return close_client();
    if (w[0] == "status")
        return status(w[1]);
    if (w[0] == "ended")
        return hooked.ended[outcome_of(w[1])];
    if (w[0] == "report")
        return calls[number(w, 1)].report((int)number(w, 2));
    if (w[0] == "end")
        return end(calls[number(w, 1)], w[2]);
    if (w[0] == "drop") // the destructor
        return calls.pop_back(), 0;
    if (w[0] == "same")
        return calls[number(w, 1)].addr() == calls[number(w, 2)].addr();
    return -ENOSYS;
}

static int result(const words &w)
{
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
    if (w[0] == "call")
        return guarded(w);
    if (w[0] == "cancelled")
        return cancelled(w);
    if (w[0] == "fail")
        return many(number(w, 1), number(w, 2), number(w, 3), 1);
    if (w[0] == "attempts")
        return attempts(w);
    if (w[0] == "threads")
        return threads(w);
    if (w[0] == "silent")
        return silent(w);
    return w[0] == "other" ? other(w) : of_client(w);
}

static std::string keyof(const words &w)
{
    char text[20];

    std::snprintf(text, sizeof(text), "%016llx",
                  (unsigned long long)lars::key(w.size() > 1 ? w[1] : ""));
    return text;
}

// Of a step whose result is a text, or "".
static std::string text_of(const words &w)
{
    if (w[0] == "keyof")
        return keyof(w);
    if (w[0] == "status" && w[1] == "path")
        return lars_path_name((lars_path)me->status().path);
    if (w[0] != "node")
        return "";
    lars::addr a = calls[number(w, 1)].addr();

    return a.host() + ":" + std::to_string(a.port);
}

// <text>: what follows the second word of the step.
static std::string got_of(const words &w, const std::string &text)
{
    int rc = 0;

    try {
        std::string got = text_of(w);

        if (!got.empty())
            return got;
        rc = w[0] == "has" ? has(w[1], text) : result(w);
        if (rc < 0 && w[0] != "openin")
            error_text = lars::error(rc).what();
    } catch (const lars::error &e) {
        rc = e.code();
        error_text = e.what();
    }
    return rc < 0 ? strerrorname_np(-rc) : std::to_string(rc);
}

// The step "in LANGUAGES: STEP", or "" when it is for others.
static std::string for_this(const std::string &line)
{
    size_t colon = line.compare(0, 3, "in ") == 0 ? line.find(": ") : std::string::npos;

    if (colon == std::string::npos)
        return line;
    if ((line.substr(2, colon - 2) + " ").find(" C++ ") != std::string::npos)
        return line.substr(colon + 2);
    std::cout << "not for C++: " << line.substr(colon + 2) << std::endl;
    return "";
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
    size_t arrow = line.find(" -> "), second;
    std::string want = arrow == std::string::npos ? "" : line.substr(arrow + 4), got, one;
    std::istringstream in(line.substr(0, arrow));
    std::string text = line.substr(0, arrow);
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
    second = w.size() > 2 ? text.find(w[1]) + w[1].size() + 1 : text.size();
    text = text.substr(second);
    for (;;) {
        size_t before = calls.size();

        got = got_of(w, text);
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
            line = for_this(line);
            well = line.empty() || step(line, name);
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
