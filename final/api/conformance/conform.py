"""conform.py SCENARIOS -- the conformance suite's runner for Python."""
import errno
import os
import sys
import threading
import time

import lars

me = None  # the client
hang_s = 0
calls = []  # of this scenario


class Wrong(Exception):
    pass


def opened(words):
    global me, hang_s
    opt = {"dir": os.environ["LARS_DIR"], "port": int(os.environ["LARS_PORT"]), "timeout_ms": 2000}
    for w in words:
        key, value = w.split("=")
        opt[key] = value if key in ("dir", "address") else int(value)
    hang_s = opt["timeout_ms"] / 100  # ten times
    if me:
        me.close()
    me = lars.Client(**opt)
    return 0


def get(m, c, key=None):
    calls.append(me.get_host(int(m), int(c), int(key.split("=")[1])) if key else me.get_host(int(m), int(c)))
    return int(calls[-1].from_file)


def nowait(m, c):
    calls.append(me.get_host_nowait(int(m), int(c)))
    return 0


def allocate(m, c, n):
    bad = many(m, c, n, 0)
    before = sys.getallocatedblocks()
    bad += many(m, c, n, 0)
    return bad + (sys.getallocatedblocks() - before) // int(n)


def call(m, c, how):
    class Forgotten(Exception):
        pass

    try:
        with me.get_host(int(m), int(c)) as h:
            if how == "failed":
                h.report(1)
            if how == "forgotten":
                raise Forgotten
    except Forgotten:
        pass
    return 0


def many(m, c, n, retcode):
    bad = 0
    for _ in range(int(n)):
        try:
            me.get_host(int(m), int(c)).report(retcode)
        except lars.Error:
            bad += 1
    return bad


def attempts(m, c, n, how):
    tries = me.attempts(int(m), int(c), attempts=int(n), idempotent=how == "idempotent")
    made = 0
    for h in tries:
        h.report(1)
        made += 1
    return made


def threads(t, m, c, n):
    bad = []
    all_of_them = [threading.Thread(target=lambda: bad.append(many(m, c, n, 0))) for _ in range(int(t))]
    for one in all_of_them:
        one.start()
    for one in all_of_them:
        one.join(hang_s)
    return sum(bad) if len(bad) == int(t) else -1


def other(m, c, n):
    pid = os.fork()
    if pid == 0:  # ends as another program: see conform.c
        os.execlp("false" if many(m, c, n, 0) else "true", "other")
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def do(words):
    print("do " + " ".join(words), flush=True)
    answer = sys.stdin.readline().strip()
    if answer != "ok":
        raise Wrong(answer or "no answer")


STEPS = {
    "register": lambda m, c: me.register(int(m), int(c)) or 0,
    "get": get,
    "nowait": nowait,
    "close": lambda: me.close() or 0,
    "allocate": allocate,
    "route": lambda m, c: len(me.route(int(m), int(c))),
    "report": lambda i, rc: calls[int(i)].report(int(rc)) or 0,
    "same": lambda i, j: int(calls[int(i)].address == calls[int(j)].address),
    "call": call,
    "fail": lambda m, c, n: many(m, c, n, 1),
    "attempts": attempts,
    "threads": threads,
    "other": other,
}


def result(words):
    try:
        return str(opened(words[1:]) if words[0] == "open" else STEPS[words[0]](*words[1:]))
    except lars.Error as e:
        return errno.errorcode[e.errno]
    except ValueError:  # as of a closed file
        return "EINVAL"


def step(line):
    if line.startswith("do "):
        return do(line.split()[1:])
    what, want = line.split(" -> ")
    words = what.split()
    until = words[0] == "until"
    start = time.monotonic()
    while True:
        got = result(words[1:] if until else words)
        took = time.monotonic() - start
        if want in (got, "any") and took <= hang_s:
            return
        if not until or took > hang_s:
            raise Wrong("want %s, got %s after %.3f s" % (want, got, took))
        if calls and words[1] == "get" and got in "01":
            calls.pop().report(0)
        time.sleep(0.005)


def main():
    passed, failed, name, well = 0, 0, None, True
    for number, line in enumerate(open(sys.argv[1]), 1):
        line = line.strip()
        if line.startswith("#") or not line:
            continue
        if line.startswith("scenario "):
            if name:
                passed, failed = passed + well, failed + (not well)
            name, well = line[9:], True
            calls.clear()
            do(["begin"])
        elif well:
            try:
                step(line)
            except Wrong as e:
                well = False
                print("not ok - %s: line %d: %s: %s" % (name, number, line, e), flush=True)
    passed, failed = passed + well, failed + (not well)
    if me:
        me.close()
    suite = os.environ.get("LARS_SUITE", "Python")
    print("conformance %s: %d passed, %d failed" % (suite, passed, failed), flush=True)
    return failed > 0


sys.exit(main())
