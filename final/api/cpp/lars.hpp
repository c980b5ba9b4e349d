// lars.hpp -- Lars for C++11 and later: a header over the C library.  lars.h explains the
// terms, the order in which nodes are looked for, threads, fork() and every result.
//
//     lars::client c;                         // or lars::client(options)
//     lars::call call(c, 1, 1);               // throws lars::error when there is no node
//     if (ask(call.addr()))
//         call.ok();                          // otherwise it is reported as failed
//
// A call that is given up for a reason that says nothing about its node ends with
// call.cancel().
//
// Without exceptions: constructors also exist with an int & that receives the result,
// 0 or below zero as in lars.h, and these do not throw:
//
//     int rc;
//     lars::client c(rc);
//     lars::call call(c, 1, 1, rc);
//
// A call allocates no memory, and may outlive its client: its report returns -EINVAL then.
// Thread: any for a client; for a call, the thread that owns it.
#ifndef LARS_HPP
#define LARS_HPP

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <sys/socket.h>

#include "lars.h"
#include "lars_nowait.h"
#include "lars_retry.h"
#include "lars_status.h"
#include "lars_tally.h"

namespace lars {

// A result below zero of lars.h; code() returns it.  what() names the wrong argument when
// there is one.
class error : public std::exception {
public:
    explicit error(int code) noexcept : code_(code)
    {
        if (code == -EINVAL)
            std::strncpy(text_, lars_last_error(), sizeof(text_) - 1);
    }
    int code() const noexcept { return code_; }
    // May the same call succeed a little later, without a change of the program?
    bool is_retriable() const noexcept
    {
        return code_ == -EAGAIN || code_ == -ETIMEDOUT || code_ == -EINTR ||
               code_ == -EINPROGRESS;
    }
    const char *what() const noexcept override
    {
        return text_[0] ? text_ : lars_strerror(code_);
    }

private:
    int code_;
    char text_[256] = {};
};

inline int check(int rc)
{
    if (rc < 0)
        throw error(rc);
    return rc;
}

// A node's address.
struct addr : lars_addr {
    addr() noexcept : lars_addr() {}
    addr(const lars_addr &a) noexcept : lars_addr(a) {}
    std::string host() const            // "10.0.0.1"
    {
        char text[INET6_ADDRSTRLEN] = "";

        inet_ntop(family, ip, text, sizeof(text));
        return text;
    }
    bool operator==(const addr &o) const noexcept
    {
        return std::memcmp(static_cast<const lars_addr *>(this),
                           static_cast<const lars_addr *>(&o), sizeof(lars_addr)) == 0;
    }
};

struct options {
    std::string address, dir;           // empty, or 0: the preset of lars.h
    uint16_t port = 0;
    uint32_t timeout_ms = 0;
    const lars_hooks *hooks = nullptr;  // lars_status.h; copied
};

// What a call has shown about its node: enum lars_outcome.
enum class outcome {
    well = LARS_WELL,
    failed = LARS_FAILED,
    rejected = LARS_REJECTED,
    cancelled = LARS_CANCELLED
};

inline bool exists(outcome o) noexcept { return static_cast<unsigned>(o) < LARS_OUTCOMES; }

// The key of a string, the same in every language.
inline uint64_t key(const std::string &s) noexcept { return lars_key(s.data(), s.size()); }

class client {
public:
    client() { check(open(nullptr)); }
    explicit client(const options &o) { check(open(o)); }
    explicit client(int &rc) noexcept { rc = open(nullptr); }
    client(const options &o, int &rc) { rc = open(o); }
    ~client() { lars_close(c_); }

    client(client &&o) noexcept : c_(o.c_) { o.c_ = nullptr; }
    client &operator=(client &&o) noexcept
    {
        std::swap(c_, o.c_);
        return *this;
    }
    client(const client &) = delete;
    client &operator=(const client &) = delete;

    lars_client *get() const noexcept { return c_; } // NULL = not open

    // lars_register(): load the routes of a module before they are needed.
    void register_module(uint32_t modid, uint32_t cmdid)
    {
        check(lars_register(c_, modid, cmdid));
    }

    // Which way calls take, why, and how many there were.
    struct ::lars_status status() const
    {
        struct ::lars_status s;

        std::memset(&s, 0, sizeof(s));
        s.size = sizeof(s);
        check(::lars_status(c_, &s));
        return s;
    }

    // All nodes of a module.
    std::vector<addr> route(uint32_t modid, uint32_t cmdid) const
    {
        std::vector<lars_addr> a(16);
        int n = lars_get_route(c_, modid, cmdid, a.data(), (unsigned)a.size());

        while (n == -E2BIG) {
            a.resize(a.size() * 4);
            n = lars_get_route(c_, modid, cmdid, a.data(), (unsigned)a.size());
        }
        return std::vector<addr>(a.begin(), a.begin() + check(n));
    }

private:
    int open(const lars_options *o) noexcept { return lars_open(&c_, o); }
    int open(const options &o) noexcept
    {
        lars_options c = lars_options();

        c.size = sizeof(c);
        c.address = o.address.empty() ? nullptr : o.address.c_str();
        c.dir = o.dir.empty() ? nullptr : o.dir.c_str();
        c.port = o.port;
        c.timeout_ms = o.timeout_ms;
        c.hooks = o.hooks;
        return lars_open(&c_, &c);
    }

