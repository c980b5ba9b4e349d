package org.lars;

import java.net.InetSocketAddress;

/**
 * The addresses of nodes as objects, so that a listener is given a node without an allocation. An
 * entry never changes, so threads need no lock; two nodes of the same slot replace each other.
 */
final class Nodes {
    private static final int SLOTS = 4096; // a power of two
    private static final Entry[] TABLE = new Entry[SLOTS];

    private Nodes() {}

    private static final class Entry {
        final long high; // the first 8 bytes of the address, as the bytes of a struct lars_addr
        final long low;
        final int port;
        final InetSocketAddress node;

        Entry(boolean isFour, long high, long low, int port) {
            byte[] ip = new byte[isFour ? 4 : 16];

            for (int i = 0; i < ip.length; i++) {
                ip[i] = (byte) ((i < 8 ? high : low) >> 56 - 8 * (i & 7));
            }
            this.high = high;
            this.low = low;
            this.port = port;
            this.node = new InetSocketAddress(Client.address(ip), port);
        }
    }

    /** The node of an address, whose bytes are in network order. */
    static InetSocketAddress of(boolean isFour, long high, long low, int port) {
        long mixed = (high * 31 + low + port) * 0x9e3779b97f4a7c15L;
        int slot = (int) (mixed >>> 52) & SLOTS - 1;
        Entry e = TABLE[slot];

        if (e == null || e.high != high || e.low != low || e.port != port) {
            e = new Entry(isFour, high, low, port);
            TABLE[slot] = e;
        }
        return e.node;
    }
}
