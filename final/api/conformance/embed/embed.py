"""The API inside services: asyncio, a thread pool whose client is closed while it calls,
workers that are forked from a parent with a client.  Prints how many calls succeeded:
"made N"."""
import asyncio
import concurrent.futures
import errno
import os
import threading

import lars

client = lars.Client()  # before any fork, as with gunicorn --preload
made = 0


def calls(n):
    for _ in range(n):
        client.get_host(1, 1).report()
    return n


async def one_call():
    """In an event loop: no waiting while the module is in shared memory."""
    try:
        host = client.get_host_nowait(1, 1)
    except lars.Error as e:
        if e.errno != errno.EINPROGRESS:
            raise
        host = await asyncio.to_thread(client.get_host, 1, 1)
    with host:
        await asyncio.sleep(0)  # where the service would be called
    return 1


async def loop():
    return sum(await asyncio.gather(*(one_call() for _ in range(500))))


def forked(n_workers):
    """Each worker has threads and uses the client of its parent."""
    out = []
    for _ in range(n_workers):
        pid = os.fork()
        if pid == 0:
            try:
                with concurrent.futures.ThreadPoolExecutor(2) as pool:
                    n = sum(pool.map(calls, [200] * 2))
                os._exit(0 if n == 400 else 1)
            finally:
                os._exit(2)
        out.append(pid)
    for pid in out:
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0, "a worker failed"
    return 400 * n_workers


def closed_under_a_pool():
    mine, ended, n = lars.Client(), [], [0] * 8
    begun = threading.Semaphore(0)

    def work(i):
        try:
            while True:
                host = mine.get_host(1, 1)
                host.report()
                n[i] += 1
                begun.release()
        except ValueError:  # from get_host()
            ended.append(i)
        except lars.Error as e:  # from report(): it was closed between the two
            assert e.errno == errno.EBADF, e
            ended.append(i)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for _ in range(1000):
        begun.acquire()
    mine.close()
    for t in threads:
        t.join(30)
    assert len(ended) == 8, ended
    return sum(n)


client.register(1, 1)
made += calls(100)
made += asyncio.run(loop())
made += forked(4)
made += calls(100)  # the parent keeps calling
made += closed_under_a_pool()
with open("/proc/self/statm") as f:
    before = int(f.read().split()[1])
made += calls(300000)
with open("/proc/self/statm") as f:
    grew = int(f.read().split()[1]) - before
assert grew < 1000, "%d pages more" % grew
print("made", made)
