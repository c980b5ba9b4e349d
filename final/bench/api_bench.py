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


n, threads = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
client = lars.Client()
pairs(client, n // 10)
if threads:
    all_of_them = [threading.Thread(target=pairs, args=(client, n)) for _ in range(threads)]
    start = time.perf_counter()
    for t in all_of_them:
        t.start()
    for t in all_of_them:
        t.join()
    print(threads * n / (time.perf_counter() - start))
else:
    start = time.process_time_ns()
    loop(n)
    empty = time.process_time_ns() - start
    start = time.process_time_ns()
    pairs(client, n)
    took = time.process_time_ns() - start - empty
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pairs(client, n)
    print(took / n, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
