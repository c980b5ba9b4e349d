// get MODID CMDID PATH -- GET a path from a node of a module and print the answer; when a
// node fails, another one is tried.  The same program in C, C++, Python and Java.
#include <cstdint>
#include <iostream>
#include <stdexcept>

#include <curl/curl.h>

#include "lars.hpp"

// Did the node answer?  404 is an answer; 503 is a failing node.
static bool ask(CURL *curl, const lars::addr &a, const std::string &path, long ms)
{
    std::string url = "http://" + a.host() + ":" + std::to_string(a.port) + path;
    long status = 0;

    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, ms);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    if (curl_easy_perform(curl) != CURLE_OK)
        return false;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    return status < 500;
}

// A decimal number from 0 to 4294967295; another text throws std::invalid_argument.
static uint32_t number(const std::string &name, const std::string &text)
{
    bool digits = !text.empty() && text.size() <= 10 &&
                  text.find_first_not_of("0123456789") == std::string::npos;
    unsigned long long v = digits ? std::stoull(text) : UINT64_MAX;

    if (v > UINT32_MAX)
        throw std::invalid_argument(name + ": \"" + text +
                                    "\" is not a number from 0 to 4294967295");
    return (uint32_t)v;
}

int main(int argc, char **argv)
{
    static lars::budget budget; // one for the module, for the whole run of the program

    if (argc != 4) {
        std::cerr << "usage: get MODID CMDID PATH\n";
        return 2;
    }
    CURL *curl = curl_easy_init();
    int code = 1;
    bool ok = false;
    try {
        uint32_t modid = number("MODID", argv[1]), cmdid = number("CMDID", argv[2]);
        lars::client c;
        lars::attempts a(c, modid, cmdid);

        a.idempotent().timeout_ms(2000).with(budget);
        while (!ok && a.next()) {
            ok = ask(curl, a.addr(), argv[3], (long)a.left_ms());
            a.report(ok ? 0 : 1);
        }
        if (!ok)
            std::cerr << "get: " << lars_strerror(a.error()) << "\n";
    } catch (const lars::error &e) {
        std::cerr << "get: " << e.what() << "\n";
    } catch (const std::invalid_argument &e) {
        std::cerr << "get: " << e.what() << "\n";
        code = 2;
    }
    curl_easy_cleanup(curl);
    return ok ? 0 : code;
}
