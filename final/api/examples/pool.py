"""pool.py MODID CMDID: a pool of threads with one client, and the counters of its calls."""
import concurrent.futures
import sys

import lars

modid, cmdid = int(sys.argv[1]), int(sys.argv[2])


def request(client: lars.Client) -> str:
    with client.get_host(modid, cmdid) as host:
        return host.ip  # here the node is asked


try:
    with lars.Client(timeout_ms=1000) as client:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            nodes = set(pool.map(request, [client] * 100))
        status = client.status()
    print("%d calls at %d nodes, %d ended well" % (sum(status.begun.values()), len(nodes), status.ended["well"]))
except lars.Error as e:
    sys.exit("pool: " + e.strerror)
