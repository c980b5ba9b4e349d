"""api_bench.py PAIRS [THREADS]: prints the processor time of a pair of get_host and report
in ns, and by how many kilobytes the process grew over the same number of further pairs;
with THREADS, the pairs a second of all threads together."""
import resource
import sys
import threading
import time

import lars


def pairs(client, n):
    get_host = client.get_host
    for _ in range(n):
        get_host(1, 8).report(0)


def loop(n):
    for _ in range(n):
        pass


def warm_up(client):
    """Calls until the thread is as fast as it gets: liblars compares the processor's counter
    with the kernel's time for 200 ms before it uses it."""
    end = time.monotonic() + 0.25
    while time.monotonic() < end:
        pairs(client, 1000)


def one_of_many(client, n, ready):
    warm_up(client)
    ready.wait()
    pairs(client, n)


n, threads = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
client = lars.Client()
if threads:
    ready = threading.Barrier(threads + 1)
    all_of_them = [threading.Thread(target=one_of_many, args=(client, n, ready)) for _ in range(threads)]
    for t in all_of_them:
        t.start()
    ready.wait()
    start = time.perf_counter()
    for t in all_of_them:
        t.join()
    print(threads * n / (time.perf_counter() - start))
else:
    warm_up(client)
    start = time.process_time_ns()
    loop(n)
    empty = time.process_time_ns() - start
    start = time.process_time_ns()
    pairs(client, n)
    took = time.process_time_ns() - start - empty
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pairs(client, n)
    print(took / n, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
