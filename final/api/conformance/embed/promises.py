"""What the module promises beyond the scenarios of all languages: outcomes, cancelled
tasks, signals, keys, texts of errors, status, descriptors.  Prints "made N": the calls
that succeeded."""
import asyncio
import errno
import gc
import inspect
import logging
import os
import signal
import socket
import sys
import threading
import time
import weakref

import lars

made = 0


def refused(exception, text, function, *args, **kw):
    try:
        function(*args, **kw)
    except exception as e:
        assert text in str(e), (text, e)
        return e
    raise AssertionError(f"{function} accepted {args} {kw}")


def by_shm(client):
    """Waits until calls take shared memory: the counts of calls that end are exact then."""
    global made
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            with client.get_host_nowait(1, 1):
                made += 1
            return
        except lars.Error as e:
            assert e.errno in (errno.EINPROGRESS, errno.ENOTCONN), e
            client.register(1, 1)
    raise AssertionError(client.status().why)


async def cancelled_inside_with(client):
    """Tasks that are cancelled while they call say nothing about their nodes."""

    async def one_call():
        async with client.get_host_nowait(1, 1):
            await asyncio.sleep(60)

    for _ in range(3):
        tasks = [asyncio.create_task(one_call()) for _ in range(60)]
        await asyncio.sleep(0)
        for t in tasks:
            t.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def outcomes(client):
    global made
    before = client.status()
    h = client.get_host(1, 1)
    assert repr(h) == f"<lars.Host {h.ip}:{h.port}>", repr(h)
    h.end("rejected")
    e = refused(lars.Error, "reported before", h.cancel)
    assert e.errno == errno.EALREADY and not e.retriable
    refused(ValueError, "'good' is not", client.get_host(1, 1).end, "good")
    for stop in (KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError):
        try:
            with client.get_host(1, 1):
                raise stop
        except stop:
            pass
    with client.get_host(1, 1) as h:
        h.cancel()
    asyncio.run(cancelled_inside_with(client))
    after = client.status()
    grown = {k: after.ended[k] - before.ended[k] for k in after.ended}
    assert grown == {"well": 0, "failed": 0, "rejected": 1, "cancelled": 185}, grown
    made += 1  # a rejected call has not failed
    assert after.path == "shm" and after.why == "" and after.agent_alive


def values_out_of_range(client):
    refused(OverflowError, "timeout_ms: -1 is not a number", lars.Client, timeout_ms=-1)
    refused(OverflowError, "timeout_ms: ", lars.Client, timeout_ms=2**40)
    refused(OverflowError, "port: 70000 is not", lars.Client, port=70000)
    refused(lars.Error, 'address: "localhost" is not', lars.Client, address="localhost")
    refused(OverflowError, "modid", client.get_host, -1, 1)
    refused(OverflowError, "key", client.get_host, 1, 1, 2**64)
    refused(TypeError, "", client.get_host, 1)
    refused(lars.Error, "attempts: 5 is more than 4", next, client.attempts(1, 1, attempts=5))
    e = refused(lars.NotFound, "no nodes", client.get_host, 9, 9)
    assert not e.retriable
    os.environ["LARS_PORT"], kept = "abc", os.environ["LARS_PORT"]
    refused(lars.Error, 'LARS_PORT: "abc" is not', lars.Client)
    os.environ["LARS_PORT"] = kept
    assert lars.key("foobar") == lars.key(b"foobar") == 0x85944171F73967E8
    assert lars.key("麦") == lars.key("麦".encode())
    signature = str(inspect.signature(lars.Client.get_host))
    assert signature == "(self, modid, cmdid, key=0, /)", signature


