"""tasks.py MODID CMDID: a hundred requests in an event loop, which never waits for a node.
Requests that take too long are cancelled, and a cancelled call is no failure of its node."""
import asyncio
import collections
import errno
import sys

import lars

modid, cmdid = int(sys.argv[1]), int(sys.argv[2])


async def node(client: lars.Client) -> lars.Host:
    """A node by shared memory.  The routes are loaded in a thread, which may wait."""
    try:
        return client.get_host_nowait(modid, cmdid)
    except lars.Error as e:
        if e.errno not in (errno.EINPROGRESS, errno.ENOTCONN):
            raise
    return await asyncio.to_thread(client.get_host, modid, cmdid)


async def request(client: lars.Client, seconds: float) -> None:
    async with await node(client):
        await asyncio.sleep(seconds)  # here the node is asked


async def main() -> None:
    ended: collections.Counter[str] = collections.Counter()
    with lars.Client(timeout_ms=1000, on_end=lambda e: ended.update([e.outcome])) as client:
        await asyncio.to_thread(client.register, modid, cmdid)
        requests = [asyncio.wait_for(request(client, 0 if i % 5 else 60), 0.5) for i in range(100)]
        await asyncio.gather(*requests, return_exceptions=True)
    print("%(well)d well, %(cancelled)d cancelled, %(failed)d failed" % ended)


try:
    asyncio.run(main())
except lars.Error as e:
    sys.exit("tasks: " + e.strerror)