    lars_client *c_ = nullptr;
};

struct nowait_t {};
constexpr nowait_t nowait{};            // selects the constructor that never waits

// One call.  It begins with the constructor; the destructor reports it as failed unless
// it was reported before.
class call {
public:
    call(client &c, uint32_t modid, uint32_t cmdid, uint64_t key = 0)
        : c_(c.get()),
          from_file_(check(lars_get_host_key(c_, modid, cmdid, key, &h_)) == 1)
    {
    }
    // <rc> becomes the result of lars_get_host_key().  Below zero there is no call, and
    // report() returns -EALREADY.
    call(client &c, uint32_t modid, uint32_t cmdid, int &rc, uint64_t key = 0) noexcept
        : c_(c.get()), from_file_(false)
    {
        begun(rc = lars_get_host_key(c_, modid, cmdid, key, &h_));
    }
    // As lars_nowait_get(): <rc> is -EINPROGRESS where a call would have to wait.
    call(nowait_t, client &c, uint32_t modid, uint32_t cmdid, int &rc,
         uint64_t key = 0) noexcept
        : c_(c.get()), from_file_(false)
    {
        begun(rc = lars_nowait_get(c_, modid, cmdid, key, &h_));
    }
    ~call()
    {
        if (!reported_)
            lars_report(c_, &h_, 1);
    }
    call(call &&o) noexcept
        : c_(o.c_), h_(o.h_), from_file_(o.from_file_), reported_(o.reported_)
    {
        o.reported_ = true;
    }
    call(const call &) = delete;
    call &operator=(const call &) = delete;
    call &operator=(call &&) = delete;

    lars::addr addr() const noexcept { return h_.addr; }
    const lars_host &host() const noexcept { return h_; }
    // Is the node from the file of routes, because the agent does not answer?
    bool from_file() const noexcept { return from_file_; }

    // Report the call, once.  Return as lars_report(); never throw.
    int ok() noexcept { return report(0); }
    int failed(int retcode = 1) noexcept { return report(retcode); }
    int report(int retcode) noexcept
    {
        return end(retcode == 0 ? outcome::well : outcome::failed);
    }
    // The call was given up: it says nothing about the node.
    int cancel() noexcept { return end(outcome::cancelled); }
    // The node refused the call to limit its load: it has not failed.
    int rejected() noexcept { return end(outcome::rejected); }
    int end(outcome o) noexcept
    {
        if (reported_)
            return -EALREADY;
        reported_ = exists(o);
        return lars_end(c_, &h_, static_cast<lars_outcome>(o));
    }

private:
    void begun(int rc) noexcept
    {
        from_file_ = rc == 1;
        reported_ = rc < 0;
    }

    lars_client *c_;
    lars_host h_;                       // filled by lars_get_host()
    bool from_file_, reported_ = false;
};

// A retry budget (lars_retry.h): one for each module, shared by all threads.
struct budget : lars_budget {
    budget() noexcept : lars_budget() {}
};

// A request that may be tried at several nodes (lars_retry.h):
//     while (a.next()) { ...; a.report(rc); if (rc == 0) break; }
class attempts {
public:
    attempts(client &c, uint32_t modid, uint32_t cmdid) noexcept : c_(c.get()), r_(), h_()
    {
        r_.modid = modid;
        r_.cmdid = cmdid;
    }
    ~attempts() { report(1); }
    attempts(const attempts &) = delete;
    attempts &operator=(const attempts &) = delete;

    // The call may be repeated; without this there is one attempt.
    attempts &idempotent() noexcept { return r_.idempotent = 1, *this; }
    attempts &at_most(uint32_t n) noexcept { return r_.attempts = n, *this; }
    attempts &timeout_ms(uint32_t ms) noexcept { return r_.timeout_ms = ms, *this; }
    attempts &key(uint64_t k) noexcept { return r_.key = k, *this; }
    attempts &with(lars_budget &b) noexcept { return r_.budget = &b, *this; }

    // The next attempt: false when there is none, and error() has the reason.  Throws
    // when there is no node for the first attempt.  An attempt without a report failed.
    bool next()
    {
        bool first = r_.n == 0;

        report(1);
        rc_ = lars_retry_next(c_, &r_, &h_);
        open_ = rc_ >= 0;
        if (first)
            check(rc_);
        return open_;
    }
    lars::addr addr() const noexcept { return h_.addr; }
    uint32_t left_ms() const noexcept { return r_.left_ms; }
    int error() const noexcept { return rc_ < 0 ? rc_ : 0; }

    // Report the attempt, once.  Return as lars_report().
    int report(int retcode) noexcept
    {
        return end(retcode == 0 ? outcome::well : outcome::failed);
    }
    int cancel() noexcept { return end(outcome::cancelled); }
    int rejected() noexcept { return end(outcome::rejected); }
    int end(outcome o) noexcept
    {
        if (!open_)
            return -EALREADY;
        open_ = !exists(o);
        return lars_end(c_, &h_, static_cast<lars_outcome>(o));
    }

private:
    lars_client *c_;
    lars_retry r_;
    lars_host h_;
    int rc_ = 0;
    bool open_ = false;
};

} // namespace lars

#endif