def signals_during_a_wait():
    """The agent is silent: handlers run at once, and the call ends within its time."""
    silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    silent.bind(("127.0.0.1", 0))
    ticks = []
    signal.signal(signal.SIGALRM, lambda *_: ticks.append(time.monotonic()))
    signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
    with lars.Client(port=silent.getsockname()[1] - 2, dir="/nowhere", timeout_ms=1000) as c:
        start = time.monotonic()
        e = refused(lars.Timeout, "does not answer", c.get_host, 1, 1)
        took = time.monotonic() - start
        assert isinstance(e, TimeoutError) and e.retriable
        assert len([t for t in ticks if t - start < took / 2]) > 0, "handlers ran too late"
        assert took < 20, took

        def interrupt(*_):  # once: a second exception would leave the except below
            signal.setitimer(signal.ITIMER_REAL, 0)
            raise KeyboardInterrupt

        attempts = c.attempts(1, 1, timeout_ms=30000)
        waits = (
            lambda: c.get_host(1, 1),
            lambda: c.register(1, 1),
            lambda: c.route(1, 1),
            lambda: next(attempts),
            lambda: next(attempts),
        )
        for wait in waits:
            ticks.clear()
            signal.signal(signal.SIGALRM, lambda *_: ticks.append(time.monotonic()))
            signal.setitimer(signal.ITIMER_REAL, 0.02, 0.02)
            start = time.monotonic()
            refused(lars.Timeout, "does not answer", wait)
            took = time.monotonic() - start
            assert len([t for t in ticks if t - start < took / 2]) > 0, "handlers ran too late"
            assert took < 20, took
            try:
                signal.signal(signal.SIGALRM, interrupt)
                wait()
                raise AssertionError("a handler's exception was lost")
            except KeyboardInterrupt:
                pass
    silent.close()


def the_log(client):
    lines = []

    class Keep(logging.Handler):
        def emit(self, record):
            lines.append(record.getMessage())

    logging.getLogger("lars").addHandler(Keep())
    with lars.Client(dir="/nowhere") as other:
        other.get_host(1, 1).report()
    assert len(lines) == 1 and "/nowhere: No such file" in lines[0], lines


def on_end_of_each_call():
    """It runs in the thread of the call, and an exception in it does not reach the call."""
    global made
    ends, unraisable = [], []
    with lars.Client(timeout_ms=2000, on_end=lambda e: ends.append((e, threading.get_ident()))) as c:
        by_shm(c)
        for outcome in ("rejected", "cancelled"):
            h = c.get_host(1, 1)
            h.end(outcome)
            e, thread = ends[-1]
            assert e[:4] == (e.modid, e.cmdid, e.address, e.outcome) == (1, 1, h.address, outcome), e
            assert e.path == "shm" and 0 <= e.took_us < 10**7 and thread == threading.get_ident()
        made += 1
        count = len(ends)
        refused(lars.Error, "reported before", h.cancel)
        assert len(ends) == count, "a call that was not counted has ended"
    with lars.Client(dir="/nowhere", timeout_ms=2000, on_end=lambda e: ends.append(e)) as c:
        with c.get_host(1, 1):
            made += 1
        assert ends[-1].path == "udp" and ends[-1].outcome == "well", ends[-1]
    kept, sys.unraisablehook = sys.unraisablehook, unraisable.append
    with lars.Client(timeout_ms=2000, on_end=lambda e: 1 // 0) as c:
        with c.get_host(1, 1):
            made += 1
    sys.unraisablehook = kept
    assert [u.exc_type for u in unraisable] == [ZeroDivisionError], unraisable
    refused(TypeError, "on_end: 7 is not callable", lars.Client, on_end=7)

    class Owner:
        def __init__(self):
            self.client = lars.Client(on_end=self.ended)

        def ended(self, e):
            pass

    owner = weakref.ref(Owner())
    gc.collect()
    assert owner() is None, "a client and the owner of its on_end keep each other"


def child_with_files_of_its_own(client):
    """As a daemon does: the child closes all numbers, and files of its own take them."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.closerange(3, 256)
            files = [os.open("/dev/null", os.O_RDWR) for _ in range(12)]
            inodes = [os.fstat(f).st_ino for f in files]
            for _ in range(50):
                client.get_host(1, 1).report()
            assert [os.fstat(f).st_ino for f in files] == inodes
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, "the child failed"
    return 50


def descriptors_that_are_closed(client):
    """Two processes: the first has dropped the lock of its call log, which the second may
    take.  Each counts all of its own calls."""
    os.closerange(3, 256)
    files = [os.open("/dev/null", os.O_RDWR) for _ in range(12)]
    inodes = [os.fstat(f).st_ino for f in files]
    end = time.monotonic() + 30
    first = client.status().begun["shm"]
    n = 0
    while client.status().begun["shm"] < first + 400 and time.monotonic() < end:
        client.get_host(1, 1).report()
        n += 1
    assert [os.fstat(f).st_ino for f in files] == inodes
    return n


def main():
    global made
    client = lars.Client(timeout_ms=2000)
    by_shm(client)
    outcomes(client)
    values_out_of_range(client)
    signals_during_a_wait()
    the_log(client)
    made += 1
    on_end_of_each_call()
    made += child_with_files_of_its_own(client)
    made += descriptors_that_are_closed(client)
    client.close()
    print("made", made, flush=True)


main()
