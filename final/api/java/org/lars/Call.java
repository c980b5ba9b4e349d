package org.lars;

import java.lang.ref.Cleaner;
import java.net.InetSocketAddress;

/** One call at a time: a node, and how it went. Thread: one at a time. */
public final class Call implements AutoCloseable {
    private final Client client;
    private final long host; // struct lars_host
    private final Cleaner.Cleanable memory;
    private boolean open; // begun, and nobody said how it went
    private boolean fromFile;

    Call(Client client) {
        long p = Native.newCall();

        if (p == 0) {
            throw new OutOfMemoryError("a call");
        }
        this.client = client;
        this.host = p;
        this.memory = Client.CLEANER.register(this, () -> Native.free(p));
    }

    long host() {
        return host;
    }

    /** As lars_get_host(), without an exception: 0, 1, or below zero. */
    public int tryBegin(int modid, int cmdid, long key) {
        if (open) {
            throw new IllegalStateException("the call before has not ended");
        }
        return begun(Native.get(client.handle(), host, modid, cmdid, key));
    }

    int begun(int rc) {
        open = rc >= 0;
        fromFile = rc == 1;
        return rc;
    }

    /** The same; throws. */
    public void begin(int modid, int cmdid, long key) {
        LarsException.check(tryBegin(modid, cmdid, key));
    }

    /** How it went; 0 = well. Once. Returns 0 or below zero, as lars_report(). */
    public int report(int retcode) {
        open = false;
        return Native.report(client.handle(), host, retcode);
    }

    public int ok() {
        return report(0);
    }

    public int failed() {
        return report(1);
    }

    /** The node to call; allocates. */
    public InetSocketAddress address() {
        return new InetSocketAddress(Client.address(Native.ip(host)), port());
    }

    public int port() {
        return Native.port(host);
    }

    /** The agent did not answer: the node is from its file. */
    public boolean isFromFile() {
        return fromFile;
    }

    /** Who has not said how it went says that it failed. It may be begun again. */
    @Override
    public void close() {
        if (open) {
            report(1);
        }
    }

    /** Gives its memory back now, not when it is collected. Not to be used any more. */
    public void free() {
        close();
        memory.clean();
    }
}
