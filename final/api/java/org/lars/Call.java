package org.lars;

import java.lang.ref.Cleaner;
import java.lang.ref.Reference;
import java.net.InetSocketAddress;

/** A call: its node, and the report of how it went. One thread at a time may use it. */
public final class Call implements AutoCloseable {
    private static final int EALREADY = -114;
    private final Client client;
    private final Handle handle; // retained
    private final boolean once; // close() frees its memory
    private final Cleaner.Cleanable memory;
    private long host; // struct lars_host; 0 = freed
    private boolean open; // begun and not reported
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

    /** The memory for the node of a call that is about to begin. */
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
        Reference.reachabilityFence(this); // not collected while the native function ran
        return rc;
    }

    /** As lars_get_host_key(); returns its result and throws no LarsException. */
    public int tryBegin(int modid, int cmdid, long key) {
        return begun(Native.get(handle.p, forBegin(), modid, cmdid, key));
    }

    /** As lars_nowait_get(), which never waits. */
    public int tryBeginNowait(int modid, int cmdid, long key) {
        return begun(Native.getNowait(handle.p, forBegin(), modid, cmdid, key));
    }

    /** As lars_retry_next(). */
    int tryNext(long retry) {
        return begun(Native.next(handle.p, retry, forBegin()));
    }

    /** As tryBegin(), but throws when there is no node. */
    public void begin(int modid, int cmdid, long key) {
        LarsException.check(tryBegin(modid, cmdid, key));
    }

    /** Reports how the call went, once; 0 means success. Returns as lars_report(). */
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

    /** The node to call. This method allocates. */
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

    /** Is the node from the file of routes, because the agent does not answer? */
    public boolean isFromFile() {
        return fromFile;
    }

    /**
     * Reports the call as failed unless it was reported. A call of Client.newCall() may be begun
     * again; a call of Client.call() is freed.
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

    /** Frees the memory now, and not when the object is collected. */
    public void free() {
        if (open) {
            report(1);
        }
        host = 0;
        memory.clean();
    }
}
