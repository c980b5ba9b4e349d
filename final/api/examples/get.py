"""get.py MODID CMDID PATH: GET a path from a node of a module and print the answer; when a
node fails, another one is tried.  The same program in C, C++, Python and Java."""
import sys
import urllib.error
import urllib.request

import lars

budget = lars.Budget()  # one for the module, for the whole run of the program


def ask(host: lars.Host, path: str, ms: int) -> bytes:
    """The answer of the node.  404 is an answer; 503 is a failing node."""
    try:
        with urllib.request.urlopen("http://%s:%d%s" % (host.ip, host.port, path), timeout=ms / 1000) as r:
            return bytes(r.read())
    except urllib.error.HTTPError as e:
        if e.code >= 500:
            raise
        return e.read()


def number(name: str, text: str) -> int:
    """A decimal number from 0 to 4294967295."""
    if not (text.isascii() and text.isdigit() and int(text) < 1 << 32):
        raise ValueError('%s: "%s" is not a number from 0 to 4294967295' % (name, text))
    return int(text)


def main(modid: int, cmdid: int, path: str) -> int:
    with lars.Client() as client:
        attempts = client.attempts(modid, cmdid, idempotent=True, timeout_ms=2000, budget=budget)
        for host in attempts:
            try:
                with host:  # reports the call; as failed when ask() raises
                    answer = ask(host, path, attempts.left_ms)
            except OSError:
                continue
            sys.stdout.buffer.write(answer)
            return 0
        print("get:", attempts.reason, file=sys.stderr)
        return 1


if __name__ == "__main__":
    if len(sys.argv) != 4:
        print("usage: get.py MODID CMDID PATH", file=sys.stderr)
        sys.exit(2)
    try:
        ids = number("MODID", sys.argv[1]), number("CMDID", sys.argv[2])
    except ValueError as e:
        print("get:", e, file=sys.stderr)
        sys.exit(2)
    try:
        sys.exit(main(*ids, sys.argv[3]))
    except lars.Error as e:
        print("get:", e.strerror, file=sys.stderr)
        sys.exit(1)
