"""key.py MODID CMDID TEXT: equal texts get the same node, in a module whose policy is hash."""
import sys

import lars

modid, cmdid, text = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
try:
    with lars.Client() as client, client.get_host(modid, cmdid, text) as host:
        print("%s:%d" % host.address)
except lars.Error as e:
    sys.exit("key: " + e.strerror)
