"""conform.py SCENARIOS -- the conformance suite's runner for Python."""
import asyncio
import collections
import errno
import logging
import os
import signal
import sys
import threading
import time

import lars

me = None  # the client
hang_s = 20
calls = []  # of this scenario
log = []  # lines since the client was opened
ended = collections.Counter()  # by outcome, since the client was opened
latest_error = ""
LANGUAGE = os.environ.get("LARS_SUITE", "Python")


class Wrong(Exception):
    pass


class Keep(logging.Handler):
    def emit(self, record):
        log.append(record.getMessage())


def opened(words):
    global me, hang_s
    opt = {"dir": os.environ["LARS_DIR"], "port": int(os.environ["LARS_PORT"]), "timeout_ms": 2000}
    for w in words:
        key, value = w.split("=")
        opt[key] = value if key in ("dir", "address") else int(value)
    if opt.pop("hooks", None):  # the log is always there
        opt["on_end"] = lambda e: ended.update([e.outcome])
    if me:
        me.close()
    log.clear()
    ended.clear()
    me = lars.Client(**opt)
    hang_s = opt["timeout_ms"] / 100  # ten times
    return 0


def open_in(setting):
    name, value = setting.split("=")
    was = os.environ.get(name)
    os.environ[name] = value
    try:
        lars.Client().close()
    finally:
        del os.environ[name]
        if was is not None:
            os.environ[name] = was
    return 0


def get(m, c, key=None):
    what, value = key.split("=") if key else (None, None)
    keys = [value if what == "text" else int(value)] if key else []
    calls.append(me.get_host(int(m), int(c), *keys))
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


def raised(m, c, stop):
    try:
        with me.get_host(m, c):
            raise stop
    except stop:
        pass


def generator(m, c):
    def calling():
        with me.get_host(m, c):
            yield

    g = calling()
    next(g)
    g.close()


def task(m, c, is_async):
    async def with_async():
        async with me.get_host(m, c):
            await asyncio.sleep(60)

    async def with_plain():
        with me.get_host(m, c):
            await asyncio.sleep(60)

    async def run():
        t = asyncio.create_task(with_async() if is_async else with_plain())
        await asyncio.sleep(0)
        t.cancel()
        await asyncio.gather(t, return_exceptions=True)

    asyncio.run(run())


CANCELS = [
    lambda m, c: me.get_host(m, c).cancel(),
    lambda m, c: me.get_host(m, c).end("cancelled"),
    lambda m, c: raised(m, c, KeyboardInterrupt),
    lambda m, c: raised(m, c, SystemExit),
    generator,
    lambda m, c: task(m, c, True),
    lambda m, c: task(m, c, False),
]


def cancelled(m, c, n):
    for i in range(int(n)):
        CANCELS[i % len(CANCELS)](int(m), int(c))
    return 0


def status(name):
    s = me.status()
    return s.path if name == "path" else s.ended[name] if name in s.ended else s.begun[name]


def has(what, text):
    if what == "error":
        return int(text in latest_error)
    if what == "log":
        return int(text in "\n".join(log))
    return int(text in (me.status().shm_file if what == "file" else me.status().why))


def null():
    """Each is refused by an exception that names the argument."""
    accepted = 0
    for name, f in (
        ("port", lambda: lars.Client(port=None)),
        ("timeout_ms", lambda: lars.Client(timeout_ms=None)),
        ("modid", lambda: me.get_host(None, 1)),
        ("cmdid", lambda: me.get_host_nowait(1, None)),
        ("key", lambda: me.get_host(1, 1, None)),
        ("modid", lambda: me.register(None, 1)),
        ("cmdid", lambda: me.route(1, None)),
        ("attempts", lambda: me.attempts(1, 1, attempts=None)),
        ("retcode", lambda: calls[0].report(None)),
        ("outcome", lambda: calls[0].end(None)),
        ("text", lambda: lars.key(None)),
    ):
        try:
            f()
            accepted += 1
        except (TypeError, ValueError) as e:
            accepted += not str(e).startswith(name + ": None")
    return accepted


def silent(t, m, c):
    def one():
        try:
            me.get_host(int(m), int(c)).cancel()
        except lars.Timeout:
            timed_out.append(1)

    timed_out, end = [], time.monotonic() + 10

    def tick(*_):
        if time.monotonic() > end:  # a wait that each signal begins anew ends, too late
            signal.setitimer(signal.ITIMER_REAL, 0)

    signal.signal(signal.SIGALRM, tick)
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
    others = [threading.Thread(target=one) for _ in range(int(t) - 1)]
    for other_one in others:
        other_one.start()
    one()
    for other_one in others:
        other_one.join()
    signal.setitimer(signal.ITIMER_REAL, 0)
    return len(timed_out)


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
    "openin": open_in,
    "status": status,
    "ended": lambda outcome: ended[outcome],
    "null": null,
    "keyof": lambda text="": "%016x" % lars.key(text),
    "node": lambda i: "%s:%d" % calls[int(i)].address,
    "end": lambda i, how: calls[int(i)].end(how) or 0,
    "drop": lambda: calls.pop() and 0,
    "cancelled": cancelled,
    "silent": silent,
    "report": lambda i, rc: calls[int(i)].report(int(rc)) or 0,
    "same": lambda i, j: int(calls[int(i)].address == calls[int(j)].address),
    "call": call,
    "fail": lambda m, c, n: many(m, c, n, 1),
    "attempts": attempts,
    "threads": threads,
    "other": other,
}


def result(words, text):
    global latest_error
    try:
        if words[0] == "has":
            return str(has(words[1], text))
        return str(opened(words[1:]) if words[0] == "open" else STEPS[words[0]](*words[1:]))
    except lars.Error as e:
        latest_error = str(e)
        return "EINVAL" if e.errno == errno.EBADF else errno.errorcode[e.errno]
    except (ValueError, OverflowError) as e:  # as of a closed file, or out of range
        latest_error = str(e)
        return "EINVAL"


def for_this(line):
    """The step of "in LANGUAGES: STEP", or None when it is for others."""
    if not line.startswith("in "):
        return line
    languages, line = line[3:].split(": ", 1)
    if LANGUAGE in languages.split():
        return line
    print("not for %s: %s" % (LANGUAGE, line), flush=True)
    return None


def step(line):
    if line.startswith("do "):
        return do(line.split()[1:])
    what, want = line.split(" -> ")
    words = what.split()
    until = words[0] == "until"
    text = what.split(" ", 2 + until)[-1]
    start = time.monotonic()
    while True:
        got = result(words[1:] if until else words, text)
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
    logging.getLogger("lars").addHandler(Keep())
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
                line = for_this(line)
                if line:
                    step(line)
            except Wrong as e:
                well = False
                print("not ok - %s: line %d: %s: %s" % (name, number, line, e), flush=True)
    passed, failed = passed + well, failed + (not well)
    if me:
        me.close()
    print("conformance %s: %d passed, %d failed" % (LANGUAGE, passed, failed), flush=True)
    return failed > 0


sys.exit(main())
