// lars.hpp -- the API in C++, header-only over lars.h; C++11 and later.
//
//     lars::client c;                         // or lars::client(options)
//     lars::call call(c, 1, 1);               // throws lars::error when there is none
//     if (ask(call.addr()))
//         call.ok();                          // else it is reported as failed
//
// Without exceptions: every function that throws has a twin that takes an int & for the
// result, 0 or below zero as in lars.h, and does not throw:
//
//     int rc;
//     lars::client c(rc);
//     lars::call call(c, 1, 1, rc);
//
// Nothing is allocated for a call.  Thread: a client any, a call its owner's.
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

namespace lars {

// What is below zero in C: code() is -errno, as in lars.h.
class error : public std::exception {
public:
    explicit error(int code) noexcept : code_(code) {}
    int code() const noexcept { return code_; }
    const char *what() const noexcept override { return lars_strerror(code_); }

private:
    int code_;
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
    std::string address, dir;           // "" = as lars.h has it
    uint16_t port = 0;
    uint32_t timeout_ms = 0;
};

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

    lars_client *get() const noexcept { return c_; } // for lars.h; NULL: not open

    // Make the agent know the module before it is needed.
    void register_module(uint32_t modid, uint32_t cmdid)
    {
        check(lars_register(c_, modid, cmdid));
    }

    // All nodes of the module.
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
        return lars_open(&c_, &c);
    }

    lars_client *c_ = nullptr;
};

struct nowait_t {};
constexpr nowait_t nowait{};            // for event loops, see lars_nowait.h

// One call: a node, and how it went.  Who forgets to say ok() says that it failed.
class call {
public:
    call(client &c, uint32_t modid, uint32_t cmdid, uint64_t key = 0)
        : c_(c.get()),
          from_file_(check(lars_get_host_key(c_, modid, cmdid, key, &h_)) == 1)
    {
    }
    // <rc>: as lars_get_host().  Below zero there is no call, and ok() does nothing.
    call(client &c, uint32_t modid, uint32_t cmdid, int &rc, uint64_t key = 0) noexcept
        : c_(c.get()), from_file_(false)
    {
        begun(rc = lars_get_host_key(c_, modid, cmdid, key, &h_));
    }
    // The same, at once or not at all: -EINPROGRESS.
    call(nowait_t, client &c, uint32_t modid, uint32_t cmdid, int &rc,
         uint64_t key = 0) noexcept
        : c_(c.get()), from_file_(false)
    {
        begun(rc = lars_nowait_get(c_, modid, cmdid, key, &h_));
    }
    ~call()
    {
        if (!said_)
            lars_report(c_, &h_, 1);
    }
    call(call &&o) noexcept : c_(o.c_), h_(o.h_), from_file_(o.from_file_), said_(o.said_)
    {
        o.said_ = true;
    }
    call(const call &) = delete;
    call &operator=(const call &) = delete;
    call &operator=(call &&) = delete;

    lars::addr addr() const noexcept { return h_.addr; }
    const lars_host &host() const noexcept { return h_; }
    bool from_file() const noexcept { return from_file_; } // the agent does not answer

    // How it went.  Returns 0 or below zero, as lars_report(); never throws.
    int ok() noexcept { return report(0); }
    int failed(int retcode = 1) noexcept { return report(retcode); }
    int report(int retcode) noexcept
    {
        if (said_)
            return -EALREADY;
        said_ = true;
        return lars_report(c_, &h_, retcode);
    }

private:
    void begun(int rc) noexcept
    {
        from_file_ = rc == 1;
        said_ = rc < 0;
    }

    lars_client *c_;
    lars_host h_;                       // filled by lars_get_host()
    bool from_file_, said_ = false;
};

// Of retries: one for each module, for all threads.
struct budget : lars_budget {
    budget() noexcept : lars_budget() {}
};

// One request that may be tried at several nodes: while (a.next()) ... a.report(rc).
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

    attempts &idempotent() noexcept { return r_.idempotent = 1, *this; } // twice is fine
    attempts &at_most(uint32_t n) noexcept { return r_.attempts = n, *this; }
    attempts &timeout_ms(uint32_t ms) noexcept { return r_.timeout_ms = ms, *this; }
    attempts &key(uint64_t k) noexcept { return r_.key = k, *this; }
    attempts &with(lars_budget &b) noexcept { return r_.budget = &b, *this; }

    // Another node?  Throws when there is none for the first attempt.
    bool next()
    {
        bool first = r_.n == 0;

        report(1);                      // who says nothing says that it failed
        rc_ = lars_retry_next(c_, &r_, &h_);
        open_ = rc_ >= 0;
        if (first)
            check(rc_);
        return open_;
    }
    lars::addr addr() const noexcept { return h_.addr; }
    uint32_t left_ms() const noexcept { return r_.left_ms; }
    int error() const noexcept { return rc_ < 0 ? rc_ : 0; } // why next() said no

    int report(int retcode) noexcept    // 0 or below zero, as lars_report()
    {
        if (!open_)
            return -EALREADY;
        open_ = false;
        return lars_report(c_, &h_, retcode);
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
