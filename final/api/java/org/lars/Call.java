package org.lars;

import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.net.InetSocketAddress;

/** One call at a time: a node, and how it went. Thread: one at a time. */
public final class Call implements AutoCloseable {
    private static final int EALREADY = -114;
    private final Client client;
    private final Handle handle; // retained
    private final boolean once; // its memory goes with close()
    private final Cleaner.Cleanable memory;
    private long host; // struct lars_host; 0 = freed
    private boolean open; // begun, and nobody said how it went
    private boolean fromFile;

    Call(Client client, boolean once) {
        Handle h = client.retained();
        long p = Native.newCall();

        if (p == 0) {
            h.release();
            throw new OutOfMemoryError("a call");
        }
        this.client = client;
        this.handle = h;
        this.once = once;
        this.host = p;
        this.memory = Client.CLEANER.register(this, () -> giveBack(h, p));
    }

    private static void giveBack(Handle h, long p) {
        Native.free(p);
        h.release();
    }

    /** Its memory, for a node that is not there yet. */
    private long forBegin() {
        if (open) {
            throw new IllegalStateException("the call before has not ended");
        }
        client.checkOpen();
        return memory();
    }

    private long memory() {
        if (host == 0) {
            throw new IllegalStateException("the call is closed");
        }
        return host;
    }

    private int begun(int rc) {
        open = rc >= 0;
        fromFile = rc == 1;
        Reference.reachabilityFence(this); // not freed while it was in C
        return rc;
    }

    /** As lars_get_host(), without an exception: 0, 1, or below zero. */
    public int tryBegin(int modid, int cmdid, long key) {
        return begun(Native.get(handle.p, forBegin(), modid, cmdid, key));
    }

    /** As lars_nowait_get(): never waits. */
    public int tryBeginNowait(int modid, int cmdid, long key) {
        return begun(Native.getNowait(handle.p, forBegin(), modid, cmdid, key));
    }

    /** For the next attempt of a request. */
    int tryNext(long retry) {
        return begun(Native.next(handle.p, retry, forBegin()));
    }

    /** The same as tryBegin(); throws. */
    public void begin(int modid, int cmdid, long key) {
        LarsException.check(tryBegin(modid, cmdid, key));
    }

    /** How it went; 0 = well. Once. Returns 0 or below zero, as lars_report(). */
    public int report(int retcode) {
        int rc = host == 0 ? EALREADY : Native.report(handle.p, host, retcode);

        open = false;
        Reference.reachabilityFence(this);
        return rc;
    }

    public int ok() {
        return report(0);
    }

    public int failed() {
        return report(1);
    }

    /** The node to call; allocates. */
    public InetSocketAddress address() {
        InetSocketAddress at = new InetSocketAddress(Client.address(Native.ip(memory())), port());

        Reference.reachabilityFence(this);
        return at;
    }

    public int port() {
        int port = Native.port(memory());

        Reference.reachabilityFence(this);
        return port;
    }

    /** The agent did not answer: the node is from its file. */
    public boolean isFromFile() {
        return fromFile;
    }

    /**
     * Who has not said how it went says that it failed. One of Client.newCall() may be begun again;
     * one of Client.call() ends.
     */
    @Override
    public void close() {
        if (open) {
            report(1);
        }
        if (once) {
            free();
        }
    }

    /** Gives its memory back now, not when it is collected. */
    public void free() {
        if (open) {
            report(1);
        }
        host = 0;
        memory.clean();
    }
}
